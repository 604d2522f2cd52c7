package submit

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"doorcode/gateway/seal"
)

const formType = "application/x-www-form-urlencoded"

// signOutLimit bounds a sign-out, which nobody waits for: callers hand in a context that outlives the request.
const signOutLimit = 30 * time.Second

// SignOut ends a session that nobody came for (A7) at path and query of the application's logout. Many applications want a token with
// it: it is taken from the logout link or form of the signed-in page that confirm looks at, or from the form that the logout
// page itself asks with. The error says that the upstream could not be reached; that it signed out is not asked.
func (s *Submitter) SignOut(ctx context.Context, jar *seal.Jar, b Browser, method, pathQuery string) error {
	ctx, cancel := context.WithTimeout(ctx, signOutLimit)
	defer cancel()
	v := s.visit(b, jar)
	at, err := v.upstream.Parse(pathQuery)
	if err != nil {
		return fmt.Errorf("logout: %w", err)
	}
	var page *answer
	if s.config.Confirm != nil {
		if from, err := v.upstream.Parse(s.config.Confirm.URL); err == nil {
			page, _ = v.get(ctx, from) // without it the plain request is still worth a try
		}
	}
	if err := v.leave(ctx, at, method, page); err != nil {
		return fmt.Errorf("logout %s: %w", at.Path, err)
	}
	return nil
}

// leave makes the one or two requests of a logout; page is a signed-in page or nil.
func (v *visit) leave(ctx context.Context, at *url.URL, method string, page *answer) error {
	if to, fields, ok := v.logoutForm(page, at); ok {
		return v.postForm(ctx, to, fields)
	}
	var asks *answer
	var err error
	if method == http.MethodPost {
		asks, err = v.post(ctx, at, formType, nil)
	} else {
		if link, ok := v.logoutLink(page, at); ok {
			at = link
		}
		asks, err = v.get(ctx, at)
	}
	if err != nil {
		return err
	}
	if to, fields, ok := v.logoutForm(asks, at); ok {
		return v.postForm(ctx, to, fields)
	}
	return nil
}

func (v *visit) postForm(ctx context.Context, to *url.URL, fields url.Values) error {
	_, err := v.post(ctx, to, formType, []byte(fields.Encode()))
	return err
}

// logoutForm finds the POST form on page that goes to the logout, with its hidden fields and its first button, which says yes.
func (v *visit) logoutForm(page *answer, logout *url.URL) (*url.URL, url.Values, bool) {
	if page == nil {
		return nil, nil, false
	}
	for _, f := range forms(page.text) {
		to, ok := v.resolve(page.at, f.action)
		if !ok || f.method != http.MethodPost || !leadsTo(to, logout) {
			continue
		}
		fields := url.Values{}
		answered := false
		for _, c := range f.controls {
			if c.hidden || !answered {
				fields.Add(c.name, page.write(c.value))
			}
			answered = answered || !c.hidden
		}
		return to, fields, true
	}
	return nil, nil, false
}

// logoutLink finds the link on page that goes to the logout and has more in its query than ops could write down: a token.
func (v *visit) logoutLink(page *answer, logout *url.URL) (*url.URL, bool) {
	if page == nil {
		return nil, false
	}
	for z := html.NewTokenizer(strings.NewReader(page.text)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return nil, false
		case html.StartTagToken:
			t := z.Token()
			if to, ok := v.resolve(page.at, attribute(t, "href")); ok && t.Data == "a" && leadsTo(to, logout) {
				return to, true
			}
		}
	}
}

// leadsTo reports whether to is the logout: its path, and every pair of its query.
func leadsTo(to, logout *url.URL) bool {
	have := strings.Split(to.RawQuery, "&")
	missing := func(pair string) bool { return pair != "" && !slices.Contains(have, pair) }
	return to.EscapedPath() == logout.EscapedPath() && !slices.ContainsFunc(strings.Split(logout.RawQuery, "&"), missing)
}
