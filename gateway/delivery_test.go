package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// twoPhones is a house whose SMS go to phone, and to second where that fails.
func twoPhones(t *testing.T, p plan, spoil func(first *phone)) (h *house, second *phone) {
	second = newPhone(t)
	second.name = "second"
	p.morePhones = []*phone{second}
	p.code = patient(p.code)
	h = newHouse(t, p)
	spoil(h.phone)
	h.restart() // a provider's timeout is its configuration
	return h, second
}

// patient waits for delivery as long as it takes, or a busy machine shows "pending".
func patient(more func(*challenge.Config)) func(*challenge.Config) {
	return func(c *challenge.Config) {
		c.DeliveryWait = 10 * time.Second
		if more != nil {
			more(c)
		}
	}
}

// wantOn fails unless the code page has each of these texts; one that begins with "!" it must not have.
func (b *browser) wantOn(texts ...string) {
	b.h.t.Helper()
	page, _ := b.codePage()
	for _, text := range texts {
		bare, unwanted := strings.CutPrefix(text, "!")
		if strings.Contains(page.body, bare) == unwanted {
			b.h.t.Errorf("the code page has %q: %v, want %v:\n%s", bare, unwanted, !unwanted, page.body)
		}
	}
}

// way presses one of the buttons that name a channel.
func (b *browser) way(channel string) answer {
	b.h.t.Helper()
	form := b.codeForm("")
	form.Set("way", channel)
	return b.post("/_doorcode/resend", form)
}

func wantAnswer(t *testing.T, what string, a answer, status int, to string) {
	t.Helper()
	if a.StatusCode != status || a.to() != to {
		t.Fatalf("%s: %d to %q, want %d to %q: %s", what, a.StatusCode, a.to(), status, to, a.body)
	}
}

func TestNextProvider(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(first *phone)
		said  string
		sent  int // by the second
	}{
		{"refused", func(p *phone) { p.setFail(true) }, `<li class="sent">`, 1},
		{"in trouble", func(p *phone) { p.set(func(p *phone) { p.down = true }) }, `<li class="sent">`, 1},
		{"not there", func(p *phone) { p.server.Close() }, `<li class="sent">`, 1},
		{"silent: it may have sent it", func(p *phone) { p.set(func(p *phone) { p.silent = true }) }, "It is not certain that the message was sent", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, second := twoPhones(t, plan{}, c.spoil)
			b := h.browser()
			h.wantCodePage(b.login("alice"))
			b.wantOn(c.said)
			if second.count() != c.sent {
				t.Errorf("the second sent %d SMS, want %d", second.count(), c.sent)
			}
			if c.sent == 0 {
				h.clock.add(31 * time.Second)
				wantAnswer(t, "a resend", b.post("/_doorcode/resend", b.codeForm("")), http.StatusSeeOther, "/_doorcode/code?said=resent")
			}
			if second.count() != 1 {
				t.Fatalf("the second sent %d SMS, want one", second.count())
			}
			b.enter(sixDigits.FindString(second.last()))
			b.wantMember("alice")
		})
	}
}

func TestProviderRests(t *testing.T) {
	h, second := twoPhones(t, plan{}, func(p *phone) { p.set(func(p *phone) { p.down = true }) })
	for range 5 {
		h.wantCodePage(h.browser().login("alice"))
	}
	if h.phone.requests() != 3 || second.count() != 5 {
		t.Fatalf("the first was asked %d times, the second sent %d, want 3 and 5", h.phone.requests(), second.count())
	}
	if all := h.door.Providers(); len(all) != 3 || !all[0].Resting || !strings.Contains(all[0].Error, "503") || all[1].SentToday != 5 || all[1].Resting {
		t.Errorf("state: %+v", all)
	}
	h.phone.set(func(p *phone) { p.down = false })
	h.clock.add(31 * time.Second)
	h.wantCodePage(h.browser().login("alice"))
	if h.phone.count() != 1 || h.door.Providers()[0].Resting {
		t.Errorf("after its rest the first sent %d, state %+v", h.phone.count(), h.door.Providers()[0])
	}
	for _, line := range []string{"provider rests", "provider works again"} {
		if !strings.Contains(h.log.String(), line) {
			t.Errorf("the log does not say that a %s", line)
		}
	}
}

// smsUsers are alice and bob with codes by SMS, mallory by her own choice, and an address for alice alone.
func smsUsers() []challenge.User {
	users := usualUsers()
	users[0].Email = secret.New("alice@example.com")
	users[1].Code, users[1].Mobile, users[1].Email = challenge.CodeSMS, secret.New("+970599654321"), secret.Text{}
	users[2].Code, users[2].Mobile = challenge.CodeChoose, secret.New("+970599000001")
	return users
}

