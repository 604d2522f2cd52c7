package email

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// DefaultTimeout is what one send may take when Config names nothing, and MaxTimeout the longest that it may name: a code is given up after
// the first, a test message alone has all of the second. Many mail servers let a client wait some seconds before they greet it.
const (
	DefaultTimeout = challenge.SendLimit
	MaxTimeout     = time.Minute
)

// Mode says how the connection to the mail server is protected.
type Mode int

const (
	StartTLS Mode = iota // begins in the clear and goes on only under TLS (RFC 3207); smtp://
	TLS                  // TLS from the first byte (RFC 8314 §3.3); smtps://
	Plain                // no TLS, for a mail server on this machine or behind a tunnel; smtp+plain://
)

// Server is where mail is handed in.
type Server struct {
	Host string
	Port int
	TLS  Mode
}

// Config describes the mail server and the sender. Its values are parsed; Check finds what does not fit together.
type Config struct {
	Server
	User       string      // "" for a server that wants no sign-in
	Password   secret.Text //
	From       mail.Address
	PublicHost string         // the host of the first public_url: right side of the Message-ID, and HELO where that is ""
	HELO       string         // what the gateway calls itself
	Timeout    time.Duration  // of one send, from dialling to the server's last word; 0 is DefaultTimeout
	RootCAs    *x509.CertPool // who may sign the server's certificate; nil for the system's
}

// String names the server and nothing else.
func (c Config) String() string { return fmt.Sprintf("mail server %s", c.Address()) }

// GoString as String.
func (c Config) GoString() string { return c.String() }

// Address is host and port.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// ParseServer reads smtp://host (STARTTLS, port 587), smtps://host (TLS, port 465) or smtp+plain://host (no TLS, port 25),
// each with a port of its own where it has one.
func ParseServer(s string) (Server, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Server{}, errServer // url.Parse quotes what it was given, which may hold a password
	}
	server := Server{Host: u.Hostname()}
	switch u.Scheme {
	case "smtp":
		server.TLS, server.Port = StartTLS, 587
	case "smtps":
		server.TLS, server.Port = TLS, 465
	case "smtp+plain":
		server.TLS, server.Port = Plain, 25
	default:
		return Server{}, errServer
	}
	if u.User != nil {
		return Server{}, errors.New("user and password do not belong into the address of the mail server")
	}
	if server.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return Server{}, errServer
	}
	if u.Port() == "" {
		return server, nil
	}
	if server.Port, err = strconv.Atoi(u.Port()); err != nil || server.Port < 1 || server.Port > 65535 {
		return Server{}, errors.New("the port of the mail server is not within 1 and 65535")
	}
	return server, nil
}

var errServer = errors.New("the mail server is written smtp://mail.example.com:587 (STARTTLS), " +
	"smtps://mail.example.com:465 (TLS) or smtp+plain://127.0.0.1:25 (neither)")

// Problem is something in a Config that cannot work.
type Problem struct {
	Field string // as the config calls it: "server", "from"
	Text  string // what is wrong and what would be right
}

// Error writes the problem behind its field.
func (p Problem) Error() string { return p.Field + ": " + p.Text }

// Check returns everything that cannot work about c, nil when nothing is wrong.
func (c Config) Check() []Problem {
	var found []Problem
	report := func(field, text string) { found = append(found, Problem{field, text}) }
	if c.Host == "" || c.Port < 1 || c.Port > 65535 || c.TLS < StartTLS || c.TLS > Plain {
		report("server", errServer.Error())
	}
	if CheckAddress(c.From.Address) != nil || hasControl(c.From.Name) {
		report("from", `an address such as "Books <door@example.com>" is needed`)
	}
	if c.User == "" && !c.Password.Empty() {
		report("user", "there is a password, but no user")
	}
	if c.User != "" && c.TLS == Plain && !isLoopback(c.Host) {
		report("server", "the password would cross the network in the clear: use smtp:// or smtps://")
	}
	if c.HELO != "" && !hostPattern.MatchString(c.HELO) {
		report("helo", "a host name is needed")
	}
	if c.PublicHost != "" && !hostPattern.MatchString(c.PublicHost) {
		report("public_url", "a host name is needed")
	}
	if c.Timeout < 0 || c.Timeout > MaxTimeout {
		report("timeout", fmt.Sprintf("%v is not within 0s and %v", c.Timeout, MaxTimeout))
	}
	return found
}

var (
	hostPattern = regexp.MustCompile(`^[\pL\pN_.\-\[\]:]+$`)
	// Neither quotes nor any other character that means something in an SMTP command or an address header: a quoted local
	// part may hold "> ORCPT=…" and smuggle parameters into RCPT TO (CVE-2025-59937). Nobody's mailbox needs one.
	addressPattern = regexp.MustCompile(`^[^\s\p{C}"(),:;<>@\[\\\]]+@[^\s\p{C}"(),:;<>@\[\\\]]+$`)
)

// errAddress does not repeat the address.
var errAddress = errors.New("not an e-mail address that codes can be sent to")

// CheckAddress refuses what is not one bare address of at most 254 bytes (RFC 5321 §4.5.3.1). The error does not repeat it.
func CheckAddress(address string) error {
	if len(address) > 254 || !addressPattern.MatchString(address) {
		return errAddress
	}
	if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
		return errAddress
	}
	return nil
}

// isLoopback reports whether host is this machine, whatever a name server says.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// helo is the name that the gateway greets with.
func (c Config) helo() string {
	if c.HELO != "" {
		return c.HELO
	}
	if c.PublicHost != "" {
		return c.PublicHost
	}
	return "localhost" // not the machine's own name: that is nobody's business
}

// idHost is the right side of the Message-ID.
func (c Config) idHost() string {
	if c.PublicHost != "" {
		return c.PublicHost
	}
	_, domain, _ := strings.Cut(c.From.Address, "@")
	return domain
}
