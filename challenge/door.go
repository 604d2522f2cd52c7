// Package challenge is the door: it decides whether a login that the upstream accepted needs a code, sends the code, counts the
// tries, and admits. It knows nothing of HTTP, cookies or files: package gateway brings it logins and takes away passes.
package challenge

import (
	"context"
	"net/netip"
	"time"

	"doorcode/challenge/secret"
)

// Way names how a login came in: the closed list of invariant 1.
type Way string

const (
	ByCode     Way = "code"          // the right code
	ByTrust    Way = "trusted"       // a browser that this user trusts
	BySession  Way = "session"       // the same user logging in again in a live member session
	ByOff      Way = "code: off"     // the policy exempts the user
	ByUnlisted Way = "unlisted: off" // the policy exempts users that it does not list
)

// Channel is a way a code travels.
type Channel string

const (
	SMS   Channel = "sms"
	Email Channel = "email"
)

// Message is one message to one destination. It holds the code, so every part of it is secret.
type Message struct {
	To       secret.Text // E.164 with + for SMS, an address for e-mail
	Language string
	Subject  secret.Text // e-mail only
	Text     secret.Text
	HTML     secret.Text // e-mail only; "" for text alone
	ID       string      // names this send in logs and at providers; no secret
}

// Sender hands one message to a mail server or an SMS provider and returns nil only when that has accepted it. It is never
// called twice for one send; a Sender itself may try again only when nothing of the message had left the machine.
// Errors are for ops: they name the server and what it said, never the code, the text or a full number.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Login is what package gateway knows of a login that the upstream has accepted.
type Login struct {
	Typed     string                        // the user name as typed
	Confirmed string                        // as the upstream's confirm page names the user; "" where it names nobody
	Address   netip.Addr                    // of the client
	Agent     string                        // User-Agent, at most 512 bytes
	Family    string                        // of the browser
	Language  string                        // of the page, for users whose policy names none
	Trail     string                        // from the browser's gateway cookie
	Browser   BrowserCookie                 // zero when it has none
	Member    *Session                      // the live member session the login came in; nil for none
	Pending   string                        // the challenge this browser had pending; "" for none
	Return    string                        // where to go afterwards
	Host      string                        // first public_url's host
	Hold      func(id string) (Held, error) // seals the upstream session to the id of a challenge
}

// Decision is the outcome of Decide. Exactly one of Pass, Challenge and Refusal is set.
type Decision struct {
	Pass      *Pass
	Challenge *Challenge
	Refusal   Refusal
	Reason    string  // for the audit log: which entry of the list, or which line of the policy
	Revoked   Revoked // what ended on the way (a replaced challenge); the caller ends it in memory and upstream
}

// Refusal says why nobody enters although the password was right.
type Refusal string

const (
	RefusedUnlisted      Refusal = "unlisted"       // not in users.yaml, and unlisted: refuse
	RefusedDisabled      Refusal = "disabled"       // disabled: true
	RefusedNoDestination Refusal = "no destination" // should not happen with a checked policy
)

// Try is one entered code.
type Try struct {
	Challenge string // id, from the browser's gateway cookie
	Code      string // as typed; any digits of standards.md §4 are read
	Remember  bool   // "Remember my device" was ticked
	Trail     string
	Browser   BrowserCookie
	Address   netip.Addr
	Agent     string
	Family    string
}

// TODO(helper challenge): Door, New, Decide, TryCode, Resend, Cancel, Pending, SetPolicy, SetConfig, Sweep, Revoke, Close, Pass — see brief.
var _ = time.Second
