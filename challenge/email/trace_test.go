package email

import (
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"doorcode/challenge/secret"
)

// A transcript says every step, and neither password, code, text nor the user's address, though the server repeats them (C12).
func TestThreat_C12_Transcript(t *testing.T) {
	p := newPeer(t, StartTLS)
	p.user = "door"
	c := configFor(t, p.addr, StartTLS)
	c.RootCAs, c.User, c.Password = p.pool, "door", secret.New(testPassword)
	var lines []string
	say := func(line string) { lines = append(lines, line) }
	if err := newSender(t, c).Trace(t.Context(), testMessage(), say); err != nil {
		t.Fatal(err)
	}
	if len(p.received()) != 1 {
		t.Fatalf("%d messages arrived", len(p.received()))
	}
	all := strings.Join(lines, "\n")
	for _, want := range []string{"> EHLO ", "> STARTTLS", "= TLS 1.3, certificate for 127.0.0.1", "> MAIL FROM:<…>", "> RCPT TO:<…>", "> DATA", "< 354 ", "< 250 2.0.0 OK"} {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no line begins with %q:\n%s", want, all)
		}
	}
	noSecret(t, "transcript", all)

	lines = nil
	p.data = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam: " + testText + " for " + testTo}
	err := newSender(t, c).Trace(t.Context(), testMessage(), say)
	if err == nil || len(lines) == 0 {
		t.Fatalf("Trace: %v after %d lines", err, len(lines))
	}
	noSecret(t, "transcript", strings.Join(lines, "\n")+err.Error())
}
