package submit

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Why an answer is not shown.
var (
	errSignedIn = errors.New("the page after the failed login has the mark of confirm.signed_in: look at confirm.url and login.failure")
	errLeaks    = errors.New("the application's page carries the value of a cookie, so it is not shown")
	errResend   = errors.New("asks for the login to be sent once more (307, 308)")
)

// show makes the application's own answer to a failed login fit for a visitor: the answer itself, or the page its redirect leads to,
// which is fetched here because only this session has the message on it. The error says why it cannot be shown.
//
// errSignedIn says that the page has confirm's mark after all: the login worked although everything else says that it failed (A16),
// and a page of somebody's session is no answer for a visitor.
func (s *Submitter) show(ctx context.Context, v *visit, a *answer) (*Shown, error) {
	a, err := v.after(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("the application's page is not shown: it %w", err)
	}
	if c := s.config.Confirm; c != nil && c.SignedIn.MatchString(a.text) {
		return nil, errSignedIn
	}
	if a.broken != nil {
		return nil, fmt.Errorf("the application's page is not shown: it was not read whole (%w)", a.broken)
	}
	shown := shownOf(a)
	if v.leaksIn(a, shown) {
		return nil, errLeaks
	}
	if s.config.Scripts && handsOutToken(a.text) {
		// Judged failed though it signed in (A16), and no cookie tells of it. Whether a script sent this one says its sender (A15).
		return nil, errToken
	}
	return shown, nil
}

func shownOf(a *answer) *Shown {
	return &Shown{
		Status:      a.status,
		ContentType: a.header.Get("Content-Type"),
		Language:    a.header.Get("Content-Language"),
		Body:        a.body,
	}
}

// leaksIn looks at both forms of the body: bytes of a wide charset hide an ASCII value that the browser would read.
func (v *visit) leaksIn(a *answer, shown *Shown) bool {
	return v.leaks(a.text) || v.leaks(string(a.body)) || v.leaks(shown.ContentType+"\n"+shown.Language)
}

// after is the answer itself, or the page at the end of its redirects.
func (v *visit) after(ctx context.Context, a *answer) (*answer, error) {
	if !a.redirects() {
		return a, nil
	}
	if a.status == http.StatusTemporaryRedirect || a.status == http.StatusPermanentRedirect {
		return nil, errResend
	}
	next, ok := v.resolve(a.at, a.header.Get("Location"))
	if !ok {
		return nil, errLedAway
	}
	return v.follow(ctx, next)
}

// leaks reports whether text carries a value that a cookie of this session has or had, as it is or escaped for a URL, for HTML or for
// a script. Letter case is ignored: %3D is %3d. A value that a page takes apart and a script puts together again is not
// found; what closes that is that the session of a failed login is dropped.
func (v *visit) leaks(text string) bool {
	if len(v.seen) == 0 || text == "" {
		return false
	}
	plain := html.UnescapeString(text)
	readings := []string{text, plain, unescapeURL(plain), unescapeScript(plain)}
	for i, r := range readings {
		readings[i] = strings.ToLower(r)
	}
	for value := range v.seen {
		for _, spelling := range spellings(value) {
			for _, r := range readings {
				if strings.Contains(r, spelling) {
					return true
				}
			}
		}
	}
	return false
}

// spellings are a cookie's value as it stands in the header, without quotes, and as the application wrote it before it was escaped
// for the header, in lower case.
func spellings(value string) []string {
	bare := strings.Trim(value, `"`)
	found := []string{strings.ToLower(bare)}
	for _, s := range []string{unescapeURL(bare), url.QueryEscape(bare), html.EscapeString(bare)} {
		if s != bare {
			found = append(found, strings.ToLower(s))
		}
	}
	return found
}

// unescapeURL undoes each %XX and leaves what is none, where url.QueryUnescape would give up on the whole page.
func unescapeURL(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unescapeScript undoes the escapes that JSON and scripts have: \/, \x3d and \u003d.
func unescapeScript(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for s != "" {
		if s[0] != '\\' {
			b.WriteByte(s[0])
			s = s[1:]
		} else if c, _, rest, err := strconv.UnquoteChar(s, 0); err == nil {
			b.WriteRune(c)
			s = rest
		} else {
			s = s[1:] // it escapes the character that follows
		}
	}
	return b.String()
}
