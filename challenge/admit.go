package challenge

import (
	"context"
	"fmt"
	"time"
)

// Pass is the proof that admit let one login in. Nobody else makes one, and without one no member cookie is set (invariant 1).
// The zero Pass is not valid.
type Pass struct {
	way      Way
	session  Session
	browser  BrowserCookie
	trusted  bool
	used     Challenge
	returnTo string
	ended    []string
}

// Valid reports whether p came from admit.
func (p *Pass) Valid() bool { return p != nil && p.session.ID != "" }

// Session is the member session that was written.
func (p *Pass) Session() Session { return p.session }

// Browser is what the browser's own cookie must hold from now on; the secret in it is new.
func (p *Pass) Browser() BrowserCookie { return p.browser }

// Held is the upstream session that waited in the challenge; nil unless Way is ByCode or ByEntry.
func (p *Pass) Held() Held { return p.used.Held }

// Return is where the visitor wanted to go; "" for nowhere.
func (p *Pass) Return() string { return p.returnTo }

// ChallengeID is the challenge that was used up, to which Held is sealed; "" unless Way is ByCode or ByEntry.
func (p *Pass) ChallengeID() string { return p.used.ID }

// Ended lists the member sessions that ended with this login, for the caller to end in memory.
func (p *Pass) Ended() []string { return p.ended }

// Way names how the login came in.
func (p *Pass) Way() Way { return p.way }

// Trusted reports whether this browser spares this user the code from now on.
func (p *Pass) Trusted() bool { return p.trusted }

// attempt asks for entry by one way. It is a claim: admit asks the policy whether that way is open. A code is claimed as ByCode, whichever
// of the two it is.
type attempt struct {
	way Way

	login Login // every way but ByCode

	challenge Challenge // ByCode
	try       Try
	code      string // as read from try; "" for one that has the wrong shape and is counted all the same
}

// errOtherWay says that the policy does not open this way to this login. It is ErrNotTrusted for Decide, which goes on to the
// next way.
var errOtherWay = fmt.Errorf("this way is not open: %w", ErrNotTrusted)

// admit is the one function that lets logins in. It asks the policy itself, on every branch, so no caller can claim "exempt"; then
// Store.Admit counts the try, uses up what was shown and writes session, browser and trust in one transaction.
// Called with the gate held. ErrNotTrusted: not by this way. Other errors as TryCode. lost are sessions that ended although nobody
// entered: those of a copied browser.
func (d *Door) admit(ctx context.Context, a attempt) (pass *Pass, lost []string, err error) {
	now, set := d.now(), d.setup.Load()
	j, open := d.judge(a, set.Session, now)
	if !open {
		return nil, nil, errOtherWay
	}
	e := a.entry(j, now)
	e.Rules = set.Rules
	if a.way == ByCode {
		// A code that no key opens any more is trouble of ours, not a wrong one: said here, before a try is counted for it.
		if _, err := d.openCode(a.challenge.ID, a.challenge.Code); err != nil {
			return nil, nil, err
		}
		e.Right = func(sealed []byte) bool { return d.right(a.challenge.ID, sealed, a.code) }
		e.RightEntry = func(c EntryCode) bool { return d.rightEntry(c, j, a.code) }
	}
	got, err := d.store.Admit(ctx, e)
	d.leave(got.Revoked.Challenges) // also with an error: those that died of their last try
	d.alarm(set, a, e, got)
	if err != nil {
		return nil, got.Revoked.Sessions, err
	}
	d.entryUsed(got)
	return &Pass{
		way: got.Session.Way, session: got.Session, browser: BrowserCookie{ID: got.Browser.ID, Secret: e.NewSecret},
		trusted: got.Trust.Browser != "", used: got.Challenge, returnTo: a.returnTo(), ended: append(got.Ended, got.Revoked.Sessions...),
	}, nil, nil
}

// judge asks the policy of now whether it opens the way that a claims. What is not on this list is closed (invariant 1).
func (d *Door) judge(a attempt, life SessionLife, now time.Time) (Judgement, bool) {
	p := d.policy.Load()
	if a.way == ByCode {
		return p.asks(a.challenge, a.try.Address)
	}
	j := p.Judge(a.login.asked(now))
	if a.way == ByObserve {
		return j, p.observes(j)
	}
	if j.Refusal != "" {
		return j, false
	}
	switch a.way {
	case ByOff, ByUnlisted, ByNetwork, ByDate:
		return j, j.Exempt == a.way
	case BySession:
		m := a.login.Member
		// The member session must be this very user's and still live, under a fingerprint and by a way that the policy bears today.
		// One that was let in without a code goes on as such or not at all: it would else be a way in on the day that codes are asked, or
		// where they are (threat D10).
		return j, m != nil && m.User == j.Username && p.bears(*m, now) && !m.Way.exempt() && !life.Over(*m, now)
	case ByTrust:
		return j, j.Trusts() && a.login.Browser != BrowserCookie{}
	}
	return j, false
}

// entry words the attempt for the store.
func (a attempt) entry(j Judgement, now time.Time) Entry {
	e := Entry{
		Way: a.way, NewBrowserID: newID(), NewSecret: newID(), Now: now,
		Session: Session{ID: newID(), User: j.Username, Name: j.User.Name, Way: a.way, Policy: j.Policy, Typed: j.Typed, CreatedAt: now, UsedAt: now},
	}
	if a.way == ByCode {
		t, c := a.try, a.challenge
		e.Challenge, e.Trail, e.Browser, e.Family, e.Replaces = c.ID, t.Trail, t.Browser, t.Family, c.Replaces
		e.Session.Address, e.Session.Agent = t.Address, clipAgent(t.Agent)
		e.Session.Confirmed, e.Session.Cookies, e.Session.IDs = c.Confirmed, c.Cookies, c.IDs
		e.Choice = c.choice(j.User)
		if t.Remember {
			e.Remember = min(c.Remember, j.User.Remember)
		}
		return e
	}
	l := a.login
	e.Trail, e.Browser, e.Family = l.Trail, l.Browser, l.Family
	e.Session.Address, e.Session.Agent = l.Address, clipAgent(l.Agent)
	e.Session.Confirmed, e.Session.Cookies, e.Session.IDs = l.Confirmed, l.Cookies, l.IDs
	if l.Member != nil {
		e.Replaces = l.Member.ID
	}
	switch a.way {
	case ByTrust:
		e.Remember, e.Session.Trusted, e.Policies = j.User.Remember, true, j.policies
	case BySession:
		// The session goes on under a new id. It keeps its age, or a password alone would renew it for ever past its absolute limit
		// (SP 800-63B-4 §5.2), and the mark of a trusted browser, or it would outlive remember: never (D7).
		e.Session.CreatedAt, e.Session.Trusted = l.Member.CreatedAt, l.Member.Trusted
	}
	return e
}

func (a attempt) host() string {
	if a.way == ByCode {
		return a.challenge.Host
	}
	return a.login.Host
}

func (a attempt) returnTo() string {
	if a.way == ByCode {
		return a.challenge.Return
	}
	return a.login.Return
}
