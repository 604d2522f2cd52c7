package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/text/encoding/charmap"

	"doorcode/gateway"
	"doorcode/testdata/naive"
)

const bank, portal = "https://bank.example", "https://portal.example"

// origins lets the bank's page send to /note.php and the portal's to the login.
func origins(t *testing.T) func(*gateway.Config) {
	return func(c *gateway.Config) {
		c.Origins = []gateway.Origin{{From: bank, Path: rule(t, "", "/note.php").Path}, {From: portal, Path: rule(t, "", "/login.php").Path}}
	}
}

// foreign sends a form as another site's page does: browsers leave the cookies out.
func (h *house) foreign(origin, target, body string, header ...string) answer {
	h.t.Helper()
	return h.browser().do("POST", target, body, append([]string{"Origin", origin, "Sec-Fetch-Site", "cross-site"}, header...)...)
}

// formAgain is the form of the page that sends one again, as a browser would send it: action and body.
func formAgain(t *testing.T, page string) (action, body string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	must(t, err)
	var pairs []string
	charset := ""
	for n := range root.Descendants() {
		get := func(key string) string {
			for _, a := range n.Attr {
				if a.Key == key {
					return a.Val
				}
			}
			return ""
		}
		if n.Data == "form" {
			action, charset = get("action"), get("accept-charset")
		}
		if n.Data == "input" {
			pairs = append(pairs, encode(t, charset, get("name"))+"="+encode(t, charset, get("value")))
		}
	}
	return action, strings.Join(pairs, "&")
}

// encode writes a value as browsers write it into an urlencoded form: in the form's charset, with CRLF.
func encode(t *testing.T, charset, text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	if charset != "windows-1252" {
		return url.QueryEscape(text)
	}
	var b []byte
	for _, r := range text {
		c, ok := charmap.Windows1252.EncodeRune(r)
		if !ok && r < 0x100 {
			c, ok = byte(r), true // as the encoding standard has it
		}
		if !ok {
			t.Errorf("no byte for %q", r)
		}
		b = append(b, c)
	}
	return url.QueryEscape(string(b))
}

func (h *house) lastBody(uri string) naive.Request {
	h.t.Helper()
	all := h.arrived(uri)
	if len(all) == 0 {
		h.t.Fatalf("nothing arrived at %s", uri)
	}
	return all[len(all)-1]
}

// A bank leads a member back with a form: a page of ours sends it again, and the member is who he was.
func TestReturnFromAnotherSite(t *testing.T) {
	h := newHouse(t, plan{config: origins(t)})
	b := h.browser()
	b.enterWith("alice")
	every := ""
	for c := 1; c < 256; c++ {
		if c != '\r' && c != '\n' {
			every += string([]byte{byte(c)})
		}
	}
	for _, value := range []string{"paid", "دفع ✓", `"><script>alert(1)</script>`, "a\r\nb", "\xc7\xe1", every, "", "%u0645 + &=;"} {
		body := "submit=1&text=" + url.QueryEscape(value)
		page := h.foreign(bank, "/note.php?order=17&x=a%20b", body)
		if page.StatusCode != http.StatusOK || len(page.Cookies()) != 0 || page.Header.Get("Cache-Control") != "no-store" || strings.Contains(page.body, "<script>alert") {
			t.Fatalf("%.20q: %d, cookies %v: %s", value, page.StatusCode, page.Cookies(), page.body)
		}
		action, again := formAgain(t, page.body)
		if action != "/note.php?order=17&x=a%20b" || again != body {
			t.Errorf("sent again to %s: %s\nwant %s", action, again, body)
		}
		if a := b.do("POST", action, again, "Origin", h.url); a.StatusCode != http.StatusOK {
			t.Errorf("again: %d", a.StatusCode)
		}
		if got := h.lastBody("/note.php?order=17&x=a%20b"); string(got.Body) != body || got.Header.Get("Origin") != h.url {
			t.Errorf("the application got %q from %q", got.Body, got.Header.Get("Origin"))
		}
	}
	if n := len(h.arrived("/note.php?order=17&x=a%20b")); n != 8 {
		t.Errorf("%d forms arrived, want each once", n)
	}
	b.wantMember("alice")
	framed := h.foreign(bank, "/note.php", "text=x", "Sec-Fetch-Dest", "iframe")
	if framed.Header.Get("X-Frame-Options") != "SAMEORIGIN" || !strings.Contains(framed.Header.Get("Content-Security-Policy"), "frame-ancestors 'self'") {
		t.Errorf("in a frame: %v", framed.Header)
	}
	// Who has no session, or whose session has ended, is told so by the second form and loses nothing.
	action, again := formAgain(t, h.foreign(bank, "/note.php", "text=x").body)
	if a := h.browser().do("POST", action, again, "Origin", h.url); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "new tab") {
		t.Errorf("without a session: %d: %s", a.StatusCode, a.body)
	}
}

