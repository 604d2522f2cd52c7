// Package submit takes a login to the upstream in a session that no browser has held (invariant 3), and asks the upstream who
// is in it afterwards (invariant 4). Whatever the upstream sets or says on the way stays in the session's jar: the only things
// that leave are the outcome, the session for challenge to hold, and, for a failed login, the application's own page.
package submit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"doorcode/gateway/reading"
	"doorcode/gateway/seal"
)

// Config says how the application signs in. It is parsed and checked by package config.
type Config struct {
	Page    string              // where the form is shown, path and query
	Fields  reading.LoginFields // the names of the user and password fields
	Tokens  []string            // hidden fields that the fresh form fills; nil: every one that differs from what the browser sent
	Fixed   []reading.Value     // fields that a login may not choose: set to their value whatever was sent
	Prepare string              // path and query that the page's script asks before the login, for a cookie; "" for none
	Headers []Header            // what the application's script sends beside the body
	Scripts bool                // scripts may send the login: tokens may stand in what it answers
	Hosts   []string            // further hosts that its pages call it by (rewrite.addresses)
	Named   []string            // further fields that tell a login (login.form); kept where those that its form lacks are dropped
	Success *Condition          // nil: none
	Failure *Condition          // nil: none
	Confirm *Confirm            // nil: none; then both rules are needed

	Patience time.Duration // how long a login may take once its password is on its way; 0 is a minute
}

// Confirm is how the upstream is asked who is in.
type Confirm struct {
	URL      string         // path and query that every user may open
	SignedIn *regexp.Regexp // matches on a signed-in page only
	User     *regexp.Regexp // group 1 is the user's login name, one that users cannot change; nil: none is read
}

// Browser is what the upstream is told of the browser that signs in.
type Browser struct {
	Header http.Header // as the gateway sends it up for this browser; submit picks from it what a login needs
	Host   string      // the Host the upstream is to see; "" is the upstream's own
	Public *url.URL    // the address the browser used; a Location that names it stays on the upstream. May be nil
	Path   string      // the path the login came to, escaped; "" where that says nothing: the login goes to its form's address
	Query  string      // its query, raw
	Script bool        // a script sends the login and reads its answer
	Kept   *seal.Jar   // its preferences (cookies.keep), which go along with a login; nil for none

	Check func(Session) error // asked before the password goes up; what it returns, Submit does. May be nil

	// Carry hands over the visitor session that the login belongs to (login.isolation: carry). When it returns nothing opens that session
	// any more, and no request of it is under way. nil: the login gets a session of its own.
	Carry func(context.Context) (*seal.Jar, error)
}

// Outcome is one of the three of invariant 4. The zero value lets nobody in.
type Outcome int

const (
	Unclear Outcome = iota // nobody enters; the session is dropped
	Failed                 // the application refused; its own answer may be shown
	Worked                 // somebody is signed in, in the session that Answer.Held holds
)

func (o Outcome) String() string {
	switch o {
	case Worked:
		return "worked"
	case Failed:
		return "failed"
	}
	return "unclear"
}

// Answer is what became of a login.
type Answer struct {
	Outcome   Outcome
	Reason    string           // for ops: which rule decided, or which line of the config to look at. Never a secret
	Held      seal.HeldSession // Worked: the signed-in session
	Confirmed string           // Worked: the login name that confirm read; "" where it reads none
	Said      *Shown           // Worked, to a script: what the application answered, for a member alone; nil where it may not be passed
	Token     bool             // Worked, to a script: what it answered has what looks like a token
	Show      *Shown           // Failed: the application's answer, nil where a page of ours must stand in for it
	Onward    *seal.Jar        // Failed, carried: the session that its visitor goes on in; nil where he must begin anew
	Session   Session
}

// Session is what is known of the upstream session of a login, whatever became of it.
type Session struct {
	Jar     *seal.Jar // nil: no password went up
	Chosen  []string  // names of the login's fields that have a value of the sender's choice, where no ordinary login has one
	InForms []string  // names of fields of the fresh page, but for those that held a cookie's value
}

// Shown is an answer of the upstream that a visitor may see. It has no header but these two, and no value of a cookie in it.
type Shown struct {
	Status      int
	ContentType string
	Language    string // Content-Language; "" for none
	Body        []byte
}

// Submitter submits logins to one upstream. Its methods may be called while others run.
type Submitter struct {
	config    Config
	transport http.RoundTripper
	upstream  *url.URL
	fields    pageFields
}

// New makes a Submitter. upstream is scheme and host; transport must not follow redirects or keep cookies, which no
// http.Transport does.
func New(c Config, transport http.RoundTripper, upstream *url.URL) *Submitter {
	return &Submitter{config: c, transport: transport, upstream: upstream}
}

// Submit takes a login to the upstream in a session of its own and says what became of it. The login's tokens and fixed fields are
// filled in l on the way. The error says that the upstream could not be reached, or not in time: nothing is known then. ctx ends
// it until the password goes up.
func (s *Submitter) Submit(ctx context.Context, l *reading.Login, b Browser) (Answer, error) {
	if b.Carry != nil {
		return s.submitCarried(ctx, l, b)
	}
	v := s.visit(b, new(seal.Jar))
	page, trouble, err := s.fetchForm(ctx, v)
	if err != nil || trouble != "" {
		return Answer{Reason: trouble}, err
	}
	to, trouble, err := s.target(v, page, l)
	if err != nil || trouble != "" {
		return Answer{Reason: trouble}, err
	}
	extra, trouble := v.headers(s.config, page)
	if trouble == "" {
		trouble = s.config.inCharset(l, page, b)
	}
	if trouble != "" {
		return Answer{Reason: trouble}, nil
	}
	note := s.config.fill(l, page)
	session := Session{Jar: v.jar, Chosen: s.config.chosen(l, page), InForms: v.inForms(page)}
	return s.goUp(ctx, v, ready{to, l, extra, note}, session)
}

