package challenge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

func states(rs []challenge.Route) string {
	var all []string
	for _, r := range rs {
		all = append(all, string(r.Channel)+" "+string(r.State))
	}
	return strings.Join(all, ", ")
}

// stored is what a reload of the code page shows.
func (h *house) stored(id string) string {
	h.t.Helper()
	c, err := h.door.Pending(h.t.Context(), id, netip.Addr{})
	if err != nil {
		h.t.Fatal(err)
	}
	return states(c.Routes)
}

// fate is what becomes of a peer's messages.
type fate struct {
	delay time.Duration
	err   error
}

// slowToRecord takes its time over outcomes.
type slowToRecord struct{ challenge.Store }

func (s slowToRecord) Delivered(ctx context.Context, id string, routes []challenge.Route) error {
	time.Sleep(time.Second)
	return s.Store.Delivered(ctx, id, routes)
}

func TestDelivery(t *testing.T) {
	down := fmt.Errorf("550 mailbox unavailable: %w", challenge.ErrNotAccepted)
	for _, c := range []struct {
		name       string
		sms, email fate
		waits      time.Duration
		told       string // when the login goes on
		after      string // when everything is over
	}{
		{"both arrive", fate{}, fate{delay: time.Second}, time.Second, "sms sent, email sent", "sms sent, email sent"},
		{"one fails, the other is enough", fate{err: down}, fate{}, 0, "sms failed, email sent", "sms failed, email sent"},
		{"both fail", fate{err: down}, fate{err: down}, 0, "sms failed, email failed", "sms failed, email failed"},
		{"one is slow", fate{}, fate{delay: 5 * time.Second}, 3 * time.Second, "sms sent, email pending", "sms sent, email sent"},
		{"one is slow and fails", fate{}, fate{delay: 5 * time.Second, err: down}, 3 * time.Second, "sms sent, email pending", "sms sent, email failed"},
		{"one never answers", fate{}, fate{delay: time.Hour}, 3 * time.Second, "sms sent, email pending", "sms sent, email unsure"},
		{"one breaks off", fate{err: errors.New("connection reset")}, fate{}, 0, "sms unsure, email sent", "sms unsure, email sent"},
	} {
		run(t, c.name, func(h *house) {
			h.sms.delay, h.sms.err, h.email.delay, h.email.err = c.sms.delay, c.sms.err, c.email.delay, c.email.err
			began := time.Now()
			got := h.challenged(h.login("both"))
			if waited := time.Since(began).Truncate(100 * time.Millisecond); waited != c.waits { // the store gathers writes for a millisecond
				h.t.Errorf("the login waited %s, want %s", waited, c.waits)
			}
			if states(got.Routes) != c.told {
				h.t.Errorf("told %q, want %q", states(got.Routes), c.told)
			}
			time.Sleep(11 * time.Second)
			if after := h.stored(got.ID); after != c.after {
				h.t.Errorf("stored %q, want %q", after, c.after)
			}
			if got := strings.Count(h.log.String(), `"event":"code sent"`); got != 2 {
				h.t.Errorf("%d audit lines, want one for each send:\n%s", got, h.log)
			}
		})
	}
	run(t, "the code page shows what the login was told", func(h *house) {
		h.store = slowToRecord{h.store}
		h.start()
		c := h.challenged(h.login("both"))
		if told, stored := states(c.Routes), h.stored(c.ID); stored != told || told != "sms sent, email sent" {
			h.t.Errorf("told %q, stored %q, want both sent", told, stored)
		}
	})
	run(t, "one code on both ways", func(h *house) {
		c := h.challenged(h.login("both"))
		if h.sms.code() != h.email.code() {
			h.t.Error("two codes")
		}
		if _, err := h.try(c.ID, h.email.code()); err != nil {
			h.t.Error(err)
		}
	})
	run(t, "the browser gives up", func(h *house) {
		h.sms.delay = 2 * time.Second
		ctx, cancel := context.WithCancel(h.t.Context())
		go func() { time.Sleep(time.Second); cancel() }()
		began := time.Now()
		d, err := h.door.Decide(ctx, h.login("ahmad"))
		if err != nil || time.Since(began) != time.Second {
			h.t.Fatalf("%v after %s, want the challenge after 1s", err, time.Since(began))
		}
		time.Sleep(2 * time.Second)
		if after := h.stored(d.Challenge.ID); after != "sms sent" {
			h.t.Errorf("stored %q: the send hung on the request", after)
		}
	})
	run(t, "no sender for the channel", func(h *house) {
		delete(h.senders, challenge.SMS)
		h.start()
		if got := states(h.challenged(h.login("both")).Routes); got != "sms failed, email sent" {
			h.t.Errorf("told %q", got)
		}
	})
}

