package challenge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// withBudget puts an SMS budget in force, with e-mail in its stead, and gives ahmad an address and the house more users.
func (h *house) withBudget(b challenge.Budget) {
	h.t.Helper()
	h.config.SMS, h.config.EmailInstead = b, true
	h.reload()
	for i := range 9 {
		h.policy.Users = append(h.policy.Users, challenge.User{
			Name: fmt.Sprintf("user%d", i), Code: challenge.CodeSMS, Mobile: secret.New(fmt.Sprintf("+97059900000%d", i)), Place: "users.yaml:9",
		})
	}
	h.setPolicy()
}

func (h *house) wantSpent(what, user string, why challenge.Wait) {
	h.t.Helper()
	_, err := h.door.Decide(h.t.Context(), h.login(user))
	h.wantWait(what, err, why)
}

// One user who asks again and again, or whoever stole his password, cannot use up everybody's SMS, nor more of them than the budget has.
func TestThreat_C6_OneUserCannotSpendAll(t *testing.T) {
	run(t, "a share is kept for who had none", func(h *house) {
		h.withBudget(challenge.Budget{Day: 10, Reserve: 20})
		for range 8 {
			h.challenged(h.login("user0"))
		}
		h.wantSpent("the attacker's ninth", "user0", challenge.WaitSMSDay)
		h.challenged(h.login("user1"))
		h.challenged(h.login("user2"))
		h.wantSpent("another's, when all are gone", "user3", challenge.WaitSMSDay)
		if h.sms.count() != 10 {
			h.t.Errorf("%d SMS, want 10", h.sms.count())
		}
		h.reopen()
		h.wantSpent("after a restart", "user3", challenge.WaitSMSDay)
		time.Sleep(24 * time.Hour)
		h.challenged(h.login("user0"))
	})
	run(t, "and one user has a count of his own", func(h *house) {
		h.withBudget(challenge.Budget{UserDay: 3, UserMonth: 5})
		for range 3 {
			h.challenged(h.login("user0"))
		}
		h.wantSpent("the fourth of a day", "user0", challenge.WaitSMSUserDay)
		h.challenged(h.login("user1"))
		time.Sleep(24 * time.Hour)
		h.challenged(h.login("user0"))
		c := h.challenged(h.login("user0"))
		time.Sleep(31 * time.Second)
		_, err := h.door.Resend(h.t.Context(), c.ID, c.Address)
		h.wantWait("the sixth of a month, a resend", err, challenge.WaitSMSUserMonth)
	})
	run(t, "by the calendar of the gateway", func(h *house) {
		h.withBudget(challenge.Budget{UserDay: 1})
		now := time.Now()
		h.challenged(h.login("user0"))
		midnight := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.Local)
		_, err := h.door.Decide(h.t.Context(), h.login("user0"))
		var wait challenge.ErrWait
		if !errors.As(err, &wait) || !wait.Until.Equal(midnight) {
			h.t.Errorf("%v, want a wait until %s", err, midnight)
		}
		time.Sleep(time.Until(midnight))
		h.challenged(h.login("user0"))
	})
}

