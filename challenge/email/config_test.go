package email

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"testing"
	"time"

	"doorcode/challenge/secret"
)

// noSecret fails when text shows what a message or config holds.
func noSecret(t *testing.T, what, text string) {
	t.Helper()
	for _, hidden := range []string{
		testCode, testTo, "ahmad.saleh", "login code", testPassword, base64.StdEncoding.EncodeToString([]byte(testPassword)), "رمز",
	} {
		if strings.Contains(text, hidden) {
			t.Errorf("%s shows %q: %s", what, hidden, text)
		}
	}
}

func TestParseServer(t *testing.T) {
	for in, want := range map[string]Server{
		"smtp://mail.example.com":       {"mail.example.com", 587, StartTLS},
		"smtp://mail.example.com:2525":  {"mail.example.com", 2525, StartTLS},
		"smtps://mail.example.com/":     {"mail.example.com", 465, TLS},
		"smtp+plain://127.0.0.1":        {"127.0.0.1", 25, Plain},
		"smtp+plain://[::1]:1025":       {"::1", 1025, Plain},
		"SMTPS://mail.example.com:5465": {"mail.example.com", 5465, TLS},
	} {
		if got, err := ParseServer(in); err != nil || got != want {
			t.Errorf("ParseServer(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "mail.example.com", "mail.example.com:587", "http://mail.example.com", "smtp://", "smtp:mail.example.com",
		"smtp://mail.example.com/x", "smtp://mail.example.com?tls=no", "smtp://mail.example.com:0", "smtp://mail.example.com:99999",
		"smtp://door:hunter2@mail.example.com", "smtp://door:hunter2@mail example.com",
	} {
		if _, err := ParseServer(in); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ParseServer(%q): %v, want an error without the password", in, err)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for _, good := range []string{"a@b", "ahmad.saleh+erp@example.com", "o'neil@example.com", "أحمد@example.ps", "a@xn--mgb.example"} {
		if err := CheckAddress(good); err != nil {
			t.Errorf("CheckAddress(%q): %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "a", "a@", "@b", "a@b@c", "Ahmad <a@b>", "<a@b>", "a@b, c@d", "a@b\r\nBcc: c@d", "a@b\n", "a b@c", "a@b c", "a\x00@b", "a\u202e@b",
		`"a"@b`, `"x> ORCPT=rfc822;c@d <y"@b`, "a@[127.0.0.1]", "(x)a@b", "a..b@c", ".a@b", strings.Repeat("a", 250) + "@b.ps",
	} {
		if err := CheckAddress(bad); err == nil || (len(bad) > 3 && strings.Contains(err.Error(), bad)) {
			t.Errorf("CheckAddress(%q): %v, want an error that does not repeat it", bad, err)
		}
	}
}

// Neither address nor subject begins a header or a recipient of its own (CVE-2025-59937).
func TestThreat_C4_MailInjection(t *testing.T) {
	p := newPeer(t, Plain)
	s := newSender(t, configFor(t, p.addr, Plain))
	for _, to := range []string{"a@b\r\nBcc: c@d", "a@b>\r\nRCPT TO:<c@d", `"x> NOTIFY=SUCCESS <y"@b`, "a@b,c@d", ""} {
		m := testMessage()
		m.To = secret.New(to)
		var e *Error
		if err := s.Send(t.Context(), m); !errors.As(err, &e) || !e.Permanent {
			t.Errorf("to %q: %v", to, err)
		}
	}
	for _, subject := range []string{"code\r\nBcc: c@d", "code\nBcc: c@d", "code\x00", "code\u0085"} {
		m := testMessage()
		m.Subject = secret.New(subject)
		var e *Error
		if err := s.Send(t.Context(), m); !errors.As(err, &e) || !e.Permanent {
			t.Errorf("subject %q: %v", subject, err)
		}
	}
	m := testMessage()
	m.Text = secret.Text{}
	if err := s.Send(t.Context(), m); err == nil {
		t.Error("a message without a text was sent")
	}
	if n := len(p.received()); n != 0 {
		t.Errorf("%d messages arrived", n)
	}
	m = testMessage()
	m.Text = secret.New("first\r\n.\r\nMAIL FROM:<c@d>\r\nRCPT TO:<c@d>\r\nDATA\r\n\n.\nsecond")
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if all := p.received(); len(all) != 1 || !strings.Contains(all[0].body, "second") {
		t.Errorf("%d messages arrived, want the one", len(all))
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name, want string
		change     func(*Config)
	}{
		{"as it should be", "", func(*Config) {}},
		{"no server", "server: the mail server is written", func(c *Config) { c.Server = Server{} }},
		{"no sender", "from: ", func(c *Config) { c.From = mail.Address{} }},
		{"a sender with a line break", "from: ", func(c *Config) { c.From.Name = "Books\r\nBcc: c@d" }},
		{"a password alone", "user: ", func(c *Config) { c.User = "" }},
		{"a password in the clear", "server: the password would cross", func(c *Config) { c.TLS = Plain }},
		{"in the clear on this machine", "", func(c *Config) { c.TLS, c.Host = Plain, "127.0.0.2" }},
		{"in the clear without a password", "", func(c *Config) { c.TLS, c.User, c.Password = Plain, "", secret.Text{} }},
		{"HELO with a line break", "helo: ", func(c *Config) { c.HELO = "a\r\nMAIL" }},
		{"host of the Message-ID", "public_url: ", func(c *Config) { c.PublicHost = "a>" }},
		{"timeout", "timeout: ", func(c *Config) { c.Timeout = time.Hour }},
	}
	for _, test := range tests {
		c := Config{
			Server: Server{"mail.example.com", 587, StartTLS}, From: mail.Address{Address: "door@example.com"},
			User: "door", Password: secret.New(testPassword), PublicHost: "books.example.ps",
		}
		test.change(&c)
		_, err := New(c)
		if (test.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestThreat_C12_ConfigPrintsNothing(t *testing.T) {
	c := configFor(t, "127.0.0.1:25", Plain)
	c.User, c.Password = "door", secret.New(testPassword)
	type owner struct {
		Config Config
		c      Config
		p      *Config
	}
	for _, v := range []any{c, &c, newSender(t, c), owner{c, c, &c}, testMessage()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			noSecret(t, fmt.Sprintf("%s of %T", verb, v), fmt.Sprintf(verb, v))
		}
		if text, err := json.Marshal(v); err == nil {
			noSecret(t, fmt.Sprintf("JSON of %T", v), string(text))
		}
	}
}

// Whatever a server repeats is masked, its own words and codes are not.
func TestMask(t *testing.T) {
	c := configFor(t, "127.0.0.1:25", Plain)
	c.User, c.Password = "door", secret.New(testPassword)
	s := newSender(t, c)
	for in, want := range map[string]string{
		"550 5.1.1 <" + testTo + "> unknown":       "550 5.1.1 <…> unknown",
		"554 5.7.1 code 481 922 and ٤٨١٩٢٢":        "554 5.7.1 code … and …",
		"535 5.7.8 " + testPassword + " is wrong":  "535 5.7.8 … is wrong",
		"550 It is good for 10 minutes. was spam":  "550 … was spam",
		"AGRvb3IAczNjcmV0IHBhc3Mrd29yZA== refused": "… refused",
		"452 4.2.2\nfull\r":                        "452 4.2.2 full ",
	} {
		if got := s.mask(testMessage(), in); got != want {
			t.Errorf("mask(%q) = %q, want %q", in, got, want)
		}
	}
	if got := s.mask(testMessage(), strings.Repeat("é", 1000)); len(got) > maxReason+3 {
		t.Errorf("%d bytes", len(got))
	}
}
