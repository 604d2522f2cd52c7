package config

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"doorcode/challenge"
	"doorcode/challenge/secret"
	"doorcode/gateway"
	"doorcode/gateway/reading"
)

// clients reads the rules that open a path to programs.
func (r *reader) clients(top *section, s *Settings) {
	taken := map[string]bool{}
	for _, n := range top.items("clients") {
		c := r.client(r.section(n, "clients[]"), s)
		if c.Name != "" && taken[c.Name] {
			r.problem(n, "two clients are called "+c.Name, "the log tells them apart by their names: give each its own")
		}
		taken[c.Name] = true
		s.Gateway.Clients = append(s.Gateway.Clients, c)
	}
}

func (r *reader) client(in *section, s *Settings) gateway.Client {
	c := gateway.Client{
		Name:          get(in, "name", "", clientName),
		Networks:      each(in, "networks", clientNetwork),
		Keys:          r.clientKeys(in),
		Certificate:   r.clientCertificate(in, s.Listen.Insecure),
		Rate:          get(in, "rate", challenge.Rate{Count: 60, Per: time.Minute}, rate),
		Parallel:      in.count("parallel", 4, 1, 1000),
		Body:          in.size("body", 10<<20, 1, 1<<40),
		Timeout:       in.span("timeout", time.Minute, time.Second, 6*time.Hour),
		Authorization: in.choice("authorization", "drop", "drop", "pass") == "pass",
	}
	if in.node == nil {
		return c
	}
	if !in.has("name") {
		in.problem("name", "name is missing", "write what the log is to call this client, such as shop")
	}
	switch {
	case in.wrote("networks") && len(in.written("networks")) == 0 && in.keys["networks"].value.Value == "":
		in.problem("networks", "networks is empty", "name the networks that the client calls from, or take the line out")
	case !in.wrote("networks") && !in.wrote("key") && !in.wrote("certificate"):
		in.problem("path", "anybody could come in here: this client proves itself by nothing", "write key:, certificate: or networks:; several of them must all hold")
	case !in.wrote("key") && !in.wrote("certificate"):
		in.wide(c.Networks)
	}
	c.Rule = r.rule(in, ruleKeys{query: true, form: true, methods: []string{http.MethodGet, http.MethodHead}})
	r.keep("clients", []reading.Rule{c.Rule}, in.node)
	return c
}

func clientName(t string) (string, *fault) {
	if t == "" || len(t) > 60 || strings.Trim(t, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return "", &fault{fmt.Sprintf("is %.60q", t), "write a short word for the log, such as shop or till-1"}
	}
	return t, nil
}

// clientNetwork reads one of a client's networks. Everybody is none.
func clientNetwork(t string) (netip.Prefix, *fault) {
	p, f := network(t)
	if f == nil && p.Bits() == 0 {
		f = &fault{"is everybody", "name the networks that the client calls from"}
	}
	return p, f
}

// How wide a network may be that alone opens a path, before ops are asked to think again.
const (
	narrow4 = 24
	narrow6 = 64
)

func (s *section) wide(networks []netip.Prefix) {
	for _, p := range networks {
		if p.Addr().Is4() && p.Bits() < narrow4 || p.Addr().Is6() && p.Bits() < narrow6 {
			s.warn("networks", "every program in "+p.String()+" may call this, without any other proof", "name the client's own address, or write a key: or certificate: too")
		}
	}
}

// clientKeys reads key: one, or a list of them while they are exchanged.
func (r *reader) clientKeys(in *section) (keys []gateway.ClientKey) {
	n := in.at("key")
	if n == nil {
		return nil
	}
	all := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		if all = n.Content; len(all) == 0 {
			in.problem("key", "key is an empty list", "write a key, or take the line out")
		}
	}
	for _, one := range all {
		keys = append(keys, r.clientKey(r.section(one, "clients[].key")))
	}
	return keys
}

func (r *reader) clientKey(in *section) gateway.ClientKey {
	key := gateway.ClientKey{Header: get(in, "header", "", keyHeader), Value: in.secret("value"), Pass: in.flag("pass", false)}
	if in.node != nil && !in.has("header") {
		in.problem("header", "header is missing", "write the name of the header that the client sends its key in, such as X-Shop-Key")
	}
	if at := keyPlace(in); in.node != nil && at == "" {
		in.problem("value", "the key is missing", "write it into a file of its own and name that: value_file: shop.key")
	} else if !key.Value.Empty() {
		if f := strongKey(key.Value); f != nil {
			in.problem(at, "the key "+f.what, f.want)
		}
	}
	in.done()
	return key
}

// keyPlace is where a key is written; "" for nowhere.
func keyPlace(in *section) string {
	for _, key := range []string{"value", "value_file"} {
		if in.has(key) {
			return key
		}
	}
	return ""
}

