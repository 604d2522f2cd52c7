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
	name, found, err := l.nameIn(fields)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, fmt.Errorf("the first page of a login lacks the fields of its name: %w", ErrUnreadable)
	case name == "" || len(name) > maxName:
		return nil, fmt.Errorf("user name of %d bytes: %w", len(name), ErrUnreadable)
	}
	if slices.ContainsFunc(l.list, func(f field) bool { return touches(f.name, fields.Password) }) {
		// An application that takes both at once would be signed in here.
		return nil, fmt.Errorf("password on the first page of a login: %w", ErrAmbiguous)
	}
	l.user = name
	return l, nil
}

// nameIn reads the user's name; found says whether any of its fields is there.
func (l *Login) nameIn(fields LoginFields) (name string, found bool, err error) {
	users, _ := fields.Names()
	var values []string
	for _, user := range users {
		value, has, err := l.single(user)
		if err != nil {
			return "", false, err
		}
		if has {
			values = append(values, value)
		}
	}
	switch len(values) {
	case 0:
		return "", false, nil
	case len(users):
		name, err = l.userName(fields, values)
		return name, true, err
	}
	return "", false, fmt.Errorf("login has only some of the fields of its name: %w", ErrUnreadable)
}

// After are the fields of the page with the password, when the one before, whose fields are first, has asked for the name: its form may
// lack the name, and may have no other, neither in its own fields nor in those of the first page.
func (f LoginFields) After(name string, first LoginFields) LoginFields {
	f.named, f.first = name, first.User
	return f
}

// judgeSecond judges the page with the password.
func (l *Login) judgeSecond() error {
	password, found, err := l.single(l.fields.Password)
	if err != nil {
		return err
	}
	first := l.fields
	if first.first != "" {
		first.User = first.first
	}
	for _, fields := range []LoginFields{l.fields, first} {
		switch name, has, err := l.nameIn(fields); {
		case err != nil:
			return err
		case has && !found:
			return fmt.Errorf("login has only some of its fields: %w", ErrUnreadable)
		case has && name != l.fields.named:
			return fmt.Errorf("login has another name than its first page: %w", ErrAmbiguous)
		}
	}
	if !found {
		return ErrNotLogin
	}
	l.user, l.password = l.fields.named, secret.New(password)
	return nil
}
