package submit

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strings"

	"doorcode/gateway/seal"
)

// ErrNoConfirm says that login.confirm is not configured.
var ErrNoConfirm = errors.New("login.confirm is not configured")

// reply is what the upstream said when it was asked who is in.
type reply int

const (
	notAsked   reply = iota // not configured
	yes                     // a signed-in page
	no                      // another page
	unanswered              // it could not be asked, or its page could not be read
)

// asked is one reply in full.
type asked struct {
	reply reply
	user  string // yes only; "" where no pattern reads a name
	why   error  // unanswered; and with yes where the pattern for the name found none
}

// Confirm asks the upstream whether the session in jar is signed in, and as whom. The jar takes the cookies of its answer. With an
// error nothing is known: it could not be asked, or the page is a signed-in one and the configured pattern found no name on it.
func (s *Submitter) Confirm(ctx context.Context, jar *seal.Jar, b Browser) (signedIn bool, user string, err error) {
	if s.config.Confirm == nil {
		return false, "", ErrNoConfirm
	}
	a := s.ask(ctx, s.visit(b, jar))
	return a.reply == yes && a.why == nil, a.user, a.why
}

// Opens reports whether the cookies in jar alone make a signed-in session. It is asked of those that pass unsealed or to visitors
// (cookies.plain and keep), which must open nothing (invariant 2); a name on the page is not needed for a yes.
func (s *Submitter) Opens(ctx context.Context, jar *seal.Jar, b Browser) (bool, error) {
	if s.config.Confirm == nil {
		return false, ErrNoConfirm
	}
	a := s.ask(ctx, s.visit(b, jar))
	if a.reply == unanswered {
		return false, a.why
	}
	return a.reply == yes, nil
}

// ask gets the confirm page as it is: a redirect is followed by nobody, since a login page at its end says as little as a start page
// that everybody may read.
func (s *Submitter) ask(ctx context.Context, v *visit) asked {
	// Without the browser's preferences: what they open, if they open anything, is not this login's doing.
	kept := v.browser.Kept
	v.browser.Kept = nil
	defer func() { v.browser.Kept = kept }()
	c := s.config.Confirm
	if c == nil {
		return asked{}
	}
	at, err := v.upstream.Parse(c.URL)
	if err != nil {
		return asked{reply: unanswered, why: fmt.Errorf("confirm.url: %w", err)}
	}
	a, err := v.get(ctx, at)
	switch {
	case err != nil:
		return asked{reply: unanswered, why: fmt.Errorf("confirm.url %s: %w", c.URL, err)}
	case a.status >= http.StatusInternalServerError:
		return asked{reply: unanswered, why: fmt.Errorf("confirm.url %s: answered %d", c.URL, a.status)}
	case a.status != http.StatusOK:
		return asked{reply: no}
	case c.SignedIn.MatchString(a.text):
		return c.name(a)
	case a.broken != nil:
		return asked{reply: unanswered, why: fmt.Errorf("confirm.url %s: page %w", c.URL, a.broken)}
	}
	return asked{reply: no}
}

// name reads the login name off a signed-in page.
func (c *Confirm) name(a *answer) asked {
	if c.User == nil {
		return asked{reply: yes}
	}
	if found := c.User.FindStringSubmatch(a.text); len(found) > 1 {
		if user := strings.TrimSpace(html.UnescapeString(found[1])); user != "" {
			return asked{reply: yes, user: user}
		}
	}
	return asked{reply: yes, why: fmt.Errorf("confirm.user finds no name on the signed-in page %s: look at the pattern %s", c.URL, c.User)}
}
