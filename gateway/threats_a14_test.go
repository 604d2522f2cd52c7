package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"doorcode/gateway"
	"doorcode/testdata/naive"
)

// Threat A14: logins that carry their visitor's session (login.isolation: carry). The naive upstream keeps the session's id through the
// login, so whatever opened it before, or is under way in it, would run as the user.

// The threats that are the same however a login comes by its session, with carried ones. Left out are those that want several logins at
// once in one browser, or a login beside a session that is signed in, which carry refuses; and applications that write their session ids
// into pages, which here a visitor sees before he is anybody.
func TestThreat_A14_OthersUnderCarry(t *testing.T) {
	carryAll = true
	defer func() { carryAll = false }()
	for name, test := range map[string]func(*testing.T){
		"I1_NoCodeNoEntry":                TestInvariant_1_NoCodeNoEntry,
		"I5_DefaultDeny":                  TestInvariant_5_DefaultDeny,
		"A1_IgnoresTheCodePage":           TestThreat_A1_IgnoresTheCodePage,
		"A2_FixedSessionID":               TestThreat_A2_FixedSessionID,
		"A5_ChosenAtLogin":                TestThreat_A5_ChosenAtLogin,
		"A5_LearnedSessionID":             TestThreat_A5_LearnedSessionID,
		"A6_SealedCookieElsewhere":        TestThreat_A6_SealedCookieElsewhere,
		"A6_ChangedBits":                  TestThreat_A6_ChangedBits,
		"A7_ForgottenAndSignedOut":        TestThreat_A7_ForgottenAndSignedOut,
		"A7_GoneDuringLogin":              TestThreat_A7_GoneDuringLogin,
		"A8_CookiesInOddPlaces":           TestThreat_A8_CookiesInOddPlaces,
		"A8_OddAnswersToALogin":           TestThreat_A8_OddAnswersToALogin,
		"A9_RememberMeAlone":              TestThreat_A9_RememberMeAlone,
		"A9_KeptOrPlain":                  TestThreat_A9_KeptOrPlain,
		"A10_HeldSessionOutsideSetCookie": TestThreat_A10_HeldSessionOutsideSetCookie,
		"A12_BackAndReload":               TestThreat_A12_BackAndReload,
		"A12_TwoTabs":                     TestThreat_A12_TwoTabs,
		"A12_CookieOfTheOlderChallenge":   TestThreat_A12_CookieOfTheOlderChallenge,
		"A12_LogoutInAnotherTab":          TestThreat_A12_LogoutInAnotherTab,
	} {
		t.Run(name, test)
	}
}

// carryHouse is a house with carried logins in which visitors may open pages of the application that look who is in.
func carryHouse(t *testing.T, o naive.Options, config ...func(*gateway.Config)) *house {
	t.Helper()
	return newHouse(t, plan{carry: true, naive: o, config: func(c *gateway.Config) {
		c.Public = append(c.Public, rule(t, "", "/slow"), rule(t, "", "/invoice.php"), rule(t, "POST", "/note.php"))
		for _, change := range config {
			change(c)
		}
	}})
}

// wantSpent waits until nothing opens any more that these cookies hold.
func (h *house) wantSpent(cookies string) {
	h.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		before := len(h.naive.Requests())
		h.bareRequest(h.t.Context(), "/static/app.css", cookies) // may be cut off itself
		for _, r := range h.naive.Requests()[before:] {
			if strings.HasPrefix(r.URI, "/static/") && r.Header.Get("Cookie") == "" {
				return
			}
		}
	}
	h.t.Fatal("the visitor's session still opens")
}

// A page that waits in the middle of its run looks who is in after that. The login waits for it.
func TestThreat_A14_SlowPage(t *testing.T) {
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprintf("visitor gone %v", gone), func(t *testing.T) {
			slow := make(chan struct{})
			h := carryHouse(t, naive.Options{Slow: slow})
			finish := sync.OnceFunc(func() { close(slow) })
			t.Cleanup(finish)
			b := h.browser()
			b.get("/login.php")
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			done := make(chan string)
			go func() { done <- h.bareRequest(ctx, "/slow", b.cookies()) }()
			h.waitFor("GET", "/slow")
			if gone {
				leave()
				<-done
			}
			cookies := b.cookies()
			login := make(chan answer)
			go func() { login <- b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}) }()
			h.wantSpent(cookies)
			if n := len(h.loginRequests()); n != 0 {
				t.Errorf("%d logins went up while a page was under way in their session", n)
			}
			finish()
			h.wantCodePage(<-login)
			if !gone {
				if body := <-done; body != "" {
					t.Errorf("the page was answered: %q", body)
				}
			}
			h.wantNothingAs("alice")
			b.enter(h.lastCode("alice"))
			b.wantMember("alice")
		})
	}
}

