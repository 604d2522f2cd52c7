// Package twopage is a login that asks for the name first and for the password on a page of its own, and keeps the name in the session
// between them. It stands before an application, for which testdata/naive is made, and shares its session. It is as trusting as that: it takes
// the name from the address too, at any time.
package twopage

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
)

const sessionCookie = "PHPSESSID"

// Login is the two pages.
type Login struct {
	OneAddress bool // both forms go to /login.php; else the first goes to /name.php
	Hidden     bool // the second form has the name in it, and its name counts
	Leads      bool // the first form is answered by a redirect to /password.php
	app        http.Handler

	mu    sync.Mutex
	names map[string]string // by session
}

// New makes a Login before app, which must set PHPSESSID with GET /login.php and keep it through the login.
func New(app http.Handler) *Login { return &Login{app: app, names: map[string]string{}} }

// ServeHTTP takes the two pages and their forms; all else is the application's.
func (l *Login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if path != "/login.php" && path != "/name.php" && path != "/password.php" {
		l.app.ServeHTTP(w, r)
		return
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, "form?", http.StatusBadRequest)
		return
	}
	id := session(r)
	if name := r.Form.Get("username"); name != "" && !(r.PostForm.Has("password") && !l.Hidden) {
		l.keep(id, name)
	}
	switch {
	case path == "/password.php":
		l.askPassword(w, id, "")
	case r.Method != http.MethodPost:
		l.askName(w, r)
	case r.PostForm.Has("password"):
		l.login(w, r, id)
	case l.Leads:
		http.Redirect(w, r, "/password.php", http.StatusFound)
	default:
		l.askPassword(w, id, "")
	}
}

func (l *Login) keep(id, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names[id] = name
}

// Name is the name that a session knows.
func (l *Login) Name(id string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names[id]
}

// askName is the first page, in the application's session.
func (l *Login) askName(w http.ResponseWriter, r *http.Request) {
	page := httptest.NewRecorder()
	get := r.Clone(r.Context())
	get.RequestURI, get.Form, get.PostForm = "/login.php", nil, nil
	l.app.ServeHTTP(page, get)
	for _, c := range page.Result().Cookies() {
		http.SetCookie(w, c)
	}
	to := "/name.php"
	if l.OneAddress {
		to = "/login.php"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!doctype html><title>Sign in</title><form method=post action=%q><input name=username></form>`, to)
}

func (l *Login) askPassword(w http.ResponseWriter, id, message string) {
	hidden := ""
	if l.Hidden {
		hidden = `<input type=hidden name=username value="` + html.EscapeString(l.Name(id)) + `">`
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!doctype html><title>Sign in</title>%s<p>Password of %s</p><form method=post action="/login.php">%s<input type=password name=password></form>`,
		message, html.EscapeString(l.Name(id)), hidden)
}

func (l *Login) login(w http.ResponseWriter, r *http.Request, id string) {
	form := url.Values{"username": {l.Name(id)}, "password": {r.PostForm.Get("password")}}
	made := httptest.NewRequest(http.MethodPost, "/login.php", strings.NewReader(form.Encode()))
	made.Header = r.Header.Clone()
	made.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	made.Host, made.RemoteAddr = r.Host, r.RemoteAddr
	answer := httptest.NewRecorder()
	l.app.ServeHTTP(answer, made)
	if answer.Code == http.StatusOK {
		l.askPassword(w, id, `<p class=error>wrong password</p>`)
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func session(r *http.Request) string {
	if c, err := r.Cookie(sessionCookie); err == nil {
		return c.Value
	}
	return ""
}
