package gateway_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/gateway"
	"doorcode/testdata/naive"
)

// Threats A: ways around the code page. The oracle of all of them is what the naive upstream ran as whom. Each test also walks
// the right way at its end: a gateway that lets nobody in would pass otherwise.

const chosenID = "chosen-by-mallory-0123456789"

// bentHouse is a house whose upstream answers through bend; app is the naive one behind it.
func bentHouse(t *testing.T, p plan, bend func(w http.ResponseWriter, r *http.Request, app http.Handler)) *house {
	t.Helper()
	var h *house
	p.upstream = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bend(w, r, h.naive) })
	h = newHouse(t, p)
	return h
}

// listen writes down every byte that reaches this browser from now on: 103 answers and trailers too, which http.Client does not show.
func (b *browser) listen() *logBuffer {
	heard := &logBuffer{}
	b.client.CloseIdleConnections()
	b.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return heardConn{c, heard}, err
	}
	return heard
}

type heardConn struct {
	net.Conn
	heard *logBuffer
}

func (c heardConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.heard.Write(p[:n])
	return n, err
}

// encodings are the ways in which s may be written somewhere: as it is, in hex, and in base64 wherever in a text it begins, also twice.
func encodings(s string) []string {
	all := []string{s, hex.EncodeToString([]byte(s))}
	for _, once := range inBase64(s) {
		all = append(all, once)
		all = append(all, inBase64(once)...)
	}
	return all
}

func inBase64(s string) (found []string) {
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + s))
		found = append(found, text[(shift*8+5)/6:len(text)-1])
	}
	return found
}

// wantNone fails when text has s in it, however encoded.
func wantNone(t *testing.T, where, text, s string) {
	t.Helper()
	if s == "" {
		t.Fatalf("%s: nothing to look for", where)
	}
	for _, spelled := range encodings(s) {
		if at := strings.Index(text, spelled); at >= 0 {
			t.Errorf("%s has %q in it, as %q: …%q…", where, s, spelled, text[max(0, at-200):min(len(text), at+100)])
			return
		}
	}
}

