package sms

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// Each style of answer that a provider of sms-providers.md is known for, successes beside refusals.
func TestAnswers(t *testing.T) {
	hotsms := Success{Status: Status{200, 200}, Body: regexp.MustCompile(`^1001(_|$)`)}
	htd := Success{Body: regexp.MustCompile(`Message Sent Successfully`)}
	vonage := Success{JSON: []JSONCheck{{Pointer: pointer(t, "/messages/0/status"), Equals: "0"}}}
	unifonic := Success{JSON: []JSONCheck{
		{Pointer: pointer(t, "/success"), Equals: "true"}, {Pointer: pointer(t, "/errorCode"), Equals: "ER-00"},
	}}
	infobip := Success{JSON: []JSONCheck{
		{Pointer: pointer(t, "/messages/0/status/groupName"), Matches: regexp.MustCompile(`^(PENDING|ACCEPTED)$`)},
	}}
	kannel := Success{Status: Status{202, 202}, Body: regexp.MustCompile(`^(0|3): `)}
	tests := []struct {
		name    string
		success Success
		status  int
		body    string
		want    string // of the error; "" for a success
	}{
		{"hotsms took it", hotsms, 200, "1001", ""},
		{"hotsms took it, with an id and a line end", hotsms, 200, " 1001_77\r\n", ""},
		{"hotsms behind a byte order mark", hotsms, 200, "\ufeff1001", ""},
		{"hotsms has no credit", hotsms, 200, "1000", `test": the answer does not match success.body (status 200, answer "1000")`},
		{"hotsms refuses the sender", hotsms, 200, "6000", `answer "6000"`},
		{"a longer number is no 1001", hotsms, 200, "10010", "does not match"},
		{"hotsms, right body, wrong status", hotsms, 201, "1001", "the status is not 200"},
		{"htd took it", htd, 200, "<p>Message Sent Successfully</p>", ""},
		{"htd refuses with 200", htd, 200, "Insufficient Credit", `answer "Insufficient Credit"`},
		{"vonage took it", vonage, 200, `{"message-count":"1","messages":[{"status":"0"}]}`, ""},
		{"vonage, status a number", vonage, 200, `{"messages":[{"status":0}]}`, ""},
		{"vonage refuses with 200", vonage, 200, `{"messages":[{"status":"4","error-text":"Bad Credentials"}]}`, `/messages/0/status is "4"`},
		{"vonage, no messages", vonage, 200, `{"messages":[]}`, "no value at /messages/0/status"},
		{"vonage, an object for a value", vonage, 200, `{"messages":[{"status":{}}]}`, "no value at"},
		{"vonage, two answers in one", vonage, 200, `{"messages":[{"status":"0"}]}{"error":1}`, "not JSON"},
		{"unifonic took it", unifonic, 200, `{"success":true,"errorCode":"ER-00"}`, ""},
		{"unifonic's bulk has strings", unifonic, 200, `{"success":"True","errorCode":"ER-00"}`, ""},
		{"unifonic refuses with 200", unifonic, 200, `{"success":"false","errorCode":"ER-04"}`, `/success is "false"`},
		{"unifonic, one of two", unifonic, 200, `{"success":true,"errorCode":"ER-04"}`, `/errorCode is "ER-04"`},
		{"infobip took it", infobip, 200, `{"messages":[{"status":{"groupName":"PENDING"}}]}`, ""},
		{"infobip refuses", infobip, 200, `{"messages":[{"status":{"groupName":"REJECTED"}}]}`, `groupName is "REJECTED"`},
		{"kannel took it", kannel, 202, "0: Accepted for delivery", ""},
		{"kannel refuses", kannel, 403, "Authorization failed", "the status is not 202"},
		{"empty", htd, 200, "", "the answer is empty"},
		{"only space", htd, 200, " \r\n", "the answer is empty"},
		{"an HTML page for JSON", vonage, 200, "<html>502</html>", "the answer is not JSON"},
		{"500 with the right words", htd, 500, "Message Sent Successfully", "the status is not 200-299 (status 500"},
		{"a redirect to the right words", htd, 302, "Message Sent Successfully", "a redirect, which is not followed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				replies(test.status, test.body)(w, r)
			})
			c := formConfig(t, p.URL)
			c.Success = test.success
			err := newSender(t, c).Send(t.Context(), testMessage())
			p.only(t)
			if (test.want == "") != (err == nil) {
				t.Fatalf("Send: %v, want %q", err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("Send: %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestPermanent(t *testing.T) {
	for status, want := range map[int]bool{200: false, 301: true, 400: true, 401: true, 408: false, 429: false, 500: false, 503: false} {
		p := newPeer(t, replies(status, "no"))
		err := newSender(t, formConfig(t, p.URL)).Send(t.Context(), testMessage())
		var e *Error
		if !errors.As(err, &e) || e.Permanent != want || e.Status != status || e.Answer != "no" || e.Provider != "test" || e.MayBeSent {
			t.Errorf("status %d: %+v, want an Error with Permanent %v", status, err, want)
		}
		// A refused account and a server in trouble say nothing of the message.
		aboutIt := map[int]bool{200: true, 301: true, 400: true, 408: true}[status]
		if !errors.Is(err, challenge.ErrNotAccepted) || errors.Is(err, challenge.ErrRefused) != aboutIt {
			t.Errorf("status %d: not accepted %v, refused %v, want true, %v", status, errors.Is(err, challenge.ErrNotAccepted), errors.Is(err, challenge.ErrRefused), aboutIt)
		}
	}
}

func TestForm(t *testing.T) {
	p := newPeer(t, replies(200, "OK"))
	c := formConfig(t, p.URL+"/send?v=1")
	c.Query = []Param{{Name: "id", Value: template(t, "a {{.ID}}")}}
	c.Form = append(c.Form, Param{Name: "type", Value: template(t, "{{.Type}}")})
	c.Encoding = Encoding{GSM: "0", Unicode: "2"}
	c.Headers = []Param{
		{Name: "X-Api-Key", Secret: secret.New(testKey)},
		{Name: "X-Long", Value: template(t, "App {{.Secret}}"), Secret: secret.New("k")},
	}
	s := newSender(t, c)
	m := testMessage()
	m.Text = secret.New("رمز & code=1+1%")
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	r := p.only(t)
	if r.Method != "POST" || r.URL.Path != "/send" || r.URL.RawQuery != "v=1&id=a%20msg-1" {
		t.Errorf("got %s %s", r.Method, r.URL)
	}
	form, err := url.ParseQuery(r.body)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"user": "shop", "pass": testPassword, "to": "970599123456", "msg": "رمز & code=1+1%", "type": "2",
	} {
		if got := form[name]; len(got) != 1 || got[0] != want {
			t.Errorf("form %s = %q, want one %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"X-Api-Key": testKey, "X-Long": "App k", "Content-Type": "application/x-www-form-urlencoded", "User-Agent": "doorcode",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}
}

func TestQuery(t *testing.T) {
	p := newPeer(t, replies(202, "0: Accepted"))
	c := Config{
		Name: "kannel", URL: address(t, p.URL+"/cgi-bin/{{.Sender}}/sendsms"), Sender: "a/b?c",
		Query:     []Param{{Name: "to", Value: template(t, "{{.Number}}")}, {Name: "text", Value: template(t, "{{.Text}}")}},
		BasicUser: secret.New("shop"), BasicPassword: secret.New(testPassword),
		Success: Success{Status: Status{202, 202}, Body: regexp.MustCompile(`^0:`)},
	}
	if err := newSender(t, c).Send(t.Context(), testMessage()); err != nil {
		t.Fatal(err)
	}
	r := p.only(t)
	user, password, _ := r.BasicAuth()
	if r.Method != "GET" || r.body != "" || user != "shop" || password != testPassword {
		t.Errorf("got %s, body %q, user %q", r.Method, r.body, user)
	}
	if r.URL.EscapedPath() != "/cgi-bin/a%2Fb%3Fc/sendsms" {
		t.Errorf("path %s: a value left its segment", r.URL.EscapedPath())
	}
	if !strings.HasPrefix(r.URL.RawQuery, "to=%2B970599123456&text=") || r.URL.Query().Get("text") != testText {
		t.Errorf("query %s", r.URL.RawQuery)
	}
}

func TestJSONBody(t *testing.T) {
	p := newPeer(t, replies(200, "OK"))
	body, err := ParseJSON(`{"textMessage": {"text": "{{.Text}}"}, "phoneNumbers": ["{{.Number}}"], "ttl": 600, "big": 12345678901234567890, "report": true, "none": null}`)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		Name: "gate", URL: address(t, p.URL), JSON: body, Bearer: secret.New(testKey),
		Success: Success{Body: regexp.MustCompile(`^OK`)},
	}
	m := testMessage()
	m.Text = secret.New(`"}, "phoneNumbers": ["+1"], {"x": "\ <&> {{.Number}}` + "\n\x01")
	if err := newSender(t, c).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	r := p.only(t)
	var got, want any
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		t.Fatalf("%q: %v", r.body, err)
	}
	text, _ := json.Marshal(m.Text.Reveal())
	wanted := `{"textMessage": {"text": ` + string(text) + `}, "phoneNumbers": ["+970599123456"], "ttl": 600, "big": 12345678901234567890, "report": true, "none": null}`
	if err := json.Unmarshal([]byte(wanted), &want); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if !bytes.Equal(a, b) || !strings.Contains(r.body, "12345678901234567890") {
		t.Errorf("body %s, want %s", r.body, b)
	}
	if r.Header.Get("Authorization") != "Bearer "+testKey || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", r.Header)
	}
}

func TestNewJSON(t *testing.T) {
	body, err := NewJSON(map[string]any{"key": secret.New("{{k}}"), "n": 5, "list": []any{"{{.Text}}", 1.5, nil}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := body.render(values{Text: "hi"})
	if want := `{"key":"{{k}}","list":["hi",1.5,null],"n":5}`; err != nil || string(got) != want {
		t.Errorf("render = %s, %v, want %s", got, err, want)
	}
	for _, bad := range []any{struct{}{}, map[string]any{"a/b": []any{1, "{{.Code}}"}}} {
		if _, err := NewJSON(bad); err == nil {
			t.Errorf("NewJSON(%v) took it", bad)
		}
	}
	_, err = NewJSON(map[string]any{"a/b": []any{1, "{{.Code}}"}})
	if err == nil || !strings.HasPrefix(err.Error(), "/a~1b/1: {{.Code}} is unknown") {
		t.Errorf("error %v does not name the place", err)
	}
	if _, err := ParseJSON(`{} x`); err == nil {
		t.Error("ParseJSON took what follows the value")
	}
}

// A value with a line break would begin another header.
func TestThreat_C4_HeaderInjection(t *testing.T) {
	p := newPeer(t, replies(200, "OK"))
	c := formConfig(t, p.URL)
	c.Headers = []Param{{Name: "X-Text", Value: template(t, "{{.Text}}")}}
	err := newSender(t, c).Send(t.Context(), testMessage()) // its text has two lines
	var e *Error
	if !errors.As(err, &e) || !e.Permanent || len(p.requests()) != 0 {
		t.Errorf("Send: %v after %d requests, want it refused before any", err, len(p.requests()))
	}
}

// The connection breaks once the request is there. net/http would repeat it on a kept connection; here it must go out once.
func TestNoRepeatAfterBytesWentOut(t *testing.T) {
	tests := map[string]func(net.Conn){
		"closed after the request":      readRequest,
		"closed at once":                func(net.Conn) {},
		"closed within the answer":      func(c net.Conn) { readRequest(c); io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nOK") },
		"closed within the status line": func(c net.Conn) { readRequest(c); io.WriteString(c, "HTTP/1.1 2") },
		"not HTTP":                      func(c net.Conn) { readRequest(c); io.WriteString(c, "garbage "+testCode+" "+testNumber+"\r\n\r\n") },
	}
	for name, serve := range tests {
		t.Run(name, func(t *testing.T) {
			url, accepted := rawPeer(t, serve)
			s := newSender(t, formConfig(t, url))
			for i := 1; i <= 2; i++ { // the second message would find the connection of the first, were it kept
				err := s.Send(t.Context(), testMessage())
				var e *Error
				if !errors.As(err, &e) || !e.MayBeSent || e.Permanent || errors.Is(err, challenge.ErrNotAccepted) {
					t.Errorf("Send: %+v, want an Error that says it may have been sent", err)
				}
				if got := accepted(); got != i {
					t.Fatalf("%d connections for %d messages", got, i)
				}
				noSecret(t, "error", err.Error())
			}
		})
	}
}

// A provider that keeps connections open and drops them between two messages: each message is one request.
func TestConnectionsAreNotKept(t *testing.T) {
	p := newPeer(t, replies(200, "OK"))
	s := newSender(t, formConfig(t, p.URL))
	for range 2 {
		if err := s.Send(t.Context(), testMessage()); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range p.requests() {
		if !r.Close {
			t.Error("the request leaves its connection open")
		}
	}
}

// Nothing left the machine: one more attempt, and no third.
func TestRetryAfterRefusedConnection(t *testing.T) {
	var dials int
	s := newSender(t, formConfig(t, "http://127.0.0.1:1/send"))
	s.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		dials++
		return (&net.Dialer{}).DialContext(ctx, network, closedPort(t))
	}
	err := s.Send(t.Context(), testMessage())
	var e *Error
	if !errors.As(err, &e) || e.MayBeSent || e.Permanent || dials != 2 {
		t.Errorf("Send: %+v after %d attempts, want 2", err, dials)
	}

	p := newPeer(t, replies(200, "OK"))
	dials = 0
	s.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		if dials++; dials == 1 {
			return (&net.Dialer{}).DialContext(ctx, network, closedPort(t))
		}
		return (&net.Dialer{}).DialContext(ctx, network, p.Listener.Addr().String())
	}
	if err := s.Send(t.Context(), testMessage()); err != nil {
		t.Errorf("second attempt: %v", err)
	}
	p.only(t)
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestHangingProvider(t *testing.T) {
	for name, begin := range map[string]string{"no answer": "", "half an answer": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nOK"} {
		t.Run(name, func(t *testing.T) {
			url, accepted := rawPeer(t, func(c net.Conn) {
				readRequest(c)
				io.WriteString(c, begin)
				io.Copy(io.Discard, c) // until the sender gives up
			})
			c := formConfig(t, url)
			c.Timeout = 100 * time.Millisecond
			err := newSender(t, c).Send(t.Context(), testMessage())
			var e *Error
			if !errors.As(err, &e) || !e.MayBeSent || !errors.Is(err, context.DeadlineExceeded) || accepted() != 1 {
				t.Errorf("Send: %+v on %d connections, want a deadline on one", err, accepted())
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	url, _ := rawPeer(t, func(c net.Conn) { readRequest(c); cancel(); io.Copy(io.Discard, c) })
	if err := newSender(t, formConfig(t, url)).Send(ctx, testMessage()); !errors.Is(err, context.Canceled) {
		t.Errorf("Send: %v, want context.Canceled", err)
	}
}

// A long answer is read no further than 64 KiB; a success that stands later does not count.
func TestLongAnswer(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, _ *http.Request) {
		junk := bytes.Repeat([]byte("x"), maxAnswer)
		for range 64 {
			if _, err := w.Write(junk); err != nil {
				return
			}
		}
		io.WriteString(w, "OK")
	})
	c := formConfig(t, p.URL)
	c.Success.Body = regexp.MustCompile(`OK`)
	var e *Error
	if err := newSender(t, c).Send(t.Context(), testMessage()); !errors.As(err, &e) || len(e.Answer) > excerptBytes {
		t.Errorf("Send: %v", err)
	}
}

func TestTLS(t *testing.T) {
	p := httptest.NewTLSServer(replies(200, "OK"))
	p.Config.ErrorLog = nil
	defer p.Close()
	c := formConfig(t, p.URL)
	err := newSender(t, c).Send(t.Context(), testMessage())
	var e *Error
	if !errors.As(err, &e) || e.MayBeSent || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("unknown authority: %v", err)
	}
	c.RootCAs = x509.NewCertPool()
	c.RootCAs.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}))
	if err := newSender(t, c).Send(t.Context(), testMessage()); err != nil {
		t.Errorf("known authority: %v", err)
	}
}

func TestProxy(t *testing.T) {
	p := newPeer(t, replies(200, "OK"))
	c := formConfig(t, "http://sms.example.invalid/send")
	c.Proxy, _ = url.Parse(p.URL)
	if err := newSender(t, c).Send(t.Context(), testMessage()); err != nil {
		t.Fatal(err)
	}
	if r := p.only(t); r.URL.String() != "http://sms.example.invalid/send" {
		t.Errorf("the proxy was asked for %s", r.URL)
	}
}

func TestMessageThatCannotBeSent(t *testing.T) {
	p := newPeer(t, replies(200, "OK"))
	s := newSender(t, formConfig(t, p.URL))
	for _, to := range []string{"", "0599123456", "+0599123456", "+97059912345a", "+9705991234567890", "+970599123456\n", "a@example.com"} {
		m := testMessage()
		m.To = secret.New(to)
		err := s.Send(t.Context(), m)
		var e *Error
		if !errors.As(err, &e) || !e.Permanent || (to != "" && strings.Contains(err.Error(), to)) {
			t.Errorf("to %q: %v", to, err)
		}
	}
	m := testMessage()
	m.Text = secret.Text{}
	if err := s.Send(t.Context(), m); err == nil {
		t.Error("an empty text was sent")
	}
	if n := len(p.requests()); n != 0 {
		t.Errorf("%d requests went out", n)
	}
}
