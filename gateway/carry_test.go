package gateway_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/testdata/captcha"
	"doorcode/testdata/twopage"
)

// captchaHouse is a house whose login page has a picture on it.
func captchaHouse(t testing.TB, hashed bool) (*house, *captcha.Page) {
	t.Helper()
	var h *house
	page := captcha.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.naive.ServeHTTP(w, r) }))
	page.Hashed = hashed
	h = newHouse(t, plan{carry: true, upstream: page, config: func(c *gateway.Config) {
		c.Public = append(c.Public, rule(t, "", "/captcha.svg"))
		c.Login.Failure.Any[0].Body = regexp.MustCompile("<p class=error>") // a wrong password and wrong characters
	}})
	return h, page
}

var inPicture = regexp.MustCompile(`<text>(\w+)</text>`)

// readPicture fetches the picture of the page and reads it.
func (b *browser) readPicture() string {
	b.h.t.Helper()
	a := b.get("/captcha.svg", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image")
	m := inPicture.FindStringSubmatch(a.body)
	if m == nil {
		b.h.t.Fatalf("no picture: %d %s", a.StatusCode, a.body)
	}
	return m[1]
}

func (b *browser) sendCaptcha(password, characters string) answer {
	b.h.t.Helper()
	return b.post("/login.php", url.Values{"username": {"alice"}, "password": {password}, "captcha": {characters}})
}

func TestCaptchaLogin(t *testing.T) {
	h, _ := captchaHouse(t, false)
	b := h.browser()
	b.get("/invoice.php?id=7") // a deep link
	b.get("/login.php")
	b.readPicture()
	if a := b.sendCaptcha("alice-pass-1", "wrong"); !strings.Contains(a.body, "wrong characters") {
		t.Fatalf("wrong characters: %d: %s", a.StatusCode, a.body)
	}
	// The page that says so is the next try's: its picture is drawn in the session that the failed login goes on in.
	if a := b.sendCaptcha("wrong", b.readPicture()); !strings.Contains(a.body, "wrong password") {
		t.Fatalf("a wrong password: %d: %s", a.StatusCode, a.body)
	}
	h.wantCodePage(b.sendCaptcha("alice-pass-1", b.readPicture()))
	if a := b.enter(h.lastCode("alice")); a.to() != "/invoice.php?id=7" {
		t.Errorf("after the code: %d to %q", a.StatusCode, a.to())
	}
	b.wantMember("alice")
	b.get("/logout.php")
	b.wantVisitor()
}

// Two browsers have their pictures each.
func TestCaptchaOfEachBrowser(t *testing.T) {
	h, _ := captchaHouse(t, false)
	one, two := h.browser(), h.browser()
	one.get("/login.php")
	two.get("/login.php")
	first := one.readPicture()
	two.readPicture()
	if a := two.sendCaptcha("alice-pass-1", first); !strings.Contains(a.body, "wrong characters") {
		t.Errorf("with the other's picture: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	h.wantCodePage(one.sendCaptcha("alice-pass-1", first))
}

func TestHashedPassword(t *testing.T) {
	h, page := captchaHouse(t, true)
	b := h.browser()
	a := b.get("/login.php")
	number := regexp.MustCompile(`number = "(\w+)"`).FindStringSubmatch(a.body)[1]
	h.wantCodePage(b.sendCaptcha(captcha.Hash(number, "alice-pass-1"), ""))
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
	if page.Number(h.naive.SessionID("alice")) != "" {
		t.Error("the number of the page was not the login's")
	}
}

// PHP forgets a session after 24 minutes: the member is led to the login page, signs in there, and needs no second code.
func TestCaptchaSameUserAgain(t *testing.T) {
	h, _ := captchaHouse(t, false)
	b := h.browser()
	b.get("/login.php")
	h.wantCodePage(b.sendCaptcha("alice-pass-1", b.readPicture()))
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
	b.get("/login.php") // by accident: he is still signed in, and stays so
	b.wantMember("alice")
	h.naive.Forget()
	if a := b.get("/invoice.php?id=7"); a.to() != "/login.php" {
		t.Fatalf("after 24 minutes: %d to %q", a.StatusCode, a.to())
	}
	b.get("/login.php")
	if a := b.sendCaptcha("typo", b.readPicture()); !strings.Contains(a.body, "wrong password") {
		t.Fatalf("a typing error: %d: %s", a.StatusCode, a.body)
	}
	if a := b.sendCaptcha("alice-pass-1", b.readPicture()); strings.HasPrefix(a.to(), "/_doorcode") || a.StatusCode != http.StatusSeeOther {
		t.Fatalf("the same user again: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	b.wantMember("alice")
}

// A login page that was open too long, or since before a restart, is said to be so.
func TestStaleLoginPage(t *testing.T) {
	h, _ := captchaHouse(t, false)
	for name, wait := range map[string]func(){"a day": func() { h.clock.add(25 * time.Hour) }, "a restart": func() { h.restart() }} {
		b := h.browser()
		b.get("/login.php")
		picture := b.readPicture()
		wait()
		if a := b.sendCaptcha("alice-pass-1", picture); a.StatusCode != http.StatusConflict || !strings.Contains(a.body, `href="/login.php"`) {
			t.Errorf("after %s: %d: %s", name, a.StatusCode, a.body)
		}
		b.get("/login.php")
		h.wantCodePage(b.sendCaptcha("alice-pass-1", b.readPicture()))
	}
}

// twoPageHouse is a house whose login asks for the name first.
func twoPageHouse(t testing.TB, set func(*twopage.Login), config ...func(*gateway.Config)) (*house, *twopage.Login) {
	t.Helper()
	var h *house
	login := twopage.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.naive.ServeHTTP(w, r) }))
	set(login)
	h = newHouse(t, plan{carry: true, upstream: login, config: func(c *gateway.Config) {
		path := "/name.php"
		if login.OneAddress {
			path = "/login.php"
			c.LoginRule.Form = []reading.Value{{Name: "password", Value: "*"}}
		}
		c.First = &gateway.FirstPage{Rule: rule(t, "POST", path), Fields: c.Login.Fields}
		c.Public = append(c.Public, rule(t, "", "/password.php"))
		for _, change := range config {
			change(c)
		}
	}})
	return h, login
}

// sendName fills in the first page and returns where its form goes to.
func (b *browser) sendName(name string) (answer, string) {
	b.h.t.Helper()
	page := b.get("/login.php")
	m := regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(page.body)
	if m == nil {
		b.h.t.Fatalf("no first page: %d %s", page.StatusCode, page.body)
	}
	return b.post(m[1], url.Values{"username": {name}}), m[1]
}

func TestTwoPageLogin(t *testing.T) {
	for name, set := range map[string]func(*twopage.Login){
		"two addresses": func(*twopage.Login) {},
		"one address":   func(l *twopage.Login) { l.OneAddress = true },
		"hidden name":   func(l *twopage.Login) { l.Hidden = true },
		"redirect":      func(l *twopage.Login) { l.Leads = true },
		"all":           func(l *twopage.Login) { l.OneAddress, l.Hidden, l.Leads = true, true, true },
	} {
		t.Run(name, func(t *testing.T) {
			h, login := twoPageHouse(t, set)
			b := h.browser()
			a, _ := b.sendName("alice")
			if login.Leads {
				if a.to() != "/password.php" {
					t.Fatalf("the first page led to %q: %s", a.to(), a.body)
				}
				a = b.get("/password.php")
			}
			if !strings.Contains(a.body, "Password of alice") {
				t.Fatalf("the second page: %d: %s", a.StatusCode, a.body)
			}
			form := url.Values{}
			if login.Hidden {
				form.Set("username", "alice")
			}
			form.Set("password", "wrong")
			if a = b.post("/login.php", form); !strings.Contains(a.body, "wrong password") || !strings.Contains(a.body, "Password of alice") {
				t.Fatalf("a wrong password: %d: %s", a.StatusCode, a.body)
			}
			form.Set("password", "alice-pass-1") // on the page that says so
			h.wantCodePage(b.post("/login.php", form))
			b.enter(h.lastCode("alice"))
			b.wantMember("alice")
		})
	}
}
