package storetest

import (
	"fmt"
	"time"

	"doorcode/challenge"
)

func trustEnters(f *fixture) {
	cookie := f.remembered("alice", challenge.BrowserCookie{})
	first := f.now
	for range 3 {
		f.now = f.now.Add(time.Hour)
		f.reopen()
		e := f.trusted("alice", cookie)
		a := f.admit(e)
		equal(f, "browser", a.Browser.ID, cookie.ID)
		equal(f, "session's browser", a.Session.Browser, cookie.ID)
		equal(f, "first seen", a.Browser.FirstAt, first)
		equal(f, "last used", a.Browser.UsedAt, f.now)
		equal(f, "trust last used", a.Trust.UsedAt, f.now)
		equal(f, "trust until", a.Trust.Until, first.Add(720*time.Hour)) // a use renews nothing
		cookie.Secret = e.NewSecret
	}
	cookie2 := f.remembered("bob", cookie) // a second user of the browser
	equal(f, "browser of the second user", cookie2.ID, cookie.ID)
	e := f.trusted("alice", cookie2)
	f.admit(e)
	f.admit(f.trusted("bob", challenge.BrowserCookie{ID: cookie.ID, Secret: e.NewSecret}))
}

func trustBounds(f *fixture) {
	cookie := f.remembered("alice", challenge.BrowserCookie{})
	f.now = f.now.Add(24 * time.Hour)
	for what, change := range map[string]func(e *challenge.Entry){
		"another user":              func(e *challenge.Entry) { e.Session.User = user("bob") },
		"another policy (D7)":       func(e *challenge.Entry) { e.Session.Policy, e.Policies = "policy 2", []string{"policy 2"} },
		"no policy":                 func(e *challenge.Entry) { e.Policies = nil },
		"another family (D1)":       func(e *challenge.Entry) { e.Family = "Chrome" },
		"remember: never":           func(e *challenge.Entry) { e.Remember = 0 },
		"the policy allows a day":   func(e *challenge.Entry) { e.Remember = 24 * time.Hour },
		"its end":                   func(e *challenge.Entry) { e.Now = f.now.Add(719 * time.Hour); e.Remember = 9999 * time.Hour },
		"no cookie":                 func(e *challenge.Entry) { e.Browser = challenge.BrowserCookie{} },
		"a browser that is unknown": func(e *challenge.Entry) { e.Browser.ID = "never was" },
		"id and user run together":  func(e *challenge.Entry) { e.Browser.ID = cookie.ID + "\x00alice" },
	} {
		e := f.trusted("alice", cookie)
		change(&e)
		f.again(func() {
			a, err := f.s.Admit(f.Context(), e)
			if err != challenge.ErrNotTrusted {
				f.Fatalf("%s: got error %v, want ErrNotTrusted itself", what, err)
			}
			equal(f, what, a, challenge.Admitted{})
		})
	}
	equal(f, "sessions", len(f.sessions()), 1)
	e := f.trusted("alice", cookie)
	f.admit(e) // none of it took the trust away
	for _, policies := range [][]string{{"policy 2", "policy 1"}, {"policy 3", "policy 2"}} {
		f.reopen()
		next := f.trusted("alice", challenge.BrowserCookie{ID: cookie.ID, Secret: e.NewSecret})
		next.Session.Policy, next.Policies = policies[0], policies // the same policy under a new key
		equal(f, "trust is kept under", f.admit(next).Trust.Policy, policies[0])
		e = next
	}
}

func lostAnswer(f *fixture) {
	cookie := f.remembered("alice", challenge.BrowserCookie{})
	for range 4 { // every answer is lost: the browser shows what it has
		f.now = f.now.Add(time.Hour)
		f.reopen()
		f.admit(f.trusted("alice", cookie))
	}
	f.now = f.now.Add(time.Hour)
	tabs := []challenge.Entry{f.trusted("alice", cookie), f.trusted("alice", cookie)} // two at once, either answer wins
	f.admit(tabs[0])
	f.admit(tabs[1])
	f.now = f.now.Add(time.Hour)
	f.admit(f.trusted("alice", challenge.BrowserCookie{ID: cookie.ID, Secret: tabs[0].NewSecret}))
}