// Whoever has a password asks for codes from ever new browsers: no more SMS leave than the budget has, others still get theirs, and
// a restart forgets nothing.
func TestThreat_C6_FloodOfSMS(t *testing.T) {
	h := newHouse(t, plan{users: smsUsers(), code: func(c *challenge.Config) {
		c.SMS = challenge.Budget{Day: 10, UserDay: 9, Reserve: 20}
		c.UserSends = challenge.Rate{}
	}})
	for i := range 12 {
		a := h.browser().login("bob")
		if i == 5 {
			h.restart()
		}
		if i < 8 {
			h.wantCodePage(a)
		} else if a.StatusCode != http.StatusTooManyRequests || !strings.Contains(a.body, "No more SMS can be sent") || strings.Contains(a.body, "599") {
			t.Errorf("login %d: %d: %s", i+1, a.StatusCode, a.body)
		}
	}
	if h.phone.count() != 8 {
		t.Errorf("%d SMS left, want 8 of 10", h.phone.count())
	}
	alice := h.browser()
	h.wantCodePage(alice.login("alice"))
	alice.enter(h.lastCode("alice"))
	alice.wantMember("alice")
	if h.phone.count() != 9 {
		t.Errorf("%d SMS, want the ninth for alice", h.phone.count())
	}
	h.wantNothingAs("bob")
}

func TestEmailInstead(t *testing.T) {
	h := newHouse(t, plan{users: smsUsers(), code: patient(func(c *challenge.Config) {
		c.SMS, c.EmailInstead = challenge.Budget{UserDay: 1}, true
	})})
	first := h.browser()
	h.wantCodePage(first.login("alice"))
	first.wantOn("059•••••56", "!by e-mail")
	h.clock.add(31 * time.Second)
	wantAnswer(t, "a resend over the budget", first.post("/_doorcode/resend", first.codeForm("")), http.StatusSeeOther, "/_doorcode/code?said=resent")
	first.wantOn("059•••••56", "a•••@example.com", "No more SMS can be sent just now, so the code goes by e-mail")
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	b.wantOn("a•••@example.com", "so the code goes by e-mail", "!059•••••56")
	b.enter(sixDigits.FindString(h.mail.last("alice@example.com")))
	b.wantMember("alice")

	bob := h.browser()
	h.wantCodePage(bob.login("bob"))
	h.clock.add(31 * time.Second)
	a := bob.post("/_doorcode/resend", bob.codeForm(""))
	if a.StatusCode != http.StatusTooManyRequests || !strings.Contains(a.body, "No more SMS can be sent just now, the next one in") || !strings.Contains(a.body, `name="code"`) {
		t.Errorf("bob's resend: %d: %s", a.StatusCode, a.body)
	}
	bob.enter(sixDigits.FindString(h.phone.last()))
	bob.wantMember("bob")
}

func TestChooseOnTheCodePage(t *testing.T) {
	h := newHouse(t, plan{users: smsUsers(), code: patient(nil)})
	b := h.browser()
	h.wantCodePage(b.login("mallory"))
	b.wantOn("How do you want to get your code?", `value="sms"`, "059•••••01", `value="email"`, "m•••@example.com", `!name="code"`, "!Send the code again")
	if h.phone.requests() != 0 || h.mail.total() != 0 {
		t.Fatal("something was sent before the choice")
	}
	for name, form := range map[string]url.Values{
		"no such way": {"way": {"pigeon"}}, "twice": {"way": {"sms", "email"}}, "as a list": {"way[]": {"sms"}}, "none": {},
	} {
		form.Set("token", b.codeForm("").Get("token"))
		if a := b.post("/_doorcode/resend", form); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", name, a.StatusCode)
		}
	}
	if a := b.post("/_doorcode/resend", url.Values{"way": {"sms"}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("without a token: %d, want 403", a.StatusCode)
	}
	if a := b.get("/_doorcode/resend?way=sms"); a.StatusCode != http.StatusNotFound {
		t.Errorf("as a link: %d, want 404", a.StatusCode)
	}
	if h.phone.requests() != 0 || h.mail.total() != 0 {
		t.Fatal("something was sent by a choice that is none")
	}
	wantAnswer(t, "the choice", b.way("email"), http.StatusSeeOther, "/_doorcode/code")
	b.wantOn("Enter your login code", "m•••@example.com", `<li class="sent">`, "Try another way", `value="sms"`, `!value="email"`)
	if a := b.way("sms"); a.StatusCode != http.StatusTooManyRequests || !strings.Contains(a.body, "sent a moment ago") {
		t.Errorf("another way at once: %d: %s", a.StatusCode, a.body)
	}
	b.enter(h.lastCode("mallory"))
	b.wantMember("mallory")

	b.get("/logout.php")
	h.wantCodePage(b.login("mallory"))
	if h.mail.count("mallory@example.com") != 2 {
		t.Errorf("%d e-mails: the choice was not remembered", h.mail.count("mallory@example.com"))
	}
	h.clock.add(31 * time.Second)
	wantAnswer(t, "another way", b.way("sms"), http.StatusSeeOther, "/_doorcode/code?said=resent")
	b.wantOn("m•••@example.com", "059•••••01")
	if page := b.get("/_doorcode/code?said=resent"); !strings.Contains(page.body, "It is the same code") {
		t.Errorf("after another way: %s", page.body)
	}
	if code := sixDigits.FindString(h.phone.last()); code != h.lastCode("mallory") {
		t.Errorf("another way brought another code")
	}
	other := h.browser()
	h.wantCodePage(other.login("mallory"))
	other.wantOn("How do you want to get your code?")
	h.wantNothingAs("alice")
}

