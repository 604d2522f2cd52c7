package reading

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"

	"doorcode/challenge/secret"
)

// What is refused.
var (
	ErrUnreadable = errors.New("cannot be read in one way")
	ErrAmbiguous  = errors.New("says a field in two ways")
	ErrTooLarge   = errors.New("is too large")
	ErrNotLogin   = errors.New("has no user and password field")
)

type Path struct{ s, loose string }

func (p Path) String() string                           { return p.s }
func (p Path) Escaped() string                          { return p.s }
func (p Path) Own() bool                                { return false }
func ParsePath(escaped string) (Path, error)            { return Path{}, ErrUnreadable }
func Readings(escaped string) ([]Path, error)           { return nil, ErrUnreadable }
func Target(uri string) (path, query string, err error) { return "", "", ErrUnreadable }
func Method(m string) error                             { return ErrUnreadable }

type Pattern struct{ text string }

func (p Pattern) String() string             { return p.text }
func ParsePattern(s string) (Pattern, error) { return Pattern{}, ErrUnreadable }
func (p Pattern) Match(x Path) bool          { return false }
func (p Pattern) MatchLoose(x Path) bool     { return false }

type Value struct{ Name, Value string }

type Rule struct {
	Methods     []string
	Path        Pattern
	Query, Form []Value
	Place       string
}

func (r Rule) LooksAtForm() bool { return len(r.Form) > 0 }
func (r Rule) Match(method string, path Path, loose bool, query, form Params) (bool, error) {
	return false, ErrAmbiguous
}

type Params struct{ fields []Value }
type Form = Params

func (p Params) Get(name string) []string   { return nil }
func (p Params) Names() []string            { return nil }
func ParseQuery(raw string) (Params, error) { return Params{}, ErrUnreadable }
func ReadForm(header http.Header, body io.Reader, limit int64) (f Form, raw []byte, err error) {
	return Form{}, nil, ErrUnreadable
}

type LoginFields struct{ User, Password string }

func ParseLoginFields(user, password string) (LoginFields, error) {
	return LoginFields{}, ErrUnreadable
}
func (f LoginFields) Names() (users []string, password string) { return nil, "" }

type Login struct{ fields []Value }

func ReadLogin(header http.Header, rawQuery string, body io.Reader, limit int64, fields LoginFields) (*Login, error) {
	return nil, ErrUnreadable
}
func (l *Login) User() string                              { return "" }
func (l *Login) Password() secret.Text                     { return secret.Text{} }
func (l *Login) Names() []string                           { return nil }
func (l *Login) Value(name string) (string, bool)          { return "", false }
func (l *Login) Set(name, value string)                    {}
func (l *Login) Drop(name string)                          {}
func (l *Login) Encode() (contentType string, body []byte) { return "", nil }

func Clean(h http.Header)                                                   {}
func WebSocket(h http.Header) bool                                          { return false }
func Client(remote string, xff []string, trusted []netip.Prefix) netip.Addr { return netip.Addr{} }
func Host(host string, public []*url.URL) (*url.URL, bool)                  { return nil, false }
func Return(raw string) (string, bool)                                      { return "", false }
