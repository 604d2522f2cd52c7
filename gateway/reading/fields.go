package reading

import (
	"fmt"
	"slices"
	"strings"
)

// LoginFields names the fields of a login: User is one field ("username") or several with text between
// ("{{company}}/{{user}}"), Password is one. ParseLoginFields makes them.
type LoginFields struct{ User, Password string }

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

// compose makes the user name of the fields' values. A value that holds a text which the template has between fields is ErrAmbiguous:
// company "a/b" with user "c" would be company "a" with user "b/c", another user with another policy.
func (f LoginFields) compose(values []string) (string, error) {
	_, between, _ := splitTemplate(f.User)
	if len(values)+1 != len(between) {
		return "", ErrUnreadable
	}
	var b strings.Builder
	for i, v := range values {
		for _, text := range between[1 : len(between)-1] {
			if strings.Contains(v, text) {
				return "", fmt.Errorf("user field %d holds %q, which stands between the fields: %w", i+1, text, ErrAmbiguous)
			}
		}
		b.WriteString(between[i])
		b.WriteString(v)
	}
	b.WriteString(between[len(between)-1])
	return b.String(), nil
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
			return nil, nil, fmt.Errorf("a }} without {{")
		}
		between = append(between, text)
		if !found {
			return names, between, nil
		}
		name, behind, closed := strings.Cut(after, "}}")
		if !closed || strings.Contains(name, "{{") {
			return nil, nil, fmt.Errorf("a {{ without }}")
		}
		names = append(names, strings.Trim(name, " "))
		rest = behind
	}
}
