// Package demo is what `doorcode demo` runs besides the gateway: a small stand-in for HESABATE, and a mailbox that takes the
// SMS and e-mail that the gateway sends.
package demo

import (
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"
)

//go:embed pages
var pages embed.FS

// Account is one user of the stand-in.
type Account struct{ Company, Name, Password, Full string }

// Accounts are the stand-in's users: one for each way of login code.
var Accounts = []Account{
	{"acme", "omar", "omar-1", "Omar (no code)"},
	{"acme", "samira", "samira-1", "Samira (SMS)"},
	{"acme", "emil", "emil-1", "Emil (e-mail)"},
	{"acme", "basma", "basma-1", "Basma (SMS and e-mail)"},
}

// Books is the stand-in. It behaves like an old PHP application: the session cookie is set before the login and kept through it,
// everything stands under a few paths, forms carry a token, and it knows nothing of codes.
type Books struct {
	page *template.Template

	mu       sync.Mutex
	sessions map[string]*session
	note     string
}

// session is one PHPSESSID.
type session struct {
	account  *Account
	token    string
	language string
	flash    string
	usedAt   time.Time
}

// NewBooks makes the stand-in.
func NewBooks() *Books {
	funcs := template.FuncMap{"t": translate, "dir": direction}
	return &Books{
		page:     template.Must(template.New("").Funcs(funcs).ParseFS(pages, "pages/books/*.html")),
		sessions: map[string]*session{},
		note:     "VAT return is due on the 15th.",
	}
}

// ServeHTTP is the whole application.
func (b *Books) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/style.css" {
		http.ServeFileFS(w, r, pages, "pages/books/style.css")
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.session(w, r)
	switch language := r.URL.Query().Get("lang"); language {
	case "en", "ar":
		s.language = language
		http.SetCookie(w, &http.Cookie{Name: "lang", Value: language, Path: "/", MaxAge: 365 * 24 * 3600})
	}
	switch r.URL.Path {
	case "/login.php":
		b.login(w, r, s)
	case "/logout.php":
		b.logout(w, r, s)
	default:
		b.inside(w, r, s)
	}
}

// maxSessions is enough for a demo; the oldest goes first.
const maxSessions = 1000

// session finds or makes the session of a request, and like PHP without strict mode takes any id that the browser brings.
func (b *Books) session(w http.ResponseWriter, r *http.Request) *session {
	id := ""
	if c, err := r.Cookie("PHPSESSID"); err == nil && len(c.Value) <= 64 {
		id = c.Value
	}
	s := b.sessions[id]
	if s == nil {
		b.forgetOldest()
		if id == "" {
			id = strings.ToLower(rand.Text())
		}
		s = &session{token: rand.Text(), language: languageOf(r)}
		b.sessions[id] = s
		http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: id, Path: "/"})
	}
	s.usedAt = time.Now()
	return s
}

func (b *Books) forgetOldest() {
	if len(b.sessions) < maxSessions {
		return
	}
	oldest := ""
	for id, s := range b.sessions {
		if oldest == "" || s.usedAt.Before(b.sessions[oldest].usedAt) {
			oldest = id
		}
	}
	delete(b.sessions, oldest)
}

func languageOf(r *http.Request) string {
	if c, err := r.Cookie("lang"); err == nil && c.Value == "ar" {
		return "ar"
	}
	if strings.HasPrefix(r.Header.Get("Accept-Language"), "ar") {
		return "ar"
	}
	return "en"
}

// login shows the form and takes it. A wrong password leads back to the form, which shows the message once.
func (b *Books) login(w http.ResponseWriter, r *http.Request, s *session) {
	if r.Method != http.MethodPost {
		b.show(w, s, "login.html", map[string]any{"Error": s.takeFlash()})
		return
	}
	if !s.tokenFits(r) {
		s.flash = "stale"
		http.Redirect(w, r, "/login.php", http.StatusFound)
		return
	}
	company, name, password := r.PostFormValue("company"), r.PostFormValue("user"), r.PostFormValue("password")
	for i, a := range Accounts {
		// The naive comparison of an old database: case and outer spaces do not count.
		if strings.EqualFold(strings.TrimSpace(company), a.Company) && strings.EqualFold(strings.TrimSpace(name), a.Name) && password == a.Password {
			s.account = &Accounts[i]
			http.Redirect(w, r, "/index.php", http.StatusFound)
			return
		}
	}
	s.flash = "wrong"
	http.Redirect(w, r, "/login.php", http.StatusFound)
}

// logout asks first, and then takes a form with the token.
func (b *Books) logout(w http.ResponseWriter, r *http.Request, s *session) {
	if r.Method == http.MethodPost && s.tokenFits(r) {
		s.account = nil
		http.Redirect(w, r, "/login.php", http.StatusFound)
		return
	}
	b.show(w, s, "logout.html", nil)
}

func (b *Books) inside(w http.ResponseWriter, r *http.Request, s *session) {
	if s.account == nil {
		http.Redirect(w, r, "/login.php", http.StatusFound)
		return
	}
	switch r.URL.Path {
	case "/", "/index.php":
		b.show(w, s, "home.html", nil)
	case "/invoices.php":
		b.show(w, s, "invoices.html", map[string]any{"Invoices": invoices})
	case "/users.php":
		b.show(w, s, "users.html", map[string]any{"Users": Accounts})
	case "/note.php":
		b.editNote(w, r, s)
	default:
		w.WriteHeader(http.StatusNotFound)
		b.show(w, s, "missing.html", nil)
	}
}

// maxNote bounds the note in bytes.
const maxNote = 2000

func (b *Books) editNote(w http.ResponseWriter, r *http.Request, s *session) {
	if r.Method == http.MethodPost && s.tokenFits(r) {
		note := r.PostFormValue("note")
		b.note = note[:min(len(note), maxNote)]
		s.flash = "saved"
		http.Redirect(w, r, "/note.php", http.StatusFound)
		return
	}
	b.show(w, s, "note.html", map[string]any{"Note": b.note, "Said": s.takeFlash()})
}

func (s *session) tokenFits(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.PostFormValue("token")), []byte(s.token)) == 1
}

func (s *session) takeFlash() string {
	said := s.flash
	s.flash = ""
	return said
}

func (b *Books) show(w http.ResponseWriter, s *session, name string, data map[string]any) {
	if data == nil {
		data = map[string]any{}
	}
	data["Lang"], data["Token"], data["Account"] = s.language, s.token, s.account
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache, must-revalidate") // as session_start sends
	if err := b.page.ExecuteTemplate(w, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// invoice is one line of the list.
type invoice struct {
	Number   int
	Customer string
	Date     string
	Amount   string
}

var invoices = []invoice{
	{1041, "Nablus Olive Mill", "2026-11-02", "1,250.00"},
	{1042, "مكتبة النور", "2026-11-05", "318.50"},
	{1043, "Ramallah Print House", "2026-11-11", "2,904.00"},
	{1044, "صيدلية الشفاء", "2026-11-17", "96.75"},
}
