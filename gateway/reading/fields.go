package reading

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// LoginFields names the fields of a login: User is one field ("username") or several with text between
// ("{{company}}/{{user}}"), Password is one. ParseLoginFields makes them.
type LoginFields struct {
	User, Password string
	JSON           bool   // the login is a JSON object; InJSON makes such fields
	charset        string // of the form, as htmlindex calls it; "" is UTF-8. InCharset sets it
	named, first   string // of the page before: the name, and the fields that it had there, as User; "" for none. After sets them
}

// ParseLoginFields checks that the names can be told apart in a request: no field in two roles, none that holds another
// ("login" and "login[password]"), and text between two placeholders, or nobody could say where one value ends.
func ParseLoginFields(user, password string) (LoginFields, error) {
	users, between, err := splitTemplate(user)
	if err != nil {
		return LoginFields{}, fmt.Errorf("user %q: %w", user, err)
	}
	if slices.Contains(between[1:len(between)-1], "") {
		return LoginFields{}, fmt.Errorf(`user %q: two fields need text between them, as in "{{company}}/{{user}}"`, user)
	}
	names := append(slices.Clone(users), password)
	for i, name := range names {
		if strings.Trim(name, " ") == "" || !printable(name) || keys(name)[0] == "" {
			return LoginFields{}, fmt.Errorf("%q is no name of a field", name)
		}
		for _, other := range names[:i] {
			if touches(name, other) {
				return LoginFields{}, fmt.Errorf("fields %q and %q are one to the application", other, name)
			}
		}
	}
	return LoginFields{User: user, Password: password}, nil
}

// Names returns the fields that make the user name, in order, and the password field.
func (f LoginFields) Names() (users []string, password string) {
	users, _, _ = splitTemplate(f.User)
	return users, f.Password
}

// compose makes the user name of the fields' values. The text between two fields must not begin in the value before it, or
// the name would be that of another user too: company "a/b" with user "c" is company "a" with user "b/c" (ErrAmbiguous).
// What the policy's folding could make of the text (case, full width) counts as the text.
func (f LoginFields) compose(values []string) (string, error) {
	_, between, _ := splitTemplate(f.User)
	if len(values)+1 != len(between) {
		return "", fmt.Errorf("user %q: %w", f.User, ErrUnreadable)
	}
	var b strings.Builder
	for i, v := range values {
		text := between[i+1]
		if i+1 < len(values) && beginsEarly(v, text) {
			return "", fmt.Errorf("user field %d holds %q, which ends it: %w", i+1, text, ErrAmbiguous)
		}
		b.WriteString(between[i])
		b.WriteString(v)
	}
	b.WriteString(between[len(values)])
	return b.String(), nil
}

// beginsEarly reports whether text is found in v+text before its own place.
func beginsEarly(v, text string) bool {
	folded, text := foldCase(norm.NFKC.String(v+text)), foldCase(norm.NFKC.String(text))
	return strings.Index(folded, text) != len(folded)-len(text)
}

// splitTemplate returns the placeholders and the texts around them, one more. A text without placeholders is itself one field.
func splitTemplate(s string) (names, between []string, err error) {
	if !strings.Contains(s, "{{") && !strings.Contains(s, "}}") {
		return []string{s}, []string{"", ""}, nil
	}
	rest := s
	for {
		text, after, found := strings.Cut(rest, "{{")
		if strings.Contains(text, "}}") {
			return nil, nil, errors.New("a }} without {{")
		}
		between = append(between, text)
		if !found {
			return names, between, nil
		}
		name, behind, closed := strings.Cut(after, "}}")
		if !closed || strings.Contains(name, "{{") {
			return nil, nil, errors.New("a {{ without }}")
		}
		names = append(names, strings.Trim(name, " "))
		rest = behind
	}
}
