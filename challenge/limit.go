package challenge

import "time"

// Rate allows Count events in any Per, in a burst or spread. The zero Rate is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// CodeRules bound the guessing and sending of codes (invariant 8).
type CodeRules struct {
	Tries       int           // a challenge
	ResendAfter time.Duration // between two sends of a challenge
	Resends     int           // a challenge, the first send not counted
}

// Config is what Door needs to know, parsed.
type Config struct {
	Digits       int           // 6 to 10
	Expires      time.Duration // of a challenge, at most 10 minutes (SP 800-63B-4 §3.1.3.2)
	Rules        CodeRules
	UserSends    Rate
	AddressSends Rate
	DaySends     Rate
	DeliveryWait time.Duration // how long a login waits for delivery, 3 s
	Session      SessionLife
	Name         string // what messages call the application, e.g. "HESABATE"
}
