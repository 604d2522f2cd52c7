package sms

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Problem is something in a Config that cannot work.
type Problem struct {
	Field string // as the config calls it: "url", "success", "headers[1]"
	Text  string // what is wrong and what would be right
}

// Error writes the problem behind its field.
func (p Problem) Error() string { return p.Field + ": " + p.Text }

// Check returns everything that cannot work about c, nil when nothing is wrong. Config uses it to name the lines.
func (c Config) Check() []Problem {
	var found []Problem
	report := func(field, format string, args ...any) {
		found = append(found, Problem{field, fmt.Sprintf(format, args...)})
	}
	if c.Name == "" {
		report("name", "a name is missing")
	}
	if err := c.URL.checkURL(); err != nil {
		report("url", "%v", err)
	}
	if c.URL.uses("Secret") {
		report("url", "{{.Secret}} is known only beside a value_file")
	}
	if c.Timeout < 0 || c.Timeout > MaxTimeout {
		report("timeout", "%v is not within 0s and %v", c.Timeout, MaxTimeout)
	}
	if p := c.Proxy; p != nil && (p.Hostname() == "" || !(p.Scheme == "http" || p.Scheme == "https" || p.Scheme == "socks5")) {
		report("proxy", "an address such as http://proxy.example.com:3128 is needed")
	}
	c.checkMessage(report)
	c.checkBody(report)
	c.checkParams(report)
	c.checkAuth(report)
	c.checkSuccess(report)
	return found
}

// checkMessage wants the text to arrive: a config that forgot {{.Text}} would send no code and call it a success.
func (c Config) checkMessage(report func(field, format string, args ...any)) {
	for _, field := range []string{"Number", "Text"} {
		if !c.uses(field) {
			report("url", "{{.%s}} stands nowhere in url, query, form, json or headers", field)
		}
	}
	for _, t := range c.templates() {
		for _, name := range t.params() {
			if _, ok := c.Params[name]; !ok {
				report("params", "{{.Params.%s}} is used, but there is no %s among params", name, name)
			}
		}
	}
	if c.uses("Type") && c.Encoding == (Encoding{}) {
		report("encoding", "{{.Type}} is used, but encoding says nothing of gsm and unicode")
	}
}

func (c Config) checkBody(report func(field, format string, args ...any)) {
	switch c.Method {
	case "GET", "POST", "PUT", "":
	default:
		report("method", "%q is not GET, POST or PUT", c.Method)
	}
	if len(c.Form) > 0 && !c.JSON.IsZero() {
		report("form", "form and json are two bodies, only one can be sent")
	}
	if c.Method == "GET" && c.hasBody() {
		report("method", "GET carries no form or json")
	}
	c.JSON.leaves(func(leaf any) {
		if t, ok := leaf.(Template); ok && t.uses("Secret") {
			report("json", "{{.Secret}} is known only beside a value_file")
		}
	})
}

func (c Config) hasBody() bool { return len(c.Form) > 0 || !c.JSON.IsZero() }

func (c Config) checkParams(report func(field, format string, args ...any)) {
	lists := []struct {
		name   string
		params []Param
	}{{"query", c.Query}, {"form", c.Form}, {"headers", c.Headers}}
	for _, list := range lists {
		for i, p := range list.params {
			at := fmt.Sprintf("%s[%d]", list.name, i)
			if p.Name == "" {
				report(at, "a name is missing")
			}
			if p.Value.IsZero() && p.Secret.Empty() {
				report(at, "a value is missing")
			}
			if p.Value.uses("Secret") && p.Secret.Empty() {
				report(at, "{{.Secret}} is known only beside a value_file")
			}
		}
	}
	c.checkHeaders(report)
}

