package submit

import (
	"regexp"

	"doorcode/gateway/seal"
)

// Condition is a rule on the answer to a login. It matches when one of Any does, all of All do, and Not does not; what is left empty
// asks nothing. An empty Condition never matches.
type Condition struct {
	Any, All []Test
	Not      *Condition
}

// Test looks at one answer. Each field that is set must match; a Test without any never does.
type Test struct {
	Status   int
	Location *regexp.Regexp // the Location as sent, or as a path of the application's
	Cookie   *regexp.Regexp // the name of a cookie that the answer sets and does not delete
	Body     *regexp.Regexp // the body, decompressed and in UTF-8
	Place    string         // where it stands in the config, for the log
}

// seen is what the tests of a Condition look at.
type seen struct {
	*answer
	cookies  *seal.Jar
	location string // as a path of the application's, "" where it leads elsewhere
}

func (v *visit) look(a *answer) seen {
	s := seen{answer: a, cookies: new(seal.Jar)}
	s.cookies.Take(a.header, a.at.EscapedPath())
	if u, ok := v.resolve(a.at, a.header.Get("Location")); ok && a.redirects() {
		s.location = u.RequestURI()
	}
	return s
}

// match also returns the place of the test that decided, the last of All where there is no Any.
func (c *Condition) match(s seen) (bool, string) {
	if len(c.Any) == 0 && len(c.All) == 0 && c.Not == nil {
		return false, ""
	}
	place := ""
	for _, t := range c.All {
		if !t.match(s) {
			return false, ""
		}
		place = t.Place
	}
	if c.Not != nil {
		if no, _ := c.Not.match(s); no {
			return false, ""
		}
	}
	if len(c.Any) == 0 {
		return true, place
	}
	for _, t := range c.Any {
		if t.match(s) {
			return true, t.Place
		}
	}
	return false, ""
}

func (t Test) match(s seen) bool {
	switch {
	case t.Status == 0 && t.Location == nil && t.Cookie == nil && t.Body == nil:
		return false
	case t.Status != 0 && t.Status != s.status:
		return false
	case t.Location != nil && !t.leads(s):
		return false
	case t.Cookie != nil && !s.cookies.Has(t.Cookie):
		return false
	}
	return t.Body == nil || t.Body.MatchString(s.text)
}

func (t Test) leads(s seen) bool {
	sent := s.header.Get("Location")
	return sent != "" && t.Location.MatchString(sent) || s.location != "" && t.Location.MatchString(s.location)
}

// places lists where the tests of c stand, for a reader who has to find out why none of them did.
func (c *Condition) places() []string {
	if c == nil {
		return nil
	}
	var found []string
	for _, tests := range [][]Test{c.Any, c.All} {
		for _, t := range tests {
			if t.Place != "" {
				found = append(found, t.Place)
			}
		}
	}
	return append(found, c.Not.places()...)
}

func (c *Condition) looksAtBody() bool {
	if c == nil {
		return false
	}
	for _, tests := range [][]Test{c.Any, c.All} {
		for _, t := range tests {
			if t.Body != nil {
				return true
			}
		}
	}
	return c.Not.looksAtBody()
}

// rule is what became of one rule.
type rule int

const (
	notRuled rule = iota // not configured
	missed
	matched
)

func (c *Condition) judge(s seen) (rule, string) {
	if c == nil {
		return notRuled, ""
	}
	// What was not read whole can neither match nor be said not to: "not" would turn a missing text into a success (A11).
	if s.broken != nil && c.looksAtBody() {
		return missed, ""
	}
	if ok, place := c.match(s); ok {
		return matched, place
	}
	return missed, ""
}

// verdict is the table of invariant 4.
//
//	                         confirm: yes | no      | cannot be asked | not configured
//	success alone matches    worked       | unclear | unclear         | worked
//	failure alone matches    worked       | failed  | unclear         | failed
//	both or neither          worked       | unclear | unclear         | unclear
//
// Where confirm is configured and no rule is, there is nothing for it to contradict and it decides alone. Without confirm both rules
// are needed: the absence of one sign is no sign.
func verdict(success, failure rule, confirm reply) Outcome {
	switch confirm {
	case yes:
		return Worked
	case unanswered:
		return Unclear
	case notAsked:
		if success == notRuled || failure == notRuled {
			return Unclear
		}
	case no:
		if success == notRuled && failure == notRuled {
			return Failed
		}
	}
	switch {
	case success == matched && failure != matched && confirm == notAsked:
		return Worked
	case failure == matched && success != matched:
		return Failed
	}
	return Unclear
}
