package submit

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// show makes the application's own answer to a failed login fit for a visitor: the answer itself, or the page its redirect leads to,
// which is fetched here because only this session has the message on it. It returns nil for one that cannot be shown: not
// read whole, led off the application, or carrying a cookie's value.
//
// signedIn says that the page has confirm's mark after all: the login worked although everything else says that it failed (A16),
// and a page of somebody's session is no answer for a visitor.
func (s *Submitter) show(ctx context.Context, v *visit, a *answer) (page *Shown, signedIn bool) {
	if a.redirects() {
		// 307 and 308 would have the password sent once more.
		next, ok := v.resolve(a.at, a.header.Get("Location"))
		if !ok || a.status == http.StatusTemporaryRedirect || a.status == http.StatusPermanentRedirect {
			return nil, false
		}
		var err error
		if a, err = v.follow(ctx, next); err != nil {
			return nil, false
		}
	}
	if c := s.config.Confirm; c != nil && c.SignedIn.MatchString(a.text) {
		return nil, true
	}
	shown := &Shown{
		Status:      a.status,
		ContentType: a.header.Get("Content-Type"),
		Language:    a.header.Get("Content-Language"),
		Body:        a.body,
	}
	// Both forms of the body are looked at: bytes of a wide charset hide an ASCII value that the browser would read.
	if a.broken != nil || v.leaks(a.text) || v.leaks(string(a.body)) || v.leaks(shown.ContentType+"\n"+shown.Language) {
		return nil, false
	}
	return shown, false
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
