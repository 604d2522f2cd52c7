package gateway_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
	"doorcode/testdata/naive"
)

// What the gateway says itself, and every answer that hands out a session, is kept by no cache, not by the browser's either: "back"
// after a logout shows nothing.
func TestThreat_D4_OwnAnswersAreNotKept(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	noStore := func(what string, a answer, status int) {
		t.Helper()
		if got := a.Header.Values("Cache-Control"); a.StatusCode != status || len(got) != 1 || got[0] != "no-store" {
			t.Errorf("%s: %d with Cache-Control %q, want %d with no-store", what, a.StatusCode, got, status)
		}
	}
	noStore("the way to the login page", b.get("/invoice.php"), http.StatusSeeOther)
	noStore("a script's refusal", b.get("/invoice.php", "Sec-Fetch-Mode", "cors", "Accept", "application/json"), http.StatusUnauthorized)
	b.get("/login.php")
	noStore("a failed login", b.post("/login.php", url.Values{"username": {"alice"}, "password": {"no"}}), http.StatusOK)
	noStore("an accepted login", b.login("alice"), http.StatusSeeOther)
	page, token := b.codePage()
	noStore("the code page", page, http.StatusOK)
	form := func(code string) url.Values { return url.Values{"token": {token}, "code": {code}} }
	noStore("a wrong code", b.post("/_doorcode/code", form(wrongCode(h.lastCode("alice")))), http.StatusSeeOther)
	noStore("a resend too early", b.post("/_doorcode/resend", form("")), http.StatusTooManyRequests)
	noStore("a refused form", b.post("/_doorcode/code", url.Values{"token": {"x"}}), http.StatusForbidden)
	noStore("the language switch", b.get("/_doorcode/language?to=ar"), http.StatusSeeOther)
	noStore("the right code", b.post("/_doorcode/code", form(h.lastCode("alice"))), http.StatusSeeOther)
	noStore("the code page of a member", b.get("/_doorcode/code"), http.StatusSeeOther)
	noStore("a closed door", b.get("/xmlrpc.php"), http.StatusForbidden)
	noStore("a missing own page", b.get("/_doorcode/nothing"), http.StatusNotFound)
	noStore("a form on an ended session", h.browser().post("/note.php", url.Values{"text": {"x"}}), http.StatusUnauthorized)
	noStore("the code page of nobody", h.bare().get("/_doorcode/code"), http.StatusGone)
	noStore("an odd address", h.bare().get("/a//b"), http.StatusBadRequest)
	noStore("a login without cookies", h.bare().post("/login.php", url.Values{"username": {"alice"}, "password": {"x"}}), http.StatusBadRequest)
	noStore("a logout", b.get("/logout.php"), http.StatusFound)
	h.up.CloseClientConnections()
	h.up.Close()
	noStore("an application that is down", b.get("/login.php"), http.StatusBadGateway)
}

// What the application says of caching reaches members untouched, but for answers that would hand a session to others.
func TestThreat_D4_UpstreamsCaching(t *testing.T) {
	said, set := "", ""
	h := bentHouse(t, plan{}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if said != "" {
			w.Header().Set("Cache-Control", said)
			w.Header().Set("ETag", `"v1"`)
			w.Header().Set("Expires", "Thu, 19 Nov 2026 08:52:00 GMT")
			w.Header().Set("Vary", "Accept")
		}
		if set != "" {
			w.Header().Add("Set-Cookie", set)
		}
		app.ServeHTTP(w, r)
	})
	b := h.browser()
	b.enterWith("alice")
	for _, said = range []string{"", "public, max-age=600", "private", "no-store, must-revalidate", "no-cache"} {
		a := b.get("/invoice.php?id=1")
		if got := strings.Join(a.Header.Values("Cache-Control"), "; "); got != said || said != "" && (a.Header.Get("ETag") != `"v1"` || a.Header.Get("Expires") == "" || a.Header.Get("Vary") != "Accept") {
			t.Errorf("Cache-Control: %q reached the member as %q, with %v", said, got, a.Header)
		}
	}
	set = "lang=ar; path=/"
	for _, c := range []struct{ said, want string }{
		{"", "private"}, {"public, max-age=600", "private"}, {"no-store", "no-store"}, {"Private", "Private"},
	} {
		said = c.said
		a := b.get("/invoice.php?id=1")
		if got := strings.Join(a.Header.Values("Cache-Control"), "; "); got != c.want || a.Header.Get("Set-Cookie") == "" {
			t.Errorf("an answer with a cookie and Cache-Control: %q reached the member with %q, want %q", c.said, got, c.want)
		}
	}
	said = "public, max-age=600" // a login page that any cache may keep: with the gateway's cookie on it, none may
	if a := h.browser().get("/login.php"); !strings.Contains(strings.Join(a.Header.Values("Cache-Control"), ";"), "private") || a.Header.Get("Set-Cookie") == "" {
		t.Errorf("login page with a gateway cookie: Cache-Control %q", a.Header.Values("Cache-Control"))
	}
	if a := h.browser().get("/static/app.css"); a.Header.Get("Set-Cookie") != "" || a.Header.Get("Cache-Control") != said {
		t.Errorf("an asset for a visitor: %v, want its caching untouched", a.Header)
	}
}

