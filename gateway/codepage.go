package gateway

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"doorcode/challenge"
	"doorcode/gateway/reading"
	"doorcode/templates"
)

// ownRoot is where our own pages stand, on the application's origin. Its scripts can reach them too, so a page here only enters
// a code; every change wants a form token (invariant 11).
const (
	ownRoot  = templates.DefaultBasePath
	codePath = ownRoot + "/code"
)

// isOwn reports whether a request is for our own pages. Another spelling of their address is refused, so that the upstream never
// sees one and never answers for us (threat E1).
func (v *visit) isOwn() (bool, error) {
	for _, path := range v.paths() {
		if !path.Own() {
			continue
		}
		if v.odd != nil || !strings.HasPrefix(v.path.String(), ownRoot+"/") {
			return true, refuse(templates.NotFound, errors.New("odd spelling of an own page"))
		}
		return true, nil
	}
	return false, nil
}

// ownPage answers what stands under /_doorcode/.
func (g *Gateway) ownPage(v *visit) error {
	if v.r.Header.Get("Service-Worker") != "" {
		return refuse(templates.Forbidden, errors.New("service worker")) // our own scripts are none either (invariant 11)
	}
	path := strings.TrimPrefix(v.path.String(), ownRoot)
	if name, ok := strings.CutPrefix(path, "/assets/"); ok {
		return g.asset(v, name)
	}
	if path == "/language" {
		return g.chooseLanguage(v)
	}
	if path == "/seen.css" && v.r.Method == http.MethodGet {
		return g.seen(v)
	}
	if err := v.isNavigation(); err != nil {
		return err
	}
	if v.reads() {
		if path == "/code" {
			return g.codePage(v)
		}
		return refuse(templates.NotFound, nil)
	}
	form, err := g.ownForm(v)
	if err != nil {
		return err
	}
	switch path {
	case "/code":
		return g.enterCode(v, form)
	case "/resend":
		return g.resend(v, form)
	case "/cancel":
		return g.cancel(v, form)
	}
	return refuse(templates.NotFound, nil)
}

// isNavigation refuses scripts and frames of the application's, where browsers say so: neither sends our forms nor reads the token
// in them (invariant 11, threats C7, D9).
func (v *visit) isNavigation() error {
	if dest := v.r.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
		return refuse(templates.Forbidden, errors.New("own page asked for by "+strconv.Quote(clip(dest))))
	}
	return nil
}

// ownFormLimit is more than a code page ever sends.
const ownFormLimit = 8 << 10

// ownForm reads a form of ours: sent by a page of ours, and as its forms are sent.
func (g *Gateway) ownForm(v *visit) (reading.Params, error) {
	if v.r.Method != http.MethodPost {
		return reading.Params{}, refuse(templates.BadRequest, errors.New("method"))
	}
	if err := g.csrf.Check(v.r); err != nil {
		return reading.Params{}, refuse(templates.Forbidden, err)
	}
	if kind, _, _ := strings.Cut(v.r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
		return reading.Params{}, refuse(templates.BadRequest, errors.New("own form in another kind of body"))
	}
	done := v.hurry()
	form, _, err := reading.ReadForm(v.r.Header, v.r.Body, ownFormLimit)
	done()
	if err == nil {
		v.readWhole()
	}
	switch {
	case errors.Is(err, reading.ErrTooLarge):
		return form, refuse(templates.TooLarge, err)
	case err != nil:
		return form, refuse(templates.BadRequest, err)
	}
	return form, nil
}

// only returns the one value of a field of ours, by its name to the letter: another spelling of it, or a second one, is nothing that
// a page of ours sends (threat C10).
func only(form reading.Params, name string) (string, bool) {
	values := form.Get(name) // under every spelling
	if len(values) != 1 || !slices.Contains(form.Names(), name) {
		return "", false
	}
	return values[0], true
}

