package gateway

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"doorcode/gateway/seal"
	"doorcode/templates"
)

// This file is `login.isolation: carry`, for captchas, passwords that a script hashes with a number of the session, and logins of two
// pages: visitors have an upstream session, sealed to a visitor session (visitors.go), and a login goes up in it. What keeps that session
// from opening anything in the visitor's hands stands in visitors.spend and in carried below (invariant 3, threat A14).

// scopeOf is what a visitor session's cookies are sealed to. Ids of member sessions have no space in them.
func scopeOf(id string) string { return "visitor " + id }

// carryOf is the live visitor session behind a request; "" for none.
func (g *Gateway) carryOf(v *visit) string {
	if id := v.who.carry; g.config.Carry && id != "" && g.live.visitors.live(id, g.now()) {
		return id
	}
	return ""
}

// setCarry gives the browser a visitor session; h is the answer's header.
func (g *Gateway) setCarry(v *visit, h http.Header, id string) error {
	if v.who.kind == insider {
		v.who.member.carry.Store(&id)
		return nil
	}
	is := v.who
	is.carry = id
	if is.kind == stranger {
		is.kind = visitor
	}
	return g.setWho(headerWriter(h), is)
}

// signsInAgain reports whether a member's request belongs to a new login: the application's session is over (PHP's 24 minutes), the
// browser is led to the login page, and from then on the login page and what is public are a visitor's until he is in. His session here
// goes on. One who is still signed in is served as the member he is: a visitor's cookies would take the place of his own.
func (g *Gateway) signsInAgain(v *visit) (bool, error) {
	if !g.config.Carry || v.who.kind != insider || v.odd != nil {
		return false, nil
	}
	if id := g.carryOf(v); id != "" && g.openCarried(v, id).up != g.box.Open(v.r.Header["Cookie"], "").Header {
		return g.isOpen(v) // a cookie of the visitor session's came along
	}
	return v.reads() && g.isLoginPage(v) && !g.signedIn(v), nil
}

// signedIn asks confirm about a member's own session. Where it cannot be asked he is taken for signed in, and nothing changes.
func (g *Gateway) signedIn(v *visit) bool {
	up := g.openCookies(v).up
	if up == "" {
		return false
	}
	yes, _, err := g.submitter.Confirm(v.r.Context(), seal.JarOf(up), g.loginBrowser(v))
	return yes || err != nil
}

// serveCarried proxies what is open to everybody, in the visitor session of this browser or a new one.
func (g *Gateway) serveCarried(v *visit) error {
	p := &passage{visit: v, carry: g.carryOf(v)}
	if p.carry == "" {
		p.carry, p.begins = g.live.visitors.issue(g.now(), ""), true
	}
	p.cookies = g.openCarried(v, p.carry)
	if err := g.wholeBody(v); err != nil {
		return err
	}
	if err := g.scanRequest(p); err != nil {
		return err
	}
	if err := g.scanCarried(p); err != nil {
		return err
	}
	return g.cross(p)
}

func (g *Gateway) openCarried(v *visit, id string) openedCookies {
	up := g.box.Open(v.r.Header["Cookie"], scopeOf(id)).Header
	return openedCookies{up: up, plain: g.plainOnly(up)}
}

// wholeBody reads a visitor's body before any of it goes up: an application runs one that stops half way with what it has got, and
// would run it as whoever signs in meanwhile. Visitors send little but logins.
func (g *Gateway) wholeBody(v *visit) error {
	if v.r.Body == nil || v.r.Body == http.NoBody {
		return nil
	}
	done := v.hurry()
	raw, err := io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, g.config.Limits.LoginBody))
	done()
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return err
	} else if err != nil {
		return refuse(templates.BadRequest, err)
	}
	v.replaceBody(raw)
	return nil
}

func (v *visit) replaceBody(raw []byte) {
	v.readWhole()
	v.r.Body, v.r.ContentLength, v.r.TransferEncoding = io.NopCloser(bytes.NewReader(raw)), int64(len(raw)), nil
	v.r.Header.Set("Content-Length", strconv.Itoa(len(raw)))
}

