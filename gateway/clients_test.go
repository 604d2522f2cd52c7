package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
	"doorcode/gateway"
)

const shopKey = "5d1c0f9be2a84d7691f3c05b8e27ad64"

// shop is an application with an interface for programs, closed at the gateway like any other door. It answers as loosely as old ones do, and
// tries to hand out a live session of alice's in every way there is.
type shop struct {
	behind http.Handler
	slow   chan struct{} // what /api/slow waits for, when not nil
	began  chan struct{} // gets one when /api/slow begins

	mu      sync.Mutex
	alice   string // the session id it hands out
	arrived []*http.Request
	bodies  []string
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.ToLower(r.URL.Path)
	if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/pos.php") {
		s.behind.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut off: nothing was run
	}
	s.mu.Lock()
	s.arrived, s.bodies = append(s.arrived, r), append(s.bodies, string(body))
	cookie := "PHPSESSID=" + s.alice + "; Path=/"
	s.mu.Unlock()
	if path == "/api/slow" {
		s.began <- struct{}{}
		<-s.slow
	}
	w.Header().Set("Set-Cookie", cookie)
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Set("Trailer", "Set-Cookie")
	w.Header().Set("Content-Type", "text/html; charset=utf-8") // "JSON", says the manual
	fmt.Fprintf(w, `{"order":%q}`, body)
	w.Header().Set("Set-Cookie", cookie)
}

// calls are what the interface for programs ran.
func (s *shop) calls() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived
}

// last is the newest call and its body.
func (s *shop) last() (*http.Request, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.arrived) == 0 {
		return &http.Request{Header: http.Header{}}, ""
	}
	return s.arrived[len(s.arrived)-1], s.bodies[len(s.bodies)-1]
}

// shopClient is the rule of the tests: a shop that posts orders with a key.
func shopClient(t testing.TB) gateway.Client {
	return gateway.Client{
		Name: "shop", Rule: rule(t, "POST", "/api/orders/*"), Keys: []gateway.ClientKey{{Header: "X-Shop-Key", Value: secret.New(shopKey)}},
		Rate: challenge.Rate{Count: 1000, Per: time.Second}, Parallel: 4, Body: 1 << 20, Timeout: time.Minute,
	}
}

// newShopHouse is a house in front of such an application, with what change makes of the shop's rule, and no other rule.
func newShopHouse(t *testing.T, change func(*gateway.Client), more ...func(*gateway.Config)) (*house, *shop) {
	t.Helper()
	app := &shop{slow: make(chan struct{}), began: make(chan struct{}, 10)}
	h := newHouse(t, plan{upstream: app, config: func(c *gateway.Config) {
		one := shopClient(t)
		if change != nil {
			change(&one)
		}
		c.Clients = append(c.Clients, one)
		c.Doors = append(c.Doors, rule(t, "", "/pos.php"))
		for _, also := range more {
			also(c)
		}
	}})
	app.behind = h.naive
	// Alice is in, past the gateway: her session is there to be leaked.
	h.direct("/login.php", "application/x-www-form-urlencoded", credentials)
	app.alice = h.naive.SessionID("alice")
	if app.alice == "" {
		t.Fatal("alice has no session")
	}
	return h, app
}

// call sends a request as a program does: no cookies, nothing that browsers send.
func (h *house) call(method, target, body string, header ...string) answer {
	h.t.Helper()
	return h.callBy(http.DefaultClient, h.url, method, target, body, header...)
}

