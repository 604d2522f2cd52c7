package gateway

import (
	"net/netip"
	"net/url"
	"regexp"
	"time"

	"doorcode/challenge"
	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
	"doorcode/gateway/submit"
)

// Config is what the gateway needs to know, parsed and checked by package config.
type Config struct {
	Name           string     // what pages call the application
	PublicURLs     []*url.URL // scheme and host only; the first stands in redirects and messages
	Insecure       bool       // plain HTTP on a LAN: cookie names without __Host-, no Secure
	TrustedProxies []netip.Prefix
	Upstream       Upstream
	Login          submit.Config
	LoginRule      reading.Rule   // which request is the login; method POST
	LoginPage      reading.Rule   // path and query of login.page; GET and HEAD
	Logout         []reading.Rule // requests that may end the application's session
	SignOut        string         // path and query that ends a held session nobody came for; "" where no rule is that plain
	Public         []reading.Rule // open to visitors
	Doors          []reading.Rule // the application's other logins, closed to everybody
	Elsewhere      []reading.Rule // the application's own forms that look like a login
	Credentials    []scan.Pair    // the login's own fields and those of login.also
	SessionNames   []string       // further names of a session id in a URL (url_sessions)
	Authorization  bool           // pass Authorization on to the upstream
	Plain, Keep    []*regexp.Regexp
	Limits         Limits
	Session        challenge.SessionLife
}

// Upstream says where the application is and how to talk to it.
type Upstream struct {
	URL           *url.URL // scheme and host only
	Host          string   // sent as Host; "" is the public host the browser used
	Connections   int      // kept alive
	DialTimeout   time.Duration
	AnswerTimeout time.Duration // until the answer's header
}

// Limits bound what one request may bring.
type Limits struct {
	Header    int   // bytes of all header fields together; over it 431
	LoginBody int64 // bytes; over it 413
	Body      int64 // bytes; 0 is no bound
}
