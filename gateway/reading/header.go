package reading

import (
	"net/http"
	"net/textproto"
	"strings"
)

// Clean removes from a request's headers what must not go up: hop-by-hop headers and what Connection names (RFC 9110
// §7.6.1), what the client says about itself, its address, its scheme or who it is, what would override method or path (B9),
// and every name that a CGI upstream reads as another one: there all that is no letter or digit becomes "_"
// (X_Forwarded_For, X.Forwarded.For, B14).
//
// It comes before anything is read from the headers or added to them, so that Connection can take away neither what was
// judged nor what the gateway says. The Upgrade of a WebSocket goes too: ask WebSocket first and put it back for who may
// have one.
func Clean(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			delete(h, textproto.CanonicalMIMEHeaderKey(strings.Trim(name, " \t")))
		}
	}
	for name := range h {
		if goes(name) {
			delete(h, name)
		}
	}
}

// WebSocket reports whether the request asks to become a WebSocket and nothing else: "Connection: Upgrade" and
// "Upgrade: websocket", once (RFC 6455 §4.1). h2c and lists of protocols are none (B8). It is asked before Clean.
func WebSocket(h http.Header) bool {
	upgrade := h["Upgrade"]
	if len(upgrade) != 1 || !strings.EqualFold(upgrade[0], "websocket") {
		return false
	}
	for _, line := range h["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(token, " \t"), "upgrade") {
				return true
			}
		}
	}
	return false
}

// goes reports whether a header is removed. net/http brings names in canonical form, except those with odd characters,
// which go anyway.
func goes(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings",
		"Proxy-Authenticate", "Proxy-Authorization",
		"Proxy", // becomes HTTP_PROXY in CGI, which libraries take for theirs
		"Forwarded", "Client-Ip", "True-Client-Ip", "Fastly-Client-Ip", "Cf-Connecting-Ip", "Cf-Visitor",
		"X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Originating-Ip", "X-Host", "X-Scheme", "X-Url-Scheme", "X-Proto",
		"Front-End-Https", "X-Arr-Ssl", "X-User", "X-Sendfile-Type", "X-Accel-Mapping", "X-Middleware-Subrequest":
		return true
	}
	return hasGoingPrefix(name) || !plainName(name)
}

func hasGoingPrefix(name string) bool {
	if rest, ok := strings.CutPrefix(name, "X-"); ok {
		name = rest
	}
	switch {
	case name == "":
		return true
	case name[0] == 'F':
		return strings.HasPrefix(name, "Forwarded") // also without the hyphen
	case name[0] == 'R':
		return strings.HasPrefix(name, "Rewrite-") || strings.HasPrefix(name, "Remote-")
	case name[0] == 'O':
		return strings.HasPrefix(name, "Original-") || strings.HasPrefix(name, "Override-")
	case name[0] == 'H' || name[0] == 'M':
		return strings.HasPrefix(name, "Http-Method") || strings.HasPrefix(name, "Method-")
	case name[0] == 'S':
		return strings.HasPrefix(name, "Ssl-")
	case name[0] == 'A' || name[0] == 'W':
		return strings.HasPrefix(name, "Auth-User") || strings.HasPrefix(name, "Auth-Request-") || strings.HasPrefix(name, "Authenticated-") || strings.HasPrefix(name, "Webauth-")
	}
	return false
}

func plainName(name string) bool {
	for i := 0; i < len(name); i++ {
		if !isAlnum(name[i]) && name[i] != '-' {
			return false
		}
	}
	return name != ""
}
