package config

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"time"

	"doorcode/gateway"
)

// entrance reads how browsers come in and where the application is.
func (r *reader) entrance(top *section, s *Settings) {
	s.Listen = r.listen(top.sub("listen"))
	s.Gateway.PublicURLs = top.publicURLs()
	s.Gateway.TrustedProxies = top.proxies()
	up := top.sub("upstream")
	s.Gateway.Upstream = r.upstream(up)
	s.Gateway.Rewrite = r.rewrite(top.sub("rewrite"), s)
	s.Name = top.text("name", "")
	if s.Observe = top.choice("mode", "enforce", "enforce", "observe") == "observe"; s.Observe {
		top.warn("mode", "nobody is asked for a code", "this is for the days before going live: `doorcode report` says what mode: enforce will do")
	}
	if s.Name == "" && len(s.Gateway.PublicURLs) > 0 {
		s.Name = s.Gateway.PublicURLs[0].Hostname()
	}
	s.Gateway.Name = s.Name
	r.schemes(top, s)
	r.itself(up, s)
}

func (r *reader) listen(in *section) Listen {
	l := Listen{
		// With a word that is neither true nor false somebody meant true: then the missing certificate is not worth a second problem.
		Insecure:      in.flag("insecure", in.wrote("insecure")),
		Cert:          in.file("cert", ""),
		Key:           in.file("key", ""),
		HeaderTimeout: in.span("header_timeout", 10*time.Second, time.Second, time.Minute),
		IdleTimeout:   in.span("idle_timeout", 2*time.Minute, time.Second, time.Hour),
	}
	l.Address = get(in, "address", ":443", listenAddress)
	switch {
	case l.Insecure && (l.Cert != "" || l.Key != ""):
		in.problem("insecure", "insecure: true stands beside a certificate", "take one of them out")
	case !l.Insecure && (l.Cert == "" || l.Key == ""):
		in.problem("cert", "listen has no certificate", "name cert: and key: (PEM files), or write insecure: true on a LAN or behind a proxy that ends TLS")
	case !l.Insecure:
		if _, err := tls.LoadX509KeyPair(l.Cert, l.Key); err != nil {
			in.problem("cert", "certificate and key cannot be used: "+err.Error(), "both are PEM files, and belong together")
		} else if info, err := os.Stat(l.Key); err == nil && info.Mode().Perm()&0o007 != 0 {
			in.warn("key", "the certificate's key may be read by everybody on this machine", "run: chmod o-rwx "+l.Key)
		}
	}
	in.done()
	return l
}

// publicURLs reads public_url: one address or several. The environment can give one.
func (s *section) publicURLs() []*url.URL {
	var all []*url.URL
	if v, ok := s.above("public_url"); ok {
		s.at("public_url")
		if u := read(v, nil, origin); u != nil {
			return append(all, u)
		}
		return nil
	}
	all = each(s, "public_url", origin)
	seen := map[string]bool{}
	for _, u := range all {
		if seen[u.String()] {
			s.problem("public_url", u.String()+" stands here twice", "keep one")
		}
		seen[u.String()] = true
	}
	if n := s.keys["public_url"].value; n == nil || (isNull(n) || len(n.Content) == 0 && n.Value == "") {
		s.problem("public_url", "public_url is missing", "write the address that browsers use, such as https://books.example.com; other hosts are refused")
	}
	return all
}

// proxies reads trusted_proxies. Whole address families are refused: that would believe everybody.
func (s *section) proxies() []netip.Prefix {
	return each(s, "trusted_proxies", func(t string) (netip.Prefix, *fault) {
		p, f := network(t)
		if f == nil && p.Bits() == 0 {
			f = &fault{"is everybody", "name the proxies alone: whoever is trusted here can say that he is any address"}
		}
		return p, f
	})
}

func (r *reader) upstream(in *section) gateway.Upstream {
	u := gateway.Upstream{
		URL:           get(in, "url", nil, origin),
		Connections:   in.count("connections", 64, 1, 10000),
		DialTimeout:   in.span("dial_timeout", 5*time.Second, 100*time.Millisecond, time.Minute),
		AnswerTimeout: in.span("answer_timeout", time.Minute, time.Second, time.Hour),
		Slow:          r.rules(in, "slow", ruleKeys{query: true}),
		SlowTimeout:   in.span("slow_timeout", 15*time.Minute, time.Second, 24*time.Hour),
	}
	if !in.has("url") {
		in.problem("url", "upstream.url is missing", "write where the application is, such as http://127.0.0.1:8080")
	}
	switch host := get(in, "host", "public", hostName); {
	case host == "own" && u.URL != nil:
		u.Host = u.URL.Host
	case host != "public" && host != "own":
		u.Host = host
	}
	in.done()
	return u
}

// hostName reads upstream.host: public, own, or a name with or without a port.
func hostName(t string) (string, *fault) {
	u, err := url.Parse("http://" + t)
	if err != nil || u.Host != t || u.Hostname() == "" || u.User != nil {
		return "", &fault{fmt.Sprintf("is %.60q", t), "write public (the host the browser used), own (the host of upstream.url), or a host name"}
	}
	return t, nil
}

// ownMachine reports a host that never leaves this machine: nobody listens on the way.
func ownMachine(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// schemes holds public_url against listen. Cookies are Secure, and named __Host-, or they are not: for all addresses alike. What the
// browser uses decides, not what arrives here: a proxy in front may end TLS.
func (r *reader) schemes(top *section, s *Settings) {
	encrypted := false
	for _, u := range s.Gateway.PublicURLs {
		switch {
		case u.Scheme == "https":
			encrypted = true
		case !s.Listen.Insecure:
			top.problem("public_url", "public_url "+u.String()+" is plain http", "write https://, or listen.insecure: true where passwords and codes may cross the network unencrypted")
		default:
			s.Gateway.Insecure = true
			if !ownMachine(u.Hostname()) {
				top.warn("public_url", "public_url "+u.String()+" is plain http", "whoever listens on this network reads passwords, codes and cookies")
			}
		}
	}
	switch {
	case encrypted && s.Gateway.Insecure:
		top.warn("public_url", "public_url mixes http and https", "cookies then go unencrypted at all of them: give each kind a gateway of its own")
	case encrypted && s.Listen.Insecure && len(top.written("trusted_proxies")) == 0:
		top.warn("trusted_proxies", "public_url is https, listen is plain http, and no proxy is trusted", "name the proxy that ends TLS, or all clients seem to have its address")
	}
}
