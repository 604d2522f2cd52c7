package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// brokenStore fails where it is told to, as a full or dying disk would.
type brokenStore struct {
	challenge.Store
	mu     sync.Mutex
	broken map[string]bool // by method
}

func (s *brokenStore) around(store challenge.Store) challenge.Store {
	s.Store = store
	return s
}

func (s *brokenStore) breakIt(methods ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = map[string]bool{}
	for _, m := range methods {
		s.broken[m] = true
	}
}

func (s *brokenStore) fails(method string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken[method] {
		return errors.New("no space left on device")
	}
	return nil
}

func (s *brokenStore) Begin(ctx context.Context, c challenge.Challenge, replaced string, charge challenge.SendCharge, rules challenge.CodeRules) (challenge.Revoked, error) {
	if err := s.fails("Begin"); err != nil {
		return challenge.Revoked{}, err
	}
	return s.Store.Begin(ctx, c, replaced, charge, rules)
}

func (s *brokenStore) Challenge(ctx context.Context, id string, now time.Time) (challenge.Challenge, error) {
	if err := s.fails("Challenge"); err != nil {
		return challenge.Challenge{}, err
	}
	return s.Store.Challenge(ctx, id, now)
}

func (s *brokenStore) Resend(ctx context.Context, id string, to []challenge.Route, charge challenge.SendCharge, rules challenge.CodeRules) (challenge.Challenge, error) {
	if err := s.fails("Resend"); err != nil {
		return challenge.Challenge{}, err
	}
	return s.Store.Resend(ctx, id, to, charge, rules)
}

func (s *brokenStore) Delivered(ctx context.Context, id string, routes []challenge.Route) error {
	if err := s.fails("Delivered"); err != nil {
		return err
	}
	return s.Store.Delivered(ctx, id, routes)
}

func (s *brokenStore) Cancel(ctx context.Context, id string) (challenge.Revoked, error) {
	if err := s.fails("Cancel"); err != nil {
		return challenge.Revoked{}, err
	}
	return s.Store.Cancel(ctx, id)
}

func (s *brokenStore) Revoke(ctx context.Context, m challenge.Match) (challenge.Revoked, error) {
	if err := s.fails("Revoke"); err != nil {
		return challenge.Revoked{}, err
	}
	return s.Store.Revoke(ctx, m)
}

func (s *brokenStore) Admit(ctx context.Context, e challenge.Entry) (challenge.Admitted, error) {
	if err := s.fails("Admit"); err != nil {
		return challenge.Admitted{}, err
	}
	return s.Store.Admit(ctx, e)
}

// wantTrouble fails unless a is the page that says "try again shortly".
func (h *house) wantTrouble(what string, a answer) {
	h.t.Helper()
	if a.StatusCode != http.StatusServiceUnavailable || !strings.Contains(a.body, "<html") || a.Header.Get("Set-Cookie") != "" {
		h.t.Errorf("%s: %d to %q, want 503 and our page: %s", what, a.StatusCode, a.to(), a.body)
	}
}

