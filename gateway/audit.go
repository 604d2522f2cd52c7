package gateway

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"doorcode/challenge"
	"doorcode/templates"
)

// The audit lines: one for each login, try, entry, logout and refusal (door writes those of codes sent). Each carries event,
// request id and address; none carries a code, a password, a cookie or a full number: no such value is at hand here.

func (g *Gateway) audit(v *visit, level zerolog.Level, event string) *zerolog.Event {
	return g.log.WithLevel(level).Str("event", event).Str("request", v.ref()).Str("address", v.address.String())
}

func (g *Gateway) auditLogin(v *visit, typed, outcome, reason string) {
	level := zerolog.InfoLevel
	if outcome == "unclear" {
		level = zerolog.WarnLevel
	}
	if outcome != "accepted" && !g.door.Lists(typed) {
		typed = "[not a listed user]" // people type their password into the field for the name (threat C12)
	}
	g.audit(v, level, "login").Str("typed", clip(typed)).Str("outcome", outcome).Str("reason", reason).Msg("login " + outcome)
}

// userOf names whose code is being entered, for the log; "" when the challenge is gone.
func (g *Gateway) userOf(v *visit) string {
	c, err := g.door.Pending(v.r.Context(), v.who.id, v.address)
	if err != nil {
		return ""
	}
	return c.Name
}

func (g *Gateway) auditTry(v *visit, user string, err error) {
	outcome := "right"
	switch {
	case errors.Is(err, challenge.ErrWrongCode):
		outcome = "wrong"
	case err != nil:
		outcome = err.Error()
	}
	g.audit(v, zerolog.InfoLevel, "try").Str("user", user).Str("outcome", outcome).Msg("code entered")
}

func (g *Gateway) auditEntry(v *visit, pass *challenge.Pass) {
	s := pass.Session()
	g.audit(v, zerolog.InfoLevel, "entry").Str("user", s.Name).Str("way", string(s.Way)).Str("browser", clip(s.Browser)).
		Bool("trusted", pass.Trusted()).Msg("let in")
}

func (g *Gateway) auditRoamed(v *visit) {
	s := v.who.member.session
	g.audit(v, zerolog.InfoLevel, "roamed").Str("user", s.Name).Str("way", string(s.Way)).Str("header", g.hiddenBy(v)).
		Msg("a session that was let in without a code ended: here and now a code is asked")
}

func (g *Gateway) auditLogout(v *visit) {
	s := v.who.member.session
	g.audit(v, zerolog.InfoLevel, "logout").Str("user", s.Name).Dur("after", g.now().Sub(s.CreatedAt).Round(time.Second)).Msg("signed out")
}

func (g *Gateway) auditRefusal(v *visit, e *refusal) {
	level := zerolog.InfoLevel
	if e.kind.Status() >= 500 {
		level = zerolog.ErrorLevel
	}
	event := g.audit(v, level, "refusal").Str("kind", string(e.kind)).Int("status", e.kind.Status()).Str("method", clip(v.r.Method)).
		Str("path", clip(plainPath(v.r.URL.Path))) // never the query: it may carry a token
	if m := v.who.member; m != nil {
		event = event.Str("user", m.session.Name)
	}
	if v.unproven != "" {
		event = event.Str("client", clip(v.unproven))
	}
	if e.cause != nil {
		event = event.AnErr("cause", e.cause)
	}
	event.Msg("refused")
	g.findRefused(v, e)
}

// findRefused keeps the paths of refusals for `doorcode report`: what members were refused, and what a visitor's page did not get because
// it is not public. Strangers' page requests are none: they lead to the login, and their paths are theirs to make up.
func (g *Gateway) findRefused(v *visit, e *refusal) {
	switch {
	case errors.Is(e.cause, errDoor):
		g.door.Found(challenge.FoundDoor, plainPath(v.r.URL.Path), v.r.Method)
	case e.cause != nil && v.who.kind == insider && (e.kind == templates.Forbidden || e.kind == templates.BadRequest):
		g.door.Found(challenge.FoundRefused, plainPath(v.r.URL.Path), "members: "+e.cause.Error())
	case e.kind == templates.Unauthorized && v.who.kind != stranger && v.r.Method == http.MethodGet:
		g.door.Found(challenge.FoundRefused, plainPath(v.r.URL.Path), "visitors: not public")
	}
}

// auditClient is the line of one call of a program: who, how it proved that, what it asked for, and what it got. Neither key nor token is
// in it: they stand in headers, query or body, of which nothing is written.
func (g *Gateway) auditClient(v *visit, w *countedWriter, took time.Duration, whole bool) {
	g.audit(v, zerolog.InfoLevel, "client").Str("client", v.client.Name).Str("proof", clip(v.client.proof.how)).Str("method", clip(v.r.Method)).
		Str("path", clip(v.path.String())).Int("status", w.status).Int64("bytes", w.bytes).Dur("took", took.Round(time.Millisecond)).
		Bool("whole", whole).Msg("call of a client")
}

// plainPath is a path for the log, without the parameters of its parts: ;jsessionid= is a session (threat C12).
func plainPath(path string) string {
	path, _, cut := strings.Cut(path, ";")
	if cut {
		path += ";…"
	}
	return path
}

// clip bounds what clients write into the log.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
