package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/gateway"
	"doorcode/gateway/submit"
	"doorcode/testdata/naive"
)

// Invariant 1: whoever has everything but the code, and does whatever comes to mind in any order, is served nothing as the victim.
// The attacker has alice's password, an account of his own with its codes, two browsers, and copies cookies between them.
func TestInvariant_1_NoCodeNoEntry(t *testing.T) {
	walks, steps := 4, 60
	if !testing.Short() {
		walks, steps = 40, 150
	}
	for seed := range uint64(walks) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := newHouse(t, plan{naive: naive.Options{Remember: seed%2 == 0, ShowsID: seed%3 == 0, CookieTwice: seed%5 == 0}, code: unlimitedSends})
			h.wantCodePage(h.browser().login("alice")) // her own, pending all the while
			random := rand.New(rand.NewPCG(seed, 1))
			browsers := []*browser{h.browser(), h.browser()}
			var done []string
			for range steps {
				at := random.IntN(len(browsers))
				step := walk[random.IntN(len(walk))]
				done = append(done, fmt.Sprintf("%d %s", at, step.name))
				step.do(h, browsers[at], browsers[1-at], random)
				if ran := h.ranAs("alice"); len(ran) > 0 {
					t.Fatalf("ran as alice: %+v, after\n%s", ran[0], strings.Join(done, "\n"))
				}
			}
		})
	}
}

func unlimitedSends(c *challenge.Config) { c.UserSends.Count, c.AddressSends.Count = 10_000, 10_000 }

var walk = []struct {
	name string
	do   func(h *house, b, other *browser, random *rand.Rand)
}{
	{"log in as alice", func(_ *house, b, _ *browser, _ *rand.Rand) { b.login("alice") }},
	{"log in as alice once more", func(_ *house, b, _ *browser, _ *rand.Rand) { b.login("ALICE ") }},
	{"log in as mallory", func(_ *house, b, _ *browser, _ *rand.Rand) { b.login("mallory") }},
	{"log in with a wrong password", func(_ *house, b, _ *browser, _ *rand.Rand) {
		b.post("/login.php", url.Values{"username": {"alice"}, "password": {"wrong"}})
	}},
	{"enter mallory's code", func(h *house, b, _ *browser, _ *rand.Rand) {
		if code := sixDigits.FindString(h.mail.last("mallory@example.com")); code != h.lastCode("alice") {
			b.enter(code, "remember", "1")
		}
	}},
	{"enter a wrong code", func(h *house, b, _ *browser, _ *rand.Rand) { b.enter(wrongCode(h.lastCode("alice"))) }},
	{"wait", func(h *house, _, _ *browser, random *rand.Rand) {
		h.clock.add(time.Duration(random.IntN(3600)) * time.Second)
	}},
	{"resend", func(_ *house, b, _ *browser, _ *rand.Rand) {
		_, token := b.codePage()
		b.post("/_doorcode/resend", url.Values{"token": {token}})
	}},
	{"cancel", func(_ *house, b, _ *browser, _ *rand.Rand) {
		_, token := b.codePage()
		b.post("/_doorcode/cancel", url.Values{"token": {token}})
	}},
	{"log out", func(_ *house, b, _ *browser, _ *rand.Rand) { b.get("/logout.php") }},
	{"ask for pages", func(_ *house, b, _ *browser, _ *rand.Rand) {
		for _, target := range []string{"/invoice.php?id=7", "/profile.php", "/static/app.css", "/login.php", "/_doorcode/code"} {
			b.get(target)
		}
	}},
	{"write", func(_ *house, b, _ *browser, _ *rand.Rand) { b.post("/note.php", url.Values{"text": {"x"}}) }},
	{"take the other browser's cookies", func(_ *house, b, other *browser, _ *rand.Rand) { other.copyTo(b) }},
	{"put one cookie under another's name", func(h *house, b, _ *browser, random *rand.Rand) {
		cookies := b.jar.Cookies(parseURL(h.t, h.url))
		if len(cookies) > 0 {
			from, to := cookies[random.IntN(len(cookies))], cookies[random.IntN(len(cookies))]
			b.setCookie(to.Name, from.Value)
		}
	}},
	{"choose a session id", func(_ *house, b, _ *browser, _ *rand.Rand) { b.setCookie("PHPSESSID", chosenID) }},
	{"restart", func(h *house, _, _ *browser, _ *rand.Rand) { h.restart() }},
	{"sweep", func(h *house, _, _ *browser, _ *rand.Rand) {
		revoked, err := h.door.Sweep(h.t.Context())
		must(h.t, err)
		h.gateway.End(h.t.Context(), revoked)
	}},
}

