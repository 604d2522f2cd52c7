package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/gateway/submit"
)

// This file reads what is particular to logins that a script sends, in JSON, or in another charset than UTF-8.

// loginFields reads user and password, and in what they come.
func (s *section) loginFields() reading.LoginFields {
	f := s.fields()
	inJSON := s.choice("type", "form", "form", "json") == "json"
	charset := s.text("charset", "utf-8")
	if f == (reading.LoginFields{}) {
		return f // said already
	}
	in, err := f.InCharset(charset)
	switch {
	case err != nil:
		s.problem("charset", "charset cannot be used: "+err.Error(), "write the charset of the page with the form, such as windows-1256")
		return f
	case !inJSON:
		return in
	case in.Charset() != "utf-8":
		s.problem("charset", "charset stands beside type: json", "JSON is UTF-8: take the key out")
	}
	if in, err = f.InJSON(); err != nil {
		s.problem("user", "user and password cannot be used: "+err.Error(), "write keys of the object, or JSON pointers such as /user/name")
		return f
	}
	return in
}

// inJSON holds the rest of the login against its type.
func (s *section) inJSON(c *submit.Config, rule reading.Rule) {
	if !c.Fields.JSON {
		return
	}
	if strings.HasSuffix(rule.Path.String(), "*") {
		s.problem("path", "path is many addresses, and the login is in JSON", "write the one address that the application's script sends it to")
	}
	for i, v := range c.Fixed {
		name, err := reading.NameInJSON(v.Name)
		if err != nil {
			s.problem("fixed", err.Error(), "write a key of the object, or a JSON pointer such as /user/domain")
		}
		c.Fixed[i].Name = name
	}
}

// headers reads what the application's script sends with a login beside the body.
func (r *reader) headers(in *section) []submit.Header {
	var all []submit.Header
	for _, n := range in.items("headers") {
		one := r.section(n, in.full("headers[]"))
		h := submit.Header{Name: get(one, "name", "", headerName)}
		said := 0
		for key, to := range map[string]*string{"value": &h.Value, "cookie": &h.Cookie, "meta": &h.Meta, "field": &h.Field} {
			if *to = one.text(key, ""); one.wrote(key) {
				said++
			}
		}
		switch {
		case one.node == nil:
		case !one.wrote("name"):
			one.problem("name", "name is missing", "write the header's name, such as X-CSRFToken")
		case said != 1:
			one.problem("name", fmt.Sprintf("%s has %d sources", h.Name, said), "write one of cookie:, meta:, field: (where the fresh page has it) and value: (as it stands)")
		case h.Value != "" && !httpguts.ValidHeaderFieldValue(h.Value):
			one.problem("value", "value cannot stand in a header", "write it in ASCII, on one line")
		}
		one.done()
		all = append(all, h)
	}
	return all
}

// ownHeaders are those that the gateway itself says something with.
var ownHeaders = []string{"host", "cookie", "authorization", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection",
	"accept-encoding", "expect", "te", "trailer", "upgrade", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "origin"}

func headerName(t string) (string, *fault) {
	if !httpguts.ValidHeaderFieldName(t) {
		return "", &fault{fmt.Sprintf("has %.40q", t), "write a header's name, such as X-CSRFToken"}
	}
	if slices.Contains(ownHeaders, strings.ToLower(t)) {
		return "", &fault{fmt.Sprintf("is %s", t), "that one is the gateway's to say"}
	}
	return t, nil
}

// scriptAnswer reads login.script_answer. nil: scripts may not send the login.
func (r *reader) scriptAnswer(login *section, c submit.Config) *gateway.ScriptAnswer {
	in := login.sub("script_answer")
	a := &gateway.ScriptAnswer{
		Status:  in.count("status", 401, 200, 599),
		Type:    in.text("type", "application/json"),
		Body:    get(in, "body", "", func(t string) (string, *fault) { return t, nil }),
		Members: in.choice("members", "same", "same", "upstream") == "upstream",
	}
	switch {
	case a.Status >= 300 && a.Status < 400 || a.Status == 204 || a.Status == 205:
		in.problem("status", fmt.Sprintf("status is %d, which has no body or leads nowhere", a.Status), "write 401, or 200 where the application's script loads a page after it")
	case !httpguts.ValidHeaderFieldValue(a.Type) || !strings.Contains(a.Type, "/"):
		in.problem("type", fmt.Sprintf("type is %.40q", a.Type), "write a Content-Type, such as application/json")
	case strings.HasPrefix(a.Type, "application/json") && a.Body != "" && !json.Valid([]byte(a.Body)):
		in.problem("body", "body is no JSON, and type says application/json", "write JSON, or another type")
	case !strings.HasPrefix(a.Type, "application/json") && a.Body == "":
		in.problem("type", "type has no body of its kind", "write body: too, or leave type out")
	}
	in.done()
	if !in.touched && !c.Fields.JSON {
		return nil
	}
	if c.Confirm == nil && c.Success != nil && !looksInside(c.Success) {
		login.warn("success", "success looks at the status alone", "an answer to a script is often 200 for a wrong password too: test its body or a cookie, or write login.confirm")
	}
	return a
}

// looksInside reports whether a condition has a test of more than the status.
func looksInside(c *submit.Condition) bool {
	if c == nil {
		return false
	}
	for _, t := range slices.Concat(c.Any, c.All) {
		if t.Body != nil || t.Cookie != nil || t.Location != nil {
			return true
		}
	}
	return looksInside(c.Not)
}
