package submit

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/unicode"

	"doorcode/gateway/reading"
)

// fill makes the login one of this session: the hidden fields of the form that was fetched in it take the place of those that the
// browser got in another, and the fixed fields are set. The note says what is amiss with the form, for ops; "" for nothing.
func (c Config) fill(l *reading.Login, page *answer) (note string) {
	f := loginForm(forms(page.text), c.Fields)
	switch {
	case f == nil && c.Fields.JSON && len(c.Tokens) == 0: // a page that a script draws
	case f == nil:
		_, password := c.Fields.Names()
		note = fmt.Sprintf("login.page %s has no form with a field %q", c.Page, password)
	default:
		for _, token := range c.tokens(f) {
			value := c.write(page, token.value)
			sent, ok := l.Value(token.name)
			if !ok && c.Fields.JSON && c.Tokens == nil {
				continue // a script sends what it likes of the page's fields
			}
			if !ok || sent != value {
				l.Set(token.name, value)
			}
		}
		note = c.missing(f)
	}
	for _, fixed := range c.Fixed {
		l.Fix(fixed.Name, c.write(page, fixed.Value)) // in place of every spelling of the name
	}
	return note
}

// write puts a value into the charset in which the login goes up.
func (c Config) write(page *answer, value string) string {
	if c.Fields.JSON {
		return value
	}
	if e := c.Fields.Encoding(); e != unicode.UTF8 {
		page = &answer{encoding: e}
	}
	return page.write(value)
}

// inCharset holds the charset that login.charset names, in which the user's name was read, against the one in which the page has its
// form sent. Where they differ the application would read another name than was judged (B3). A script sends UTF-8, whatever the page says.
func (c Config) inCharset(l *reading.Login, page *answer, b Browser) (trouble string) {
	if b.Script || c.Fields.JSON || isASCII(l.User()) {
		return ""
	}
	sent := page.charset
	if f := loginForm(forms(page.text), c.Fields); f != nil {
		for label := range strings.FieldsSeq(strings.ReplaceAll(f.charsets, ",", " ")) {
			if _, name := charset.Lookup(label); name != "" {
				sent = name
				break
			}
		}
	}
	if strings.HasPrefix(sent, "utf-16") {
		sent = "utf-8" // in which browsers send forms of such pages
	}
	if configured := c.Fields.Charset(); sent != "" && sent != configured {
		return fmt.Sprintf("the form at login.page %s is sent in %s, and login.charset says %s", c.Page, sent, configured)
	}
	return ""
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// tokens are the hidden fields that the fresh form fills. One with the name of the user or password field changes nothing: a Login
// keeps what was judged.
func (c Config) tokens(f *form) []control {
	return slices.DeleteFunc(f.hidden(), func(t control) bool { return c.Tokens != nil && !slices.Contains(c.Tokens, t.name) })
}

// missing names a configured token that the form lacks.
func (c Config) missing(f *form) string {
	hidden := f.hidden()
	for _, name := range c.Tokens {
		if !slices.ContainsFunc(hidden, func(t control) bool { return t.name == name }) {
			return fmt.Sprintf("login.tokens: the form at %s has no hidden field %q", c.Page, name)
		}
	}
	return ""
}

// names reports whether a field is named by the configuration.
func (c Config) names(field string) bool {
	return slices.Contains(c.Named, field) || slices.Contains(c.Tokens, field)
}

// query is the query that the login goes to: the browser's, without the fixed fields, which an application that looks into both would
// else read from there.
func (c Config) query(raw string) string {
	if len(c.Fixed) == 0 {
		return raw
	}
	return strings.Join(slices.DeleteFunc(strings.Split(raw, "&"), c.fixes), "&")
}

// fixes reports whether a pair of a query could be read as a fixed field.
func (c Config) fixes(pair string) bool {
	said, _ := reading.ParseQuery(pair) // complete also where the pair is odd
	return slices.ContainsFunc(c.Fixed, func(v reading.Value) bool { return len(said.Get(v.Name)) > 0 })
}
