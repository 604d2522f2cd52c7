package sms

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// What a test message holds, all of it secret.
const (
	testNumber   = "+970599123456"
	testCode     = "481922"
	testText     = "Your login code for HESABATE: 481922\n@books.example.ps #481922"
	testPassword = "s3cret & pass+word"
	testKey      = "key-7f3a9c51e0"
)

func testMessage() challenge.Message {
	return challenge.Message{To: secret.New(testNumber), Text: secret.New(testText), ID: "msg-1", Language: "en"}
}

// quiet is where test servers complain of clients that hang up.
var quiet = log.New(io.Discard, "", 0)

// seen is one request as the peer got it.
type seen struct {
	*http.Request
	body string
}

// peer is an HTTP SMS provider.
type peer struct {
	*httptest.Server
	mu   sync.Mutex
	seen []seen
}

// newPeer starts a provider that answers every request by answer.
func newPeer(t *testing.T, answer http.HandlerFunc) *peer {
	t.Helper()
	p := &peer{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		p.seen = append(p.seen, seen{r, string(body)})
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// replies answers with a status and a body.
func replies(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func (p *peer) requests() []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// only returns the one request that the peer must have got.
func (p *peer) only(t *testing.T) seen {
	t.Helper()
	all := p.requests()
	if len(all) != 1 {
		t.Fatalf("the provider got %d requests, want exactly 1", len(all))
	}
	return all[0]
}

// rawPeer is a provider that is served connection by connection. accepted counts them.
func rawPeer(t *testing.T, serve func(net.Conn)) (address string, accepted func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var running sync.WaitGroup
	count := 0
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			count++
			mu.Unlock()
			running.Go(func() { defer conn.Close(); serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return "http://" + l.Addr().String() + "/send", func() int {
		mu.Lock()
		defer mu.Unlock()
		return count
	}
}

// readRequest reads one request whole.
func readRequest(conn net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err == nil {
		io.Copy(io.Discard, r.Body)
	}
}

func template(t *testing.T, s string) Template {
	t.Helper()
	parsed, err := ParseTemplate(s)
	if err != nil {
		t.Fatalf("ParseTemplate(%q): %v", s, err)
	}
	return parsed
}

func address(t *testing.T, s string) Template {
	t.Helper()
	parsed, err := ParseURL(s)
	if err != nil {
		t.Fatalf("ParseURL(%q): %v", s, err)
	}
	return parsed
}

func pointer(t *testing.T, s string) Pointer {
	t.Helper()
	parsed, err := ParsePointer(s)
	if err != nil {
		t.Fatalf("ParsePointer(%q): %v", s, err)
	}
	return parsed
}

func number(t *testing.T, form, country string) NumberFormat {
	t.Helper()
	parsed, err := ParseNumberFormat(form, country)
	if err != nil {
		t.Fatalf("ParseNumberFormat(%q, %q): %v", form, country, err)
	}
	return parsed
}

// formConfig is a provider that takes a form, wants a user and a password in it, and answers "OK".
func formConfig(t *testing.T, url string) Config {
	t.Helper()
	return Config{
		Name: "test", URL: address(t, url), Sender: "HESABATE", Host: "books.example.ps",
		Form: []Param{
			{Name: "user", Value: template(t, "shop")},
			{Name: "pass", Secret: secret.New(testPassword)},
			{Name: "to", Value: template(t, "{{.Number}}")},
			{Name: "msg", Value: template(t, "{{.Text}}")},
		},
		Number:  number(t, "e164_no_plus", ""),
		Success: Success{Body: regexp.MustCompile(`^OK`)},
	}
}

func newSender(t *testing.T, c Config) *Sender {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