func (c Config) checkHeaders(report func(field, format string, args ...any)) {
	for i, p := range c.Headers {
		at := fmt.Sprintf("headers[%d]", i)
		if p.Name != "" && !httpguts.ValidHeaderFieldName(p.Name) {
			report(at, "%q cannot be the name of a header", p.Name)
		}
		switch strings.ToLower(p.Name) {
		case "host", "content-length", "transfer-encoding", "connection", "trailer", "expect", "upgrade":
			report(at, "%s is set by the gateway", p.Name) // a second framing of one request is how requests are smuggled
		}
		if !httpguts.ValidHeaderFieldValue(p.render(values{Params: c.Params})) {
			report(at, "the value has a line break or another control character")
		}
	}
}

func (c Config) checkAuth(report func(field, format string, args ...any)) {
	basic := !c.BasicUser.Empty() || !c.BasicPassword.Empty()
	if basic && c.BasicUser.Empty() {
		report("basic", "the user is missing")
	}
	if strings.Contains(c.BasicUser.Reveal(), ":") {
		report("basic", "the user has a colon, which would end it (RFC 7617 §2)")
	}
	if !httpguts.ValidHeaderFieldValue(c.Bearer.Reveal()) {
		report("bearer", "the token has a line break or another control character")
	}
	ways := 0
	for _, set := range []bool{basic, !c.Bearer.Empty(), c.hasHeader("Authorization")} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		report("headers", "basic, bearer and an Authorization header exclude each other")
	}
}

func (c Config) hasHeader(name string) bool {
	for _, p := range c.Headers {
		if strings.EqualFold(p.Name, name) {
			return true
		}
	}
	return false
}

// checkSuccess refuses rules that a refusal would pass too.
func (c Config) checkSuccess(report func(field, format string, args ...any)) {
	s := c.Success
	if s.Body == nil && len(s.JSON) == 0 {
		report("success", "body or json is missing: providers answer 200 to refusals too, so a status alone is never success")
	}
	if s.Body != nil && s.Body.MatchString("") {
		report("success.body", "the pattern matches every answer, an error's too")
	}
	checkJSON("success", s.JSON, report)
	for i, f := range c.Failures {
		at := fmt.Sprintf("failure[%d]", i)
		if f.Meaning == "" {
			report(at, "means is missing: what this answer says to whoever reads the log")
		}
		if f.Status == (Status{}) && f.Body == nil && len(f.JSON) == 0 {
			report(at, "status, body or json is missing: nothing says what this refusal looks like")
		}
		if f.Fault < FaultAccount || f.Fault > FaultMoment {
			report(at, "fault is missing: account, message or moment")
		}
		checkJSON(at, f.JSON, report)
	}
}

// checkJSON wants each test of a value to test something.
func checkJSON(of string, checks []JSONCheck, report func(field, format string, args ...any)) {
	for i, check := range checks {
		at := fmt.Sprintf("%s.json[%d]", of, i)
		if check.Matches == nil && check.Equals == "" {
			report(at, "equals or matches is missing")
		}
		if check.Matches != nil && check.Equals != "" {
			report(at, "equals and matches exclude each other")
		}
		if check.Matches != nil && check.Matches.MatchString("") {
			report(at, "the pattern matches every value, an error's too")
		}
	}
}

// uses reports whether a field stands anywhere in the request.
func (c Config) uses(name string) bool {
	return slices.ContainsFunc(c.templates(), func(t Template) bool { return t.uses(name) })
}

// templates lists every template of the request.
func (c Config) templates() []Template {
	all := []Template{c.URL}
	for _, params := range [][]Param{c.Query, c.Form, c.Headers} {
		for _, p := range params {
			all = append(all, p.Value)
		}
	}
	c.JSON.leaves(func(leaf any) {
		if t, ok := leaf.(Template); ok {
			all = append(all, t)
		}
	})
	return all
}

// method is the method that is really sent.
func (c Config) method() string {
	switch {
	case c.Method != "":
		return c.Method
	case c.hasBody():
		return "POST"
	}
	return "GET"
}

func joined(problems []Problem) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
