package gateway_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"doorcode/challenge"
	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/testdata/naive"
	"doorcode/testdata/twopage"
)

// Two pages: the name that the password is judged by is the one that the application has. mallory needs no code; with alice's password he
// lets the application have her name and the gateway his. confirm reads no name here, so nothing else finds out.
func TestThreat_A14_AnotherNameOnTheFirstPage(t *testing.T) {
	form := func(name, password string) url.Values {
		f := url.Values{"password": {password}}
		if name != "" {
			f.Set("username", name)
		}
		return f
	}
	for name, tell := range map[string]func(h *house, b *browser) answer{
		"cookies of the first name": func(h *house, b *browser) answer {
			b.sendName("mallory")
			old := b.cookies()
			b.sendName("alice")
			return h.bare().post("/login.php", form("", "alice-pass-1"), "Cookie", old)
		},
		"the first name's gateway cookie": func(h *house, b *browser) answer {
			b.sendName("mallory")
			door := b.cookie("doorcode")
			b.sendName("alice")
			return h.bare().post("/login.php", form("", "alice-pass-1"), "Cookie", "doorcode="+door+"; PHPSESSID="+b.cookie("PHPSESSID"))
		},
		"in the address of the login page": func(h *house, b *browser) answer {
			b.sendName("mallory")
			b.get("/login.php?username=alice")
			b.get("/login.php?x=1;username=alice")
			b.get("/password.php?user%6eame[]=alice")
			return b.post("/login.php", form("", "alice-pass-1"))
		},
		"in a visitor's form": func(h *house, b *browser) answer {
			b.sendName("mallory")
			b.post("/password.php", url.Values{"username": {"alice"}})
			return b.post("/login.php", form("", "alice-pass-1"))
		},
		"on the second page": func(h *house, b *browser) answer {
			b.sendName("mallory")
			return b.post("/login.php", form("alice", "alice-pass-1"))
		},
		"on the second page, in its address": func(h *house, b *browser) answer {
			b.sendName("mallory")
			return b.post("/login.php?username=alice", form("", "alice-pass-1"))
		},
		"twice on the first": func(h *house, b *browser) answer {
			b.get("/login.php")
			b.do("POST", "/name.php", "username=mallory&username[]=alice")
			return b.post("/login.php", form("", "alice-pass-1"))
		},
	} {
		for _, hidden := range []bool{false, true} {
			h, login := twoPageHouse(t, func(l *twopage.Login) { l.Hidden = hidden }, func(c *gateway.Config) {
				c.Login.Confirm.User = nil
				c.Public = append(c.Public, rule(t, "POST", "/password.php"))
			})
			h.setPolicy(func(p *challenge.PolicyConfig) {
				i := slices.IndexFunc(p.Users, func(u challenge.User) bool { return u.Name == "mallory" })
				p.Users[i].Code = challenge.CodeOff
			})
			b := h.browser()
			a := tell(h, b)
			if a.to() != "" && strings.HasPrefix(a.to(), "/home") {
				t.Errorf("%s (hidden %v): let in to %q", name, hidden, a.to())
			}
			for _, s := range h.naive.SignIns() {
				t.Errorf("%s (hidden %v): signed in %s", name, hidden, s.User)
			}
			h.wantNothingAs("alice")
			// And as it should be: the session has the name that was sent last.
			b = h.browser()
			b.sendName("alice")
			f := form("", "alice-pass-1")
			if login.Hidden {
				f.Set("username", "alice")
			}
			h.wantCodePage(b.post("/login.php", f))
		}
	}
}

