package gateway

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// openCookies is the Cookie header that goes up: what was sealed for this session, and what the configuration lets through.
func (g *Gateway) openCookies(v *visit) openedCookies {
	headers := v.r.Header["Cookie"]
	if len(headers) == 0 {
		return openedCookies{}
	}
	m := v.who.member
	if m == nil {
		up := g.box.Open(headers, "").Header
		return openedCookies{up: up, plain: g.plainOnly(up)}
	}
	if last := m.opened.Load(); last != nil && len(headers) == 1 && last.text == headers[0] && last.by == g.box {
		return *last
	}
	opened := g.box.Open(headers, m.session.ID)
	g.hintDropped(opened.Dropped)
	now := &openedCookies{by: g.box, text: headers[0], up: opened.Header, plain: g.plainOnly(opened.Header)}
	if len(headers) == 1 {
		m.opened.Store(now)
	}
	return *now
}

// plainOnly is what of a Cookie header the browser's scripts may have written: only that can carry credentials of an attacker's
// choice. Everything else was set by the application and sealed here.
func (g *Gateway) plainOnly(header string) string {
	if len(g.config.Plain) == 0 {
		return ""
	}
	var plain []string
	for pair := range strings.SplitSeq(header, ";") {
		name, _, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if slices.ContainsFunc(g.config.Plain, func(p *regexp.Regexp) bool { return p.MatchString(name) }) {
			plain = append(plain, pair)
		}
	}
	return strings.Join(plain, ";")
}

// sealAnswer is where every proxied answer comes by. A member's cookies are sealed to the session; a visitor's are withheld.
func (g *Gateway) sealAnswer(res *http.Response) error {
	p := res.Request.Context().Value(visitKey{}).(*passage)
	g.rewriteLocation(res.Header, p.public)
	delete(res.Trailer, "Set-Cookie")
	delete(res.Header, "Set-Cookie2") // RFC 2965: no browser takes it, every script could read it (A8)
	p.w.Header().Del("Set-Cookie")    // left by a 103
	if err := dropConnectionSchemes(res); err != nil {
		return err
	}
	var err error
	switch {
	case p.client != nil:
		return clientAnswer(res)
	case !p.isMember():
		err = g.visitorAnswer(p, res)
	case res.StatusCode == http.StatusSwitchingProtocols && p.logout:
		err = errors.New("upgrade on a logout")
	default:
		err = g.memberAnswer(p, res)
	}
	if err == nil {
		g.relink(p, res)
	}
	return err
}

func (g *Gateway) visitorAnswer(p *passage, res *http.Response) error {
	if res.StatusCode == http.StatusSwitchingProtocols {
		return errors.New("upgrade for a visitor")
	}
	if p.carry != "" {
		return g.carriedAnswer(p, res)
	}
	dropped := g.box.VisitorAnswer(res.Header, p.path.String())
	g.live.names.addNew(dropped)
	g.hintWithheld(dropped)
	if p.who.kind == stranger && !g.mayHaveCookie(p.visit) && res.StatusCode != http.StatusNotModified && (isPage(res.Header) || g.isLoginPage(p.visit)) {
		// The gateway cookie comes with the login page, and with any other page that may have the form on it; a login without it
		// is told that the browser keeps no cookies.
		if err := g.setWho(headerWriter(res.Header), who{kind: visitor}); err != nil {
			return err
		}
	}
	keepPrivate(res.Header)
	return nil
}

func isPage(h http.Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/html")
}

// keepPrivate keeps an answer that sets cookies out of shared caches, which would hand them to others (threat D4). What the
// application says of caching is otherwise left alone.
func keepPrivate(h http.Header) {
	if len(h["Set-Cookie"]) > 0 {
		makePrivate(h)
	}
}

func makePrivate(h http.Header) {
	for _, value := range h["Cache-Control"] {
		value = strings.ToLower(value)
		if strings.Contains(value, "no-store") || strings.Contains(value, "private") {
			return
		}
	}
	h.Set("Cache-Control", "private") // instead of "public" too: a second line might not be read
}

func (g *Gateway) memberAnswer(p *passage, res *http.Response) error {
	if err := g.stillTheSame(p, res); err != nil {
		return err
	}
	if len(res.Header["Set-Cookie"]) == 0 && !p.logout {
		return nil
	}
	if p.logout {
		if err := g.endIfSignedOut(p, res); err != nil {
			return err
		}
	}
	changed := g.box.SealAnswer(res.Header, p.who.id, p.path.String())
	g.live.names.addNew(changed.Names)
	keepPrivate(res.Header)
	return nil
}

// headerWriter lets a cookie be set on an answer that is not written yet.
type headerWriter http.Header

func (h headerWriter) Header() http.Header         { return http.Header(h) }
func (h headerWriter) Write(b []byte) (int, error) { return len(b), nil }
func (h headerWriter) WriteHeader(int)             {}

// addNew is add, without a lock that others hold where all names are known.
func (s *sessionNames) addNew(names []string) {
	for _, name := range names {
		if !s.has(name) {
			s.add(name)
		}
	}
}
