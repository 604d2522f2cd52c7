package storetest

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"doorcode/challenge"
)

func touch(f *fixture) {
	a := f.admit(f.entry(challenge.ByOff, "alice")).Session
	b := f.admit(f.entry(challenge.ByOff, "bob")).Session
	later := f.now.Add(time.Minute)
	f.must(f.s.Touch(f.Context(), map[string]time.Time{a.ID: later, "never was": later}))
	f.must(f.s.Touch(f.Context(), map[string]time.Time{a.ID: f.now, b.ID: f.now.Add(-time.Hour)})) // a late flush takes nothing back
	f.must(f.s.Touch(f.Context(), nil))
	a.UsedAt = later
	f.again(func() { equal(f, "sessions", f.sessions(), map[string]challenge.Session{a.ID: a, b.ID: b}) })
}

// household is two users on two browsers each with a session, and a challenge pending in each browser.
type household struct {
	cookies  [2]challenge.BrowserCookie
	sessions map[string]challenge.Session
	pending  [2]challenge.Challenge // alice's in the first browser, bob's in the second
}

func (f *fixture) household() household {
	f.Helper()
	var h household
	for i := range h.cookies {
		h.cookies[i] = f.remembered("bob", f.remembered("alice", challenge.BrowserCookie{}))
		c := f.challenge([]string{"alice", "bob"}[i])
		c.Browser = h.cookies[i].ID
		_, err := f.s.Begin(f.Context(), c, "", f.charge(c), rules)
		f.must(err)
		h.pending[i] = c
	}
	h.sessions = f.sessions()
	return h
}

// revoke wants what it ends to be what ends matches, and the rest to live on.
func (f *fixture) revoke(h household, m challenge.Match, ends func(challenge.Session) bool, dies func(challenge.Challenge) bool) {
	f.Helper()
	var want challenge.Revoked
	left := map[string]challenge.Session{}
	for id, s := range h.sessions {
		if ends(s) {
			want.Sessions = append(want.Sessions, id)
		} else {
			left[id] = s
		}
	}
	for _, c := range h.pending {
		if dies(c) {
			want.Challenges = append(want.Challenges, c)
		}
	}
	got, err := f.s.Revoke(f.Context(), m)
	f.must(err)
	slices.Sort(got.Sessions)
	slices.Sort(want.Sessions)
	slices.SortFunc(got.Challenges, func(a, b challenge.Challenge) int { return strings.Compare(a.ID, b.ID) })
	equal(f, "revoked", got, want)
	f.again(func() {
		equal(f, "sessions left", f.sessions(), left)
		for _, c := range h.pending {
			if dies(c) {
				f.gone(c)
			} else if _, err := f.s.Challenge(f.Context(), c.ID, f.now); err != nil {
				f.Fatalf("%s's challenge: got error %v, want it to live on", c.Name, err)
			}
		}
		got, err := f.s.Revoke(f.Context(), m)
		f.must(err)
		equal(f, "revoked the second time", got, challenge.Revoked{})
	})
}

// trusts fails unless exactly these users are trusted in the browser.
func (f *fixture) trusts(cookie challenge.BrowserCookie, names ...string) {
	f.Helper()
	for _, name := range []string{"alice", "bob"} {
		e := f.trusted(name, cookie)
		_, err := f.s.Admit(f.Context(), e)
		if slices.Contains(names, name) {
			f.must(err)
			cookie.Secret = e.NewSecret
		} else if err != challenge.ErrNotTrusted {
			f.Fatalf("%s: got error %v, want ErrNotTrusted itself", name, err)
		}
	}
}

func revokeSession(f *fixture) {
	h := f.household()
	var one challenge.Session
	for _, one = range h.sessions {
		break
	}
	c := f.challenge("bob") // a login that would take the session's place
	c.Replaces = one.ID
	_, err := f.s.Begin(f.Context(), c, "", f.charge(c), rules)
	f.must(err)
	got, err := f.s.Revoke(f.Context(), challenge.Match{Session: one.ID})
	f.must(err)
	equal(f, "revoked", got, challenge.Revoked{Sessions: []string{one.ID}, Challenges: []challenge.Challenge{c}})
	delete(h.sessions, one.ID)
	never := func(challenge.Challenge) bool { return false }
	f.revoke(h, challenge.Match{Session: one.ID}, func(challenge.Session) bool { return false }, never)
	f.trusts(h.cookies[0], "alice", "bob")
	f.trusts(h.cookies[1], "alice", "bob")
}

