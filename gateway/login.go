package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mileusna/useragent"

	"doorcode/challenge"
	"doorcode/gateway/reading"
	"doorcode/gateway/seal"
	"doorcode/gateway/submit"
	"doorcode/templates"
)

// This file holds what the steps of road.go use: it decides nothing about who enters.

// loginRefusal says what a login that cannot be read in one way gets.
func loginRefusal(err error) error {
	switch {
	case errors.Is(err, reading.ErrTooLarge):
		return refuse(templates.TooLarge, err)
	case errors.Is(err, reading.ErrUnreadable), errors.Is(err, reading.ErrAmbiguous), errors.Is(err, reading.ErrNotLogin):
		return refuse(templates.BadRequest, err)
	}
	return err
}

// dropSessionIDs keeps a login from choosing the session that it signs in (invariant 3, threat A2): PHP without use_only_cookies takes
// one from query and body where the form came without a cookie. In the address it is refused as everywhere; as a field, which
// PHP writes into forms itself (use_trans_sid), it goes, and comes back with the fresh form's value. What is short, or learned only
// by this login, brought finds afterwards.
func (g *Gateway) dropSessionIDs(v *visit, l *reading.Login) error {
	if g.sessionInURL(v) || g.sessionIDs.Request().Query(v.r.URL.RawQuery) {
		return refuse(templates.Forbidden, errors.New("session id in the address of a login"))
	}
	for _, p := range sessionPairs(g.config.SessionNames) {
		l.Drop(p.Password)
	}
	for _, name := range l.Names() {
		if value, _ := l.Value(name); g.namesSession(name) && looksLikeID(value) {
			l.Drop(name)
		}
	}
	return nil
}

