package config

import (
	"net/url"
	"slices"

	"doorcode/gateway"
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
