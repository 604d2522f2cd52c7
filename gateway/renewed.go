package gateway

import (
	"errors"
	"net/http"

	"doorcode/gateway/seal"
	"doorcode/templates"
)

// stillTheSame asks confirm again when a member's answer changes a cookie that the login had set: a login past the gateway would
// show so (invariant 4, threats B15, B17). It is a last wire, not a closing: doors and login.also close. Another name, or none,
// ends the session and withholds the answer.
func (g *Gateway) stillTheSame(p *passage, res *http.Response) error {
	m := p.who.member
	if m.session.Confirmed == "" || !g.changesLogin(p, res) {
		return nil
	}
	yes, name, err := g.submitter.Confirm(p.r.Context(), g.jarAfter(p, res), g.loginBrowser(p.visit))
	if err != nil {
		return err
	}
	if !yes || name == m.session.Confirmed {
		if p.reads() {
			m.renewed.Add(1)
		}
		return nil // signed out is no other user
	}
	g.log.Warn().Str("request", p.ref()).Str("user", m.session.Name).Str("now", name).Str("path", p.path.String()).
		Msg("the application's session became another user's outside the login: the session was ended; is this address another door (doors, login.also)?")
	g.live.End(p.who.id) // cancels the session's other requests too
	if err := g.revokeSession(p.visit, p.who.id); err != nil {
		g.log.Error().Err(err).Str("request", p.ref()).Msg("session was ended in memory only")
	}
	return refuse(templates.Forbidden, errors.New("the application's session became another user's"))
}

// renewals is after how many renewed cookies on mere reading an application is taken for one that always does so.
const renewals = 3

// changesLogin reports whether an answer sets a cookie that the login had set. Where an application renews its cookies with every
// answer, only requests that may change something are asked about.
func (g *Gateway) changesLogin(p *passage, res *http.Response) bool {
	if p.reads() && p.who.member.renewed.Load() >= renewals {
		return false
	}
	set := seal.Jar{}
	set.Take(res.Header, p.path.String())
	for _, name := range set.Names() {
		for _, had := range p.who.member.session.Cookies {
			if name == had {
				return true
			}
		}
	}
	return false
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
