package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/templates"
)

// oldPHP takes its session id from parameters too (session.use_only_cookies = 0), under a name of its own. It also has a token and a
// preference that fields and cookies call the same.
type oldPHP struct {
	early bool          // begins the session with the login page, not at the login
	hold  chan struct{} // a login waits for this; nil: it does not
	began chan struct{} // a login that waits says so, and so again when it is done

	mu    sync.Mutex
	users map[string]string // by session id
	n     int
}

func (a *oldPHP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/login.php" && r.Method == "POST" && a.hold != nil {
		io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader("username=alice&password=alice-pass-1"))
		a.began <- struct{}{}
		<-a.hold
		defer func() { a.began <- struct{}{} }()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	id := a.id(r)
	w.Header().Set("Content-Type", "text/html")
	user := a.users[id]
	switch {
	case r.URL.Path == "/login.php" && r.Method == "POST":
		a.login(w, r, id)
	case r.URL.Path == "/login.php":
		if a.early && id == "" {
			a.begin(w, "")
		}
		http.SetCookie(w, &http.Cookie{Name: "_token", Value: "cookie-half-of-the-token", Path: "/", HttpOnly: true})
		fmt.Fprint(w, `<form method=post action=/login.php><input name=username><input name=password type=password>
			<input type=hidden name=_token value=form-half-of-the-token><select name=lang><option>ar<option>en</select></form>`)
	case r.URL.Path == "/logout.php":
		delete(a.users, id)
		http.Redirect(w, r, "/login.php", http.StatusFound)
	case user == "":
		http.Redirect(w, r, "/login.php", http.StatusFound)
	default:
		fmt.Fprintf(w, `<a href=logout.php>out</a><b id="login-name">%s</b> page of %s`, user, user)
	}
}

func (a *oldPHP) id(r *http.Request) string {
	if c, err := r.Cookie("HSID"); err == nil {
		return c.Value
	}
	r.ParseForm()
	for name, values := range r.Form {
		if name, _, _ = strings.Cut(strings.ToUpper(strings.TrimLeft(name, " ")), "["); name == "HSID" {
			return values[0]
		}
	}
	return ""
}

func (a *oldPHP) begin(w http.ResponseWriter, id string) string {
	if id == "" {
		a.n++
		id = fmt.Sprintf("a-session-of-the-application-%d", a.n)
	}
	http.SetCookie(w, &http.Cookie{Name: "HSID", Value: id, Path: "/"})
	return id
}

func (a *oldPHP) login(w http.ResponseWriter, r *http.Request, id string) {
	user := r.PostFormValue("username")
	if r.PostFormValue("password") != user+"-pass-1" {
		fmt.Fprint(w, "wrong password")
		return
	}
	a.users[a.begin(w, id)] = user
	http.SetCookie(w, &http.Cookie{Name: "lang", Value: "ar", Path: "/"})
	http.Redirect(w, r, "/home.php", http.StatusFound)
}

// sessionOf is the id of a session that user is signed in with; "" for none.
func (a *oldPHP) sessionOf(user string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, u := range a.users {
		if u == user {
			return id
		}
	}
	return ""
}

func (a *oldPHP) user(id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.users[id]
}

// wantEnded waits until nobody is signed in as user.
func (a *oldPHP) wantEnded(t *testing.T, user string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for tick := time.NewTicker(time.Millisecond); a.sessionOf(user) != ""; {
		select {
		case <-ctx.Done():
			t.Fatalf("%s is still signed in at the application", user)
		case <-tick.C:
		}
	}
}

// bareOfApp leaves the browser its gateway cookie and none of the application's, which the application would take before a parameter.
func (b *browser) bareOfApp() {
	b.header.Set("Cookie", "doorcode="+b.cookie("doorcode"))
	b.client.Jar = nil
}

// Who has alice's password chooses the session that her login signs in, and uses it as a member of his own.
func TestThreat_A5_ChosenAtLogin(t *testing.T) {
	for _, early := range []bool{false, true} {
		app := &oldPHP{users: map[string]string{}, early: early}
		h := newHouse(t, plan{upstream: app})
		mallory := h.browser()
		mallory.enterWith("mallory")
		mallory.bareOfApp()
		const login = "username=alice&password=alice-pass-1"
		for _, c := range []struct{ query, body string }{
			{"", "&HSID=abc"}, {"", "&HSID=chosen-by-mallory-0123456789"}, {"", "&hsid=abc"}, {"", "&HSID[]=abc"}, {"", "&+HSID=abc"},
			{"", "&HSID=abc&HSID=abc"}, {"?HSID=abc", ""}, {"?hsid%5B%5D=abc", ""}, {"?a=b;HSID=abc", ""},
		} {
			b := h.browser()
			b.get("/login.php")
			a := b.do("POST", "/login.php"+c.query, login+c.body)
			if a.to() == "/_doorcode/code" && !strings.Contains(c.body, "0123456789") {
				t.Errorf("early %v, %q %q: a code was asked for a session that somebody chose", early, c.query, c.body)
			}
			for _, id := range []string{"abc", "chosen-by-mallory-0123456789"} {
				if app.user(id) == "alice" {
					t.Errorf("early %v, %q %q: alice was signed in where somebody chose", early, c.query, c.body)
				}
				if got := mallory.get("/secret.php?HSID=" + id); strings.Contains(got.body, "alice") {
					t.Errorf("early %v, %q %q: answered as alice", early, c.query, c.body)
				}
				if got := mallory.do("POST", "/secret.php", "HSID="+id); strings.Contains(got.body, "alice") {
					t.Errorf("early %v, %q %q: answered as alice by a body", early, c.query, c.body)
				}
			}
		}
		// The first login of all teaches the name, and is ended by it.
		app = &oldPHP{users: map[string]string{}, early: early}
		h = newHouse(t, plan{upstream: app})
		b := h.browser()
		b.get("/login.php")
		if a := b.do("POST", "/login.php", login+"&HSID=abc"); a.to() == "/_doorcode/code" {
			t.Errorf("early %v, first login: a code was asked for a session that somebody chose", early)
		}
		app.wantEnded(t, "alice")
		if !strings.Contains(h.log.String(), `called like the application's cookie \"HSID\"`) {
			t.Errorf("early %v: the log does not name the field:\n%s", early, h.log.String())
		}
	}
}

