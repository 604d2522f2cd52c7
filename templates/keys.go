package templates

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// plainKeys are the texts that every language has, each with the placeholders it may hold; "!" marks one that it must hold: an SMS
// without its code is a text that a typing error can make.
const plainKeys = `
language.name
language.dir
time.unknown
page.title       title! app!
page.language
page.reference
code.title
code.user        user!
code.sent
code.failed
code.instead
choose.title
choose.text
choose.hint
choose.have
code.unsent
by.sms
by.email
other.title
code.label       digits
code.expires     time!
code.expiring
code.expired
code.filled
code.remember
code.remember_hint time!
code.submit
code.busy
code.share       app
route.sms
route.email
state.pending
state.sent
state.failed
state.unsure
state.look
resend.title
resend.hint
resend.spam
resend.button
resend.wait      time!
resend.ready
resend.spent
cancel.button
cancel.again
error.wrong
error.empty      digits
error.wait       time!
error.locked
error.delivery
error.newer
error.resent
error.early      time!
error.spent
error.sends      time!
error.sms_spent  time!
error.sms_spent_other
error.unsure
error.unsure_other
error.delivery_other
error.store
link.login
link.login_new
link.login_whole
again.title
again.text       from! app
again.next
again.button
again.ask_title  user!
again.ask_text
again.ask_next   app!
again.ask_button
link.retry
link.back
sms.1            code! app time
sms.2            code! app time
sms.3            code! app time
sms.4            code! app time
mail.subject     app
mail.code        app
mail.valid       time!
mail.only        host!
mail.details
mail.user
mail.when
mail.address
mail.agent
mail.not_you
test.mark
test.mail
warning.details
`

// wantedKeys maps every key that a text file of tag must hold to its placeholders: plainKeys, three for each notice, those of
// each warning, and each unit in every plural form of the language.
func wantedKeys(tag language.Tag) map[string][]string {
	wanted := map[string][]string{}
	for line := range strings.Lines(plainKeys) {
		if f := strings.Fields(line); len(f) > 0 {
			wanted[f[0]] = f[1:]
		}
	}
	for _, k := range Kinds() {
		wanted[k.key("title")] = nil
		wanted[k.key("text")] = nil
		wanted[k.key("next")] = []string{"time"}
	}
	for _, k := range WarningKinds() {
		maps.Copy(wanted, k.keys())
	}
	for _, unit := range units() {
		for _, form := range pluralForms(tag) {
			wanted[unit.name+"."+form] = []string{"n"}
		}
	}
	return wanted
}

// formName names a plural form as CLDR does.
func formName(f plural.Form) string {
	switch f {
	case plural.Zero:
		return "zero"
	case plural.One:
		return "one"
	case plural.Two:
		return "two"
	case plural.Few:
		return "few"
	case plural.Many:
		return "many"
	}
	return "other"
}

// pluralForms lists the forms that whole numbers take in a language. 200 is past the point from which every language repeats itself.
func pluralForms(tag language.Tag) []string {
	var forms []string
	for n := range 200 {
		if f := formName(plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)); !slices.Contains(forms, f) {
			forms = append(forms, f)
		}
	}
	return forms
}

// checkTexts holds the texts of one language against what it must hold: nothing missing, nothing misspelt, no placeholder that would
// stay unfilled.
func checkTexts(tag language.Tag, texts map[string]text) error {
	var problems []error
	wanted := wantedKeys(tag)
	for key, allowed := range wanted {
		t, ok := texts[key]
		if !ok {
			problems = append(problems, fmt.Errorf("%s.properties: %s is missing", tag, key))
		} else if err := checkPlaceholders(t.words, allowed); err != nil {
			problems = append(problems, fmt.Errorf("%s: %s: %w", t.place, key, err))
		}
	}
	for key, t := range texts {
		if _, ok := wanted[key]; !ok {
			problems = append(problems, fmt.Errorf("%s: there is no text %q", t.place, key))
		}
	}
	if t := texts["language.dir"]; t.words != "" && t.words != "ltr" && t.words != "rtl" {
		problems = append(problems, fmt.Errorf("%s: language.dir: %q is neither ltr nor rtl", t.place, t.words))
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

func checkPlaceholders(words string, allowed []string) error {
	found, err := placeholders(words)
	if err != nil {
		return err
	}
	for _, name := range found {
		if !slices.Contains(allowed, name) && !slices.Contains(allowed, name+"!") {
			return fmt.Errorf("{%s} means nothing here (%s)", name, knownNames(allowed))
		}
	}
	for _, a := range allowed {
		if name, must := strings.CutSuffix(a, "!"); must && !slices.Contains(found, name) {
			return fmt.Errorf("{%s} is missing", name)
		}
	}
	return nil
}

func knownNames(allowed []string) string {
	if len(allowed) == 0 {
		return "no placeholders here"
	}
	return "known here: {" + strings.ReplaceAll(strings.Join(allowed, "}, {"), "!", "") + "}"
}