func planted(f *fixture) {
	shown := f.remembered("mallory", challenge.BrowserCookie{}) // and put into alice's browser
	f.now = f.now.Add(time.Hour)
	cookie := f.remembered("alice", shown)
	_, err := f.s.Admit(f.Context(), f.trusted("alice", shown))
	f.want(err, challenge.ErrNotTrusted)
	f.admit(f.trusted("alice", cookie)) // no copy was called: her own secret opens it

	f.now = f.now.Add(time.Hour)
	other := f.remembered("mallory", challenge.BrowserCookie{})
	f.now = f.now.Add(time.Hour)
	f.remembered("alice", other)
	f.now = f.now.Add(time.Hour)
	e := f.trusted("mallory", other) // he changes his old secret for one that is younger than her trust
	f.admit(e)
	f.again(func() {
		_, err = f.s.Admit(f.Context(), f.trusted("alice", challenge.BrowserCookie{ID: other.ID, Secret: e.NewSecret}))
		f.want(err, challenge.ErrNotTrusted)
	})
}

func copied(f *fixture) {
	old := f.remembered("alice", challenge.BrowserCookie{})
	cookie := f.remembered("bob", old)
	f.now = f.now.Add(time.Hour)
	e := f.trusted("bob", cookie)
	left := f.sessions() // those that a code let in
	thiefs := f.admit(e).Session
	e.Browser.Secret = e.NewSecret
	again := f.goesOn(thiefs) // and once more, by password alone
	again.Browser, again.NewSecret = e.Browser, f.id("secret")
	thiefs = f.admit(again).Session
	e.NewSecret = again.NewSecret
	stays := f.remembered("alice", challenge.BrowserCookie{}) // alice's other browser
	other := f.trusted("alice", stays)
	stays.Secret = other.NewSecret
	for _, e := range []challenge.Entry{other, f.entry(challenge.ByOff, "carol")} {
		left[e.Session.ID] = f.admit(e).Session
	}
	for id, s := range f.sessions() { // the one that remembered the other browser
		if id != thiefs.ID {
			left[id] = s
		}
	}

	a, err := f.s.Admit(f.Context(), f.trusted("alice", old))
	f.want(err, challenge.ErrCopied)
	f.want(err, challenge.ErrNotTrusted)
	equal(f, "users to be told", a.Copied, []challenge.Username{user("alice"), user("bob")})
	equal(f, "session", a.Session, challenge.Session{})
	equal(f, "revoked", a.Revoked, challenge.Revoked{Sessions: []string{thiefs.ID}})
	f.again(func() {
		equal(f, "sessions", f.sessions(), left)
		for name, cookie := range map[string]challenge.BrowserCookie{"alice": old, "bob": {ID: cookie.ID, Secret: e.NewSecret}} {
			_, err := f.s.Admit(f.Context(), f.trusted(name, cookie))
			if err != challenge.ErrNotTrusted {
				f.Fatalf("%s after the copy: got error %v, want ErrNotTrusted itself", name, err)
			}
		}
	})
	f.admit(f.trusted("alice", stays))
}

// copiedInSession: whoever is in by trust cannot go on by password once his cookie is known for a copy.
func copiedInSession(f *fixture) {
	for _, way := range []challenge.Way{challenge.ByTrust, challenge.ByCode} {
		old := f.remembered("alice", challenge.BrowserCookie{})
		f.now = f.now.Add(time.Hour)
		e := f.trusted("alice", old)
		byTrust := f.admit(e).Session
		f.now = f.now.Add(time.Hour)
		cookie := challenge.BrowserCookie{ID: old.ID, Secret: e.NewSecret}
		code := f.code(f.begin("alice"), true)
		code.Browser = cookie
		byCode := f.admit(code).Session

		again := f.goesOn(map[challenge.Way]challenge.Session{challenge.ByTrust: byTrust, challenge.ByCode: byCode}[way])
		again.Browser = old
		a, err := f.s.Admit(f.Context(), again)
		equal(f, "users to be told", a.Copied, []challenge.Username{user("alice")})
		equal(f, "revoked", a.Revoked.Sessions, []string{byTrust.ID})
		if way == challenge.ByCode {
			f.must(err)
			equal(f, "browser", a.Browser.ID, again.NewBrowserID)
			continue
		}
		f.want(err, challenge.ErrCopied)
		f.again(func() {
			if _, found := f.sessions()[again.Session.ID]; found {
				f.Error("a copy goes on")
			}
		})
	}
}

