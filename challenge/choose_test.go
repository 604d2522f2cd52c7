package challenge_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

const chooserMail = "chooser@example.com"

// chooser adds a user who picks.
func (h *house) chooser() {
	h.t.Helper()
	h.policy.Users = append(h.policy.Users, challenge.User{
		Name: "chooser", Code: challenge.CodeChoose, Mobile: secret.New("+970599123458"), Email: secret.New(chooserMail), Place: "users.yaml:9",
	})
	h.setPolicy()
}

func (h *house) sendBy(id string, by challenge.Channel) challenge.Challenge {
	h.t.Helper()
	c, err := h.door.SendBy(h.t.Context(), id, by, h.login("").Address)
	if err != nil {
		h.t.Fatalf("send by %s: %v", by, err)
	}
	return c
}

// finish enters the code that p got last, in the browser of l, which then holds the cookie of the answer.
func (h *house) finish(l *challenge.Login, id string, p *peer) {
	h.t.Helper()
	t := attemptOf(id, p.code())
	t.Browser = l.Browser
	pass, err := h.door.TryCode(h.t.Context(), t)
	if err != nil {
		h.t.Fatalf("code of %s: %v", l.Typed, err)
	}
	l.Browser = pass.Browser()
}

func ways(rs []challenge.Route) (s string) {
	for _, r := range rs {
		s += string(r.Channel) + " " + r.Masked + " "
	}
	return s
}

func TestChoose(t *testing.T) {
	run(t, "nothing leaves, and nothing is paid for, before the choice", func(h *house) {
		h.chooser()
		h.config.UserSends = challenge.Rate{Count: 3, Per: time.Hour}
		h.config.SMS = challenge.Budget{UserDay: 1}
		h.reload()
		for range 3 {
			c := h.challenged(h.login("chooser"))
			if len(c.Routes) != 0 || c.Sends != 0 || h.sms.asked()+h.email.asked() != 0 {
				h.t.Fatalf("routes %s, %d sends, %d messages", states(c.Routes), c.Sends, h.sms.asked()+h.email.asked())
			}
			if got := ways(h.door.OtherWays(*c)); got != "sms 059•••••58 email c•••@example.com " {
				h.t.Errorf("offered %s", got)
			}
		}
		_, err := h.door.Decide(h.t.Context(), h.login("chooser"))
		h.wantWait("challenges without end (E7)", err, challenge.WaitUserSends)
		time.Sleep(time.Hour)
		c := h.challenged(h.login("chooser"))
		if _, err := h.door.Resend(h.t.Context(), c.ID, c.Address); !errors.Is(err, challenge.ErrNotOffered) {
			h.t.Errorf("a resend before the choice: %v", err)
		}
		if got := h.sendBy(c.ID, challenge.SMS); states(got.Routes) != "sms sent" || got.Sends != 1 || !got.ExpiresAt.Equal(c.ExpiresAt) {
			h.t.Errorf("after the choice: %s, %d sends", states(got.Routes), got.Sends)
		}
	})
	run(t, "remembered for this user in this browser", func(h *house) {
		h.chooser()
		l := h.login("chooser")
		c := h.challenged(l)
		h.sendBy(c.ID, challenge.Email)
		h.finish(&l, c.ID, h.email)
		h.reopen()
		c = h.challenged(l)
		if states(c.Routes) != "email sent" || h.sms.asked() != 0 {
			h.t.Fatalf("the second login: %s", states(c.Routes))
		}
		if got := ways(h.door.OtherWays(*c)); got != "sms 059•••••58 " {
			h.t.Errorf("another way: %s", got)
		}
		if other := h.challenged(h.login("chooser")); len(other.Routes) != 0 {
			h.t.Error("another browser is not asked")
		}
		stolen := l
		stolen.Browser.Secret = "guessed"
		if other := h.challenged(stolen); len(other.Routes) != 0 {
			h.t.Error("a cookie that is not good is believed")
		}
		time.Sleep(31 * time.Second)
		again := h.sendBy(c.ID, challenge.SMS)
		if states(again.Routes) != "email sent, sms sent" || h.sms.code() != h.email.code() {
			h.t.Errorf("the other way: %s", states(again.Routes))
		}
		h.finish(&l, c.ID, h.sms)
		if c := h.challenged(l); states(c.Routes) != "sms sent" {
			h.t.Errorf("after the other way was taken: %s", states(c.Routes))
		}
	})
	run(t, "what did not arrive is no choice", func(h *house) {
		h.chooser()
		h.sms.err = errDown
		l := h.login("chooser")
		c := h.challenged(l)
		if got := h.sendBy(c.ID, challenge.SMS); states(got.Routes) != "sms failed" {
			h.t.Fatal(states(got.Routes))
		}
		again := h.sendBy(c.ID, challenge.Email) // at once: nobody was sent anything
		if states(again.Routes) != "sms failed, email sent" {
			h.t.Fatal(states(again.Routes))
		}
		h.finish(&l, c.ID, h.email)
		if c := h.challenged(l); states(c.Routes) != "email sent" {
			h.t.Errorf("remembered: %s", states(c.Routes))
		}
	})
	run(t, "a choice that the policy no longer has is asked anew", func(h *house) {
		h.chooser()
		l := h.login("chooser")
		c := h.challenged(l)
		h.sendBy(c.ID, challenge.Email)
		h.finish(&l, c.ID, h.email)
		h.user("chooser", func(u *challenge.User) { u.Code = challenge.CodeSMS })
		if c := h.challenged(l); states(c.Routes) != "sms sent" || len(h.door.OtherWays(*c)) != 0 {
			h.t.Errorf("code: sms: %s, others %s", states(c.Routes), ways(h.door.OtherWays(*c)))
		}
	})
	run(t, "email stands in for a chosen SMS once the budget is spent, and is no choice", func(h *house) {
		h.chooser()
		h.withBudget(challenge.Budget{UserDay: 1})
		l := h.login("chooser")
		c := h.challenged(l)
		h.sendBy(c.ID, challenge.SMS)
		h.finish(&l, c.ID, h.sms)
		c = h.challenged(l)
		if states(c.Routes) != "email sent" || !c.Routes[0].Instead {
			h.t.Fatalf("routes %+v", c.Routes)
		}
		if got := ways(h.door.OtherWays(*c)); got != "" {
			h.t.Errorf("offered %s, which cannot go", got)
		}
		h.finish(&l, c.ID, h.email)
		time.Sleep(24 * time.Hour)
		if c := h.challenged(l); states(c.Routes) != "sms sent" {
			h.t.Errorf("the next day: %s", states(c.Routes))
		}
	})
}