func revokeBrowser(f *fixture) {
	h := f.household()
	id := h.cookies[0].ID
	f.revoke(h, challenge.Match{Browser: id},
		func(s challenge.Session) bool { return s.Browser == id },
		func(c challenge.Challenge) bool { return c.Browser == id })
	f.trusts(h.cookies[0])
	f.trusts(h.cookies[1], "alice", "bob")
}

func revokeUser(f *fixture) {
	h := f.household()
	alice := user("alice")
	f.begin("alice bell") // a name that begins alike is another user
	f.revoke(h, challenge.Match{User: alice},
		func(s challenge.Session) bool { return s.User == alice },
		func(c challenge.Challenge) bool { return c.User == alice })
	f.trusts(h.cookies[0], "bob")
	f.trusts(h.cookies[1], "bob")
}

func revokeTrusts(f *fixture) {
	h := f.household()
	f.revoke(h, challenge.Match{Trusts: user("alice")},
		func(challenge.Session) bool { return false }, func(challenge.Challenge) bool { return false })
	f.trusts(h.cookies[0], "bob")
	f.trusts(h.cookies[1], "bob")
}

func revokeOne(f *fixture) {
	h := f.household()
	for _, m := range []challenge.Match{{}, {Browser: h.cookies[0].ID, User: user("alice")}, {Session: "s", Browser: "b"}, {User: user("alice"), Trusts: user("alice")}} {
		if _, err := f.s.Revoke(f.Context(), m); err == nil {
			f.Errorf("Revoke(%+v): got no error, want one", m)
		}
	}
	equal(f, "sessions", f.sessions(), h.sessions)
}

func users(f *fixture) {
	f.begin("alice")
	f.begin("alice")
	f.begin("al")
	f.admit(f.entry(challenge.ByOff, "bob"))
	f.remembered("carol", challenge.BrowserCookie{})
	f.admit(f.entry(challenge.ByOff, "ألف"))
	f.wrong(f.begin("dave"))
	revoked, err := f.s.Revoke(f.Context(), challenge.Match{User: user("dave")})
	f.must(err)
	equal(f, "revoked", len(revoked.Challenges), 1)
	f.again(func() {
		got, err := f.s.Users(f.Context())
		f.must(err)
		slices.SortFunc(got, func(a, b challenge.Username) int { return strings.Compare(a.String(), b.String()) })
		equal(f, "users", got, []challenge.Username{user("al"), user("alice"), user("bob"), user("carol"), user("ألف")})
	})
}

var life = challenge.SessionLife{Idle: 8 * time.Hour, Absolute: 24 * time.Hour}

// sweepAll sweeps limit by limit and wants no sweep to take more.
func (f *fixture) sweepAll(limit int) (all challenge.Revoked) {
	f.Helper()
	for range 100 {
		swept, more, err := f.s.Sweep(f.Context(), f.now, life, limit)
		f.must(err)
		if n := len(swept.Sessions) + len(swept.Challenges); n > limit {
			f.Fatalf("got %d swept, want at most %d", n, limit)
		}
		all.Sessions = append(all.Sessions, swept.Sessions...)
		all.Challenges = append(all.Challenges, swept.Challenges...)
		if !more {
			return all
		}
	}
	f.Fatal("sweeping has no end")
	return all
}

