package storetest

import (
	"bytes"
	"sync/atomic"
	"time"

	"doorcode/challenge"
)

// entryCode is one of name's, good for a quarter of an hour.
func (f *fixture) entryCode(name string) challenge.EntryCode {
	f.Helper()
	id := f.id("entry code")
	c := challenge.EntryCode{
		ID: id, User: user(name), Code: []byte("sealed 0123456789 of " + id), Policy: "policy 1", By: "root (uid 0)",
		CreatedAt: f.now, ExpiresAt: f.now.Add(15 * time.Minute),
	}
	f.must(f.s.PutEntryCode(f.Context(), c))
	return c
}

// byEntry enters the entry code made into the challenge c.
func (f *fixture) byEntry(c challenge.Challenge, made challenge.EntryCode) challenge.Entry {
	e := f.code(c, false)
	e.RightEntry = func(kept challenge.EntryCode) bool { return bytes.Equal(kept.Code, made.Code) }
	return e
}

// refusedEntry wants made to enter nobody with a challenge of name's, and the try counted.
func (f *fixture) refusedEntry(what, name string, made challenge.EntryCode) {
	f.Helper()
	f.must(f.s.Unlock(f.Context(), user(name)))
	a, err := f.s.Admit(f.Context(), f.byEntry(f.begin(name), made))
	if err != challenge.ErrWrongCode || a.Wrongs != 1 || a.EntryCode.ID != "" {
		f.Fatalf("%s: got %v, %d wrongs, entry code %q; want ErrWrongCode, 1 and none", what, err, a.Wrongs, a.EntryCode.ID)
	}
}

func entryCodeOnce(f *fixture) {
	made := f.entryCode("alice")
	f.reopen()
	c := f.begin("alice")
	f.wrong(c)
	e := f.byEntry(c, made)
	e.Remember = 720 * time.Hour
	a := f.admit(e)
	want := e.Session
	want.Way, want.Browser = challenge.ByEntry, e.NewBrowserID
	equal(f, "session", a.Session, want)
	equal(f, "entry code", a.EntryCode, made)
	equal(f, "held", a.Challenge.Held, c.Held)
	equal(f, "wrongs left", a.Wrongs, 0)
	if a.Trust.Browser != e.NewBrowserID {
		f.Errorf("the browser is not remembered: %+v", a.Trust)
	}
	f.again(func() {
		f.gone(c)
		equal(f, "sessions", f.sessions(), map[string]challenge.Session{want.ID: want})
		f.refusedEntry("a second time", "alice", made)
	})
	// The code that was sent is used up by no entry code but with its challenge, and an entry code by no code that was sent.
	made = f.entryCode("alice")
	f.must(f.s.Unlock(f.Context(), user("alice")))
	equal(f, "way", f.admit(f.code(f.begin("alice"), true)).Session.Way, challenge.ByCode)
	equal(f, "way", f.admit(f.byEntry(f.begin("alice"), made)).Session.Way, challenge.ByEntry)
}

func twoEntryCodes(f *fixture) {
	made := f.entryCode("alice")
	entries := make([]challenge.Entry, 4)
	for i := range entries {
		entries[i] = f.byEntry(f.begin("alice"), made) // each in a challenge of its own
	}
	var entered atomic.Int32
	atOnce(len(entries), func(i int) {
		switch _, err := f.s.Admit(f.Context(), entries[i]); err {
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

func entryCodeBounds(f *fixture) {
	made := f.entryCode("alice")
	f.refusedEntry("another user", "bob", made)
	second := f.entryCode("alice")
	f.refusedEntry("a replaced one", "alice", made)
	f.now = second.ExpiresAt.Add(-time.Second)
	f.reopen()
	f.admit(f.byEntry(f.begin("alice"), second))

	third := f.entryCode("alice")
	f.now = third.ExpiresAt
	f.refusedEntry("an expired one", "alice", third)
	fourth := f.entryCode("alice")
	f.now = f.now.Add(-2 * time.Minute)
	f.refusedEntry("one from the future", "alice", fourth)
}

func entryCodeWrong(f *fixture) {
	f.entryCode("alice")
	c := f.begin("alice")
	for i := range rules.Tries {
		e := f.code(c, false)
		e.RightEntry = func(challenge.EntryCode) bool { return false }
		a, err := f.s.Admit(f.Context(), e)
		f.want(err, challenge.ErrWrongCode)
		equal(f, "wrongs", a.Wrongs, i+1)
	}
	f.unknown(c)
}

// unknown is gone for a user who waits: nothing is compared then.
func (f *fixture) unknown(c challenge.Challenge) {
	f.Helper()
	_, err := f.s.Challenge(f.Context(), c.ID, f.now)
	f.want(err, challenge.ErrNotFound)
}

func entryCodeLocked(f *fixture) {
	made := f.entryCode("alice")
	f.wrongsTo(100, "alice", "trail")
	c := made
	c.CreatedAt, c.ExpiresAt = f.now, f.now.Add(15*time.Minute)
	f.again(func() { f.want(f.s.PutEntryCode(f.Context(), c), challenge.ErrLocked) })
	f.must(f.s.Unlock(f.Context(), user("alice")))
	f.refusedEntry("one from before the lock", "alice", made)
	f.must(f.s.PutEntryCode(f.Context(), c))
}

func entryCodeEnds(f *fixture) {
	made, others := f.entryCode("alice"), f.entryCode("bob")
	all, err := f.s.Users(f.Context())
	f.must(err)
	equal(f, "users", len(all), 2) // they have nothing else
	_, err = f.s.Revoke(f.Context(), challenge.Match{User: user("alice")})
	f.must(err)
	f.again(func() { f.refusedEntry("a revoked one", "alice", made) })
	f.admit(f.byEntry(f.begin("bob"), others))

	third := f.entryCode("carol")
	f.now = third.ExpiresAt
	f.sweepAll(10)
	f.now = third.CreatedAt
	f.refusedEntry("a swept one", "carol", third)
	f.want(f.s.PutEntryCode(f.Context(), third), nil)
}

func entryCodeFound(f *fixture) {
	made := f.entryCode("alice")
	f.again(func() {
		got, err := f.s.EntryCode(f.Context(), made.User, f.now)
		f.must(err)
		equal(f, "the entry code", got, made)
		_, err = f.s.EntryCode(f.Context(), user("bob"), f.now)
		f.want(err, challenge.ErrNotFound)
	})
	_, err := f.s.EntryCode(f.Context(), made.User, made.ExpiresAt)
	f.want(err, challenge.ErrNotFound)
}
