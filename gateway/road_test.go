package gateway_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"doorcode/gateway"
)

func TestRoad(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()

	if a := b.get("/invoice.php?id=7"); a.StatusCode != http.StatusSeeOther || a.to() != "/login.php" {
		t.Fatalf("visitor: %d to %q", a.StatusCode, a.to())
	}
	if a := b.get("/login.php"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "name=password") {
		t.Fatalf("login page: %d: %s", a.StatusCode, a.body)
	}
	if b.cookie("doorcode") == "" {
		t.Fatal("the login page came without the gateway cookie")
	}
	if b.cookie("PHPSESSID") != "" {
		t.Fatal("a visitor was given the upstream's session cookie")
	}
	if a := b.login("alice"); a.StatusCode != http.StatusSeeOther || a.to() != "/_doorcode/code" {
		t.Fatalf("login: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	b.wantVisitor()
	h.wantNothingAs("alice")
	code := h.lastCode("alice")
	if a := b.enter(wrongCode(code)); a.to() != "/_doorcode/code?said=wrong" {
		t.Fatalf("wrong code: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	h.wantNothingAs("alice")
	if a := b.enter(code); a.StatusCode != http.StatusSeeOther || a.to() != "/invoice.php?id=7" {
		t.Fatalf("right code: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	b.wantMember("alice")
	if b.cookie("PHPSESSID") == h.naive.SessionID("alice") {
		t.Fatal("the upstream's session id reached the browser unsealed")
	}
	b.get("/logout.php")
	b.wantVisitor()
}

func TestRoadByEmail(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("bob")
}

// A sign-out that comes after the session has ended, from an old tab or the back button, must not be where the next login leads to.
func TestRoadSignOutTwice(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	b.get("/logout.php")
	for _, again := range []answer{b.get("/logout.php"), b.post("/logout.php", url.Values{"token": {"old"}})} {
		if again.StatusCode != http.StatusSeeOther || again.to() != "/login.php" {
			t.Fatalf("%s of the sign-out page on an ended session: %d to %q", again.Request.Method, again.StatusCode, again.to())
		}
	}
	b.login("alice")
	if a := b.enter(h.lastCode("alice")); strings.HasPrefix(a.to(), "/logout") {
		t.Fatalf("the next login leads to %q", a.to())
	}
	b.wantMember("alice")
}

// A page of ours that says "try again" or "go back" has the link for it, except where it would lead away from a form.
func TestRoadNoticeLinks(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	button := func(a answer) string {
		_, after, _ := strings.Cut(a.body, `<a class="button" href="`)
		href, _, _ := strings.Cut(after, `"`)
		return href
	}
	if a := b.get("/_doorcode/nothing"); a.StatusCode != http.StatusNotFound || button(a) != "/" {
		t.Errorf("an own page that is none: %d, link to %q", a.StatusCode, button(a))
	}
	h.up.Close()
	if a := b.get("/invoice.php?id=7"); a.StatusCode != http.StatusBadGateway || button(a) != "/invoice.php?id=7" {
		t.Errorf("upstream down: %d, link to %q", a.StatusCode, button(a))
	}
	if a := b.post("/note.php", url.Values{"text": {"x"}}); a.StatusCode != http.StatusBadGateway || button(a) != "" {
		t.Errorf("a form while the upstream is down: %d, link to %q", a.StatusCode, button(a))
	}
	elsewhere := b.request(http.MethodGet, "/", nil, "Accept", "text/html")
	elsewhere.Host = "elsewhere.example"
	res := b.send(elsewhere)
	body, err := io.ReadAll(res.Body)
	must(t, err)
	if a := (answer{res, string(body)}); a.StatusCode != http.StatusMisdirectedRequest || button(a) != "" {
		t.Errorf("another name: %d, link to %q", a.StatusCode, button(a))
	}
}

// The tick of "Remember my device" outlives a wrong code, and counts only with the right one.
func TestRoadTickStays(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.login("alice")
	code := h.lastCode("alice")
	b.enter(wrongCode(code), "remember", "1")
	if page, _ := b.codePage(); !strings.Contains(page.body, "checked") {
		t.Error("the tick is gone after a wrong code")
	}
	b.enter(wrongCode(code))
	if page, _ := b.codePage(); strings.Contains(page.body, "checked") {
		t.Error("a tick that was taken back is there again")
	}
}

// People type their password into the field for the name: the log of a failed login has only names that the policy lists.
func TestRoadPasswordAsName(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.get("/login.php")
	for _, name := range []string{"alice-pass-1", "ALICE"} {
		b.post("/login.php", url.Values{"username": {name}, "password": {"alice"}})
	}
	if log := h.log.String(); strings.Contains(log, "alice-pass-1") || !strings.Contains(log, `"typed":"ALICE"`) {
		t.Errorf("want the listed name and not the password:\n%s", log)
	}
}

// A preference that the browser keeps goes along with the login: who chose Arabic is told of a wrong password in Arabic. It does not
// go along when the upstream is asked who is in.
func TestRoadKeptLanguage(t *testing.T) {
	var asked []string
	h := newHouse(t, plan{
		config: func(c *gateway.Config) { c.Keep = []*regexp.Regexp{regexp.MustCompile("^lang$")} },
		upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/profile.php" {
				asked = append(asked, r.Header.Get("Cookie"))
			}
			if language := r.URL.Query().Get("lang"); language != "" {
				http.SetCookie(w, &http.Cookie{Name: "lang", Value: language, Path: "/"})
			}
			language := "en"
			if c, err := r.Cookie("lang"); err == nil {
				language = c.Value
			}
			io.WriteString(w, "<p>in "+language+": wrong password</p><form><input name=username><input type=password name=password></form>")
		}),
	})
	b := h.browser()
	b.get("/login.php?lang=ar")
	a := b.post("/login.php", url.Values{"username": {"alice"}, "password": {"wrong"}})
	if !strings.Contains(a.body, "in ar") {
		t.Errorf("the application's answer is not in the browser's language: %s", a.body)
	}
	if len(asked) != 1 || asked[0] != "" {
		t.Errorf("confirm was asked with %q", asked)
	}
}
