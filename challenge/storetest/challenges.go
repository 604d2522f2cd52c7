package storetest

import (
	"net/netip"
	"time"

	"doorcode/challenge"
)

func challengeLives(f *fixture) {
	c := f.begin("alice")
	f.again(func() {
		got, err := f.s.Challenge(f.Context(), c.ID, c.ExpiresAt.Add(-1))
		f.must(err)
		equal(f, "challenge", got, c)
		_, err = f.s.Challenge(f.Context(), c.ID, c.ExpiresAt)
		f.want(err, challenge.ErrNotFound)
		// The clock set back by an hour: an expired challenge would live again (C3).
		_, err = f.s.Challenge(f.Context(), c.ID, c.CreatedAt.Add(-time.Hour))
		f.want(err, challenge.ErrNotFound)
	})
}

// refusedAlike: nothing of the answer may tell an unknown challenge from an expired, cancelled or used one (C5, C11).
func refusedAlike(f *fixture) {
	expired, cancelled, used := f.begin("alice"), f.begin("alice"), f.begin("alice")
	f.admit(f.code(used, true))
	_, err := f.s.Cancel(f.Context(), cancelled.ID)
	f.must(err)
	f.now = expired.ExpiresAt
	f.again(func() {
		for _, id := range []string{"never was", "", expired.ID, cancelled.ID, used.ID} {
			_, err := f.s.Challenge(f.Context(), id, f.now)
			if err != challenge.ErrNotFound {
				f.Fatalf("Challenge(%q): got error %v, want ErrNotFound itself", id, err)
			}
			_, err = f.s.Resend(f.Context(), id, expired.Routes, f.charge(expired), rules)
			if err != challenge.ErrNotFound {
				f.Fatalf("Resend(%q): got error %v, want ErrNotFound itself", id, err)
			}
			e := f.code(expired, true)
			e.Challenge = id
			e.Right = func([]byte) bool { f.Errorf("Admit(%q) looked at the code", id); return true }
			a, err := f.s.Admit(f.Context(), e)
			if err != challenge.ErrWrongCode {
				f.Fatalf("Admit(%q): got error %v, want ErrWrongCode itself", id, err)
			}
			equal(f, "admitted", a, challenge.Admitted{})
		}
		if len(f.sessions()) != 1 {
			f.Fatalf("got %d sessions, want the one of the used challenge", len(f.sessions()))
		}
	})
}

func copies(f *fixture) {
	c := f.begin("alice")
	got, err := f.s.Challenge(f.Context(), c.ID, f.now)
	f.must(err)
	for _, mine := range []challenge.Challenge{c, got} {
		copy(mine.Code, "scribbled over everything")
		copy(mine.Held, "scribbled over everything")
		mine.Routes[0].State = challenge.RouteFailed
	}
	f.again(func() {
		got, err := f.s.Challenge(f.Context(), c.ID, f.now)
		f.must(err)
		if string(got.Code) != "sealed 123456 of "+c.ID || string(got.Held) != "held by "+c.ID || got.Routes[0].State != challenge.RoutePending {
			f.Fatalf("a caller's change reached the store: %+v", got)
		}
	})
}

func beginReplaces(f *fixture) {
	old, c := f.begin("bob"), f.challenge("alice") // another user on the same browser
	revoked, err := f.s.Begin(f.Context(), c, old.ID, f.charge(c), rules)
	f.must(err)
	equal(f, "revoked", revoked, challenge.Revoked{Challenges: []challenge.Challenge{old}})
	f.again(func() {
		f.gone(old)
		_, err := f.s.Challenge(f.Context(), c.ID, f.now)
		f.must(err)
	})
	next := f.challenge("alice")
	revoked, err = f.s.Begin(f.Context(), next, "never was", f.charge(next), rules)
	f.must(err)
	equal(f, "revoked", revoked, challenge.Revoked{})
}

