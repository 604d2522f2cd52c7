package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"doorcode/gateway/reading"
	"doorcode/gateway/seal"
	"doorcode/templates"
)

// newTransport keeps connections to the upstream. It never unpacks what the browser asked for packed.
func newTransport(u Upstream, answer time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: u.DialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    u.DialTimeout,
		ResponseHeaderTimeout:  answer,
		MaxIdleConns:           u.Connections,
		MaxIdleConnsPerHost:    u.Connections,
		IdleConnTimeout:        90 * time.Second,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 1 << 20,
		ForceAttemptHTTP2:      false, // one request a connection: an answer can then be no one else's (threat B10)
	}
}

func (g *Gateway) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        g.rewrite,
		Transport:      roads{g},
		BufferPool:     newBufferPool(),
		ModifyResponse: g.sealAnswer,
		ErrorHandler:   g.proxyError,
		ErrorLog:       stdlog.New(io.Discard, "", 0), // what matters reaches proxyError
	}
}

// roads are the ways up: most requests must be answered soon, exports may take their time, and programs have connections of their own.
type roads struct{ g *Gateway }

// RoundTrip is http.RoundTripper's.
func (u roads) RoundTrip(r *http.Request) (*http.Response, error) {
	switch p := r.Context().Value(visitKey{}).(*passage); {
	case p.client != nil:
		return p.client.transport.RoundTrip(r)
	case p.slow:
		return u.g.patient.RoundTrip(r)
	}
	return u.g.transport.RoundTrip(r)
}

type visitKey struct{}

// passage is what one proxied request needs on the way up and on the way back.
type passage struct {
	context.Context // of the request that goes up
	*visit
	writer  answerWriter
	cookies openedCookies
	logout  bool
	slow    bool      // it is one that upstream.slow names
	carry   string    // the visitor session that it goes up in; "" for none
	begins  bool      // which is a new one
	first   *seal.Jar // login.first: the cookies of the session before
	failure error
}

// Value makes the passage its own entry in the context of the request that goes up: one allocation less on every page.
func (p *passage) Value(key any) any {
	if key == (visitKey{}) {
		return p
	}
	return p.Context.Value(key)
}

// serveMember proxies a member's request: opened cookies up, sealed cookies back, and everything under way ends with the session.
func (g *Gateway) serveMember(v *visit) error {
	logout, err := v.judge(g.config.Logout, true)
	if err != nil {
		return err
	}
	// How long an answer may take opens nothing: what these rules cannot judge gets no more time than the rest, and is not refused.
	slow, err := v.judge(g.config.Upstream.Slow, false)
	p := &passage{visit: v, cookies: g.openCookies(v), logout: logout, slow: slow && err == nil}
	if err := g.scanRequest(p); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(v.r.Context())
	defer cancel()
	if !v.who.member.begin(p, cancel) {
		return g.toLogin(v) // it ended since whoIs looked
	}
	defer v.who.member.done(p)
	return g.pass(ctx, p)
}

// serveVisitor proxies what is open to everybody, without cookies but for plain and keep.
func (g *Gateway) serveVisitor(v *visit) error {
	if g.config.Carry {
		return g.serveCarried(v)
	}
	v.r.Header.Del("Upgrade") // no WebSocket for visitors (threat B8)
	p := &passage{visit: v, cookies: g.openCookies(v)}
	if err := g.scanRequest(p); err != nil {
		return err
	}
	return g.pass(v.r.Context(), p)
}

// scanRequest looks for credentials that are not the login, in query and cookies now and in the body while it streams.
func (g *Gateway) scanRequest(p *passage) error {
	names := g.searched()
	elsewhere, err := p.judge(g.config.Elsewhere, false)
	if err != nil {
		return err
	}
	if elsewhere {
		names = g.sessionIDs // the application's own form may have a user and a password in it, but nobody else's session (threat A5)
	}
	bodiless := p.r.Body == nil || p.r.Body == http.NoBody
	if bodiless && p.r.URL.RawQuery == "" && p.cookies.plain == "" {
		return nil
	}
	s := names.Request()
	if s.Query(p.r.URL.RawQuery) || s.Cookies(p.cookies.plain) {
		return refuse(templates.Forbidden, errors.New("user and password outside the login"))
	}
	if bodiless {
		return nil
	}
	body, err := s.Body(p.r.Header, p.r.Body)
	if err != nil {
		return err
	}
	p.r.Body = body
	return nil
}