// goUp sends a login that is ready.
func (s *Submitter) goUp(ctx context.Context, v *visit, r ready, session Session) (Answer, error) {
	if check := v.browser.Check; check != nil {
		if err := check(session); err != nil {
			return Answer{}, err
		}
	}
	// From here on the session may be signed in: whether it is, and how to end it, is asked to the end though the browser may be gone (A7).
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), s.config.patience())
	defer done()
	answer, err := s.signIn(ctx, v, r)
	answer.Session = session
	return answer, err
}

// ready is a login that can go up.
type ready struct {
	to    *url.URL
	login *reading.Login
	extra http.Header // beside the usual ones
	note  string      // what was amiss with the form
}

// signIn sends the login and asks what became of it.
func (s *Submitter) signIn(ctx context.Context, v *visit, r ready) (Answer, error) {
	contentType, body := r.login.Encode()
	v.extra = r.extra
	a, err := v.post(ctx, r.to, contentType, body)
	v.extra = nil
	if err != nil {
		return Answer{}, fmt.Errorf("login %s: %w", r.to.Path, err)
	}
	j := s.config.judge(v.look(a))
	j.asked, j.note = s.ask(ctx, v), r.note
	switch outcome := j.outcome(); outcome {
	case Worked:
		held := seal.HeldSession{Jar: v.jar, Location: v.ledTo(a), Status: a.status}
		said, token := v.said(a)
		return Answer{Outcome: Worked, Reason: j.reason(outcome), Held: held, Confirmed: j.asked.user, Said: said, Token: token}, nil
	case Failed:
		shown, err := s.show(ctx, v, a)
		if errors.Is(err, errSignedIn) {
			return Answer{Reason: err.Error()}, nil
		}
		if err != nil {
			j.shown = err.Error()
		}
		answer := Answer{Outcome: Failed, Reason: j.reason(outcome), Show: shown}
		if v.browser.Carry == nil || err != nil && !errors.Is(err, errLeaks) {
			return answer, nil
		}
		return s.onward(ctx, v, a, j, answer), nil
	}
	return Answer{Reason: j.reason(Unclear)}, nil
}

// target is where the login goes, and makes the login one for there.
//
// One that came to its own address goes there, with the browser's query and every field the browser sent: scripts make fields
// that stand in no form, and ?lang=en or a page to return to belongs to the login. What an application that signs in wherever it
// is asked (DokuWiki) does with further fields at that address, it does before the code: login.form should have a value that its
// login page alone has, and login.fixed those that choose a page. Any other goes to the address of the form that was
// fetched, or to the page that has no form, with the fields of that form and those that the configuration names (B6).
func (s *Submitter) target(v *visit, page *answer, l *reading.Login) (to *url.URL, trouble string, err error) {
	if b := v.browser; b.Path != "" {
		if to, err = v.address(b.Path, s.config.query(b.Query)); err != nil {
			return nil, "", fmt.Errorf("login: %w", err)
		}
		return to, "", nil
	}
	if s.config.Fields.JSON {
		return nil, "a login in JSON came to another spelling of login.path, and no form says where it goes", nil
	}
	f := loginForm(forms(page.text), s.config.Fields)
	if f == nil {
		f = &form{}
	}
	to, ok := v.resolve(page.at, f.action)
	if !ok {
		return nil, fmt.Sprintf("the form at login.page %s goes to another address than the application's", s.config.Page), nil
	}
	to.Fragment, to.RawFragment, to.RawQuery = "", "", s.config.query(to.RawQuery)
	l.Only(func(name string) bool { return f.sends(name) || s.config.names(name) })
	return to, "", nil
}

// fetchForm gets the page with the form, and then what its script would ask. No password goes up where that is in trouble, which is
// said.
func (s *Submitter) fetchForm(ctx context.Context, v *visit) (page *answer, trouble string, err error) {
	page, trouble, err = s.fetch(ctx, v, "login.page", s.config.Page)
	if err == nil && trouble == "" && s.config.Prepare != "" {
		_, trouble, err = s.fetch(ctx, v, "login.prepare", s.config.Prepare)
	}
	return page, trouble, err
}

func (s *Submitter) fetch(ctx context.Context, v *visit, key, address string) (page *answer, trouble string, err error) {
	at, err := v.upstream.Parse(address)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", key, err)
	}
	page, err = v.follow(ctx, at)
	switch {
	case errors.Is(err, errLedAway):
		return nil, fmt.Sprintf("%s %s %v", key, address, err), nil
	case err != nil:
		return nil, "", fmt.Errorf("%s %s: %w", key, address, err)
	case page.status >= http.StatusInternalServerError:
		return nil, fmt.Sprintf("%s %s answered %d", key, address, page.status), nil
	}
	return page, "", nil
}
