package gateway

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"doorcode/challenge"
)

// kind says how far a browser has come.
type kind byte

const (
	stranger kind = 's' // no gateway cookie, or none that opens
	visitor  kind = 'v' // keeps cookies
	pending  kind = 'p' // has a challenge
	insider  kind = 'm' // has a live member session
)

// who is the browser behind a request, as its gateway cookie says and the allow-list confirms.
type who struct {
	kind   kind
	id     string // of the challenge or the session
	trail  string // this browser's trail through the states: which wrong codes a right one clears
	back   string // where it wanted to go
	script bool   // the challenge began with a script's login: the next page load leads to the code page
	carry  string // its visitor session, where logins carry one (carry.go); it may have ended
	ticked bool   // "Remember my device" was ticked with a wrong code: the page shows it so again
	member *member
}

// ownNames are the names of the gateway's own cookies.
type ownNames struct{ door, browser, language string }

// newOwnNames: the __Host- prefix keeps subdomains and sibling paths from setting our cookies (ASVS 5 V3.3.1, threat D6);
// browsers take it only over TLS.
func newOwnNames(insecure bool) ownNames {
	prefix := "__Host-"
	if insecure {
		prefix = ""
	}
	return ownNames{door: prefix + "doorcode", browser: prefix + "doorcode-browser", language: prefix + "doorcode-language"}
}

// browserLife is how long the browser cookie is kept: the longest that browsers allow (RFC 6265bis §5.6.2).
const browserLife = 400 * 24 * time.Hour

// whoIs reads the gateway cookie. One that does not open, or names a session that has ended, counts as none, without an error page.
func (g *Gateway) whoIs(r *http.Request) who {
	text, times := cookieValue(r.Header["Cookie"], g.cookie.door)
	if times != 1 {
		// Two cookies of this name: one of them was tossed in from elsewhere, and which one cannot be told (threat D6).
		return who{kind: stranger}
	}
	now := g.now()
	if m := g.live.known(text, g.config.Session, now); m != nil {
		return who{kind: insider, id: m.session.ID, trail: m.trail(), carry: m.carries(), member: m}
	}
	w := g.openWho(text)
	if w.kind != insider {
		return w
	}
	w.member = g.live.find(w.id, g.config.Session, now)
	if w.member == nil {
		return who{kind: visitor, trail: w.trail}
	}
	w.carry = w.member.carries()
	w.member.setTrail(w.trail)
	g.live.remember(text, w.member)
	return w
}

// How the gateway cookie says who.ticked and who.script.
const (
	ticked = "ticked"
	script = "script"
)

// openWho opens the text of a gateway cookie.
func (g *Gateway) openWho(text string) who {
	value, ok := g.box.OpenOwn(g.cookie.door, text)
	if !ok {
		return who{kind: stranger}
	}
	parts := strings.Split(string(value), "\n")
	if len(parts) < 5 || len(parts[0]) != 1 {
		return who{kind: stranger}
	}
	marks := strings.Fields(parts[3])
	w := who{
		kind: kind(parts[0][0]), id: parts[1], trail: parts[2],
		ticked: slices.Contains(marks, ticked), script: slices.Contains(marks, script), back: parts[4],
	}
	if len(parts) > 5 {
		w.carry = parts[5]
	}
	return w
}

// setWho gives the browser its gateway cookie: a new one at every change of state. It carries no secret of the upstream, only
// random ids, sealed.
func (g *Gateway) setWho(w http.ResponseWriter, is who) error {
	if is.trail == "" {
		is.trail = rand.Text()
	}
	var marks []string
	if is.ticked {
		marks = append(marks, ticked)
	}
	if is.script {
		marks = append(marks, script)
	}
	text, err := g.box.SealOwn(g.cookie.door, []byte(strings.Join([]string{string(is.kind), is.id, is.trail, strings.Join(marks, " "), is.back, is.carry}, "\n")))
	if err != nil {
		return err
	}
	g.setOwn(w, g.cookie.door, text, 0)
	return nil
}

// setOwn sets one of our cookies: HttpOnly, SameSite=Lax, Path=/ (design.md, Cookies). Lax and not Strict, because a link in
// an e-mail into the application must find the member.
func (g *Gateway) setOwn(w http.ResponseWriter, name, text string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: text, Path: "/", MaxAge: int(life / time.Second),
		HttpOnly: true, Secure: !g.config.Insecure, SameSite: http.SameSiteLaxMode,
	})
}

// browserCookie reads the browser's own cookie; the zero value is none.
func (g *Gateway) browserCookie(r *http.Request) challenge.BrowserCookie {
	text, times := cookieValue(r.Header["Cookie"], g.cookie.browser)
	if times != 1 {
		return challenge.BrowserCookie{} // as in whoIs: rather a code too many
	}
	value, ok := g.box.OpenOwn(g.cookie.browser, text)
	if !ok {
		return challenge.BrowserCookie{}
	}
	id, secret, _ := strings.Cut(string(value), "\n")
	return challenge.BrowserCookie{ID: id, Secret: secret}
}

func (g *Gateway) setBrowser(w http.ResponseWriter, b challenge.BrowserCookie) error {
	text, err := g.box.SealOwn(g.cookie.browser, []byte(b.ID+"\n"+b.Secret))
	if err != nil {
		return err
	}
	g.setOwn(w, g.cookie.browser, text, browserLife)
	return nil
}

// cookieValue returns the first value of the cookie name, and how often it is there. Cookie headers are read by hand: net/http
// drops values that old applications use, and everything behind the three-thousandth.
func cookieValue(headers []string, name string) (value string, times int) {
	for _, header := range headers {
		for header != "" {
			var pair string
			pair, header, _ = strings.Cut(header, ";")
			if n, v, ok := strings.Cut(strings.TrimLeft(pair, " \t"), "="); ok && n == name {
				if times++; times == 1 {
					value = strings.TrimRight(v, " \t")
				}
			}
		}
	}
	return value, times
}