func sweep(f *fixture) {
	equal(f, "swept of nothing", f.sweepAll(10), challenge.Revoked{})
	var sessions []string
	var pending []challenge.Challenge
	for range 7 {
		pending = append(pending, f.begin("alice"))
		sessions = append(sessions, f.admit(f.entry(challenge.ByOff, "bob")).Session.ID)
	}
	f.must(f.s.Touch(f.Context(), map[string]time.Time{sessions[0]: f.now.Add(time.Hour)}))
	f.now = f.now.Add(10*time.Minute - 1)
	equal(f, "swept early", f.sweepAll(10), challenge.Revoked{})
	f.now = f.now.Add(1)
	fresh := f.begin("alice")

	got := f.sweepAll(3)
	slices.SortFunc(got.Challenges, func(a, b challenge.Challenge) int {
		return a.CreatedAt.Compare(b.CreatedAt)*2 + strings.Compare(a.ID, b.ID)
	})
	slices.SortFunc(pending, func(a, b challenge.Challenge) int { return strings.Compare(a.ID, b.ID) })
	equal(f, "what was held comes back", got, challenge.Revoked{Challenges: pending})
	f.again(func() {
		_, err := f.s.Challenge(f.Context(), fresh.ID, f.now)
		f.must(err)
		equal(f, "sessions", len(f.sessions()), 7)
	})
	f.now = f.now.Add(8*time.Hour - 10*time.Minute)
	equal(f, "idle sessions", len(f.sweepAll(3).Sessions), 6)
	f.again(func() { equal(f, "the used session", len(f.sessions()), 1) })
	for range 16 { // used every hour, it ends all the same
		f.must(f.s.Touch(f.Context(), map[string]time.Time{sessions[0]: f.now}))
		equal(f, "sessions over", len(f.sweepAll(3).Sessions), 0)
		f.now = f.now.Add(time.Hour)
	}
	equal(f, "sessions over", f.sweepAll(3).Sessions, sessions[:1])
}

func sweepRest(f *fixture) {
	cookie := f.remembered("alice", challenge.BrowserCookie{})
	f.wrong(f.begin("bob"))
	c := f.challenge("carol")
	charge := f.charge(c)
	charge.UserRate = challenge.Rate{Count: 2, Per: time.Hour}
	charge.AddressRate, charge.DayRate, charge.Address = charge.UserRate, charge.UserRate, netip.Addr{}
	_, err := f.s.Begin(f.Context(), c, "", charge, rules)
	f.must(err)

	f.now = f.now.Add(720 * time.Hour) // the trust's end
	f.sweepAll(2)
	f.again(func() {
		e := f.trusted("alice", cookie)
		e.Now = f.now.Add(-time.Hour) // as if the clock were right again: it is gone, not only over
		_, err := f.s.Admit(f.Context(), e)
		f.want(err, challenge.ErrNotTrusted)
		got, err := f.s.Users(f.Context())
		f.must(err)
		equal(f, "users", len(got), 0)
	})
	equal(f, "wrongs of a month", f.wrong(f.begin("bob")).Wrongs, 2)
	f.now = f.now.Add(61 * 24 * time.Hour)
	f.sweepAll(2)
	equal(f, "wrongs of three months", f.wrong(f.begin("bob")).Wrongs, 2)
	f.now = f.now.Add(500 * 24 * time.Hour)
	f.sweepAll(2)
	_, more, err := f.s.Sweep(f.Context(), f.now.Add(1e4*time.Hour), life, 1)
	f.must(err)
	if more {
		f.Error("something is left after 500 days")
	}
	e := f.code(f.begin("alice"), true)
	e.Browser = challenge.BrowserCookie{ID: cookie.ID, Secret: "any"}
	equal(f, "users to be told of a browser long forgotten", len(f.admit(e).Copied), 0)
}

func cancelledContext(f *fixture) {
	c := f.begin("alice")
	ctx, stop := context.WithCancel(f.Context())
	stop()
	_, err := f.s.Admit(ctx, f.code(c, true))
	f.want(err, context.Canceled)
	_, err = f.s.Challenge(ctx, c.ID, f.now)
	f.want(err, context.Canceled)
	f.admit(f.code(c, true))
}

func badEntry(f *fixture) {
	first := f.admit(f.entry(challenge.ByOff, "alice")).Session
	for what, spoil := range map[string]func(e *challenge.Entry){
		"no session id":     func(e *challenge.Entry) { e.Session.ID = "" },
		"a used session id": func(e *challenge.Entry) { e.Session.ID = first.ID },
		"no browser id":     func(e *challenge.Entry) { e.NewBrowserID = "" },
		"no browser secret": func(e *challenge.Entry) { e.NewSecret = "" },
	} {
		e := f.code(f.begin("bob"), true)
		spoil(&e)
		if _, err := f.s.Admit(f.Context(), e); err == nil {
			f.Errorf("%s: got no error, want one", what)
		}
		e = f.code(challenge.Challenge{ID: e.Challenge, Name: "bob"}, true)
		f.admit(e) // the code was not used up by it
	}
	equal(f, "first session", f.sessions()[first.ID], first)
}
