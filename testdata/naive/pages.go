package naive

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// show serves one page. All but the login page want a user.
func (u *Upstream) show(w http.ResponseWriter, p *call) {
	if p.path == "/login.php" {
		http.SetCookie(w, &http.Cookie{Name: "testcookie", Value: "1", Path: "/"})
		u.page(w, p, http.StatusOK, "Sign in", u.flash(p, "")+u.form(p))
		return
	}
	if p.path == "/slow" {
		u.slow(w, p)
		return
	}
	if p.user == "" {
		u.redirect(w, p, "/login.php")
		return
	}
	if u.options.LogoutForm && p.path == "/index.php" && p.method == http.MethodPost && p.fields["do"] == "logout" && p.fields["logout_token"] == p.session.token {
		u.signOut(w, p)
		return
	}
	switch p.path {
	case "/", "/index.php", "/home.php":
		if p.fields["title"] == "CreateUser" {
			u.register(w, p)
			return
		}
		u.page(w, p, http.StatusOK, "Home", `<p>invoices of `+p.user+`</p><a href="/invoice.php?id=1">Invoice 1</a>`)
	case "/invoice.php":
		u.page(w, p, http.StatusOK, "Invoice", fmt.Sprintf("<p>Invoice %s of %s: 1,250.00</p>", html.EscapeString(p.fields["id"]), p.user))
	case "/profile.php":
		u.profile(w, p)
	case "/rename.php":
		u.rename(p.user, p.fields["name"])
		p.renew(w)
		u.page(w, p, http.StatusOK, "Renamed", "")
	case "/note.php":
		u.note(w, p)
	case "/upload.php":
		fmt.Fprintf(w, "received %d bytes", p.length)
	case "/register.php":
		u.register(w, p)
	case "/logout.php":
		u.logout(w, p)
	case "/download":
		download(w, p)
	case "/events":
		events(w, p.request)
	case "/ws":
		echo(w, p.request)
	default:
		u.page(w, p, http.StatusNotFound, "Not found", "<p>no such page</p>")
	}
}

// flash leaves a message for the session's next page and returns the one that was left for this.
func (u *Upstream) flash(p *call, next string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	message := p.session.flash
	p.session.flash = next
	return message
}

func (u *Upstream) form(p *call) string {
	token := ""
	if u.options.FormToken {
		token = `<input type=hidden name=form_token value="` + p.session.token + `">`
	}
	return `<table><form method=post action="/login.php"><tr><td>` + token +
		`<input name=username><input type=password name=password><input type=submit value="Sign in"></td></tr></form></table>`
}