// bareRequest sends a GET with these cookies and returns what comes of the answer's body.
func (h *house) bareRequest(ctx context.Context, target, cookies string) string {
	r, err := http.NewRequestWithContext(ctx, "GET", h.url+target, nil)
	must(h.t, err)
	r.Header.Set("Cookie", cookies)
	r.Header.Set("User-Agent", firefox)
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return string(body)
}

// A page that does not come to its end: nobody signs in to its session, neither now nor when its visitor has gone.
func TestThreat_A14_NeverEnds(t *testing.T) {
	slow := make(chan struct{})
	finish := sync.OnceFunc(func() { close(slow) })
	h := carryHouse(t, naive.Options{Slow: slow}, func(c *gateway.Config) { c.Limits.Patience = 50 * time.Millisecond })
	login := func(b *browser) answer {
		return b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}})
	}
	t.Cleanup(finish)
	b, c := h.browser(), h.browser()
	for _, x := range []*browser{b, c} {
		x.get("/login.php")
	}
	under := make(chan string)
	go func() { under <- h.bareRequest(t.Context(), "/slow", b.cookies()) }()
	h.waitFor("GET", "/slow")
	if a := login(b); a.StatusCode != http.StatusConflict {
		t.Errorf("a login with a page under way that does not end: %d to %q", a.StatusCode, a.to())
	}
	<-under
	ctx, leave := context.WithCancel(t.Context())
	go func() { under <- h.bareRequest(ctx, "/slow", c.cookies()) }()
	for len(h.slowPages()) < 2 {
		time.Sleep(time.Millisecond)
	}
	leave()
	<-under
	h.wantSpent(c.cookies()) // by giving up
	if a := login(c); a.StatusCode != http.StatusConflict {
		t.Errorf("a login after a page that did not end: %d to %q", a.StatusCode, a.to())
	}
	finish()
	h.up.Close() // waits until what had begun has run
	if n := len(h.naive.SignIns()); n != 0 {
		t.Errorf("%d logins were signed in", n)
	}
	h.wantNothingAs("alice")
}

func (h *house) slowPages() (found []naive.Request) {
	for _, r := range h.naive.Requests() {
		if r.URI == "/slow" {
			found = append(found, r)
		}
	}
	return found
}

// A form that was begun before the login and ends after it: nothing of it is at the application before it is whole.
func TestThreat_A14_SlowBody(t *testing.T) {
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprintf("cut %v", cut), func(t *testing.T) {
			h := carryHouse(t, naive.Options{})
			b := h.browser()
			b.get("/login.php")
			c, err := net.Dial("tcp", h.server.Listener.Addr().String())
			must(t, err)
			defer c.Close()
			fmt.Fprintf(c, "POST /note.php HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n"+
				"Expect: 100-continue\r\nConnection: close\r\nCookie: %s\r\n\r\n", h.server.Listener.Addr(), b.cookies())
			if _, err := io.ReadFull(c, make([]byte, 25)); err != nil { // 100 Continue: the gateway reads
				t.Fatal(err)
			}
			io.WriteString(c, "text="+strings.Repeat("x", 600))
			h.wantCodePage(b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}))
			if !cut {
				io.WriteString(c, strings.Repeat("y", 395))
				io.ReadAll(c)
			}
			c.Close()
			h.wantNothingAs("alice")
			b.enter(h.lastCode("alice"))
			b.wantMember("alice")
			for _, r := range h.naive.Requests() {
				if r.URI == "/note.php" && (r.Cut || r.Header.Get("Cookie") != "") {
					t.Errorf("the form went up: cut %v, with %q", r.Cut, r.Header.Get("Cookie"))
				}
			}
		})
	}
}

// A hundred pages at once, before, during and after two logins in one visitor session: one login at most goes up.
func TestThreat_A14_ParallelRequests(t *testing.T) {
	rounds := 10
	if !testing.Short() {
		rounds = 100
	}
	h := carryHouse(t, naive.Options{})
	b := h.browser()
	for round := range 3 {
		b.get("/login.php")
		cookies := b.cookies()
		var firing sync.WaitGroup
		for range 100 {
			firing.Go(func() {
				for range rounds {
					if body := h.bareRequest(t.Context(), "/invoice.php?id=7", cookies); strings.Contains(body, "alice") {
						t.Errorf("answered as alice: %s", body)
						return
					}
				}
			})
		}
		answers := make(chan answer, 2)
		for range 2 {
			go func() {
				answers <- h.bare().post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}, "Cookie", cookies)
			}()
		}
		asked := 0
		for range 2 {
			if a := <-answers; a.to() == "/_doorcode/code" {
				asked++
			}
		}
		firing.Wait()
		if asked != 1 {
			t.Errorf("round %d: %d of two logins in one session went on to a code, want 1", round, asked)
		}
		h.wantNothingAs("alice")
	}
}

