package storetest

import (
	"sync"
	"sync/atomic"
	"time"

	"doorcode/challenge"
)

func rightCodeOnce(f *fixture) {
	c := f.begin("alice")
	f.wrong(c)
	e := f.code(c, true)
	e.Remember = 720 * time.Hour
	a := f.admit(e)

	want := e.Session
	want.Browser = e.NewBrowserID
	equal(f, "session", a.Session, want)
	c.Tries = 2
	equal(f, "challenge", a.Challenge, c)
	equal(f, "trust", a.Trust, challenge.Trust{
		Browser: e.NewBrowserID, User: c.User, Policy: "policy 1", Family: "Firefox",
		CreatedAt: f.now, UsedAt: f.now, Until: f.now.Add(720 * time.Hour),
	})
	f.again(func() {
		f.gone(c)
		equal(f, "sessions", f.sessions(), map[string]challenge.Session{want.ID: want})
	})
}

// atOnce runs do n times at once and returns when all are done.
func atOnce(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

func twoRightCodes(f *fixture) {
	c := f.begin("alice")
	entries := []challenge.Entry{f.code(c, true), f.code(c, true), f.code(c, true), f.code(c, true)}
	var entered atomic.Int32
	atOnce(len(entries), func(i int) {
		_, err := f.s.Admit(f.Context(), entries[i])
		switch err {
		case nil:
			entered.Add(1)
		case challenge.ErrWrongCode:
		default:
			f.Errorf("got error %v, want ErrWrongCode", err)
		}
	})
	equal(f, "entries", entered.Load(), 1)
	f.again(func() { equal(f, "sessions", len(f.sessions()), 1) })
}

func manyTries(f *fixture) {
	c := f.begin("alice")
	entries := make([]challenge.Entry, 100)
	for i := range entries {
		entries[i] = f.code(c, false)
	}
	var compared atomic.Int32
	atOnce(len(entries), func(i int) {
		entries[i].Right = func([]byte) bool { compared.Add(1); return false }
		if _, err := f.s.Admit(f.Context(), entries[i]); err != challenge.ErrWrongCode {
			f.Errorf("got error %v, want ErrWrongCode", err)
		}
	})
	// A store may run a transaction twice, so compared may be more; what counts is what was counted.
	if compared.Load() < int32(rules.Tries) {
		f.Errorf("got %d codes compared, want at least %d", compared.Load(), rules.Tries)
	}
	f.again(func() { f.gone(c) })

	// A hundred challenges and one try each: the user's wait stops them after five.
	f.now = f.now.Add(time.Hour)
	f.must(f.s.Unlock(f.Context(), c.User))
	for i := range entries {
		entries[i] = f.code(f.begin("alice"), false)
	}
	var wrong atomic.Int32
	atOnce(len(entries), func(i int) {
		if _, err := f.s.Admit(f.Context(), entries[i]); err == challenge.ErrWrongCode {
			wrong.Add(1)
		}
	})
	equal(f, "wrong codes compared", wrong.Load(), 5)
}

func lastTry(f *fixture) {
	c := f.begin("alice")
	for i := range rules.Tries - 1 {
		a := f.wrong(c)
		equal(f, "wrongs", a.Wrongs, i+1)
		equal(f, "revoked", a.Revoked, challenge.Revoked{})
		f.again(func() {
			got, err := f.s.Challenge(f.Context(), c.ID, f.now)
			f.must(err)
			equal(f, "tries", got.Tries, i+1)
		})
	}
	a := f.wrong(c)
	c.Tries = rules.Tries
	equal(f, "revoked with the last try", a.Revoked, challenge.Revoked{Challenges: []challenge.Challenge{c}})
	f.must(f.s.Unlock(f.Context(), c.User))
	f.again(func() { f.gone(c) })

	// The rules are those of today, not of the day it was begun; no rules are no tries.
	c = f.begin("bob")
	f.wrong(c)
	for _, tries := range []int{0, 1} {
		e := f.code(c, true)
		e.Rules.Tries = tries
		_, err := f.s.Admit(f.Context(), e)
		f.want(err, challenge.ErrWrongCode)
	}
	f.admit(f.code(c, true))
}

func waitGrows(f *fixture) {
	for range 5 {
		f.wrong(f.begin("alice")) // four wrong codes, password again, four wrong codes … (C9)
	}
	pending := f.challenge("alice")
	wait := 30 * time.Second
	for range 9 {
		f.again(func() {
			_, err := f.s.Begin(f.Context(), pending, "", f.charge(pending), rules)
			f.wantWait(err, challenge.WaitWrongCodes, f.now.Add(wait))
		})
		f.now = f.now.Add(wait)
		c := f.begin("alice")
		f.wrong(c)
		_, err := f.s.Admit(f.Context(), f.code(c, true)) // not even the right one, nor is it compared or counted
		wait = min(2*wait, time.Hour)
		f.wantWait(err, challenge.WaitWrongCodes, f.now.Add(wait))
		got, err := f.s.Challenge(f.Context(), c.ID, f.now)
		f.must(err)
		equal(f, "tries", got.Tries, 1)
	}
	f.begin("bob") // nobody else waits
	f.now = f.now.Add(91 * 24 * time.Hour)
	f.begin("alice")
}

func clearsOwnTrail(f *fixture) {
	c := f.begin("alice")
	f.wrong(c)
	theirs := f.code(f.begin("alice"), false)
	theirs.Trail = "the thief's"
	_, err := f.s.Admit(f.Context(), theirs)
	f.want(err, challenge.ErrWrongCode)
	f.wrong(c)

	equal(f, "wrongs left by a right code", f.admit(f.code(c, true)).Wrongs, 1)
	f.reopen()
	equal(f, "wrongs with one more", f.wrong(f.begin("alice")).Wrongs, 2)
}

// wrongsTo enters wrong codes, of one trail and an hour apart, until n stand, and returns the alarms.
func (f *fixture) wrongsTo(n int, name, trail string) (alarms []int) {
	f.Helper()
	for {
		c := f.begin(name)
		e := f.code(c, false)
		e.Trail = trail
		a, err := f.s.Admit(f.Context(), e)
		f.want(err, challenge.ErrWrongCode)
		if a.Alarm != 0 {
			alarms = append(alarms, a.Alarm)
		}
		if a.Wrongs >= n {
			return alarms
		}
		_, err = f.s.Cancel(f.Context(), c.ID)
		f.must(err)
		f.now = f.now.Add(time.Hour)
	}
}

func alarms(f *fixture) {
	clear := func() {
		f.now = f.now.Add(time.Hour)
		a := f.admit(f.code(f.begin("alice"), true))
		equal(f, "wrongs and alarm of a right code", [2]int{a.Wrongs, a.Alarm}, [2]int{0, 0})
	}
	equal(f, "alarms to 19", f.wrongsTo(19, "alice", "trail"), []int{5})
	clear()
	f.reopen()
	equal(f, "alarms the same day", f.wrongsTo(5, "alice", "trail"), nil)
	clear()
	equal(f, "another's alarms", f.wrongsTo(5, "bob", "trail"), []int{5})
	f.now = f.now.Add(challenge.AlarmPause)
	f.sweepAll(10)
	equal(f, "alarms the next day", f.wrongsTo(5, "alice", "trail"), []int{5})
	f.must(f.s.Unlock(f.Context(), user("alice")))
	equal(f, "alarms after unlock", f.wrongsTo(100, "alice", "trail"), []int{5, 20, 50, 100})
}

func oneAlarm(f *fixture) {
	f.wrongsTo(4, "alice", "trail")
	entries := make([]challenge.Entry, 50)
	for i := range entries {
		entries[i] = f.code(f.begin("alice"), false)
	}
	var alarms atomic.Int32
	atOnce(len(entries), func(i int) {
		if a, _ := f.s.Admit(f.Context(), entries[i]); a.Alarm != 0 {
			alarms.Add(1)
		}
	})
	equal(f, "alarms", alarms.Load(), 1)
}

// lock enters a hundred wrong codes as quickly as the wait allows.
func (f *fixture) lock(name string) {
	f.Helper()
	for n := 1; ; n++ {
		c := f.challenge(name)
		_, err := f.s.Begin(f.Context(), c, "", f.charge(c), rules)
		if err == challenge.ErrLocked {
			equal(f, "wrong codes until the lock", n-1, 100)
			return
		}
		f.must(err)
		if n < 100 {
			f.wrong(c)
			_, err := f.s.Cancel(f.Context(), c.ID)
			f.must(err)
			f.now = f.now.Add(time.Hour)
			continue
		}
		second := f.begin(name) // what else is pending dies with the last one (C9)
		a := f.wrong(c)
		c.Tries = 1
		equal(f, "revoked with the lock", a.Revoked, challenge.Revoked{Challenges: []challenge.Challenge{c, second}})
		f.gone(second)
		f.now = f.now.Add(time.Hour)
	}
}

func locked(f *fixture) {
	cookie := f.remembered("alice", challenge.BrowserCookie{})
	f.lock("alice")
	f.again(func() {
		c := f.challenge("alice")
		_, err := f.s.Begin(f.Context(), c, "", f.charge(c), rules)
		f.want(err, challenge.ErrLocked)
		e := f.trusted("alice", cookie) // a lock is no weapon against the owner (E8)
		f.admit(e)
		cookie.Secret = e.NewSecret
	})
	f.begin("bob")
	f.must(f.s.Unlock(f.Context(), user("alice")))
	f.again(func() { f.admit(f.code(f.begin("alice"), true)) })
	f.must(f.s.Unlock(f.Context(), user("nobody")))
}

func foreignChallenge(f *fixture) {
	c := f.begin("alice")
	e := f.code(c, true)
	e.Session.User = user("bob")
	if _, err := f.s.Admit(f.Context(), e); err == nil {
		f.Fatal("alice's code let bob in")
	}
	f.again(func() { equal(f, "sessions", len(f.sessions()), 0) })
	f.admit(f.code(c, true)) // nothing of it was counted
}

func replacesSession(f *fixture) {
	first := f.admit(f.code(f.begin("bob"), true)).Session
	second := f.admit(f.code(f.begin("carol"), true)).Session
	c := f.challenge("alice")
	c.Replaces = first.ID
	_, err := f.s.Begin(f.Context(), c, "", f.charge(c), rules)
	f.must(err)

	// A wrong code ends nobody's session.
	e := f.code(c, false)
	e.Replaces = second.ID
	_, err = f.s.Admit(f.Context(), e)
	f.want(err, challenge.ErrWrongCode)
	equal(f, "sessions", len(f.sessions()), 2)

	e = f.code(c, true)
	e.Replaces = second.ID
	a := f.admit(e)
	equal(f, "ended", a.Ended, []string{second.ID, first.ID})
	f.again(func() {
		equal(f, "sessions", f.sessions(), map[string]challenge.Session{a.Session.ID: a.Session})
	})
	e = f.entry(challenge.ByOff, "alice")
	e.Replaces = "never was"
	equal(f, "ended", len(f.admit(e).Ended), 0)
}

func otherWays(f *fixture) {
	want := map[string]challenge.Session{}
	for _, way := range []challenge.Way{challenge.BySession, challenge.ByOff, challenge.ByUnlisted} {
		e := f.entry(way, "alice")
		if way == challenge.BySession {
			e.Replaces = f.admit(f.entry(challenge.ByOff, "alice")).Session.ID
		}
		e.Remember = 720 * time.Hour // these ways give no trust: nobody ticked anything
		a := f.admit(e)
		want[a.Session.ID] = a.Session
		equal(f, "way", a.Session.Way, way)
		equal(f, "browser", a.Session.Browser, e.NewBrowserID)
		equal(f, "trust", a.Trust, challenge.Trust{})
		_, err := f.s.Admit(f.Context(), f.trusted("alice", challenge.BrowserCookie{ID: e.NewBrowserID, Secret: e.NewSecret}))
		f.want(err, challenge.ErrNotTrusted)
	}
	f.again(func() { equal(f, "sessions", f.sessions(), want) })
}

func goesOn(f *fixture) {
	alice := f.admit(f.entry(challenge.ByOff, "alice")).Session
	bob := f.admit(f.entry(challenge.ByOff, "bob")).Session
	for what, replaces := range map[string]string{"none": "", "one that never was": "never was", "another user's": bob.ID} {
		e := f.entry(challenge.BySession, "alice")
		e.Replaces = replaces
		if _, err := f.s.Admit(f.Context(), e); err != challenge.ErrNotTrusted {
			f.Fatalf("%s: got error %v, want ErrNotTrusted itself", what, err)
		}
	}
	next := f.admit(f.goesOn(alice))
	equal(f, "ended", next.Ended, []string{alice.ID})
	_, err := f.s.Admit(f.Context(), f.goesOn(alice)) // the second of two tabs
	f.want(err, challenge.ErrNotTrusted)
	if _, err := f.s.Revoke(f.Context(), challenge.Match{Session: next.Session.ID}); err != nil {
		f.Fatal(err)
	}
	f.again(func() { // a login that was under way when its session was revoked (invariant 10)
		_, err := f.s.Admit(f.Context(), f.goesOn(next.Session))
		f.want(err, challenge.ErrNotTrusted)
		equal(f, "sessions", f.sessions(), map[string]challenge.Session{bob.ID: bob})
	})
}