// Invariant 1's list is closed: each way on it lets in, and says in the log which it was.
func TestInvariant_1_TheWaysIn(t *testing.T) {
	exempt := func(h *house) {
		h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Code = challenge.CodeOff })
	}
	for _, c := range []struct {
		way    challenge.Way
		before func(h *house, b *browser) // brings about what spares the code
	}{
		{challenge.ByTrust, func(h *house, b *browser) { b.enterWith("alice", "remember", "1"); b.get("/logout.php") }},
		{challenge.BySession, func(h *house, b *browser) { b.enterWith("alice") }},
		{challenge.ByOff, func(h *house, b *browser) { exempt(h) }},
		{challenge.ByUnlisted, func(h *house, b *browser) {
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users, p.Unlisted = p.Users[1:], challenge.UnlistedOff })
		}},
	} {
		t.Run(string(c.way), func(t *testing.T) {
			h := newHouse(t, plan{})
			b := h.browser()
			c.before(h, b)
			if a := b.login("alice"); a.StatusCode != http.StatusSeeOther || strings.HasPrefix(a.to(), "/_doorcode") {
				t.Fatalf("login: %d to %q: %s", a.StatusCode, a.to(), a.body)
			}
			b.wantMember("alice")
			if !strings.Contains(h.log.String(), fmt.Sprintf(`"way":%q`, c.way)) {
				t.Errorf("the log has no entry by %q: %s", c.way, h.log)
			}
			// What spares alice the code spares it nobody else.
			other := h.browser()
			b.copyTo(other)
			h.wantCodePage(other.login("bob"))
			h.wantNothingAs("bob")
		})
	}
}

// Invariant 2: visitors' requests go up without cookies, members' with what was sealed to them alone; plain and keep are the exceptions.
func TestInvariant_2_OnlySealedCookiesGoUp(t *testing.T) {
	h := bentHouse(t, plan{config: func(c *gateway.Config) {
		c.Plain, c.Keep = []*regexp.Regexp{regexp.MustCompile("csrf")}, []*regexp.Regexp{regexp.MustCompile("lang")}
	}}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		for _, set := range []string{"csrf=plain-value-1; path=/", "lang=kept-value-1; path=/", "theme=sealed-value-1; path=/"} {
			w.Header().Add("Set-Cookie", set)
		}
		app.ServeHTTP(w, r)
	})
	b := h.browser()
	wantUp := func(what string, want ...string) {
		t.Helper()
		requests := h.naive.Requests()
		up := requests[len(requests)-1].Header.Get("Cookie")
		for _, pair := range want {
			if !strings.Contains(up+";", pair+";") {
				t.Errorf("%s: %q went up, want %s in it", what, up, pair)
			}
		}
		if got := strings.Count(up, "="); got != len(want) {
			t.Errorf("%s: %q went up, want %d cookies", what, up, len(want))
		}
	}
	b.get("/static/app.css")
	if b.cookie("csrf") != "plain-value-1" || b.cookie("lang") == "" || b.cookie("lang") == "kept-value-1" || b.cookie("theme") != "" {
		t.Errorf("a visitor was given %s", b.cookies())
	}
	b.setCookie("theme", "of-the-browser's-own")
	b.setCookie("PHPSESSID", chosenID)
	b.get("/static/app.css")
	wantUp("a visitor", "csrf=plain-value-1", "lang=kept-value-1")
	kept := b.cookie("lang")
	b.enterWith("alice")
	if v := b.cookie("theme"); v == "sealed-value-1" || v == "" {
		t.Errorf("theme reached the browser as %q, want it sealed", v)
	}
	b.get("/static/app.css")
	wantUp("a member", "csrf=plain-value-1", "lang=kept-value-1", "theme=sealed-value-1", "testcookie=1", "PHPSESSID="+h.naive.SessionID("alice"))
	bare := h.bare()
	bare.get("/static/app.css", "Cookie", "lang=kept-value-1; csrf=x; theme="+b.cookie("theme")+"; PHPSESSID="+b.cookie("PHPSESSID"))
	wantUp("a stranger", "csrf=x")
	bare.get("/static/app.css", "Cookie", "lang="+kept)
	wantUp("a stranger with a kept one", "lang=kept-value-1")
}