// The page says what failed and what is left to do, in both languages.
func TestFailureIsSaid(t *testing.T) {
	h := newHouse(t, plan{users: smsUsers(), code: patient(nil)})
	h.phone.set(func(p *phone) { p.down = true })
	b := h.browser()
	h.wantCodePage(b.login("mallory"))
	wantAnswer(t, "the choice", b.way("sms"), http.StatusSeeOther, "/_doorcode/code")
	b.wantOn("The code could not be sent. Please try another way below", `<li class="failed">`, `value="email"`)
	h.mail.setFail(true, false)
	wantAnswer(t, "another way, at once", b.way("email"), http.StatusSeeOther, "/_doorcode/code?said=resent")
	page := b.get("/_doorcode/code?said=resent")
	if !strings.Contains(page.body, "The code could not be sent") || strings.Contains(page.body, "was sent again") || strings.Count(page.body, `class="failed"`) != 2 {
		t.Errorf("both have failed: %s", page.body)
	}
	h.phone.set(func(p *phone) { p.down = false })
	wantAnswer(t, "the first way again", b.way("sms"), http.StatusSeeOther, "/_doorcode/code?said=resent")
	b.enter(sixDigits.FindString(h.phone.last()))
	b.wantMember("mallory")

	h.phone.set(func(p *phone) { p.down = true })
	arabic := h.arabic()
	h.wantCodePage(arabic.login("alice"))
	arabic.wantOn("تعذّر إرسال الرمز. يرجى محاولة إعادة الإرسال")
}

// An outcome that comes after the page was made is on the page when that is asked for again.
func TestLateOutcomeIsSaid(t *testing.T) {
	h := newHouse(t, plan{code: func(c *challenge.Config) { c.DeliveryWait = 0 }})
	h.phone.set(func(p *phone) { p.silent = true })
	h.restart()
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	b.wantOn(`<li class="pending">`, "Look again whether it was sent", `data-in="1`)
	must(t, h.door.Close()) // waits for the outcome to be recorded
	b.wantOn(`<li class="unsure">`, "It is not certain that the message was sent", "!Look again")
}

// Who has somebody's password can use up what there is to send to him. An admin's entry code still gets him in, and he needs no message
// for it: neither where nothing may be sent any more, nor before he has chosen where to.
func TestThreat_E8_EntryCodeWhenNothingMayBeSent(t *testing.T) {
	h := newHouse(t, plan{users: smsUsers(), code: func(c *challenge.Config) { c.SMS = challenge.Budget{UserDay: 1} }})
	h.wantCodePage(h.browser().login("bob"))
	b := h.browser()
	if a := b.login("bob"); a.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("the second SMS: %d", a.StatusCode)
	}
	code := h.entryCode("bob")
	h.wantCodePage(b.login("bob"))
	b.wantOn("No message was sent. Enter the code that your administrator gave you", `name="code"`, "!How do you want")
	h.wantRefused("another code", b.enter("000000"))
	if a := b.enter(code); a.to() != "/home.php" {
		t.Fatalf("the entry code: %d to %q", a.StatusCode, a.to())
	}
	b.wantMember("bob")
	if a := h.browser().login("bob"); a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("once it is used: %d, want 429", a.StatusCode)
	}
	if h.phone.count() != 1 {
		t.Errorf("%d SMS, want one", h.phone.count())
	}

	m := h.browser()
	h.wantCodePage(m.login("mallory"))
	m.wantOn("I have a code from my administrator", `!name="code"`)
	if page := m.get("/_doorcode/code?enter=1"); !strings.Contains(page.body, `name="code"`) || !strings.Contains(page.body, `value="sms"`) {
		t.Errorf("with a code of the admin's: %s", page.body)
	}
	if a := m.enter(h.entryCode("mallory")); a.to() != "/home.php" {
		t.Errorf("mallory's entry code: %d to %q", a.StatusCode, a.to())
	}
}
