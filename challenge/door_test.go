package challenge_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorcode/challenge"
)

// run gives each test a bubble of its own, in which hours pass in no time.
func run(t *testing.T, name string, f func(h *house)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(newHouse(t)) })
	})
}

// The closed list of invariant 1, and that what is not on it gets nothing.
func TestWaysIn(t *testing.T) {
	run(t, "code: off", func(h *house) {
		d := h.decide(h.login("OFF "))
		if !d.Pass.Valid() || d.Pass.Way() != challenge.ByOff || d.Pass.Session().Name != "off" || d.Pass.Return() != "/invoices?page=2" {
			h.t.Errorf("pass %+v, %s", d.Pass, d.Reason)
		}
		if !strings.Contains(d.Reason, "users.yaml:2") {
			h.t.Errorf("reason %q names no line", d.Reason)
		}
	})
	run(t, "unlisted: off", func(h *house) {
		h.policy.Unlisted = challenge.UnlistedOff
		h.setPolicy()
		l := h.login("eve")
		if d := h.decide(l); d.Refusal != challenge.RefusedUnlisted {
			h.t.Errorf("a typed name alone: %+v", d)
		}
		l.Confirmed = "eve"
		if d := h.decide(l); d.Pass.Way() != challenge.ByUnlisted || d.Pass.Session().Confirmed != "eve" {
			h.t.Errorf("a confirmed name: %+v", d)
		}
	})
	run(t, "code", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		pass, err := h.try(c.ID, h.sms.code())
		if err != nil {
			h.t.Fatal(err)
		}
		if pass.Way() != challenge.ByCode || pass.ChallengeID() != c.ID || string(pass.Held()) != "held for "+c.ID || pass.Return() != "/invoices?page=2" {
			h.t.Errorf("pass %+v", pass)
		}
		if s := h.sessions(); len(s) != 1 || s[0].ID != pass.Session().ID {
			h.t.Errorf("sessions in the store %+v", s)
		}
		if pass.Browser().ID == "" || pass.Browser().Secret == "" || pass.Trusted() {
			h.t.Errorf("browser %v, trusted %v", pass.Browser().ID != "", pass.Trusted())
		}
	})
	run(t, "trusted browser", func(h *house) {
		first := h.enter(h.login("ahmad"), true)
		if !first.Trusted() {
			h.t.Fatal("the browser is not trusted though it was ticked")
		}
		l := h.login("ahmad")
		l.Browser = first.Browser()
		d := h.decide(l)
		if d.Pass == nil || d.Pass.Way() != challenge.ByTrust {
			h.t.Fatalf("decision %s", d.Reason)
		}
		if d.Pass.Browser().ID != first.Browser().ID || d.Pass.Browser().Secret == first.Browser().Secret {
			h.t.Error("the browser's secret was not rotated")
		}
		l.Family, l.Browser = "Chrome", d.Pass.Browser()
		h.challenged(l) // D1: a copy in a browser of another family
		l = h.login("both")
		l.Browser = d.Pass.Browser()
		h.challenged(l) // D1: alice's trust is not bob's
	})
	run(t, "not remembered unless ticked", func(h *house) {
		l := h.login("ahmad")
		l.Browser = h.enter(l, false).Browser()
		h.challenged(l)
	})
	run(t, "not for longer than the code page offered", func(h *house) {
		h.user("ahmad", func(u *challenge.User) { u.Remember = 0 })
		c := h.challenged(h.login("ahmad"))
		h.user("ahmad", func(u *challenge.User) { u.Remember = 30 * 24 * time.Hour })
		try := attemptOf(c.ID, h.sms.code())
		try.Remember = true
		pass, err := h.door.TryCode(h.t.Context(), try)
		if err != nil || pass.Trusted() {
			h.t.Errorf("trusted %v, %v", pass.Trusted(), err)
		}
	})
	run(t, "trust ends after its days", func(h *house) {
		l := h.login("ahmad")
		l.Browser = h.enter(l, true).Browser()
		time.Sleep(30*24*time.Hour + time.Second)
		h.challenged(l)
	})
	run(t, "copied browser cookie", func(h *house) {
		l := h.login("ahmad")
		old := h.enter(l, true).Browser()
		for range 3 { // the owner logs in again, minutes apart
			time.Sleep(5 * time.Minute)
			if l.Browser == (challenge.BrowserCookie{}) {
				l.Browser = old
			}
			l.Browser = h.decide(l).Pass.Browser()
		}
		byTrust := h.sessions()
		byTrust = slices.DeleteFunc(byTrust, func(s challenge.Session) bool { return s.Way != challenge.ByTrust })
		l.Browser = old
		d := h.decide(l)
		if d.Challenge == nil || !strings.Contains(d.Reason, "copied") {
			h.t.Errorf("an old cookie: %+v", d)
		}
		if len(byTrust) != 3 || len(d.Revoked.Sessions) != 3 || len(h.sessions()) != 1 {
			h.t.Errorf("of %d sessions by trust %d ended, %d are left: want all, and the one by code", len(byTrust), len(d.Revoked.Sessions), len(h.sessions()))
		}
		if !strings.Contains(h.log.String(), "copied") {
			h.t.Error("ops are not told of the copy")
		}
	})
	run(t, "copied browser cookie, shown with a right code", func(h *house) {
		l := h.login("ahmad")
		old := h.enter(l, true).Browser()
		l.Browser = old
		for range 2 {
			time.Sleep(5 * time.Minute)
			l.Browser = h.decide(l).Pass.Browser()
		}
		other := h.login("both")
		other.Browser = old
		if pass := h.enter(other, false); len(pass.Ended()) != 2 {
			h.t.Errorf("%d sessions ended, want the two by trust", len(pass.Ended()))
		}
	})
	run(t, "copied browser cookie, and no code can be sent", func(h *house) {
		h.config.UserSends = challenge.Rate{Count: 1, Per: 24 * time.Hour}
		h.start()
		l := h.login("ahmad")
		old := h.enter(l, true).Browser()
		l.Browser = old
		for range 2 {
			time.Sleep(5 * time.Minute)
			l.Browser = h.decide(l).Pass.Browser()
		}
		l.Browser = old
		d, err := h.door.Decide(h.t.Context(), l)
		h.wantWait("no send left", err, challenge.WaitUserSends)
		if len(d.Revoked.Sessions) != 2 {
			h.t.Errorf("%d sessions ended, want the two by trust", len(d.Revoked.Sessions))
		}
	})
	run(t, "a session revoked while its user logs in again", func(h *house) {
		member := h.enter(h.login("ahmad"), false).Session()
		if _, err := h.door.Revoke(h.t.Context(), challenge.Match{Session: member.ID}); err != nil {
			h.t.Fatal(err)
		}
		l := h.login("ahmad")
		l.Member = &member
		h.challenged(l)
	})
	run(t, "same user in a live session", func(h *house) {
		first := h.enter(h.login("ahmad"), false)
		time.Sleep(time.Hour)
		l, member := h.login("ahmad"), first.Session()
		l.Member = &member
		d := h.decide(l)
		if d.Pass == nil || d.Pass.Way() != challenge.BySession {
			h.t.Fatalf("decision %s", d.Reason)
		}
		if ended := d.Pass.Ended(); len(ended) != 1 || ended[0] != member.ID {
			h.t.Errorf("ended %q, want the session before", ended)
		}
		if !d.Pass.Session().CreatedAt.Equal(member.CreatedAt) {
			h.t.Error("a password alone made the session younger")
		}
		next := d.Pass.Session()
		time.Sleep(7*time.Hour + time.Second)
		l.Member = &next
		l.Member.UsedAt = time.Now()
		l.Member.CreatedAt = time.Now().Add(-24 * time.Hour)
		h.challenged(l) // past the absolute limit
	})
	run(t, "another user in a live session", func(h *house) {
		member := h.enter(h.login("ahmad"), false).Session()
		l := h.login("both")
		l.Member = &member
		d := h.decide(l)
		if d.Challenge == nil || len(d.Revoked.Sessions) != 1 || d.Revoked.Sessions[0] != member.ID {
			h.t.Fatalf("decision %s, revoked %v: want a challenge, and the session before ended", d.Reason, d.Revoked.Sessions)
		}
		if len(h.sessions()) != 0 {
			h.t.Error("the session before would be back after a restart")
		}
		if _, err := h.try(d.Challenge.ID, h.sms.code()); err != nil {
			h.t.Errorf("the code: %v", err)
		}
	})
}

