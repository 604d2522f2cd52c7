package gateway_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"doorcode/challenge"
	"doorcode/challenge/secret"
	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/gateway/submit"
	"doorcode/testdata/windows1256"
)

// arabic is a house in front of an application in windows-1256, with users of Arabic names.
func arabic(t *testing.T, o windows1256.Options, charset string) (*house, *windows1256.App) {
	t.Helper()
	app := windows1256.New(o)
	users := []challenge.User{
		{Name: "أحمد", Code: challenge.CodeEmail, Email: secret.New("ahmad@example.com"), Place: "users.yaml:4"},
		{Name: "سارة", Code: challenge.CodeOff, Place: "users.yaml:5"},
	}
	return newHouse(t, plan{upstream: app, users: users, config: func(c *gateway.Config) {
		fields, err := c.Login.Fields.InCharset(charset)
		must(t, err)
		c.Login.Fields = fields
		c.Login.Fixed = []reading.Value{{Name: "branch", Value: "فرع"}}
		c.Login.Success = &submit.Condition{Any: []submit.Test{{Status: 302, Place: "gateway.yaml:20"}}}
		c.Login.Failure = &submit.Condition{Any: []submit.Test{{Body: regexp.MustCompile("كلمة المرور خطأ"), Place: "gateway.yaml:21"}}}
		c.Login.Confirm.SignedIn = regexp.MustCompile("خروج")
	}}), app
}

// loginArabic sends the form as a browser does whose page is in windows-1256.
func (b *browser) loginArabic(user, password string, header ...string) answer {
	b.h.t.Helper()
	b.get("/login.php")
	body := "branch=" + url.QueryEscape("x") + "&username=" + windows1256.Encode(user) + "&password=" + windows1256.Encode(password)
	return b.do("POST", "/login.php", body, header...)
}

// B3: the name in the form is read in the application's charset, and the policy of that user holds.
func TestThreat_B3_Windows1256(t *testing.T) {
	for name, o := range map[string]windows1256.Options{
		"said in the page": {}, "said in the header": {InHeader: true}, "said nowhere": {Unsaid: true}, "said by the form": {Unsaid: true, Accept: "windows-1256 utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			h, app := arabic(t, o, "windows-1256")
			b := h.browser()
			if a := b.loginArabic("أحمد", "خطأ"); !strings.Contains(a.body, windows1256Page("كلمة المرور خطأ")) {
				t.Fatalf("wrong password: %d %q", a.StatusCode, a.body)
			}
			if a := b.loginArabic("أحمد", "كلمة"); a.to() != "/_doorcode/code" {
				t.Fatalf("login: %d to %q %s\n%s", a.StatusCode, a.to(), a.body, h.log)
			}
			if served := app.Served(); len(served) > 0 {
				t.Fatalf("served before the code: %v", served)
			}
			if got := app.Bodies(); !strings.Contains(got[len(got)-1], "username="+windows1256.Encode("أحمد")) {
				t.Errorf("went up: %q", got[len(got)-1])
			}
			b.enter(sixDigits.FindString(h.mail.last("ahmad@example.com")))
			if a := b.get("/home.php"); !strings.Contains(a.body, windows1256Page("أحمد")) {
				t.Errorf("member's page: %d %q", a.StatusCode, a.body)
			}
		})
	}
}

func windows1256Page(text string) string {
	raw, _ := url.QueryUnescape(windows1256.Encode(text))
	return raw
}

// B3: where it is not known what the application reads, nothing goes up.
func TestThreat_B3_CharsetsThatDiffer(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name, charset, accept string
		body, kind            string
		status                int
	}{
		{"not configured", "utf-8", "", "username=" + windows1256.Encode("أحمد") + "&password=x", form, 400},
		{"not configured, sent in UTF-8", "utf-8", "", "username=" + url.QueryEscape("أحمد") + "&password=x", form, 502},
		{"another configured", "windows-1252", "", "username=" + windows1256.Encode("أحمد") + "&password=x", form, 502},
		{"the form is sent in another", "windows-1256", "utf-8", "username=" + windows1256.Encode("أحمد") + "&password=x", form, 502},
		{"the body claims another", "windows-1256", "", "username=" + windows1256.Encode("أحمد") + "&password=x", form + "; charset=utf-8", 400},
		{"two claims", "windows-1256", "", "username=" + windows1256.Encode("أحمد") + "&password=x&_charset_=utf-8", form + "; charset=windows-1256", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, app := arabic(t, windows1256.Options{Accept: c.accept}, c.charset)
			b := h.browser()
			b.get("/login.php")
			if a := b.do("POST", "/login.php", c.body, "Content-Type", c.kind); a.StatusCode != c.status {
				t.Errorf("%d, want %d", a.StatusCode, c.status)
			}
			if got := app.Bodies(); len(got) > 0 {
				t.Errorf("went up: %q", got)
			}
			if !strings.Contains(h.log.String(), "login.charset") {
				t.Error("the log does not name login.charset")
			}
		})
	}
	// A name of ASCII letters is the same in all of them.
	h, app := arabic(t, windows1256.Options{}, "utf-8")
	b := h.browser()
	b.get("/login.php")
	if a := b.post("/login.php", url.Values{"username": {"ahmad"}, "password": {"x"}}); a.StatusCode != http.StatusOK || len(app.Bodies()) != 1 {
		t.Errorf("ASCII: %d, %q", a.StatusCode, app.Bodies())
	}
}
