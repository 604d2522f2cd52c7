package challenge_test

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

func TestThreat_C2_SameCodeTwice(t *testing.T) {
	run(t, "fifty at once", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		passes, errs := together(50, func(int) (*challenge.Pass, error) { return h.try(c.ID, h.sms.code()) })
		if passes != 1 || len(errs) != 49 {
			h.t.Errorf("%d passes, want 1", passes)
		}
		for _, err := range errs {
			h.wantRefused("second", nil, err, challenge.ErrWrongCode)
		}
		if n := len(h.sessions()); n != 1 {
			h.t.Errorf("%d sessions, want 1", n)
		}
	})
	run(t, "a hundred wrong ones", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		code := h.sms.code()
		if passes, _ := together(100, func(int) (*challenge.Pass, error) { return h.try(c.ID, wrong(code)) }); passes != 0 {
			h.t.Errorf("%d passes by wrong codes", passes)
		}
		if r, err := h.door.Sweep(h.t.Context()); err != nil || len(r.Challenges) != 1 || r.Challenges[0].ID != c.ID {
			h.t.Errorf("swept %+v, %v: want the held session, to be signed out", r, err)
		}
		pass, err := h.try(c.ID, code)
		h.wantRefused("the right code after the last try", pass, err, challenge.ErrWrongCode)
		_, err = h.door.Decide(h.t.Context(), h.login("ahmad"))
		h.wantWait("the next login", err, challenge.WaitWrongCodes)
		if got := h.sms.count(); got != 1 {
			h.t.Errorf("%d messages: a waiting user was sent a code", got)
		}
	})
}

// together runs try n times at once.
func together(n int, try func(int) (*challenge.Pass, error)) (passes int, errs []error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			pass, err := try(i)
			mu.Lock()
			defer mu.Unlock()
			if pass.Valid() {
				passes++
			}
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	return passes, errs
}

func TestThreat_C3_CodeElsewhere(t *testing.T) {
	run(t, "another challenge of the same user", func(h *house) {
		first := h.challenged(h.login("ahmad"))
		code := h.sms.code()
		second := h.challenged(h.login("ahmad"))
		if code == h.sms.code() {
			h.t.Skip("both challenges drew the same code: one in a million")
		}
		pass, err := h.try(second.ID, code)
		h.wantRefused("the first's code in the second", pass, err, challenge.ErrWrongCode)
		if _, err := h.try(first.ID, code); err != nil {
			h.t.Errorf("the first's own code: %v", err)
		}
	})
	run(t, "no challenge", func(h *house) {
		h.challenged(h.login("ahmad"))
		for _, id := range []string{"", "x", strings.Repeat("x", 1<<16)} {
			pass, err := h.try(id, h.sms.code())
			h.wantRefused("unknown", pass, err, challenge.ErrWrongCode)
		}
	})
	run(t, "9:59", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		time.Sleep(9*time.Minute + 59*time.Second)
		if _, err := h.try(c.ID, h.sms.code()); err != nil {
			h.t.Error(err)
		}
	})
	run(t, "10:01", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		time.Sleep(10*time.Minute + time.Second)
		pass, err := h.try(c.ID, h.sms.code())
		h.wantRefused("expired", pass, err, challenge.ErrWrongCode)
		r, err := h.door.Sweep(h.t.Context())
		if err != nil || len(r.Challenges) != 1 || string(r.Challenges[0].Held) != "held for "+c.ID {
			h.t.Errorf("swept %+v, %v: want the held session, to be signed out", r, err)
		}
	})
	run(t, "an hour by config is ten minutes", func(h *house) {
		h.config.Expires = time.Hour
		h.start()
		if c := h.challenged(h.login("ahmad")); c.ExpiresAt.Sub(c.CreatedAt) != 10*time.Minute {
			h.t.Errorf("expires after %s", c.ExpiresAt.Sub(c.CreatedAt))
		}
	})
	run(t, "cancelled", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		r, err := h.door.Cancel(h.t.Context(), c.ID)
		if err != nil || len(r.Challenges) != 1 {
			h.t.Errorf("cancel: %+v, %v", r, err)
		}
		pass, err := h.try(c.ID, h.sms.code())
		h.wantRefused("cancelled", pass, err, challenge.ErrWrongCode)
		if _, err := h.door.Pending(h.t.Context(), c.ID, netip.Addr{}); !errors.Is(err, challenge.ErrNotFound) {
			h.t.Errorf("pending: %v", err)
		}
	})
	run(t, "replaced by the next login", func(h *house) {
		first := h.challenged(h.login("ahmad"))
		code := h.sms.code()
		l := h.login("ahmad")
		l.Pending = first.ID
		d := h.decide(l)
		if len(d.Revoked.Challenges) != 1 || d.Revoked.Challenges[0].ID != first.ID {
			h.t.Errorf("revoked %+v, want the first", d.Revoked)
		}
		pass, err := h.try(first.ID, code)
		h.wantRefused("replaced", pass, err, challenge.ErrWrongCode)
	})
	run(t, "replaced by an entry without code", func(h *house) {
		l := h.login("off")
		l.Pending = h.challenged(h.login("ahmad")).ID
		d := h.decide(l)
		if d.Pass == nil || len(d.Revoked.Challenges) != 1 {
			h.t.Errorf("decision %+v", d)
		}
	})
}