// page writes one page in the application's dress; a new session's id goes with the first.
func (u *Upstream) page(w http.ResponseWriter, p *call, status int, title, body string) {
	if p.user != "" {
		body += u.wayOut(p)
	}
	if u.options.ShowsID {
		body += ` <a href="/home.php?` + sessionCookie + `=` + p.session.id + `">next</a>`
	}
	text := "<!doctype html><title>" + title + "</title>\n<h1>" + title + " · دفاتر</h1>\n" + body + "\n"
	kind := "text/html; charset=utf-8"
	if u.options.Windows1256 {
		kind = "text/html; charset=windows-1256"
		text, _ = encoding.HTMLEscapeUnsupported(charmap.Windows1256.NewEncoder()).String(text)
	}
	content := []byte(text)
	if u.options.Gzip {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(content)
		_ = z.Close()
		content = packed.Bytes()
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("Content-Type", kind)
	if u.options.Renews && p.user != "" {
		p.renew(w)
	}
	u.begin(w, p)
	w.WriteHeader(status)
	if p.method != http.MethodHead {
		_, _ = w.Write(content)
	}
}

// begin gives a new session's id to the client.
func (u *Upstream) begin(w http.ResponseWriter, p *call) {
	if p.fresh {
		w.Header().Add("Set-Cookie", sessionCookie+"="+p.session.id+"; path=/")
	}
}

func (u *Upstream) redirect(w http.ResponseWriter, p *call, to string) {
	if u.options.Absolute {
		scheme, host := p.request.Header.Get("X-Forwarded-Proto"), p.request.Header.Get("X-Forwarded-Host")
		if scheme == "" {
			scheme = "http"
		}
		if host == "" {
			host = p.request.Host
		}
		to = scheme + "://" + host + to
	}
	u.begin(w, p)
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// slow waits in the middle of its run and then looks who is in, whether or not anybody still waits for its answer.
func (u *Upstream) slow(w http.ResponseWriter, p *call) {
	if u.options.Slow != nil {
		<-u.options.Slow
	} else {
		time.Sleep(50 * time.Millisecond)
	}
	if p.user == "" {
		if p.user = u.who(p); p.user != "" {
			u.ran(p)
		}
	}
	u.page(w, p, http.StatusOK, "Slow", "<p>slow page of "+p.user+"</p>")
}

func (u *Upstream) note(w http.ResponseWriter, p *call) {
	u.mu.Lock()
	if p.method == http.MethodPost {
		p.session.note = p.fields["text"]
	}
	text := p.session.note
	u.mu.Unlock()
	u.page(w, p, http.StatusOK, "Note", `<form method=post action="/note.php"><textarea name=text>`+html.EscapeString(text)+`</textarea><button>Save</button></form>`)
}

// register is a form of the application's own that has a user name and a password in it.
func (u *Upstream) register(w http.ResponseWriter, p *call) {
	if p.method == http.MethodPost {
		u.page(w, p, http.StatusOK, "Users", "<p>created "+html.EscapeString(p.fields["username"])+"</p>")
		return
	}
	u.page(w, p, http.StatusOK, "Users", `<form method=post action="/register.php"><input name=username><input type=password name=password><button>Create</button></form>`)
}

func (u *Upstream) logout(w http.ResponseWriter, p *call) {
	if u.options.LogoutToken && (p.method != http.MethodPost || p.fields["logout_token"] != p.session.token) {
		u.page(w, p, http.StatusOK, "Sign out?", `<form method=post action="/logout.php"><input type=hidden name=logout_token value="`+p.session.token+`"><button>Sign out</button></form>`)
		return
	}
	if u.options.LogoutLink && p.fields["logout_token"] != p.session.token || u.options.LogoutForm {
		u.page(w, p, http.StatusOK, "Home", "")
		return
	}
	u.signOut(w, p)
}

// wayOut is what every page of a signed-in user has on it.
func (u *Upstream) wayOut(p *call) string {
	switch {
	case u.options.LogoutLink:
		return ` <a href="/logout.php?logout_token=` + p.session.token + `">Sign out</a>`
	case u.options.LogoutForm:
		return ` <!-- logout.php --><form method=post action="/index.php"><input type=hidden name=logout_token value="` + p.session.token +
			`"><button name=do value=logout>Sign out</button></form>`
	}
	return ` <a href="/logout.php">Sign out</a>`
}

func (u *Upstream) signOut(w http.ResponseWriter, p *call) {
	u.mu.Lock()
	p.session.user = ""
	delete(u.tokens, "remember:"+p.cookies["REMEMBER"])
	u.mu.Unlock()
	w.Header().Add("Set-Cookie", sessionCookie+"=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/")
	u.redirect(w, p, "/login.php")
}

func download(w http.ResponseWriter, p *call) {
	size, err := strconv.ParseInt(p.fields["size"], 10, 64)
	if err != nil || size < 0 {
		http.Error(w, "size?", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	_, _ = io.CopyN(w, zeros{}, size)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// events sends a server-sent event at once and every 20 ms from then on, until the client is gone.
func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		if _, err := fmt.Fprintf(w, "data: %d\n\n", n); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// echo sends every message of a WebSocket back.
func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}
