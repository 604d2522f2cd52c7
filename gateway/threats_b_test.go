package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorcode/gateway"
	"doorcode/testdata/naive"
)

// Threats B: another way to log in. The oracle is the naive upstream: whatever bytes a client sends, alice is signed in only where
// the gateway led to her code page, and nothing runs as her before her code.

const (
	formType    = "Content-Type: application/x-www-form-urlencoded"
	credentials = "username=alice&password=alice-pass-1"
)

// wire sends a request whose bytes are as the test wrote them, with this browser's cookies. Header lines are whole ("Name: value"); a
// Host, Cookie or Content-Length among them stands in place of the usual one. Status 0 is a connection closed without an answer.
func (b *browser) wire(method, target, body string, lines ...string) answer {
	b.h.t.Helper()
	u := parseURL(b.h.t, b.h.url)
	usual := []string{"Host: " + u.Host, "User-Agent: " + b.agent, "Accept: text/html", "Sec-Fetch-Mode: navigate",
		"Sec-Fetch-Dest: document", "Sec-Fetch-Site: same-origin"}
	var cookies []string
	for _, c := range b.jar.Cookies(u) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	if len(cookies) > 0 {
		usual = append(usual, "Cookie: "+strings.Join(cookies, "; "))
	}
	if body != "" {
		usual = append(usual, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\n", method, target)
	for _, line := range append(without(usual, lines), lines...) {
		head.WriteString(line + "\r\n")
	}
	a := b.h.send(method, func(c net.Conn) { io.WriteString(c, head.String()+"\r\n"+body) })
	b.jar.SetCookies(u, a.Cookies())
	return a
}

// without leaves out the lines whose name is among others'.
func without(lines, others []string) (left []string) {
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		if !strings.Contains("\n"+strings.Join(others, "\n"), "\n"+name+":") {
			left = append(left, line)
		}
	}
	return left
}

// send opens a connection, lets write fill it, and reads the one answer to a request of that method.
func (h *house) send(method string, write func(net.Conn)) answer {
	h.t.Helper()
	c, err := net.Dial("tcp", h.server.Listener.Addr().String())
	must(h.t, err)
	defer c.Close()
	must(h.t, c.SetDeadline(time.Now().Add(10*time.Second)))
	done := make(chan struct{})
	go func() { defer close(done); write(c) }()
	defer func() { c.Close(); <-done }()
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return answer{Response: &http.Response{Header: http.Header{}}}
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return answer{res, string(body)}
}

// judged reports whether the answer is the one that a login gets which the upstream accepted: alice's code is asked.
func (a answer) judged() bool {
	return a.StatusCode == http.StatusSeeOther && a.to() == "/_doorcode/code"
}

// wantSignIns waits until the upstream has run all that it was sent, also what was cut off, and fails unless it signed user in
// exactly as often as the gateway judged a request to be the login, and ran nothing as user.
func (h *house) wantSignIns(user string, judged int) {
	h.t.Helper()
	h.gateway.Close()
	h.up.Close()
	var signIns []naive.Served
	for _, s := range h.naive.SignIns() {
		if s.User == user {
			signIns = append(signIns, s)
		}
	}
	if len(signIns) != judged {
		h.t.Errorf("the upstream signed %s in %d times, want %d, as often as the code was asked: %+v", user, len(signIns), judged, signIns)
		for _, r := range h.naive.Requests() {
			h.t.Logf("arrived: %s %s cut %v: %.80q", r.Method, r.URI, r.Cut, r.Body)
		}
	}
	h.wantNothingAs(user)
}

// ready is a browser that a login can come from: a visitor who has seen the login page, or mallory as a member.
func (h *house) ready(member bool) *browser {
	h.t.Helper()
	b := h.browser()
	if member {
		b.enterWith("mallory")
	} else {
		b.get("/login.php")
	}
	return b
}

// onlyPaths turns the credential scan off, so that what keeps alice out is the reading of method and path alone.
func onlyPaths(c *gateway.Config) { c.Credentials = nil }

// loginSpellings are what some upstream takes for /login.php. 303 is judged as the login, which goes to its form's address; what has more than one reading, or none, is refused.
var loginSpellings = []struct {
	target string
	status int
}{
	{"/login.php", 303},
	{"/LOGIN.PHP", 303},
	{"/Login.php", 303},
	{"/%6cogin.php", 303},
	{"/login%2ephp", 303},
	{"/login%2Ephp", 303},
	{"/login.php/", 303},
	{"/login.php/extra", 303},
	{"/login.php/a/b.css", 303},
	{"/login.php?", 303},
	{"/login.php?x=1", 303},
	{"/login.php%20", 303},
	{"/login.php.", 303},
	{"//login.php", 400},
	{"/./login.php", 400},
	{"/x/../login.php", 400},
	{"/x/%2e%2e/login.php", 400},
	{"/x/.%2e/login.php", 400},
	{"/x%2f..%2flogin.php", 400},
	{"/%2flogin.php", 400},
	{"/%2e/login.php", 400},
	{"/login.php;x=1", 400},
	{"/login.php;", 400},
	{"/;x=1/login.php", 400},
	{"/x/..;y=z/login.php", 400},
	{"/login.php%3bx=1", 400},
	{"/login.php%00", 400},
	{"/login.php%00.css", 400},
	{"/login.php%3fx=1", 400},
	{"/login.php%23x", 400},
	{"/%5clogin.php", 400},
	{`/\login.php`, 400},
	{`/x\..\login.php`, 400},
	{"/%256cogin.php", 400},
	{"/%u006cogin.php", 400},
	{"/%c1%ac" + "ogin.php", 400},
	{"/%c0%afx/..%c0%aflogin.php", 400},
	{"/x/%c0%ae%c0%ae/login.php", 400},
	{"/login.php#x", 400},
	{"/static/app.css#/../../login.php", 400},
	{"/static/../login.php", 400},
	{"/static/..%2flogin.php", 400},
	{"login.php", 400},
	{"*", 400},
}

func TestThreat_B1_LoginPathSpelledOtherwise(t *testing.T) {
	t.Parallel()
	for _, member := range []bool{false, true} {
		t.Run(map[bool]string{false: "visitor", true: "member"}[member], func(t *testing.T) {
			h := newHouse(t, plan{config: onlyPaths})
			b, judged := h.ready(member), 0
			for _, row := range loginSpellings {
				a := b.wire("POST", row.target, credentials, formType)
				if a.StatusCode != row.status || a.judged() != (row.status == http.StatusSeeOther) {
					t.Errorf("POST %s: %d to %q, want %d", row.target, a.StatusCode, a.to(), row.status)
				}
				if a.judged() {
					judged++
					b = h.ready(member)
				}
			}
			h.wantSignIns("alice", judged)
		})
	}
}

// A target in absolute form names a host of its own; the path in it could be the login's for the one and not for the other.
func TestThreat_B1_AbsoluteForm(t *testing.T) {
	h := newHouse(t, plan{config: onlyPaths})
	host := parseURL(t, h.url).Host
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, target := range []string{"http://" + host + "/login.php", "https://" + host + "/login.php", "http://" + host + "/x/../login.php",
			"HTTP://" + host + "//login.php", "//" + host + "/login.php", "http:/login.php", "http:///login.php", "http://elsewhere/login.php"} {
			// 421 is for those that name another host.
			if a := b.wire("POST", target, credentials, formType); a.StatusCode != http.StatusBadRequest && a.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("member %v: POST %s: %d to %q, want refused", member, target, a.StatusCode, a.to())
			}
		}
	}
	h.wantSignIns("alice", 0)
}