func TestAnotherWay(t *testing.T) {
	run(t, "one of two", func(h *house) {
		c := h.challenged(h.login("both"))
		if got := ways(h.door.OtherWays(*c)); got != "sms 059•••••57 email a•••@example.com " {
			h.t.Errorf("offered %s", got)
		}
		_, err := h.door.SendBy(h.t.Context(), c.ID, challenge.Email, c.Address)
		h.wantWait("at once", err, challenge.WaitResend)
		for range 3 {
			time.Sleep(31 * time.Second)
			h.sendBy(c.ID, challenge.Email)
		}
		if h.sms.count() != 1 || h.email.count() != 4 || h.sms.code() != h.email.code() {
			h.t.Errorf("%d SMS, %d e-mails", h.sms.count(), h.email.count())
		}
		time.Sleep(31 * time.Second)
		_, err = h.door.SendBy(h.t.Context(), c.ID, challenge.SMS, c.Address)
		h.wantWait("the fourth resend", err, challenge.WaitResendsSpent)
	})
	run(t, "only what the policy offers (C4)", func(h *house) {
		h.user("ahmad", func(u *challenge.User) { u.Email = secret.New(ahmadMail) })
		c := h.challenged(h.login("ahmad"))
		time.Sleep(31 * time.Second)
		for _, by := range []challenge.Channel{challenge.Email, "", "pigeon"} {
			if _, err := h.door.SendBy(h.t.Context(), c.ID, by, c.Address); !errors.Is(err, challenge.ErrNotOffered) {
				h.t.Errorf("by %q: %v, want ErrNotOffered", by, err)
			}
		}
		if h.email.asked() != 0 || len(h.door.OtherWays(*c)) != 0 {
			h.t.Error("code: sms went by e-mail")
		}
	})
	run(t, "a send whose outcome was lost is not on its way for ever", func(h *house) {
		h.sms.delay = 8 * time.Second
		h.store = forgetful{h.store}
		h.start()
		c := h.challenged(h.login("ahmad"))
		time.Sleep(5 * time.Second)
		if got := h.stored(c.ID); got != "sms pending" {
			h.t.Error(got)
		}
		time.Sleep(10 * time.Second)
		if got := h.stored(c.ID); got != "sms unsure" {
			h.t.Error(got)
		}
	})
}

// forgetful loses outcomes, as a killed process does.
type forgetful struct{ challenge.Store }

func (forgetful) Delivered(context.Context, string, []challenge.Route) error { return nil }