// byHand sends text as it is to the gateway and returns all that comes back. The text should ask for the connection to be closed.
func (h *house) byHand(text string) string {
	h.t.Helper()
	c, err := net.Dial("tcp", h.server.Listener.Addr().String())
	must(h.t, err)
	defer c.Close()
	must(h.t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(c, text)
	must(h.t, err)
	answer, err := io.ReadAll(c)
	must(h.t, err)
	return string(answer)
}

// bare is a browser that sends the cookies that a test writes, and keeps none.
func (h *house) bare() *browser {
	b := h.browser()
	b.client.Jar = nil
	return b
}

// cookies is this browser's Cookie header.
func (b *browser) cookies() string {
	var pairs []string
	for _, c := range b.jar.Cookies(parseURL(b.h.t, b.h.url)) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// loginRequests are the logins that went up.
func (h *house) loginRequests() (found []naive.Request) {
	for _, r := range h.naive.Requests() {
		if path, _, _ := strings.Cut(r.URI, "?"); r.Method == "POST" && path == "/login.php" {
			found = append(found, r)
		}
	}
	return found
}

// wantCodePage fails unless a is the way to the code page.
func (h *house) wantCodePage(a answer) {
	h.t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.to() != "/_doorcode/code" {
		h.t.Fatalf("want the way to the code page, got %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
}

// wantClosed fails unless a leads to the login page or says 401.
func (h *house) wantClosed(what string, a answer) {
	h.t.Helper()
	if a.StatusCode != http.StatusUnauthorized && !(a.StatusCode == http.StatusSeeOther && a.to() == "/login.php") {
		h.t.Errorf("%s: %d to %q, want the login page or 401: %s", what, a.StatusCode, a.to(), a.body)
	}
}

func TestThreat_A1_IgnoresTheCodePage(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	before := len(h.naive.Requests())
	for _, c := range []struct{ method, target, body string }{
		{"GET", "/", ""}, {"GET", "/home.php", ""}, {"GET", "/invoice.php?id=7", ""}, {"HEAD", "/invoice.php", ""},
		{"POST", "/note.php", "text=x"}, {"PUT", "/note.php", "text=x"}, {"DELETE", "/note.php", ""}, {"OPTIONS", "/home.php", ""},
		{"GET", "/events", ""}, {"GET", "/download?size=10", ""}, {"GET", "/slow", ""}, {"GET", "/logout.php", ""}, {"GET", "/profile.php", ""},
		{"GET", "/static", ""}, {"GET", "/login.php5", ""}, {"PUT", "/note.php/login.php", ""},
	} {
		h.wantClosed(c.method+" "+c.target, b.do(c.method, c.target, c.body))
	}
	h.wantClosed("a script", b.get("/invoice.php", "Sec-Fetch-Mode", "cors", "Accept", "application/json"))
	h.wantClosed("a WebSocket", b.get("/ws", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="))
	door := b.cookie("doorcode")
	for _, name := range []string{"PHPSESSID", "REMEMBER", "PHP.SESSID", "Cookie", "__Host-doorcode"} {
		h.wantClosed("the gateway cookie as "+name, h.bare().get("/invoice.php", "Cookie", name+"="+door+"; doorcode="+door))
	}
	if after := len(h.naive.Requests()); after != before {
		t.Errorf("%d requests reached the upstream, want none", after-before)
	}
	b.get("/static/app.css") // open to all: goes up, and nobody is in it
	b.get("/login.php")
	for _, r := range h.naive.Requests()[before:] {
		if r.Header.Get("Cookie") != "" {
			t.Errorf("%s %s went up with a cookie", r.Method, r.URI)
		}
	}
	h.wantNothingAs("alice")
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
}

func TestThreat_A2_FixedSessionID(t *testing.T) {
	noCookieWithForm := func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.Method == "GET" && r.URL.Path == "/login.php" {
			r.Header.Add("Cookie", "PHPSESSID=forgotten-"+rand.Text()) // so that it sets none: the session begins with the login
		}
		app.ServeHTTP(w, r)
	}
	for _, c := range []struct {
		name          string
		target, field string // of the login
		begins        bool   // the session begins with the login, under any id that comes with it
	}{
		{"cookie", "/login.php", "", false},
		{"cookie alone", "/login.php", "", true},
		{"in the query", "/login.php?PHPSESSID=" + chosenID, "", true},
		{"in the query, folded", "/login.php?%20PHPSESSID%5B%5D=" + chosenID, "", true},
		{"in the path", "/login.php;jsessionid=" + chosenID, "", true},
		{"in the body", "/login.php", "PHPSESSID", true},
		{"in the body, folded", "/login.php", " PHPSESSID[x]", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := bentHouse(t, plan{}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
				if c.begins {
					noCookieWithForm(w, r, app)
					return
				}
				app.ServeHTTP(w, r)
			})
			b := h.browser()
			b.get("/login.php")
			b.setCookie("PHPSESSID", chosenID)
			b.get("/login.php")
			form := url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}
			if c.field != "" {
				form.Set(c.field, chosenID)
			}
			b.post(c.target, form)
			h.wantNotIn("alice", chosenID)
			b.wantVisitor()
			h.wantNothingAs("alice")
		})
	}
}

// wantNotIn fails when user was signed in to the session of that id.
func (h *house) wantNotIn(user, id string) {
	h.t.Helper()
	for _, s := range h.naive.SignIns() {
		if s.User == user && s.Session == id {
			h.t.Errorf("the upstream signed %s in to a session that a browser knew: %q", user, id)
		}
	}
}

// The session that a member has is one that he held before the login of somebody else.
func TestThreat_A2_FixedSessionOfAMember(t *testing.T) {
	h := newHouse(t, plan{})
	b, old := h.browser(), h.browser()
	b.enterWith("mallory")
	known, before := h.naive.SessionID("mallory"), len(h.loginRequests())
	b.copyTo(old)
	h.wantCodePage(b.login("alice"))
	h.wantNotIn("alice", known)
	for _, r := range h.loginRequests()[before:] {
		if strings.Contains(strings.Join(r.Header["Cookie"], ";"), known) {
			t.Errorf("the login went up with the member's own session: %q", r.Header["Cookie"])
		}
	}
	for _, x := range []*browser{b, old} {
		h.wantClosed("after the login as alice", x.get("/invoice.php?id=7"))
	}
	h.wantNothingAs("alice")
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
	old.wantVisitor()
}

// A form that was begun before the login and ends after it runs as whoever is in by then.
func TestThreat_A3_SlowBody(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) { c.Public = append(c.Public, rule(t, "POST", "/note.php")) }})
	for _, who := range []string{"visitor", "mallory"} {
		b := h.browser()
		b.get("/login.php")
		if who == "mallory" {
			b.enterWith("mallory")
		}
		c, err := net.Dial("tcp", h.server.Listener.Addr().String())
		must(t, err)
		defer c.Close()
		fmt.Fprintf(c, "POST /note.php HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n"+
			"Connection: close\r\nCookie: %s\r\nCookie: PHPSESSID=%s\r\n\r\ntext=%s", h.server.Listener.Addr(), b.cookies(), chosenID, strings.Repeat("x", 600))
		h.wantCodePage(b.login("alice"))
		io.WriteString(c, strings.Repeat("y", 395)) // the session may have been cut by now
		must(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		answer, _ := io.ReadAll(c)
		if strings.Contains(string(answer), "alice") {
			t.Errorf("%s's slow request was answered as alice: %s", who, answer)
		}
		h.waitFor("POST", "/note.php")
		h.wantNothingAs("alice")
	}
}

