package challenge

import (
	"strings"
	"testing"
	"time"

	"doorcode/challenge/secret"
	"doorcode/templates"
)

// A trial goes where a code would go, in its words, and opens nothing.
func TestTrial(t *testing.T) {
	texts, err := templates.New("")
	if err != nil {
		t.Fatal(err)
	}
	u := User{Name: "ahmad", Code: CodeSMS, Mobile: secret.New("+970599123456")}
	trial := Trial{Name: "HESABATE", Host: "erp.example.ps:8443", Digits: 8, Life: 10 * time.Minute, Language: "en"}
	m, err := trial.Message(texts, u, SMS, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	text := m.Text.Reveal()
	if n, gsm := Segments(text); n != 1 || !gsm || !strings.HasPrefix(text, "Test: 00000000 is your login code") || !strings.HasSuffix(text, "\n@erp.example.ps #00000000") {
		t.Errorf("%d segments, GSM %v: %q", n, gsm, text)
	}
	if m.To != u.Mobile || m.ID == "" || m.Language != "en" {
		t.Errorf("%+v", m)
	}
	if _, err := trial.Message(texts, u, Email, time.Now()); err == nil || err.Error() != "ahmad has no e-mail address" {
		t.Errorf("by e-mail: %v", err)
	}
	u.Email = secret.New("ahmad@example.ps")
	if got := u.Reachable(); len(got) != 2 {
		t.Errorf("reachable by %v", got)
	}
	if m, err = trial.Message(texts, u, Email, time.Now()); err != nil || m.HTML.Empty() || !strings.HasPrefix(m.Subject.Reveal(), "Test: ") {
		t.Errorf("by e-mail: %v, subject %q", err, m.Subject.Reveal())
	}
}