func TestThreat_C9_CounterGoesOn(t *testing.T) {
	run(t, "over challenges, browsers and a restart", func(h *house) {
		tries := 0
		for browser := range 3 {
			l := h.login("ahmad")
			l.Trail = strings.Repeat("t", browser+1)
			d, err := h.door.Decide(h.t.Context(), l)
			if err != nil {
				h.wantWait("login", err, challenge.WaitWrongCodes)
				break
			}
			for range 4 {
				try := attemptOf(d.Challenge.ID, wrong(h.sms.code()))
				try.Trail = l.Trail
				pass, err := h.door.TryCode(h.t.Context(), try)
				if errors.As(err, &challenge.ErrWait{}) {
					break
				}
				h.wantRefused("wrong", pass, err, challenge.ErrWrongCode)
				tries++
			}
			h.reopen()
		}
		if tries != 5 {
			h.t.Errorf("%d tries before a wait, want 5", tries)
		}
	})
	run(t, "a hundred, then only trusted browsers until the policy changes", func(h *house) {
		l := h.login("ahmad")
		l.Browser = h.enter(l, true).Browser()
		for tries := 0; ; {
			d, err := h.door.Decide(h.t.Context(), h.login("ahmad"))
			if errors.Is(err, challenge.ErrLocked) {
				if tries != 100 {
					h.t.Errorf("locked after %d tries, want 100", tries)
				}
				break
			}
			if err != nil {
				time.Sleep(time.Hour)
				continue
			}
			try := attemptOf(d.Challenge.ID, wrong(h.sms.code()))
			try.Trail = "thief"
			pass, err := h.door.TryCode(h.t.Context(), try)
			h.wantRefused("wrong", pass, err, challenge.ErrWrongCode)
			if tries++; tries > 100 {
				h.t.Fatal("no lock after 100 wrong codes")
			}
		}
		d := h.decide(l)
		if d.Pass == nil || d.Pass.Way() != challenge.ByTrust {
			h.t.Errorf("the owner's browser is shut out (E8): %s", d.Reason)
		}
		h.user("ahmad", func(u *challenge.User) { u.Mobile = secret.New("+970599000000") })
		h.challenged(h.login("ahmad"))
	})
}

func TestThreat_C10_OddCodes(t *testing.T) {
	run(t, "what counts", func(h *house) {
		h.config.Rules.Tries = 4
		h.start()
		c := h.challenged(h.login("ahmad"))
		for _, c10 := range []struct {
			code  string
			tries int
		}{
			{"", 0}, {" \u200f ", 0}, {"１２３４５６", 1}, {strings.Repeat("1", 1<<20), 2}, {"1234\x0056", 3},
		} {
			pass, err := h.try(c.ID, c10.code)
			h.wantRefused(c10.code[:min(8, len(c10.code))], pass, err, challenge.ErrWrongCode)
			if got, err := h.door.Pending(h.t.Context(), c.ID, netip.Addr{}); err != nil || got.Tries != c10.tries {
				h.t.Errorf("after %.8q: %d tries, %v, want %d", c10.code, got.Tries, err, c10.tries)
			}
		}
	})
	run(t, "Arabic digits", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		arabic := strings.Map(func(r rune) rune { return r - '0' + '٠' }, h.sms.code())
		if _, err := h.try(c.ID, "\u2067"+arabic[:6]+" "+arabic[6:]+"\u2069"); err != nil {
			h.t.Error(err)
		}
	})
}
