package config

import (
	"net/url"
	"slices"
	"strings"

	"doorcode/gateway"
	"doorcode/gateway/reading"
)

// rewrite reads how the application's own addresses become public ones.
func (r *reader) rewrite(in *section, s *Settings) gateway.Rewrite {
	w := gateway.Rewrite{HTML: in.flag("html", false)}
	for _, v := range in.values("addresses") {
		u := read(v, nil, origin)
		if u == nil {
			continue
		}
		if sameAddress(u, s.Gateway.PublicURLs) {
			v.problem("addresses has "+u.String()+", a public_url", "it needs no rewriting; name the addresses by which the application calls itself")
			continue
		}
		w.Addresses = append(w.Addresses, u)
	}
	if len(w.Addresses) > 0 && !in.has("html") {
		in.warn("addresses", "rewrite.addresses without html", "only redirects are rewritten then; write html: true for the links in pages, or html: false")
	}
	in.done()
	return w
}

// sameAddress reports whether u is one of others.
func sameAddress(u *url.URL, others []*url.URL) bool {
	return slices.ContainsFunc(others, func(o *url.URL) bool { return *o == *u })
}

// origins reads which pages of other sites may send a form here. Neither may be wide: each line is an exception to what keeps other
// sites from acting for a member (threat C7).
func (r *reader) origins(top *section, s *Settings) []gateway.Origin {
	var all []gateway.Origin
	for _, n := range top.items("origins") {
		in := r.section(n, "origins[]")
		from, path := get(in, "from", nil, origin), get(in, "path", reading.Pattern{}, rulePath)
		switch {
		case in.node == nil:
			continue
		case !in.has("from"):
			in.problem("from", "from is missing", "write the scheme and host of the other site, such as https://bank.example")
		case !in.has("path"):
			in.problem("path", "path is missing", "write the one address here that its form goes to, such as /pay/return.php")
		case from != nil && sameAddress(from, s.Gateway.PublicURLs):
			in.problem("from", "from is a public_url", "the application's own pages need no such line")
		case strings.HasSuffix(path.String(), "*"):
			in.problem("path", "path ends with *", "name the one address that the form goes to: all others stay closed to other sites")
		}
		if from != nil {
			all = append(all, gateway.Origin{From: from.Scheme + "://" + from.Host, Path: path})
		}
		in.done()
	}
	return all
}
