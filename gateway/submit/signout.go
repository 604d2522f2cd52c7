package submit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"doorcode/gateway/reading"
	"doorcode/gateway/seal"
)

const formType = "application/x-www-form-urlencoded"

// signOutLimit bounds a sign-out, which nobody waits for: callers hand in a context that outlives the request.
const signOutLimit = 30 * time.Second

// WayOut is how a session is ended at the application: a logout rule as a request, and where its token is found. The zero value is
// no way out.
type WayOut struct {
	Path        string          // as the application sees it, decoded
	Query, Form []reading.Value // "*" is the value that the page has: a token
	Post        bool            // a plain request, where the page has no link or form, is a POST
	Page        string          // path and query of a page with the link or form on it; "" is the page that confirm asks for
}

// errStillIn says that confirm finds the session signed in after the sign-out.
var errStillIn = errors.New("the application still shows a signed-in page: look at logout, its values and its page")

// SignOut ends a session that nobody came for (A7). Many applications want a token with it: the link or form of the logout is looked
// for on a signed-in page and followed as it stands there, and once more on the page that the logout itself may ask with ("really
// sign out?"). The error says that the upstream could not be reached, or that confirm still finds the session signed in.
func (s *Submitter) SignOut(ctx context.Context, jar *seal.Jar, b Browser, way WayOut) error {
	ctx, cancel := context.WithTimeout(ctx, signOutLimit)
	defer cancel()
	v := s.visit(b, jar)
	from := way.Page
	if from == "" && s.config.Confirm != nil {
		from = s.config.Confirm.URL
	}
	var page *answer
	if at, err := v.upstream.Parse(from); err == nil && from != "" {
		page, _ = v.get(ctx, at) // without it the plain request is still worth a try
	}
	if err := s.leave(ctx, v, way, page); err != nil {
		return fmt.Errorf("logout %s: %w", way.Path, err)
	}
	return nil
}

// leave makes the one or two requests of a logout; page is a signed-in page or nil.
func (s *Submitter) leave(ctx context.Context, v *visit, way WayOut, page *answer) error {
	to, ok := v.exit(page, way)
	if !ok {
		if to, ok = v.plainExit(page, way); !ok {
			return fmt.Errorf("neither the link nor the form stands on its page, and the rule alone is not enough (*)")
		}
	}
	asks, err := v.take(ctx, to)
	if err != nil {
		return err
	}
	out := s.ask(ctx, v)
	if out.reply == no {
		return nil
	}
	if again, ok := v.exit(asks, way); ok && !again.same(to) {
		if _, err := v.take(ctx, again); err != nil {
			return err
		}
		out = s.ask(ctx, v)
	}
	if out.reply == yes {
		return errStillIn
	}
	return nil
}

// exit is one request that may sign out.
type exit struct {
	to     *url.URL
	fields url.Values // of a POST; nil for GET
}

func (e exit) same(o exit) bool {
	return e.to.String() == o.to.String() && (e.fields == nil) == (o.fields == nil) && e.fields.Encode() == o.fields.Encode()
}

func (v *visit) take(ctx context.Context, e exit) (*answer, error) {
	if e.fields == nil {
		return v.get(ctx, e.to)
	}
	return v.post(ctx, e.to, formType, []byte(e.fields.Encode()))
}

// exit finds the logout's form or link on page.
func (v *visit) exit(page *answer, way WayOut) (exit, bool) {
	if page == nil {
		return exit{}, false
	}
	for _, f := range forms(page.text) {
		if to, ok := v.resolve(page.at, f.action); ok {
			if e := v.filled(page, f, to, way); way.fits(e) {
				return e, true
			}
		}
	}
	return v.exitLink(page, way)
}

// filled is a form as a browser would send it: with its hidden fields, and the button that the rule names, else its first.
func (v *visit) filled(page *answer, f *form, to *url.URL, way WayOut) exit {
	fields := url.Values{}
	named := func(c control) bool {
		return slices.ContainsFunc(slices.Concat(way.Query, way.Form), func(w reading.Value) bool { return w.Name == c.name && (w.Value == c.value || w.Value == "*") })
	}
	answered := slices.ContainsFunc(f.controls, func(c control) bool { return !c.hidden && named(c) })
	for _, c := range f.controls {
		if c.hidden || named(c) || !answered {
			fields.Add(c.name, page.write(c.value))
		}
		answered = answered || !c.hidden
	}
	if f.method == http.MethodPost {
		return exit{to, fields}
	}
	gone := *to
	gone.RawQuery = fields.Encode() // the form's fields take the place of its address's query (HTML §4.10.22.3)
	return exit{&gone, nil}
}

func (v *visit) exitLink(page *answer, way WayOut) (exit, bool) {
	if len(way.Form) > 0 || way.Post {
		return exit{}, false
	}
	for z := html.NewTokenizer(strings.NewReader(page.text)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return exit{}, false
		case html.StartTagToken:
			t := z.Token()
			if to, ok := v.resolve(page.at, attribute(t, "href")); ok && t.Data == "a" && way.fits(exit{to: to}) {
				return exit{to: to}, true
			}
		}
	}
}

// fits reports whether a request is this way out: its path, and every value in query or form. None of them may stand there with another
// value too, in any spelling: whoever may write on the page would have the held session do something else (?do=logout&do=delete).
func (w WayOut) fits(e exit) bool {
	if e.to.Path != w.Path {
		return false
	}
	query, _ := reading.ParseQuery(e.to.RawQuery)
	for _, want := range slices.Concat(w.Query, w.Form) {
		values := query.Get(want.Name)
		for name, more := range e.fields {
			if reading.Touches(name, want.Name) {
				values = append(values, more...)
			}
		}
		other := func(value string) bool { return value != want.Value && (want.Value != "*" || value == "") }
		if len(values) == 0 || slices.ContainsFunc(values, other) {
			return false
		}
	}
	return true
}

// plainExit is the rule itself as a request. Where a script sends the application's logout there is no form for it: a token ("*") is then
// the value of the hidden field of that name which any form on the page has (phpMyAdmin).
func (v *visit) plainExit(page *answer, way WayOut) (exit, bool) {
	query, fields := url.Values{}, url.Values{}
	for _, part := range []struct {
		values []reading.Value
		into   url.Values
	}{{way.Query, query}, {way.Form, fields}} {
		for _, w := range part.values {
			value := w.Value
			if value == "*" {
				if value = hiddenOn(page, w.Name); value == "" {
					return exit{}, false
				}
			}
			part.into.Set(w.Name, value)
		}
	}
	to := &url.URL{Scheme: v.upstream.Scheme, Host: v.upstream.Host, Path: way.Path, RawQuery: query.Encode()}
	if !way.Post && len(way.Form) == 0 {
		return exit{to: to}, true
	}
	return exit{to, fields}, true
}

func hiddenOn(page *answer, name string) string {
	if page == nil {
		return ""
	}
	for _, f := range forms(page.text) {
		for _, c := range f.controls {
			if c.hidden && c.name == name && c.value != "" {
				return page.write(c.value)
			}
		}
	}
	return ""
}