func (h *house) callBy(client *http.Client, base, method, target, body string, header ...string) answer {
	h.t.Helper()
	req, err := http.NewRequest(method, base+target, strings.NewReader(body))
	must(h.t, err)
	req.Host = parseURL(h.t, h.url).Host
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := client.Do(req)
	must(h.t, err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	must(h.t, err)
	return answer{res, string(read)}
}

// wantProgramAnswer fails unless the refusal is JSON of that status.
func (a answer) wantProgramAnswer(t testing.TB, status int, kind string) {
	t.Helper()
	var said struct{ Error, Message, Request string }
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || a.StatusCode != status || said.Error != kind || said.Message == "" || said.Request == "" {
		t.Errorf("%d %s, want %d with %q in JSON", a.StatusCode, a.body, status, kind)
	}
}

func TestClientCall(t *testing.T) {
	h, app := newShopHouse(t, func(c *gateway.Client) { c.Authorization = true })
	a := h.call("POST", "/api/orders/new?shop=7", `{"username":"alice","password":"alice-pass-1"}`, "X-Shop-Key", shopKey, "Content-Type", "application/json",
		"Authorization", "Basic YWxpY2U6YWxpY2UtcGFzcy0x", "Cookie", "PHPSESSID="+app.alice)
	if a.StatusCode != http.StatusOK || !strings.Contains(a.body, "alice-pass-1") {
		t.Fatalf("%d %s, want the application's answer: a till's login is not searched", a.StatusCode, a.body)
	}
	r, _ := app.last()
	if got := r.Header.Get("Authorization"); got != "Basic YWxpY2U6YWxpY2UtcGFzcy0x" {
		t.Errorf("the application got Authorization %q, want the client's own", got)
	}
	if r.Header["X-Shop-Key"] != nil || r.Header["Cookie"] != nil {
		t.Errorf("the application got the key %q or cookies %q", r.Header["X-Shop-Key"], r.Header["Cookie"])
	}
	if got := a.Header.Get("Cache-Control"); got != "private" {
		t.Errorf("Cache-Control is %q: a cache knows nothing of the key", got)
	}
}

// The new key and the old one hold side by side while they are exchanged; one that the application wants to see goes up.
func TestClientKeysRotate(t *testing.T) {
	const other = "0a9be2a84d7691f3c05b8e27ad645d1c"
	h, app := newShopHouse(t, func(c *gateway.Client) {
		c.Keys = append(c.Keys, gateway.ClientKey{Header: "X-Shop-Key", Value: secret.New(other)}, gateway.ClientKey{Header: "X-Old-Key", Value: secret.New("a-key-in-an-old-header"), Pass: true},
			gateway.ClientKey{Header: "X-Old-Key", Value: secret.New("the-next-in-the-old-header")})
	})
	for _, header := range [][]string{{"X-Shop-Key", shopKey}, {"x-shop-key", other}, {"X-Old-Key", "the-next-in-the-old-header"}, {"X-Old-Key", "a-key-in-an-old-header"}} {
		if a := h.call("POST", "/api/orders/1", "x", header...); a.StatusCode != http.StatusOK {
			t.Errorf("with %q: %d %s", header[0], a.StatusCode, a.body)
		}
	}
	r, _ := app.last()
	if r.Header.Get("X-Old-Key") == "" || len(app.calls()) != 4 {
		t.Errorf("%d calls arrived, the last with X-Old-Key %q, want 4 with it", len(app.calls()), r.Header.Get("X-Old-Key"))
	}
	for _, r := range app.calls()[:min(3, len(app.calls()))] {
		if r.Header["X-Old-Key"] != nil || r.Header["X-Shop-Key"] != nil {
			t.Error("a key went up that the application is not to see")
		}
	}
	if log := h.log.String(); !strings.Contains(log, `"proof":"key 2"`) || strings.Contains(log, other) {
		t.Error("the audit log does not name the key by its place, or has the key itself in it")
	}
}

func TestClientLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("waits by the clock: not under -short")
	}
	h, app := newShopHouse(t, func(c *gateway.Client) {
		c.Rate, c.Parallel, c.Body, c.Timeout = challenge.Rate{Count: 6, Per: time.Hour}, 2, 1000, 3*time.Second
		c.Rule = rule(t, "POST", "/api/*")
		c.Keys = append(c.Keys, gateway.ClientKey{Header: "X-Shop-Key", Value: secret.New("another-shop-of-another-city")})
	})
	call := func(target, body, key string) answer { return h.call("POST", target, body, "X-Shop-Key", key) }
	call("/api/orders/1", strings.Repeat("x", 1001), shopKey).wantProgramAnswer(t, http.StatusRequestEntityTooLarge, "too_large")
	if len(app.calls()) > 0 {
		t.Error("a part of a body that is too large went up")
	}
	req, err := http.NewRequest("POST", h.url+"/api/orders/1", struct{ io.Reader }{strings.NewReader(strings.Repeat("x", 100_000))}) // of no known length
	must(t, err)
	req.Header.Set("X-Shop-Key", shopKey)
	if res, err := http.DefaultClient.Do(req); err != nil || res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of no known length that is too large: %v %v", res, err)
	}
	slow := make(chan answer, 2)
	for range 2 {
		go func() { slow <- call("/api/slow", "x", shopKey) }()
		<-app.began
	}
	a := call("/api/orders/1", "x", shopKey) // two are under way
	a.wantProgramAnswer(t, http.StatusTooManyRequests, "too_many")
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for range 2 { // they are answered 504 when their time is over, though the application never answers
		(<-slow).wantProgramAnswer(t, http.StatusGatewayTimeout, "upstream_slow")
	}
	close(app.slow)
	for range 2 {
		if a := call("/api/orders/1", "x", shopKey); a.StatusCode != http.StatusOK {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	a = call("/api/orders/1", "x", shopKey) // six were counted, one was over parallel
	a.wantProgramAnswer(t, http.StatusTooManyRequests, "too_many")
	if after, _ := strconv.Atoi(a.Header.Get("Retry-After")); after < 500 || after > 601 {
		t.Errorf("Retry-After %d, want the 10 minutes of the next of six in an hour", after)
	}
	if a := call("/api/orders/1", "x", "another-shop-of-another-city"); a.StatusCode != http.StatusOK {
		t.Errorf("another key is limited with the first: %d", a.StatusCode)
	}
	h.clock.add(11 * time.Minute)
	if a := call("/api/orders/1", "x", shopKey); a.StatusCode != http.StatusOK {
		t.Errorf("after 11 minutes: %d, want one more call", a.StatusCode)
	}
}

// A report takes ten minutes to begin, and what is no browser's has no deadline of theirs.
func TestClientLongCall(t *testing.T) {
	h, app := newShopHouse(t, func(c *gateway.Client) { c.Rule = rule(t, "POST", "/api/*") }, func(c *gateway.Config) { c.Upstream.AnswerTimeout = 50 * time.Millisecond })
	answered := make(chan answer)
	go func() { answered <- h.call("POST", "/api/slow", "x", "X-Shop-Key", shopKey) }()
	<-app.began
	select {
	case a := <-answered:
		t.Fatalf("cut off: %d %s", a.StatusCode, a.body)
	case <-time.After(250 * time.Millisecond): // five times what a browser's request is given
	}
	close(app.slow)
	if a := <-answered; a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// Every call has one line, which says who called what with which outcome, and neither key, token nor password.
func TestClientAudit(t *testing.T) {
	h, _ := newShopHouse(t, nil)
	h.call("POST", "/api/orders/new?token=hunter2-in-the-address", "password=hunter2", "X-Shop-Key", shopKey, "Authorization", "Bearer hunter2")
	h.call("POST", "/api/orders/new?token=hunter2-in-the-address", "x", "X-Shop-Key", "a-wrong-key-of-hunter2")
	var lines []map[string]any
	for line := range strings.Lines(h.log.String()) {
		var said map[string]any
		must(t, json.Unmarshal([]byte(line), &said))
		if said["event"] == "client" {
			lines = append(lines, said)
		} else if said["event"] == "refusal" && said["client"] != "shop: a wrong key" {
			t.Errorf("the refusal does not say what was wrong: %s", line)
		}
	}
	if len(lines) != 1 {
		t.Fatalf("%d lines of a client, want one: %v", len(lines), lines)
	}
	want := map[string]any{"client": "shop", "proof": "key 1", "method": "POST", "path": "/api/orders/new", "status": 200.0, "bytes": 28.0, "whole": true, "address": "127.0.0.1"}
	for key, value := range want {
		if lines[0][key] != value {
			t.Errorf("%s is %v, want %v", key, lines[0][key], value)
		}
	}
	if lines[0]["took"] == nil || lines[0]["request"] == "" {
		t.Errorf("the line has no duration or no request: %v", lines[0])
	}
	if log := h.log.String(); strings.Contains(log, "hunter2") || strings.Contains(log, shopKey) {
		t.Errorf("the log has a secret in it:\n%s", log)
	}
}

// authority signs certificates.
type authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Shop CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, about, about, a.key.Public(), a.key)
	must(t, err)
	a.cert, err = x509.ParseCertificate(raw)
	must(t, err)
	return a
}

