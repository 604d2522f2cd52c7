package reading

import (
	"errors"
	"strings"
	"testing"
)

func TestReadName(t *testing.T) {
	one := LoginFields{User: "user", Password: "password"}
	two := LoginFields{User: "{{company}}/{{user}}", Password: "password"}
	arabic := LoginFields{User: "user", Password: "password", charset: "windows-1256"}
	for _, c := range []struct {
		query, body string
		fields      LoginFields
		name        string
		want        error
	}{
		{"", "user=rana&token=x", one, "rana", nil},
		{"lang=ar", "user=rana", one, "rana", nil},
		{"", "company=acme&user=rana", two, "acme/rana", nil},
		{"", "user=rana&user=alice", one, "", ErrAmbiguous},
		{"", "user=rana&user[]=alice", one, "", ErrAmbiguous},
		{"", "user=rana&+user=alice", one, "", ErrAmbiguous},
		{"", "USER=rana", one, "", ErrAmbiguous},
		{"user=alice", "user=rana", one, "", ErrAmbiguous},
		{"", "user=rana&password=x", one, "", ErrAmbiguous},
		{"", "user=rana&password[]=x", one, "", ErrAmbiguous},
		{"", "user=", one, "", ErrUnreadable},
		{"", "name=rana", one, "", ErrUnreadable},
		{"", "user=rana", two, "", ErrUnreadable},
		{"", "user=ra%00na", one, "", ErrUnreadable},
		{"", "user=ra%0Ana", one, "", ErrUnreadable},
		{"", "user=%C3%CD%E3%CF", one, "", ErrUnreadable}, // no UTF-8
		{"", "user=%C3%CD%E3%CF", arabic, "أحمد", nil},    // as the form was written
		{"", "user=" + strings.Repeat("x", maxName+1), one, "", ErrUnreadable},
	} {
		l, err := ReadName(typed(typeURLEncoded), c.query, strings.NewReader(c.body), 1<<16, c.fields)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || (l != nil) != (err == nil) {
			t.Errorf("ReadName(%q, %.60q): %v, want %v", c.query, c.body, err, c.want)
			continue
		}
		if l == nil {
			continue
		}
		if _, body := l.Encode(); l.User() != c.name || string(body) != strings.ReplaceAll(c.body, "/", "%2F") {
			t.Errorf("ReadName(%q): %q, sent on as %q", c.body, l.User(), body)
		}
	}
}

func TestLoginAfterItsFirstPage(t *testing.T) {
	one := LoginFields{User: "user", Password: "password"}
	one = one.After("rana", one)
	two := LoginFields{User: "{{company}}/{{user}}", Password: "password"}
	two = two.After("acme/rana", two)
	other := LoginFields{User: "login", Password: "password"}.After("rana", LoginFields{User: "user", Password: "password"})
	arabic := LoginFields{User: "user", Password: "password", charset: "windows-1256"}
	arabic = arabic.After("أحمد", arabic)
	for _, c := range []struct {
		query, body string
		fields      LoginFields
		want        error
	}{
		{"", "password=secret", one, nil},
		{"", "token=x&user=rana&password=secret", one, nil},
		{"", "password=secret", two, nil},
		{"", "company=acme&user=rana&password=secret", two, nil},
		{"", "user=alice&password=secret", one, ErrAmbiguous},
		{"", "user=Rana&password=secret", one, ErrAmbiguous},
		{"", "user=&password=secret", one, ErrAmbiguous},
		{"", "user[]=rana&password=secret", one, ErrAmbiguous},
		{"", "user=rana&user=rana&password=secret", one, ErrAmbiguous},
		{"user=rana", "password=secret", one, ErrAmbiguous},
		{"", "password=secret&password=other", one, ErrAmbiguous},
		{"", "user=rana&password=secret", two, ErrUnreadable},
		{"", "company=other&user=rana&password=secret", two, ErrAmbiguous},
		{"", "user=rana", one, ErrUnreadable},
		{"", "token=x", one, ErrNotLogin},
		{"", "password=secret", other, nil},
		{"", "login=rana&user=rana&password=secret", other, nil},
		{"", "login=rana&user=alice&password=secret", other, ErrAmbiguous},
		{"", "user[]=alice&password=secret", other, ErrAmbiguous},
		{"user=alice", "login=rana&password=secret", other, ErrAmbiguous},
		{"", "user=%C3%CD%E3%CF&password=secret", arabic, nil}, // as windows-1256 writes it
		{"", "user=%C3%CD%E3&password=secret", arabic, ErrAmbiguous},
	} {
		l, err := ReadLogin(typed(typeURLEncoded), c.query, strings.NewReader(c.body), 1<<16, c.fields)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("ReadLogin(%q, %q): %v, want %v", c.query, c.body, err, c.want)
			continue
		}
		if err != nil {
			continue
		}
		if l.User() != c.fields.named || l.Password().Reveal() != "secret" {
			t.Errorf("ReadLogin(%q): %q with a password of %d bytes", c.body, l.User(), len(l.Password().Reveal()))
		}
	}
}