// Invariant 3: each login goes up in a session of its own that was begun for it, whatever the browser and the outcome.
func TestInvariant_3_EveryLoginInAFreshSession(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{FormToken: true}})
	b := h.browser()
	b.enterWith("mallory")
	for _, user := range []string{"alice", "bob", "mallory", "alice"} {
		b.get("/login.php")
		b.post("/login.php", url.Values{"username": {user}, "password": {"wrong"}})
		b.login(user)
	}
	seen := map[string]bool{}
	logins := 0
	id := regexp.MustCompile(`PHPSESSID=([^;]+)`)
	for i, r := range h.naive.Requests() {
		m := id.FindStringSubmatch(strings.Join(r.Header["Cookie"], "; "))
		if r.Method == "POST" && r.URI == "/login.php" {
			logins++
			if m == nil {
				t.Errorf("request %d: a login went up without the session that its form was fetched in", i)
				continue
			}
			if seen[m[1]] {
				t.Errorf("request %d: a login went up in session %s, in which something had gone up before", i, m[1])
			}
			if !strings.Contains(string(r.Body), "form_token=") {
				t.Errorf("request %d: a login went up without the token of its own form: %q", i, r.Body)
			}
		}
		if m != nil {
			seen[m[1]] = true
		}
	}
	if logins != 9 {
		t.Errorf("%d logins went up, want 9", logins)
	}
}

// Invariant 4: the table of design.md, with what the browser gets. The upstream does as the query of the login says.
func TestInvariant_4_WhoIsInIsAsked(t *testing.T) {
	const success, failure = "welcome", "wrong password"
	signedIn := `<a href="/logout.php">out</a><b id="login-name">alice</b>`
	confirms := map[string]func(w http.ResponseWriter){
		"yes":     func(w http.ResponseWriter) { fmt.Fprint(w, signedIn) },
		"no":      func(w http.ResponseWriter) { fmt.Fprint(w, "who are you?") },
		"away":    func(w http.ResponseWriter) { w.Header().Set("Location", "/login.php"); w.WriteHeader(302) },
		"trouble": func(w http.ResponseWriter) { w.WriteHeader(503) },
		"broken":  func(w http.ResponseWriter) { byHand(w, "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n<p>") },
		"no name": func(w http.ResponseWriter) { fmt.Fprint(w, `<a href="/logout.php">out</a>`) },
		"none":    nil,
	}
	want := map[string][3]submit.Outcome{ // success alone, failure alone, both or neither
		"yes":     {submit.Worked, submit.Worked, submit.Worked},
		"no":      {submit.Unclear, submit.Failed, submit.Unclear},
		"away":    {submit.Unclear, submit.Failed, submit.Unclear},
		"trouble": {submit.Unclear, submit.Unclear, submit.Unclear},
		"broken":  {submit.Unclear, submit.Unclear, submit.Unclear},
		"no name": {submit.Unclear, submit.Unclear, submit.Unclear},
		"none":    {submit.Worked, submit.Failed, submit.Unclear},
	}
	for name, confirm := range confirms {
		answer := ""
		h := bentHouse(t, plan{config: func(c *gateway.Config) {
			c.Login.Success = &submit.Condition{Any: []submit.Test{{Body: regexp.MustCompile(success)}}}
			if confirm == nil {
				c.Login.Confirm = nil
			}
		}}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
			switch {
			case r.Method == "POST" && r.URL.Path == "/login.php":
				w.Header().Set("Set-Cookie", "PHPSESSID="+setID+"; path=/")
				fmt.Fprintf(w, "<p>%s</p>", answer)
			case r.URL.Path == "/profile.php" && confirm != nil:
				confirm(w)
			default:
				app.ServeHTTP(w, r)
			}
		})
		for i, answers := range [][]string{{success}, {failure}, {success + failure, "nothing known"}} {
			for _, answer = range answers {
				b, sent := h.browser(), h.phone.count()
				heard := b.listen()
				a := b.login("alice")
				got := submit.Unclear
				switch {
				case a.to() == "/_doorcode/code":
					got = submit.Worked
				case strings.Contains(a.body, answer):
					got = submit.Failed
				}
				if got != want[name][i] {
					t.Errorf("confirm %s, answer %q: %v, want %v (%d to %q)", name, answer, got, want[name][i], a.StatusCode, a.to())
				}
				if (h.phone.count() > sent) != (got == submit.Worked) {
					t.Errorf("confirm %s, answer %q: %v, and %d messages", name, answer, got, h.phone.count()-sent)
				}
				wantNone(t, "confirm "+name+", answer "+answer, heard.String(), setID)
				b.wantNoCookies(name)
				if got == submit.Unclear && !strings.Contains(h.log.String(), "unclear") {
					t.Errorf("confirm %s, answer %q: no log line", name, answer)
				}
			}
		}
	}
}
