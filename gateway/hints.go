package gateway

import (
	"slices"
	"strings"
	"sync"

	"doorcode/challenge"
)

// hints says once for each name which line of the configuration would let a dropped cookie through. It never recommends a line
// that would let a session through: nothing is said before a login showed which cookies the application signs in with, nothing of those
// cookies, and nothing of a cookie that is called like a session id (invariant 2, threat A9). Silence costs an admin a look at the
// browser's tools; the wrong line costs everybody the code.
type hints struct {
	mu     sync.Mutex
	seen   map[string]bool
	logins map[string]bool // names that logins had; nil before the first
}

// maxHints bounds what strangers can write into the log: names of cookies are theirs to choose. As many names of logins are kept; with
// more nothing is said any more.
const maxHints = 100

func (h *hints) first(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.logins == nil || h.logins[name] || len(h.logins) >= maxHints || mayEnter(name) || h.seen[name] || len(h.seen) >= maxHints {
		return false
	}
	if h.seen == nil {
		h.seen = map[string]bool{}
	}
	h.seen[name] = true
	return true
}

// login learns the names that a login's session has.
func (h *hints) login(names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.logins == nil {
		h.logins = map[string]bool{}
	}
	for _, name := range names {
		if len(h.logins) < maxHints {
			h.logins[name] = true
		}
	}
}

func (g *Gateway) hintDropped(names []string) {
	for _, name := range names {
		if g.hints.first(name) {
			g.log.Info().Str("cookie", name).Msgf("a cookie that the gateway did not seal was dropped; if the application's scripts write it, cookies.plain: [%s] lets it through", name)
			g.door.Found(challenge.FoundCookie, name, "cookies.plain")
		}
	}
}

func (g *Gateway) hintWithheld(names []string) {
	for _, name := range names {
		if g.hints.first(name) {
			g.log.Info().Str("cookie", name).Msgf("a cookie that the application set for a visitor was withheld, as its session must be; if it is a mere preference, cookies.keep: [%s] lets it through", name)
			g.door.Found(challenge.FoundCookie, name, "cookies.keep")
		}
	}
}

// SessionLike reports whether a cookie's name says that it carries a session: PHPSESSID, JSESSIONID, ASP.NET_SessionId, connect.sid.
func SessionLike(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "sess") || strings.HasSuffix(name, "sid") || slices.Contains([]string{"cfid", "cftoken", "cakephp", "jwt"}, name)
}

// mayEnter is SessionLike for hints, which may be silent too often: whatever a developer might call what signs somebody in.
func mayEnter(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"sid", "auth", "login", "logged", "user", "remember", "jwt", "ticket"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return SessionLike(name) || strings.Contains(name, "token") && !strings.Contains(name, "csrf") && !strings.Contains(name, "xsrf")
}
