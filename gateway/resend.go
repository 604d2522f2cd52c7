package gateway

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"doorcode/challenge"
	"doorcode/gateway/reading"
	"doorcode/templates"
)

// resend sends the same code again, when it is time.
func (g *Gateway) resend(v *visit, form reading.Params) error {
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
	before, err := g.send(v, form)
	var wait challenge.ErrWait
	switch {
	case err == nil && before == 0:
		return g.seeOther(v, codePath) // the first one: the page says where it went
	case err == nil:
		return g.say(v, templates.CodeResent)
	case errors.Is(err, challenge.ErrNotOffered):
		return refuse(templates.BadRequest, err)
	case errors.Is(err, challenge.ErrNotFound):
		return refuse(templates.Expired, nil)
	case !errors.As(err, &wait):
		return err
	case wait.Why == challenge.WaitResendsSpent:
		return g.say(v, templates.CodeSpent)
	}
	c, pendingErr := g.door.Pending(v.r.Context(), v.who.id, v.address)
	if pendingErr != nil {
		return err
	}
	what := templates.CodeSends
	switch {
	case wait.Why == challenge.WaitResend:
		what = templates.CodeEarly
	case wait.Why.Budget():
		what = templates.CodeSMSSpent
	}
	return g.writeCodePage(v, c, what, max(time.Second, wait.Until.Sub(g.now())), http.StatusTooManyRequests)
}

// send sends the code by the way that the form names, else as it was sent before. before is how often that was.
func (g *Gateway) send(v *visit, form reading.Params) (before int, err error) {
	var c challenge.Challenge
	if len(form.Get("way")) == 0 {
		c, err = g.door.Resend(v.r.Context(), v.who.id, v.address)
	} else {
		way, _ := only(form, "way") // twice, or in another spelling, is no way that is offered
		c, err = g.door.SendBy(v.r.Context(), v.who.id, challenge.Channel(way), v.address)
	}
	return c.Sends - 1, err
}

// resendIn is how long until the code may be sent again: at once where nothing of the last send went out.
func resendIn(c challenge.Challenge, after time.Duration, now time.Time) time.Duration {
	if c.LastFailed() {
		return 0
	}
	return max(0, c.SentAt.Add(after).Sub(now))
}

// lookAgain is how long after a send its outcome is known.
const lookAgain = 12 * time.Second

// sendError is what there is to say about the last send: nothing new while anything of it may arrive.
func sendError(c challenge.Challenge, said templates.CodeError) templates.CodeError {
	unsure := false
	for _, r := range c.Routes {
		switch {
		case !slices.Contains(c.Last, r.Channel):
		case r.State == challenge.RouteUnsure:
			unsure = true
		case r.State != challenge.RouteFailed:
			return said
		}
	}
	switch {
	case c.LastFailed():
		return templates.CodeDelivery
	case unsure:
		return templates.CodeUnsure
	}
	return said
}
