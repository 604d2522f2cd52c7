package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"doorcode/challenge"
	"doorcode/gateway/scan"
	"doorcode/templates"
)

// refusal is an answer of ours instead of the application's. It carries status and page for the user, and the cause for the log.
type refusal struct {
	kind  templates.Kind // with it goes the status
	wait  time.Duration  // how long until it may work; 0 for not said
	cause error
}

func refuse(kind templates.Kind, cause error) *refusal { return &refusal{kind: kind, cause: cause} }

func (e *refusal) Error() string {
	if e.cause == nil {
		return string(e.kind)
	}
	return string(e.kind) + ": " + e.cause.Error()
}

func (e *refusal) Unwrap() error { return e.cause }

// asRefusal says what an error means to the user. What was not foreseen lets nobody in and says "try again shortly".
func (g *Gateway) asRefusal(err error) *refusal {
	var known *refusal
	var wait challenge.ErrWait
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &wait):
		kind := templates.Sends
		switch {
		case wait.Why == challenge.WaitWrongCodes:
			kind = templates.Waiting
		case wait.Why.Budget():
			kind = templates.SMSSpent
		}
		return &refusal{kind, max(time.Second, wait.Until.Sub(g.now())), err}
	case errors.Is(err, challenge.ErrOutside):
		return refuse(templates.Outside, err)
	case errors.Is(err, challenge.ErrLocked):
		return refuse(templates.Locked, err)
	case errors.Is(err, scan.ErrCredentials):
		return refuse(templates.Forbidden, err)
	case errors.Is(err, scan.ErrUnreadable):
		return refuse(templates.Unsupported, err)
	case errors.As(err, &tooLarge):
		return refuse(templates.TooLarge, err)
	}
	return refuse(templates.StoreTrouble, err)
}

// upstreamRefusal says what an error of the way to the upstream means: 504 for slow, 502 for anything else. Nothing else happens
// to sessions.
func (g *Gateway) upstreamRefusal(err error) *refusal {
	var known *refusal
	var tooLarge *http.MaxBytesError
	if errors.As(err, &known) || errors.Is(err, scan.ErrCredentials) || errors.Is(err, scan.ErrUnreadable) || errors.As(err, &tooLarge) {
		return g.asRefusal(err)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || isTimeout(err) {
		return refuse(templates.UpstreamSlow, err)
	}
	return refuse(templates.UpstreamDown, err)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// answer writes the page or, for programs, the JSON of a refusal, and its log line.
func (g *Gateway) answer(v *visit, err error) {
	if errors.Is(err, context.Canceled) && v.r.Context().Err() != nil {
		return // the browser has gone; there is nobody to answer
	}
	e := g.asRefusal(err)
	g.auditRefusal(v, e)
	if e.wait > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(e.wait/time.Second)+1))
	}
	if e.kind == templates.BadRequest || e.kind == templates.TooLarge {
		// What follows on this connection may be the rest of what was not understood.
		v.w.Header().Set("Connection", "close")
	}
	if !v.isPage() {
		g.answerProgram(v, e)
		return
	}
	g.notice(v, e.kind, e.wait)
}

// notice writes one of our small pages in the user's language.
func (g *Gateway) notice(v *visit, kind templates.Kind, wait time.Duration) {
	language := g.language(v)
	n := templates.Notice{
		Kind: kind, AppName: g.config.Name, RequestID: v.ref(), Wait: wait, Framed: v.framed(), LoginPath: g.config.Login.Page, Return: g.noticeReturn(v, kind),
		Languages: g.texts.Links(ownRoot + "/language?back=" + url.QueryEscape(g.noticeBack(v, kind)) + "&to="),
	}
	var page bytes.Buffer
	if err := g.texts.Notice(&page, language, n); err != nil {
		g.log.Error().Err(err).Str("request", v.ref()).Msg("page was not rendered")
		http.Error(v.w, http.StatusText(kind.Status()), kind.Status())
		return
	}
	g.ownHeader(v.w.Header())
	if v.framed() && (kind == templates.Framed || kind == templates.SignInAgain) {
		allowFrame(v.w.Header()) // what they say must be seen where it happened; they hold one link and no form
	}
	v.w.WriteHeader(kind.Status())
	if v.r.Method != http.MethodHead {
		v.w.Write(page.Bytes())
	}
}

// noticeBack is where the language switch of a notice leads back to: the same page where it can be asked for again, without the query
// where that may be why it was refused (a password or a session id in it: threat C12).
func (g *Gateway) noticeBack(v *visit, kind templates.Kind) string {
	switch {
	case !v.reads(), v.odd != nil, v.path.String() == "":
		return g.config.Login.Page
	case kind == templates.Forbidden:
		return v.path.Escaped()
	}
	return v.target()
}

// noticeReturn is where the link of a notice leads to that offers to try again or to go back; "" for no link. What a member had
// entered in a form is one step back in the browser: a link would lead away from it.
func (g *Gateway) noticeReturn(v *visit, kind templates.Kind) string {
	if v.who.kind == insider && !v.reads() {
		return ""
	}
	switch kind {
	case templates.Internal, templates.UpstreamDown, templates.StoreTrouble, templates.TooMany, templates.HeadersTooLarge, templates.Outside:
		return g.noticeBack(v, kind)
	case templates.Misdirected:
		return "" // nothing of ours is at this name
	}
	return "/"
}

// answerProgram writes a refusal for what is no page: an API client or a script.
func (g *Gateway) answerProgram(v *visit, e *refusal) {
	body := g.inJSON(v, e.kind)
	h := v.w.Header()
	g.ownHeader(h)
	h.Set("Content-Type", "application/json")
	v.w.WriteHeader(e.kind.Status())
	if v.r.Method != http.MethodHead {
		v.w.Write(body)
	}
}

// inJSON says in JSON what happened, for programs, and in the user's language, for whoever they show it to.
func (g *Gateway) inJSON(v *visit, kind templates.Kind) []byte {
	body, err := json.Marshal(map[string]string{"error": string(kind), "message": g.texts.Text(g.language(v), kind), "request": v.ref()})
	if err != nil {
		body = []byte(`{"error":"internal"}`)
	}
	return append(body, '\n')
}

// ownHeader is the header of every page of ours (ASVS 5 V3.4): nothing from elsewhere, no inline script or style, no frame
// around it, never kept in a cache. The application's own pages get none of it: it would break them.
func (g *Gateway) ownHeader(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Vary", "Accept-Language, Cookie")
}
