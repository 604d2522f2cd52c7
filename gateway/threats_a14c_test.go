package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"

	"doorcode/challenge"
	"doorcode/gateway"
	"doorcode/testdata/twopage"
)

// A member signs in again, and his visitor session stands in the program: while one login of his is on its way, another tab begins a
// second one. What a failed login goes on with is the name and the session that it went up with, not those of the tab. mallory is a
// member, needs no code, and sends alice's name in one tab and his own in the other; confirm reads no name here.
func TestThreat_A14_AnotherTabsName(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	finish := sync.OnceFunc(func() { close(release) })
	t.Cleanup(finish)
	var login *twopage.Login
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("User-Agent") == "held back" && r.Method == "POST" && r.URL.Path == "/login.php" {
			close(entered)
			<-release
		}
		login.ServeHTTP(w, r)
	}))
	t.Cleanup(up.Close)
	h, _ := twoPageHouse(t, func(l *twopage.Login) { login = l }, func(c *gateway.Config) {
		c.Login.Confirm.User = nil
		c.Upstream.URL = parseURL(t, up.URL)
	})
	h.noCodeFor("mallory")
	b := h.browser()
	b.sendName("mallory")
	b.post("/login.php", url.Values{"password": {"mallory-pass-1"}})
	b.wantMember("mallory")
	one, other := h.browser(), h.browser()
	for _, tab := range []*browser{one, other} {
		tab.setCookie("doorcode", b.cookie("doorcode")) // and nothing of the application's
	}
	one.sendName("alice")
	failed := make(chan answer)
	go func() {
		failed <- one.post("/login.php", url.Values{"password": {"wrong"}}, "User-Agent", "held back")
	}()
	<-entered
	other.sendName("mallory")
	finish()
	<-failed
	one.post("/login.php", url.Values{"password": {"alice-pass-1"}})
	if len(h.naive.SignIns()) < 2 {
		t.Fatal("alice was not signed in: nothing was tried")
	}
	one.get("/invoice.php?id=7")
	h.wantNothingAs("alice")
	one.enter(h.lastCode("alice"))
	one.wantMember("alice")
}

// noCodeFor lets a user in by password alone.
func (h *house) noCodeFor(name string) {
	h.t.Helper()
	h.setPolicy(func(p *challenge.PolicyConfig) {
		i := slices.IndexFunc(p.Users, func(u challenge.User) bool { return u.Name == name })
		p.Users[i].Code = challenge.CodeOff
	})
}

// The two pages call the name differently, and the application takes it by either at any time: mallory's is on the first page, and on the
// second alice's by the field of the first.
func TestThreat_A14_FirstPagesFieldOnTheSecond(t *testing.T) {
	h, _ := twoPageHouse(t, func(l *twopage.Login) { l.Hidden = true }, func(c *gateway.Config) {
		c.Login.Confirm.User = nil
		c.Login.Fields.User = "login_name"
	})
	h.noCodeFor("mallory")
	for _, c := range []struct{ query, body string }{
		{"", "username=alice&password=alice-pass-1"},
		{"", "login_name=mallory&username=alice&password=alice-pass-1"},
		{"", "login_name=mallory&%20username=alice&password=alice-pass-1"},
		{"?username=alice", "password=alice-pass-1"},
		{"?x=1;username=alice", "password=alice-pass-1"},
	} {
		b := h.browser()
		b.sendName("mallory")
		if a := b.do("POST", "/login.php"+c.query, c.body); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %s: %d to %q", c.query, c.body, a.StatusCode, a.to())
		}
		for _, s := range h.naive.SignIns() {
			t.Fatalf("%s %s: signed in %s", c.query, c.body, s.User)
		}
	}
	b := h.browser()
	b.sendName("alice")
	h.wantCodePage(b.do("POST", "/login.php", "login_name=alice&username=alice&password=alice-pass-1"))
}

// The other way round: beside mallory's name on the first page, or after it, stands alice's by the field of the second.
func TestThreat_A14_SecondPagesFieldBefore(t *testing.T) {
	for name, tell := range map[string]func(b *browser) answer{
		"on the first page": func(b *browser) answer { return b.do("POST", "/name.php", "login_name=mallory&username=alice") },
		"in its address":    func(b *browser) answer { return b.do("POST", "/name.php?username=alice", "login_name=mallory") },
		"in a visitor's address": func(b *browser) answer {
			b.do("POST", "/name.php", "login_name=mallory")
			return b.get("/password.php?username=alice")
		},
		"in a visitor's form": func(b *browser) answer {
			b.do("POST", "/name.php", "login_name=mallory")
			return b.do("POST", "/password.php", "x=1&username=alice")
		},
	} {
		h, _ := twoPageHouse(t, func(*twopage.Login) {}, func(c *gateway.Config) {
			c.Login.Confirm.User = nil
			c.First.Fields.User = "login_name"
			c.Public = append(c.Public, rule(t, "POST", "/password.php"))
		})
		h.noCodeFor("mallory")
		b := h.browser()
		b.get("/login.php")
		if a := tell(b); a.StatusCode < 400 {
			t.Errorf("%s: %d to %q", name, a.StatusCode, a.to())
		}
		b.post("/login.php", url.Values{"password": {"alice-pass-1"}})
		for _, s := range h.naive.SignIns() {
			t.Errorf("%s: signed in %s", name, s.User)
		}
		h.wantNothingAs("alice")
	}
}
