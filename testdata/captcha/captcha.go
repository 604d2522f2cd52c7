// Package captcha is a login page of the old kind that keeps something of each visitor in his session: the characters of a picture that
// he has to copy, or a number that a script hashes his password with. It stands before an application, for which testdata/naive is
// made, and shares its session.
package captcha

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
)

const sessionCookie = "PHPSESSID"

// Page is the login page.
type Page struct {
	Hashed bool // the password goes as sha256(number + password), the number is on the page; there is no picture then
	app    http.Handler

	mu    sync.Mutex
	drawn map[string]string // session → the picture's characters, or the number
}

// New makes a Page before app, which must set PHPSESSID with GET /login.php and keep it through the login.
func New(app http.Handler) *Page { return &Page{app: app, drawn: map[string]string{}} }

// ServeHTTP takes the login page, its picture and the login; all else is the application's.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/captcha.svg":
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg"><text>%s</text></svg>`, p.draw(session(r)))
	case r.URL.Path != "/login.php":
		p.app.ServeHTTP(w, r)
	case r.Method == http.MethodPost:
		p.login(w, r)
	default:
		p.show(w, r, "")
	}
}

// draw makes new characters for a session.
func (p *Page) draw(session string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drawn[session] = strings.ToLower(rand.Text()[:5])
	return p.drawn[session]
}

// take returns the characters of a session, once.
func (p *Page) take(session string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer delete(p.drawn, session)
	return p.drawn[session]
}

// Number is the number of a session's page, for tests that stand in for its script.
func (p *Page) Number(session string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.drawn[session]
}

// show writes the login page, in the application's session.
func (p *Page) show(w http.ResponseWriter, r *http.Request, message string) {
	page := httptest.NewRecorder()
	get := r.Clone(r.Context())
	get.Method, get.Body, get.RequestURI = http.MethodGet, http.NoBody, "/login.php"
	p.app.ServeHTTP(page, get)
	id := session(r)
	for _, c := range page.Result().Cookies() {
		http.SetCookie(w, c)
		if c.Name == sessionCookie {
			id = c.Value
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	field := `<img src="/captcha.svg"><input name=captcha>`
	if p.Hashed {
		field = fmt.Sprintf(`<script>var number = %q</script>`, p.draw(id))
	}
	fmt.Fprintf(w, `<!doctype html><title>Sign in</title>%s<form method=post action="/login.php"><input name=username><input type=password name=password>%s</form>`, message, field)
}

func (p *Page) login(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "form?", http.StatusBadRequest)
		return
	}
	drawn, user, password := p.take(session(r)), r.PostForm.Get("username"), r.PostForm.Get("password")
	switch {
	case drawn == "":
		p.show(w, r, `<p class=error>the picture is too old</p>`)
		return
	case p.Hashed:
		if known := user + "-pass-1"; password == Hash(drawn, known) {
			password = known
		} else {
			password = "wrong"
		}
	case r.PostForm.Get("captcha") != drawn:
		p.show(w, r, `<p class=error>wrong characters</p>`)
		return
	}
	answer := httptest.NewRecorder()
	p.app.ServeHTTP(answer, post(r, "/login.php", url.Values{"username": {user}, "password": {password}}))
	if answer.Code == http.StatusOK {
		p.show(w, r, `<p class=error>wrong password</p>`)
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// Hash is what the page's script makes of a password.
func Hash(number, password string) string {
	sum := sha256.Sum256([]byte(number + password))
	return hex.EncodeToString(sum[:])
}

// post is r with another form in it.
func post(r *http.Request, target string, form url.Values) *http.Request {
	made := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	made.Header = r.Header.Clone()
	made.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	made.Host, made.RemoteAddr = r.Host, r.RemoteAddr
	return made
}

func session(r *http.Request) string {
	if c, err := r.Cookie(sessionCookie); err == nil {
		return c.Value
	}
	return ""
}
