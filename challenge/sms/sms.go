// Package sms sends codes through one HTTP interface of an SMS provider, as the config describes it.
//
// Three rules of providers shape it. HTTP 200 means nothing: half of them answer it for refusals too, so only the
// configured pattern or JSON value makes a success. A request whose bytes went out is never repeated: the user would get
// two messages and the operator two bills. And whatever comes back may repeat what was sent, so an answer is masked before
// anybody reads it.
package sms

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// MaxTimeout is the longest that one send may take, and what it may take when Config names nothing.
const MaxTimeout = challenge.SendLimit

// Config describes one provider. Its values are parsed; Check finds what does not fit together.
type Config struct {
	Name   string   // as logs and errors call it
	Method string   // GET, POST or PUT; "" is POST with a Form or JSON, else GET
	URL    Template // from ParseURL

	Query   []Param // added to what URL has after "?"
	Form    []Param // body application/x-www-form-urlencoded; not together with JSON
	JSON    JSON    // body application/json; the zero JSON is none
	Headers []Param

	BasicUser     secret.Text // with BasicPassword: Authorization: Basic (RFC 7617)
	BasicPassword secret.Text
	Bearer        secret.Text // Authorization: Bearer (RFC 6750)

	Params   map[string]secret.Text // what {{.Params.name}} is: accounts and passwords
	Number   NumberFormat           // what {{.Number}} is
	Encoding Encoding               // what {{.Type}} is
	Sender   string                 // what {{.Sender}} is
	Host     string                 // what {{.Host}} is: the host of the first public_url

	Success  Success
	Failures []Failure // what refusals look like, the first that holds counts

	Timeout time.Duration  // of one send, at most MaxTimeout; 0 is MaxTimeout
	RootCAs *x509.CertPool // who may sign the provider's certificate; nil for the system's
	Proxy   *url.URL       // http, https or socks5; nil for none (the environment's is not asked)
}

// String names the provider and nothing else: templates may hold passwords.
func (c Config) String() string { return fmt.Sprintf("sms provider %q", c.Name) }

// GoString as String.
func (c Config) GoString() string { return c.String() }

// Param is one query parameter, form field or header. Order is kept and a name may stand several times.
type Param struct {
	Name   string
	Value  Template    // the zero Template is {{.Secret}}
	Secret secret.Text // what {{.Secret}} is: the content of value_file
}

// render returns the value of p for one message.
func (p Param) render(v values) string {
	v.Secret = p.Secret.Reveal()
	if p.Value.IsZero() {
		return v.Secret
	}
	return p.Value.render(v, asItIs)
}

// Encoding holds what {{.Type}} stands for, where a provider wants to be told of Unicode (hotsms 0 and 2, Vonage text and
// unicode, Kannel's coding).
type Encoding struct {
	GSM     string // the text fits the GSM 7-bit alphabet (3GPP TS 23.038 §6.2.1)
	Unicode string // it does not: every Arabic text
}

// Sender sends through one provider. It is safe for concurrent use.
type Sender struct {
	c         Config
	transport *http.Transport
	constants []string // secrets and fixed values of the config, masked wherever they come back
}

var _ challenge.Sender = (*Sender)(nil)

// New returns a Sender for c, or everything that Check finds wrong with it.
func New(c Config) (*Sender, error) {
	if err := joined(c.Check()); err != nil {
		return nil, fmt.Errorf("%v: %w", c, err)
	}
	if c.Timeout == 0 {
		c.Timeout = MaxTimeout
	}
	return &Sender{c: c, transport: newTransport(c), constants: c.constants()}, nil
}

// Send hands m to the provider and returns nil only when the answer is the configured success. Every error is an *Error.
// The request is sent once; a second attempt is made only after a connection could not be opened at all.
func (s *Sender) Send(ctx context.Context, m challenge.Message) error {
	_, err := s.Trace(ctx, m)
	return err
}

// Trace sends like Send, and returns what went to and fro besides.
func (s *Sender) Trace(ctx context.Context, m challenge.Message) (Exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()

	v, err := s.values(m)
	if err != nil {
		return Exchange{}, s.refused(err)
	}
	mask := newMasker(append(s.messageSecrets(m, v), s.constants...))
	r, err := s.request(ctx, v)
	if err != nil {
		return Exchange{}, s.refused(err) // nothing was sent: the same message would be refused again
	}
	e := s.seen(r, v, mask)
	a, err := s.exchange(ctx, v)
	e.Status, e.Answer = a.status, mask.beginning(a.body, traceBytes)
	if err != nil {
		return e, s.broken(ctx, a, err, mask)
	}
	if v := s.c.judge(a, mask); !v.accepted {
		return e, s.unsuccessful(a, v, mask)
	}
	return e, nil
}

// values is what the templates see of m.
func (s *Sender) values(m challenge.Message) (values, error) {
	number, err := s.c.Number.Apply(m.To.Reveal())
	if err != nil {
		return values{}, err
	}
	text := m.Text.Reveal()
	if text == "" {
		return values{}, errNoText
	}
	kind := s.c.Encoding.Unicode
	if _, gsm := challenge.Segments(text); gsm {
		kind = s.c.Encoding.GSM
	}
	return values{
		Number: number, Text: text, Sender: s.c.Sender, ID: m.ID, Type: kind, Host: s.c.Host, Language: m.Language,
		Params: s.c.Params,
	}, nil
}

// messageSecrets lists what of m must not come back in an error: the text with its code, and the number in the ways that a
// provider may write it.
func (s *Sender) messageSecrets(m challenge.Message, v values) []string {
	return []string{m.Text.Reveal(), m.To.Reveal(), m.HTML.Reveal(), m.Subject.Reveal(), v.Number}
}