func copiedByCode(f *fixture) {
	old := f.remembered("alice", challenge.BrowserCookie{})
	f.now = f.now.Add(time.Hour)
	e := f.trusted("alice", old)
	f.admit(e)
	f.now = f.now.Add(time.Hour)
	e.Browser.Secret, e.Session.ID, e.NewSecret = e.NewSecret, f.id("session"), f.id("secret")
	f.admit(e)

	c := f.code(f.begin("bob"), true) // bob's code is right, but the cookie his browser shows was replaced long ago
	c.Browser, c.Remember = old, 720*time.Hour
	a := f.admit(c)
	equal(f, "browser", a.Browser.ID, c.NewBrowserID)
	equal(f, "users to be told", a.Copied, []challenge.Username{user("alice")})
	equal(f, "revoked", len(a.Revoked.Sessions), 2) // alice's two by trust
	f.again(func() {
		_, err := f.s.Admit(f.Context(), f.trusted("alice", challenge.BrowserCookie{ID: old.ID, Secret: e.NewSecret}))
		f.want(err, challenge.ErrNotTrusted)
	})
	f.admit(f.trusted("bob", challenge.BrowserCookie{ID: c.NewBrowserID, Secret: c.NewSecret}))
}

func oldBrowser(f *fixture) {
	cookie := f.remembered("alice", challenge.BrowserCookie{})
	f.now = f.now.Add(challenge.BrowserLife)
	e := f.code(f.begin("alice"), true)
	e.Browser = cookie
	a := f.admit(e)
	equal(f, "browser", a.Browser.ID, e.NewBrowserID)
	equal(f, "users to be told", len(a.Copied), 0)
}

func choices(f *fixture) {
	chosen := func(name string, cookie challenge.BrowserCookie) challenge.Channel {
		f.Helper()
		c, err := f.s.Choice(f.Context(), cookie, user(name), f.now)
		f.must(err)
		return c
	}
	choose := func(name string, cookie challenge.BrowserCookie, by challenge.Channel) challenge.BrowserCookie {
		f.Helper()
		e := f.code(f.begin(name), true)
		e.Browser, e.Choice = cookie, by
		a := f.admit(e)
		return challenge.BrowserCookie{ID: a.Browser.ID, Secret: e.NewSecret}
	}
	cookie := choose("alice", challenge.BrowserCookie{}, challenge.SMS)
	cookie = choose("bob", cookie, challenge.Email)
	f.again(func() {
		equal(f, "alice's", chosen("alice", cookie), challenge.SMS)
		equal(f, "bob's", chosen("bob", cookie), challenge.Email)
		for what, got := range map[string]challenge.Channel{
			"carol's": chosen("carol", cookie), "no browser's": chosen("alice", challenge.BrowserCookie{}),
			"another's": chosen("alice", challenge.BrowserCookie{ID: cookie.ID, Secret: "guessed"}),
		} {
			equal(f, what, got, "")
		}
	})
	cookie = choose("alice", cookie, "") // a login that chose nothing
	equal(f, "alice's still", chosen("alice", cookie), challenge.SMS)
	cookie = choose("alice", cookie, challenge.Email)
	equal(f, "alice's now", chosen("alice", cookie), challenge.Email)
	for i := range 30 {
		cookie = choose(fmt.Sprintf("user %d", i), cookie, challenge.SMS)
	}
	equal(f, "who chose long ago", chosen("bob", cookie), "")
	equal(f, "who chose last", chosen("user 29", cookie), challenge.SMS)
	f.now = f.now.Add(challenge.BrowserLife)
	equal(f, "in a browser of long ago", chosen("user 29", cookie), "")
}
