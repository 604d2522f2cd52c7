package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"doorcode/gateway/seal"
	"doorcode/templates"
)

// stillTheSame asks confirm again when a member's answer changes a cookie that the login had set: a login past the gateway would
// show so (invariant 4, threats B15, B17). It is a last wire, not a closing: doors and login.also close. Another name ends the
// session and withholds the answer. Where confirm could not be asked, or said that nobody is signed in, nothing is known of who signs in
// next, and it need not show: from then on every answer of the session is asked about until confirm names its user again.
func (g *Gateway) stillTheSame(p *passage, res *http.Response) error {
	m := p.who.member
	changed := g.changesLogin(p, res)
	if m.session.Confirmed == "" || !changed && !m.doubtful.Load() {
		return nil
	}
	yes, name, err := g.submitter.Confirm(p.r.Context(), g.jarAfter(p, res), g.loginBrowser(p.visit))
	switch {
	case err != nil:
		m.doubtful.Store(true)
		return fmt.Errorf("who is in was not told: %w", err)
	case !yes:
		m.doubtful.Store(true)
		return nil // signed out is no other user
	case name == m.session.Confirmed:
		m.doubtful.Store(false)
		if changed && p.reads() {
			m.renewed.Add(1)
		}
		return nil
	}
	return g.changedHands(p, res, name)
}

// changedHands ends a session that is another user's now, here and at the application.
func (g *Gateway) changedHands(p *passage, res *http.Response, name string) error {
	g.log.Warn().Str("request", p.ref()).Str("user", p.who.member.session.Name).Str("now", clip(name)).Str("path", clip(p.path.String())).
		Msg("the application's session became another user's outside the login: the session was ended; is this address another door (doors, login.also)?")
	g.live.End(p.who.id) // cancels the session's other requests too
	if err := g.revokeSession(p.visit, p.who.id); err != nil {
		g.log.Error().Err(err).Str("request", p.ref()).Msg("session was ended in memory only")
	}
	go g.signOut(p.r.Context(), g.jarAfter(p, res))
	return refuse(templates.Forbidden, errors.New("the application's session became another user's"))
}

// renewals is after how many renewed cookies in a row on mere reading an application is taken for one that always does so.
const renewals = 3

// changesLogin reports whether an answer sets a cookie that the login had set, those aside that scripts may write. Where an application
// renews its cookies with every answer, only requests that may change something are asked about; a page without shows that it does not.
func (g *Gateway) changesLogin(p *passage, res *http.Response) bool {
	m := p.who.member
	set := seal.Jar{}
	set.Take(res.Header, p.path.String())
	sets := slices.ContainsFunc(set.Names(), func(name string) bool {
		return slices.Contains(m.session.Cookies, name) && !g.box.Passes(name)
	})
	if !sets && p.reads() && isPage(res.Header) {
		m.renewed.Store(0)
	}
	return sets && !(p.reads() && m.renewed.Load() >= renewals)
}

// jarAfter is the cookies as they will be once the browser has this answer.
func (g *Gateway) jarAfter(p *passage, res *http.Response) *seal.Jar {
	jar := seal.JarOf(p.cookies.up)
	jar.Take(res.Header, p.path.String())
	return jar
}

// endIfSignedOut ends the gateway session when the application's logout ended its own. Some ask first ("really sign out?") and
// take a form then: the session lives until confirm says that it is over, so that the form is not stranded (threat D11). Where
// confirm cannot be asked the session ends: rather one login too many than a session that outlives its logout.
func (g *Gateway) endIfSignedOut(p *passage, res *http.Response) error {
	if g.config.Login.Confirm != nil {
		yes, _, err := g.submitter.Confirm(p.r.Context(), g.jarAfter(p, res), g.loginBrowser(p.visit))
		if err == nil && yes {
			return nil
		}
	}
	p.who.member.done(p) // its own answer is still to be read
	res.Header.Del("Set-Cookie")
	if err := g.setWho(headerWriter(res.Header), who{kind: visitor, trail: p.who.trail}); err != nil {
		return err
	}
	res.Header.Set("Cache-Control", "no-store")
	g.live.End(p.who.id) // whatever the store says: a session that outlives its logout would let in by password alone
	if err := g.revokeSession(p.visit, p.who.id); err != nil {
		return refuse(templates.StoreTrouble, err)
	}
	g.auditLogout(p.visit)
	return nil
}
