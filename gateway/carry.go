package gateway

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
	"doorcode/gateway/seal"
	"doorcode/templates"
)

// This file is `login.isolation: carry`, for captchas, passwords that a script hashes with a number of the session, and logins of two
// pages: visitors have an upstream session, sealed to a visitor session (visitors.go), and a login goes up in it. What keeps that session
// from opening anything in the visitor's hands stands in visitors.spend and in carried below (invariant 3, threat A14).

// FirstPage is the form of a two-page login that asks for the name.
type FirstPage struct {
	Rule   reading.Rule // which request it is; method POST
	Fields reading.LoginFields
}

// scopeOf is what a visitor session's cookies are sealed to. Ids of member sessions have no space in them.
func scopeOf(id string) string { return "visitor " + id }

// carryOf is the live visitor session behind a request; "" for none. A member's is known to the program alone, and only while he signs
// in again.
func (g *Gateway) carryOf(v *visit) string {
	id := v.who.carry
	if v.who.kind == insider {
		id = ""
		if carry := v.who.member.carry.Load(); carry != nil {
			id = *carry
		}
	}
	if !g.config.Carry || id == "" || !g.live.visitors.live(id, g.now()) {
		return ""
	}
	return id
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

// scanCarried keeps visitors from saying beside the login what only the login may: a name after the one that was judged, which the
// application would keep in its session, or a field that login.fixed holds.
func (g *Gateway) scanCarried(p *passage) error {
	v := p.visit
	if g.ofLogin == nil {
		return nil
	}
	s := g.ofLogin.Request()
	if g.fieldInQuery(v) || s.Cookies(p.cookies.plain) {
		return refuse(templates.Forbidden, errors.New("a field of the login in the address or a cookie of a visitor's request"))
	}
	if v.r.Body == nil || v.r.Body == http.NoBody {
		return nil
	}
	raw, err := io.ReadAll(v.r.Body)
	if err != nil {
		return err
	}
	body, err := s.Body(v.r.Header, io.NopCloser(bytes.NewReader(raw)))
	if err == nil {
		_, err = io.Copy(io.Discard, body)
	}
	if err != nil {
		return refuse(templates.Forbidden, fmt.Errorf("a field of the login in the body of a visitor's request: %w", err))
	}
	v.replaceBody(raw)
	return nil
}

// fieldInQuery looks for such a field in the address; one of login.fixed may say there what it must be.
func (g *Gateway) fieldInQuery(v *visit) bool {
	parted, _ := reading.ParseQuery(strings.ReplaceAll(v.r.URL.RawQuery, ";", "&"))
	for _, query := range []reading.Params{v.query, parted} {
		for _, fixed := range g.config.Login.Fixed {
			if slices.ContainsFunc(query.Get(fixed.Name), func(value string) bool { return value != fixed.Value }) {
				return true
			}
		}
		if g.config.First == nil {
			continue
		}
		users, _ := g.config.First.Fields.Names()
		if slices.ContainsFunc(users, func(name string) bool { return len(query.Get(name)) > 0 }) {
			return true
		}
	}
	return false
}

// fieldsOfLogin are what scanCarried looks for in bodies and cookies; nil for nothing.
func fieldsOfLogin(c Config) *scan.Names {
	var names []string
	if c.First != nil {
		names, _ = c.First.Fields.Names()
	}
	for _, fixed := range c.Login.Fixed {
		names = append(names, fixed.Name)
	}
	if names == nil {
		return nil
	}
	var pairs []scan.Pair
	for _, name := range names {
		pairs = append(pairs, scan.Pair{Users: []string{name}, Password: name})
	}
	return scan.New(pairs)
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

// sealAll seals to the session that a first page opens what it had in the one before, as the answer left it.
func (g *Gateway) sealAll(h http.Header, p *passage) (names []string) {
	p.first.Take(h, p.path.String())
	h.Del("Set-Cookie")
	for _, cookie := range g.box.SealJar(p.first, scopeOf(p.carry)) {
		cookie.SetOn(h)
	}
	return p.first.Names()
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

// loginFields are the fields of the login, and with two pages the name that the first one brought.
func (g *Gateway) loginFields(v *visit) (reading.LoginFields, error) {
	if g.config.First == nil {
		return g.config.Login.Fields, nil
	}
	name := visitorName(g.carryOf(v))
	if name == "" {
		return reading.LoginFields{}, refuse(templates.Stale, errors.New("a password without the page before, which asks for the name"))
	}
	return g.config.Login.Fields.After(name), nil
}

// goOn seals the session of a failed login to a new visitor session: the next captcha, or the password's page, is in it. Nobody is
// signed in there, as confirm said after the last request in it; and it opens for this browser alone, which sent the login.
func (g *Gateway) goOn(v *visit, jar *seal.Jar) error {
	if jar == nil {
		return nil
	}
	next := g.live.visitors.issue(g.now(), visitorName(g.spentBy(v)))
	if err := g.setCarry(v, v.w.Header(), next); err != nil {
		return err
	}
	for _, cookie := range g.box.SealJar(jar, scopeOf(next)) {
		cookie.SetOn(v.w.Header())
	}
	return nil
}

// spentBy is the visitor session that this request's login went up in.
func (g *Gateway) spentBy(v *visit) string {
	if v.who.kind == insider {
		if carry := v.who.member.carry.Load(); carry != nil {
			return *carry
		}
	}
	return v.who.carry
}

// isFirst reports whether the request is the first of a two-page login's, with the name.
func (g *Gateway) isFirst(v *visit) (bool, error) {
	first := g.config.First
	if first == nil || v.who.kind == insider && g.carryOf(v) == "" {
		return false, nil
	}
	ok, err := v.judge([]reading.Rule{first.Rule}, true)
	if err != nil || !ok {
		return false, err
	}
	if v.odd != nil || !v.onSame(first.Rule.Path) {
		return false, refuse(templates.BadRequest, errors.New("odd spelling of login.first's address"))
	}
	return true, nil
}

// firstPage is the form with the name. It goes up in the visitor session, which ends with it; its answer opens a new one that has the
// name in it. So the name that the password is judged by is the last one that the application was told: cookies of before, with
// another name, open nothing.
func (g *Gateway) firstPage(v *visit) error {
	if err := g.mayLogIn(v); err != nil {
		return err
	}
	done := v.hurry()
	l, err := reading.ReadName(v.r.Header, v.r.URL.RawQuery, v.r.Body, g.config.Limits.LoginBody, g.config.First.Fields)
	done()
	if err != nil {
		return loginRefusal(err)
	}
	v.readWhole()
	if err := g.dropSessionIDs(v, l); err != nil {
		return err
	}
	if g.fieldInQuery(v) {
		return refuse(templates.Forbidden, errors.New("a field of the login in the address of its first page"))
	}
	for _, fixed := range g.config.Login.Fixed {
		if slices.ContainsFunc(l.Names(), func(name string) bool { return reading.Touches(name, fixed.Name) }) {
			l.Set(fixed.Name, fixed.Value)
		}
	}
	jar, err := g.carried(v.r.Context(), v)
	if err != nil {
		return err
	}
	contentType, body := l.Encode()
	v.r.Header["Content-Type"] = []string{contentType}
	v.replaceBody(body)
	up := jar.Header(v.path.Escaped())
	return g.cross(&passage{
		visit: v, carry: g.live.visitors.issue(g.now(), l.User()), begins: true, first: jar, cookies: openedCookies{up: up},
	})
}
