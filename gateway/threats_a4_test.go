package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"doorcode/gateway"
	"doorcode/gateway/submit"
	"doorcode/testdata/naive"
)

// Back to the login page, the code page again and again, and the login page in a second tab: the challenge goes on, nothing is sent.
func TestThreat_A12_BackAndReload(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.get("/invoice.php?id=7")
	h.wantCodePage(b.login("alice"))
	sent := h.phone.count()
	for range 3 {
		for _, target := range []string{"/login.php", "/_doorcode/code", "/invoice.php?id=7", "/_doorcode/code?said=resent", "/static/app.css"} {
			b.get(target)
		}
		b.do("HEAD", "/_doorcode/code", "")
		b.get("/_doorcode/resend")
		b.get("/_doorcode/cancel")
	}
	if got := h.phone.count(); got != sent {
		t.Errorf("reloading sent %d more messages", got-sent)
	}
	h.wantNothingAs("alice")
	if a := b.enter(h.lastCode("alice")); a.to() != "/invoice.php?id=7" {
		t.Errorf("the code led to %q, want where the visitor wanted to go", a.to())
	}
	b.wantMember("alice")
	if a := b.get("/_doorcode/code"); a.to() != "/" {
		t.Errorf("back to the code page as a member: %d to %q, want /", a.StatusCode, a.to())
	}
}

// Two tabs of one browser log in: the later challenge counts, the first one's session is signed out, and its form costs no try.
func TestThreat_A12_TwoTabs(t *testing.T) {
	for _, second := range []string{"alice", "bob"} {
		t.Run(second, func(t *testing.T) {
			h := newHouse(t, plan{})
			b := h.browser()
			h.wantCodePage(b.login("alice"))
			_, older := b.codePage()
			oldCode, oldSession := h.lastCode("alice"), h.naive.SessionID("alice")
			h.wantCodePage(b.login(second))
			for range 6 {
				a := b.post("/_doorcode/code", url.Values{"token": {older}, "code": {wrongCode(h.lastCode(second))}})
				if a.to() != "/_doorcode/code?said=newer" {
					t.Fatalf("the older tab's form: %d to %q", a.StatusCode, a.to())
				}
			}
			if a := b.post("/_doorcode/code", url.Values{"token": {older}, "code": {oldCode}}); a.to() != "/_doorcode/code?said=newer" {
				t.Errorf("the older tab's own code: %d to %q", a.StatusCode, a.to())
			}
			if oldCode != h.lastCode(second) {
				if a := b.enter(oldCode); a.to() != "/_doorcode/code?said=wrong" {
					t.Errorf("the older code on the newer page: %d to %q", a.StatusCode, a.to())
				}
			}
			if h.naive.SessionID("alice") == oldSession {
				t.Error("the session that the older tab's challenge held is still signed in")
			}
			h.wantNothingAs("alice")
			h.wantNothingAs("bob")
			if a := b.enter(h.lastCode(second)); strings.HasPrefix(a.to(), "/_doorcode") {
				t.Fatalf("the newer code: %d to %q", a.StatusCode, a.to())
			}
			b.wantMember(second)
			if second != "alice" {
				h.wantNothingAs("alice")
			}
		})
	}
}

// A browser that shows the cookie of the replaced challenge, as a tab does whose answer came late, is in nobody's way and gets nothing.
func TestThreat_A12_CookieOfTheOlderChallenge(t *testing.T) {
	h := newHouse(t, plan{})
	b, late := h.browser(), h.browser()
	h.wantCodePage(b.login("alice"))
	_, older := b.codePage()
	code := h.lastCode("alice")
	b.copyTo(late)
	h.wantCodePage(b.login("alice"))
	for _, tried := range []string{code, h.lastCode("alice")} {
		late.post("/_doorcode/code", url.Values{"token": {older}, "code": {tried}})
		late.wantVisitor()
	}
	h.wantNothingAs("alice")
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
}

// Logins at once from one browser: each answer is a challenge of its own, one of them is the browser's last, and only its code opens.
func TestThreat_A12_ParallelLogins(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.get("/login.php")
	users := []string{"alice", "bob", "mallory", "alice", "bob", "mallory"}
	var logins sync.WaitGroup
	for _, user := range users {
		logins.Go(func() {
			h.wantCodePage(b.post("/login.php", url.Values{"username": {user}, "password": {user + "-pass-1"}}))
		})
	}
	logins.Wait()
	for _, user := range users {
		h.wantNothingAs(user)
	}
	page, token := b.codePage()
	entered := ""
	for _, user := range []string{"alice", "bob", "mallory"} {
		if strings.Contains(page.body, user) {
			entered = user
		}
	}
	b.post("/_doorcode/code", url.Values{"token": {token}, "code": {h.lastCode(entered)}})
	if a := b.get("/invoice.php?id=7"); a.StatusCode != http.StatusOK {
		b.enterWith(entered) // of two logins of one user the last message may be the other's
	}
	b.wantMember(entered)
	for _, user := range users {
		if user != entered {
			h.wantNothingAs(user)
		}
	}
}

