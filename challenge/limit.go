package challenge

import "time"

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
	SMS          Budget
	EmailInstead bool          // where the SMS budget is spent, e-mail goes to users who have an address
	DeliveryWait time.Duration // how long a login waits for delivery, 3 s
	Session      SessionLife
	Name         string         // what messages call the application, e.g. "HESABATE"
	Zone         *time.Location // whose days are counted, and whose time messages say; nil: the machine's
}

// What the wrong codes of a user lead to. NIST SP 800-63B-4 §3.2.2 wants at most 100 consecutive failures for an account, a wait
// that grows from 30 seconds to an hour, and that a new code does not reset the count.
const (
	freeWrongs  = 4                   // mistyping is no attack: the wait begins with the 5th
	firstWait   = 30 * time.Second    // after the 5th; each further one doubles it
	longestWait = time.Hour           //
	maxWrongs   = 100                 // then only trusted browsers get in
	wrongsFade  = 90 * 24 * time.Hour // a wrong code older than this no longer counts
)

// AlarmPause is how long the same number of wrong codes alarms nobody again. Who has a password may enter five wrong codes and then his
// right one, over and over, which clears them: the admins' phones are not his to ring at will.
const AlarmPause = 24 * time.Hour

// Alarms are the numbers of standing wrong codes that somebody must hear of (invariant 8). At the last one the user is locked.
func Alarms() []int { return []int{5, 20, 50, maxWrongs} }

// Wrong is one wrong code.
type Wrong struct {
	At    time.Time `json:"at"`
	Trail string    `json:"trail"` // of the browser that entered it
}

// Wrongs are the wrong codes of one user, oldest first, across challenges, browsers and restarts. They advance only for who has
// the password, since a challenge needs it. Methods change nothing: they hand back the new list. The zero value is a clean slate.
//
// The odds. Each try is right with 1 in 10^digits: tries of one challenge strike out numbers of one code, tries of two challenges
// aim at two codes, so n tries are right with at most n in 10^digits. At most 100 wrongs stand at a time and each stands for 90
// days, so no 90 days see more than 100 tries, and a year, which begins a fifth such span in its last days, not more than 500:
// 1 in 2,000 for six digits, 1 in 20 million for ten. TestYearOfGuessing plays the attacker who wastes no second.
// The owner's right code does not help him: it clears the owner's trail alone. Nor does a restart, another address or browser.
// An admin's unlock does, by up to 100 tries, and is told of them.
type Wrongs []Wrong

// Wait says until when the user must wait before another try or another code; a time not after now is no wait. locked says that
// the limit is reached: until is then when the first of them fades, which only an unlock makes earlier.
func (w Wrongs) Wait(now time.Time) (until time.Time, locked bool) {
	standing := w.Fade(now)
	n := len(standing)
	if n >= maxWrongs {
		return standing[n-maxWrongs].At.Add(wrongsFade), true
	}
	if n <= freeWrongs {
		return time.Time{}, false
	}
	return w.last(now).Add(pause(n)), false
}

// pause is the wait after the n-th wrong code.
func pause(n int) time.Duration {
	wait := firstWait
	for n -= freeWrongs + 1; n > 0 && wait < longestWait; n-- {
		wait *= 2
	}
	return min(wait, longestWait)
}

// last returns the newest time that can be believed. One more than an hour ahead was written before the clock was set back; it
// counts towards the limit, but a wait that began there might end in years. The next wrong code brings the wait back.
func (w Wrongs) last(now time.Time) time.Time {
	var last time.Time
	for _, wrong := range w {
		if wrong.At.After(last) && !wrong.At.After(now.Add(longestWait)) {
			last = wrong.At
		}
	}
	return last
}

// Add returns w with one more wrong code.
func (w Wrongs) Add(at time.Time, trail string) Wrongs {
	return append(w.Fade(at), Wrong{At: at, Trail: trail})
}

// Clear returns w without the wrong codes of one trail: what a right code of that browser makes good. "" is no trail and
// clears nothing.
func (w Wrongs) Clear(trail string) Wrongs {
	left := make(Wrongs, 0, len(w))
	for _, wrong := range w {
		if trail == "" || wrong.Trail != trail {
			left = append(left, wrong)
		}
	}
	return left
}

// Fade returns w without what no longer counts at now. Times more than an hour ahead (the clock was set back) become now, so
// that they fade 90 days from here and not from there.
func (w Wrongs) Fade(now time.Time) Wrongs {
	left := make(Wrongs, 0, len(w)+1)
	for _, wrong := range w {
		if wrong.At.After(now.Add(longestWait)) {
			wrong.At = now
		}
		if now.Sub(wrong.At) < wrongsFade {
			left = append(left, wrong)
		}
	}
	return left
}

// Rate allows Count events in any Per, in a burst or spread. The zero Rate is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// Take counts n events at now against r, whose past is the one stored time tat (zero: none): the generic cell rate algorithm,
// where tat is when the limit will be unused again. It returns the time to store, and a zero until when the events are allowed;
// else until is when they will be, and next is tat: nothing was counted. More than Count at once count as Count, or a message on
// two channels could never pass a limit of one.
//
// A burst of Count may follow Per/Count after a burst's end, so any Per sees at most 2*Count-1 events: of a limit that bounds a
// bill, that is close enough, and one time is all that is stored.
func (r Rate) Take(tat time.Time, n int, now time.Time) (next, until time.Time) {
	if r.Count <= 0 || r.Per <= 0 || n <= 0 {
		return tat, time.Time{}
	}
	// No stored time is ever more than Per ahead, so one that is was written before the clock was set back (or under a longer
	// Per). Up to a Per of that is waited out, since a second's step must not hand out a new burst; beyond it the past is
	// forgotten, since nobody is to wait for years. Either way it goes wrong once: what is stored next is right.
	if tat.Before(now) || tat.After(now.Add(2*r.Per)) {
		tat = now
	}
	next = tat.Add(max(r.Per/time.Duration(r.Count), 1) * time.Duration(min(n, r.Count)))
	if free := next.Add(-r.Per); free.After(now) {
		return tat, free
	}
	return next, time.Time{}
}