func sendLimits(f *fixture) {
	hour := challenge.Rate{Count: 4, Per: time.Hour}
	for _, limit := range []struct {
		why  challenge.Wait
		set  func(c *challenge.SendCharge)                  // the limit
		same func(c *challenge.Challenge, from *netip.Addr) // what shares it
		free func(c *challenge.Challenge, from *netip.Addr) // what does not
	}{
		{challenge.WaitUserSends,
			func(c *challenge.SendCharge) { c.UserRate = hour },
			func(_ *challenge.Challenge, from *netip.Addr) { *from = netip.MustParseAddr("198.51.100.1") },
			func(c *challenge.Challenge, _ *netip.Addr) { c.User = user("bob") }},
		{challenge.WaitAddressSends,
			func(c *challenge.SendCharge) { c.AddressRate = hour },
			func(c *challenge.Challenge, from *netip.Addr) {
				c.User, *from = user("bob"), netip.MustParseAddr("2001:db8:1:2:ffff::1%eth0") // the same /64
			},
			func(_ *challenge.Challenge, from *netip.Addr) { *from = netip.MustParseAddr("2001:db8:1:3::1") }},
		{challenge.WaitDaySends,
			func(c *challenge.SendCharge) { c.DayRate = hour },
			func(c *challenge.Challenge, from *netip.Addr) {
				c.User, *from = user("carol"), netip.MustParseAddr("203.0.113.9")
			},
			nil},
	} {
		send := func(change func(c *challenge.Challenge, from *netip.Addr)) error {
			c, from := f.challenge("alice"), netip.MustParseAddr("2001:db8:1:2::1")
			if change != nil {
				change(&c, &from)
			}
			charge := f.charge(c)
			charge.Address = from
			limit.set(&charge)
			_, err := f.s.Begin(f.Context(), c, "", charge, rules)
			return err
		}
		f.must(send(nil)) // of two messages
		f.must(send(limit.same))
		f.again(func() { // it survives a restart (C9)
			f.wantWait(send(nil), limit.why, f.now.Add(30*time.Minute))
			f.wantWait(send(limit.same), limit.why, f.now.Add(30*time.Minute))
		})
		if limit.free != nil {
			f.must(send(limit.free))
		}
		f.now = f.now.Add(30 * time.Minute)
		f.must(send(nil))
	}
}

func refusedSendIsFree(f *fixture) {
	once := challenge.Rate{Count: 2, Per: time.Hour}
	old, first, second := f.begin("alice"), f.challenge("alice"), f.challenge("alice")
	charge := f.charge(first)
	charge.UserRate = once
	_, err := f.s.Begin(f.Context(), first, "", charge, rules)
	f.must(err)

	charge.DayRate = once // not used yet; the user's refuses, so it must stay unused
	revoked, err := f.s.Begin(f.Context(), second, old.ID, charge, rules)
	f.wantWait(err, challenge.WaitUserSends, f.now.Add(time.Hour))
	equal(f, "revoked", revoked, challenge.Revoked{})
	f.again(func() {
		_, err := f.s.Challenge(f.Context(), second.ID, f.now)
		f.want(err, challenge.ErrNotFound)
		_, err = f.s.Challenge(f.Context(), old.ID, f.now)
		f.must(err)
	})
	other := f.challenge("bob")
	charge = f.charge(other)
	charge.DayRate = once
	_, err = f.s.Begin(f.Context(), other, "", charge, rules)
	f.must(err)
}