// Another site's page sends what it likes: only a listed one is heard, at its one address, in one reading, and not with a password.
func TestThreat_C7_OnlyListedOrigins(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) {
		origins(t)(c)
		c.Origins = append(c.Origins, gateway.Origin{From: bank, Path: rule(t, "", "/xmlrpc.php").Path}, gateway.Origin{From: bank, Path: rule(t, "", "/_doorcode/code").Path})
	}})
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		what, origin, target, body string
		header                     []string
	}{
		{"another site", "https://evil.example", "/note.php", "text=x", nil},
		{"another scheme", "http://bank.example", "/note.php", "text=x", nil},
		{"another port", bank + ":8443", "/note.php", "text=x", nil},
		{"a name that begins so", bank + ".evil.example", "/note.php", "text=x", nil},
		{"nobody", "null", "/note.php", "text=x", nil},
		{"in capitals", "https://BANK.example", "/note.php", "text=x", nil},
		{"another address", bank, "/index.php", "text=x", nil},
		{"an address behind", bank, "/note.php/x", "text=x", nil},
		{"an address in capitals", bank, "/NOTE.php", "text=x", nil},
		{"the other site's address", portal, "/note.php", "text=x", nil},
		{"a door", bank, "/xmlrpc.php", "text=x", nil},
		{"a page of ours", bank, "/_doorcode/code", "code=123456", nil},
		{"the login", bank, "/login.php", "username=mallory&password=mallory-pass-1", nil},
		{"a login elsewhere", "https://evil.example", "/login.php", "username=mallory&password=mallory-pass-1", nil},
		{"user and password", bank, "/note.php", "username=mallory&password=mallory-pass-1", nil},
		{"user and password in the address", bank, "/note.php?username=mallory&password=x", "a=b", nil},
		{"a session id", bank, "/note.php", "PHPSESSID=0123456789abcdef0123", nil},
		{"multipart", bank, "/note.php", parts("b", "text", "x"), []string{"Content-Type", "multipart/form-data; boundary=b"}},
		{"JSON", bank, "/note.php", `{"text":"x"}`, []string{"Content-Type", "application/json"}},
		{"another charset", bank, "/note.php", "text=x", []string{"Content-Type", form + "; charset=utf-16"}},
		{"too much", bank, "/note.php", "text=" + strings.Repeat("x", 64<<10), nil},
		{"NUL", bank, "/note.php", "text=a%00b", nil},
		{"a charset in the form", bank, "/note.php", "_charset_=&text=x", nil},
		{"a login with two users", portal, "/login.php", "username=a&username=b&password=x", nil},
		{"a login in the address", portal, "/login.php?username=b", "username=a&password=x", nil},
		{"a script", bank, "/note.php", "text=x", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}},
	} {
		a := h.foreign(c.origin, c.target, c.body, c.header...)
		if a.StatusCode < 400 || strings.Contains(a.body, "again-form") || strings.Contains(a.body, "mallory-pass-1") {
			t.Errorf("%s: %d: %s", c.what, a.StatusCode, a.body)
		}
	}
	if n := len(h.naive.Requests()); n != 0 {
		t.Errorf("%d requests reached the application", n)
	}
}

