package submit

import (
	"slices"
	"time"

	"doorcode/gateway/reading"
)

// chosen returns the names of a filled login's fields whose value its sender chose although no ordinary login has one of his: a session
// id among them would choose the session that is signed in (A2, A5). Left out, by exact name and where they stand once:
//   - the user and password fields, which were judged, and what login.fixed set;
//   - the fields that the fresh form shows. Each login fills those as it likes: an application that took its session from one would
//     sign everybody in there;
//   - the hidden fields of the fresh form that are sent with the value they have there (PHP writes its session id into one, use_trans_sid):
//     it is this session's.
func (c Config) chosen(l *reading.Login, page *answer) []string {
	ordinary := c.ordinary()
	if f := loginForm(forms(page.text), c.Fields); f != nil {
		for _, field := range f.controls {
			if sent, _ := l.Value(field.name); !field.hidden || sent == c.write(page, field.value) {
				ordinary = append(ordinary, field.name)
			}
		}
	}
	return chosenBut(ordinary, l)
}

// ordinary are the fields that every login has, or that the configuration says.
func (c Config) ordinary() []string {
	users, password := c.Fields.Names()
	names := append(slices.Clone(users), password)
	for _, fixed := range c.Fixed {
		names = append(names, fixed.Name)
	}
	return names
}

func chosenBut(ordinary []string, l *reading.Login) (chosen []string) {
	names, keys := l.Names(), l.Keys()
	for i, name := range names {
		if !slices.Contains(ordinary, name) || slices.Contains(names[:i], name) {
			chosen = append(chosen, keys[i])
		}
	}
	return chosen
}

// inForms returns the names of all fields on the fresh page. A cookie that shares its name with one is no session id but one half of a
// double-submitted token, or a preference: ASP.NET and Yii call both halves the same. Where the field has a value that this session's
// cookies held, it is the session id itself, written into the form (use_trans_sid).
func (v *visit) inForms(page *answer) []string {
	var names []string
	for _, f := range forms(page.text) {
		for _, field := range f.controls {
			if !v.seen[page.write(field.value)] {
				names = append(names, field.name)
			}
		}
	}
	return names
}

// patience bounds what goes on without the browser.
func (c Config) patience() time.Duration {
	if c.Patience > 0 {
		return c.Patience
	}
	return time.Minute
}