func TestMessages(t *testing.T) {
	run(t, "what they say", func(h *house) {
		h.challenged(h.login("both"))
		sms, mail := h.sms.last(), h.email.last()
		if got := sms.To.Reveal(); got != "+970599123457" {
			h.t.Errorf("SMS to %s", got)
		}
		if got := mail.To.Reveal(); got != ahmadMail {
			h.t.Errorf("e-mail to %s", got)
		}
		if text := sms.Text.Reveal(); !strings.HasSuffix(text, "\n@books.example.com #"+h.sms.code()) {
			h.t.Errorf("the last line is not bound to the origin: %q", text)
		}
		if !sms.Subject.Empty() || !sms.HTML.Empty() || mail.Subject.Empty() || mail.HTML.Empty() || mail.Text.Empty() {
			h.t.Error("parts of another channel, or missing ones")
		}
		if strings.Contains(mail.Subject.Reveal(), "\n") {
			h.t.Error("two lines of subject")
		}
		for _, want := range []string{"192.0.2.7", "Firefox", "Windows"} {
			if !strings.Contains(mail.Text.Reveal(), want) {
				h.t.Errorf("the e-mail does not name %s:\n%s", want, mail.Text.Reveal())
			}
		}
		if sms.ID == "" || sms.ID == mail.ID {
			h.t.Errorf("sends are named %q and %q", sms.ID, mail.ID)
		}
	})
	run(t, "in the user's language, else the page's", func(h *house) {
		h.policy.Users[1].Language = "ar"
		h.setPolicy()
		if h.challenged(h.login("ahmad")); h.sms.last().Language != "ar" {
			h.t.Errorf("in %q, want ar", h.sms.last().Language)
		}
		l := h.login("both")
		l.Language = "ar"
		if h.challenged(l); h.sms.last().Language != "ar" {
			h.t.Errorf("in %q, want ar", h.sms.last().Language)
		}
	})
}

// Whatever the login brings, the message goes where the policy says and says what the template says.
func TestThreat_C4_RedirectsTheCode(t *testing.T) {
	run(t, "names, agents and hosts are text", func(h *house) {
		evil := "x\r\nBcc: eve@example.net\r\n\r\n{{.Code}} {code} <a href=https://evil.example>click</a>"
		h.policy.Unlisted = challenge.UnlistedDefaults
		h.policy.Defaults = challenge.User{Code: challenge.CodeBoth, Mobile: secret.New(ahmadMobile), Email: secret.New(ahmadMail)}
		h.setPolicy()
		l := h.login("eve\u202e <b>{code}</b>{{.Code}}")
		l.Agent, l.Family, l.Host, l.Return = evil, evil, "evil\n@evil.example #", evil
		h.challenged(l)
		m, sms := h.email.last(), h.sms.last()
		for what, text := range map[string]string{"subject": m.Subject.Reveal(), "text": m.Text.Reveal(), "HTML": m.HTML.Reveal(), "SMS": sms.Text.Reveal()} {
			for _, bad := range []string{"Bcc", "evil", "click", "\u202e", "eve " + h.sms.code()} {
				if strings.Contains(text, bad) {
					h.t.Errorf("%q stands in the %s:\n%s", bad, what, text)
				}
			}
		}
		if strings.Contains(m.HTML.Reveal(), "eve <b>") {
			h.t.Error("the user's name is markup in the HTML")
		}
		if strings.ContainsAny(m.Subject.Reveal(), "\r\n") {
			h.t.Error("a subject of two lines")
		}
		if m.To.Reveal() != ahmadMail || sms.To.Reveal() != ahmadMobile {
			h.t.Error("goes elsewhere")
		}
	})
}

