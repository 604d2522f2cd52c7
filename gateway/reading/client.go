package reading

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

const (
	maxHops     = 32 // more proxies in a row than anybody has
	maxHopBytes = 64 // "[" + IPv6 + "%" zone + "]:port"
)

// Client returns the address of who asks. remote is the peer (Request.RemoteAddr); only when it is in trusted does
// X-Forwarded-For count, read from the right, since only what trusted proxies appended is true: the first address that is no
// trusted proxy's is the client. Nobody is trusted by default.
//
// The zero Addr stands for a client that a trusted proxy named in a way that is no address, or behind too many proxies. It
// is in no network, so it gets nothing that a network gives, and never the proxy's own place (B13).
func Client(remote string, xff []string, trusted []netip.Prefix) netip.Addr {
	client, _ := walk(remote, xff, trusted)
	return client
}

// relayMarks are headers that proxies add and browsers never send. Many a proxy is set up to write X-Real-IP or X-Forwarded-Proto alone.
var relayMarks = [...]string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Server", "Via"}

// Relayed reports whether the client that Client names says that it asks for somebody else: by X-Forwarded-For that no trusted proxy
// wrote, or, where no trusted proxy stands between, by any of relayMarks. Its address is then a proxy's that nobody named, and everybody
// behind that has it: no network may give anything to such a request. Who says so without being a proxy gets less, not more.
func Relayed(remote string, h http.Header, trusted []netip.Prefix) bool {
	return RelayedBy(remote, h, trusted) != ""
}

// RelayedBy is Relayed, and names the header that says so; "" for none.
func RelayedBy(remote string, h http.Header, trusted []netip.Prefix) string {
	if isTrusted(parseHop(remote), trusted) {
		xff := h["X-Forwarded-For"]
		if _, left := walk(remote, xff, trusted); strings.Trim(left, ", \t") != "" {
			return "X-Forwarded-For"
		}
		return ""
	}
	for _, name := range relayMarks {
		if len(h[name]) > 0 {
			return name
		}
	}
	return ""
}

// walk follows X-Forwarded-For up to the client, and returns what is left of it there, earlier headers in short.
func walk(remote string, xff []string, trusted []netip.Prefix) (client netip.Addr, left string) {
	client = parseHop(remote)
	hops := 0
	for i := len(xff) - 1; i >= 0; i-- {
		// Header after header from the last one, and in each from the right; nothing is copied, however long the client made it.
		for rest, more := xff[i], true; more; hops++ {
			if !isTrusted(client, trusted) {
				if i > 0 {
					return client, "more"
				}
				return client, rest
			}
			if hops == maxHops {
				return netip.Addr{}, rest
			}
			comma := strings.LastIndexByte(rest, ',')
			hop := rest[comma+1:]
			if more = comma >= 0; more {
				rest = rest[:comma]
			}
			if hop = strings.Trim(hop, " \t"); hop == "" {
				continue // an empty element says nothing (RFC 9110 §5.6.1)
			}
			if client = parseHop(hop); !client.IsValid() {
				return client, rest
			}
		}
		if i > 0 && !isTrusted(client, trusted) {
			return client, "more"
		}
	}
	return client, ""
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	for _, p := range trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// parseHop reads an address with or without port and brackets. The zone goes, for it names an interface of another machine, and
// IPv4 in IPv6 is IPv4, or a rule for one would not see the other.
func parseHop(s string) netip.Addr {
	if len(s) > maxHopBytes {
		return netip.Addr{}
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(inner, ":") {
			return netip.Addr{}
		}
		s = inner
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// Host returns the public address that a Host header means: host and port of one of them, in any case, the scheme's own port
// written or not. Everything else is answered with 421, also "books.example.com." with its dot, which is another name to
// cookies.
func Host(host string, public []*url.URL) (*url.URL, bool) {
	for i := 0; i < len(host); i++ {
		if host[i] <= ' ' || host[i] >= 0x7f { // or "K" (the Kelvin sign) would be a k
			return nil, false
		}
	}
	for _, u := range public {
		if strings.EqualFold(withPort(host, u.Scheme), withPort(u.Host, u.Scheme)) {
			return u, true
		}
	}
	return nil, false
}

// withPort writes the port that the scheme implies.
func withPort(host, scheme string) string {
	if strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']') {
		return host
	}
	if strings.EqualFold(scheme, "https") {
		return host + ":443"
	}
	return host + ":80"
}