// A password without a name, or with a first page of before a restart, leads back to the first page.
func TestThreat_A14_NoNameKnown(t *testing.T) {
	h, _ := twoPageHouse(t, func(*twopage.Login) {})
	b := h.browser()
	send := func(when string) {
		t.Helper()
		for _, form := range []url.Values{{"password": {"alice-pass-1"}}, {"username": {"alice"}, "password": {"alice-pass-1"}}} {
			if a := b.post("/login.php", form); a.StatusCode != http.StatusConflict || !strings.Contains(a.body, `href="/login.php"`) {
				t.Errorf("%s: %d to %q", when, a.StatusCode, a.to())
			}
		}
	}
	b.get("/login.php")
	send("without the first page")
	b.sendName("alice")
	h.restart()
	send("after a restart")
	if n := len(h.naive.SignIns()); n != 0 {
		t.Errorf("%d logins went up", n)
	}
}

// A form that is public by mistake signs in: the upstream takes user and password wherever they are, here under names that nobody told
// the gateway of.
func TestThreat_A14_PublicFormSignsIn(t *testing.T) {
	h := carryHouse(t, naive.Options{}, func(c *gateway.Config) {
		c.Public = append(c.Public, reading.Rule{Methods: []string{"POST"}, Path: rule(t, "", "/index.php").Path})
	})
	b := h.browser()
	b.get("/login.php")
	form := url.Values{"action": {"token_login"}, "api_user": {"alice"}, "api_pass": {"alice-pass-1"}}
	if a := b.post("/index.php", form); a.StatusCode != http.StatusForbidden {
		t.Errorf("a public form that signs in: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	if len(h.naive.SignIns()) != 1 {
		t.Fatal("the form did not sign in: nothing was tried")
	}
	b.get("/invoice.php?id=7")
	h.wantNothingAs("alice")
	if !strings.Contains(h.log.String(), "a visitor's form signed in without being the login") {
		t.Error("the log does not say so")
	}
}

// A login whose answer looks failed although it worked: confirm says so, and its visitor gets nothing of the session.
func TestThreat_A14_JudgedFailedThoughSignedIn(t *testing.T) {
	asked := 0
	var bent func(w http.ResponseWriter, r *http.Request, app http.Handler)
	h := bentHouse(t, plan{carry: true, naive: naive.Options{}, config: func(c *gateway.Config) {
		c.Public = append(c.Public, rule(t, "", "/invoice.php"), rule(t, "", "/slow"))
		c.Login.Failure.Any[0].Body = nil
		c.Login.Failure.Any[0].Status = http.StatusFound
		c.Login.Success = nil
	}}, func(w http.ResponseWriter, r *http.Request, app http.Handler) { bent(w, r, app) })
	// The login's own answer leads to a page that signs in: confirm says no before it, and yes after.
	bent = func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		switch {
		case r.Method == "POST" && r.URL.Path == "/login.php":
			http.Redirect(w, r, "/ticket.php", http.StatusFound)
		case r.URL.Path == "/ticket.php":
			r.Method, r.URL.Path, r.RequestURI = "POST", "/login.php", "/login.php?username=alice&password=alice-pass-1"
			r.URL.RawQuery = "username=alice&password=alice-pass-1"
			app.ServeHTTP(&onlyHeader{w}, r)
			w.Write([]byte("wrong password"))
		case r.URL.Path == "/profile.php":
			asked++
			app.ServeHTTP(w, r)
		default:
			app.ServeHTTP(w, r)
		}
	}
	b := h.browser()
	b.get("/login.php")
	a := b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}})
	if a.StatusCode == http.StatusOK {
		t.Errorf("shown: %s", a.body)
	}
	if len(h.naive.SignIns()) != 1 || asked < 2 {
		t.Fatalf("signed in %d times, asked %d times: nothing was tried", len(h.naive.SignIns()), asked)
	}
	for _, target := range []string{"/invoice.php?id=7", "/slow", "/login.php"} {
		b.get(target)
	}
	h.wantNothingAs("alice")
}

// onlyHeader passes the header on as a 200 and drops the rest.
type onlyHeader struct{ http.ResponseWriter }

func (o *onlyHeader) WriteHeader(int)             { o.Header().Del("Location") }
func (o *onlyHeader) Write(p []byte) (int, error) { return len(p), nil }

