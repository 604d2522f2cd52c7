package reading

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// InCharset makes fields of a form that is sent in another charset than UTF-8, by a name that browsers know. Names in it are ASCII.
func (f LoginFields) InCharset(name string) (LoginFields, error) {
	e, err := htmlindex.Get(name)
	if err != nil || !asciiBased(name) {
		return LoginFields{}, fmt.Errorf("%.40q is none of utf-8, windows-125… and iso-8859-…", name)
	}
	if e == unicode.UTF8 {
		f.charset = ""
		return f, nil
	}
	for _, c := range f.User + f.Password {
		if c >= utf8.RuneSelf {
			return LoginFields{}, fmt.Errorf("fields in %s have names of ASCII letters", name)
		}
	}
	f.charset, err = htmlindex.Name(e)
	return f, err
}

// Charset is the name of the charset that the login's form is sent in, as browsers write it.
func (f LoginFields) Charset() string {
	if f.charset == "" {
		return "utf-8"
	}
	return f.charset
}

// Encoding is the charset that the login's form is sent in.
func (f LoginFields) Encoding() encoding.Encoding {
	if e, err := htmlindex.Get(f.charset); err == nil {
		return e
	}
	return unicode.UTF8
}

// decode reads a value of the user's as the application does: names are compared in UTF-8. What goes up stays as it came. ASCII is the
// same in every charset that is let in; for anything else the body must not name another than the configured one, for then it is
// not known which of them the application obeys (B3).
func (l *Login) decode(value string) (string, error) {
	if isASCII(value) {
		return value, nil
	}
	charset := l.fields.Encoding()
	for _, named := range l.namedCharsets() {
		if e, err := htmlindex.Get(named); err != nil || e != charset {
			return "", fmt.Errorf("login names another charset than login.charset: %w", ErrUnreadable)
		}
	}
	if charset == unicode.UTF8 {
		if !utf8.ValidString(value) {
			return "", fmt.Errorf("user name is not in UTF-8 (is the form in another charset? see login.charset): %w", ErrUnreadable)
		}
		return value, nil
	}
	text, err := charset.NewDecoder().String(value)
	if err != nil || strings.ContainsRune(text, utf8.RuneError) {
		return "", fmt.Errorf("user name has bytes that are none of login.charset %s: %w", l.fields.charset, ErrUnreadable)
	}
	return text, nil
}

// namedCharsets are those that the body claims: in its Content-Type and in the field in which browsers write it.
func (l *Login) namedCharsets() (names []string) {
	if l.content.charset != "" {
		names = append(names, l.content.charset)
	}
	for _, f := range l.list {
		if touches(f.name, "_charset_") && !f.value.Empty() {
			names = append(names, f.value.Reveal())
		}
	}
	return names
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
