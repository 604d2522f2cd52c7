package naive

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func start(t *testing.T, o Options) (*Upstream, *httptest.Server) {
	t.Helper()
	u := New(o)
	s := httptest.NewServer(u)
	t.Cleanup(s.Close)
	return u, s
}

// ask sends one request whose target and headers go out as they are written.
func ask(t *testing.T, s *httptest.Server, method, target, body string, headers ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	headers = append(headers, "Host: naive", "Connection: close", fmt.Sprintf("Content-Length: %d", len(body)))
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\n%s\r\n\r\n%s", method, target, strings.Join(headers, "\r\n"), body)
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

const formType = "Content-Type: application/x-www-form-urlencoded"

// Each line is a way into the application: a gateway's tests are worth what this upstream lets in.
func TestEveryWayIn(t *testing.T) {
	multipart := "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nalice\r\n--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nalice-pass-1"
	for _, c := range []struct {
		name, method, target, body string
		headers                    []string
	}{
		{"form", "POST", "/login.php", "username=alice&password=alice-pass-1", []string{formType}},
		{"query", "GET", "/login.php?username=alice&password=alice-pass-1", "", nil},
		{"no content type", "POST", "/login.php", "username=alice&password=alice-pass-1", nil},
		{"multipart, cut off", "POST", "/login.php", multipart, []string{"Content-Type: multipart/form-data; boundary=x"}},
		{"json", "POST", "/login.php", `{"username":"alice","password":"alice-pass-1"}`, []string{"Content-Type: application/json"}},
		{"cookies", "GET", "/login.php", "", []string{"Cookie: username=alice; password=alice-pass-1"}},
		{"odd field names", "POST", "/login.php", "+username[]=alice&password%00x=alice-pass-1", []string{formType}},
		{"last one wins", "POST", "/login.php?username=mallory", "username=bob&username=alice&password=alice-pass-1", []string{formType}},
		{"upper case, spaces", "POST", "/login.php", "username=ALICE++&password=alice-pass-1", []string{formType}},
		{"accent, full width", "POST", "/login.php", "username=%EF%BD%81lic%C3%A9&password=alice-pass-1", []string{formType}},
		{"e-mail", "POST", "/login.php", "username=alice@example.com&password=alice-pass-1", []string{formType}},
		{"path in other case", "POST", "//LOGIN.php", "username=alice&password=alice-pass-1", []string{formType}},
		{"path info", "POST", "/login.php/x/y", "username=alice&password=alice-pass-1", []string{formType}},
		{"path parameter", "POST", "/x/..;a=b/%6cogin.php;c", "username=alice&password=alice-pass-1", []string{formType}},
		{"encoded slash", "POST", "/x%2f..%5clogin.php", "username=alice&password=alice-pass-1", []string{formType}},
		{"rewritten", "POST", "/static/x", "username=alice&password=alice-pass-1", []string{formType, "X-Original-URL: /login.php"}},
		{"title in the body", "POST", "/index.php?title=CreateUser", "title=Login&username=alice&password=alice-pass-1", []string{formType}},
		{"door", "POST", "/index.php", "action[x]=token_login&api_user=alice&api_pass=alice-pass-1", []string{formType}},
		{"api", "POST", "/api/login", `{"username":"alice","password":"alice-pass-1"}`, []string{"Content-Type: application/json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, s := start(t, Options{})
			ask(t, s, c.method, c.target, c.body, c.headers...)
			if got := u.SignIns(); len(got) != 1 || got[0].User != "alice" {
				t.Errorf("signed in %v, want alice once", got)
			}
		})
	}
	for _, c := range []struct{ name, target, body, header string }{
		{"basic", "/invoice.php", "", "Authorization: Basic YWxpY2U6YWxpY2UtcGFzcy0x"},
		{"xmlrpc", "/xmlrpc.php", "<string>alice</string><string>alice-pass-1</string>", "X: y"},
		{"forwarded user", "/invoice.php", "", "X-Forwarded-User: alice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, s := start(t, Options{})
			if answer := ask(t, s, "POST", c.target, c.body, c.header); !strings.Contains(answer, "alice") || len(u.ServedAs("alice")) != 1 {
				t.Errorf("served %v, answered %q; want one page of alice's", u.Served(), answer)
			}
		})
	}
}

func TestSession(t *testing.T) {
	u, s := start(t, Options{Remember: true})
	const adopted = "Cookie: PHPSESSID=chosen-by-mallory"
	answer := ask(t, s, "POST", "/login.php", "username=alice&password=alice-pass-1", formType, adopted)
	if strings.Contains(answer, "PHPSESSID") {
		t.Errorf("login set a session id, want the one it came with kept: %q", answer)
	}
	_, after, _ := strings.Cut(answer, "REMEMBER=")
	remember, _, _ := strings.Cut(after, ";")
	for _, header := range []string{adopted, "Cookie: REMEMBER=" + remember, "Cookie: PHP.SESSID=x; PHPSESSID=chosen-by-mallory"} {
		if got := ask(t, s, "GET", "/home.php", "", header); !strings.Contains(got, "invoices of alice") {
			t.Errorf("GET /home.php with %s: %q, want alice's page", header, got)
		}
	}
	if got := len(u.ServedAs("alice")); got != 3 {
		t.Errorf("served alice %d times, want 3", got)
	}
	ask(t, s, "GET", "/logout.php", "", adopted)
	if got := ask(t, s, "GET", "/home.php", "", adopted); !strings.Contains(got, "Location: /login.php") {
		t.Errorf("after logout: %q, want the way to the login page", got)
	}
}

// A POST that is cut off in its body runs with what arrived, as whoever is in by then.
func TestCutBodyRuns(t *testing.T) {
	u, s := start(t, Options{})
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /login.php HTTP/1.1\r\nHost: naive\r\n%s\r\nContent-Length: 9999\r\n\r\nusername=alice&password=alice-pass-1", formType)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
		t.Fatal(err)
	}
	if got := u.SignIns(); len(got) != 1 {
		t.Errorf("signed in %v, want alice", got)
	}
	if got := u.Requests(); len(got) != 1 || !got[0].Cut {
		t.Errorf("requests %+v, want one that was cut", got)
	}
}
