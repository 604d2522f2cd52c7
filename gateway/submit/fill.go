package submit

import (
	"fmt"
	"net/url"
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
		for _, name := range l.Names() {
			if spells(name, fixed.Name) { // PHP lets the last spelling of a name win
				l.Drop(name)
			}
		}
		l.Set(fixed.Name, fixed.Value)
	}
	return note
}

// tokens are the hidden fields that the fresh form fills. The user and password fields are none, however the form writes them.
func (c Config) tokens(f *form) []control {
	users, password := c.Fields.Names()
	return slices.DeleteFunc(f.hidden(), func(t control) bool {
		typed := slices.ContainsFunc(append(users[:len(users):len(users)], password), func(name string) bool { return spells(t.name, name) })
		return typed || c.Tokens != nil && !slices.Contains(c.Tokens, t.name)
	})
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

// query is the query that the login goes to: the browser's, without the fixed fields, which an application that looks into both would
// else read from there.
func (c Config) query(raw string) string {
	pairs := strings.Split(raw, "&")
	kept := slices.DeleteFunc(slices.Clone(pairs), func(pair string) bool {
		escaped, _, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(escaped)
		return err == nil && slices.ContainsFunc(c.Fixed, func(v reading.Value) bool { return spells(name, v.Name) })
	})
	if len(kept) == len(pairs) {
		return raw
	}
	return strings.Join(kept, "&")
}

// spells reports whether PHP, or an application that ignores case, could read the field called sent as the field called name:
// leading spaces, a NUL and what follows it, "." and " " for "_", and a bracket that makes an array of it.
func spells(sent, name string) bool {
	fold := func(s string) string {
		s, _, _ = strings.Cut(strings.TrimLeft(s, " "), "\x00")
		base, inside, _ := strings.Cut(s, "[")
		base = strings.NewReplacer(".", "_", " ", "_").Replace(base)
		if strings.Contains(name, "[") && inside != "" {
			base += "[" + inside
		}
		return strings.ToLower(base)
	}
	return fold(sent) == fold(name)
}
