package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/testdata/naive"
)

// Our own pages under every spelling are answered here or refused: the upstream sees none, so it can neither be asked for them nor
// answer in our place.
func TestThreat_E1_OwnPagesSpelledOtherwise(t *testing.T) {
	t.Parallel()
	h := newHouse(t, plan{})
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS"} {
			for _, target := range []string{
				"/_doorcode", "/_doorcode/", "/_doorcode/code", "/_doorcode/nothing", "/_doorcode/code/", "/_doorcode/code.php", "/_doorcode/assets/", "/_doorcode/assets/../code",
				"/_DOORCODE/code", "/_Doorcode", "/_doorcode.", "/_doorcode%20/code", "/%5fdoorcode/code", "/_%64oorcode/code", "/_doorcode%2fcode", "/%2f_doorcode/code",
				"//_doorcode/code", "/_doorcode//code", "/./_doorcode/code", "/x/../_doorcode/code", "/x/%2e%2e/_doorcode/code", "/_doorcode/../_doorcode/code", "/_doorcode;x/code",
				"/;x/_doorcode/code", "/_doorcode/code;x=1", "/_doorcode%00/code", "/_doorcode/code%00", "/_doorcode%5ccode", `/_doorcode\code`, `/\_doorcode/code`, "/%255fdoorcode/code",
				"/%c1%9fdoorcode/code", "/_doorcode?x", "/_doorcode/code?x=%zz", "/_doorcode/code#x", "/_doorcode%3fx", "/_doorcode%23x", "/static/../_doorcode/code", "/static/..%2f_doorcode/code",
				"/_doorcode::$DATA/code", "/_door%63ode/language", "/_doorcode%0a/code", "/x/..;/_doorcode/code", h.url + "/_doorcode/code",
			} {
				b.wire(method, target, "", "Content-Length: 0")
			}
		}
	}
	for _, r := range h.naive.Requests() {
		path, _, _ := strings.Cut(r.URI, "?")
		plain, err := url.PathUnescape(path)
		if err != nil || strings.Contains(strings.ToLower(plain), "doorcode") {
			t.Errorf("%s %s arrived", r.Method, r.URI)
		}
	}
	if len(h.naive.Requests()) == 0 {
		t.Error("nothing arrived at all, not even the login pages")
	}
}

// An upstream with a page of its own at our address, and cookies named like ours, changes neither.
func TestThreat_E1_UpstreamShadowsOwnPages(t *testing.T) {
	p := plan{}
	h := newHouseBeside(t, p, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"doorcode", "doorcode-browser", "__Host-doorcode", "Doorcode", "door%63ode", "doorcode~1"} {
			w.Header().Add("Set-Cookie", name+"=shadow; path=/")
		}
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("shadow"))
	})
	b := h.ready(true)
	before := b.cookie("doorcode")
	a := b.get("/odd/x")
	if a.body != "shadow" {
		t.Fatalf("the upstream's page: %d %q", a.StatusCode, a.body)
	}
	for _, c := range a.Cookies() {
		if strings.Contains(strings.ToLower(c.Name), "door") {
			t.Errorf("the upstream set %s", c.Name)
		}
	}
	if b.cookie("doorcode") != before {
		t.Error("the upstream changed the gateway's cookie")
	}
	b.wantMember("mallory")
}

// away are addresses that some browser takes to another origin, or out of the header.
var away = []string{
	"//evil.example", "//evil.example/home.php", "///evil.example", "////evil.example", `/\evil.example`, `\/evil.example`, `\\evil.example`, `/\/evil.example`, "/%09/evil.example", "/\t/evil.example",
	"https://evil.example/home.php", "http:evil.example", "https:evil", "HTTPS:/evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example/home.php", ".evil.example", "@evil.example",
	"/x\r\nLocation: //evil.example", "/x%0d%0aLocation:%20//evil.example", "/%5cevil.example", "/%2f/evil.example", "/%2fevil.example", "/.//evil.example", "/..//evil.example", "/x/..//evil.example",
	"/./\\evil.example", "/;//evil.example", " //evil.example", "\u00a0//evil.example", "/\u2028/evil.example", "?//evil.example", "#//evil.example", "//evil%E3%80%82example", "/\x00/evil.example", "http://%h@evil.example/home.php",
	"http://%h.evil.example/home.php", `http://evil.example\@%h/home.php`, "//user:pass@evil.example/home.php", "http:///evil.example/home.php",
}

