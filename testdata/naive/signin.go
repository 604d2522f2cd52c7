package naive

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

const sessionCookie = "PHPSESSID"

// check returns the user whose name and password these are, "" for none.
func check(name, password string) string {
	user := foldUser(name)
	switch user {
	case "alice", "bob", "mallory":
		if password == user+"-pass-1" {
			return user
		}
	}
	return ""
}

// find returns the session that the request names, in a cookie or in its address. One that nobody has heard of is begun under the name it came with.
func (u *Upstream) find(p *call) (s *session, fresh bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	id := p.fields[sessionCookie]
	if _, cut, ok := strings.Cut(strings.ToLower(p.request.RequestURI), ";jsessionid="); ok && id == "" {
		id, _, _ = strings.Cut(cut, "?")
	}
	fresh = id == ""
	if fresh {
		id = strings.ToLower(rand.Text())
	}
	if u.sessions[id] == nil {
		u.sessions[id] = &session{id: id, token: rand.Text()}
	}
	return u.sessions[id], fresh
}

// who returns the user that the request runs as: of its session, of a header that only a front server should set, of Basic, of an
// API token in header or address, of a remember-me cookie.
func (u *Upstream) who(p *call) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, name := range []string{"X-Forwarded-User", "X-Remote-User"} {
		if user := foldUser(p.request.Header.Get(name)); user != "" {
			return user
		}
	}
	if name, password, ok := p.request.BasicAuth(); ok {
		if user := check(name, password); user != "" {
			return user
		}
	}
	bearer, _ := strings.CutPrefix(p.request.Header.Get("Authorization"), "Bearer ")
	for _, token := range []string{bearer, p.fields["token"]} {
		if user := u.tokens[token]; user != "" {
			return user
		}
	}
	if user := u.tokens["remember:"+p.cookies["REMEMBER"]]; user != "" {
		p.session.user = user
	}
	return p.session.user
}

// signsIn answers the requests that carry a name and a password in one of the application's many ways.
func (u *Upstream) signsIn(w http.ResponseWriter, p *call) bool {
	name, password := p.fields["username"], p.fields["password"]
	switch {
	case p.path == "/xmlrpc.php":
		u.xmlrpc(w, p)
	case p.path == "/api/login":
		u.apiLogin(w, p, name, password)
	case p.fields["action"] == "token_login":
		u.formLogin(w, p, p.fields["api_user"], p.fields["api_pass"])
	case password != "" && (p.path == "/login.php" || p.fields["title"] == "Login" || u.options.LoginAnywhere):
		u.formLogin(w, p, name, password)
	default:
		return false
	}
	return true
}

// formLogin signs the session in under the id it already has, or a new one.
func (u *Upstream) formLogin(w http.ResponseWriter, p *call, name, password string) {
	if u.options.FormToken && p.fields["form_token"] != p.session.token {
		u.redirect(w, p, "/home.php")
		return
	}
	user := check(name, password)
	if user == "" {
		u.refuse(w, p)
		return
	}
	u.signIn(p, user)
	u.setCookies(w, p, user)
	switch {
	case u.options.TestCookie && p.cookies["testcookie"] == "":
		u.page(w, p, http.StatusOK, "Sign in", "<p class=error>Cookies are blocked or not supported by your browser.</p>"+u.form(p))
	case u.options.ErrorAfterward:
		u.page(w, p, http.StatusInternalServerError, "Error", "<p>Fatal error: Uncaught Exception</p>")
	default:
		u.redirect(w, p, "/home.php")
	}
	if u.options.CookieTrailer {
		w.Header().Set(http.TrailerPrefix+"Set-Cookie", sessionCookie+"="+p.session.id+"; path=/")
	}
}

func (u *Upstream) signIn(p *call, user string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.options.Regenerates {
		id := strings.ToLower(rand.Text())
		p.session = &session{id: id, token: p.session.token}
		p.fresh, u.sessions[id] = true, p.session
	}
	p.session.user = user
	u.signIns = append(u.signIns, p.served(user))
}

func (u *Upstream) setCookies(w http.ResponseWriter, p *call, user string) {
	set := sessionCookie + "=" + p.session.id + "; path=/"
	if u.options.CookieIn103 {
		w.Header().Add("Set-Cookie", set)
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Set-Cookie")
	}
	if u.options.CookieTwice {
		w.Header().Add("Set-Cookie", sessionCookie+"=no-good-at-all; path=/")
		w.Header().Add("set-cookie", set)
	}
	if u.options.Remember {
		secret := rand.Text()
		u.mu.Lock()
		u.tokens["remember:"+secret] = user
		u.mu.Unlock()
		w.Header().Add("Set-Cookie", "REMEMBER="+secret+"; path=/; max-age=31536000")
	}
}

func (u *Upstream) refuse(w http.ResponseWriter, p *call) {
	switch u.options.Failure {
	case Back:
		u.flash(p, "<p class=error>wrong password</p>")
		u.redirect(w, p, "/login.php")
	case Home:
		u.redirect(w, p, "/home.php")
	default:
		u.page(w, p, http.StatusOK, "Sign in", "<p class=error>wrong password</p>"+u.form(p))
	}
}

func (u *Upstream) apiLogin(w http.ResponseWriter, p *call, name, password string) {
	user := check(name, password)
	w.Header().Set("Content-Type", "application/json")
	if user == "" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintln(w, `{"error":"wrong password"}`)
		return
	}
	u.signIn(p, user)
	token := rand.Text()
	u.mu.Lock()
	u.tokens[token] = user
	u.mu.Unlock()
	_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
}

var rpcString = regexp.MustCompile(`<string>([^<]*)</string>`)

// xmlrpc takes name and password in every call, as its first two strings.
func (u *Upstream) xmlrpc(w http.ResponseWriter, p *call) {
	w.Header().Set("Content-Type", "text/xml")
	found := rpcString.FindAllSubmatch(p.body, 2)
	if len(found) == 2 {
		if user := check(string(found[0][1]), string(found[1][1])); user != "" {
			p.user = user
			u.ran(p)
			fmt.Fprintf(w, "<methodResponse><params><param><value><string>invoices of %s</string></value></param></params></methodResponse>", user)
			return
		}
	}
	fmt.Fprint(w, "<methodResponse><fault><value><string>wrong password</string></value></fault></methodResponse>")
}
