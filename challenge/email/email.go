// Package email sends codes through a mail server.
//
// go-mail writes the message and speaks up to the sign-in; the few commands after it are spoken here, because what was
// accepted must be told exactly: after the server's 250 the message is sent, whatever the connection does then, and a body
// that breaks off must not be ended with the final dot, which would send the half of it.
package email

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"doorcode/challenge"
)

// Sender hands messages to one mail server. It is safe for concurrent use; every message has a connection of its own.
type Sender struct{ c Config }

var _ challenge.Sender = (*Sender)(nil)

// New returns a Sender for c, or everything that Check finds wrong with it. It does not connect.
func New(c Config) (*Sender, error) {
	var errs []error
	for _, p := range c.Check() {
		errs = append(errs, p)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%v: %w", c, err)
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return &Sender{c}, nil
}

// Send hands m to the mail server and returns nil only when that has accepted it. It tries once. Every error is an *Error.
func (s *Sender) Send(ctx context.Context, m challenge.Message) error { return s.Trace(ctx, m, nil) }

// Trace sends like Send, and says each command and answer besides, where say is not nil. What it says is masked like an Error.
func (s *Sender) Trace(ctx context.Context, m challenge.Message, say func(line string)) error {
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	msg, err := s.write(m)
	if err != nil {
		return &Error{Server: s.c.Address(), Reason: err.Error(), Permanent: true}
	}
	step, err := s.deliver(ctx, m, msg, s.masked(m, say))
	if err != nil {
		return s.failed(ctx, m, step, err)
	}
	return nil
}

// write makes the message. Its errors quote nothing of it.
func (s *Sender) write(m challenge.Message) (*gomail.Msg, error) {
	to, subject := m.To.Reveal(), m.Subject.Reveal()
	if err := CheckAddress(to); err != nil {
		return nil, err
	}
	if m.Text.Empty() {
		return nil, errors.New("the message has no text")
	}
	// A line break would begin a header of its own (C4). go-mail encodes it, and some reader's program decodes it again.
	if hasControl(subject) {
		return nil, errors.New("the subject has a line break or another control character")
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	from := s.c.From
	msg.FromMailAddress(&from)
	if err := msg.To(to); err != nil {
		return nil, errAddress // go-mail's error quotes it
	}
	msg.Subject(subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(rand.Text() + "@" + s.c.idHost())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no holiday answers to a code
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")  // the same for Exchange
	msg.SetBodyString(gomail.TypeTextPlain, m.Text.Reveal())
	if !m.HTML.Empty() {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML.Reveal())
	}
	return msg, nil
}

// step names what was being done when something went wrong.
type step string

const (
	connecting    step = "connecting"
	namingSender  step = "naming the sender"
	namingRcpt    step = "naming the recipient"
	announcing    step = "announcing the message"
	writing       step = "writing the message"
	awaitingReply step = "waiting for the server to accept the message"
)

// deliver sends msg over a connection of its own and closes that in every case; go-mail leaves it open after a failed sign-in.
func (s *Sender) deliver(ctx context.Context, m challenge.Message, msg *gomail.Msg, t *transcript) (step, error) {
	l := &line{c: s.c, ctx: ctx}
	defer l.close()
	c, err := s.connect(l, t)
	if err != nil {
		return connecting, err
	}
	t.protection(c)
	// SMTPUTF8 only where an address needs it: a server further on that lacks it would bounce the message.
	c.SkipSMTPUTF8(isASCII(m.To.Reveal() + s.c.From.Address))
	if err := c.Mail("<" + s.c.From.Address + ">"); err != nil {
		return namingSender, err
	}
	if err := c.Rcpt("<" + m.To.Reveal() + ">"); err != nil {
		return namingRcpt, err
	}
	w, err := c.Data()
	if err != nil {
		return announcing, err
	}
	if _, err := msg.WriteTo(w); err != nil {
		return writing, err // and no w.Close, which would end the half message with its dot
	}
	if err := w.Close(); err != nil {
		return awaitingReply, err
	}
	t.accepted(w)
	l.farewell(c)
	return "", nil
}

// connect dials, greets, starts TLS and signs in.
func (s *Sender) connect(l *line, t *transcript) (*smtp.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.c.Port), gomail.WithHELO(s.c.helo()),
		gomail.WithTimeout(2 * s.c.Timeout), // of every step by itself; l's context ends the whole before
		gomail.WithTLSConfig(tlsConfig(s.c)), gomail.WithDialContextFunc(l.dial),
	}
	switch s.c.TLS {
	case StartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case TLS:
		options = append(options, gomail.WithSSL())
	case Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if t != nil {
		options = append(options, gomail.WithDebugLog(), gomail.WithLogger(t))
	}
	client, err := gomail.NewClient(s.c.Host, append(options, s.signIn()...)...)
	if err != nil {
		return nil, err
	}
	return client.DialToSMTPClientWithContext(l.ctx)
}

// signIn prefers what does not send the password at all. PLAIN and LOGIN go only over TLS or, since Check saw to that, to this
// machine.
func (s *Sender) signIn() []gomail.Option {
	if s.c.User == "" {
		return nil
	}
	ways := []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthCramMD5}
	if s.c.TLS == Plain {
		ways = append(ways, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc)
	} else {
		ways = append(ways, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin)
	}
	return []gomail.Option{
		gomail.WithOpportunisticSMTPAuth(ways...),
		gomail.WithUsername(s.c.User), gomail.WithPassword(s.c.Password.Reveal()),
	}
}

// line is the connection of one message.
type line struct {
	c    Config
	ctx  context.Context // of the whole message
	conn net.Conn
	stop func() bool
}

// dial opens the connection and ties it to the message's context. ctx is go-mail's own, which ends with the sign-in, and its
// timeout is renewed at every step: a server that hangs at each of them would hold the message for minutes.
func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.conn = conn
	l.stop = context.AfterFunc(l.ctx, func() { conn.Close() })
	if l.c.TLS != TLS {
		return conn, nil
	}
	secure := tls.Client(conn, tlsConfig(l.c))
	return secure, secure.HandshakeContext(ctx)
}

// farewell says QUIT. The message is accepted already, so nobody waits long for the answer or minds a missing one.
func (l *line) farewell(c *smtp.Client) {
	l.conn.SetDeadline(time.Now().Add(time.Second))
	c.Quit()
}

func (l *line) close() {
	if l.conn != nil {
		l.stop()
		l.conn.Close()
	}
}

func tlsConfig(c Config) *tls.Config {
	return &tls.Config{ServerName: c.Host, RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12}
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