// The names of the methods are the upstream's to interpret: PHP runs the same script for most, and frameworks take the method from a
// header or a field.
func TestThreat_B2_MethodOverride(t *testing.T) {
	h := newHouse(t, plan{})
	const query = "/login.php?" + credentials
	rows := []struct {
		method, target, body string
		lines                []string
		status               int // of a visitor's request; 303 is judged as the login
	}{
		{"GET", query, "", nil, 403},
		{"HEAD", query, "", nil, 403},
		{"GET", "/login.php?username=alice", "password=alice-pass-1", []string{formType}, 403},
		{"GET", "/login.php", credentials, []string{formType}, 403},
		{"PUT", "/login.php", credentials, []string{formType}, 401},
		{"PATCH", "/login.php", credentials, []string{formType}, 401},
		{"DELETE", query, "", nil, 401},
		{"OPTIONS", query, "", nil, 401},
		{"PROPFIND", query, "", nil, 401},
		{"post", "/login.php", credentials, []string{formType}, 400},
		{"Post", "/login.php", credentials, []string{formType}, 400},
		{"POST", query, "x=1", []string{formType}, 400},
		{"POST", "/login.php?_method=GET", credentials, []string{formType}, 400},
		{"POST", "/login.php?x=1", credentials, []string{formType, "X-HTTP-Method-Override: GET"}, 303},
		{"POST", "/login.php", credentials + "&_method=GET", []string{formType}, 303},
		{"POST", "/login.php", credentials + "&_METHOD[]=PUT", []string{formType}, 303},
		{"GET", "/login.php", "", []string{"X-HTTP-Method-Override: POST"}, 200},
		{"GET", query, "", []string{"X-HTTP-Method-Override: POST", "X-HTTP-Method: POST", "X-Method-Override: POST"}, 403},
		{"TRACE", "/login.php", "", nil, 400},
		{"CONNECT", "/login.php", "", nil, 400},
	}
	judged := 0
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, row := range rows {
			a := b.wire(row.method, row.target, row.body, row.lines...)
			want := row.status
			if member && want == 401 {
				want = 403
			}
			if a.StatusCode != want {
				t.Errorf("member %v: %s %s with %q %q: %d, want %d", member, row.method, row.target, row.body, row.lines, a.StatusCode, want)
			}
			if a.judged() {
				judged++
				b = h.ready(member)
			}
		}
	}
	h.wantSignIns("alice", judged)
	for _, r := range h.naive.Requests() {
		for name := range r.Header {
			if strings.Contains(name, "Method") {
				t.Errorf("%s %s arrived with %s", r.Method, r.URI, name)
			}
		}
		if strings.Contains(strings.ToLower(r.URI+string(r.Body)), "_method") {
			t.Errorf("%s %s arrived with a method override: %q", r.Method, r.URI, r.Body)
		}
	}
}

func TestThreat_B2_LowerCaseMethodElsewhere(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{LoginAnywhere: true}, config: onlyPaths})
	b := h.ready(true)
	for _, method := range []string{"post", "pOST", "get", "TRACE", "TRACK", "POST\t", "P.OST", "GET1"} {
		if a := b.wire(method, "/note.php", credentials, formType); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%q /note.php: %d, want 400", method, a.StatusCode)
		}
	}
	h.wantSignIns("alice", 0)
}
