package challenge

import (
	"testing"

	"doorcode/challenge/secret"
)

func TestMask(t *testing.T) {
	for _, c := range []struct {
		channel  Channel
		to, want string
	}{
		{SMS, "+970599123456", "059•••••56"},
		{SMS, "+972599123456", "059•••••56"},
		{SMS, "+12015550123", "201•••••23"},
		{SMS, "+4930123456", "030••••56"},
		{SMS, "12345", "•••"},
		{SMS, "1234567", "•••••67"},
		{SMS, "", "•••"},
		{Email, "ahmad@example.com", "a•••@example.com"},
		{Email, "a@example.com", "•••@example.com"},
		{Email, "أحمد@example.com", "أ•••@example.com"},
		{Email, `"a@b"@example.com`, `"•••@example.com`},
		{Email, "ahmad", "•••"},
		{Email, "", "•••"},
	} {
		if got := mask(c.channel, secret.New(c.to)); got != c.want {
			t.Errorf("mask(%s, %q) = %q, want %q", c.channel, c.to, got, c.want)
		}
	}
}

func TestScrub(t *testing.T) {
	const to = "ahmad@example.com"
	for _, c := range []struct{ text, want string }{
		{"550 5.1.1 <ahmad@example.com>: no such user", "550 5.1.1 <[redacted]>: no such user"},
		{"bad number 00970599123456", "bad number [redacted]"},
		{"body was: رمز 012345 @erp", "body was: رمز [redacted] @erp"},
		{"dial tcp 192.0.2.1:2525: timeout", "dial tcp 192.0.2.1:2525: timeout"},
		{"", ""},
	} {
		if got := scrub(c.text, to); got != c.want {
			t.Errorf("scrub(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}