// policyChanges are what an admin does to alice's entry, and what of hers it ends.
var policyChanges = []struct {
	name                    string
	change                  func(p *challenge.PolicyConfig)
	coded, trusted, pending bool // what goes on: a session by code, one by trust, a challenge
	trust                   bool // and whether the trusted browser is still spared the code
	refused                 bool // nobody enters at all
}{
	{name: "nothing", change: func(*challenge.PolicyConfig) {}, coded: true, trusted: true, pending: true, trust: true},
	{name: "her language", change: func(p *challenge.PolicyConfig) { p.Users[0].Language = "ar" }, coded: true, trusted: true, pending: true, trust: true},
	{name: "an e-mail that her code does not use", change: func(p *challenge.PolicyConfig) { p.Users[0].Email = secret.New("a@example.com") }, coded: true, trusted: true, pending: true, trust: true},
	{name: "bob's entry", change: func(p *challenge.PolicyConfig) { p.Users[1].Disabled = true }, coded: true, trusted: true, pending: true, trust: true},
	{name: "her mobile", change: func(p *challenge.PolicyConfig) { p.Users[0].Mobile = secret.New("+970599777777") }},
	{name: "her method", change: func(p *challenge.PolicyConfig) {
		p.Users[0].Code, p.Users[0].Email = challenge.CodeEmail, secret.New("alice@example.com")
	}},
	{name: "both instead of one", change: func(p *challenge.PolicyConfig) {
		p.Users[0].Code, p.Users[0].Email = challenge.CodeBoth, secret.New("alice@example.com")
	}},
	{name: "remember: never", change: func(p *challenge.PolicyConfig) { p.Users[0].Remember = 0 }, coded: true, pending: true},
	{name: "disabled", change: func(p *challenge.PolicyConfig) { p.Users[0].Disabled = true }, refused: true},
	{name: "removed", change: func(p *challenge.PolicyConfig) { p.Users = p.Users[1:] }, refused: true},
	{name: "her mobile taken out", change: func(p *challenge.PolicyConfig) { p.Users[0].Mobile = secret.Text{} }, refused: true},
}

func TestThreat_D7_PolicyChanges(t *testing.T) {
	for _, c := range policyChanges {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, plan{})
			h.takesUp(func() { h.setPolicy(c.change) }, c.coded, c.trusted, c.pending, c.trust, c.refused)
		})
		t.Run(c.name+", while the gateway was down", func(t *testing.T) {
			h := newHouse(t, plan{})
			h.takesUp(func() {
				h.close()
				h.policy.Users = append([]challenge.User(nil), h.policy.Users...)
				c.change(&h.policy)
				h.open()
			}, c.coded, c.trusted, c.pending, c.trust, c.refused)
		})
	}
}

// takesUp gives alice one of everything, changes the policy, and holds what goes on against what should.
func (h *house) takesUp(change func(), coded, trusted, pending, trust, refused bool) {
	h.t.Helper()
	spared := h.remembered()
	byTrust := h.holding(spared.cookie(browserCookie))
	byCode, waiting := h.browser(), h.browser()
	if a := byTrust.login("alice"); strings.HasPrefix(a.to(), "/_doorcode") {
		h.t.Fatalf("the trusted browser was led to %q", a.to())
	}
	spared.setCookie(browserCookie, byTrust.cookie(browserCookie))
	byCode.enterWith("alice")
	h.wantCodePage(waiting.login("alice"))
	form := waiting.codeForm(h.lastCode("alice"))
	form.Set("remember", "1")
	h.clock.add(2 * time.Minute)
	change()

	ran := len(h.ranAs("alice"))
	for what, c := range map[string]struct {
		b    *browser
		want bool
	}{"session by code": {byCode, coded}, "session by trust": {byTrust, trusted}} {
		if got := c.b.get("/home.php").StatusCode == http.StatusOK; got != c.want {
			h.t.Errorf("%s goes on: %v, want %v", what, got, c.want)
		}
	}
	if !coded && len(h.ranAs("alice")) != ran {
		h.t.Errorf("the upstream ran %d requests as alice", len(h.ranAs("alice"))-ran)
	}
	if a := waiting.post("/_doorcode/code", form); strings.HasPrefix(a.to(), "/_doorcode") == pending {
		h.t.Errorf("the pending code: led to %q, want in: %v", a.to(), pending)
	}
	if refused {
		if a := spared.login("alice"); a.StatusCode != http.StatusForbidden {
			h.t.Errorf("login: %d to %q, want 403", a.StatusCode, a.to())
		}
		return
	}
	a := spared.login("alice")
	if got := !strings.HasPrefix(a.to(), "/_doorcode"); got != trust {
		h.t.Errorf("the trusted browser is spared the code: %v, want %v (%d to %q)", got, trust, a.StatusCode, a.to())
	}
	if pending && !trust {
		waiting.get("/logout.php")
		h.wantAsked("a code entered with the tick, under remember: never", waiting, "alice", true)
	}
}

