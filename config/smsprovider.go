package config

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"doorcode/challenge/secret"
	"doorcode/challenge/sms"
)

// smsProviders reads the list sms. Names of parameters and headers stand in lists: they keep their case, order and doubles.
func (r *reader) smsProviders(top *section, s *Settings) []sms.Config {
	var all []sms.Config
	taken := map[string]bool{}
	for _, n := range top.items("sms") {
		in := r.section(n, "sms[]")
		c := r.smsProvider(in, s)
		if taken[c.Name] {
			in.problem("name", fmt.Sprintf("two providers are called %q", c.Name), "logs tell them apart by their names")
		}
		taken[c.Name] = c.Name != ""
		all = append(all, c)
	}
	return all
}

func (r *reader) smsProvider(in *section, s *Settings) sms.Config {
	before := len(r.found)
	if in.node != nil && r.unfilled(in.node) {
		return sms.Config{}
	}
	preset := get(in, "preset", "", presetName)
	r.layPreset(in, preset)
	c := r.smsRequest(in, presets()[preset])
	c.Name = preset
	if in.wrote("name") || !in.wrote("preset") {
		c.Name = in.needed("name", "write what logs are to call this provider")
	} else {
		in.at("name")
	}
	c.Number, c.Success, c.Failures = numberFormat(in), r.success(in.sub("success")), r.failures(in)
	c.Timeout = in.span("timeout", sms.MaxTimeout, 100*time.Millisecond, sms.MaxTimeout)
	c.RootCAs, c.Proxy = in.roots("ca_file"), get(in, "proxy", nil, proxyAddress)
	if len(s.Gateway.PublicURLs) > 0 {
		c.Host = s.Gateway.PublicURLs[0].Hostname()
	}
	if n := in.keys["url"].value; n != nil && readable(n.Value) {
		in.warn("url", "url is plain http", "account, number and code can be read on the way: write https:// if the provider has it")
	}
	in.done()
	// Check looks at the whole: it is asked only about parts that were read without a problem, or it would complain of what is missing since.
	if in.node != nil && r.found[before:].Err() == nil {
		for _, p := range c.Check() {
			at := in.find(p.Field)
			r.problem(at, p.Error(), "")
		}
	}
	return c
}

// readable reports whether what is sent to an address can be read on its way through networks that are not one's own.
func readable(address string) bool {
	rest, plain := strings.CutPrefix(strings.ToLower(address), "http://")
	if !plain {
		return false
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return strings.Contains(host, ".") // a bare name is one of the own network
	}
	return !ip.IsLoopback() && !ip.IsPrivate() && !ip.IsLinkLocalUnicast()
}

// smsRequest reads what is sent.
func (r *reader) smsRequest(in *section, p *preset) sms.Config {
	params := r.paramValues(in, p)
	c := sms.Config{
		Method:  in.choice("method", "", "GET", "POST", "PUT"),
		URL:     get(in, "url", sms.Template{}, smsURL),
		Query:   r.params(in, "query"),
		Form:    r.params(in, "form"),
		JSON:    r.json(in, "json"),
		Headers: r.params(in, "headers"),
		Bearer:  in.filled("bearer", in.secret("bearer"), params),
		Sender:  in.text("sender", ""),
		Params:  params,
	}
	basic := in.sub("basic")
	c.BasicUser = basic.filled("user", secret.New(basic.text("user", "")), params)
	c.BasicPassword = basic.filled("password", basic.secret("password"), params)
	basic.done()
	encoding := in.sub("encoding")
	c.Encoding = sms.Encoding{GSM: encoding.text("gsm", ""), Unicode: encoding.text("unicode", "")}
	encoding.done()
	return c
}

// find returns the node that a field of sms.Config was read from: "url", "headers[1]", "success.json[0]".
func (s *section) find(field string) *yaml.Node {
	at := s.node
	for _, step := range strings.Split(field, ".") {
		key, index, _ := strings.Cut(step, "[")
		next := child(at, key)
		if next == nil {
			return at
		}
		at = next
		if i, err := strconv.Atoi(strings.TrimSuffix(index, "]")); err == nil && at.Kind == yaml.SequenceNode && i < len(at.Content) {
			at = at.Content[i]
		}
	}
	return at
}

func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func (r *reader) params(in *section, key string) []sms.Param {
	var all []sms.Param
	for _, n := range in.items(key) {
		one := r.section(n, in.full(key)+"[]")
		p := sms.Param{Name: one.needed("name", "write the parameter's name"), Value: get(one, "value", sms.Template{}, template)}
		if one.wrote("value_file") {
			p.Secret = one.secretFile("value_file")
		} else {
			one.at("value_file")
		}
		if one.node != nil && !one.wrote("value") && !one.wrote("value_file") {
			one.problem("value", "value is missing", "write value: with a text or a template such as \"{{.Text}}\", or value_file: with the name of a file")
		}
		one.done()
		all = append(all, p)
	}
	return all
}

func template(t string) (sms.Template, *fault) {
	p, err := sms.ParseTemplate(t)
	if err != nil {
		return p, &fault{"is no template: " + err.Error(), "fields stand in double braces, such as {{.Number}} and {{.Text}}"}
	}
	return p, nil
}

func smsURL(t string) (sms.Template, *fault) {
	p, err := sms.ParseURL(t)
	if err != nil {
		return p, &fault{"cannot be used: " + err.Error(), "write a whole address, such as https://sms.example.com/send"}
	}
	return p, nil
}