// cross hands a visitor's request to the proxy, as one of its visitor session that logins wait for.
func (g *Gateway) cross(p *passage) error {
	p.r.Header.Del("Upgrade") // no WebSocket for visitors (threat B8)
	// The visitor's going away does not end the request at the application: see crossing.
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.r.Context()))
	defer cancel()
	screen := &curtain{ResponseWriter: p.w, patience: cmp.Or(g.config.Limits.Patience, patience), giveUp: cancel}
	defer screen.close()
	c := &crossing{id: p.carry, curtain: screen}
	if !g.live.visitors.begin(c, g.now()) {
		return g.toLogin(p.visit) // a login came first
	}
	whole := false
	defer func() { g.live.visitors.end(c, whole, g.now()) }()
	defer context.AfterFunc(p.r.Context(), screen.draw)()
	seen := *p.visit
	p.visit = &seen
	seen.w = screen
	if err := g.pass(ctx, p); err != nil {
		return err
	}
	whole = true
	if screen.drawn.Load() {
		panic(http.ErrAbortHandler) // the connection ends: what was written of the answer is not all of it
	}
	return nil
}

// carriedAnswer seals a visitor's cookies to the visitor session.
func (g *Gateway) carriedAnswer(p *passage, res *http.Response) error {
	if err := g.stillSignedOut(p, res); err != nil {
		return err
	}
	if g.mayHaveCookie(p.visit) {
		// Another site's form: what a session of nobody's sets would take the place of a member's cookies, the application's too (C7).
		g.live.names.addNew(g.box.VisitorAnswer(res.Header, p.path.String()))
		keepPrivate(res.Header)
		return nil
	}
	var names []string
	if p.first != nil {
		names = g.sealAll(res.Header, p)
	} else {
		names = g.box.SealAnswer(res.Header, scopeOf(p.carry), p.path.String()).Names
	}
	g.live.names.addNew(names)
	if p.begins && (len(names) > 0 || isPage(res.Header) || g.isLoginPage(p.visit)) {
		// The id goes with what is sealed to it, in one answer: of two that come at once the browser keeps both parts of one.
		if err := g.setCarry(p.visit, res.Header, p.carry); err != nil {
			return err
		}
	}
	keepPrivate(res.Header)
	return nil
}

// stillSignedOut asks confirm after each visitor's request that may change something: one that signs in would do so in a session that
// its visitor holds, without a code.
func (g *Gateway) stillSignedOut(p *passage, res *http.Response) error {
	if p.reads() {
		return nil
	}
	jar := g.jarAfter(p, res)
	yes, _, err := g.submitter.Confirm(p.r.Context(), jar, g.loginBrowser(p.visit))
	if err == nil && !yes {
		return nil
	}
	go g.signOut(p.r.Context(), jar)
	if err != nil {
		return g.upstreamRefusal(err)
	}
	g.log.Error().Str("request", p.ref()).Str("path", p.path.String()).
		Msg("a visitor's form signed in without being the login: the session was dropped; take this address out of public, or is it login.path?")
	return refuse(templates.Forbidden, errors.New("a visitor's form signed in without being the login"))
}

// carried hands a visitor session over to the login: (1) it is spent, so that nothing it sealed opens again, here or in any copy; (2) its
// visitor gets no more of its answers under way; (3) they have ended at the application; (4) only then its cookies are the login's.
// The upstream may keep the session's id: after this nobody has it but the login (invariant 3, threats A2, A14, D6).
func (g *Gateway) carried(ctx context.Context, v *visit) (*seal.Jar, error) {
	id := g.carryOf(v)
	up := ""
	if id != "" {
		up = g.openCarried(v, id).up
	}
	err := g.live.visitors.spend(ctx, id, g.now(), cmp.Or(g.config.Limits.Patience, patience))
	if errors.Is(err, errSpent) || errors.Is(err, errUnderWay) {
		return nil, refuse(templates.Stale, err)
	}
	return seal.JarOf(up), err
}

// carrier is how submit comes by the session of a login; nil: it opens one of its own.
func (g *Gateway) carrier(v *visit) func(context.Context) (*seal.Jar, error) {
	if !g.config.Carry {
		return nil
	}
	return func(ctx context.Context) (*seal.Jar, error) { return g.carried(ctx, v) }
}

// goOn seals the session of a failed login to a new visitor session: the next captcha, or the password's page, is in it. Nobody is
// signed in there, as confirm said after the last request in it; and it opens for this browser alone, which sent the login.
func (g *Gateway) goOn(v *visit, jar *seal.Jar) error {
	if jar == nil {
		return nil
	}
	next := g.live.visitors.issue(g.now(), visitorName(v.who.carry))
	if err := g.setCarry(v, v.w.Header(), next); err != nil {
		return err
	}
	for _, cookie := range g.box.SealJar(jar, scopeOf(next)) {
		cookie.SetOn(v.w.Header())
	}
	return nil
}