// A login form on a portal: its login is sent again from here, in one go with the cookie that it needs, and then is any login.
func TestLoginFromAPortal(t *testing.T) {
	h := newHouse(t, plan{config: origins(t)})
	const login = "username=alice&password=alice-pass-1&lang=ar"
	page := h.foreign(portal, "/login.php", login)
	if page.StatusCode != http.StatusOK || len(page.Cookies()) != 0 || !strings.Contains(page.body, "/_doorcode/seen.css") || !strings.Contains(page.body, "portal.example") {
		t.Fatalf("%d, cookies %v: %s", page.StatusCode, page.Cookies(), page.body)
	}
	if len(h.loginRequests()) != 0 {
		t.Error("the first form reached the application")
	}
	action, again := formAgain(t, page.body)
	if action != "/login.php" || again != login {
		t.Errorf("sent again to %s: %s", action, again)
	}
	b := h.browser()
	if a := b.do("POST", action, again, "Origin", h.url); a.StatusCode != http.StatusBadRequest || strings.Contains(a.body, "again-form") {
		t.Errorf("a browser that keeps no cookies: %d", a.StatusCode)
	}
	style := []string{"Sec-Fetch-Dest", "style", "Sec-Fetch-Mode", "no-cors"}
	if a := b.get("/_doorcode/seen.css", style...); a.StatusCode != http.StatusOK || len(a.Cookies()) != 1 {
		t.Fatalf("the cookie: %d %v", a.StatusCode, a.Cookies())
	}
	h.wantCodePage(b.do("POST", action, again, "Origin", h.url))
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
	if a := b.get("/_doorcode/seen.css", style...); len(a.Cookies()) != 0 {
		t.Errorf("a member's cookie is replaced: %v", a.Cookies())
	}
	if a := h.browser().get("/_doorcode/seen.css", "Sec-Fetch-Site", "cross-site"); len(a.Cookies()) != 0 {
		t.Errorf("another site's page replaces the cookie: %v", a.Cookies())
	}
}

// A login page that keeps its address to itself (Referrer-Policy: no-referrer) on plain HTTP, where browsers say nothing else: the user is
// asked, by name, and nothing goes up before.
func TestThreat_C7_LoginFromNowhere(t *testing.T) {
	h := newHouse(t, plan{})
	nowhere := []string{"Origin", "null", "Sec-Fetch-Site", "", "Sec-Fetch-Mode", "", "Sec-Fetch-Dest", ""}
	form := url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}
	b := h.browser()
	b.get("/login.php")
	a := b.post("/login.php", form, nowhere...)
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "Sign in as") || !strings.Contains(a.body, "alice") || strings.Contains(a.body, "again.js") {
		t.Fatalf("%d: %s", a.StatusCode, a.body)
	}
	if len(h.loginRequests()) != 0 || h.phone.count() != 0 {
		t.Error("a login went up before the user was asked")
	}
	action, again := formAgain(t, a.body)
	h.wantCodePage(b.do("POST", action, again, "Origin", h.url, "Sec-Fetch-Site", "", "Sec-Fetch-Mode", "", "Sec-Fetch-Dest", ""))
	for what, a := range map[string]answer{
		"a browser of today, from another site": h.browser().post("/login.php", form, nowhere...), // without cookies
		"one that says that it is":              b.post("/login.php", form, "Origin", "null", "Sec-Fetch-Site", "cross-site"),
		"another site that says who it is":      b.post("/login.php", form, "Origin", "https://evil.example", "Sec-Fetch-Site", ""),
		"a script":                              b.post("/login.php", form, append([]string{"Accept", "application/json"}, nowhere...)...),
	} {
		if a.StatusCode < 400 || strings.Contains(a.body, "again-form") {
			t.Errorf("%s: %d: %s", what, a.StatusCode, a.body)
		}
	}
}

