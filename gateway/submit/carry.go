package submit

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/text/encoding/unicode"

	"doorcode/gateway/reading"
	"doorcode/gateway/seal"
)

// submitCarried takes a login to the upstream in the session that its visitor had (login.isolation: carry), as the browser sent it: the
// answer to a captcha, or a password that a script hashed, belongs to the form that the visitor saw.
func (s *Submitter) submitCarried(ctx context.Context, l *reading.Login, b Browser) (Answer, error) {
	if b.Path == "" {
		return Answer{Reason: "the login came to another spelling of login.path, and goes nowhere else with the session that it carries"}, nil
	}
	names := s.fields.of(ctx, s, b)
	jar, err := b.Carry(ctx)
	if err != nil {
		return Answer{}, err
	}
	v := s.visit(b, jar)
	to, err := v.address(b.Path, s.config.query(b.Query))
	if err != nil {
		return Answer{}, fmt.Errorf("login: %w", err)
	}
	for _, fixed := range s.config.Fixed {
		l.Fix(fixed.Name, s.config.write(&answer{encoding: unicode.UTF8}, fixed.Value))
	}
	return s.goUp(ctx, v, ready{to: to, login: l}, Session{Jar: jar, Chosen: chosenBut(append(s.config.ordinary(), names...), l), InForms: names})
}

// onward says whether the visitor of a failed login goes on in its session: the next captcha is drawn in it, the password page knows the
// name. What goes to a browser here are cookies of a login's answer, sealed, so it must be sure that they open nothing (invariant 1,
// A16). login.failure matched, confirm said no after the password, and is asked once more where pages were fetched since; and all answers
// were read to their end, so that nothing goes on running that might sign in later. With less the session ends here. What is left is an
// application that says by both signs that a right password was wrong: then its public pages and its login page are run as the user,
// by his password and for whoever has it, and everything else is closed to visitors.
func (s *Submitter) onward(ctx context.Context, v *visit, a *answer, j judgement, failed Answer) Answer {
	if j.failure != matched || j.asked.reply != no || a.broken != nil {
		return failed
	}
	if a.redirects() {
		switch again := s.ask(ctx, v); again.reply {
		case no:
		case yes:
			return Answer{Reason: errSignedIn.Error()}
		default:
			return failed
		}
	}
	failed.Onward = v.jar
	return failed
}

// pageFields are the names of the fields of login.page's forms, which are fetched once and in a session of nobody's: see inForms. What
// visitors send says nothing about which fields are the application's.
type pageFields struct{ names atomic.Pointer[[]string] }

// of returns none where the page cannot be had: then a field that is called like a cookie is refused.
func (p *pageFields) of(ctx context.Context, s *Submitter, b Browser) []string {
	if names := p.names.Load(); names != nil {
		return *names
	}
	v := s.visit(b, new(seal.Jar))
	page, trouble, err := s.fetchForm(ctx, v)
	if err != nil || trouble != "" {
		return nil
	}
	names := v.inForms(page)
	p.names.Store(&names)
	return names
}