// issue makes a client's certificate, with what change makes of it.
func (a *authority) issue(name string, change func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	about := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(12 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(about)
	}
	raw, err := x509.CreateCertificate(rand.Reader, about, a.cert, key.Public(), a.key)
	must(a.t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// tlsFront is a listener in front of the house that asks for certificates, as cmd's does.
func (h *house) tlsFront() *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.gateway.ServeHTTP(w, r) }))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.EnableHTTP2 = true
	server.StartTLS()
	h.t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server
}

// tlsClient is a program with a certificate, nil for none.
func tlsClient(t testing.TB, front *httptest.Server, cert *tls.Certificate, h2 bool) *http.Client {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(front.Certificate())
	if cert != nil {
		// Sent whether the server's list of authorities has its signer or not.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	transport := &http.Transport{TLSClientConfig: config, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!h2)
	transport.Protocols.SetHTTP2(h2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// jarClient is a program that keeps cookies, as those do that borrow a browser's parts.
func jarClient(t testing.TB) *http.Client {
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func prefixes(list ...string) (all []netip.Prefix) {
	for _, one := range list {
		all = append(all, netip.MustParsePrefix(one))
	}
	return all
}

// rawAnswer is every byte that comes back, 103 and trailer too. The request asks to close the connection.
func (h *house) rawAnswer(request string) string {
	h.t.Helper()
	c, err := net.Dial("tcp", h.server.Listener.Addr().String())
	must(h.t, err)
	defer c.Close()
	must(h.t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(c, request)
	must(h.t, err)
	raw, err := io.ReadAll(c)
	must(h.t, err)
	return string(raw)
}
