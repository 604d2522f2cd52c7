package challenge_test

import (
	"context"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

func mkdir(dir string) error { return os.Mkdir(dir, 0o700) }

// What a session came in by, and the change of policy that ends it or must not (D7, invariant 10).
func TestThreat_D7_PolicyChanges(t *testing.T) {
	remember := func(u *challenge.User) { u.Remember = 7 * 24 * time.Hour }
	never := func(u *challenge.User) { u.Remember = 0 }
	mobile := func(u *challenge.User) { u.Mobile = secret.New("+970599000000") }
	for _, c := range []struct {
		name   string
		way    challenge.Way
		change func(*challenge.User)
		ends   bool
	}{
		{"nothing", challenge.ByCode, func(*challenge.User) {}, false},
		{"language", challenge.ByCode, func(u *challenge.User) { u.Language = "ar" }, false},
		{"an e-mail that is not used", challenge.ByCode, func(u *challenge.User) { u.Email = secret.New("x@example.com") }, false},
		{"disabled", challenge.ByCode, func(u *challenge.User) { u.Disabled = true }, true},
		{"mobile", challenge.ByCode, mobile, true},
		{"channel", challenge.ByCode, func(u *challenge.User) { u.Code, u.Email = challenge.CodeEmail, secret.New("x@example.com") }, true},
		{"renamed: not listed any more", challenge.ByCode, func(u *challenge.User) { u.Name = "ahmad.saleh" }, true},
		{"never, by code", challenge.ByCode, never, false},
		{"never, by trust", challenge.ByTrust, never, true},
		{"never, by session after trust", challenge.BySession, never, true},
		{"fewer days, by trust", challenge.ByTrust, remember, false},
		{"mobile, by trust", challenge.ByTrust, mobile, true},
		{"mobile, by session after trust", challenge.BySession, mobile, true},
		{"nothing, by session after trust", challenge.BySession, func(*challenge.User) {}, false},
		{"off asks a code now", challenge.ByOff, func(u *challenge.User) { u.Code, u.Mobile = challenge.CodeSMS, secret.New(ahmadMobile) }, true},
	} {
		for _, restart := range []string{"", ", restarted"} {
			run(t, c.name+restart, func(h *house) {
				s := h.enterBy(c.way)
				h.decide(h.login("both")) // a bystander's challenge
				name := s.Name
				var r challenge.Revoked
				if restart == "" {
					r = h.user(name, c.change)
				} else {
					for i := range h.policy.Users {
						if h.policy.Users[i].Name == name {
							c.change(&h.policy.Users[i])
						}
					}
					h.reopen()
					r = h.setPolicy()
				}
				if got := slices.Contains(r.Sessions, s.ID); got != c.ends {
					h.t.Errorf("ended %v, want %v", got, c.ends)
				}
				if got := len(h.sessions()) == 0; got != c.ends {
					h.t.Errorf("gone from the store %v, want %v", got, c.ends)
				}
				if len(r.Challenges) != 0 {
					h.t.Error("a bystander's challenge ended")
				}
				if again := h.setPolicy(); len(again.Sessions) != 0 {
					h.t.Errorf("the second time %q ended", again.Sessions)
				}
			})
		}
	}
}

// enterBy leaves one session, which came in by way.
func (h *house) enterBy(way challenge.Way) challenge.Session {
	h.t.Helper()
	if way == challenge.ByOff {
		return h.decide(h.login("off")).Pass.Session()
	}
	l := h.login("ahmad")
	pass := h.enter(l, true)
	for _, next := range []challenge.Way{challenge.ByTrust, challenge.BySession} {
		if pass.Way() == way {
			break
		}
		member := pass.Session()
		l.Browser = pass.Browser()
		l.Member = &member
		if next == challenge.ByTrust { // the session before is signed out; the browser comes back later
			if _, err := h.door.Revoke(h.t.Context(), challenge.Match{Session: member.ID}); err != nil {
				h.t.Fatal(err)
			}
			l.Member = nil
		}
		pass = h.decide(l).Pass
	}
	if pass.Way() != way {
		h.t.Fatalf("came in by %s, want %s", pass.Way(), way)
	}
	return pass.Session()
}

func TestPolicyChangesBetweenCodeAndTry(t *testing.T) {
	for name, change := range map[string]func(*challenge.User){
		"disabled": func(u *challenge.User) { u.Disabled = true },
		"mobile":   func(u *challenge.User) { u.Mobile = secret.New("+970599000000") },
		"off":      func(u *challenge.User) { u.Code = challenge.CodeOff },
	} {
		run(t, name, func(h *house) {
			c := h.challenged(h.login("ahmad"))
			r := h.user("ahmad", change)
			if len(r.Challenges) != 1 || r.Challenges[0].ID != c.ID {
				h.t.Errorf("ended %+v, want the pending challenge", r)
			}
			pass, err := h.try(c.ID, h.sms.code())
			h.wantRefused("after the change", pass, err, challenge.ErrWrongCode)
		})
		run(t, name+", while the gateway was down", func(h *house) {
			c := h.challenged(h.login("ahmad"))
			change(&h.policy.Users[1])
			h.reopen()
			if _, err := h.door.Resend(h.t.Context(), c.ID, c.Address); err == nil || h.sms.count() != 1 {
				h.t.Errorf("resend: %v, %d messages", err, h.sms.count())
			}
			pass, err := h.try(c.ID, h.sms.code())
			h.wantRefused("after the change", pass, err, challenge.ErrWrongCode)
			r, err := h.door.Sweep(h.t.Context())
			if err != nil || len(r.Challenges) != 1 {
				h.t.Errorf("swept %+v, %v: want the held session, to be signed out", r, err)
			}
		})
	}
}

// A destination changed while nobody watched: what the user has beside the session goes as well.
func TestChallengesAndTrustFollowTheSession(t *testing.T) {
	run(t, "after a restart", func(h *house) {
		l := h.login("ahmad")
		l.Browser = h.enter(l, true).Browser()
		c := h.challenged(h.login("ahmad"))
		h.policy.Users[1].Mobile = secret.New("+970599000000")
		h.reopen()
		r := h.setPolicy()
		if len(r.Sessions) != 1 || len(r.Challenges) != 1 || r.Challenges[0].ID != c.ID {
			h.t.Errorf("ended %+v, want session and challenge", r)
		}
		h.policy.Users[1].Mobile = secret.New(ahmadMobile)
		h.setPolicy()
		h.challenged(l) // the trust does not come back with the number
	})
}

// remember: never voids the trusts there are: they must not come back when it is taken back, whatever ran or stood still in between.
func TestThreat_D7_NeverAndOnAgain(t *testing.T) {
	never := func(h *house) { h.policy.Users[1].Remember = 0 }
	again := func(h *house) { h.policy.Users[1].Remember = 30 * 24 * time.Hour }
	down := func(change func(*house)) func(*house) {
		return func(h *house) { change(h); h.reopen() }
	}
	for name, changes := range map[string][]func(*house){
		"both while it runs":              {never, again},
		"never while the gateway is down": {down(never), again},
		"again while the gateway is down": {never, down(again)},
		"both while it is down":           {down(never), down(again)},
	} {
		run(t, name, func(h *house) {
			l, bystander := h.login("ahmad"), h.login("both")
			h.user("both", func(u *challenge.User) { u.Remember = 30 * 24 * time.Hour })
			pass := h.enter(l, true)
			l.Browser = pass.Browser()
			bystander.Browser = h.enter(bystander, true).Browser()
			for _, change := range changes {
				change(h)
				h.setPolicy()
			}
			if len(h.sessions()) != 2 {
				h.t.Errorf("%d sessions are left, want both: a code let them in", len(h.sessions()))
			}
			h.challenged(l)
			if d := h.decide(bystander); d.Pass == nil {
				h.t.Errorf("the bystander's trust: %s", d.Reason)
			}
		})
	}
}

func TestUnlistedSessionsFollowThePolicy(t *testing.T) {
	enter := func(h *house, confirmed string) challenge.Session {
		h.policy.Unlisted, h.policy.AcceptTypedNames = challenge.UnlistedOff, true
		h.setPolicy()
		l := h.login("eve")
		l.Confirmed = confirmed
		return h.decide(l).Pass.Session()
	}
	for _, c := range []struct {
		name, confirmed string
		change          func(*challenge.PolicyConfig)
		ends            bool
	}{
		{"nothing", "eve", func(*challenge.PolicyConfig) {}, false},
		{"refuse", "eve", func(p *challenge.PolicyConfig) { p.Unlisted = challenge.UnlistedRefuse }, true},
		{"typed names no longer accepted", "", func(p *challenge.PolicyConfig) { p.AcceptTypedNames = false }, true},
		{"typed names no longer accepted, confirmed", "eve", func(p *challenge.PolicyConfig) { p.AcceptTypedNames = false }, false},
		{"listed now", "eve", func(p *challenge.PolicyConfig) {
			p.Users = append(p.Users, challenge.User{Name: "Eve", Code: challenge.CodeSMS, Mobile: secret.New(ahmadMobile)})
		}, true},
		{"an alias now", "eve", func(p *challenge.PolicyConfig) { p.Users[0].Aliases = []string{"eve"} }, true},
	} {
		run(t, c.name, func(h *house) {
			s := enter(h, c.confirmed)
			c.change(&h.policy)
			if got := slices.Contains(h.setPolicy().Sessions, s.ID); got != c.ends {
				h.t.Errorf("ended %v, want %v", got, c.ends)
			}
		})
	}
}

// A user becomes another name of a second one, whose codes go to the same mobile: what he has is not the second one's.
func TestUserBecomesAnAlias(t *testing.T) {
	run(t, "with the same mobile", func(h *house) {
		h.policy.Users = append(h.policy.Users, challenge.User{Name: "salma", Code: challenge.CodeSMS, Mobile: secret.New(ahmadMobile)})
		h.setPolicy()
		s := h.enter(h.login("salma"), false).Session()
		h.policy.Users = h.policy.Users[:len(h.policy.Users)-1]
		h.policy.Users[1].Aliases = []string{"salma"}
		if r := h.setPolicy(); !slices.Contains(r.Sessions, s.ID) {
			h.t.Errorf("ended %q", r.Sessions)
		}
	})
}

// The user whose session it is, as the upstream says, is disabled; the name that was typed decided. It ends all the same.
func TestConfirmedUserIsDisabled(t *testing.T) {
	run(t, "stricter typed name", func(h *house) {
		l := h.login("ahmad")
		l.Confirmed = "off"
		c := h.challenged(l)
		pass, err := h.try(c.ID, h.sms.code())
		if err != nil {
			h.t.Fatal(err)
		}
		if r := h.user("off", func(u *challenge.User) { u.Disabled = true }); !slices.Contains(r.Sessions, pass.Session().ID) {
			h.t.Errorf("ended %q", r.Sessions)
		}
	})
	run(t, "or gets a code of his own", func(h *house) {
		l := h.login("ahmad")
		l.Confirmed = "off"
		c := h.challenged(l)
		pass, err := h.try(c.ID, h.sms.code())
		if err != nil {
			h.t.Fatal(err)
		}
		pending, code := h.challenged(l), h.sms.code()
		own := h.enter(h.login("ahmad"), false).Session()
		r := h.user("off", func(u *challenge.User) { u.Code, u.Mobile = challenge.CodeSMS, secret.New("+970599000002") })
		if len(r.Sessions) != 1 || r.Sessions[0] != pass.Session().ID {
			h.t.Errorf("ended %q", r.Sessions)
		}
		if left := h.sessions(); len(left) != 1 || left[0].ID != own.ID {
			h.t.Errorf("%d sessions are left, want ahmad's own", len(left))
		}
		none, err := h.try(pending.ID, code)
		h.wantRefused("the code of the name that was typed", none, err, challenge.ErrWrongCode)
	})
}

// An entry that the old policy allowed is being written while the new one comes: it must not outlive it.
func TestSetPolicyWaitsForEntries(t *testing.T) {
	h := newHouse(t)
	stalled := &stalledStore{Store: h.store, entered: make(chan struct{}), release: make(chan struct{})}
	h.store = stalled
	h.start()
	decided, set := make(chan challenge.Decision, 1), make(chan error, 1)
	login := h.login("off")
	go func() {
		d, err := h.door.Decide(context.Background(), login)
		if err != nil {
			t.Error(err)
		}
		decided <- d
	}()
	<-stalled.entered
	h.policy.Users[0].Disabled = true
	p := h.parsed()
	go func() {
		_, err := h.door.SetPolicy(context.Background(), p)
		set <- err
	}()
	for !h.door.PolicyWaits() && len(set) == 0 {
		runtime.Gosched()
	}
	close(stalled.release)
	if d := <-decided; !d.Pass.Valid() {
		t.Errorf("the entry under way was not let in: %+v", d)
	}
	if err := <-set; err != nil {
		t.Fatal(err)
	}
	if left := h.sessions(); len(left) != 0 {
		t.Errorf("%d sessions of a disabled user are left", len(left))
	}
}

// stalledStore holds Admit up between the policy's yes and the write.
type stalledStore struct {
	challenge.Store
	entered, release chan struct{}
}

func (s *stalledStore) Admit(ctx context.Context, e challenge.Entry) (challenge.Admitted, error) {
	close(s.entered)
	<-s.release
	return s.Store.Admit(ctx, e)
}

func TestSweepLoops(t *testing.T) {
	run(t, "more than one transaction's worth", func(h *house) {
		const n = 5
		for range n {
			h.challenged(h.login("ahmad"))
		}
		small := &smallSweeps{Store: h.store}
		h.store = small
		h.start()
		time.Sleep(11 * time.Minute)
		r, err := h.door.Sweep(h.t.Context())
		if err != nil || len(r.Challenges) != n || small.calls < n {
			h.t.Errorf("%d of %d challenges in %d calls, %v", len(r.Challenges), n, small.calls, err)
		}
		ctx, cancel := context.WithCancel(h.t.Context())
		cancel()
		if _, err := h.door.Sweep(ctx); err == nil {
			h.t.Error("sweeps on after its context has ended")
		}
	})
}

type smallSweeps struct {
	challenge.Store
	calls int
}

func (s *smallSweeps) Sweep(ctx context.Context, now time.Time, life challenge.SessionLife, _ int) (challenge.Revoked, bool, error) {
	s.calls++
	return s.Store.Sweep(ctx, now, life, 1)
}