// minKey is how short a key may be: 16 random characters are guessed by nobody.
const minKey = 16

// strongKey never quotes the key.
func strongKey(key secret.Text) *fault {
	const want = "make one with: openssl rand -hex 32"
	t := key.Reveal()
	for _, c := range []byte(t) {
		if c <= ' ' || c >= 0x7f {
			return &fault{"has a space, a line break or another character that headers do not carry", want}
		}
	}
	if len(t) < minKey {
		return &fault{fmt.Sprintf("has fewer than %d characters", minKey), want}
	}
	if strings.Count(t, t[:1]) == len(t) {
		return &fault{"is one character over and over", want}
	}
	return nil
}

// keyHeader reads the name of a header of the client's own, into its canonical form.
func keyHeader(t string) (string, *fault) {
	name := http.CanonicalHeaderKey(t)
	const want = "write a name of your own, such as X-Shop-Key"
	if t == "" || strings.Trim(t, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
		return "", &fault{fmt.Sprintf("is %.60q, which is no name of a header", t), want}
	}
	known := []string{"Authorization", "Cookie", "Host", "Accept", "User-Agent", "Referer", "Origin", "Connection", "Transfer-Encoding", "Expect", "Range", "Via"}
	for _, begin := range []string{"Content-", "Sec-", "Accept-", "If-", "Proxy-", "X-Forwarded"} {
		if strings.HasPrefix(name, begin) {
			known = append(known, name)
		}
	}
	if slices.Contains(known, name) {
		return "", &fault{fmt.Sprintf("is %s, which has a meaning of its own", name), want}
	}
	return name, nil
}

func (r *reader) clientCertificate(in *section, insecure bool) *gateway.ClientCertificate {
	if !in.wrote("certificate") {
		in.at("certificate")
		return nil
	}
	c := in.sub("certificate")
	cert := &gateway.ClientCertificate{Authorities: c.authorities("ca_file"), Names: each(c, "names", commonNamePattern)}
	if c.node != nil && !c.has("ca_file") {
		c.problem("ca_file", "ca_file is missing", "name the PEM file of who signs the clients' certificates")
	}
	if c.wrote("names") && len(c.written("names")) == 0 && len(cert.Names) == 0 {
		c.problem("names", "names is empty", "write the common names that may come in, or take the line out: then everybody whom ca_file signs may")
	}
	if insecure {
		r.problem(in.node, "this client wants a certificate, and listen.insecure: true never sees one", "let TLS end at the gateway (listen.cert), or take a key: behind a proxy that ends it")
	}
	c.done()
	return cert
}

// commonNamePattern reads a common name: till-1 is exact, till-* is any that begins so, /till-[0-9]+/ is a pattern for the whole name.
func commonNamePattern(t string) (*regexp.Regexp, *fault) {
	if _, f := text(t); f != nil {
		return nil, f
	}
	if len(t) > 2 && strings.HasPrefix(t, "/") && strings.HasSuffix(t, "/") {
		inner := t[1 : len(t)-1]
		if _, f := pattern(inner); f != nil {
			return nil, f
		}
		return pattern(`\A(?:` + inner + `)\z`)
	}
	begin, open := strings.CutSuffix(t, "*")
	if begin == "" || strings.Contains(begin, "*") {
		return nil, &fault{fmt.Sprintf("has %.60q", t), "write a common name, its beginning with a * after it, or /a pattern/ for the whole name"}
	}
	if open {
		return regexp.MustCompile(`\A` + regexp.QuoteMeta(begin)), nil
	}
	return regexp.MustCompile(`\A` + regexp.QuoteMeta(begin) + `\z`), nil
}

// authorities reads a file of certificates one by one: the handshake names them to clients, so that only who has a fitting certificate is
// asked for it.
func (s *section) authorities(key string) (all []*x509.Certificate) {
	path := s.file(key, "")
	if path == "" {
		return nil
	}
	s.r.files = append(s.r.files, path)
	rest, _, err := readBounded(path, 1<<20)
	if err != nil {
		s.problem(key, key+" "+path+": "+cause(err), "name a PEM file of certificates")
		return nil
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			s.problem(key, key+" "+path+" has a certificate that cannot be read: "+err.Error(), "name a PEM file of certificates")
			return nil
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		s.problem(key, key+" "+path+" has no certificate in it", "name a PEM file of certificates")
	}
	return all
}

// openable speaks up where a client's rule opens what nobody means to open.
func (r *reader) openable(g *gateway.Config) {
	for _, p := range r.placed["clients"] {
		switch {
		case p.everyPath():
			r.problem(p.node, "this client may call every address", "open the one path that it needs; \"*\" needs query: or form: values")
		case p.closes(g.LoginRule):
			r.problem(p.node, "this client's path is login.path", "the login is for browsers and always asks for the code: open the path of the application's interface for programs")
		}
	}
}