func numberFormat(in *section) sms.NumberFormat {
	form := in.choice("number", "e164", "e164", "e164_no_plus", "00", "national")
	country := in.choice("number_country", "", "970", "972")
	f, err := sms.ParseNumberFormat(form, country)
	if err != nil {
		in.problem("number", err.Error(), "")
	}
	return f
}

func (r *reader) success(in *section) sms.Success {
	s := sms.Success{Status: answerStatus(in, "200-299"), Body: in.pattern("body"), JSON: r.jsonChecks(in)}
	in.done()
	return s
}

// failures reads what the provider's refusals look like.
func (r *reader) failures(in *section) []sms.Failure {
	var all []sms.Failure
	for _, n := range in.items("failure") {
		one := r.section(n, in.full("failure")+"[]")
		f := sms.Failure{
			Status: answerStatus(one, "any"), Body: one.pattern("body"), JSON: r.jsonChecks(one),
			Meaning: one.text("means", ""), Fault: get(one, "fault", sms.FaultAccount, faultOf),
		}
		one.done()
		all = append(all, f)
	}
	return all
}

func faultOf(t string) (sms.Fault, *fault) {
	switch t {
	case "account":
		return sms.FaultAccount, nil
	case "message":
		return sms.FaultMessage, nil
	case "moment":
		return sms.FaultMoment, nil
	}
	return 0, &fault{fmt.Sprintf("is %.40q", t), "write one of: account, message, moment"}
}

func answerStatus(in *section, otherwise string) sms.Status {
	return get(in, "status", sms.Status{}, func(t string) (sms.Status, *fault) {
		status, err := sms.ParseStatus(t)
		if err != nil {
			return status, &fault{"cannot be used: " + err.Error(), "leave it out for " + otherwise}
		}
		return status, nil
	})
}

// jsonChecks reads the tests of an answer that is JSON.
func (r *reader) jsonChecks(in *section) []sms.JSONCheck {
	var all []sms.JSONCheck
	for _, n := range in.items("json") {
		one := r.section(n, in.full("json")+"[]")
		check := sms.JSONCheck{Equals: one.text("equals", ""), Matches: one.pattern("matches")}
		check.Pointer = get(one, "pointer", check.Pointer, func(t string) (sms.Pointer, *fault) {
			p, err := sms.ParsePointer(t)
			if err != nil {
				return p, &fault{"cannot be used: " + err.Error(), "write where the value stands, such as /messages/0/status (RFC 6901)"}
			}
			return p, nil
		})
		if one.node != nil && !one.wrote("pointer") {
			one.problem("pointer", "pointer is missing", "write where the value stands, such as /messages/0/status (RFC 6901)")
		}
		one.done()
		all = append(all, check)
	}
	return all
}

// json reads a body: JSON as text, or the same written as YAML. {value_file: name} in it is the content of that file.
func (r *reader) json(in *section, key string) sms.JSON {
	n := in.at(key)
	if n == nil {
		return sms.JSON{}
	}
	var body sms.JSON
	var err error
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		body, err = sms.ParseJSON(n.Value)
	} else if tree, ok := r.tree(n, in.full(key), 0); ok {
		body, err = sms.NewJSON(tree)
	}
	if err != nil {
		in.problem(key, "json cannot be used: "+err.Error(), "write the body that the provider wants, with templates such as \"{{.Text}}\" in its strings")
	}
	return body
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// tree turns YAML into what NewJSON takes. A number or boolean is one only as JSON would write it: 0599 stays a text.
func (r *reader) tree(n *yaml.Node, path string, depth int) (any, bool) {
	if depth > 32 {
		r.problem(n, "json is nested too deeply", "")
		return nil, false
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.treeMap(n, path, depth)
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			v, ok := r.tree(item, path, depth+1)
			if !ok {
				return nil, false
			}
			list = append(list, v)
		}
		return list, r.is(n, yaml.SequenceNode, path)
	}
	if isNull(n) && n.Anchor == "" {
		return nil, true
	}
	ok := r.is(n, yaml.ScalarNode, path)
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0
	switch {
	case plain && (n.Value == "true" || n.Value == "false"):
		return n.Value == "true", ok
	case plain && jsonNumber.MatchString(n.Value):
		return json.Number(n.Value), ok
	}
	return n.Value, ok
}

func (r *reader) treeMap(n *yaml.Node, path string, depth int) (any, bool) {
	in := r.section(n, path)
	if in.node == nil {
		return nil, false
	}
	if _, file := in.keys["value_file"]; file && len(in.keys) == 1 {
		return in.secretFile("value_file"), true
	}
	m := map[string]any{}
	for key, p := range in.keys {
		v, ok := r.tree(p.value, path+"."+key, depth+1)
		if !ok {
			return nil, false
		}
		m[key] = v
	}
	return m, true
}

// roots reads a file of certificates that the other side's certificate may be signed with, in place of the system's.
func (s *section) roots(key string) *x509.CertPool {
	path := s.file(key, "")
	if path == "" {
		return nil
	}
	s.r.files = append(s.r.files, path)
	text, _, err := readBounded(path, 4<<20)
	if err != nil {
		s.problem(key, key+" "+path+": "+cause(err), "name a PEM file of certificates")
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		s.problem(key, key+" "+path+" has no certificate in it", "name a PEM file of certificates")
		return nil
	}
	return pool
}

// proxyAddress reads http://, https:// or socks5://host:port. It is not quoted back: it may hold a password.
func proxyAddress(t string) (*url.URL, *fault) {
	u, err := url.Parse(t)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" {
		return nil, &fault{"is no proxy", "write an address such as http://proxy.example.com:3128 (http, https or socks5)"}
	}
	return u, nil
}
