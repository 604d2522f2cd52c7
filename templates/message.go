package templates

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// MessageData is what a message that carries a code is made of. Every field is data: line breaks and other control characters
// are taken out, and nothing in it is read as markup or as a placeholder (threat C4).
type MessageData struct {
	AppName string // what the application is called; "" is Host
	Code    string // the code in plain digits: keep MessageData out of logs and errors
	Host    string // the first public_url's host, for the origin-bound last line; "" for none
	Minutes int    // how long the code is good for
	Address string // where the login came from
	Agent   string // the browser, as a person would say it or as its User-Agent
	When    string // the time of the login
	User    string // the user's name
	Test    bool   // nobody is signing in: the message says that it is a test
}

// String keeps the code out of logs.
func (d MessageData) String() string { return "[message data]" }

// GoString as String, for %#v.
func (d MessageData) GoString() string { return d.String() }

// Message is a message in all its forms. Every part of one that carries a code is secret.
type Message struct {
	SMS     []string // complete texts, the best first: the first that takes one segment is the one to send
	Subject string
	Text    string
	HTML    string
}

// String keeps the code out of logs.
func (m Message) String() string { return "[message]" }

// GoString as String, for %#v.
func (m Message) GoString() string { return m.String() }

// Message words the message that carries a code. Errors never hold the code.
func (s *Set) Message(lang string, d MessageData) (Message, error) {
	if d.Code == "" {
		return Message{}, errors.New("message without a code")
	}
	w := s.in(lang)
	d = d.cleaned()
	var m Message
	var err error
	if m.SMS, err = w.sms(d); err != nil {
		return Message{}, err
	}
	if m.Subject, err = w.Plain("mail.subject", "app", d.AppName); err != nil {
		return Message{}, err
	}
	if d.Test {
		if err := m.mark(w); err != nil {
			return Message{}, err
		}
	}
	v := mailView{page: s.page(lang, d.AppName, "", nil), D: d, Valid: d.valid()}
	v.Title = m.Subject
	if m.Text, err = v.text(); err != nil {
		return Message{}, err
	}
	var html strings.Builder
	if err := s.render(&html, "mail.html", v); err != nil {
		return Message{}, err
	}
	m.HTML = html.String()
	return m, nil
}

// mark puts before SMS and subject that they are a test.
func (m *Message) mark(w *words) error {
	mark, err := w.Plain("test.mark")
	for i, text := range m.SMS {
		m.SMS[i] = mark + " " + text
	}
	m.Subject = mark + " " + m.Subject
	return err
}

// longestAgent is how many characters of a User-Agent a message shows: it is a hint, and anybody can write it.
const longestAgent = 120

func (d MessageData) cleaned() MessageData {
	for _, field := range []*string{&d.AppName, &d.Code, &d.Host, &d.Address, &d.Agent, &d.When, &d.User} {
		*field = oneLine(*field)
	}
	if d.AppName == "" {
		d.AppName = d.Host
	}
	if r := []rune(d.Agent); len(r) > longestAgent {
		d.Agent = string(r[:longestAgent]) + "…"
	}
	return d
}

func (d MessageData) valid() time.Duration { return time.Duration(d.Minutes) * time.Minute }

// sms lists the texts of an SMS, the best first: those with the origin-bound last line from long to short, then those without it.
// The bound line is more use than any sentence: phones offer the code only on the right site.
func (w *words) sms(d MessageData) ([]string, error) {
	var plain, bound []string
	line := boundLine(d.Host, d.Code)
	for n := 1; n <= 4; n++ {
		key := fmt.Sprintf("sms.%d", n)
		text, err := w.Plain(key, "code", d.Code, "app", d.AppName, "time", d.valid())
		if err != nil {
			return nil, err
		}
		plain = append(plain, text)
		if line != "" {
			bound = append(bound, text+"\n"+line)
		}
	}
	return append(bound, plain...), nil
}

// boundLine is the last line of an origin-bound message: "@host #code", with nothing before the "@" and nothing after the code
// (standards.md §3.5). "" for a host that cannot stand in it: then the message is a plain one.
func boundLine(host, code string) string {
	host, _, _ = strings.Cut(host, ":") // the format knows no port
	if host == "" || strings.Trim(host, hostBytes) != "" || strings.Trim(code, "0123456789") != "" {
		return ""
	}
	return "@" + host + " #" + code
}

const hostBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