// waitFor returns once the upstream has received such a request whole, or cut.
func (h *house) waitFor(method, target string) {
	h.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, r := range h.naive.Requests() {
			if r.Method == method && r.URI == target {
				return
			}
		}
	}
	h.t.Fatalf("%s %s did not reach the upstream", method, target)
}

// A page that waits in the middle of its run looks who is in after the login.
func TestThreat_A3_SlowPage(t *testing.T) {
	slow := make(chan struct{})
	h := newHouse(t, plan{naive: naive.Options{Slow: slow}, config: func(c *gateway.Config) { c.Public = append(c.Public, rule(t, "", "/slow")) }})
	b := h.browser()
	b.get("/login.php")
	b.setCookie("PHPSESSID", chosenID)
	done := make(chan answer)
	go func() { done <- b.get("/slow") }()
	h.waitFor("GET", "/slow")
	h.wantCodePage(b.login("alice"))
	close(slow)
	if a := <-done; strings.Contains(a.body, "alice") {
		t.Errorf("the page was answered as alice: %s", a.body)
	}
	h.wantNothingAs("alice")
}

func TestThreat_A3_ParallelRequests(t *testing.T) {
	rounds := 25
	if !testing.Short() {
		rounds = 500
	}
	h := newHouse(t, plan{config: func(c *gateway.Config) { c.Public = append(c.Public, rule(t, "", "/slow")) }})
	b := h.browser()
	b.enterWith("mallory") // with a session of his own, whose id the login must not take over
	var firing sync.WaitGroup
	for range 20 {
		firing.Go(func() {
			for range rounds {
				if a := b.get("/invoice.php?id=7"); strings.Contains(a.body, "alice") {
					t.Errorf("answered as alice: %s", a.body)
					return
				}
			}
		})
	}
	for range 3 {
		h.wantCodePage(b.login("alice"))
	}
	firing.Wait()
	h.wantNothingAs("alice")
	b.enterWith("alice") // a page that was under way may have replaced the cookie that names the challenge
}

