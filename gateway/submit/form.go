package submit

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"doorcode/gateway/reading"
)

// form is one form of a page.
type form struct {
	id, action, method string
	charsets           string // accept-charset
	controls           []control
}

// control is one named field of a form.
type control struct {
	name, value string
	hidden      bool
}

// forms reads the forms of a page from its tags in order, not from a tree of elements: in <table><form><tr>…, which old applications
// write, the fields are no descendants of their form although browsers send them with it.
func forms(page string) []*form {
	var all []*form
	var open *form
	byID := map[string][]control{} // controls that name their form, which may stand further down
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			for _, f := range all {
				if f.id != "" {
					f.controls = append(f.controls, byID[f.id]...)
					delete(byID, f.id)
				}
			}
			return all
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == "form" {
				open = nil
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch {
			case t.Data == "form" && open == nil: // a form inside a form is ignored by browsers
				open = &form{id: attribute(t, "id"), action: attribute(t, "action"), method: strings.ToUpper(attribute(t, "method")), charsets: attribute(t, "accept-charset")}
				all = append(all, open)
			default:
				c, ok := readControl(t)
				if owner := attribute(t, "form"); ok && owner != "" {
					byID[owner] = append(byID[owner], c)
				} else if ok && open != nil {
					open.controls = append(open.controls, c)
				}
			}
		}
	}
}

func readControl(t html.Token) (control, bool) {
	switch t.Data {
	case "input", "select", "textarea", "button":
	default:
		return control{}, false
	}
	c := control{name: attribute(t, "name"), value: attribute(t, "value")}
	c.hidden = t.Data == "input" && strings.EqualFold(strings.TrimSpace(attribute(t, "type")), "hidden")
	disabled := slices.ContainsFunc(t.Attr, func(a html.Attribute) bool { return a.Key == "disabled" })
	return c, c.name != "" && !disabled
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func (f *form) has(name string) bool {
	return slices.ContainsFunc(f.controls, func(c control) bool { return c.name == name })
}

// sends reports whether a browser could send a field of this name with the form. A button that is a picture sends where it was
// clicked: go.x and go.y, or x and y where it has no name, which no login needs.
func (f *form) sends(name string) bool {
	picture := strings.TrimSuffix(strings.TrimSuffix(name, ".x"), ".y")
	return f.has(name) || f.has(picture)
}

// hidden returns the hidden fields that stand in the form once. One that shares its name with another control is a default for a box
// that is not ticked, not a token.
func (f *form) hidden() []control {
	var found []control
	for _, c := range f.controls {
		same := func(other control) bool { return other.name == c.name }
		if first := slices.IndexFunc(f.controls, same); c.hidden && !slices.ContainsFunc(f.controls[first+1:], same) {
			found = append(found, c)
		}
	}
	return found
}

// loginForm returns the form with the password field: the one that has the user fields too, if there is one. nil for none.
func loginForm(all []*form, fields reading.LoginFields) *form {
	users, password := fields.Names()
	var found *form
	for _, f := range all {
		if !f.has(password) {
			continue
		}
		if !slices.ContainsFunc(users, func(name string) bool { return !f.has(name) }) {
			return f
		}
		if found == nil {
			found = f
		}
	}
	return found
}
