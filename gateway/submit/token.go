package submit

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

// errToken says that the answer to a script hands out what opens the application.
var errToken = errors.New("the application's answer carries what looks like a token, so it is not shown")

// said is the answer to a script's login that worked, for a browser that is admitted: its body and what kind of text it is, without
// cookies. It stays here until admit said yes. A redirect says where to go instead (ledTo), and an answer that carries the value of a
// cookie is not passed to members either: they get theirs sealed (A10).
func (v *visit) said(a *answer) (said *Shown, token bool) {
	if !v.browser.Script || a.redirects() {
		return nil, false
	}
	said, token = shownOf(a), handsOutToken(a.text)
	if a.broken != nil || v.leaksIn(a, said) {
		said = nil
	}
	return said, token
}

var (
	// jwt is a JSON Web Token as it stands in text.
	jwt = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.`)
	// tokenKey is what applications call the key that opens them.
	tokenKey = regexp.MustCompile(`(?i)token|jwt|bearer|api_?-?key|session_?-?id|^sid$|^ticket$`)
	// formToken is called alike and opens nothing.
	formToken = regexp.MustCompile(`(?i)csrf|xsrf|form`)
)

// handsOutToken reports whether an answer has what looks like a token: it would open the application beside the cookies, and so past
// the code (A15). Only what looks so can be found: what is called by another name stays unseen, which is why no answer of a
// login that worked is passed before the code.
func handsOutToken(text string) bool {
	if jwt.MatchString(text) {
		return true
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v any
	return d.Decode(&v) == nil && hasToken(v, "")
}

func hasToken(v any, key string) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, under := range v {
			if hasToken(under, k) {
				return true
			}
		}
	case []any:
		for _, under := range v {
			if hasToken(under, key) {
				return true
			}
		}
	case string:
		return tokenKey.MatchString(key) && !formToken.MatchString(key) && len(v) >= 16 && !strings.ContainsAny(v, " \t\n")
	}
	return false
}
