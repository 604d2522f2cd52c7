package gateway_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// entryCode makes an entry code as an admin does.
func (h *house) entryCode(user string) string {
	h.t.Helper()
	made, err := h.door.MakeEntryCode(h.t.Context(), user, "root (uid 0)")
	must(h.t, err)
	if code := made.Code.Reveal(); len(code) == 10 {
		return code
	}
	h.t.Fatal("an entry code has ten digits")
	return ""
}

// Who lost the phone gets in with an entry code, also when no message can be sent, and may have the browser remembered.
func TestEntryCodeLetsIn(t *testing.T) {
	h := newHouse(t, plan{})
	h.phone.setFail(true)
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	code := h.entryCode("alice@example.com") // by an alias
	h.restart()
	if a := b.enter(code[:3]+" "+code[3:]+"\u200e", "remember", "1"); a.to() != "/home.php" {
		t.Fatalf("an entry code: %d to %q", a.StatusCode, a.to())
	}
	b.wantMember("alice")
	sessions, err := h.door.Sessions(t.Context())
	must(t, err)
	if len(sessions) != 1 || sessions[0].Way != challenge.ByEntry {
		t.Errorf("sessions: %+v", sessions)
	}
	for _, want := range []string{`"event":"entry code made","user":"alice","by":"root (uid 0)"`, `"event":"entry code used","user":"alice","by":"root (uid 0)"`, `"way":"entry code"`} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	b.get("/logout.php")
	if a := b.login("alice"); a.to() != "/home.php" {
		t.Errorf("the browser is not remembered: %d to %q", a.StatusCode, a.to())
	}
}

// One entry code, in challenges of many browsers at once, lets one in, and nobody later.
func TestThreat_C2_EntryCodeTwice(t *testing.T) {
	for range 3 {
		store := &countedStore{}
		h := newHouse(t, plan{store: store.around})
		code := h.entryCode("alice")
		var requests []string
		late := h.browser()
		for i := range 5 {
			b := late
			if i < 4 {
				b = h.browser()
			}
			h.wantCodePage(b.login("alice"))
			if i < 4 {
				requests = append(requests, b.entry(b.codeForm(code)))
			}
		}
		stop := h.keepWriting()
		h.atOnce(requests)
		stop()
		if n := store.entered.Load(); n != 1 {
			t.Errorf("one entry code in four browsers: %d entries, want one", n)
		}
		h.wantRefused("a used entry code", late.enter(code))
		late.wantVisitor()
	}
}

// An entry code is of one user, for a quarter of an hour, until another one is made, and nothing without the password.
func TestThreat_C3_EntryCodeElsewhere(t *testing.T) {
	h := newHouse(t, plan{})
	code := h.entryCode("alice")
	mallory := h.browser()
	h.wantCodePage(mallory.login("mallory"))
	h.wantRefused("another user's", mallory.enter(code))
	mallory.wantVisitor()

	second := h.entryCode("alice")
	alice := h.browser()
	h.wantCodePage(alice.login("alice"))
	h.wantRefused("one that was replaced", alice.enter(code))

	h.clock.add(15 * time.Minute)
	alice = h.browser()
	h.wantCodePage(alice.login("alice"))
	h.wantRefused("one past its time", alice.enter(second))
	alice.wantVisitor()
	h.wantNothingAs("alice")

	third := h.entryCode("alice")
	h.clock.add(15*time.Minute - time.Second)
	alice = h.browser()
	h.wantCodePage(alice.login("alice"))
	alice.enter(third)
	alice.wantMember("alice")
}

// Wrong codes count where there is an entry code as where there is none.
func TestThreat_C1_EntryCodeGuessed(t *testing.T) {
	h := newHouse(t, plan{})
	code := h.entryCode("alice")
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	form := b.codeForm("")
	for _, guess := range []string{"0000000000", "1234567890", "9999999999", "0123456789", "5555555555"} {
		if guess != code {
			h.wantRefused("a guess", b.post("/_doorcode/code", withCode(form, guess)))
		}
	}
	if a := b.post("/_doorcode/code", withCode(form, code)); a.to() == "/home.php" {
		t.Error("a sixth try was compared")
	}
	h.wantNothingAs("alice")
	if a := h.browser().login("alice"); a.to() == "/_doorcode/code" {
		t.Error("after five wrong codes there is no wait")
	}
}