// Names of sessions are known after a restart and after a reload, in bodies as in addresses.
func TestThreat_A5_LearnedNamesLast(t *testing.T) {
	app := &oldPHP{users: map[string]string{}}
	h := newHouse(t, plan{upstream: app})
	alice, mallory := h.browser(), h.browser()
	alice.enterWith("alice")
	mallory.enterWith("mallory")
	id := app.sessionOf("alice")
	mallory.bareOfApp()
	tried := func(when string) {
		t.Helper()
		for _, a := range []answer{
			mallory.get("/secret.php?HSID=" + id),
			mallory.do("POST", "/secret.php", "HSID="+id),
			mallory.do("POST", "/secret.php", "a=b&hsid[]="+id),
			mallory.do("POST", "/secret.php", `{"HSID":"`+id+`"}`, "Content-Type", "application/json"),
		} {
			if a.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s %s: %d, want 403: %s", when, a.Request.Method, a.Request.URL, a.StatusCode, a.body)
			}
		}
	}
	tried("at first")
	h.restart()
	tried("after a restart")
	texts, err := templates.New("")
	must(t, err)
	h.gateway = gateway.New(h.config(), gateway.Parts{Door: h.door, Live: h.live, Keys: h.ring, Texts: texts, Log: zerolog.New(h.log), Now: h.clock.now})
	tried("after a reload")
}

// What of an application's forms is called like a cookie and is no session: the halves of a token, a preference.
func TestThreat_A5_OrdinaryForms(t *testing.T) {
	app := &oldPHP{users: map[string]string{}, early: true}
	h := newHouse(t, plan{upstream: app})
	b := h.browser()
	b.get("/login.php")
	form := url.Values{"username": {"alice"}, "password": {"alice-pass-1"}, "_token": {"of another page"}, "lang": {"ar"}}
	if a := b.post("/login.php", form); a.to() != "/_doorcode/code" {
		t.Fatalf("an ordinary login: %d to %q: %s", a.StatusCode, a.to(), h.log.String())
	}
	b.enter(h.lastCode("alice"))
	for _, when := range []string{"at first", "after a restart"} {
		if a := b.post("/save.php", url.Values{"_token": {"form-half-of-the-token"}, "lang": {"en"}}); !strings.Contains(a.body, "page of alice") {
			t.Errorf("%s: an ordinary form: %d: %s", when, a.StatusCode, a.body)
		}
		h.restart()
	}
}

// A plain cookie is no session: its name is in forms, too.
func TestThreat_A5_PlainNamesAreFree(t *testing.T) {
	app := &oldPHP{users: map[string]string{}}
	h := newHouse(t, plan{upstream: app, config: func(c *gateway.Config) {
		c.Plain = []*regexp.Regexp{regexp.MustCompile("^lang$")}
		c.Login.Fixed = []reading.Value{{Name: "server", Value: "main"}}
	}})
	b := h.browser()
	b.get("/login.php")
	if a := b.post("/login.php?lang=ar", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}); a.to() != "/_doorcode/code" {
		t.Fatalf("a login with a preference in its address: %d: %s", a.StatusCode, h.log.String())
	}
}

// The browser goes away while its login is under way: what was signed in is signed out, and no code is sent.
func TestThreat_A7_GoneDuringLogin(t *testing.T) {
	app := &oldPHP{users: map[string]string{}, hold: make(chan struct{}), began: make(chan struct{})}
	h := newHouse(t, plan{upstream: app})
	b := h.browser()
	b.get("/login.php")
	ctx, leave := context.WithCancel(context.Background())
	req := httptest.NewRequestWithContext(ctx, "POST", h.url+"/login.php", strings.NewReader("username=alice&password=alice-pass-1"))
	req.RequestURI = "/login.php"
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Cookie", "doorcode="+b.cookie("doorcode"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.gateway.ServeHTTP(httptest.NewRecorder(), req)
	}()
	<-app.began // the password is there
	leave()
	close(app.hold)
	<-app.began // signed in
	<-done
	app.wantEnded(t, "alice")
	if n := h.phone.count(); n != 0 {
		t.Errorf("%d codes were sent to a browser that was gone", n)
	}
}
