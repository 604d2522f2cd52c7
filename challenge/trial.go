package challenge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"doorcode/challenge/secret"
	"doorcode/templates"
)

// Trial is a message for finding out whether codes arrive: worded as at a login, marked as a test, with a code of zeros that no challenge
// knows. It leaves no trace in the store and is charged to no limit.
type Trial struct {
	Name     string        // of the application
	Host     string        // of the first public_url
	Digits   int           // of a code
	Life     time.Duration // of a code
	Language string
	Zone     *time.Location // whose time it says; nil: the machine's
}

// Message words the trial for u by c. An error says what u lacks.
func (t Trial) Message(texts *templates.Set, u User, c Channel, now time.Time) (Message, error) {
	m := Message{To: u.destination(c), Language: t.Language, ID: newSendID()}
	if m.To.Empty() {
		return Message{}, fmt.Errorf("%s has no %s", u.Name, map[Channel]string{SMS: "mobile", Email: "e-mail address"}[c])
	}
	code := secret.New(strings.Repeat("0", digits(t.Digits)))
	text, err := texts.Message(t.Language, templates.MessageData{
		AppName: t.Name, Code: code.Reveal(), Host: boundHost(t.Host), Minutes: minutes(t.Life), When: whenText(now, orLocal(t.Zone)), User: u.Name, Test: true,
	})
	if err != nil {
		return Message{}, fmt.Errorf("word the message in %q: %w", t.Language, err)
	}
	if c == SMS {
		m.Text = secret.New(chooseSMS(text.SMS, code))
	} else {
		m.Subject, m.Text, m.HTML = secret.New(text.Subject), secret.New(text.Text), secret.New(text.HTML)
	}
	return m, nil
}

// User returns the user that is listed under a name or alias, compared as forgivingly as at a login.
func (p *Policy) User(name string) (User, bool) {
	u, err := p.config.Fold.Username(name)
	if err != nil {
		return User{}, false
	}
	l, ok := p.listed[u]
	if !ok {
		return User{}, false
	}
	return l.user, true
}

// Reachable lists the channels by which a message to u could go, whatever the policy says of codes.
func (u User) Reachable() []Channel {
	return slices.DeleteFunc([]Channel{SMS, Email}, func(c Channel) bool { return u.destination(c).Empty() })
}

// Destination is where u's messages of a channel go; empty where the policy has nothing.
func (u User) Destination(c Channel) secret.Text { return u.destination(c) }

// Masked shows of a destination what its owner recognises and nobody else can complete: 059•••••56, a•••@example.com.
func Masked(c Channel, to secret.Text) string { return mask(c, to) }
