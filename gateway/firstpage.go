package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
	"doorcode/templates"
)

// This file is login.first, the page before the login that asks for the name alone, and what keeps the name that the password is judged
// by the one that the application has: nothing but the first page's form may say it.

// FirstPage is the form of a two-page login that asks for the name.
type FirstPage struct {
	Rule   reading.Rule // which request it is; method POST
	Fields reading.LoginFields
}

// isFirst reports whether the request is the first of a two-page login's, with the name.
func (g *Gateway) isFirst(v *visit) (bool, error) {
	first := g.config.First
	if first == nil || v.who.kind == insider && g.carryOf(v) == "" {
		return false, nil
	}
	ok, err := v.judge([]reading.Rule{first.Rule}, true)
	if err != nil || !ok {
		return false, err
	}
	if v.odd != nil || !v.onSame(first.Rule.Path) {
		return false, refuse(templates.BadRequest, errors.New("odd spelling of login.first's address"))
	}
	return true, nil
}

// firstPage is the form with the name. It goes up in the visitor session, which ends with it; its answer opens a new one that has the
// name in it. So the name that the password is judged by is the last one that the application was told: cookies of before, with
// another name, open nothing.
func (g *Gateway) firstPage(v *visit) error {
	if err := g.mayLogIn(v); err != nil {
		return err
	}
	done := v.hurry()
	l, err := reading.ReadName(v.r.Header, v.r.URL.RawQuery, v.r.Body, g.config.Limits.LoginBody, g.config.First.Fields)
	done()
	if err != nil {
		return loginRefusal(err)
	}
	v.readWhole()
	if err := g.dropSessionIDs(v, l); err != nil {
		return err
	}
	if g.fieldInQuery(v) {
		return refuse(templates.Forbidden, errors.New("a field of the login in the address of its first page"))
	}
	if g.namesTwice(l) {
		return refuse(templates.BadRequest, errors.New("the second page's name on the first page of a login"))
	}
	for _, fixed := range g.config.Login.Fixed {
		if slices.ContainsFunc(l.Names(), func(name string) bool { return reading.Touches(name, fixed.Name) }) {
			l.Set(fixed.Name, fixed.Value)
		}
	}
	jar, err := g.carried(v.r.Context(), v)
	if err != nil {
		return err
	}
	contentType, body := l.Encode()
	v.r.Header["Content-Type"] = []string{contentType}
	v.replaceBody(body)
	up := jar.Header(v.path.Escaped())
	return g.cross(&passage{
		visit: v, carry: g.live.visitors.issue(g.now(), l.User()), begins: true, first: jar, cookies: openedCookies{up: up},
	})
}

// namesTwice reports whether the first page has a name by the second's field too: which of the two the application keeps is not known.
func (g *Gateway) namesTwice(l *reading.Login) bool {
	first, _ := g.config.First.Fields.Names()
	second, _ := g.config.Login.Fields.Names()
	return slices.ContainsFunc(l.Names(), func(sent string) bool {
		touches := func(name string) bool { return reading.Touches(sent, name) }
		return slices.ContainsFunc(second, touches) && !slices.ContainsFunc(first, touches)
	})
}

// sealAll seals to the session that a first page opens what it had in the one before, as the answer left it.
func (g *Gateway) sealAll(h http.Header, p *passage) (names []string) {
	p.first.Take(h, p.path.String())
	h.Del("Set-Cookie")
	for _, cookie := range g.box.SealJar(p.first, scopeOf(p.carry)) {
		cookie.SetOn(h)
	}
	return p.first.Names()
}

// loginFields are the fields of the login, and with two pages the name that the first one brought.
func (g *Gateway) loginFields(v *visit) (reading.LoginFields, error) {
	if g.config.First == nil {
		return g.config.Login.Fields, nil
	}
	name := visitorName(g.carryOf(v))
	if name == "" {
		return reading.LoginFields{}, refuse(templates.Stale, errors.New("a password without the page before, which asks for the name"))
	}
	return g.config.Login.Fields.After(name, g.config.First.Fields), nil
}

// scanCarried keeps visitors from saying beside the login what only the login may: a name after the one that was judged, which the
// application would keep in its session, or a field that login.fixed holds.
func (g *Gateway) scanCarried(p *passage) error {
	v := p.visit
	if g.ofLogin == nil {
		return nil
	}
	s := g.ofLogin.Request()
	if g.fieldInQuery(v) || s.Cookies(p.cookies.plain) {
		return refuse(templates.Forbidden, errors.New("a field of the login in the address or a cookie of a visitor's request"))
	}
	if v.r.Body == nil || v.r.Body == http.NoBody {
		return nil
	}
	raw, err := io.ReadAll(v.r.Body)
	if err != nil {
		return err
	}
	body, err := s.Body(v.r.Header, io.NopCloser(bytes.NewReader(raw)))
	if err == nil {
		_, err = io.Copy(io.Discard, body)
	}
	if err != nil {
		return refuse(templates.Forbidden, fmt.Errorf("a field of the login in the body of a visitor's request: %w", err))
	}
	v.replaceBody(raw)
	return nil
}

// fieldInQuery looks for such a field in the address; one of login.fixed may say there what it must be.
func (g *Gateway) fieldInQuery(v *visit) bool {
	parted, _ := reading.ParseQuery(strings.ReplaceAll(v.r.URL.RawQuery, ";", "&"))
	for _, query := range []reading.Params{v.query, parted} {
		for _, fixed := range g.config.Login.Fixed {
			if slices.ContainsFunc(query.Get(fixed.Name), func(value string) bool { return value != fixed.Value }) {
				return true
			}
		}
		if g.config.First == nil {
			continue
		}
		if slices.ContainsFunc(namesOfLogin(g.config), func(name string) bool { return len(query.Get(name)) > 0 }) {
			return true
		}
	}
	return false
}

// namesOfLogin are the fields by which either page of two gives the name; none where the name comes with the password.
func namesOfLogin(c Config) []string {
	if c.First == nil {
		return nil
	}
	first, _ := c.First.Fields.Names()
	second, _ := c.Login.Fields.Names()
	return append(first, second...)
}

// fieldsOfLogin are what scanCarried looks for in bodies and cookies; nil for nothing.
func fieldsOfLogin(c Config) *scan.Names {
	names := namesOfLogin(c)
	for _, fixed := range c.Login.Fixed {
		names = append(names, fixed.Name)
	}
	if names == nil {
		return nil
	}
	var pairs []scan.Pair
	for _, name := range names {
		pairs = append(pairs, scan.Pair{Users: []string{name}, Password: name})
	}
	return scan.New(pairs)
}
