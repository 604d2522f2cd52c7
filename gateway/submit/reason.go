package submit

import (
	"fmt"
	"strings"
)

// judgement is all that is known of one login.
type judgement struct {
	config    *Config
	status    int
	broken    error // why the answer's body is not the whole of it
	success   rule
	failure   rule
	successAt string // where the test stands that decided
	failureAt string
	asked     asked
	note      string // what was amiss with the form
	shown     string // why the application's page is not shown
}

func (c *Config) judge(s seen) judgement {
	j := judgement{config: c, status: s.status, broken: s.broken}
	j.success, j.successAt = c.Success.judge(s)
	j.failure, j.failureAt = c.Failure.judge(s)
	return j
}

func (j judgement) outcome() Outcome {
	// A signed-in page without the name that its pattern should read is no yes: whose policy holds would be a guess (invariant 7).
	if j.asked.reply == yes && j.asked.why != nil {
		return Unclear
	}
	return verdict(j.success, j.failure, j.asked.reply)
}

// reason is a sentence for ops. It names rules, their places, statuses and configured addresses; nothing of the answer, nor of the
// login, which may hold secrets.
func (j judgement) reason(o Outcome) string {
	parts := []string{fmt.Sprintf("answered %d", j.status), j.said("success", j.success, j.successAt, j.config.Success),
		j.said("failure", j.failure, j.failureAt, j.config.Failure), j.confirm()}
	if j.broken != nil {
		parts = append(parts, fmt.Sprintf("its body was not read whole (%v)", j.broken))
	}
	if o != Worked {
		parts = append(parts, j.note, j.shown)
	}
	if o == Unclear {
		parts = append(parts, j.advice())
	}
	said := parts[:0]
	for _, p := range parts {
		if p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, "; ")
}

func (j judgement) said(name string, r rule, at string, c *Condition) string {
	switch r {
	case matched:
		return strings.TrimSpace(fmt.Sprintf("login.%s matched %s", name, at))
	case missed:
		return strings.TrimSpace(fmt.Sprintf("login.%s did not match %s", name, strings.Join(c.places(), ", ")))
	}
	return ""
}

func (j judgement) confirm() string {
	switch {
	case j.asked.why != nil:
		return j.asked.why.Error()
	case j.asked.reply == yes:
		return "confirm says yes"
	case j.asked.reply == no:
		return "confirm says no"
	}
	return ""
}

// advice says what to look at first when nobody could be let in.
func (j judgement) advice() string {
	switch {
	case j.asked.why != nil:
		return "" // said already
	case j.asked.reply == notAsked && (j.success == notRuled || j.failure == notRuled):
		return "without login.confirm both login.success and login.failure are needed"
	case j.success == matched && j.failure == matched:
		return "look at login.success and login.failure: one of them matches too much"
	case j.success == matched:
		return fmt.Sprintf("look at confirm.signed_in (is it on %s for this user?) and at login.success", j.config.Confirm.URL)
	}
	return "look at login.failure: it should match when the password is wrong"
}
