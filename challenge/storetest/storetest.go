// Package storetest holds the promises of challenge.Store against a Store: what door and gateway rely on, one sub-test each.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"doorcode/challenge"
)

// Run runs the suite. open opens the state that lives in the folder dir, and opens the same state again once it was closed: most
// promises are asked for a second time then.
func Run(t *testing.T, open func(t *testing.T, dir string) challenge.Store) {
	for _, test := range []struct {
		promise string
		run     func(f *fixture)
	}{
		{"a challenge is found until it expires", challengeLives},
		{"unknown, expired and used up are one and the same", refusedAlike},
		{"records handed out are copies", copies},
		{"a new challenge ends the one it replaces", beginReplaces},
		{"sends are limited by user, address and day", sendLimits},
		{"a refused send counts nothing and writes nothing", refusedSendIsFree},
		{"a resend waits, is limited and renews nothing", resend},
		{"delivery is recorded by channel", delivered},
		{"SMS are counted by day, month and user", budgets},
		{"a share of the SMS is kept for who had none", reserve},
		{"an SMS that failed is given back", failedSMS},
		{"an SMS that failed after its challenge is given back", failedSMSOfNobody},
		{"budgets alarm once in their period", budgetAlarms},
		{"of many SMS at once no more leave than there are", budgetAtOnce},
		{"counters go with their period", sweepBudgets},
		{"cancel forgets and hands back what was held", cancel},
		{"a right code enters once", rightCodeOnce},
		{"of two right codes at once one enters", twoRightCodes},
		{"a hundred tries at once count as tries allow", manyTries},
		{"a challenge dies with its last try", lastTry},
		{"wrong codes make a wait across challenges", waitGrows},
		{"a right code clears its own trail", clearsOwnTrail},
		{"wrong codes alarm once at each number", alarms},
		{"of wrong codes at once one alarms", oneAlarm},
		{"at the limit only trusted browsers enter until unlock", locked},
		{"a code of another user enters nobody", foreignChallenge},
		{"an entry code enters once", entryCodeOnce},
		{"of two right entry codes at once one enters", twoEntryCodes},
		{"an entry code is its user's, until it expires or is replaced", entryCodeBounds},
		{"a wrong code counts where there is an entry code", entryCodeWrong},
		{"a locked user gets no entry code", entryCodeLocked},
		{"revoke and sweep end entry codes", entryCodeEnds},
		{"a session in the same browser is replaced", replacesSession},
		{"other ways write session and browser", otherWays},
		{"only a live session of the same user goes on", goesOn},
		{"a trusted browser enters", trustEnters},
		{"trust holds for its user, family, policy and time", trustBounds},
		{"a browser remembers what its users chose", choices},
		{"an entry code is found while it lives", entryCodeFound},
		{"a lost answer is no copy", lostAnswer},
		{"a secret older than a trust does not open it", planted},
		{"a copied browser loses every trust", copied},
		{"a copied browser's trusted session does not go on", copiedInSession},
		{"a code lets in a copied browser, as a new one", copiedByCode},
		{"a browser unused for 400 days is another", oldBrowser},
		{"touch moves last uses forward", touch},
		{"revoke ends a session", revokeSession},
		{"revoke ends a browser for all its users", revokeBrowser},
		{"revoke ends a user everywhere", revokeUser},
		{"revoke ends a user's trusts alone", revokeTrusts},
		{"revoke wants one thing", revokeOne},
		{"users lists everybody who has something", users},
		{"findings add up", findings},
		{"findings are bounded and forgotten", findingsBounded},
		{"sweep removes what is over, within its limit", sweep},
		{"sweep forgets trusts, browsers and counters", sweepRest},
		{"a cancelled context does nothing", cancelledContext},
		{"an entry that lacks something is trouble", badEntry},
	} {
		t.Run(test.promise, func(t *testing.T) {
			f := &fixture{T: t, open: open, dir: t.TempDir(), now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
			f.s = open(t, f.dir)
			defer func() { f.must(f.s.Close()) }()
			test.run(f)
		})
	}
}

// fixture is a store, a clock, and the shortest way to say what a test wants of them.
type fixture struct {
	*testing.T
	open func(t *testing.T, dir string) challenge.Store
	dir  string
	s    challenge.Store
	now  time.Time
	ids  int
}

// again asks, closes and opens the store, and asks again.
func (f *fixture) again(ask func()) {
	f.Helper()
	ask()
	f.reopen()
	ask()
}

func (f *fixture) reopen() {
	f.Helper()
	f.must(f.s.Close())
	f.s = f.open(f.T, f.dir)
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatalf("got error %v, want none", err)
	}
}

// want fails unless err is target.
func (f *fixture) want(err, target error) {
	f.Helper()
	if !errors.Is(err, target) {
		f.Fatalf("got error %v, want %v", err, target)
	}
}

// wantWait fails unless err is a wait for why until then.
func (f *fixture) wantWait(err error, why challenge.Wait, until time.Time) {
	f.Helper()
	wait, ok := errors.AsType[challenge.ErrWait](err)
	if !ok || wait.Why != why || !wait.Until.Equal(until) {
		f.Fatalf("got error %v, want a wait for %s until %s", err, why, until)
	}
}

