package email

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

func TestSend(t *testing.T) {
	for name, mode := range map[string]Mode{"STARTTLS": StartTLS, "TLS": TLS, "plain": Plain} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, mode)
			p.user = "door"
			c := configFor(t, p.addr, mode)
			c.User, c.Password, c.RootCAs = "door", secret.New(testPassword), p.pool
			if err := newSender(t, c).Send(t.Context(), testMessage()); err != nil {
				t.Fatal(err)
			}
			all := p.received()
			if len(all) != 1 {
				t.Fatalf("the server accepted %d messages", len(all))
			}
			got := all[0]
			if got.from != "door@example.com" || got.to != testTo || got.user != "door" || got.secure != (mode != Plain) || got.utf8 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	p := newPeer(t, Plain)
	s := newSender(t, configFor(t, p.addr, Plain))
	m := testMessage()
	m.Text = secret.New("رمز الدخول: 481922\n.\n.dot\n@books.example.ps #481922")
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(strings.NewReader(p.received()[0].body))
	if err != nil {
		t.Fatal(err)
	}
	words := new(mime.WordDecoder)
	for name, want := range map[string]string{
		"Subject": "رمز الدخول 481922", "From": "حسابات <door@example.com>", "To": "<" + testTo + ">",
		"Auto-Submitted": "auto-generated", "Mime-Version": "1.0", "X-Mailer": "", "User-Agent": "",
	} {
		got, err := words.DecodeHeader(msg.Header.Get(name))
		if err != nil || strings.ReplaceAll(got, `"`, "") != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	if id := msg.Header.Get("Message-Id"); !strings.HasPrefix(id, "<") || !strings.HasSuffix(id, "@books.example.ps>") || len(id) < 30 {
		t.Errorf("Message-ID %q", id)
	}
	if at, err := msg.Header.Date(); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("Date %v, %v", at, err)
	}
	kinds, texts := parts(t, msg)
	if fmt.Sprint(kinds) != "[text/plain text/html]" {
		t.Errorf("parts %v, want the text first and the HTML last, which readers prefer (RFC 2046 §5.1.4)", kinds)
	}
	if texts[0] != m.Text.Reveal() || texts[1] != testHTML {
		t.Errorf("parts %q", texts)
	}
}

// parts returns the kinds and decoded texts of the alternatives of msg.
func parts(t *testing.T, msg *mail.Message) (kinds, texts []string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type %q, %v", kind, err)
	}
	r := multipart.NewReader(msg.Body, params["boundary"])
	for {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return kinds, texts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, params, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if !strings.EqualFold(params["charset"], "utf-8") {
			t.Errorf("charset %q", params["charset"])
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		kinds, texts = append(kinds, kind), append(texts, strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
}

// An address outside ASCII needs SMTPUTF8 (RFC 6531); no other message asks for it.
func TestInternationalAddress(t *testing.T) {
	p := newPeer(t, Plain)
	m := testMessage()
	m.To = secret.New("أحمد@example.ps")
	if err := newSender(t, configFor(t, p.addr, Plain)).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := p.received()[0]; got.to != "أحمد@example.ps" || !got.utf8 {
		t.Errorf("got %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	noUser := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + testTo + ">: no such mailbox"}
	spam := &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam: Your login code for HESABATE: " + testCode}
	busy := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try later"}
	tests := []struct {
		name      string
		change    func(*peer, *Config)
		code      int
		permanent bool
		want      string
	}{
		{"recipient", func(p *peer, _ *Config) { p.rcpt = noUser }, 550, true, "naming the recipient: 550 5.1.1 <…>: no such mailbox"},
		{"content", func(p *peer, _ *Config) { p.data = spam }, 554, true, "accept the message: 554 5.7.1 spam: "},
		{"busy", func(p *peer, _ *Config) { p.data = busy }, 451, false, "451 4.3.0 try later"},
		{"wrong password", func(p *peer, c *Config) { p.user, c.User, c.Password = "other", "door", secret.New(testPassword) }, 535, true, "connecting: 535 5.7.8 no such user as door with …"},
		{"no sign-in where one is wanted", func(p *peer, _ *Config) { p.user = "door" }, 502, true, "naming the sender: 502 5.7.0"},
		{"unknown authority", func(_ *peer, c *Config) { c.RootCAs = nil }, 0, false, "certificate"},
		{"name that is not the server's", func(_ *peer, c *Config) { c.Host = "localhost" }, 0, false, "certificate"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPeer(t, StartTLS)
			c := configFor(t, p.addr, StartTLS)
			c.RootCAs = p.pool
			test.change(p, &c)
			err := newSender(t, c).Send(t.Context(), testMessage())
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("Send: %v, want an Error", err)
			}
			if e.Code != test.code || e.Permanent != test.permanent || e.MayBeSent || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Send: %+v, want code %d, permanent %v and %q", err, test.code, test.permanent, test.want)
			}
			aboutIt := test.name == "recipient" || test.name == "content" || test.name == "busy"
			if !errors.Is(err, challenge.ErrNotAccepted) || errors.Is(err, challenge.ErrRefused) != aboutIt {
				t.Errorf("Send: %v: refused %v, want %v, and not accepted", err, errors.Is(err, challenge.ErrRefused), aboutIt)
			}
			if !strings.Contains(err.Error(), c.Address()) {
				t.Errorf("%v does not name the server", err)
			}
			for _, verb := range []string{"%v", "%+v", "%#v"} {
				noSecret(t, verb, fmt.Sprintf(verb, err))
			}
			if n := len(p.received()); n != 0 {
				t.Errorf("%d messages arrived", n)
			}
		})
	}
}

// A server without STARTTLS, or somebody in between who takes the offer away: nothing is sent in the clear.
func TestNoStartTLS(t *testing.T) {
	p := newPeer(t, Plain)
	p.user = "door"
	c := configFor(t, p.addr, StartTLS)
	c.User, c.Password = "door", secret.New(testPassword)
	err := newSender(t, c).Send(t.Context(), testMessage())
	if err == nil || !strings.Contains(err.Error(), "STARTTLS") || len(p.received()) != 0 {
		t.Errorf("Send: %v with %d messages, want it refused for want of STARTTLS", err, len(p.received()))
	}
}

// converse answers the lines of a client up to DATA like a mail server, then leaves the connection to the test.
func converse(conn net.Conn, atData func(net.Conn, *bufio.Reader)) {
	r := bufio.NewReader(conn)
	io.WriteString(conn, "220 mail.test\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch command, _, _ := strings.Cut(strings.TrimSpace(line), " "); command {
		case "DATA":
			io.WriteString(conn, "354 go on\r\n")
			atData(conn, r)
			return
		default:
			io.WriteString(conn, "250 mail.test\r\n")
		}
	}
}

