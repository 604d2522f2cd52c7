package reading

import (
	"fmt"
	"io"
	"net/http"
	"slices"

	"doorcode/challenge/secret"
)

// maxName bounds a name that the gateway keeps from one page to the next.
const maxName = 256

// ReadName reads the first page of a two-page login: the fields of the user's name, and no password. It refuses what ReadLogin
// refuses, and an empty name.
func ReadName(header http.Header, rawQuery string, body io.Reader, limit int64, fields LoginFields) (*Login, error) {
	l, err := readLogin(header, rawQuery, body, limit, fields)
	if err != nil {
		return nil, err
	}
	users, password := fields.Names()
	values := make([]string, 0, len(users))
	for _, name := range users {
		value, found, err := l.single(name)
		switch {
		case err != nil:
			return nil, err
		case !found || !printable(value):
			return nil, fmt.Errorf("the first page of a login lacks its field %s, or that holds control characters: %w", name, ErrUnreadable)
		}
		values = append(values, value)
	}
	if slices.ContainsFunc(l.list, func(f field) bool { return touches(f.name, password) }) {
		// An application that takes both at once would be signed in here.
		return nil, fmt.Errorf("password on the first page of a login: %w", ErrAmbiguous)
	}
	if l.user, err = fields.compose(values); err == nil && (l.user == "" || len(l.user) > maxName) {
		err = fmt.Errorf("user name of %d bytes: %w", len(l.user), ErrUnreadable)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// After are the fields of the page with the password, when the one before has asked for the name: its form may lack the name, and may
// have no other.
func (f LoginFields) After(name string) LoginFields {
	f.named = name
	return f
}

// judgeSecond judges the page with the password; values are those of the user fields and the password, as far as they are there.
func (l *Login) judgeSecond(values []string, password bool) error {
	users, _ := l.fields.Names()
	switch {
	case len(values) == 1 && password:
	case len(values) != len(users)+1:
		return fmt.Errorf("login has only some of its fields: %w", ErrUnreadable)
	default:
		if user, err := l.fields.compose(values[:len(users)]); err != nil {
			return err
		} else if user != l.fields.named {
			return fmt.Errorf("login has another name than its first page: %w", ErrAmbiguous)
		}
	}
	l.user, l.password = l.fields.named, secret.New(values[len(values)-1])
	return nil
}
