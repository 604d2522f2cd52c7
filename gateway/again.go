package gateway

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"doorcode/gateway/reading"
	"doorcode/templates"
)

// Origin is a page of another site that may send its form to one address here: a bank's that leads back after a payment, a portal
// with the login form on it. Browsers withhold our cookies then (SameSite=Lax), so a page of ours sends the form again, and what it
// sends is judged as anybody's.
type Origin struct {
	From string          // scheme and host, as browsers write them into Origin
	Path reading.Pattern // exact
}

// sentFrom reports whether a configured page sent this form. One that our own page sends again has our own Origin, so nothing goes
// round in circles.
func (g *Gateway) sentFrom(v *visit) bool {
	from := v.r.Header["Origin"]
	if v.r.Method != http.MethodPost || v.odd != nil || len(from) != 1 || !v.isPage() || v.r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		return false
	}
	return slices.ContainsFunc(g.config.Origins, func(o Origin) bool { return o.From == from[0] && o.Path.Match(v.path) })
}

// backFromElsewhere answers a form of a configured page that came without our cookies. It sets none: the browser may have them and not
// have sent them, and a new one would sign its member out.
func (g *Gateway) backFromElsewhere(v *visit) error {
	form, raw, err := g.formToSendAgain(v, formAgainLimit)
	if err != nil {
		return err
	}
	if s := g.searched().Request(); s.Query(v.r.URL.RawQuery) || s.Query(string(raw)) {
		return refuse(templates.Forbidden, errors.New("user and password outside the login"))
	}
	return g.sendAgain(v, form, templates.Again{From: hostOf(v.r.Header.Get("Origin"))}, http.StatusOK)
}

// formAgainLimit bounds a form that is sent again.
const formAgainLimit = 64 << 10

// loginAgain answers a login that another page sent. From a configured one it is sent again at once, with a cookie of ours if the browser
// has none yet. Where the browser does not say where it comes from (Origin: null, on plain HTTP, as pages with Referrer-Policy:
// no-referrer make it) the user is asked: a page of an attacker's says the same, and would sign the victim in as somebody else (C7).
func (g *Gateway) loginAgain(v *visit) (answered bool, err error) {
	listed := g.sentFrom(v)
	if !listed && !g.sentFromNowhere(v) {
		return false, nil
	}
	form, raw, err := g.formToSendAgain(v, g.config.Limits.LoginBody)
	if err != nil {
		return true, err
	}
	fields, err := g.loginFields(v)
	if err != nil {
		return true, err
	}
	l, err := reading.ReadLogin(v.r.Header, v.r.URL.RawQuery, bytes.NewReader(raw), g.config.Limits.LoginBody, fields)
	if err != nil {
		return true, loginRefusal(err)
	}
	if listed {
		return true, g.sendAgain(v, form, templates.Again{From: hostOf(v.r.Header.Get("Origin")), Cookie: true}, http.StatusOK)
	}
	return true, g.sendAgain(v, form, templates.Again{Ask: true, User: l.User()}, http.StatusForbidden)
}

// sentFromNowhere reports whether a login may be one of a page that keeps its address to itself. Our cookie came along, which browsers
// of today leave out when another site's page sends a form.
func (g *Gateway) sentFromNowhere(v *visit) bool {
	from := v.r.Header["Origin"]
	return len(from) == 1 && from[0] == "null" && v.r.Header.Get("Sec-Fetch-Site") == "" && v.who.kind != stranger && v.isPage()
}

// formToSendAgain reads a form whole, in the one reading that it is sent again in: a kind of body that browsers send without JavaScript.
func (g *Gateway) formToSendAgain(v *visit, limit int64) (form reading.Params, raw []byte, err error) {
	if kind, _, _ := strings.Cut(v.r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return form, nil, refuse(templates.Unsupported, errors.New("a form of another site in another kind of body"))
	}
	done := v.hurry()
	form, raw, err = reading.ReadForm(v.r.Header, v.r.Body, limit)
	done()
	if err != nil {
		return form, nil, loginRefusal(err)
	}
	v.readWhole()
	for _, f := range form.Values() {
		if strings.ContainsRune(f.Name+f.Value, 0) || strings.EqualFold(f.Name, "_charset_") {
			return form, nil, refuse(templates.BadRequest, errors.New("a form of another site that a page cannot send again"))
		}
	}
	return form, raw, nil
}

// sendAgain writes the page that sends the form to where it went.
func (g *Gateway) sendAgain(v *visit, form reading.Params, page templates.Again, status int) error {
	page.AppName, page.Action = g.config.Name, v.target()
	page.Fields, page.Charset = fieldsOf(form)
	var body bytes.Buffer
	if err := g.texts.Again(&body, g.language(v), page); err != nil {
		return err
	}
	h := v.w.Header()
	g.ownHeader(h)
	if !page.Ask && v.framed() {
		allowFrame(h) // the bank's page may have stood in a frame of the application's
	}
	v.w.WriteHeader(status)
	v.w.Write(body.Bytes())
	return nil
}

// fieldsOf is a form as a page holds it, and the charset in which browsers write it so that the same bytes arrive: what is no UTF-8 is
// shown byte by byte as windows-1252, in which every byte is a letter to browsers.
func fieldsOf(form reading.Params) (fields []templates.Field, charset string) {
	charset = "utf-8"
	values := form.Values()
	for _, f := range values {
		if !utf8.ValidString(f.Name) || !utf8.ValidString(f.Value) {
			charset = "windows-1252"
		}
	}
	for _, f := range values {
		if charset != "utf-8" {
			f.Name, f.Value = letters(f.Name), letters(f.Value)
		}
		fields = append(fields, templates.Field{Name: f.Name, Value: f.Value})
	}
	return fields, charset
}

func letters(text string) string {
	runes := make([]rune, len(text))
	for i := range len(text) {
		if runes[i] = charmap.Windows1252.DecodeByte(text[i]); runes[i] == utf8.RuneError {
			runes[i] = rune(text[i]) // the five that the code page leaves open are control characters in browsers
		}
	}
	return string(runes)
}

func hostOf(origin string) string {
	if u, err := url.Parse(origin); err == nil {
		return u.Host
	}
	return ""
}

// mayHaveCookie reports whether a stranger is none for sure: another site's form comes without our cookies though the browser may have
// them. A new one in the answer would take the place of a member's, and sign him out (C7).
func (g *Gateway) mayHaveCookie(v *visit) bool {
	return v.who.kind == stranger && !v.reads() && g.csrf.Check(v.r) != nil
}

// seen gives a browser that has no gateway cookie its first, for a page of ours that is to send a login: an empty style sheet, which the
// page waits for. Our own pages alone ask for it.
func (g *Gateway) seen(v *visit) error {
	if site := v.r.Header.Get("Sec-Fetch-Site"); v.who.kind == stranger && (site == "" || site == "same-origin") {
		if err := g.setWho(v.w, who{kind: visitor}); err != nil {
			return err
		}
	}
	h := v.w.Header()
	g.ownHeader(h)
	h.Set("Content-Type", "text/css")
	v.w.WriteHeader(http.StatusOK)
	return nil
}

// framed reports whether the answer is shown in a frame, as far as the browser says.
func (v *visit) framed() bool {
	switch v.r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "embed", "object":
		return true
	}
	return false
}

// allowFrame lets a page of ours be shown in a frame of our own origin.
func allowFrame(h http.Header) {
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "frame-ancestors 'none'", "frame-ancestors 'self'", 1))
	h.Set("X-Frame-Options", "SAMEORIGIN")
}
