// Package naive is an upstream as trusting as the oldest PHP application, for tests of what stands in front of it. It keeps the
// session id it gave before the login, takes any id that a client brings, signs in by every way that old applications have, reads
// field names, user names and paths as loosely as PHP, MySQL and their web servers do, believes forwarded headers, and runs
// a POST whose body was cut off. It is also the oracle of such tests: it writes down what it served as whom.
package naive

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Failure is how a wrong password is answered.
type Failure int

const (
	Text Failure = iota // 200, the form again with "wrong password" on it
	Back                // 302 to the form, which then shows the message once
	Home                // 302 to /home.php, just as for a right one
)

// Options are the application's bad habits beyond the usual ones. The zero value is the plain one.
type Options struct {
	Failure        Failure
	FormToken      bool            // the form has a token bound to the session; a login without it is answered like a right one (Cacti)
	TestCookie     bool            // a right password without the page's test cookie signs in, on an error page (WordPress)
	LogoutToken    bool            // GET /logout.php asks, POST with its token ends the session
	LogoutLink     bool            // a token in the link on every page, without which /logout.php does nothing
	LogoutForm     bool            // a form on every page that posts do=logout and a token to /index.php
	Remember       bool            // a login sets REMEMBER, a cookie that is good alone
	LoginAnywhere  bool            // user name and password work on every path (DokuWiki)
	CookieTwice    bool            // a login sets the session cookie twice, first to a value that is no good
	CookieIn103    bool            // a login sets it in early hints as well
	CookieTrailer  bool            // and in a trailer
	ErrorAfterward bool            // a right password is answered by 500, after the cookies
	Regenerates    bool            // a login gives the session a new id, in the answer (session_regenerate_id)
	ShowsID        bool            // pages carry the session id in their links
	Absolute       bool            // Locations are absolute, built from X-Forwarded-Proto and X-Forwarded-Host or Host
	Gzip           bool            // answers are compressed, asked or not
	Windows1256    bool            // pages are in windows-1256 and say so
	Renews         bool            // every page of a signed-in user sets the session cookie again
	Slow           <-chan struct{} // what /slow waits for, in the middle of its run; nil: 50 ms
}

// Served is one request that ran as a signed-in user, whether or not its answer was read. The login that signed it in is not one.
type Served struct {
	User    string
	Method  string
	Path    string // as the application read it
	Session string
	At      time.Time
}

// Request is one request as it arrived.
type Request struct {
	Method, URI, Host string
	Header            http.Header
	Body              []byte // the first 64 KiB
	Cut               bool   // the body ended before its time
	At                time.Time
}

// Upstream is the application.
type Upstream struct {
	options Options

	mu       sync.Mutex
	broken   bool              // /profile.php answers 500
	shown    map[string]string // user → the name that he gave himself
	sessions map[string]*session
	tokens   map[string]string // API token → user
	served   []Served
	signIns  []Served
	requests []Request
}

// session is one PHP session.
type session struct {
	id, user, token, flash, note string
}

// New makes an Upstream with users alice, bob and mallory, whose passwords are NAME-pass-1 and who may also
// type NAME@example.com.
func New(o Options) *Upstream {
	return &Upstream{options: o, sessions: map[string]*session{}, tokens: map[string]string{}, shown: map[string]string{}}
}

// Served returns what ran as a signed-in user, oldest first.
func (u *Upstream) Served() []Served {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.served)
}

// ServedAs returns what ran as user.
func (u *Upstream) ServedAs(user string) []Served {
	return slices.DeleteFunc(u.Served(), func(s Served) bool { return s.User != user })
}

// SignIns returns every request that signed a session in, or was given a token: the password was right, by whatever way.
func (u *Upstream) SignIns() []Served {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.signIns)
}

// Requests returns every request that arrived, those of which the body is still on its way left out.
func (u *Upstream) Requests() []Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.requests)
}

// SessionID returns the id of some session that user is signed in to, "" for none: what an attacker would have learned elsewhere.
func (u *Upstream) SessionID(user string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, s := range u.sessions {
		if s.user == user {
			return id
		}
	}
	return ""
}

// ServeHTTP runs one request: body first, as mod_php does, then who it is, then the page. So a request that began before a login
// and ends after it runs as the user who signed in.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := u.receive(r)
	if p.path == "/static/app.css" {
		w.Header().Set("Content-Type", "text/css")
		_, _ = w.Write([]byte("body { margin: 1em }\n"))
		return
	}
	p.session, p.fresh = u.find(p)
	if p.user = u.who(p); p.user != "" {
		u.ran(p)
	}
	if p.path == "/sso.php" {
		u.sso(w, p)
		return
	}
	if u.signsIn(w, p) {
		return
	}
	u.show(w, p)
}

func (u *Upstream) ran(p *call) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.served = append(u.served, p.served(p.user))
}

func (p *call) served(user string) Served {
	return Served{User: user, Method: p.method, Path: p.path, Session: p.session.id, At: time.Now()}
}

// Forget forgets all sessions, as PHP does after 24 minutes: their ids are as new.
func (u *Upstream) Forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	clear(u.sessions)
}