// What a change ended does not come back when it is undone.
func TestThreat_D7_UndoneChange(t *testing.T) {
	h := newHouse(t, plan{})
	spared, member := h.remembered(), h.browser()
	member.enterWith("alice")
	h.clock.add(2 * time.Minute)
	was := h.policy.Users[0]
	h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Mobile = secret.New("+970599777777") })
	h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0] = was })
	member.wantVisitor()
	h.wantAsked("the trusted browser", spared, "alice", true)
}

// What is open ends with the policy that allowed it.
func TestThreat_D7_OpenStreams(t *testing.T) {
	for _, c := range policyChanges {
		if c.coded || c.name == "nothing" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, plan{})
			b := h.browser()
			b.enterWith("alice")
			open := b.opened()
			h.setPolicy(c.change)
			wantOver(t, open, c.name)
		})
	}
}

// After a logout no cookie of before opens anything: not the gateway's, not the sealed ones, not the application's own.
func TestThreat_D11_LogoutEnds(t *testing.T) {
	for name, c := range map[string]struct {
		options naive.Options
		logout  func(h *house, b *browser) answer
	}{
		"GET that ends":  {naive.Options{}, func(_ *house, b *browser) answer { return b.get("/logout.php") }},
		"HEAD that ends": {naive.Options{}, func(_ *house, b *browser) answer { return b.do("HEAD", "/logout.php", "") }},
		"POST that ends": {naive.Options{}, func(_ *house, b *browser) answer { return b.post("/logout.php", url.Values{"x": {"y"}}) }},
		"path info":      {naive.Options{}, func(_ *house, b *browser) answer { return b.get("/logout.php/now") }},
		"by a script": {naive.Options{}, func(_ *house, b *browser) answer {
			return b.get("/logout.php", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")
		}},
		"an application's own remembering": {naive.Options{Remember: true}, func(_ *house, b *browser) answer { return b.get("/logout.php") }},
		"GET that asks, POST with token": {naive.Options{LogoutToken: true}, func(h *house, b *browser) answer {
			for range 2 {
				b.get("/logout.php")
				b.wantMember("alice") // it only asked
			}
			b.post("/logout.php", url.Values{"logout_token": {"wrong"}})
			b.wantMember("alice")
			m := logoutToken.FindStringSubmatch(b.get("/logout.php").body)
			if m == nil {
				h.t.Fatal("the logout page has no token")
			}
			return b.post("/logout.php", url.Values{"logout_token": {m[1]}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, plan{naive: c.options})
			b, kept, again := h.browser(), h.browser(), h.browser()
			b.enterWith("alice")
			b.copyTo(kept)
			b.copyTo(again)
			raw := h.naive.SessionID("alice")
			if a := c.logout(h, b); a.to() != "/login.php" {
				t.Errorf("logout: %d to %q, want the application's own answer", a.StatusCode, a.to())
			}
			ran := len(h.ranAs("alice"))
			for _, b := range []*browser{b, kept} {
				b.wantVisitor()
				h.wantClosed("the application's own cookie", h.bare().get("/home.php", "Cookie", b.cookies()+"; PHPSESSID="+raw))
			}
			h.restart()
			again.wantVisitor()
			// In a new session the old one's sealed cookies open nothing either.
			mallory := h.browser()
			mallory.enterWith("mallory")
			for _, cookie := range again.jar.Cookies(parseURL(t, h.url)) {
				if cookie.Name != "doorcode" {
					mallory.setCookie(cookie.Name, cookie.Value)
				}
			}
			mallory.get("/home.php")
			if after := len(h.ranAs("alice")); after != ran {
				t.Errorf("the upstream ran %d requests as alice after her logout", after-ran)
			}
		})
	}
}

var logoutToken = regexp.MustCompile(`name=logout_token value="([^"]+)"`)

// A logout that the application fails at is no logout of the application's, but the session is over at the gateway.
func TestThreat_D11_LogoutFails(t *testing.T) {
	h := bentHouse(t, plan{}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.URL.Path == "/logout.php" {
			http.Error(w, "database is down", http.StatusInternalServerError)
			return
		}
		if strings.Contains(r.Header.Get("User-Agent"), "broken") && r.URL.Path == "/profile.php" {
			panic(http.ErrAbortHandler) // confirm cannot be asked
		}
		app.ServeHTTP(w, r)
	})
	b := h.browser()
	b.enterWith("alice")
	b.get("/logout.php")
	b.wantMember("alice") // confirm says that the application still knows her
	b.agent += " broken"
	b.get("/logout.php")
	b.wantVisitor()
}
