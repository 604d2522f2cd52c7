package config

import (
	"net/mail"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/email"
	"doorcode/challenge/secret"
)

// delivery reads how codes travel.
func (r *reader) delivery(top *section, s *Settings) {
	s.Country = get(top, "country", "", countryCode)
	s.Outbox = top.file("outbox", "")
	s.Email = r.email(top.sub("email"), s)
	s.SMS = r.smsProviders(top, s)
	if s.Outbox != "" {
		top.warn("outbox", "messages are written into a folder and not sent", "this is for trying out: whoever reads the folder reads every code")
	}
}

func (r *reader) email(in *section, s *Settings) *email.Config {
	before := len(r.found)
	c := &email.Config{
		Server:   get(in, "server", email.Server{}, mailServer),
		User:     in.text("user", ""),
		Password: in.secret("password"),
		From:     get(in, "from", mail.Address{}, fromAddress),
		HELO:     in.text("helo", ""),
		Timeout:  in.span("timeout", email.DefaultTimeout, time.Second, email.MaxTimeout),
		RootCAs:  in.roots("ca_file"),
	}
	if c.Timeout > challenge.SendLimit {
		in.warn("timeout", "a code is given up after "+SaySpan(challenge.SendLimit)+", whatever stands here", "write "+SaySpan(challenge.SendLimit)+" or less: a test message would arrive where codes do not")
	}
	if len(s.Gateway.PublicURLs) > 0 {
		c.PublicHost = s.Gateway.PublicURLs[0].Hostname()
	}
	if !in.done() {
		return nil
	}
	if !in.has("server") {
		in.problem("server", "email.server is missing", "write the mail server, such as smtp://mail.example.com:587")
	}
	if !in.has("from") {
		in.problem("from", "email.from is missing", "write who messages come from, such as \"Books <door@example.com>\"")
	}
	if r.found[before:].Err() == nil {
		for _, p := range c.Check() {
			in.problem(p.Field, p.Error(), "")
		}
	}
	return c
}

func mailServer(t string) (email.Server, *fault) {
	server, err := email.ParseServer(t)
	if err != nil {
		return server, &fault{"cannot be used", err.Error()}
	}
	return server, nil
}

// fromAddress reads an address with or without a name before it.
func fromAddress(t string) (mail.Address, *fault) {
	a, err := mail.ParseAddress(t)
	if err != nil || email.CheckAddress(a.Address) != nil {
		return mail.Address{}, &fault{"is no address that mail can come from", "write it as in \"Books <door@example.com>\""}
	}
	return *a, nil
}

// emailAddress reads the bare address of a user. Faults do not repeat it.
func emailAddress(t string) (secret.Text, *fault) {
	if email.CheckAddress(t) != nil {
		return secret.Text{}, &fault{"is no e-mail address", "write the address alone, such as ahmad@example.com"}
	}
	return secret.New(t), nil
}
