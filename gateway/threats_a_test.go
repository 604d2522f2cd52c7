package gateway_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

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
	for _, who := range []string{"visitor", "mallory"} {
		t.Run(who, func(t *testing.T) {
			began := make(chan struct{}, 1)
			h := bentHouse(t, plan{config: func(c *gateway.Config) { c.Public = append(c.Public, rule(t, "POST", "/note.php")) }},
				func(w http.ResponseWriter, r *http.Request, app http.Handler) {
					if r.URL.Path == "/note.php" {
						began <- struct{}{}
					}
					app.ServeHTTP(w, r)
				})
			b := h.browser()
			b.get("/login.php")
			if who == "mallory" {
				b.enterWith("mallory")
			}
			c, err := net.Dial("tcp", h.server.Listener.Addr().String())
			must(t, err)
			defer c.Close()
			fmt.Fprintf(c, "POST /note.php HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n"+
				"Connection: close\r\nCookie: %s; PHPSESSID=%s\r\n\r\ntext=%s", h.server.Listener.Addr(), b.cookies(), chosenID, strings.Repeat("x", 600))
			<-began
			h.wantCodePage(b.login("alice"))
			io.WriteString(c, strings.Repeat("y", 395)) // the session may have been cut by now
			must(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
			answer, _ := io.ReadAll(c)
			if strings.Contains(string(answer), "alice") {
				t.Errorf("answered as alice: %s", answer)
			}
			h.up.Close() // waits until what had begun has run
			h.waitFor("POST", "/note.php")
			h.wantNothingAs("alice")
		})
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
