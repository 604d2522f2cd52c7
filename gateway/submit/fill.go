package submit

import (
	"fmt"
	"slices"
	"strings"

	"doorcode/gateway/reading"
)

// fill makes the login one of this session: the hidden fields of the form that was fetched in it take the place of those that the
// browser got in another, and the fixed fields are set. The note says what is amiss with the form, for ops; "" for nothing.
func (c Config) fill(l *reading.Login, page *answer) (note string) {
	f := loginForm(forms(page.text), c.Fields)
	switch {
	case f == nil:
		_, password := c.Fields.Names()
		note = fmt.Sprintf("login.page %s has no form with a field %q", c.Page, password)
	default:
		for _, token := range c.tokens(f) {
			value := page.write(token.value)
			if sent, ok := l.Value(token.name); !ok || sent != value {
				l.Set(token.name, value)
			}
		}
		note = c.missing(f)
	}
	for _, fixed := range c.Fixed {
		l.Set(fixed.Name, fixed.Value) // in place of every spelling of the name
	}
	return note
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
