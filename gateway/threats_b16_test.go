package gateway_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"doorcode/gateway"
)

// windows is an application that signs in connections, as IIS and mod_auth_ntlm do: whoever sends the third message of the handshake is
// signed in, and so is everything that comes on that connection from then on. The rest it leaves to the application behind it.
type windows struct {
	behind http.Handler

	mu      sync.Mutex
	arrived []string // Authorization
	servedA int      // requests served as alice
}

type connectionKey struct{}

// connection is who a connection is signed in as.
type connection struct {
	mu   sync.Mutex
	user string
}

func ntlm(kind byte, user string) string {
	return base64.StdEncoding.EncodeToString([]byte("NTLMSSP\x00" + string(kind) + user))
}

func (s *windows) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connectionKey{}).(*connection)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.note(r)
	for _, line := range r.Header["Authorization"] {
		for part := range strings.SplitSeq(line, ",") {
			words := strings.Fields(part)
			if user, password, ok := r.BasicAuth(); ok && password == user+"-pass-1" {
				c.user = user // IIS does so with Basic too where authPersistSingleRequest is off
			}
			if len(words) != 2 || !strings.EqualFold(words[0], "ntlm") && !strings.EqualFold(words[0], "negotiate") {
				continue
			}
			message, _ := base64.StdEncoding.DecodeString(words[1])
			if user, last := strings.CutPrefix(string(message), "NTLMSSP\x00\x03"); last {
				c.user = user
			}
		}
	}
	if c.user != "" {
		s.count(c.user)
		fmt.Fprintf(w, "page of %s", c.user)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/windows/") {
		for scheme := range strings.SplitSeq(r.URL.Query().Get("ask"), ";") {
			w.Header().Add("WWW-Authenticate", scheme)
		}
		w.Header().Set("Proxy-Authenticate", "NTLM")
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, "401 - Unauthorized: Access is denied due to invalid credentials.")
		return
	}
	s.behind.ServeHTTP(w, r)
}

func (s *windows) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived = append(s.arrived, r.Header["Authorization"]...)
}

func (s *windows) count(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if user == "alice" {
		s.servedA++
	}
}

// newWindowsHouse puts such an application in front of the naive one. It passes Authorization on: only that lets the header reach it.
func newWindowsHouse(t *testing.T, change func(*gateway.Config)) (*house, *windows) {
	t.Helper()
	app := &windows{}
	server := httptest.NewUnstartedServer(app)
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, &connection{})
	}
	server.Start()
	t.Cleanup(server.Close)
	h := newHouse(t, plan{config: func(c *gateway.Config) {
		c.Upstream.URL, c.Upstream.Connections = parseURL(t, server.URL), 1 // everybody's requests come on one connection
		c.Authorization = true
		c.Public = append(c.Public, rule(t, "", "/windows/*"))
		if change != nil {
			change(c)
		}
	}})
	app.behind = h.naive
	return h, app
}

// wantNoSignIn fails when such an Authorization arrived, or anybody was served as alice.
func (s *windows) wantNoSignIn(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.servedA > 0 {
		t.Errorf("%d requests were served as alice, who entered no code: the connection was signed in", s.servedA)
	}
	if len(s.arrived) > 0 {
		t.Errorf("the upstream got Authorization %q", s.arrived)
	}
}

var ntlmAuthorizations = []string{
	"NTLM " + ntlm(1, ""), "NTLM " + ntlm(3, "alice"), "ntlm\t" + ntlm(3, "alice"), "Negotiate " + ntlm(3, "alice"),
	"Bearer x, NTLM " + ntlm(3, "alice"), "NEGOTIATE  " + ntlm(3, "alice"),
}

// A member who signs in a connection would sign in everybody who comes next on it, and himself as somebody who entered no code.
func TestThreat_B16_NTLMSignsInTheConnection(t *testing.T) {
	h, app := newWindowsHouse(t, nil)
	other := h.browser()
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, value := range ntlmAuthorizations {
			for _, target := range []string{"/login.php", "/static/app.css", "/invoice.php?id=7"} {
				if a := b.get(target, "Authorization", value); a.StatusCode != http.StatusForbidden {
					t.Errorf("member %v: %s with %q: %d %q, want 403", member, target, value, a.StatusCode, a.body)
				}
			}
			if a := other.get("/static/app.css"); strings.Contains(a.body, "page of") {
				t.Fatalf("after %q of another browser's a visitor is served a %q", value, a.body)
			}
		}
	}
	app.wantNoSignIn(t)
}

// Nobody is asked for a sign-in that could not pass; what else the application asks for is kept.
func TestThreat_B16_NTLMIsNotAskedFor(t *testing.T) {
	h, _ := newWindowsHouse(t, nil)
	tests := []struct {
		ask  string // lines of WWW-Authenticate, parted by ;
		left []string
	}{
		{"NTLM", nil},
		{"Negotiate;NTLM", nil},
		{"NTLM, Negotiate", nil},
		{"nEGOTIATE abc==", nil},
		{`Negotiate;Bearer realm="api"`, []string{`Bearer realm="api"`}},
		{`Bearer realm="a, NTLM", NTLM`, []string{`Bearer realm="a, NTLM"`}},
		{`Bearer realm="api"`, []string{`Bearer realm="api"`}},
	}
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, test := range tests {
			a := b.get("/windows/?ask=" + strings.NewReplacer(" ", "%20", ";", "%3B", `"`, "%22", "=", "%3D", ",", "%2C").Replace(test.ask))
			if got := a.Header["Www-Authenticate"]; !slices.Equal(got, test.left) {
				t.Errorf("member %v: asked %q, the browser is asked %q, want %q", member, test.ask, got, test.left)
			}
			if got := a.Header["Proxy-Authenticate"]; got != nil {
				t.Errorf("member %v: Proxy-Authenticate %q is passed", member, got)
			}
			want, text := http.StatusUnauthorized, "401 - Unauthorized"
			if test.left == nil {
				want, text = http.StatusBadGateway, "asks for a Windows sign-in" // a page that says why, not an empty one
			}
			if a.StatusCode != want || !strings.Contains(a.body, text) {
				t.Errorf("member %v: asked %q: %d, want %d: %s", member, test.ask, a.StatusCode, want, a.body)
			}
		}
	}
	if !strings.Contains(h.log.String(), "switch Windows authentication off") {
		t.Error("the log does not say what to do")
	}
}