func TestResend(t *testing.T) {
	run(t, "the same code, three times", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		code := h.sms.code()
		_, err := h.door.Resend(h.t.Context(), c.ID, c.Address)
		h.wantWait("at once", err, challenge.WaitResend)
		for range 3 {
			time.Sleep(30 * time.Second)
			again, err := h.door.Resend(h.t.Context(), c.ID, c.Address)
			if err != nil {
				h.t.Fatal(err)
			}
			if h.sms.code() != code {
				h.t.Error("another code: the first message would no longer work")
			}
			if !again.ExpiresAt.Equal(c.ExpiresAt) || states(again.Routes) != "sms sent" {
				h.t.Errorf("expiry moved by %s, routes %s", again.ExpiresAt.Sub(c.ExpiresAt), states(again.Routes))
			}
		}
		time.Sleep(30 * time.Second)
		_, err = h.door.Resend(h.t.Context(), c.ID, c.Address)
		h.wantWait("the fourth", err, challenge.WaitResendsSpent)
		if got := h.sms.count(); got != 4 {
			h.t.Errorf("%d messages, want 4", got)
		}
	})
	run(t, "tries are not renewed", func(h *house) {
		c := h.challenged(h.login("ahmad"))
		for range 3 {
			h.try(c.ID, wrong(h.sms.code()))
		}
		time.Sleep(30 * time.Second)
		if again, err := h.door.Resend(h.t.Context(), c.ID, c.Address); err != nil || again.Tries != 3 {
			h.t.Errorf("%d tries, %v, want 3", again.Tries, err)
		}
	})
	run(t, "C11: not without a live challenge", func(h *house) {
		used := h.challenged(h.login("ahmad"))
		h.try(used.ID, h.sms.code())
		cancelled := h.challenged(h.login("ahmad"))
		h.door.Cancel(h.t.Context(), cancelled.ID)
		expired := h.challenged(h.login("ahmad"))
		sent := h.sms.count()
		time.Sleep(11 * time.Minute)
		for what, id := range map[string]string{"none": "", "forged": "x", "used": used.ID, "cancelled": cancelled.ID, "expired": expired.ID} {
			if _, err := h.door.Resend(h.t.Context(), id, used.Address); !errors.Is(err, challenge.ErrNotFound) {
				h.t.Errorf("%s: %v, want ErrNotFound", what, err)
			}
		}
		if h.sms.count() != sent {
			h.t.Error("something was sent")
		}
	})
	run(t, "C6: the user's sends are limited over challenges", func(h *house) {
		h.config.UserSends = challenge.Rate{Count: 3, Per: time.Hour}
		h.start()
		for range 3 {
			h.challenged(h.login("ahmad"))
		}
		_, err := h.door.Decide(h.t.Context(), h.login("ahmad"))
		h.wantWait("the fourth login", err, challenge.WaitUserSends)
		if h.sms.count() != 3 {
			h.t.Errorf("%d messages, want 3", h.sms.count())
		}
	})
}

func TestClose(t *testing.T) {
	run(t, "waits for what is on its way", func(h *house) {
		h.sms.delay = 8 * time.Second
		c := h.challenged(h.login("ahmad"))
		began := time.Now()
		if err := h.door.Close(); err != nil || time.Since(began) != 5*time.Second {
			h.t.Errorf("%v after %s, want 5s more", err, time.Since(began))
		}
		if got := h.stored(c.ID); got != "sms sent" {
			h.t.Errorf("stored %q", got)
		}
		if c := h.challenged(h.login("both")); states(c.Routes) != "sms failed, email failed" || h.sms.count() != 1 {
			h.t.Errorf("sent after Close: %s", states(c.Routes))
		}
	})
	run(t, "but not for ever", func(h *house) {
		deaf := make(deaf)
		h.senders[challenge.SMS] = deaf
		h.start()
		h.challenged(h.login("ahmad"))
		began := time.Now()
		if err := h.door.Close(); err == nil || time.Since(began) > 20*time.Second {
			h.t.Errorf("%v after %s, want an error after 15s", err, time.Since(began))
		}
		close(deaf)
	})
}

// deaf is a Sender that does not hear its context end.
type deaf chan struct{}

func (d deaf) Send(context.Context, challenge.Message) error { <-d; return errors.New("late") }

// One road through everything, at trace level: what must never be in a log is not there.
func TestThreat_C12_NothingSecretInLogs(t *testing.T) {
	run(t, "every outcome", func(h *house) {
		l := h.login("ahmad")
		pass := h.enter(l, true)
		secrets := []string{h.sms.code(), pass.Session().ID, pass.ChallengeID(), pass.Browser().Secret}
		l.Browser = pass.Browser()
		h.decide(l)
		h.email.err = fmt.Errorf("550 <%s>: no such user; text was 123456: %w", ahmadMail, challenge.ErrNotAccepted)
		h.sms.err = errors.New("invalid recipient 00970599123457")
		c := h.challenged(h.login("both"))
		h.try(c.ID, "000000")
		time.Sleep(time.Minute)
		h.door.Resend(h.t.Context(), c.ID, c.Address)
		h.user("both", func(u *challenge.User) { u.Mobile = secret.New("+970599765432") })
		h.try(c.ID, "000000")
		h.setPolicy()
		h.door.Sweep(h.t.Context())
		log := h.log.String()
		for _, s := range append(secrets, c.ID, ahmadMobile[1:], ahmadMobile[4:], "599123457", "599765432", ahmadMail, "123456") {
			if strings.Contains(log, s) {
				h.t.Errorf("the log has %q", s)
			}
		}
		for _, want := range []string{"059•••••56", "a•••@example.com", "code failed", "code unsure", "code sent"} {
			if !strings.Contains(log, want) {
				h.t.Errorf("the log lacks %q:\n%s", want, log)
			}
		}
		for _, line := range strings.Split(strings.TrimSpace(log), "\n") {
			if !json.Valid([]byte(line)) {
				h.t.Errorf("a line that is no JSON: %s", line)
			}
		}
		text := fmt.Sprintf("%+v %+v %#v", h.sms.messages(), c, pass)
		for _, s := range []string{secrets[0], ahmadMobile, ahmadMail, "held for"} {
			if strings.Contains(text, s) {
				h.t.Errorf("%%+v of records shows %q", s)
			}
		}
	})
}
