package gateway

import (
	"context"
	"errors"
	"strings"
	"time"

	"doorcode/challenge"
	"doorcode/gateway/reading"
	"doorcode/templates"
)

// staying is what a policy says of a member's requests. It is made anew when another policy is in force, which the pointer tells.
type staying struct {
	policy *challenge.Policy
	stay   challenge.Stay
}

// stayUnder returns what p says of m's requests: of most that they are free, for two loads and a comparison.
func (m *member) stayUnder(p *challenge.Policy) challenge.Stay {
	if s := m.stay.Load(); s != nil && s.policy == p {
		return s.stay
	}
	s := &staying{policy: p, stay: p.Stay(m.session)}
	m.stay.Store(s)
	return s.stay
}

// errElsewhere is why a request from outside networks.only is refused.
var errElsewhere = errors.New("from outside networks.only")

// stays holds a member's request against the networks and dates of the policy in force (threat D10). Outside networks.only it is refused and
// the session waits; where the session was let in without a code and one would be asked here and now, it ends, and the browser is a
// visitor's. Whatever is open goes on: it keeps to the connection that it came by, and house-keeping looks at it when the policy changes.
func (g *Gateway) stays(v *visit) error {
	if v.who.kind != insider || v.isFurniture() {
		return nil
	}
	m := v.who.member
	stay := m.stayUnder(g.door.Policy())
	if stay.Free() {
		return nil
	}
	switch stay.Judge(g.asked(v, g.now())) {
	case challenge.Stays:
		return nil
	case challenge.Outside:
		return refuse(templates.Outside, errElsewhere)
	}
	g.auditRoamed(v)
	g.live.End(m.session.ID)
	v.who = who{kind: visitor, trail: v.who.trail}
	if err := g.revokeSession(v, m.session.ID); err != nil || v.odd == nil {
		return err
	}
	return refuse(templates.Unauthorized, errSpared) // only members may use such addresses
}

// errSpared is why a session that was let in without a code ended.
var errSpared = errors.New("a code is asked here and now")

// isFurniture reports an own address that says nothing to anybody and that our notices need.
func (v *visit) isFurniture() bool {
	path := v.path.String()
	return strings.HasPrefix(path, ownRoot+"/assets/") || path == ownRoot+"/language"
}

// asked is the place and time of a request.
func (g *Gateway) asked(v *visit, now time.Time) challenge.Asked {
	return challenge.Asked{Address: v.address, Hidden: g.hiddenBy(v) != "", At: now}
}

// hiddenBy names the header that shows a proxy nobody told us of; "" for none.
func (g *Gateway) hiddenBy(v *visit) string {
	return reading.RelayedBy(v.r.RemoteAddr, v.r.Header, g.config.TrustedProxies)
}

// allowed refuses a login from outside the networks of the user that was typed. It is said before the password goes up, and in writing: the one
// answer that tells a user name, so that nobody outside tries passwords (invariant 8).
func (g *Gateway) allowed(v *visit, typed string) error {
	if g.door.Policy().Allows(typed, v.address) {
		return nil
	}
	g.auditLogin(v, typed, "refused", errElsewhere.Error())
	return refuse(templates.Outside, errElsewhere)
}

// endOutside cancels what is open from where the policy in force no longer allows it, and ends the sessions whose time without a code is
// over: requests under way were judged when they came, by the policy and the day of then.
func (g *Gateway) endOutside(ctx context.Context) {
	policy, now := g.door.Policy(), g.now()
	g.live.byID.Range(func(_, v any) bool {
		m := v.(*member)
		stay := m.stayUnder(policy)
		if stay.Free() {
			return true
		}
		over := m.cancelWhere(func(p *passage) challenge.Verdict { return stay.Judge(g.asked(p.visit, now)) })
		if !over {
			return true
		}
		g.live.End(m.session.ID)
		if _, err := g.door.Revoke(ctx, challenge.Match{Session: m.session.ID}); err != nil {
			g.log.Error().Err(err).Msg("a session that was let in without a code ended, and stands in the store until its next request")
		}
		return true
	})
}

// cancelWhere cancels requests under way that are outside, and reports whether one says that the session is over.
func (m *member) cancelWhere(judge func(*passage) challenge.Verdict) (over bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p, cancel := range m.under {
		switch judge(p) {
		case challenge.Outside:
			cancel()
		case challenge.Over:
			over = true
		}
	}
	return over
}