// Whoever may not come in comes in with no entry code either, on any branch.
func TestThreat_C13_EntryCode(t *testing.T) {
	h := newHouse(t, plan{})
	set := func(change func(*challenge.User)) {
		t.Helper()
		h.setPolicy(func(c *challenge.PolicyConfig) { change(&c.Users[0]) })
	}
	// dead wants code to let nobody in, from a challenge before the change or after it.
	dead := func(what, code string, before *browser) {
		t.Helper()
		if a := before.post("/_doorcode/code", withCode(map[string][]string{"token": {"x"}}, code)); a.to() == "/home.php" {
			t.Errorf("%s: the code page from before led in", what)
		}
		after := h.browser()
		if a := after.login("alice"); a.to() == "/_doorcode/code" {
			h.wantRefused(what, after.enter(code))
		}
		after.wantVisitor()
		before.wantVisitor()
		h.wantNothingAs("alice")
	}
	begin := func() (string, *browser) {
		t.Helper()
		b := h.browser()
		h.wantCodePage(b.login("alice"))
		return h.entryCode("alice"), b
	}
	code, b := begin()
	set(func(u *challenge.User) { u.Disabled = true })
	dead("a disabled user", code, b)
	if _, err := h.door.MakeEntryCode(t.Context(), "alice", "root"); err == nil || !strings.Contains(err.Error(), "disabled") {
		t.Errorf("an entry code for a disabled user: %v", err)
	}
	set(func(u *challenge.User) { u.Disabled = false })
	dead("a user who is enabled again", code, b)

	code, b = begin()
	set(func(u *challenge.User) { u.Mobile = secret.New("+970599999999") })
	dead("another mobile", code, b)

	// Changed while the gateway was down, where nobody looked.
	code, b = begin()
	h.close()
	h.policy.Users[0].Mobile = secret.New("+970599888888")
	h.open()
	dead("another mobile after a restart", code, b)

	for name, want := range map[string]string{"nobody": "lists no user", "carol": "asked for no code"} {
		h.setPolicy(func(c *challenge.PolicyConfig) {
			c.Users = append(c.Users[:3], challenge.User{Name: "carol", Code: challenge.CodeOff, Place: "users.yaml:7"})
		})
		if _, err := h.door.MakeEntryCode(t.Context(), name, "root"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// No code passes the lock that a hundred wrong ones make, an admin's neither.
func TestThreat_C13_EntryCodeOfALockedUser(t *testing.T) {
	h := newHouse(t, plan{})
	old := h.entryCode("alice")
	for range 100 {
		b := h.browser()
		h.wantCodePage(b.login("alice"))
		b.enter(wrongCode(h.lastCode("alice")))
		h.clock.add(time.Hour)
	}
	if _, err := h.door.MakeEntryCode(t.Context(), "alice", "root"); !errors.Is(err, challenge.ErrLocked) {
		t.Errorf("an entry code for a locked user: %v", err)
	}
	b := h.browser()
	if a := b.login("alice"); a.to() == "/_doorcode/code" {
		b.enter(old)
	}
	b.wantVisitor()
	h.wantNothingAs("alice")
}

// The code stands on the admin's terminal alone: not in the log at any level, the message about it, or the state file.
func TestThreat_C12_EntryCode(t *testing.T) {
	h := newHouse(t, plan{})
	h.setPolicy(func(c *challenge.PolicyConfig) { c.Users[0].Email = secret.New("alice@example.com") })
	made, err := h.door.MakeEntryCode(t.Context(), "alice", "root (uid 0)")
	must(t, err)
	code := made.Code.Reveal()
	if made.Told != challenge.Email || made.NotTold != nil || made.Masked != "a•••@example.com" {
		t.Errorf("told by %q at %q: %v", made.Told, made.Masked, made.NotTold)
	}
	message := h.mail.last("alice@example.com")
	if !strings.Contains(message, "entry code") || strings.Contains(message, code) || h.phone.count() != 0 {
		t.Errorf("the message about it: %q; %d by SMS", message, h.phone.count())
	}
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	b.enter(code)
	b.wantMember("alice")
	state, err := os.ReadFile(filepath.Join(h.dir, "doorcode.db"))
	must(t, err)
	for what, text := range map[string]string{"log": h.log.String(), "state": string(state)} {
		if strings.Contains(text, code) {
			t.Errorf("the entry code is in the %s", what)
		}
	}
}

// Where there is no address the user is told by SMS, and where nothing can be sent whoever made the code sees that.
func TestEntryCodeIsTold(t *testing.T) {
	h := newHouse(t, plan{})
	made, err := h.door.MakeEntryCode(t.Context(), "alice", "root")
	must(t, err)
	if made.Told != challenge.SMS {
		t.Errorf("told by %q: %v", made.Told, made.NotTold)
	}
	h.mail.setFail(true, false)
	made, err = h.door.MakeEntryCode(t.Context(), "bob", "root")
	must(t, err)
	if made.Told != "" || made.NotTold == nil || made.Code.Empty() {
		t.Errorf("told by %q: %v", made.Told, made.NotTold)
	}
}

// An older copy of the state brings no used entry code back.
func TestThreat_D8_EntryCode(t *testing.T) {
	h := newHouse(t, plan{})
	code := h.entryCode("alice")
	must(t, h.store.VoidTrust(t.Context())) // as Reconcile does with a restored file
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	h.wantRefused("an entry code of an older copy", b.enter(code))
	b.wantVisitor()
}
