package naive

import (
	"fmt"
	"net/http"
	"strings"
)

// sso is a way in that looks like no login: a ticket for one parameter (USER-ticket), by any method, answered in the shape that the
// caller asks for. Without a ticket it signs out. The session cookie is set with every answer but the silent one.
func (u *Upstream) sso(w http.ResponseWriter, p *call) {
	user := check(strings.TrimSuffix(p.fields["ticket"], "-ticket"), strings.TrimSuffix(p.fields["ticket"], "-ticket")+"-pass-1")
	if user == "" {
		u.mu.Lock()
		p.session.user = ""
		u.mu.Unlock()
	} else {
		u.signIn(p, user)
	}
	if p.fields["shape"] != "silent" {
		p.renew(w)
	}
	switch p.fields["shape"] {
	case "json":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"welcome":"invoices of %s"}`, user)
	case "download":
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", "attachment; filename=invoices.csv")
		fmt.Fprintf(w, "invoices of %s", user)
	case "script":
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, "show('invoices of %s')", user)
	case "socket":
		echo(w, p.request)
	case "nothing":
		w.WriteHeader(http.StatusNoContent)
	case "unchanged":
		w.WriteHeader(http.StatusNotModified)
	case "error":
		w.WriteHeader(http.StatusInternalServerError)
	default:
		u.redirect(w, p, "/home.php")
	}
}

// renew sets the session cookie, old or new.
func (p *call) renew(w http.ResponseWriter) {
	w.Header().Set("Set-Cookie", sessionCookie+"="+p.session.id+"; path=/")
	p.fresh = false
}

// profile shows the name that the user goes by.
func (u *Upstream) profile(w http.ResponseWriter, p *call) {
	u.mu.Lock()
	broken, name := u.broken, p.user
	if shown := u.shown[p.user]; shown != "" {
		name = shown
	}
	u.mu.Unlock()
	if broken {
		http.Error(w, "Fatal error", http.StatusInternalServerError)
		return
	}
	u.page(w, p, http.StatusOK, "Profile", `<p id="login-name">`+name+`</p>`)
}

// Break makes /profile.php answer 500 from now on, or no longer.
func (u *Upstream) Break(broken bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.broken = broken
}

func (u *Upstream) rename(user, shown string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.shown[user] = shown
}