// A member logs in once more as himself: no code, a session of its own, and the old one ends.
func TestThreat_A12_SameUserAgain(t *testing.T) {
	h := newHouse(t, plan{})
	b, old := h.browser(), h.browser()
	b.enterWith("alice")
	b.copyTo(old)
	before, sent := h.naive.SessionID("alice"), h.phone.count()
	if a := b.login("alice"); a.StatusCode != http.StatusSeeOther || strings.HasPrefix(a.to(), "/_doorcode") {
		t.Fatalf("second login: %d to %q", a.StatusCode, a.to())
	}
	if h.phone.count() != sent {
		t.Error("a code was sent")
	}
	b.wantMember("alice")
	served := h.ranAs("alice")
	if last := served[len(served)-1]; last.Session == before {
		t.Error("the second login goes on in the first one's session")
	}
	old.wantVisitor()
}

// A member logs in as somebody else: a code is asked, and the session of before has ended, now and after a restart.
func TestThreat_A12_MemberAsAnotherUser(t *testing.T) {
	h := newHouse(t, plan{})
	b, bare := h.browser(), h.bare()
	b.enterWith("mallory")
	old := b.cookies()
	h.wantCodePage(b.login("alice"))
	b.wantVisitor()
	h.wantClosed("the session before", bare.get("/invoice.php", "Cookie", old))
	h.restart()
	b.wantVisitor()
	h.wantClosed("the session before, after a restart", bare.get("/invoice.php", "Cookie", old))
	h.wantNothingAs("alice")
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
	h.wantClosed("the session before, after the entry", bare.get("/invoice.php", "Cookie", old))
}

// A logout in one tab is one in all, with a login of the same user pending in another browser untouched.
func TestThreat_A12_LogoutInAnotherTab(t *testing.T) {
	h := newHouse(t, plan{})
	b, tab, other := h.browser(), h.browser(), h.browser()
	b.enterWith("alice")
	b.copyTo(tab)
	h.wantCodePage(other.login("alice"))
	code := h.lastCode("alice")
	b.get("/logout.php")
	tab.wantVisitor()
	b.wantVisitor()
	h.wantCodePage(b.login("bob"))
	tab.wantVisitor()
	other.enter(code)
	other.wantMember("alice")
}

// misjudged is a house in which a right password looks like a failed login, and confirm cannot tell: its page lacks the mark.
func misjudged(t *testing.T, o naive.Options, failure submit.Test, bend func(answer *httptest.ResponseRecorder)) *house {
	t.Helper()
	return bentHouse(t, plan{naive: o, config: func(c *gateway.Config) {
		c.Login.Failure = &submit.Condition{Any: []submit.Test{failure}}
		c.Login.Confirm.URL = "/blank"
		c.SignOut = submit.WayOut{} // else the session would end before its id can be looked for
	}}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		switch {
		case r.URL.Path == "/blank":
			fmt.Fprint(w, "nothing here for you")
		case r.Method == "POST" && r.URL.Path == "/login.php":
			r.Header.Set("Cookie", strings.ReplaceAll(r.Header.Get("Cookie"), "testcookie", "x"))
			answer := httptest.NewRecorder()
			app.ServeHTTP(answer, r)
			bend(answer)
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.Code)
			w.Write(answer.Body.Bytes())
		default:
			app.ServeHTTP(w, r)
		}
	})
}

func TestThreat_A16_JudgedFailedThoughSignedIn(t *testing.T) {
	blocked := submit.Test{Body: regexp.MustCompile("Cookies are blocked")}
	for _, c := range []struct {
		name    string
		options naive.Options
		failure submit.Test
		bend    func(*httptest.ResponseRecorder)
		shown   string // of the application's own page; "" where a page of ours stands in for it
	}{
		{"the application's page", naive.Options{TestCookie: true}, blocked, func(*httptest.ResponseRecorder) {}, "Cookies are blocked"},
		{"session id in its links", naive.Options{TestCookie: true, ShowsID: true}, blocked, func(*httptest.ResponseRecorder) {}, ""},
		{"deep link, to a page with the mark", naive.Options{}, submit.Test{Status: 303}, func(a *httptest.ResponseRecorder) {
			a.Code = 303
			a.Header().Set("Location", "/invoice.php?id=7")
		}, ""},
		{"deep link, to a page of the session", naive.Options{ShowsID: true}, submit.Test{Status: 303}, func(a *httptest.ResponseRecorder) {
			a.Code = 303
			a.Header().Set("Location", "/ws")
		}, ""},
		{"success as configured", naive.Options{}, submit.Test{Body: regexp.MustCompile("wrong password")}, func(*httptest.ResponseRecorder) {}, ""},
		{"neither rule", naive.Options{TestCookie: true}, submit.Test{Body: regexp.MustCompile("wrong password")}, func(*httptest.ResponseRecorder) {}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := misjudged(t, c.options, c.failure, c.bend)
			b := h.browser()
			heard := b.listen()
			a := b.login("alice")
			held := h.naive.SessionID("alice")
			wantNone(t, "what reached the browser", heard.String(), held)
			b.wantNoCookies("a login judged failed")
			if a.to() != "" || h.phone.count() != 0 {
				t.Errorf("it went on to %q, with %d messages", a.to(), h.phone.count())
			}
			if c.shown == "" && (strings.Contains(a.body, "دفاتر") || strings.Contains(a.body, "of alice")) || c.shown != "" && !strings.Contains(a.body, c.shown) {
				t.Errorf("shown: %s; want %q of the application's", a.body, c.shown)
			}
			h.wantClosed("afterwards", b.get("/invoice.php?id=7"))
			for _, s := range h.ranAs("alice") {
				if s.Path != "/blank" && s.Path != "/invoice.php" && s.Path != "/ws" { // the gateway's own questions
					t.Errorf("ran as alice: %+v", s)
				}
			}
		})
	}
}