// readData reads a message up to its final dot.
func readData(r *bufio.Reader) {
	for line := ""; line != ".\r\n"; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			return
		}
	}
}

// A server that hangs or goes away, at every point where that matters.
func TestServersInTrouble(t *testing.T) {
	hang := func(c net.Conn) { io.Copy(io.Discard, c) }
	tests := []struct {
		name      string
		serve     func(net.Conn)
		mayBeSent bool
		deadline  bool
		want      string // "" for a success
	}{
		{"hangs before the greeting", hang, false, true, "connecting: no answer within 150ms"},
		{"hangs after DATA", func(c net.Conn) { converse(c, func(c net.Conn, _ *bufio.Reader) { hang(c) }) }, true, true, "accept the message: no answer"},
		{"hangs after the dot", func(c net.Conn) {
			converse(c, func(c net.Conn, r *bufio.Reader) { readData(r); hang(c) })
		}, true, true, "it had the whole message"},
		{"closes at once", func(net.Conn) {}, false, false, "connecting: "},
		{"closes after DATA", func(c net.Conn) { converse(c, func(net.Conn, *bufio.Reader) {}) }, true, false, "accept the message: "},
		{"closes after the dot", func(c net.Conn) {
			converse(c, func(c net.Conn, r *bufio.Reader) { readData(r) })
		}, true, false, "it had the whole message"},
		{"closes after accepting it", func(c net.Conn) {
			converse(c, func(c net.Conn, r *bufio.Reader) { readData(r); io.WriteString(c, "250 queued\r\n") })
		}, false, false, ""},
		{"says no to QUIT", func(c net.Conn) {
			converse(c, func(c net.Conn, r *bufio.Reader) { readData(r); io.WriteString(c, "250 queued\r\n500 no\r\n") })
		}, false, false, ""},
		{"a letter at a time, for ever", func(c net.Conn) {
			for _, err := io.WriteString(c, "220-"); err == nil; {
				_, err = io.WriteString(c, "x")
			}
		}, false, true, "connecting: no answer within"},
		{"goes away for maintenance", func(c net.Conn) { io.WriteString(c, "421 4.3.2 closing\r\n") }, false, false, "connecting: 421 "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := configFor(t, scripted(t, test.serve), Plain)
			c.Timeout = 150 * time.Millisecond
			err := newSender(t, c).Send(t.Context(), testMessage())
			if test.want == "" {
				if err != nil {
					t.Errorf("Send: %v, but the server had accepted it", err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Send: %v, want %q", err, test.want)
			}
			if e.MayBeSent != test.mayBeSent || errors.Is(err, challenge.ErrNotAccepted) == test.mayBeSent || errors.Is(err, context.DeadlineExceeded) != test.deadline {
				t.Errorf("%+v: want may be sent %v, deadline %v", e, test.mayBeSent, test.deadline)
			}
		})
	}
}

// Given up within the body: the half message is not ended with its dot, and it cannot have been sent.
func TestCancelWithinTheBody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rest := make(chan string, 1)
	addr := scripted(t, func(c net.Conn) {
		converse(c, func(_ net.Conn, r *bufio.Reader) {
			r.ReadString('\n')
			cancel()
			all, _ := io.ReadAll(r)
			rest <- string(all)
		})
	})
	m := testMessage()
	m.Text = secret.New(strings.Repeat("a long line of text\n", 1<<20)) // more than the sockets' buffers hold
	err := newSender(t, configFor(t, addr, Plain)).Send(ctx, m)
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, context.Canceled) || e.MayBeSent {
		t.Fatalf("Send: %v", err)
	}
	if got := <-rest; strings.HasSuffix(got, "\r\n.\r\n") {
		t.Error("the half message was ended")
	}
}

func TestConnectionRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	err = newSender(t, configFor(t, l.Addr().String(), StartTLS)).Send(t.Context(), testMessage())
	if err == nil || !strings.Contains(err.Error(), "connecting: dial tcp") {
		t.Errorf("Send: %v", err)
	}
}
