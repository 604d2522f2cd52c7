package challenge_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

const adminMail = "office@example.com"

// withAdmin adds admins to the policy: one with an address, one without any, one who was dismissed.
func (h *house) withAdmin() {
	h.t.Helper()
	h.policy.Users = append(h.policy.Users,
		challenge.User{Name: "office", Code: challenge.CodeEmail, Email: secret.New(adminMail), Admin: true, Place: "users.yaml:6"},
		challenge.User{Name: "nowhere", Code: challenge.CodeOff, Admin: true, Place: "users.yaml:7"},
		challenge.User{Name: "gone", Code: challenge.CodeEmail, Email: secret.New("gone@example.com"), Admin: true, Disabled: true, Place: "users.yaml:8"},
	)
	h.setPolicy()
}

// warnings are the messages to a destination that carry no code, once all that is on its way has arrived.
func (p *peer) warnings(to string) (all []string) {
	synctest.Wait()
	for _, m := range p.messages() {
		if m.To.Reveal() == to && !sixDigits.MatchString(m.Text.Reveal()) {
			all = append(all, m.Text.Reveal())
		}
	}
	return all
}

// guesses enters n wrong codes as fast as the wait lets it, one of each challenge.
func (h *house) guesses(n int, name, trail string) {
	h.t.Helper()
	for range n {
		for {
			d, err := h.door.Decide(h.t.Context(), h.login(name))
			if wait, ok := errors.AsType[challenge.ErrWait](err); ok {
				time.Sleep(time.Until(wait.Until))
				continue
			}
			if err != nil {
				h.t.Fatal(err)
			}
			try := attemptOf(d.Challenge.ID, "no code")
			try.Trail, try.Agent = trail, "Mozilla/5.0 (Linux; Android 15) Firefox/140.0"
			if _, err := h.door.TryCode(h.t.Context(), try); !errors.Is(err, challenge.ErrWrongCode) {
				h.t.Fatalf("wrong code of %s: %v", name, err)
			}
			h.door.Cancel(h.t.Context(), d.Challenge.ID)
			break
		}
	}
}

// Invariant 8: user and admins are told at 5, 20 and 50; at 100 the user is locked and ops read of it.
func TestWrongCodesAreTold(t *testing.T) {
	run(t, "at 5, 20 and 50", func(h *house) {
		h.withAdmin()
		entered := 0
		for _, c := range []struct{ to, told int }{{4, 0}, {5, 1}, {19, 1}, {20, 2}, {49, 2}, {50, 3}, {100, 3}} {
			h.guesses(c.to-entered, "ahmad", "thief")
			entered = c.to
			if got := len(h.sms.warnings(ahmadMobile)); got != c.told {
				h.t.Errorf("after %d wrong codes the user was told %d times, want %d", c.to, got, c.told)
			}
			if got := len(h.email.warnings(adminMail)); got != c.told {
				h.t.Errorf("after %d wrong codes the admin was told %d times, want %d", c.to, got, c.told)
			}
		}
		if h.t.Failed() {
			return
		}
		for i, n := range []string{"5", "20", "50"} {
			user, admin := h.sms.warnings(ahmadMobile)[i], h.email.warnings(adminMail)[i]
			if !strings.Contains(user, "entered "+n+" wrong") {
				h.t.Errorf("the user reads %q, want %s named", user, n)
			}
			for _, want := range []string{n + " wrong", "ahmad", "192.0.2.7", "Firefox, Android"} {
				if !strings.Contains(admin, want) {
					h.t.Errorf("the admin reads no %q:\n%s", want, admin)
				}
			}
		}
		for _, m := range h.email.messages() {
			if m.To.Reveal() != adminMail || m.Subject.Empty() || m.HTML.Empty() {
				h.t.Errorf("an e-mail to %q, or one that lacks a part", m.To.Reveal())
			}
		}
		log := h.log.String()
		for what, want := range map[string]int{
			`"level":"warn","event":"wrong codes"`: 4, `"wrongs":100,"locked":true`: 1, `"event":"warned"`: 6,
		} {
			if got := strings.Count(log, what); got != want {
				h.t.Errorf("%d log lines with %s, want %d", got, what, want)
			}
		}
		for _, leak := range []string{ahmadMobile[4:], adminMail, "wrong login codes"} {
			if strings.Contains(log, leak) {
				h.t.Errorf("the log has %q", leak)
			}
		}
	})
	run(t, "not twice for one number", func(h *house) {
		h.withAdmin()
		for range 3 {
			h.guesses(5, "ahmad", "trail")
			time.Sleep(time.Minute)
			h.enter(h.login("ahmad"), false)
			h.reopen()
			h.setPolicy()
		}
		if user, admin := len(h.sms.warnings(ahmadMobile)), len(h.email.warnings(adminMail)); user != 1 || admin != 1 {
			h.t.Errorf("told %d and %d times in an hour, want once", user, admin)
		}
	})
	run(t, "once of a hundred at once", func(h *house) {
		h.withAdmin()
		c := h.challenged(h.login("ahmad"))
		together(100, func(int) (*challenge.Pass, error) { return h.try(c.ID, "no code") })
		if user, admin := len(h.sms.warnings(ahmadMobile)), len(h.email.warnings(adminMail)); user != 1 || admin != 1 {
			h.t.Errorf("told %d and %d times, want once", user, admin)
		}
	})
	run(t, "an admin of himself once, as a user", func(h *house) {
		h.user("ahmad", func(u *challenge.User) { u.Admin = true })
		h.guesses(5, "ahmad", "thief")
		if got := h.sms.warnings(ahmadMobile); len(got) != 1 || !strings.Contains(got[0], "your account") {
			h.t.Errorf("told %q", got)
		}
	})
	run(t, "both ways where codes go both ways, in the user's language", func(h *house) {
		h.user("both", func(u *challenge.User) { u.Language = "ar" })
		h.guesses(5, "both", "thief")
		sms, mail := h.sms.warnings("+970599123457"), h.email.warnings(ahmadMail)
		if len(sms) != 1 || len(mail) != 1 || !strings.Contains(sms[0], "رموز") || !strings.Contains(mail[0], "مسؤول") {
			h.t.Errorf("told %q and %q", sms, mail)
		}
	})
	run(t, "no send of a code is used up", func(h *house) {
		h.config.UserSends = challenge.Rate{Count: 6, Per: 24 * time.Hour}
		h.start()
		h.withAdmin()
		h.guesses(5, "ahmad", "thief")
		time.Sleep(time.Minute)
		h.challenged(h.login("ahmad")) // the sixth
	})
}