func TestThreat_A4_HeldSessionIsNowhere(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{Remember: true, ShowsID: true}})
	b := h.browser()
	heard := b.listen()
	b.get("/invoice.php?id=7")
	h.wantCodePage(b.login("alice"))
	held := h.naive.SessionID("alice")
	b.codePage()
	b.enter(wrongCode(h.lastCode("alice")))
	b.post("/_doorcode/resend", url.Values{"token": {"x"}})
	b.get("/_doorcode/nothing")
	b.get("/login.php")
	b.get("/static/app.css")
	b.get("/%00")
	wantNone(t, "what reached the browser", heard.String(), held)
	wantNone(t, "the log", h.log.String(), held)
	for _, name := range []string{"doorcode.db", "doorcode.keys"} {
		content, err := os.ReadFile(filepath.Join(h.dir, name))
		must(t, err)
		wantNone(t, name, string(content), held)
	}
	for _, r := range h.naive.SignIns() {
		wantNone(t, "the log", h.log.String(), r.Session)
	}
	b.enter(h.lastCode("alice"))
	b.get("/home.php", "Accept", "application/json")
	wantNone(t, "the log after the entry", h.log.String(), held)
	h.wantServedIn(held)
}

// wantServedIn fails unless the upstream served somebody in the session of that id: it was the one to look for.
func (h *house) wantServedIn(id string) {
	h.t.Helper()
	for _, s := range h.naive.Served() {
		if s.Session == id && s.Path != "/profile.php" {
			return
		}
	}
	h.t.Errorf("the upstream served nobody in session %q", id)
}

// An answer that is no HTTP is quoted by net/http's error, which goes into the log.
func TestThreat_A4_BrokenAnswer(t *testing.T) {
	const id = "0123456789abcdefghij"
	h := bentHouse(t, plan{}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.Method != "POST" {
			app.ServeHTTP(w, r)
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: /home.php\r\nSet-Cookie PHPSESSID=%s; path=/\r\n\r\n", id)
			c.Close()
		}
	})
	b := h.browser()
	heard := b.listen()
	if a := b.login("alice"); a.StatusCode != http.StatusBadGateway {
		t.Errorf("a broken answer to a login: %d, want 502", a.StatusCode)
	}
	wantNone(t, "the log", h.log.String(), id)
	wantNone(t, "what reached the browser", heard.String(), id)
}