// pass hands the request to the proxy. What goes wrong on the way comes back as an error unless the answer had begun.
func (g *Gateway) pass(ctx context.Context, p *passage) (err error) {
	if p.r.Body != nil && p.r.Body != http.NoBody {
		p.readWhole()
		body := newSteadyBody(p.w, p.r, g.config.Limits.Stall)
		defer func() {
			if stall := body.end(); stall != nil && err != nil {
				err = stall
			}
		}()
		p.r.Body = body
	}
	max := g.config.Limits.Body
	if p.client != nil {
		max = p.client.Body
	}
	if max > 0 {
		if p.r.ContentLength > max {
			// Refused before any of it goes up: mod_php runs a POST that was cut off with the fields it got.
			return refuse(templates.TooLarge, fmt.Errorf("a body of %d bytes", p.r.ContentLength))
		}
		p.r.Body = http.MaxBytesReader(p.w, p.r.Body, max)
	}
	p.Context, p.writer.ResponseWriter = ctx, p.w
	g.proxy.ServeHTTP(&p.writer, p.r.WithContext(p))
	p.writer.dropTrailers()
	return p.failure
}

// isMember reports whether the request goes up in a member's session.
func (p *passage) isMember() bool { return p.who.kind == insider && p.carry == "" }

// rewrite makes the request that goes up from the one that came. In is not touched.
func (g *Gateway) rewrite(pr *httputil.ProxyRequest) {
	p := pr.In.Context().Value(visitKey{}).(*passage)
	out := pr.Out
	out.URL.Scheme, out.URL.Host = g.config.Upstream.URL.Scheme, g.config.Upstream.URL.Host
	if p.odd == nil {
		// What was judged is what is sent, letter for letter (invariant 6).
		out.URL.Path, out.URL.RawPath = p.path.String(), p.path.Escaped()
	}
	out.URL.RawQuery = pr.In.URL.RawQuery // Rewrite drops what it cannot parse, and old applications send such things
	out.Host = g.upstreamHost(p.public)
	upgrade := p.isMember() && reading.WebSocket(out.Header)
	reading.Clean(out.Header)
	if upgrade {
		out.Header.Set("Connection", "Upgrade")
		out.Header.Set("Upgrade", "websocket")
	}
	g.dropKeys(p, out.Header)
	if !g.passesAuthorization(p) {
		delete(out.Header, "Authorization")
	}
	if p.cookies.up == "" {
		delete(out.Header, "Cookie")
	} else {
		out.Header["Cookie"] = []string{p.cookies.up}
	}
	delete(out.Header, "Expect")
	g.askReadable(p, out.Header)
	g.forwarded(out.Header, p.visit)
}

// passesAuthorization: a client's own goes up where its rule says so, a member's where the configuration does. A visitor's token would
// open what it opens before any code (threat B5).
func (g *Gateway) passesAuthorization(p *passage) bool {
	if p.client != nil {
		return p.client.Authorization
	}
	return g.config.Authorization && p.isMember()
}

// proxyError keeps what went wrong for pass to return.
func (g *Gateway) proxyError(_ http.ResponseWriter, r *http.Request, err error) {
	p := r.Context().Value(visitKey{}).(*passage)
	var known *refusal
	switch {
	case errors.As(err, &known):
		p.failure = known
		return
	case p.who.member != nil && p.who.member.ended() && p.r.Context().Err() == nil:
		p.failure = refuse(templates.Unauthorized, errors.New("the session ended while its request was under way"))
		return
	}
	p.failure = g.upstreamRefusal(err)
}

