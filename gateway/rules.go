package gateway

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
	"doorcode/templates"
)

// judge holds a request against rules. Every reading of an odd path counts: one that matches is a match. A parameter that a
// rule looks at and that stands twice, or in query and body, is refused (threat B18).
func (v *visit) judge(rules []reading.Rule, loose bool) (bool, error) {
	for _, rule := range rules {
		for _, path := range v.paths() {
			ok, err := rule.Match(v.r.Method, path, loose, v.query, v.form)
			if err != nil {
				return false, refuse(templates.BadRequest, err)
			}
			if ok {
				return true, nil
			}
		}
	}
	return false, nil
}

// rulesLookAtForm reports whether the body must be read whole before the request can be judged: where a rule on its path looks
// at form values, and where a door or the login is told by a query value, which PHP's $_REQUEST would take from the body too (threats B17, B18).
func (g *Gateway) rulesLookAtForm(v *visit) bool {
	if g.looks(v, []reading.Rule{g.config.LoginRule}, true) {
		return true
	}
	if len(v.clients) > 0 {
		// It comes in by the first of these unless values are looked at: then nothing below is asked, and a till may send what it likes.
		return v.clients[0].readsBody()
	}
	if g.looks(v, g.config.Doors, true) {
		return true
	}
	if first := g.config.First; first != nil && g.looks(v, []reading.Rule{first.Rule}, true) {
		return true
	}
	return g.looks(v, g.config.Logout, false) || g.looks(v, g.config.Public, false) || g.looks(v, g.config.Elsewhere, false) || v.excusedByQuery(g.config.Elsewhere)
}

// excusedByQuery reports whether a query value would take the credential scan away. The body must not hold that parameter as well:
// it could lead to another page than the one that is excused (threat B18).
func (v *visit) excusedByQuery(elsewhere []reading.Rule) bool {
	for i, rule := range elsewhere {
		if len(rule.Query) == 0 {
			continue
		}
		if ok, err := v.judge(elsewhere[i:i+1], false); ok || err != nil {
			return true
		}
	}
	return false
}

func (g *Gateway) looks(v *visit, rules []reading.Rule, byQueryToo bool) bool {
	for _, rule := range rules {
		if (rule.LooksAtForm() || byQueryToo && len(rule.Query) > 0) && v.onPath(rule.Path) {
			return true
		}
	}
	return false
}

func (v *visit) onPath(p reading.Pattern) bool {
	for _, path := range v.paths() {
		if p.MatchLoose(path) {
			return true
		}
	}
	return false
}

// onSame reports whether the path is the pattern's own, not one of its aliases (see reading.Pattern).
func (v *visit) onSame(p reading.Pattern) bool { return slices.ContainsFunc(v.paths(), p.MatchSame) }

// isLogin reports whether the request is the login. An odd spelling of the login's address is no login: it is refused, since
// what the upstream would make of it is not what would be sent (threat B1).
func (g *Gateway) isLogin(v *visit) (bool, error) {
	ok, err := v.judge([]reading.Rule{g.config.LoginRule}, true)
	if err != nil || !ok {
		return false, err
	}
	if rule := g.config.LoginRule; len(rule.Query)+len(rule.Form) == 0 && !v.onSame(rule.Path) {
		// At an alias of its address nothing tells the login from the application's other forms: members' posts to / are none
		// because login.path is /index.php. Credentials in one are refused by the scan, and visitors come to the login page.
		return false, nil
	}
	if v.odd != nil {
		return false, refuse(templates.BadRequest, errors.New("odd spelling of the login's address"))
	}
	return true, nil
}

// isOpen reports whether visitors may see this: the login page, and what `public` says. Both match exactly.
func (g *Gateway) isOpen(v *visit) (bool, error) {
	if v.odd != nil {
		return false, nil
	}
	if page, err := v.opens(g.config.LoginPage); err != nil || page {
		return page, err
	}
	for _, rule := range g.config.Public {
		if open, err := v.opens(rule); err != nil || open {
			return open, err
		}
	}
	return false, nil
}

// opens holds a rule that lets visitors in against the request. One that names no method opens reading alone (invariant 5).
func (v *visit) opens(rule reading.Rule) (bool, error) {
	if rule.Methods == nil && !v.reads() {
		return false, nil
	}
	return v.judge([]reading.Rule{rule}, false)
}

// isLoginPage reports whether the request is for login.page, whatever kind of text the application calls it.
func (g *Gateway) isLoginPage(v *visit) bool {
	page, err := v.judge([]reading.Rule{g.config.LoginPage}, false)
	return err == nil && page
}

// sessionNames are names of parameters that carry a session id: those every PHP or Java application knows and those configured in a
// Gateway, those of cookies that the upstream was seen to set in Live.
type sessionNames struct {
	mu    sync.RWMutex
	names map[string]bool
}

// maxSessionNames bounds what an upstream with ever new cookie names can fill.
const maxSessionNames = 200

func (s *sessionNames) add(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]bool{"jsessionid": true, "phpsessid": true, "sid": true}
	}
	for _, name := range names {
		if len(s.names) < maxSessionNames {
			s.names[strings.ToLower(name)] = true
		}
	}
}

func (s *sessionNames) has(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.names[strings.ToLower(name)]
}

// looksLikeID reports whether a value could be a session id: nobody uses fewer than 16 characters for one, or spaces. `?sid=5` is a
// page of a shop, and a search that is called like a cookie is text.
func looksLikeID(value string) bool {
	return len(value) >= 16 && !strings.ContainsAny(value, " \t\r\n/")
}

// sessionPairs are the names of session ids as pairs of one name each: a body that carries one is refused like credentials.
// Of cookies' learned names only those of logins join them (learned.go): a form may well have a field that is called like some cookie.
func sessionPairs(names []string) (pairs []scan.Pair) {
	for _, name := range append([]string{"PHPSESSID", "jsessionid"}, names...) {
		pairs = append(pairs, scan.Pair{Users: []string{name}, Password: name})
	}
	return pairs
}

// sessionInURL finds a session id in the address: it would open somebody's session past the sealed cookies (threat A5).
func (g *Gateway) sessionInURL(v *visit) bool {
	for _, name := range v.query.Names() {
		if !g.namesSession(name) {
			continue
		}
		for _, value := range v.query.Get(name) {
			if looksLikeID(value) {
				return true
			}
		}
	}
	_, params, found := strings.Cut(v.r.URL.EscapedPath(), ";")
	if !found {
		return false
	}
	for part := range strings.FieldsFuncSeq(params, func(r rune) bool { return r == ';' || r == '/' }) {
		if name, _, ok := strings.Cut(part, "="); ok && g.namesSession(name) {
			return true
		}
	}
	return false
}