// Somebody signed in elsewhere, and mallory has learned the session id.
func TestThreat_A5_LearnedSessionID(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{Slow: noWait()}, config: func(c *gateway.Config) {
		c.Public = append(c.Public, rule(t, "", "/slow"), rule(t, "POST", "/slow"), rule(t, "", "/invoice.php"))
		c.Elsewhere = append(c.Elsewhere, rule(t, "POST", "/register.php"))
	}})
	_, err := http.PostForm(h.up.URL+"/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}) // not through the gateway
	must(t, err)
	id := h.naive.SessionID("alice")
	served := len(h.ranAs("alice"))
	visitor, member := h.browser(), h.browser()
	visitor.get("/login.php")
	member.enterWith("mallory")
	// Without mallory's own session cookie, which the upstream would take before a field of that name.
	for _, b := range []*browser{visitor, member} {
		b.header.Set("Cookie", "doorcode="+b.cookie("doorcode"))
		b.client.Jar = nil
	}
	multipart := "--x\r\nContent-Disposition: form-data; name=\"PHPSESSID\"\r\n\r\n" + id + "\r\n--x--\r\n"
	for _, c := range []struct{ method, target, body, header, value string }{
		{"GET", "/invoice.php", "", "Cookie", "PHPSESSID=" + id},
		{"GET", "/invoice.php", "", "Cookie", " PHPSESSID=" + id},
		{"GET", "/invoice.php", "", "Cookie", "x=y;PHPSESSID=" + id + ";PHPSESSID=z"},
		{"GET", "/invoice.php", "", "Cookie", `x="; PHPSESSID=` + id + `; y="`},
		{"GET", "/invoice.php", "", "Cookie", "PHPSESSID[]=" + id},
		{"GET", "/invoice.php", "", "Cookie", "PHPSESSID=1." + id},
		{"GET", "/slow", "", "Cookie", "PHPSESSID=" + id},
		{"GET", "/slow", "", "Cookie2", "PHPSESSID=" + id},
		{"GET", "/slow?PHPSESSID=" + id, "", "", ""},
		{"GET", "/invoice.php?phpsessid=" + id + "&PHPSESSID=" + id, "", "", ""},
		{"GET", "/invoice.php?%50HPSESSID=" + id, "", "", ""},
		{"GET", "/invoice.php?+PHPSESSID%5B%5D=" + id, "", "", ""},
		{"GET", "/invoice.php?PHPSESSID%00x=" + id, "", "", ""},
		{"GET", "/invoice.php?a=b&&PHPSESSID=" + id, "", "", ""},
		{"GET", "/invoice.php;jsessionid=" + id, "", "", ""},
		{"GET", "/invoice.php;JSESSIONID=" + id + "?id=7", "", "", ""},
		{"GET", "/invoice.php;a=b;jsessionid=" + id, "", "", ""},
		{"GET", "/;jsessionid=" + id + "/invoice.php", "", "", ""},
		{"POST", "/note.php", "text=x&PHPSESSID=" + id, "", ""},
		{"POST", "/note.php", "PHPSESSID[]=" + id, "", ""},
		{"POST", "/note.php", "text=x&%50HPSESSID=" + id, "Content-Type", "text/plain"},
		{"POST", "/note.php", `{"PHPSESSID":"` + id + `"}`, "Content-Type", "application/json"},
		{"POST", "/note.php", multipart, "Content-Type", "multipart/form-data; boundary=x"},
		{"POST", "/register.php", "username=x&password=y&PHPSESSID=" + id, "", ""},
		{"POST", "/slow", "PHPSESSID=" + id, "", ""},
	} {
		for name, b := range map[string]*browser{"visitor": visitor, "member": member} {
			header := []string{}
			if c.header != "" {
				value := c.value
				if c.header == "Cookie" {
					value += "; doorcode=" + b.cookie("doorcode")
				}
				header = []string{c.header, value}
			}
			a := b.do(c.method, c.target, c.body, header...)
			if strings.Contains(a.body, "alice") {
				t.Errorf("%s, %s %s %q, %s %q: answered as alice", name, c.method, c.target, c.body, c.header, c.value)
			}
			if ran := len(h.ranAs("alice")); ran != served {
				t.Errorf("%s, %s %s %q, %s %q: ran as alice", name, c.method, c.target, c.body, c.header, c.value)
				served = ran
			}
		}
	}
}

func TestThreat_A6_SealedCookieElsewhere(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{Remember: true}})
	victim, mallory, past := h.browser(), h.browser(), h.bare()
	victim.enterWith("alice")
	mallory.enterWith("mallory")
	served := len(h.ranAs("alice"))
	session, remember := victim.cookie("PHPSESSID"), victim.cookie("REMEMBER")
	for _, cookies := range []string{
		"PHPSESSID=" + session, "REMEMBER=" + remember, "PHPSESSID=" + remember, "REMEMBER=" + session,
		"PHP.SESSID=" + session, "phpsessid=" + session, "PHPSESSID=" + session + "; PHPSESSID=" + session,
		"PHPSESSID=" + session + "; REMEMBER=" + remember + "; doorcode-browser=" + victim.cookie("doorcode-browser"),
	} {
		for name, door := range map[string]string{"member": mallory.cookie("doorcode"), "stranger": "", "browser cookie": victim.cookie("doorcode-browser"), "sealed session": session} {
			a := past.get("/invoice.php", "Cookie", cookies+"; doorcode="+door)
			if ran := len(h.ranAs("alice")); ran != served || strings.Contains(a.body, "alice") {
				t.Errorf("%q with the door cookie of %s ran as alice", cookies, name)
				served = ran
			}
		}
	}
	before := len(h.naive.Requests())
	// alice's own two cookies under each other's name open nothing either.
	past.get("/invoice.php", "Cookie", "doorcode="+victim.cookie("doorcode")+"; REMEMBER="+session+"; PHPSESSID="+remember)
	for _, r := range h.naive.Requests()[before:] {
		if up := r.Header.Get("Cookie"); r.URI == "/invoice.php" && up != "" {
			t.Errorf("under each other's name two cookies opened to %q", up)
		}
	}
	all := victim.cookies()
	victim.wantMember("alice")
	victim.get("/logout.php")
	served = len(h.ranAs("alice"))
	h.wantClosed("after the logout", past.get("/invoice.php", "Cookie", all))
	if ran := len(h.ranAs("alice")); ran != served {
		t.Error("the cookies of an ended session ran as alice")
	}
}

