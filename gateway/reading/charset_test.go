package reading

import (
	"errors"
	"strings"
	"testing"
)

func TestInCharset(t *testing.T) {
	f := LoginFields{User: "user", Password: "password"}
	for name, want := range map[string]string{"utf-8": "utf-8", "UTF8": "utf-8", "windows-1256": "windows-1256", "Windows-1256": "windows-1256", "iso-8859-6": "iso-8859-6"} {
		in, err := f.InCharset(name)
		got := "utf-8"
		if in.charset != "" {
			got = in.charset
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "utf-16", "shift_jis", "gbk", "windows-1299", "ibm037", "utf-7", "x"} {
		if in, err := f.InCharset(name); err == nil || in != (LoginFields{}) {
			t.Errorf("%q was taken", name)
		}
	}
	if _, err := (LoginFields{User: "اسم", Password: "p"}).InCharset("windows-1256"); err == nil {
		t.Error("a field of an Arabic name was taken")
	}
}

// B3: a form in windows-1256 is judged by the name that its bytes spell there, and goes up byte for byte.
func TestLoginInCharset(t *testing.T) {
	utf8 := LoginFields{User: "user", Password: "password"}
	arabic, err := utf8.InCharset("windows-1256")
	if err != nil {
		t.Fatal(err)
	}
	greek, err := utf8.InCharset("iso-8859-7")
	if err != nil {
		t.Fatal(err)
	}
	const ahmad = "%C3%CD%E3%CF" // أحمد
	for _, c := range []struct {
		name      string
		fields    LoginFields
		kind      string
		body      string
		user      string
		wantError error
	}{
		{"arabic", arabic, typeURLEncoded, "user=" + ahmad + "&password=%E3", "أحمد", nil},
		{"ascii", arabic, typeURLEncoded, "user=ahmad&password=%E3", "ahmad", nil},
		{"said in the header", arabic, typeURLEncoded + "; charset=Windows-1256", "user=" + ahmad + "&password=p", "أحمد", nil},
		{"said in the form", arabic, typeURLEncoded, "user=" + ahmad + "&password=p&_charset_=windows-1256", "أحمد", nil},
		{"multipart", arabic, typeFormData + "; boundary=B", parts(dispose+"\"user\"\r\n\r\n\xc3\xcd\xe3\xcf", dispose+"\"password\"\r\n\r\np"), "أحمد", nil},
		{"utf-8", utf8, typeURLEncoded, "user=%D8%A3%D8%AD%D9%85%D8%AF&password=%E3", "أحمد", nil},

		{"another in the header", arabic, typeURLEncoded + "; charset=utf-8", "user=" + ahmad + "&password=p", "", ErrUnreadable},
		{"another in the form", arabic, typeURLEncoded, "user=" + ahmad + "&password=p&_charset_=utf-8", "", ErrUnreadable},
		{"another in the form, spelled oddly", arabic, typeURLEncoded, "user=" + ahmad + "&password=p&_charset_[]=utf-8", "", ErrUnreadable},
		{"two", arabic, typeURLEncoded + "; charset=windows-1256", "user=" + ahmad + "&password=p&_charset_=utf-8", "", ErrUnreadable},
		{"two in the form", arabic, typeURLEncoded, "user=" + ahmad + "&password=p&_charset_=windows-1256&_charset_=utf-8", "", ErrUnreadable},
		{"not configured", utf8, typeURLEncoded, "user=" + ahmad + "&password=p", "", ErrUnreadable},
		{"said, not configured", utf8, typeURLEncoded + "; charset=windows-1256", "user=" + ahmad + "&password=p", "", ErrUnreadable},
		{"no letter of it", greek, typeURLEncoded, "user=%FF&password=p", "", ErrUnreadable},
	} {
		l, err := ReadLogin(typed(c.kind), "", strings.NewReader(c.body), 1<<16, c.fields)
		if !errors.Is(err, c.wantError) || c.wantError == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.wantError)
			continue
		}
		if err != nil {
			continue
		}
		if l.User() != c.user {
			t.Errorf("%s: %q, want %q", c.name, l.User(), c.user)
		}
		checkRebuilt(t, l)
		if _, sent := l.Encode(); c.kind == typeURLEncoded && string(sent) != c.body {
			t.Errorf("%s: %q went up, want %q", c.name, sent, c.body)
		}
	}
}