// loginBrowser is what the upstream is told of the browser in the form fetch, the login and confirm: one function for the three,
// because names of cookies may depend on scheme and port.
func (g *Gateway) loginBrowser(v *visit) submit.Browser {
	h := make(http.Header)
	for _, name := range []string{"User-Agent", "Accept-Language"} {
		if value := v.r.Header.Get(name); value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	origin := v.public.Scheme + "://" + v.public.Host
	h.Set("Origin", origin)
	h.Set("Referer", origin+g.config.Login.Page)
	g.forwarded(h, v)
	b := submit.Browser{Header: h, Host: g.upstreamHost(v.public), Public: v.public, Script: v.script}
	if v.script {
		h["X-Requested-With"] = v.r.Header["X-Requested-With"] // submit passes the one value that says something
	}
	// Only the one address that the configuration names is the login's for sure. At any other (path: "*", an alias, a PATH_INFO behind
	// the script's name) an application that signs in everywhere would run whatever page the browser chose, as the user, before
	// the code. The login goes to its form's address then (threat B6).
	if rule := g.config.LoginRule.Path; !rule.Open() && rule.Match(v.path) {
		b.Path, b.Query = v.path.Escaped(), v.r.URL.RawQuery
	}
	return b
}

// keptBy is what a browser keeps of the application's preferences: who chose Arabic is told of a wrong password in Arabic.
func (g *Gateway) keptBy(v *visit) *seal.Jar {
	if len(g.config.Keep) == 0 {
		return nil
	}
	return seal.JarOf(g.box.Open(v.r.Header["Cookie"], "").Header).Only(g.config.Keep)
}

// forwarded tells the upstream who asks and by which address; what the client itself said of that is gone (reading.Clean).
func (g *Gateway) forwarded(h http.Header, v *visit) {
	// One array for all of them: this runs for every request. Each slice is as long as it may get, so an Add cannot reach its neighbour.
	says := &[3]string{v.address.String(), v.public.Host, v.public.Scheme}
	if v.address.IsValid() { // else a trusted proxy named garbage: nothing is said rather than something wrong
		h["X-Forwarded-For"] = says[0:1:1]
		h["X-Real-Ip"] = says[0:1:1]
	}
	h["X-Forwarded-Host"] = says[1:2:2]
	h["X-Forwarded-Proto"] = says[2:3:3]
}

func (g *Gateway) upstreamHost(public *url.URL) string {
	if g.config.Upstream.Host != "" {
		return g.config.Upstream.Host
	}
	return public.Host
}

// showFailed shows the application's own answer to a failed login, without its cookies and with nothing of its header but what
// kind of text it is; or a page of ours where the answer carries what it must not.
func (g *Gateway) showFailed(v *visit, answer submit.Answer) error {
	if err := g.goOn(v, answer.Onward); err != nil {
		return err
	}
	shown := answer.Show
	if shown == nil {
		return refuse(templates.Failed, nil)
	}
	g.write(v, *shown)
	return nil
}

// toLogin sends a visitor's page to the login page, and remembers where it wanted to go; everything else is told 401.
func (g *Gateway) toLogin(v *visit) error {
	if !v.isPage() {
		return refuse(templates.Unauthorized, nil)
	}
	// A sign-out on an ended session, by the back button or in an old tab, has nothing left to do: the next login must not lead to it.
	logout, err := v.judge(g.config.Logout, true)
	if err != nil {
		return err
	}
	if !v.reads() && !logout {
		// A form on an ended session: the invoice in it must not be lost, so it is not led away from.
		return refuse(templates.SignInAgain, nil)
	}
	if v.framed() && !logout {
		// The login page would be shown where no login can be sent from, and its page is one without the frames around it.
		return refuse(templates.Framed, nil)
	}
	if g.mayHaveCookie(v) {
		return g.seeOther(v, g.config.Login.Page)
	}
	back := ""
	if !logout {
		back, _ = reading.Return(v.target())
	}
	is := who{kind: visitor, trail: v.who.trail, back: back, carry: v.who.carry}
	if v.who.kind == pending {
		is.kind, is.id, is.script = pending, v.who.id, v.who.script
	}
	if err := g.setWho(v.w, is); err != nil {
		return err
	}
	return g.seeOther(v, g.config.Login.Page)
}

// seeOther redirects within our own origin. The address is relative, so no Host of a client's can lead it elsewhere (threat E9).
func (g *Gateway) seeOther(v *visit, to string) error {
	h := v.w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "no-store") // this answer sets session cookies
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// homeOf is where a new member goes: where it wanted to go, else where the login's answer led, else the front page.
func (g *Gateway) homeOf(wanted, led string) string {
	for _, to := range []string{wanted, led} {
		if to, ok := reading.Return(to); ok && to != "" && to != g.config.Login.Page {
			return to
		}
	}
	return "/"
}

// signOut ends an upstream session that no browser will get, where the configuration says how (threat A7). It goes on when the
// request is over.
func (g *Gateway) signOut(ctx context.Context, jar *seal.Jar) {
	if g.config.SignOut.Path == "" || jar == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	public := g.config.PublicURLs[0]
	h := http.Header{"User-Agent": {"Doorcode"}}
	h.Set("X-Forwarded-Host", public.Host)
	h.Set("X-Forwarded-Proto", public.Scheme)
	origin := public.Scheme + "://" + public.Host
	h.Set("Origin", origin) // a logout by form is looked at like any form
	h.Set("Referer", origin+"/")
	if err := g.submitter.SignOut(ctx, jar, submit.Browser{Header: h, Host: g.upstreamHost(public), Public: public}, g.config.SignOut); err != nil {
		g.log.Warn().Err(err).Msg("a held session was forgotten but not signed out at the application")
	}
}

// signOutHeld opens what a challenge held and ends it.
func (g *Gateway) signOutHeld(ctx context.Context, held challenge.Held, id string) {
	if g.config.SignOut.Path == "" {
		return
	}
	h, err := g.box.Release(held, id)
	if err != nil {
		g.log.Warn().Err(err).Msg("a held session did not open and was forgotten")
		return
	}
	g.signOut(ctx, h.Jar)
}

func (g *Gateway) revokeSession(v *visit, id string) error {
	revoked, err := g.door.Revoke(context.WithoutCancel(v.r.Context()), challenge.Match{Session: id})
	g.live.End(revoked.Sessions...)
	return err
}

// session is the live member session that a login came in; nil for none.
func (w who) session() *challenge.Session {
	if w.kind != insider {
		return nil
	}
	s := w.member.session
	s.UsedAt = time.Unix(0, w.member.used.Load()) // of the entry, else: a long day's member would be asked a code as if he had been idle
	return &s
}

// challenge is the challenge that this browser had pending; "" for none.
func (w who) challenge() string {
	if w.kind != pending {
		return ""
	}
	return w.id
}

// maxAgent bounds what is kept of a User-Agent.
const maxAgent = 512

func agent(r *http.Request) string {
	a := strings.ToValidUTF8(r.UserAgent(), "?")
	return a[:min(len(a), maxAgent)]
}

// family names the browser: trust is bound to it (threat D1). User agents are hints, low stakes: a thief can copy this one too.
func family(r *http.Request) string {
	ua := useragent.Parse(agent(r))
	return ua.Name + "/" + ua.OS
}

// signsIn reports whether an Authorization header carries credentials that an application may take on any address (threats B5, B16).
func signsIn(values []string) bool {
	return slices.ContainsFunc(schemes(values), func(scheme string) bool {
		return strings.EqualFold(scheme, "basic") || strings.EqualFold(scheme, "digest") || connectionScheme(scheme)
	})
}

// schemes are the first words in an Authorization header: servers join several lines with commas, and may look at any of them.
func schemes(values []string) (all []string) {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if words := strings.Fields(part); len(words) > 0 {
				all = append(all, words[0])
			}
		}
	}
	return all
}