// The upstream signs in whom the attacker did not type: the code goes to the one whose session it is, however the other gets his
// own (B4, D12).
func TestThreat_B4_CodeOfTheSessionsUser(t *testing.T) {
	run(t, "typed both, confirmed sms", func(h *house) {
		l := h.login("both")
		l.Confirmed = "ahmad"
		c := h.challenged(l)
		if h.sms.last().To.Reveal() != ahmadMobile || h.email.count() != 0 || c.Name != "ahmad" {
			h.t.Errorf("%s's code went elsewhere: %+v", c.Name, c.Routes)
		}
	})
}

func TestRefusals(t *testing.T) {
	run(t, "nobody is told anything", func(h *house) {
		for name, want := range map[string]challenge.Refusal{
			"disabled": challenge.RefusedDisabled, "eve": challenge.RefusedUnlisted, "": challenge.RefusedUnlisted, "a\x00": challenge.RefusedUnlisted,
		} {
			if d := h.decide(h.login(name)); d.Refusal != want {
				h.t.Errorf("%q: refused %q (%s), want %q", name, d.Refusal, d.Reason, want)
			}
		}
		if h.sms.count() != 0 || h.held != 0 || len(h.sessions()) != 0 {
			h.t.Error("something was sent, held or written for a refused login")
		}
	})
	run(t, "store in trouble (invariant 9)", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		code := h.sms.code()
		h.store = &troubled{Store: h.store}
		h.start()
		if d, err := h.door.Decide(h.t.Context(), h.login("off")); err == nil || d.Pass != nil {
			h.t.Errorf("exempt: %+v, %v", d, err)
		}
		if d, err := h.door.Decide(h.t.Context(), h.login("ahmad")); err == nil || d.Challenge != nil {
			h.t.Errorf("begin: %+v, %v", d, err)
		}
		if pass, err := h.try(c.ID, code); pass != nil || err == nil || errors.Is(err, challenge.ErrWrongCode) {
			h.t.Errorf("right code: %v, %v: want the trouble", pass, err)
		}
		if h.sms.count() != 1 {
			h.t.Error("a code was sent that the store does not know")
		}
		h.store = h.bolt
		h.start()
		if _, err := h.try(c.ID, code); err != nil {
			h.t.Errorf("after the trouble: %v", err)
		}
	})
	run(t, "another key file", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		h.dir += "/other" // of the keys; the store stays open
		if err := mkdir(h.dir); err != nil {
			h.t.Fatal(err)
		}
		h.start()
		pass, err := h.try(c.ID, h.sms.code())
		h.wantRefused("what was begun under keys that are gone", pass, err, challenge.ErrWrongCode)
		if r, err := h.door.Sweep(h.t.Context()); err != nil || len(r.Challenges) != 1 {
			h.t.Errorf("swept %+v, %v: want the challenge, which nobody can enter", r, err)
		}
	})
	run(t, "a code that does not open", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		h.store = damaged{h.store}
		h.start()
		if pass, err := h.try(c.ID, h.sms.code()); pass != nil || err == nil || errors.Is(err, challenge.ErrWrongCode) {
			h.t.Errorf("%v, %v: want trouble of ours, not a wrong code", pass, err)
		}
		if got, err := h.door.Pending(h.t.Context(), c.ID, netip.Addr{}); err != nil || got.Tries != 0 {
			h.t.Errorf("%d tries, %v: want none counted", got.Tries, err)
		}
	})
}

// damaged is a store whose sealed codes were edited.
type damaged struct{ challenge.Store }

func (s damaged) Challenge(ctx context.Context, id string, now time.Time) (challenge.Challenge, error) {
	c, err := s.Store.Challenge(ctx, id, now)
	c.Code = append([]byte{1}, c.Code...)
	return c, err
}

// troubled is a store whose writes fail.
type troubled struct{ challenge.Store }

var errDisk = errors.New("no space left on device")

func (s *troubled) Admit(context.Context, challenge.Entry) (challenge.Admitted, error) {
	return challenge.Admitted{}, errDisk
}

func (s *troubled) Begin(context.Context, challenge.Challenge, string, challenge.SendCharge, challenge.CodeRules) (challenge.Revoked, error) {
	return challenge.Revoked{}, errDisk
}