func resend(f *fixture) {
	c := f.begin("alice")
	f.must(f.s.Delivered(f.Context(), c.ID, []challenge.Route{{Channel: challenge.SMS, State: challenge.RouteSent, At: f.now}}))
	f.now = f.now.Add(29 * time.Second)
	_, err := f.s.Resend(f.Context(), c.ID, c.Routes, f.charge(c), rules)
	f.wantWait(err, challenge.WaitResend, c.SentAt.Add(30*time.Second))

	f.now = f.now.Add(time.Second)
	for range rules.Resends {
		got, err := f.s.Resend(f.Context(), c.ID, c.Routes, f.charge(c), rules)
		f.must(err)
		want := c
		want.Sends, want.SentAt = got.Sends, f.now
		want.Routes = []challenge.Route{c.Routes[0], c.Routes[1]}
		want.Routes[0].At, want.Routes[1].At = f.now, f.now
		equal(f, "resent: same code, expiry and tries, routes pending", got, want)
		f.now = f.now.Add(30 * time.Second)
	}
	f.again(func() {
		_, err := f.s.Resend(f.Context(), c.ID, c.Routes, f.charge(c), rules)
		f.wantWait(err, challenge.WaitResendsSpent, c.ExpiresAt)
	})

	down := f.begin("carol")
	for _, r := range down.Routes {
		r.State = challenge.RouteFailed
		f.must(f.s.Delivered(f.Context(), down.ID, []challenge.Route{r}))
	}
	got, err := f.s.Resend(f.Context(), down.ID, down.Routes[1:], f.charge(down), rules)
	f.must(err) // at once: nothing had gone out
	if len(got.Routes) != 2 || got.Routes[0].State != challenge.RouteFailed || got.Routes[1].State != challenge.RoutePending {
		f.Fatalf("routes %+v, want only the second pending", got.Routes)
	}
	equal(f, "last", got.Last, []challenge.Channel{challenge.Email})
	_, err = f.s.Resend(f.Context(), down.ID, down.Routes[:1], f.charge(down), rules)
	f.wantWait(err, challenge.WaitResend, f.now.Add(30*time.Second))

	limited := f.begin("bob")
	f.now = f.now.Add(30 * time.Second)
	charge := f.charge(limited)
	charge.DayRate = challenge.Rate{Count: 2, Per: time.Hour}
	_, err = f.s.Resend(f.Context(), limited.ID, limited.Routes, charge, rules)
	f.must(err)
	charge.Now = charge.Now.Add(30 * time.Second)
	_, err = f.s.Resend(f.Context(), limited.ID, limited.Routes, charge, rules)
	f.wantWait(err, challenge.WaitDaySends, f.now.Add(time.Hour))
	got, err = f.s.Challenge(f.Context(), limited.ID, f.now)
	f.must(err)
	equal(f, "sends", got.Sends, 2)
}

func delivered(f *fixture) {
	c := f.begin("alice")
	at := f.now.Add(2 * time.Second)
	f.must(f.s.Delivered(f.Context(), c.ID, []challenge.Route{{Channel: challenge.Email, Masked: "not taken", State: challenge.RouteFailed, At: at}}))
	f.must(f.s.Delivered(f.Context(), "never was", []challenge.Route{{Channel: challenge.SMS, State: challenge.RouteSent, At: at}}))
	c.Routes[1].State, c.Routes[1].At = challenge.RouteFailed, at
	f.again(func() {
		got, err := f.s.Challenge(f.Context(), c.ID, f.now)
		f.must(err)
		equal(f, "routes", got.Routes, c.Routes)
		_, err = f.s.Challenge(f.Context(), "never was", f.now)
		f.want(err, challenge.ErrNotFound)
	})
}

func cancel(f *fixture) {
	c, other := f.begin("alice"), f.begin("alice")
	revoked, err := f.s.Cancel(f.Context(), c.ID)
	f.must(err)
	equal(f, "revoked", revoked, challenge.Revoked{Challenges: []challenge.Challenge{c}})
	f.again(func() {
		f.gone(c)
		revoked, err := f.s.Cancel(f.Context(), c.ID)
		f.must(err)
		equal(f, "revoked the second time", revoked, challenge.Revoked{})
		_, err = f.s.Challenge(f.Context(), other.ID, f.now)
		f.must(err)
	})
}
