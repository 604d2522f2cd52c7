package email

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/mail"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// What a test message holds, all of it secret.
const (
	testTo       = "ahmad.saleh@example.ps"
	testCode     = "481922"
	testText     = "Your login code for HESABATE:\n481922\nIt is good for 10 minutes."
	testHTML     = "<p>Your login code: <b>481922</b></p>"
	testPassword = "s3cret pass+word"
)

func testMessage() challenge.Message {
	return challenge.Message{
		To: secret.New(testTo), Subject: secret.New("رمز الدخول 481922"), Text: secret.New(testText), HTML: secret.New(testHTML), ID: "msg-1",
	}
}

// peer is a real mail server. What the tests set is read by every session; it is set before the first.
type peer struct {
	addr string
	pool *x509.CertPool

	rcpt, data error  // what RCPT and the end of DATA are answered with
	user       string // "" takes everybody

	mu    sync.Mutex
	mails []received
}

// received is one message as the server accepted it.
type received struct {
	from, to, user, body string
	utf8                 bool
	secure               bool
}

// newPeer starts a mail server for mode on loopback.
func newPeer(t *testing.T, mode Mode) *peer {
	t.Helper()
	certificate, pool := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{addr: l.Addr().String(), pool: pool}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{p: p, conn: c}, nil
	}))
	server.Domain = "mail.test"
	server.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableSMTPUTF8 = true
	switch mode {
	case StartTLS:
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	case TLS:
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}})
	case Plain:
		server.AllowInsecureAuth = true
	}
	var running sync.WaitGroup
	running.Go(func() { server.Serve(l) })
	t.Cleanup(func() { server.Close(); running.Wait() })
	return p
}

func (p *peer) received() []received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mails
}

// session is one connection to a peer.
type session struct {
	p    *peer
	conn *smtp.Conn
	now  received
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.p.user || password != testPassword {
			return &smtp.SMTPError{
				Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such user as " + user + " with " + password,
			}
		}
		s.now.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	if s.p.user != "" && s.now.user == "" {
		return smtp.ErrAuthRequired
	}
	_, s.now.secure = s.conn.TLSConnectionState()
	s.now.from, s.now.utf8 = from, o.UTF8
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.now.to = to
	return s.p.rcpt
}

func (s *session) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.p.data != nil {
		return s.p.data
	}
	s.now.body = string(body)
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.mails = append(s.p.mails, s.now)
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// certificate makes a certificate for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wanted := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, wanted, wanted, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// scripted is a mail server that is served connection by connection.
func scripted(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { defer conn.Close(); serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return l.Addr().String()
}

// configFor is a config for the server at addr.
func configFor(t *testing.T, addr string, mode Mode) Config {
	t.Helper()
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Server: Server{Host: tcp.IP.String(), Port: tcp.Port, TLS: mode},
		From:   mail.Address{Name: "حسابات", Address: "door@example.com"}, PublicHost: "books.example.ps",
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