func TestEmailInstead(t *testing.T) {
	run(t, "where the user has an address", func(h *house) {
		h.withBudget(challenge.Budget{UserDay: 1})
		h.user("ahmad", func(u *challenge.User) { u.Email = secret.New(ahmadMail) })
		first := h.challenged(h.login("ahmad"))
		c := h.challenged(h.login("ahmad"))
		if states(c.Routes) != "email sent" || !c.Routes[0].Instead || c.Routes[0].Masked != "a•••@example.com" || h.sms.count() != 1 {
			h.t.Fatalf("routes %+v, %d SMS", c.Routes, h.sms.count())
		}
		time.Sleep(31 * time.Second)
		again, err := h.door.Resend(h.t.Context(), first.ID, first.Address)
		if err != nil || states(again.Routes) != "sms sent, email sent" || h.email.count() != 2 {
			h.t.Errorf("a resend: %v, %s, %d e-mails, want the second", err, states(again.Routes), h.email.count())
		}
		if _, err := h.try(c.ID, sixDigits.FindString(h.email.codes()[0].Text.Reveal())); err != nil {
			h.t.Errorf("the code of the e-mail: %v", err)
		}
	})
	run(t, "of two ways the e-mail is left", func(h *house) {
		h.withBudget(challenge.Budget{UserDay: 1})
		h.challenged(h.login("both"))
		if c := h.challenged(h.login("both")); states(c.Routes) != "email sent" || !c.Routes[0].Instead {
			h.t.Errorf("routes %+v", c.Routes)
		}
	})
	run(t, "of two ways the e-mail is left, also where none may stand in", func(h *house) {
		h.withBudget(challenge.Budget{UserDay: 1})
		h.config.EmailInstead = false
		h.reload()
		h.challenged(h.login("both"))
		if c := h.challenged(h.login("both")); states(c.Routes) != "email sent" {
			h.t.Errorf("routes %+v", c.Routes)
		}
	})
	for name, spoil := range map[string]func(h *house){
		"not without an address":       func(h *house) {},
		"not where ops do not want it": func(h *house) { h.config.EmailInstead = false; h.reload() },
		"not without a mail server":    func(h *house) { delete(h.senders, challenge.Email); h.reload() },
		"not where sends are used up":  func(h *house) { h.config.UserSends = challenge.Rate{Count: 1, Per: 24 * time.Hour}; h.reload() },
	} {
		run(t, name, func(h *house) {
			h.withBudget(challenge.Budget{UserDay: 1})
			if name != "not without an address" {
				h.user("ahmad", func(u *challenge.User) { u.Email = secret.New(ahmadMail) })
			}
			spoil(h)
			h.challenged(h.login("ahmad"))
			d, _ := h.door.Decide(h.t.Context(), h.login("ahmad"))
			if d.Challenge != nil || h.email.count() != 0 {
				h.t.Errorf("%d e-mails, challenge %+v", h.email.count(), d.Challenge)
			}
		})
	}
	run(t, "a new address ends what went to the old one (D7)", func(h *house) {
		h.withBudget(challenge.Budget{UserDay: 1})
		h.user("ahmad", func(u *challenge.User) { u.Email = secret.New(ahmadMail) })
		h.challenged(h.login("ahmad"))
		c := h.challenged(h.login("ahmad"))
		code := h.email.code()
		h.user("ahmad", func(u *challenge.User) { u.Email = secret.New("a-new-one@example.com") })
		pass, err := h.try(c.ID, code)
		h.wantRefused("the code sent to the old address", pass, err, challenge.ErrWrongCode)
	})
}

func TestBudgetWarning(t *testing.T) {
	run(t, "the admins are told once, by e-mail", func(h *house) {
		h.withAdmin()
		h.withBudget(challenge.Budget{Day: 10, UserDay: 9, Warn: 80})
		for i := range 9 {
			h.challenged(h.login(fmt.Sprintf("user%d", i)))
			time.Sleep(time.Second)
			told := h.email.warnings(adminMail)
			if want := i / 7; len(told) != want {
				h.t.Errorf("after %d SMS the admin was told %d times, want %d", i+1, len(told), want)
			}
		}
		if told := h.email.warnings(adminMail); len(told) == 1 && !strings.Contains(told[0], "8 of the 10 SMS") {
			h.t.Errorf("told %q", told[0])
		}
		if n := strings.Count(h.log.String(), `"event":"sms budget"`); n != 1 {
			h.t.Errorf("%d lines in the log, want one", n)
		}
	})
	run(t, "of one user's only the log", func(h *house) {
		h.withAdmin()
		h.withBudget(challenge.Budget{UserDay: 5, Warn: 80})
		for range 5 {
			h.challenged(h.login("user0"))
			time.Sleep(time.Second)
		}
		if told := h.email.warnings(adminMail); len(told) != 0 {
			h.t.Errorf("the admin was told %q", told)
		}
		if line := h.log.String(); strings.Count(line, `"event":"sms budget"`) != 1 || !strings.Contains(line, `"budget":"user's SMS of the day"`) {
			h.t.Errorf("the log:\n%s", line)
		}
	})
}

// A morning on which the provider was down leaves the day its SMS.
func TestFailedSMSCostNothing(t *testing.T) {
	run(t, "", func(h *house) {
		h.withBudget(challenge.Budget{Day: 2})
		h.sms.err = errDown
		for i := range 3 {
			h.challenged(h.login(fmt.Sprintf("user%d", i)))
			time.Sleep(time.Minute)
		}
		h.sms.set(nil)
		h.challenged(h.login("user1"))
		h.challenged(h.login("user2"))
		h.wantSpent("the third that left", "user3", challenge.WaitSMSDay)
	})
	run(t, "also when its user has logged in again meanwhile", func(h *house) {
		h.withBudget(challenge.Budget{Day: 2})
		h.sms.err, h.sms.delay = errDown, 5*time.Second
		pending := ""
		for range 2 {
			l := h.login("user0")
			l.Pending = pending
			pending = h.challenged(l).ID
		}
		time.Sleep(5 * time.Second)
		if used, err := h.door.SMSUsed(h.t.Context()); err != nil || used.Day != 0 {
			h.t.Errorf("%d counted (%v), and none has left", used.Day, err)
		}
	})
}