// wantHome fails unless an answer leads to a path of our own origin, by every browser's reading (WHATWG URL: tabs and line ends are
// dropped, a backslash is a slash).
func wantHome(t *testing.T, from string, a answer) {
	t.Helper()
	to := a.to()
	read := strings.NewReplacer("\t", "", "\r", "", "\n", "", `\`, "/").Replace(to)
	u, err := url.Parse(read)
	if a.StatusCode != http.StatusSeeOther || err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(read, "/") || strings.HasPrefix(read, "//") || read != to {
		t.Errorf("%q led to %d %q", from, a.StatusCode, to)
	}
	if len(a.Header["Location"]) != 1 {
		t.Errorf("%q made the Location headers %q", from, a.Header["Location"])
	}
}

func TestThreat_D5_ReturnAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t, plan{})
	host := parseURL(t, h.url).Host
	for _, address := range away {
		address = strings.ReplaceAll(address, "%h", host)
		b := h.browser()
		// By the language switch, which takes an address from a link.
		wantHome(t, "language?back="+address, b.get("/_doorcode/language?to=ar&back="+url.QueryEscape(address)))
		// By the page that was asked for before the login.
		if !strings.ContainsAny(address, " \r\n\t\x00#") {
			b.wire("GET", address, "")
		}
		b.login("bob")
		if a := b.enter(h.lastCode("bob")); a.StatusCode == http.StatusSeeOther {
			wantHome(t, "GET "+address, a)
		} else {
			t.Errorf("bob after GET %q: %d", address, a.StatusCode)
		}
	}
	// What is an address of ours comes back whole, with another one in its query.
	b := h.browser()
	b.get("/home.php?next=//evil.example&x=%2F%2Fevil")
	b.login("bob")
	if a := b.enter(h.lastCode("bob")); a.to() != "/home.php?next=//evil.example&x=%2F%2Fevil" {
		t.Errorf("the page that was asked for became %q", a.to())
	}
}

// The login's answer says where to go too, and an application with an open redirect of its own lets the browser say it.
func TestThreat_D5_LocationOfTheLogin(t *testing.T) {
	t.Parallel()
	location := ""
	up := naive.New(naive.Options{})
	p := plan{upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" {
			up.ServeHTTP(w, r)
			return
		}
		record := httptest.NewRecorder()
		up.ServeHTTP(record, r)
		for name, values := range record.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Location", location)
		w.WriteHeader(record.Code)
	}), config: func(c *gateway.Config) { c.Login.Success.Any[0].Location = nil }}
	h := newHouse(t, p)
	for _, address := range away {
		location = strings.ReplaceAll(address, "%h", parseURL(t, h.url).Host)
		b := h.ready(false)
		if a := b.login("bob"); !a.judged() {
			wantHomeOrPage(t, location, a)
			continue
		}
		wantHome(t, "Location: "+location, b.enter(h.lastCode("bob")))
	}
}

// wantHomeOrPage: an answer that leads nowhere is one of our pages.
func wantHomeOrPage(t *testing.T, from string, a answer) {
	t.Helper()
	if a.StatusCode < 400 || a.to() != "" {
		t.Errorf("Location: %q: %d to %q", from, a.StatusCode, a.to())
	}
}

// A page on a sibling host or port can set cookies for ours where names have no __Host-: of two with one name neither counts, unless one
// of them is what was sealed for this very session.
func TestThreat_D6_TossedCookies(t *testing.T) {
	h := newHouse(t, plan{})
	alice, mallory := h.browser(), h.ready(true)
	alice.enterWith("alice")
	door, php := "doorcode="+alice.cookie("doorcode"), "PHPSESSID="+alice.cookie("PHPSESSID")
	tossed := "doorcode=" + mallory.cookie("doorcode")
	theirs := "PHPSESSID=" + mallory.cookie("PHPSESSID")
	for _, header := range []string{
		tossed + "; " + theirs + "; " + door + "; " + php, tossed + "; " + theirs + "; " + door, door + "; " + php + "; " + tossed, tossed + "; " + door, tossed + "; " + tossed + "; " + theirs,
		door + "; " + php + "; doorcode=", "doorcode=; " + door + "; " + php, door + "; " + php + "; doorcode=x",
	} {
		if a := alice.wire("GET", "/invoice.php?id=7", "", "Cookie: "+header); a.StatusCode != http.StatusSeeOther || a.to() != "/login.php" {
			t.Errorf("two gateway cookies: %d to %q %s", a.StatusCode, a.to(), a.body)
		}
	}
	for _, header := range []string{
		door + "; " + php + "; PHPSESSID=" + mallory.cookie("PHPSESSID"), door + "; PHPSESSID=" + mallory.cookie("PHPSESSID") + "; " + php,
		door + "; PHPSESSID=chosen; " + php, door + "; " + php + "; PHPSESSID=chosen", strings.Repeat("PHPSESSID=1.x; ", 50) + door + "; " + php,
		strings.Repeat("x=y; ", 500) + door + "; " + php,
	} {
		a := alice.wire("GET", "/invoice.php?id=7", "", "Cookie: "+header)
		if !strings.Contains(a.body, "of alice") && a.to() != "/login.php" {
			t.Errorf("tossed session cookie: %d %s", a.StatusCode, a.body)
		}
	}
	seen := h.arrived("/invoice.php?id=7")
	for _, r := range seen {
		if c := r.Header.Get("Cookie"); strings.Contains(c, "chosen") || strings.Count(c, "PHPSESSID=") > 1 {
			t.Errorf("arrived with %q", c)
		}
	}
	// Thousands: refused by size, or those behind the first thousand count for nothing.
	for _, many := range []string{strings.Repeat("a=b; ", 5_000), strings.Repeat("PHPSESSID=1.x; ", 20_000), strings.Repeat("doorcode=x; ", 5_000)} {
		if a := alice.wire("GET", "/invoice.php?id=7", "", "Cookie: "+many+door+"; "+php); a.StatusCode == http.StatusOK && !strings.Contains(a.body, "of alice") || a.StatusCode >= 500 {
			t.Errorf("%.20q many times: %d %s", many, a.StatusCode, a.body)
		}
	}
	if a := alice.wire("GET", "/invoice.php?id=7", "", "Cookie: "+door+"; "+php); !strings.Contains(a.body, "of alice") {
		t.Errorf("alice's own cookies after all that: %d to %q", a.StatusCode, a.to())
	}
}

// Over TLS the names say that the cookie is ours alone: browsers take __Host- from this very origin only, with Secure and Path=/ and
// without Domain, and a cookie by the bare name is nobody's.
func TestThreat_D6_HostPrefix(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) { c.Insecure = false }})
	b := h.browser()
	a := b.wire("GET", "/login.php", "")
	found := ""
	for _, c := range a.Cookies() {
		if c.Name == "__Host-doorcode" {
			found = c.Value
		}
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
			t.Errorf("the login page sets %s", c.Raw)
		}
	}
	if found == "" {
		t.Fatalf("the login page sets %v", a.Cookies())
	}
	for cookie, counts := range map[string]bool{"__Host-doorcode=": true, "doorcode=": false, "__host-doorcode=": false, "__Host.doorcode=": false, "__Secure-doorcode=": false, "__Host-doorcode-browser=": false} {
		if a := b.wire("POST", "/login.php", "username=bob&password=bob-pass-1", formType, "Cookie: "+cookie+found); a.judged() != counts {
			t.Errorf("%s: %d to %q, want taken %v", cookie, a.StatusCode, a.to(), counts)
		}
	}
}

// Mallory plants the cookie of a browser of his own in alice's. What she is remembered by from then on is a secret that he does not have.
func TestThreat_D6_PlantedBrowserCookie(t *testing.T) {
	h := newHouse(t, plan{})
	mallory := h.ready(true)
	planted := mallory.cookie("doorcode-browser")
	if planted == "" {
		t.Fatal("mallory's browser has no cookie")
	}
	alice := h.browser()
	alice.setCookie("doorcode-browser", planted)
	alice.enterWith("alice", "remember", "1")

	thief := h.browser()
	thief.setCookie("doorcode-browser", planted)
	if a := thief.login("alice"); !a.judged() {
		t.Errorf("alice's password with the planted cookie: %d to %q, want her code asked", a.StatusCode, a.to())
	}
	thief.wantVisitor()
	// She herself is remembered.
	alice.get("/logout.php")
	if a := alice.login("alice"); a.judged() || a.StatusCode != http.StatusSeeOther {
		t.Errorf("alice's remembered browser: %d to %q", a.StatusCode, a.to())
	}
	alice.wantMember("alice")
}

// everywhere is an application that signs in on every address and then runs the page, as DokuWiki does.
type everywhere struct {
	action string // of its form
	mu     sync.Mutex
	users  map[string]string // of sessions
	saved  []string          // what its page was made to do
	logins []string          // target and body of requests that signed in
}

func (e *everywhere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = r.ParseForm()
	id := ""
	if c, err := r.Cookie("EVERYSID"); err == nil {
		id = c.Value
	} else {
		id = fmt.Sprintf("every-session-%d", len(e.users)+1)
		e.users[id] = ""
		http.SetCookie(w, &http.Cookie{Name: "EVERYSID", Value: id, Path: "/"})
	}
	signsIn := r.PostFormValue("password") == r.PostFormValue("username")+"-pass-1"
	if signsIn {
		e.users[id] = r.PostFormValue("username")
		e.logins = append(e.logins, r.RequestURI+" "+r.PostForm.Encode())
	}
	user := e.users[id]
	if note := r.FormValue("note"); note != "" && user != "" {
		e.saved = append(e.saved, user+" by "+r.RequestURI)
	}
	if r.URL.Path != "/start.php" && user != "" {
		e.saved = append(e.saved, user+" at "+r.RequestURI)
	}
	w.Header().Set("Content-Type", "text/html")
	switch {
	case signsIn:
		w.Header().Set("Location", "/home.php")
		w.WriteHeader(http.StatusFound)
	case r.FormValue("password") != "":
		fmt.Fprint(w, "wrong password")
	case user != "":
		fmt.Fprintf(w, `<a href="/logout.php">out</a><b id="login-name">%s</b>`, user)
	default:
		fmt.Fprintf(w, `<form method=post action="%s"><input type=hidden name=do value=login><input type=hidden name=sectok value=fresh>
			<input name=username><input name=password type=password><input type=checkbox name=r><input type=image name=go></form>`, e.action)
	}
}

// Where the login is told by its values on any address, or came to another address than the configured one, the browser does not
// choose the page that runs with it.
func TestThreat_B6_LoginGoesToItsForm(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"*", "/st*", "/start.php"} {
		for _, action := range []string{"/start.php?id=1", "", "start.php"} {
			e := &everywhere{action: action, users: map[string]string{}}
			h := newHouse(t, plan{upstream: e, config: func(c *gateway.Config) {
				c.LoginRule = rule(t, "POST", path)
				c.LoginRule.Form = []reading.Value{{Name: "do", Value: "login"}}
				c.LoginPage, c.Login.Page = rule(t, "", "/start.php"), "/start.php"
				c.Login.Confirm.URL = "/start.php"
				c.Public = nil
			}})
			form := url.Values{"do": {"login"}, "r": {"1"}, "go.x": {"7"}, "username": {"alice"}, "password": {"alice-pass-1"}, "note": {"before the code"}}
			targets := map[string][]string{
				"*":          {"/note.php", "/note.php?note=x&id=2", "/start.php?note=x", "/delete.php?id=7", "/"},
				"/st*":       {"/start.php/note?note=x", "/start/note.php?note=y", "/stX"},
				"/start.php": {"/start.php/note?note=x", "/START.php?note=x", "/start?note=x", "/x.php/start.php?note=x"},
			}[path]
			asked := 0
			for _, target := range targets {
				b := h.browser()
				b.get("/start.php")
				if a := b.post(target, form); a.judged() {
					asked++
				} else {
					t.Errorf("path %s, action %q: a login at %s: %d %s", path, action, target, a.StatusCode, a.body)
				}
			}
			e.mu.Lock()
			if len(e.saved) > 0 || len(e.logins) != asked {
				t.Errorf("path %s, action %q: ran as alice before her code: %v; %d logins for %d codes", path, action, e.saved, len(e.logins), asked)
			}
			want := "/start.php do=login&go.x=7&password=alice-pass-1&r=1&sectok=fresh&username=alice"
			if action == "/start.php?id=1" {
				want = strings.Replace(want, ".php", ".php?id=1", 1)
			}
			for _, got := range e.logins {
				if got != want {
					t.Errorf("path %s, action %q: the login was %s, want %s", path, action, got, want)
				}
			}
			e.mu.Unlock()
		}
	}
}

// A form that leads off the application takes nobody's password there.
func TestThreat_B6_FormOfAnotherAddress(t *testing.T) {
	e := &everywhere{action: "https://evil.example/start.php", users: map[string]string{}}
	h := newHouse(t, plan{upstream: e, config: func(c *gateway.Config) {
		c.LoginRule = rule(t, "POST", "*")
		c.LoginRule.Form = []reading.Value{{Name: "do", Value: "login"}}
		c.LoginPage, c.Login.Page, c.Login.Confirm.URL = rule(t, "", "/start.php"), "/start.php", "/start.php"
	}})
	b := h.browser()
	b.get("/start.php")
	a := b.post("/start.php", url.Values{"do": {"login"}, "username": {"alice"}, "password": {"alice-pass-1"}})
	if a.judged() || len(e.logins) > 0 || !strings.Contains(h.log.String(), "another address than the application") {
		t.Errorf("%d, sent %v", a.StatusCode, e.logins)
	}
}