// Every cookie of before the login, alone and together, while the code is awaited, after the entry, and after a restart.
func TestThreat_A14_SpentSession(t *testing.T) {
	h := carryHouse(t, naive.Options{Slow: noWait()})
	b := h.browser()
	b.get("/login.php")
	seen := []string{b.cookies()}
	b.post("/login.php", url.Values{"username": {"alice"}, "password": {"wrong"}}) // goes on in a new one
	seen = append(seen, b.cookies())
	h.wantCodePage(b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}))
	held := h.naive.SessionID("alice")
	bare := h.bare()
	replay := func(when string) {
		t.Helper()
		served := len(h.ranAs("alice"))
		for _, all := range seen {
			doors := []string{"doorcode=" + b.cookie("doorcode"), ""}
			for _, one := range strings.Split(all, "; ") {
				if strings.HasPrefix(one, "doorcode=") {
					doors = append(doors, one)
				}
			}
			for _, one := range append(strings.Split(all, "; "), all) {
				for _, door := range doors {
					for _, target := range []string{"/invoice.php?id=7", "/slow", "/login.php", "/home.php"} {
						a := bare.get(target, "Cookie", one+"; "+door)
						if ran := len(h.ranAs("alice")); ran != served || strings.Contains(a.body, "alice") {
							t.Errorf("%s: GET %s with %.30s… and %.20s… ran as alice", when, target, one, door)
							served = ran
						}
					}
					if a := bare.post("/login.php", url.Values{"username": {"mallory"}, "password": {"mallory-pass-1"}}, "Cookie", all+"; "+door); door != "" && door != doors[0] && a.to() == "/_doorcode/code" {
						t.Errorf("%s: a second login in a spent session", when)
					}
				}
			}
		}
	}
	replay("before the code")
	h.wantNothingAs("alice")
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
	replay("after the entry")
	h.restart()
	replay("after a restart")
	b.wantMember("alice")
	h.wantServedIn(held)
	for _, r := range h.naive.Requests() {
		if r.Method == "GET" && r.URI == "/slow" && strings.Contains(r.Header.Get("Cookie"), held) {
			t.Errorf("the held session went up with %s", r.URI)
		}
	}
}

// mallory gives alice his own visitor session (a sibling host, plain HTTP), and she signs in in it.
func TestThreat_A14_PlantedSession(t *testing.T) {
	h := carryHouse(t, naive.Options{Slow: noWait()})
	mallory, alice := h.browser(), h.browser()
	mallory.get("/login.php")
	mallory.copyTo(alice)
	alice.get("/login.php")
	h.wantCodePage(alice.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}))
	try := func(when string) {
		t.Helper()
		served := len(h.ranAs("alice"))
		for _, target := range []string{"/invoice.php?id=7", "/slow", "/login.php", "/_doorcode/code", "/home.php"} {
			if a := mallory.get(target); len(h.ranAs("alice")) != served || strings.Contains(a.body, "alice") {
				t.Errorf("%s: mallory was answered as alice at %s: %s", when, target, a.body)
			}
		}
	}
	try("before the code")
	alice.enter(h.lastCode("alice"))
	alice.wantMember("alice")
	try("after the code")
	// The other way round: he fails a login in it first, and she has a login page that is no longer valid.
	mallory, alice = h.browser(), h.browser()
	mallory.get("/login.php")
	mallory.copyTo(alice)
	mallory.post("/login.php", url.Values{"username": {"mallory"}, "password": {"wrong"}})
	if a := alice.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}); a.StatusCode != http.StatusConflict {
		t.Errorf("in a session that somebody else went on in: %d to %q", a.StatusCode, a.to())
	}
}

// The code page is left, or nobody enters a code: what the visitor had opens nothing, and the session is signed out.
func TestThreat_A14_CancelledAndExpired(t *testing.T) {
	for name, end := range map[string]func(h *house, b *browser){
		"cancel": func(h *house, b *browser) {
			_, token := b.codePage()
			b.post("/_doorcode/cancel", url.Values{"token": {token}})
		},
		"expiry": func(h *house, b *browser) {
			h.clock.add(11 * time.Minute)
			revoked, err := h.door.Sweep(t.Context())
			must(t, err)
			h.gateway.End(t.Context(), revoked)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := carryHouse(t, naive.Options{Slow: noWait()})
			b, old := h.browser(), h.browser()
			b.get("/login.php")
			b.copyTo(old)
			h.wantCodePage(b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}))
			end(h, b)
			if id := h.naive.SessionID("alice"); id != "" {
				t.Errorf("session %s of alice is still signed in at the upstream", id)
			}
			for _, x := range []*browser{b, old} {
				for _, target := range []string{"/invoice.php?id=7", "/slow", "/login.php"} {
					x.get(target)
				}
			}
			h.wantNothingAs("alice")
			h.wantCodePage(b.login("alice"))
			b.enter(h.lastCode("alice"))
			b.wantMember("alice")
		})
	}
}