// codePage shows the page. A reload never sends: only a login and the resend button do.
func (g *Gateway) codePage(v *visit) error {
	if v.who.kind == insider {
		return g.seeOther(v, "/")
	}
	if v.who.kind != pending {
		return refuse(templates.Expired, nil)
	}
	c, err := g.door.Pending(v.r.Context(), v.who.id, v.address)
	if errors.Is(err, challenge.ErrNotFound) {
		return refuse(templates.Expired, nil)
	}
	if err != nil {
		return err
	}
	said := templates.CodeError("")
	if values := v.query.Get("said"); len(values) == 1 {
		said = known(values[0])
	}
	return g.writeCodePage(v, c, said, 0, http.StatusOK)
}

// known lets through what the code page can say: the address may have been made by anybody.
func known(said string) templates.CodeError {
	switch e := templates.CodeError(said); e {
	case templates.CodeWrong, templates.CodeEmpty, templates.CodeNewer, templates.CodeResent, templates.CodeSpent:
		return e
	}
	return ""
}

// entered reports whether said is about a code that somebody has typed: he wants the field again.
func entered(said templates.CodeError) bool {
	return said == templates.CodeWrong || said == templates.CodeEmpty || said == templates.CodeWait
}

func (g *Gateway) writeCodePage(v *visit, c challenge.Challenge, said templates.CodeError, wait time.Duration, status int) error {
	token, err := g.box.SealOwn(formToken, []byte(c.ID))
	if err != nil {
		return err
	}
	config, now := g.door.Config(), g.now()
	others := g.door.OtherWays(c)
	page := templates.CodePage{
		AppName: g.config.Name, User: c.Name, Digits: config.Digits, Token: token,
		CanRemember: c.Remember > 0, Remember: v.who.ticked, RememberDays: int(c.Remember / (24 * time.Hour)),
		Choosing:    len(c.Last) == 0 && len(others) > 0 && len(v.query.Get("enter")) == 0 && !entered(said),
		ResendIn:    resendIn(c, config.Rules.ResendAfter, now),
		ResendsLeft: max(0, config.Rules.Resends+1-c.Sends),
		ExpiresIn:   c.ExpiresAt.Sub(now), Error: said, WaitFor: wait,
		Languages: g.texts.Links(ownRoot + "/language?back=" + url.QueryEscape(codePath) + "&to="),
		LoginPath: g.config.Login.Page,
	}
	for _, r := range others {
		page.Others = append(page.Others, templates.RouteLine{Channel: string(r.Channel), Masked: r.Masked})
	}
	for _, r := range c.Routes {
		page.Routes = append(page.Routes, templates.RouteLine{Channel: string(r.Channel), Masked: r.Masked, State: string(r.State), Instead: r.Instead})
		if r.State == challenge.RoutePending {
			page.LookIn = max(page.LookIn, time.Second, r.At.Add(lookAgain).Sub(now))
		}
	}
	if said == "" || said == templates.CodeResent {
		page.Error = sendError(c, said)
	}
	var body bytes.Buffer
	if err := g.texts.Code(&body, g.language(v), page); err != nil {
		return err
	}
	g.ownHeader(v.w.Header())
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		v.w.Write(body.Bytes())
	}
	return nil
}

// formToken is the name under which form tokens are sealed. The token names the challenge that its page was made for.
const formToken = "doorcode-form"

// tokenFits holds a form against the browser's challenge. A page of an earlier login in this browser is led to the newest one
// and costs no try; a form without a token of ours is refused.
func (g *Gateway) tokenFits(v *visit, form reading.Params) (fits bool, err error) {
	token, ok := only(form, "token")
	if !ok {
		return false, refuse(templates.Forbidden, errors.New("form token missing"))
	}
	id, ok := g.box.OpenOwn(formToken, token)
	if !ok {
		return false, refuse(templates.Forbidden, errors.New("form token does not open"))
	}
	return string(id) == v.who.id, nil
}

