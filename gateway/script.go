package gateway

import (
	"errors"
	"fmt"

	"doorcode/challenge"
	"doorcode/gateway/reading"
	"doorcode/gateway/submit"
	"doorcode/templates"
)

// This file is what differs for a login that a script of the application sends (fetch, XMLHttpRequest): no page follows its answer, so
// the code page is shown at the browser's next page load.

// ScriptAnswer is what a script is told when its login worked.
type ScriptAnswer struct {
	Status  int
	Type    string // Content-Type
	Body    string // "": a JSON object that says so in the user's language
	Members bool   // who is admitted at once gets what the application answered instead
}

// sentBy refuses a login that no code page could follow, and says whether a script sent it.
func (g *Gateway) sentBy(v *visit) (script bool, err error) {
	dest := v.r.Header.Get("Sec-Fetch-Dest")
	switch {
	case dest == "document":
		return false, nil
	case dest == "":
		// Old browsers, and all of them over plain HTTP, do not say. It changes the shape of the answer and nothing else.
		return g.config.Scripts != nil && (g.config.Login.Fields.JSON || v.byXHR() || !v.isPage()), nil
	case dest == "empty" && g.config.Scripts != nil:
		return true, nil
	}
	// In a frame, or by a script that nobody configured: the code page cannot follow there, so the code would be paid for in vain.
	if v.framed() {
		return false, refuse(templates.Framed, fmt.Errorf("login in a frame (%s)", clip(dest)))
	}
	return false, refuse(templates.Forbidden, fmt.Errorf("login by %q", clip(dest)))
}

// byXHR reports what jQuery and its kin say of themselves, also where they ask for HTML, which is all that browsers say over plain HTTP.
func (v *visit) byXHR() bool { return v.r.Header.Get("X-Requested-With") == "XMLHttpRequest" }

// answerScript tells a script what it is told whatever the application answered: nothing of that may reach it before the code, for an
// answer to a script is where tokens stand (invariant 1, threat A15).
func (g *Gateway) answerScript(v *visit) error {
	a := g.config.Scripts
	body := []byte(a.Body)
	if a.Body == "" {
		body = g.inJSON(v, templates.CodeNext)
	}
	g.write(v, submit.Shown{Status: a.Status, ContentType: a.Type, Body: body})
	return nil
}

// answerMember answers a script whose user was admitted without a code: with where the application's answer leads, or with what it
// said. That is safe because admit said yes: cookies in it are left out, values of cookies made submit hold it back, and a token in
// it opens nothing without the session that the browser has just got, since no request of a visitor's goes up with credentials.
func (g *Gateway) answerMember(v *visit, said *submit.Shown, to, led string) error {
	switch {
	case led != "":
		return g.seeOther(v, to)
	case said == nil || !g.config.Scripts.Members:
		return g.answerScript(v)
	}
	g.write(v, *said)
	return nil
}

// tokenSeen says once that the application's pages may live on a token, which nobody gets who enters by a code.
func (g *Gateway) tokenSeen(answer submit.Answer) {
	if answer.Token && g.saidToken.CompareAndSwap(false, true) {
		g.log.Warn().Msg("the application answers a script's login with what looks like a token: who enters by a code does not get it, so pages that live on one do not work behind the gateway (docs/applications.md)")
	}
}

// write shows an answer of the application's, with nothing of its header but what kind of text it is.
func (g *Gateway) write(v *visit, a submit.Shown) {
	h := v.w.Header()
	if a.ContentType != "" {
		h.Set("Content-Type", a.ContentType)
	}
	if a.Language != "" {
		h.Set("Content-Language", a.Language)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff") // what was judged by its type is shown as that type
	v.w.WriteHeader(a.Status)
	v.w.Write(g.relinked(v, a))
}

// codePageFirst leads a page load to the code page while a challenge waits that a script's login began: the script could not lead
// there. Where the browser wanted to go is kept for after the code.
func (g *Gateway) codePageFirst(v *visit) (led bool, err error) {
	if dest := v.r.Header.Get("Sec-Fetch-Dest"); v.who.kind != pending || !v.who.script || !v.isPage() || v.byXHR() || !v.reads() || dest != "" && dest != "document" {
		return false, nil
	}
	_, err = g.door.Pending(v.r.Context(), v.who.id, v.address)
	if errors.Is(err, challenge.ErrNotFound) {
		return false, nil // expired or cancelled: the login page is shown as ever
	}
	if err != nil {
		return false, err
	}
	logout, err := v.judge(g.config.Logout, true)
	if err != nil {
		return false, err
	}
	is := v.who
	if back, ok := reading.Return(v.target()); ok && !logout && !g.isLoginPage(v) { // a sign-out is nowhere to go after the code
		is.back = back
	}
	if err := g.setWho(v.w, is); err != nil {
		return false, err
	}
	return true, g.seeOther(v, codePath)
}