// Invariant 9: whatever of the store fails lets nobody in, costs nobody a try, and is over when it is over.
func TestInvariant_9_StoreFails(t *testing.T) {
	store := &brokenStore{}
	h := newHouse(t, plan{store: store.around})
	member, trusted, waiting := h.browser(), h.remembered(), h.browser()
	member.enterWith("bob")
	h.wantCodePage(waiting.login("alice"))
	right := h.lastCode("alice")
	form := waiting.codeForm(right)
	h.clock.add(time.Minute)
	sent, ran := h.phone.count(), len(h.ranAs("alice"))

	store.breakIt("Begin")
	fresh := h.browser()
	h.wantTrouble("a login whose challenge cannot be written", fresh.login("alice"))
	fresh.wantVisitor()
	store.breakIt("Challenge")
	h.wantTrouble("the code page that cannot be read", waiting.get("/_doorcode/code"))
	h.wantTrouble("a code whose challenge cannot be read", waiting.post("/_doorcode/code", form))
	h.wantTrouble("a resend of what cannot be read", waiting.post("/_doorcode/resend", form))
	store.breakIt("Resend")
	h.wantTrouble("a resend that cannot be counted", waiting.post("/_doorcode/resend", form))
	store.breakIt("Cancel")
	h.wantTrouble("a cancel that cannot be written", waiting.post("/_doorcode/cancel", form))
	store.breakIt("Admit")
	for range 7 { // more than the tries of a challenge: none is counted
		h.wantTrouble("a right code that cannot be used up", waiting.post("/_doorcode/code", form))
		h.wantTrouble("a wrong code that cannot be counted", waiting.post("/_doorcode/code", withCode(form, wrongCode(right))))
	}
	h.wantTrouble("a trusted browser's login", trusted.login("alice"))
	trusted.wantVisitor()
	waiting.wantVisitor()
	member.wantMember("bob") // who is in is not put out by it
	if h.phone.count() != sent {
		t.Errorf("%d messages were sent that nobody could count", h.phone.count()-sent)
	}
	if after := len(h.ranAs("alice")); after != ran {
		t.Errorf("the upstream ran %d requests as alice", after-ran)
	}
	if log := h.log.String(); !strings.Contains(log, "no space left on device") {
		t.Error("the log does not say what is wrong")
	}

	store.breakIt("Delivered") // what became of a message is a note, and keeps nobody out
	waiting.post("/_doorcode/code", form)
	waiting.wantMember("alice")
}

// A logout that cannot be written says so, and ends the session all the same.
func TestInvariant_9_LogoutFails(t *testing.T) {
	store := &brokenStore{}
	h := newHouse(t, plan{store: store.around})
	b, kept := h.browser(), h.browser()
	b.enterWith("alice")
	b.copyTo(kept)
	store.breakIt("Revoke")
	if a := b.get("/logout.php"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("logout: %d to %q, want 503", a.StatusCode, a.to())
	}
	h.wantCodePage(kept.login("alice")) // not let in again as a member who only lost the application's session
	kept.wantVisitor()
	b.wantVisitor()
}

// The file itself is gone from under the gateway.
func TestInvariant_9_StoreCloses(t *testing.T) {
	h := newHouse(t, plan{})
	waiting, member := h.browser(), h.browser()
	member.enterWith("bob")
	h.wantCodePage(waiting.login("alice"))
	right := h.lastCode("alice")
	form := waiting.codeForm(right)
	must(t, h.store.Close())
	h.wantTrouble("a code", waiting.post("/_doorcode/code", form))
	h.wantTrouble("the code page", waiting.get("/_doorcode/code"))
	h.wantTrouble("a login", h.browser().login("alice"))
	h.wantTrouble("a login in Arabic", h.arabic().login("alice"))
	if a := waiting.post("/_doorcode/code", form, "Sec-Fetch-Mode", "cors", "Accept", "application/json"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a script's code: %d", a.StatusCode)
	}
	waiting.wantVisitor()
	h.wantNothingAs("alice")
	member.wantMember("bob")
	h.restart()
	member.wantMember("bob")
	waiting.enter(right)
	waiting.wantMember("alice")
}

func (h *house) arabic() *browser {
	b := h.browser()
	b.header.Set("Accept-Language", "ar")
	return b
}