// equal compares every field. The clock of the suite is in UTC, in which records hand their times out.
func equal[T any](f *fixture, what string, got, want T) {
	f.Helper()
	if !reflect.DeepEqual(got, want) {
		f.Fatalf("%s:\n got %.2000s\nwant %.2000s", what, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

func (f *fixture) id(kind string) string {
	f.ids++
	return fmt.Sprintf("%s-%d", kind, f.ids)
}

func user(name string) challenge.Username {
	u, err := challenge.Fold{Case: true}.Username(name)
	if err != nil {
		panic(err) // a name written in a test
	}
	return u
}

var rules = challenge.CodeRules{Tries: 5, ResendAfter: 30 * time.Second, Resends: 3}

// challenge is a complete one of u's, as Door would begin it.
func (f *fixture) challenge(name string) challenge.Challenge {
	id := f.id("challenge")
	return challenge.Challenge{
		ID: id, User: user(name), Name: name, Held: challenge.Held("held by " + id), Code: []byte("sealed 123456 of " + id), Policy: "policy 1",
		Routes:   []challenge.Route{{Channel: challenge.SMS, Masked: "059•••••56", State: challenge.RoutePending, At: f.now}, {Channel: challenge.Email, Masked: "a•••@example.com", State: challenge.RoutePending, At: f.now}},
		Last:     []challenge.Channel{challenge.SMS, challenge.Email},
		Trail:    "trail",
		Remember: 720 * time.Hour, Return: "/invoices?id=7", Language: "ar", Host: "books.example.com",
		Address: netip.MustParseAddr("192.0.2.7"), Agent: "Firefox",
		CreatedAt: f.now, ExpiresAt: f.now.Add(10 * time.Minute), Sends: 1, SentAt: f.now,
	}
}

// charge is a send without limits.
func (f *fixture) charge(c challenge.Challenge) challenge.SendCharge {
	return challenge.SendCharge{User: c.User, Address: c.Address, Messages: len(c.Routes), Now: f.now}
}

func (f *fixture) begin(name string) challenge.Challenge {
	f.Helper()
	c := f.challenge(name)
	_, err := f.s.Begin(f.Context(), c, "", f.charge(c), rules)
	f.must(err)
	return c
}

// entry is a login of name's in a browser without a cookie.
func (f *fixture) entry(way challenge.Way, name string) challenge.Entry {
	return challenge.Entry{
		Way: way,
		Session: challenge.Session{
			ID: f.id("session"), User: user(name), Name: name, Way: way, Policy: "policy 1",
			Address: netip.MustParseAddr("192.0.2.7"), Agent: "Firefox", CreatedAt: f.now, UsedAt: f.now,
		},
		Rules: rules, Family: "Firefox", NewBrowserID: f.id("browser"), NewSecret: f.id("secret"), Now: f.now,
	}
}

// code is an entry of a right or wrong code.
func (f *fixture) code(c challenge.Challenge, right bool) challenge.Entry {
	e := f.entry(challenge.ByCode, c.Name)
	e.Challenge, e.Trail = c.ID, "trail"
	e.Right = func(sealed []byte) bool { return right && bytes.Equal(sealed, []byte("sealed 123456 of "+c.ID)) }
	return e
}

// wrong enters a wrong code and wants it counted.
func (f *fixture) wrong(c challenge.Challenge) challenge.Admitted {
	f.Helper()
	a, err := f.s.Admit(f.Context(), f.code(c, false))
	f.want(err, challenge.ErrWrongCode)
	return a
}

func (f *fixture) admit(e challenge.Entry) challenge.Admitted {
	f.Helper()
	a, err := f.s.Admit(f.Context(), e)
	f.must(err)
	return a
}

// remembered logs name in with a code, has the browser remembered, and returns its cookie.
func (f *fixture) remembered(name string, cookie challenge.BrowserCookie) challenge.BrowserCookie {
	f.Helper()
	e := f.code(f.begin(name), true)
	e.Browser, e.Remember = cookie, 720*time.Hour
	a := f.admit(e)
	return challenge.BrowserCookie{ID: a.Browser.ID, Secret: e.NewSecret}
}

// trusted is an entry of name's by a remembered browser.
func (f *fixture) trusted(name string, cookie challenge.BrowserCookie) challenge.Entry {
	e := f.entry(challenge.ByTrust, name)
	e.Session.Trusted, e.Policies = true, []string{e.Session.Policy}
	e.Browser, e.Remember = cookie, 720*time.Hour
	return e
}

// goesOn is a login of the same user in his live session s.
func (f *fixture) goesOn(s challenge.Session) challenge.Entry {
	e := f.entry(challenge.BySession, s.Name)
	e.Replaces, e.Session.Trusted = s.ID, s.Trusted
	return e
}

func (f *fixture) sessions() map[string]challenge.Session {
	f.Helper()
	all, err := f.s.Sessions(f.Context())
	f.must(err)
	byID := map[string]challenge.Session{}
	for _, s := range all {
		byID[s.ID] = s
	}
	return byID
}

// gone fails if the challenge can still be seen or entered.
func (f *fixture) gone(c challenge.Challenge) {
	f.Helper()
	_, err := f.s.Challenge(f.Context(), c.ID, f.now)
	f.want(err, challenge.ErrNotFound)
	_, err = f.s.Admit(f.Context(), f.code(c, true))
	f.want(err, challenge.ErrWrongCode)
}
