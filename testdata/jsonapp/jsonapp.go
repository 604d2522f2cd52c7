// Package jsonapp is an upstream whose pages are drawn by a script, for tests: it signs in by fetch with a JSON body, keeps the session
// id it gave before the login, reads JSON as loosely as the loosest do, and writes down what it served as whom.
package jsonapp

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Options are its habits beyond the usual ones.
type Options struct {
	CSRF    bool // a login wants the cookie XSRF-TOKEN of its session as the header X-XSRF-TOKEN
	ShowsID bool // a login is answered with the session's id in its body
	Token   bool // a login is answered with a token that opens /invoices alone, in Authorization
}

// Served is one request that ran as a user.
type Served struct{ User, Method, Path string }

// Login is one login as it arrived.
type Login struct {
	Header http.Header
	Body   string
}

// App is the application.
type App struct {
	options Options

	mu       sync.Mutex
	sessions map[string]string // id → user, "" for none
	tokens   map[string]string // token → user
	served   []Served
	signIns  []string
	logins   []Login
}

// New makes an App with users alice, bob and mallory, whose passwords are NAME-pass-1.
func New(o Options) *App {
	return &App{options: o, sessions: map[string]string{}, tokens: map[string]string{}}
}

// ServedAs returns what ran as user, but for the question who is in and the way out.
func (a *App) ServedAs(user string) []Served {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.served), func(s Served) bool { return s.User != user || s.Path == "/me" || s.Path == "/logout" })
}

// SignIns returns the users whose password was right, oldest first.
func (a *App) SignIns() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.signIns)
}

// Logins returns the logins that arrived.
func (a *App) Logins() []Login {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.logins)
}

// Tokens returns the tokens that were given out.
func (a *App) Tokens() (all []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for token := range a.tokens {
		all = append(all, token)
	}
	return all
}

// Sessions returns the ids of all sessions.
func (a *App) Sessions() (all []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.sessions {
		all = append(all, id)
	}
	return all
}

// ServeHTTP runs one request.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	a.mu.Lock()
	defer a.mu.Unlock()
	id, user := a.session(w, r)
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && a.tokens[token] != "" {
		user = a.tokens[token]
	}
	if user != "" {
		a.served = append(a.served, Served{user, r.Method, r.URL.Path})
	}
	switch {
	case r.URL.Path == "/session" && r.Method == http.MethodPost:
		a.signIn(w, r, id, body)
	case r.URL.Path == "/logout":
		a.sessions[id] = ""
		http.Redirect(w, r, "/", http.StatusFound)
	case r.URL.Path == "/" || r.URL.Path == "/login":
		a.shell(w, id)
	case user == "" && strings.Contains(r.Header.Get("Accept"), "text/html") && r.URL.Path != "/me":
		http.Redirect(w, r, "/", http.StatusFound)
	case user == "":
		say(w, http.StatusUnauthorized, map[string]any{"signedIn": false})
	case r.URL.Path == "/me":
		say(w, http.StatusOK, map[string]any{"signedIn": true, "user": user})
	case r.URL.Path == "/invoices":
		say(w, http.StatusOK, map[string]any{"invoices of": user})
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>Home</title><h1 id=home>invoices of %s</h1><a href="/logout">Sign out</a>`, user)
	}
}

// session finds the session of a request, or begins one.
func (a *App) session(w http.ResponseWriter, r *http.Request) (id, user string) {
	if c, err := r.Cookie("connect.sid"); err == nil {
		return c.Value, a.sessions[c.Value] // any id that a client brings is taken
	}
	id = rand.Text()
	a.sessions[id] = ""
	http.SetCookie(w, &http.Cookie{Name: "connect.sid", Value: id, Path: "/", HttpOnly: true})
	if a.options.CSRF {
		http.SetCookie(w, &http.Cookie{Name: "XSRF-TOKEN", Value: xsrf(id), Path: "/"})
	}
	return id, ""
}

func xsrf(id string) string { return "x%3D" + id[:10] } // escaped, as Laravel's is

// signIn reads the login as encoding/json does: in any case, the last of equal keys, and wrapped in "session" too.
func (a *App) signIn(w http.ResponseWriter, r *http.Request, id string, body []byte) {
	a.logins = append(a.logins, Login{r.Header.Clone(), string(body)})
	if a.options.CSRF && r.Header.Get("X-Xsrf-Token") != strings.ReplaceAll(xsrf(id), "%3D", "=") {
		say(w, 419, map[string]any{"error": "stale page"})
		return
	}
	type login struct{ Username, Password string }
	var sent struct {
		login
		Session *login
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		say(w, http.StatusBadRequest, map[string]any{"error": "no JSON"})
		return
	}
	if sent.Session != nil {
		sent.login = *sent.Session
	}
	user := strings.ToLower(strings.TrimSpace(sent.Username))
	if !slices.Contains([]string{"alice", "bob", "mallory"}, user) || sent.Password != user+"-pass-1" {
		say(w, http.StatusUnauthorized, map[string]any{"error": "wrong password"})
		return
	}
	a.sessions[id] = user
	a.signIns = append(a.signIns, user)
	answer := map[string]any{"ok": true, "user": user}
	if a.options.ShowsID {
		answer["sid"] = id
	}
	if a.options.Token {
		token := rand.Text()
		a.tokens[token] = user
		answer["accessToken"] = token
	}
	http.SetCookie(w, &http.Cookie{Name: "connect.sid", Value: id, Path: "/", HttpOnly: true})
	say(w, http.StatusOK, answer)
}

func say(w http.ResponseWriter, status int, what map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what)
}

// shell is the one page: a script draws the form and sends the login.
func (a *App) shell(w http.ResponseWriter, _ string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, `<!doctype html><title>Books</title><main></main><script>
document.querySelector("main").innerHTML =
	'<input id=user><input id=pass type=password><button id=go>Sign in</button><p id=said></p>';
document.querySelector("#go").onclick = async () => {
	const cookie = document.cookie.match(/XSRF-TOKEN=([^;]*)/);
	const answer = await fetch("/session", {
		method: "POST",
		headers: {"Content-Type": "application/json", "X-XSRF-TOKEN": cookie ? decodeURIComponent(cookie[1]) : ""},
		body: JSON.stringify({username: document.querySelector("#user").value, password: document.querySelector("#pass").value}),
	});
	const said = await answer.json();
	if (answer.ok) location.href = "/home";
	else document.querySelector("#said").textContent = said.error || "?";
};
</script>`)
}