// Whatever becomes of a warning, the answer to the wrong code is the same and as fast.
func TestWarningsHoldNobodyUp(t *testing.T) {
	for name, spoil := range map[string]func(h *house){
		"a sender that fails": func(h *house) {
			h.sms.err, h.email.err = errors.New("550 "+ahmadMobile), errors.New("no route to host")
		},
		"a sender that is slow":    func(h *house) { h.sms.delay, h.email.delay = time.Hour, time.Hour },
		"no sender":                func(h *house) { clear(h.senders); h.start() },
		"a door that has closed":   func(h *house) { h.door.Close() },
		"a sender that works well": func(h *house) {},
	} {
		run(t, name, func(h *house) {
			h.withAdmin()
			h.guesses(4, "ahmad", "thief")
			c := h.challenged(h.login("ahmad"))
			spoil(h)
			began := time.Now()
			pass, err := h.try(c.ID, "no code")
			h.wantRefused("the fifth", pass, err, challenge.ErrWrongCode)
			if took := time.Since(began); took != 0 {
				h.t.Errorf("the answer took %s", took)
			}
			time.Sleep(11 * time.Second)
			if got := strings.Count(h.log.String(), `"event":"warned"`); got != 2 {
				h.t.Errorf("%d audit lines, want one for the user and one for the admin:\n%s", got, h.log)
			}
			if strings.Contains(h.log.String(), ahmadMobile[4:]) {
				h.t.Error("the log has the number")
			}
		})
	}
}

// Threat D1: the users of a browser whose cookie was copied are told, and the admin of all of them at once.
func TestThreat_D1_CopiesAreTold(t *testing.T) {
	run(t, "every user of the browser", func(h *house) {
		h.withAdmin()
		h.user("both", func(u *challenge.User) { u.Remember = 30 * 24 * time.Hour })
		l := h.login("ahmad")
		old := h.enter(l, true).Browser()
		time.Sleep(time.Hour)
		both := h.login("both")
		both.Browser = old
		both.Browser = h.enter(both, true).Browser()
		time.Sleep(time.Hour)
		h.decide(both) // changes the secret once more: what ahmad shows next was replaced long ago
		l.Browser = old
		for range 2 { // the second time nothing is left to lose
			h.challenged(l)
		}
		for what, got := range map[string][]string{"ahmad": h.sms.warnings(ahmadMobile), "both": h.sms.warnings("+970599123457"), "both by e-mail": h.email.warnings(ahmadMail)} {
			if len(got) != 1 || !strings.Contains(got[0], "copy of your browser") {
				h.t.Errorf("%s is told %q", what, got)
			}
		}
		admin := h.email.warnings(adminMail)
		if len(admin) != 1 || !strings.Contains(admin[0], "ahmad, both") {
			h.t.Errorf("the admin is told %q", admin)
		}
		if got := strings.Count(h.log.String(), `"event":"warned"`); got != 4 {
			h.t.Errorf("%d audit lines, want 4", got)
		}
	})
	run(t, "an admin without codes by e-mail", func(h *house) {
		h.policy.Users[0].Admin, h.policy.Users[0].Email, h.policy.Users[0].Mobile = true, secret.New("off@example.com"), secret.New("+970599000001")
		h.setPolicy()
		h.guesses(5, "ahmad", "thief")
		if got := h.email.warnings("off@example.com"); len(got) != 1 || len(h.sms.warnings("+970599000001")) != 0 {
			h.t.Errorf("told %q by e-mail, and %d times by SMS", got, len(h.sms.warnings("+970599000001")))
		}
	})
}