// rewriteLocation makes an address of the upstream's own one of ours, in Location, Content-Location and Refresh.
func (g *Gateway) rewriteLocation(h http.Header, public *url.URL) {
	for _, name := range []string{"Location", "Content-Location"} {
		if value := h.Get(name); value != "" {
			h.Set(name, g.publicAddress(value, public))
		}
	}
	if value := h.Get("Refresh"); value != "" {
		i := refreshAddress(value)
		h.Set("Refresh", value[:i]+g.publicAddress(value[i:], public))
	}
}

// refreshAddress is where the address begins in "5; url=ADDRESS", as browsers read it: "," for ";", quotes and a missing "url=" are
// all the same to them (HTML §4.2.5.3).
func refreshAddress(value string) int {
	i := strings.IndexAny(value, ";,")
	if i < 0 {
		return len(value)
	}
	skip := func(set string) { i += len(value[i:]) - len(strings.TrimLeft(value[i:], set)) }
	skip(";, \t")
	if len(value)-i > 3 && strings.EqualFold(value[i:i+3], "url") {
		if rest := strings.TrimLeft(value[i+3:], " \t"); strings.HasPrefix(rest, "=") {
			i = len(value) - len(rest) + 1
			skip(" \t")
		}
	}
	skip(`"'`)
	return i
}

// publicAddress exchanges the origin of an address that names the application itself: its own address, the Host it is sent, or one of our
// names by the wrong scheme. The rest stays as the application wrote it, bad escapes too.
func (g *Gateway) publicAddress(address string, public *url.URL) string {
	scheme, rest, ok := strings.Cut(address, "//")
	if scheme = strings.ToLower(scheme); !ok || scheme != "" && scheme != "http:" && scheme != "https:" {
		return address
	}
	end := strings.IndexAny(rest, `/?#\"'`)
	if end < 0 {
		end = len(rest)
	}
	host := rest[strings.LastIndexByte(rest[:end], '@')+1 : end]
	if !g.isUpstream(strings.TrimSuffix(scheme, ":"), host) {
		return address
	}
	return public.Scheme + "://" + public.Host + rest[end:]
}

func (g *Gateway) isUpstream(scheme, host string) bool {
	own := g.config.Upstream
	if sameHost(scheme, host, own.URL.Scheme, own.URL.Host) || own.Host != "" && sameHost(scheme, host, own.URL.Scheme, own.Host) {
		return true
	}
	for _, other := range slices.Concat(g.config.Rewrite.Addresses, g.config.PublicURLs) {
		if sameHost(scheme, host, other.Scheme, other.Host) {
			return true
		}
	}
	return false
}

// sameHost compares hosts, the scheme's own port written or not.
func sameHost(scheme, host, ownScheme, ownHost string) bool {
	return strings.EqualFold(barePort(scheme, host), barePort(ownScheme, ownHost))
}

func barePort(scheme, host string) string {
	if strings.EqualFold(scheme, "https") {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

// answerWriter takes Set-Cookie out of what ReverseProxy sends past ModifyResponse: 103 answers and trailers (invariant 2, threat A10).
type answerWriter struct{ http.ResponseWriter }

// Unwrap lets http.ResponseController reach Flush and Hijack.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *answerWriter) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		w.Header().Del("Set-Cookie")
	}
	w.ResponseWriter.WriteHeader(status)
}

// dropTrailers runs when the answer's body is through and before its trailers are written: whatever stands in the header now is one.
func (w *answerWriter) dropTrailers() {
	h := w.Header()
	for name := range h {
		if strings.EqualFold(strings.TrimPrefix(name, http.TrailerPrefix), "Set-Cookie") {
			delete(h, name)
		}
	}
}

// bufferPool spares each answer 32 KiB of garbage, a third of a proxy's time.
type bufferPool struct{ pool sync.Pool }

const bufferSize = 32 << 10

func newBufferPool() *bufferPool {
	return &bufferPool{sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}}
}

func (p *bufferPool) Get() []byte  { return *p.pool.Get().(*[]byte) }
func (p *bufferPool) Put(b []byte) { p.pool.Put(&b) }