// enterCode is the code page's main form.
func (g *Gateway) enterCode(v *visit, form reading.Params) error {
	if v.who.kind == insider {
		return g.seeOther(v, "/") // sent twice, or from a second tab
	}
	if v.who.kind != pending {
		return refuse(templates.Expired, nil)
	}
	fits, err := g.tokenFits(v, form)
	if err != nil {
		return err
	}
	if !fits {
		return g.say(v, templates.CodeNewer)
	}
	code, _ := only(form, "code") // twice or as a list is as good as none (threat C10)
	if strings.TrimSpace(code) == "" {
		return g.say(v, templates.CodeEmpty)
	}
	_, remember := only(form, "remember")
	return g.tryCode(v, code, remember)
}

// afterWrongCode answers a refused try. One wording for wrong, expired, unknown and foreign.
func (g *Gateway) afterWrongCode(v *visit, remember bool, err error) error {
	if remember != v.who.ticked {
		v.who.ticked = remember
		if err := g.setWho(v.w, v.who); err != nil {
			return err
		}
	}
	if errors.Is(err, challenge.ErrWrongCode) {
		return g.say(v, templates.CodeWrong)
	}
	var wait challenge.ErrWait
	if !errors.As(err, &wait) {
		return err
	}
	c, pendingErr := g.door.Pending(v.r.Context(), v.who.id, v.address)
	if pendingErr != nil {
		return err
	}
	left := max(time.Second, wait.Until.Sub(g.now()))
	v.w.Header().Set("Retry-After", strconv.Itoa(int(left/time.Second)+1))
	return g.writeCodePage(v, c, templates.CodeWait, left, http.StatusTooManyRequests)
}

// say leads back to the code page with a word on what happened, so that a reload sends nothing again.
func (g *Gateway) say(v *visit, what templates.CodeError) error {
	return g.seeOther(v, codePath+"?said="+string(what))
}

// cancel forgets the challenge; what it held is signed out at the application.
func (g *Gateway) cancel(v *visit, form reading.Params) error {
	if v.who.kind == pending {
		fits, err := g.tokenFits(v, form)
		if err != nil {
			return err
		}
		if !fits {
			return g.say(v, templates.CodeNewer)
		}
		revoked, err := g.door.Cancel(v.r.Context(), v.who.id)
		if err != nil && !errors.Is(err, challenge.ErrNotFound) {
			return err
		}
		g.End(v.r.Context(), revoked)
		if err := g.setWho(v.w, who{kind: visitor, trail: v.who.trail}); err != nil {
			return err
		}
	}
	return g.seeOther(v, g.config.Login.Page)
}

// asset serves what our pages refer to.
func (g *Gateway) asset(v *visit, name string) error {
	body, contentType, ok := g.texts.Asset(name)
	if !ok || !v.reads() {
		return refuse(templates.NotFound, nil)
	}
	h := v.w.Header()
	g.ownHeader(h)
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable") // the address carries the file's hash
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(http.StatusOK)
	if v.r.Method != http.MethodHead {
		v.w.Write(body)
	}
	return nil
}

// language of a page: as chosen by the switch, else as the browser asks.
func (g *Gateway) language(v *visit) string {
	chosen, _ := cookieValue(v.r.Header["Cookie"], g.cookie.language)
	return g.texts.Choose(chosen, v.r.Header.Get("Accept-Language"))
}

// chooseLanguage is the switch. It changes nothing but the language of our pages, so a link may do it.
func (g *Gateway) chooseLanguage(v *visit) error {
	to, back := v.query.Get("to"), v.query.Get("back")
	for _, language := range g.texts.Languages() {
		if len(to) == 1 && to[0] == language {
			g.setOwn(v.w, g.cookie.language, language, browserLife)
		}
	}
	if len(back) == 1 {
		if back[0] == codePath {
			return g.seeOther(v, codePath)
		}
		if address, ok := reading.Return(back[0]); ok {
			return g.seeOther(v, address)
		}
	}
	return g.seeOther(v, g.config.Login.Page)
}