// Every way of sending is dead: the page says so and nobody is in; once it works again a resend brings the code.
func TestInvariant_9_SendersFail(t *testing.T) {
	users := usualUsers()
	users[2].Code, users[2].Mobile = challenge.CodeBoth, secret.New("+970599654321")
	for name, dead := range map[string]func(h *house) (alive func()){
		"refused": func(h *house) func() {
			h.phone.setFail(true)
			h.mail.setFail(true, false)
			return func() { h.phone.setFail(false); h.mail.setFail(false, false) }
		},
		"not there": func(h *house) func() {
			h.phone.server.Close()
			h.mail.close()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			patient := func(c *challenge.Config) { c.DeliveryWait = 10 * time.Second } // or a busy machine shows "pending"
			h := newHouse(t, plan{users: users, code: patient})
			alive := dead(h)
			for _, user := range []string{"alice", "bob", "mallory"} {
				b := h.browser()
				h.wantCodePage(b.login(user))
				page, _ := b.codePage()
				if !strings.Contains(page.body, "could not be sent") {
					t.Errorf("%s's code page says nothing of its code that was not sent: %s", user, page.body)
				}
				h.wantRefused("a guess", b.enter("000000"))
				b.wantVisitor()
				if alive == nil {
					continue
				}
				alive()
				h.clock.add(31 * time.Second)
				if a := b.post("/_doorcode/resend", b.codeForm("")); a.to() != "/_doorcode/code?said=resent" {
					t.Errorf("%s's resend: %d to %q", user, a.StatusCode, a.to())
				}
				page, _ = b.codePage()
				if strings.Contains(page.body, "could not be sent") {
					t.Errorf("%s's code page still says that nothing was sent", user)
				}
				b.enter(h.lastCode(user))
				b.wantMember(user)
				dead(h)
			}
		})
	}
	t.Run("one of two", func(t *testing.T) {
		h := newHouse(t, plan{users: users})
		h.phone.setFail(true)
		b := h.browser()
		b.enterWith("mallory")
	})
}

// crash is a power failure and the start after it: what was answered is on disk, and what is not there was not answered.
func (h *house) crash() {
	h.t.Helper()
	state, err := os.ReadFile(filepath.Join(h.dir, "doorcode.db"))
	must(h.t, err)
	ring, err := os.ReadFile(filepath.Join(h.dir, "doorcode.keys"))
	must(h.t, err)
	h.close()
	h.dir = h.t.TempDir()
	must(h.t, os.WriteFile(filepath.Join(h.dir, "doorcode.db"), state, 0o600))
	must(h.t, os.WriteFile(filepath.Join(h.dir, "doorcode.keys"), ring, 0o600))
	h.open()
}

// What was answered as done survives the moment after it.
func TestInvariant_9_AnsweredIsWritten(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	right := h.lastCode("alice")
	form := b.codeForm("")
	h.crash()
	for _, code := range guesses(4, right) {
		h.wantRefused("a wrong code", b.post("/_doorcode/code", withCode(form, code)))
		h.crash()
	}
	form.Set("remember", "1")
	form.Set("code", right)
	door := b.cookie("doorcode")
	if a := b.post("/_doorcode/code", form); strings.HasPrefix(a.to(), "/_doorcode") {
		t.Fatalf("the challenge did not survive: %d to %q", a.StatusCode, a.to())
	}
	h.crash()
	b.wantMember("alice")
	again := h.browser()
	again.setCookie("doorcode", door)
	h.wantRefused("the code that was used", again.post("/_doorcode/code", form))
	ended := h.browser()
	b.copyTo(ended)
	b.get("/logout.php")
	h.crash()
	ended.wantVisitor()
	h.clock.add(2 * time.Minute)
	h.wantAsked("the browser that was remembered", b, "alice", false)
	id := h.browserOf(b)
	revoked, err := h.door.Revoke(t.Context(), challenge.Match{Browser: id})
	must(t, err)
	h.gateway.End(t.Context(), revoked)
	h.crash()
	h.wantAsked("the browser that was deleted", b, "alice", true)
	form = b.codeForm(h.lastCode("alice"))
	b.post("/_doorcode/cancel", form)
	h.crash()
	if a := b.post("/_doorcode/code", form); a.StatusCode != http.StatusGone {
		t.Errorf("a code that was cancelled: %d to %q", a.StatusCode, a.to())
	}
}
