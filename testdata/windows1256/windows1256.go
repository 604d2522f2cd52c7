// Package windows1256 is an upstream of the time before UTF-8, for tests: its pages and forms are in windows-1256, its users have
// Arabic names, and it writes down whom it served.
package windows1256

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/encoding/charmap"
)

// Options say how the charset is told, and what else is odd. The zero value says it in the page (<meta charset>).
type Options struct {
	InHeader bool   // in the Content-Type of answers
	Unsaid   bool   // nowhere
	Accept   string // accept-charset of the form
}

// App is the application.
type App struct {
	options Options

	mu       sync.Mutex
	sessions map[string]string
	served   []string
	bodies   []string
}

// New makes an App with the users أحمد and سارة, whose password is كلمة.
func New(o Options) *App { return &App{options: o, sessions: map[string]string{}} }

// Served returns the users as whom pages ran, but for the question who is in.
func (a *App) Served() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.served)
}

// Bodies returns the bodies of logins as they arrived.
func (a *App) Bodies() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.bodies)
}

// Encode writes text as the application's forms are sent.
func Encode(text string) string {
	encoded, err := charmap.Windows1256.NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return url.QueryEscape(encoded)
}

// ServeHTTP runs one request.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	a.mu.Lock()
	defer a.mu.Unlock()
	id := ""
	if c, err := r.Cookie("PHPSESSID"); err == nil {
		id = c.Value
	}
	user := a.sessions[id]
	if user != "" && r.URL.Path != "/profile.php" {
		a.served = append(a.served, user)
	}
	switch {
	case r.URL.Path == "/login.php" && r.Method == http.MethodPost:
		a.signIn(w, r, id, body)
	case r.URL.Path == "/login.php":
		if id == "" {
			http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: rand.Text(), Path: "/"})
		}
		a.page(w, fmt.Sprintf(`<form method=post action=/login.php accept-charset=%q><input type=hidden name=branch value="فرع"><input name=username><input name=password type=password></form>`, a.options.Accept))
	case user == "":
		http.Redirect(w, r, "/login.php", http.StatusFound)
	default:
		a.page(w, `<p>فواتير <b id="login-name">`+user+`</b></p><a href="/logout.php">خروج</a>`)
	}
}

func (a *App) signIn(w http.ResponseWriter, r *http.Request, id string, body []byte) {
	a.bodies = append(a.bodies, string(body))
	fields, _ := url.ParseQuery(string(body))
	read := func(name string) string {
		text, _ := charmap.Windows1256.NewDecoder().String(fields.Get(name)) // every byte is a letter of it
		return strings.TrimRight(text, " ")
	}
	user := read("username")
	if id == "" || !slices.Contains([]string{"أحمد", "سارة"}, user) || read("password") != "كلمة" || read("branch") != "فرع" {
		a.page(w, "<p>كلمة المرور خطأ</p>")
		return
	}
	a.sessions[id] = user
	http.Redirect(w, r, "/home.php", http.StatusFound)
}

// page writes text as windows-1256.
func (a *App) page(w http.ResponseWriter, text string) {
	kind, meta := "text/html", "<meta charset=windows-1256>"
	if a.options.InHeader {
		kind, meta = "text/html; charset=windows-1256", ""
	}
	if a.options.Unsaid {
		meta = ""
	}
	w.Header().Set("Content-Type", kind)
	encoded, _ := charmap.Windows1256.NewEncoder().String("<!doctype html>" + meta + "<title>دفاتر</title>" + text)
	_, _ = io.WriteString(w, encoded)
}
