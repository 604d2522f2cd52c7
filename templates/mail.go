package templates

import (
	"strings"
	"time"
)

// mailView is what mail.html is given.
type mailView struct {
	page
	D     MessageData
	Valid time.Duration
}

// detail is one line about the login that asked for the code.
type detail struct {
	Label string
	Value string
}

// Details are the lines about the login that are known: with them a user can tell somebody else's login.
func (v mailView) Details() ([]detail, error) {
	return v.details(v.D.User, v.D.When, v.D.Address, v.D.Agent)
}

// details labels what is known; "" is not.
func (w *words) details(user, when, address, agent string) ([]detail, error) {
	var details []detail
	for _, d := range []detail{{"mail.user", user}, {"mail.when", when}, {"mail.address", address}, {"mail.agent", agent}} {
		label, err := w.Plain(d.Label)
		if err != nil {
			return nil, err
		}
		if d.Value != "" {
			details = append(details, detail{label, d.Value})
		}
	}
	return details, nil
}

// text is the e-mail for readers without HTML: the same words, the code on a line of its own.
func (v mailView) text() (string, error) {
	var lines []string
	var err error
	say := func(key string, pairs ...any) {
		line, e := v.Plain(key, pairs...)
		if e != nil && err == nil {
			err = e
		}
		lines = append(lines, line)
	}
	if v.D.Test {
		say("test.mail")
		lines = append(lines, "")
	}
	say("mail.code", "app", v.D.AppName)
	lines = append(lines, "", v.D.Code, "")
	say("mail.valid", "time", v.Valid)
	if v.D.Host != "" {
		say("mail.only", "host", v.D.Host)
	}
	lines = append(lines, "")
	say("mail.details")
	details, e := v.Details()
	if e != nil {
		return "", e
	}
	for _, d := range details {
		lines = append(lines, d.Label+": "+d.Value)
	}
	lines = append(lines, "")
	say("mail.not_you")
	return strings.Join(lines, "\n") + "\n", err
}