// A login in a frame gets a small page that leads to the whole window, before a code is paid for; so does a frame of an ended session.
func TestFramedLogin(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	form := url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}
	for _, dest := range []string{"iframe", "frame"} {
		if a := b.get("/login.php", "Sec-Fetch-Dest", dest); a.StatusCode != http.StatusOK || a.Header.Get("X-Frame-Options") != "" {
			t.Errorf("the login page in a frame: %d %v", a.StatusCode, a.Header)
		}
		for language, words := range map[string]string{"en": "whole window", "ar": "في النافذة كاملة"} {
			for what, a := range map[string]answer{
				"login": b.post("/login.php", form, "Sec-Fetch-Dest", dest, "Accept-Language", language),
				"page":  b.get("/invoice.php", "Sec-Fetch-Dest", dest, "Accept-Language", language),
			} {
				if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, words) || !strings.Contains(a.body, `href="/login.php" target="_top"`) {
					t.Errorf("%s in a %s, %s: %d: %s", what, dest, language, a.StatusCode, a.body)
				}
				if a.Header.Get("X-Frame-Options") != "SAMEORIGIN" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'self'") {
					t.Errorf("%s in a %s cannot be seen there: %v", what, dest, a.Header)
				}
			}
		}
		if a := b.post("/note.php", url.Values{"text": {"x"}}, "Sec-Fetch-Dest", dest); a.StatusCode != http.StatusUnauthorized || a.Header.Get("X-Frame-Options") != "SAMEORIGIN" {
			t.Errorf("a form in a frame of an ended session: %d %v", a.StatusCode, a.Header)
		}
	}
	if len(h.loginRequests()) != 0 || h.phone.count() != 0 {
		t.Error("a framed login went up")
	}
	// In the whole window, or in a window of its own, all is as ever; and it leads to where the user was, not to what stood in a frame.
	if a := b.get("/home.php?whole=1"); a.to() != "/login.php" {
		t.Fatalf("%d to %q", a.StatusCode, a.to())
	}
	b.get("/invoice.php?id=7", "Sec-Fetch-Dest", "iframe")
	h.wantCodePage(b.post("/login.php", form))
	if a := b.enter(h.lastCode("alice")); a.to() != "/home.php?whole=1" {
		t.Errorf("led to %q", a.to())
	}
}

// Another site's form comes without our cookies. Its answer sets none, or it would sign a member out whose browser has them.
func TestThreat_C7_ForeignFormSignsNobodyOut(t *testing.T) {
	for _, carry := range []bool{false, true} {
		t.Run(fmt.Sprintf("carry %v", carry), func(t *testing.T) { signsNobodyOut(t, carry) })
	}
}

func signsNobodyOut(t *testing.T, carry bool) {
	h := newHouse(t, plan{carry: carry, config: func(c *gateway.Config) {
		origins(t)(c)
		c.Public = append(c.Public, rule(t, "POST", "/login.php"), rule(t, "POST", "/slow"))
	}})
	for _, target := range []string{"/logout.php", "/note.php", "/slow", "/login.php", "/invoice.php", "/", "/_doorcode/cancel"} {
		for _, origin := range []string{bank, portal, "https://evil.example", "null"} {
			if a := h.foreign(origin, target, "a=b"); len(a.Cookies()) != 0 {
				t.Errorf("POST %s from %s: %d sets %v", target, origin, a.StatusCode, a.Cookies())
			}
		}
	}
	if a := h.browser().do("POST", "/logout.php", "a=b"); len(a.Cookies()) != 1 {
		t.Errorf("a form of our own, from a browser without cookies: %v", a.Cookies())
	}
}
