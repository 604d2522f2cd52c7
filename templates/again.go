package templates

import (
	"html"
	"html/template"
	"io"
)

// Again is the page that sends a form once more, from our own origin: browsers withhold the gateway's cookies when another site's
// page sends one (SameSite=Lax), and bring them along when ours does.
type Again struct {
	AppName  string
	From     string // the host of the site that sent it
	Action   string // where it goes: a path on our own origin
	Fields   []Field
	Charset  string // in which the browser is to write the fields' bytes: utf-8 or windows-1252
	Ask      bool   // nothing is sent before the button is pressed, and the page says as whom: where it comes from is not known
	User     string // with Ask
	Cookie   bool   // the page fetches the gateway cookie, for a browser that has none
	BasePath string // "" is DefaultBasePath
}

// Field is one field of a form.
type Field struct{ Name, Value string }

// Again writes the page. Nothing is written when the page itself cannot be made.
func (s *Set) Again(w io.Writer, lang string, a Again) error {
	v := againView{page: s.page(lang, a.AppName, a.BasePath, nil), A: a}
	key, args := "again.title", []any(nil)
	if a.Ask {
		key, args = "again.ask_title", []any{"user", a.User}
	}
	heading, err := v.Plain(key, args...)
	if err != nil {
		return err
	}
	if err := v.titled(heading); err != nil {
		return err
	}
	return s.render(w, "again.html", v)
}

// againView is what again.html is given.
type againView struct {
	page
	A Again
}

// Heading is what the page is about.
func (v againView) Heading() (template.HTML, error) {
	if v.A.Ask {
		return v.Say("again.ask_title", "user", v.A.User)
	}
	return v.Say("again.title")
}

// Action is where the form goes, to the letter: html/template would mend bad escapes (%u0645). Our own origin alone.
func (v againView) Action() template.HTMLAttr {
	return template.HTMLAttr(`action="` + html.EscapeString(local(v.A.Action)) + `"`)
}