func TestThreat_A6_ChangedBits(t *testing.T) {
	step := 7
	if !testing.Short() {
		step = 1
	}
	h := newHouse(t, plan{})
	b, other := h.browser(), h.bare()
	b.enterWith("alice")
	door, session := b.cookie("doorcode"), b.cookie("PHPSESSID")
	raw := h.naive.SessionID("alice")
	before := len(h.naive.Requests())
	for i := 0; i < len(session); i += step {
		changed := session[:i] + string(session[i]^1) + session[i+1:]
		other.get("/invoice.php", "Cookie", "doorcode="+door+"; PHPSESSID="+changed)
	}
	for _, changed := range []string{session[1:], session[:len(session)-4], "1." + session, "2." + session[2:], session + session, strings.ToUpper(session)} {
		other.get("/invoice.php", "Cookie", "doorcode="+door+"; PHPSESSID="+changed)
	}
	for _, r := range h.naive.Requests()[before:] {
		// base64 has bits at its end that mean nothing: one that still opens means what it meant.
		if c := r.Header.Get("Cookie"); r.URI == "/invoice.php" && c != "" && c != "PHPSESSID="+raw {
			t.Errorf("a changed cookie went up as %q", c)
		}
	}
	for i := 0; i < len(door); i += step {
		changed := door[:i] + string(door[i]^1) + door[i+1:]
		a := other.get("/invoice.php", "Cookie", "doorcode="+changed+"; PHPSESSID="+session)
		if a.StatusCode >= 500 {
			t.Errorf("a changed gateway cookie: %d", a.StatusCode)
		}
		if a.StatusCode == 200 && i < len(door)-4 {
			t.Errorf("a gateway cookie with byte %d changed opened a page", i)
		}
	}
}

func TestThreat_A7_ForgottenAndSignedOut(t *testing.T) {
	post := func(b *browser, target string) {
		_, token := b.codePage()
		b.post(target, url.Values{"token": {token}})
	}
	ways := map[string]func(h *house, b *browser){
		"cancel":        func(h *house, b *browser) { post(b, "/_doorcode/cancel") },
		"expiry":        func(h *house, b *browser) { h.clock.add(11 * time.Minute) },
		"another login": func(h *house, b *browser) { h.wantCodePage(b.login("bob")) },
		"policy": func(h *house, b *browser) {
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Disabled = true })
		},
		"five wrong codes": func(h *house, b *browser) {
			for range 5 {
				b.enter(wrongCode(h.lastCode("alice")))
				h.clock.add(time.Minute) // the growing wait
			}
		},
	}
	for name, end := range ways {
		for _, token := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/token=%v", name, token), func(t *testing.T) {
				h := newHouse(t, plan{naive: naive.Options{LogoutToken: token}})
				b, old := h.browser(), h.browser()
				h.wantCodePage(b.login("alice"))
				page, form := b.codePage()
				code := h.lastCode("alice")
				b.copyTo(old)
				if h.naive.SessionID("alice") == "" || page.StatusCode != http.StatusOK {
					t.Fatal("no held session to begin with")
				}
				end(h, b)
				revoked, err := h.door.Sweep(t.Context())
				must(t, err)
				h.gateway.End(t.Context(), revoked)
				if id := h.naive.SessionID("alice"); id != "" {
					t.Errorf("session %s of alice is still signed in at the upstream", id)
				}
				for _, x := range []*browser{old, b} {
					x.post("/_doorcode/code", url.Values{"token": {form}, "code": {code}})
					h.wantClosed("after the end", x.get("/invoice.php?id=7"))
				}
				h.wantNothingAs("alice")
			})
		}
	}
}