// A member whose application session is over signs in as somebody else: what he had as a member, and as the visitor that he was beside it,
// opens nothing of it.
func TestThreat_A14_MemberAsAnotherUser(t *testing.T) {
	h := carryHouse(t, naive.Options{Slow: noWait()})
	b, member, beside := h.browser(), h.browser(), h.browser()
	b.enterWith("mallory")
	if a := b.login("alice"); a.StatusCode != http.StatusConflict {
		t.Errorf("a login beside a session that is signed in: %d to %q", a.StatusCode, a.to())
	}
	b.wantMember("mallory")
	b.copyTo(member)
	h.naive.Forget()
	b.get("/login.php")
	b.copyTo(beside)
	h.wantCodePage(b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}))
	try := func(when string) {
		t.Helper()
		served := len(h.ranAs("alice"))
		for _, x := range []*browser{member, beside} {
			for _, target := range []string{"/home.php", "/invoice.php?id=7", "/slow", "/login.php"} {
				if a := x.get(target); len(h.ranAs("alice")) != served || strings.Contains(a.body, "alice") {
					t.Errorf("%s: answered as alice at %s: %s", when, target, a.body)
				}
			}
		}
	}
	try("before the code")
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
	try("after the code")
	h.restart()
	try("after a restart")
	b.wantMember("alice")
}

// Beside his live session a member is a visitor where he signs in again, and nowhere else.
func TestThreat_A14_VisitorBesideAMember(t *testing.T) {
	h := carryHouse(t, naive.Options{})
	b := h.browser()
	b.enterWith("mallory")
	h.naive.Forget()
	b.get("/login.php")
	before := len(h.naive.Requests())
	b.get("/login.php")
	b.get("/static/app.css", "Authorization", "Bearer x")
	b.get("/home.php")
	var up []string
	for _, r := range h.naive.Requests()[before:] {
		if r.URI == "/home.php" && r.Header.Get("Cookie") != "" {
			t.Errorf("a member's page went up with a visitor's cookies %q", r.Header.Get("Cookie"))
		}
		if r.URI == "/login.php" || r.URI == "/static/app.css" {
			up = append(up, r.Header.Get("Cookie"))
		}
		if r.Header.Get("Authorization") != "" {
			t.Error("Authorization went up")
		}
	}
	if len(up) != 2 || up[0] == "" || up[0] != up[1] {
		t.Errorf("the login page and what is on it went up with %q, want one session", up)
	}
}

// Of a login that failed its visitor gets the session back, sealed to him alone; of one that may have worked he gets nothing.
func TestThreat_A14_AfterAFailedLogin(t *testing.T) {
	for name, c := range map[string]struct {
		o    naive.Options
		goes bool // the visitor goes on in the session
	}{
		"text": {naive.Options{}, true}, "redirect back": {naive.Options{Failure: naive.Back}, false}, "new id": {naive.Options{Regenerates: true}, true},
		"shows the id": {naive.Options{ShowsID: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := carryHouse(t, c.o)
			b, other := h.browser(), h.browser()
			heard := b.listen()
			b.get("/login.php")
			before := b.cookie("PHPSESSID")
			b.post("/login.php", url.Values{"username": {"alice"}, "password": {"wrong"}})
			if after := b.cookie("PHPSESSID"); (after != before) != c.goes {
				t.Errorf("the session's cookie was given anew: %v, want %v", after != before, c.goes)
			}
			other.get("/login.php")
			other.setCookie("PHPSESSID", b.cookie("PHPSESSID"))
			h.wantCodePage(b.login("alice"))
			held := h.naive.SessionID("alice")
			other.get("/invoice.php?id=7")
			h.wantNothingAs("alice")
			b.enter(h.lastCode("alice"))
			b.wantMember("alice")
			if !c.o.ShowsID { // such pages show it to their visitor before he is anybody
				wantNone(t, "what reached the browser", heard.String(), held)
			}
		})
	}
}
