package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
	"doorcode/gateway"
)

// loginAs logs in as a user under another spelling of the name.
func (b *browser) loginAs(spelled, user string) answer {
	b.h.t.Helper()
	b.get("/login.php")
	return b.post("/login.php", url.Values{"username": {spelled}, "password": {user + "-pass-1"}})
}

// Invariant 7: however alice is spelled, it is alice's code, alice's phone, alice's count of wrong codes and alice's trust.
func TestInvariant_7_OneUser(t *testing.T) {
	for name, config := range map[string]func(*gateway.Config){
		"confirm reads the name": nil,
		"nobody says the name":   func(c *gateway.Config) { c.Login.Confirm.User = nil },
	} {
		t.Run(name, func(t *testing.T) { oneUser(newHouse(t, plan{config: config})) })
	}
}

func oneUser(h *house) {
	t := h.t
	t.Helper()
	for i, name := range []string{"alice", "ALICE ", "Alicé", "ａｌｉｃｅ", "alice@example.com"} {
		b := h.browser()
		h.wantCodePage(b.loginAs(name, "alice"))
		if got := h.phone.count(); got != i+1 || h.phone.lastTo("+970599123456") != h.phone.last() {
			t.Errorf("as %q: %d codes, want %d, all to alice", name, got, i+1)
		}
		h.wantRefused("a wrong code", b.enter(wrongCode(h.lastCode("alice"))))
	}
	for _, name := range []string{"alice", "ALICE"} {
		if a := h.browser().loginAs(name, "alice"); a.StatusCode != http.StatusTooManyRequests {
			t.Errorf("%s, after five wrong codes under five spellings: %d to %q, want 429", name, a.StatusCode, a.to())
		}
	}
	h.wantNothingAs("alice")
	h.clock.add(time.Hour)
	trusted := h.remembered()
	if a := trusted.loginAs("ALICÉ", "alice"); a.StatusCode != http.StatusSeeOther || strings.HasPrefix(a.to(), "/_doorcode") {
		t.Errorf("alice's trust does not hold for her in capitals: %d to %q", a.StatusCode, a.to())
	}
}

// callsHer makes the application call the user something else on the page that confirm reads.
func callsHer(from, to string) func(w http.ResponseWriter, r *http.Request, app http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.URL.Path != "/profile.php" {
			app.ServeHTTP(w, r)
			return
		}
		recorded := httptest.NewRecorder()
		app.ServeHTTP(recorded, r)
		fmt.Fprint(w, strings.Replace(recorded.Body.String(), `"login-name">`+from+"<", `"login-name">`+to+"<", 1))
	}
}

// Where the name that was typed and the name that confirm reads are two users of the policy, the stricter holds.
func TestInvariant_7_TypedAndRead(t *testing.T) {
	users := usualUsers()
	users[2].Code = challenge.CodeOff // mallory needs no code
	for _, c := range []struct {
		name, typed, read, want string
		users                   func(u []challenge.User)
	}{
		{"typed mallory, read alice", "mallory", "alice", "alice", nil},
		{"typed alice, read mallory", "alice", "mallory", "alice", nil},
		{"typed mallory, read an alias of alice", "mallory", "Alice@Example.com", "alice", nil},
		{"typed mallory, read a disabled user", "mallory", "alice", "refused", func(u []challenge.User) { u[0].Disabled = true }},
		{"typed a disabled user, read mallory", "alice", "mallory", "refused", func(u []challenge.User) { u[0].Disabled = true }},
		{"typed mallory, read nobody that is listed", "mallory", "stranger", "refused", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			users := append([]challenge.User(nil), users...)
			if c.users != nil {
				c.users(users)
			}
			h := bentHouse(t, plan{users: users}, callsHer(c.typed, c.read))
			b := h.browser()
			a := b.login(c.typed)
			if c.want == "refused" {
				if a.StatusCode != http.StatusForbidden {
					t.Errorf("%d to %q, want 403", a.StatusCode, a.to())
				}
				b.wantVisitor()
				return
			}
			h.wantCodePage(a)
			if h.phone.lastTo("+970599123456") == "" {
				t.Error("the code did not go to alice")
			}
			b.wantVisitor()
			h.wantNothingAs(c.typed)
		})
	}
}

// unlisted: off lets in by the name that the application says, never by another spelling of a listed one.
func TestInvariant_7_UnlistedOff(t *testing.T) {
	users := []challenge.User{{Name: "alice", Code: challenge.CodeSMS, Mobile: secret.New("+970599123456"), Place: "users.yaml:4"}}
	h := newHouse(t, plan{users: users, unlisted: challenge.UnlistedOff})
	h.setPolicy(func(p *challenge.PolicyConfig) { p.Fold = challenge.Fold{} }) // login.fold knows less than the database does
	for _, name := range []string{"ALICE", "alice ", "Alicé", "alice@example.com"} {
		b := h.browser()
		h.wantCodePage(b.loginAs(name, "alice"))
		b.wantVisitor()
	}
	h.wantNothingAs("alice")
	b := h.browser()
	if a := b.login("bob"); a.to() != "/home.php" {
		t.Fatalf("bob, whom the policy does not list: %d to %q", a.StatusCode, a.to())
	}
	b.wantMember("bob")
}

// Invariant 8: a hundred wrong codes shut the door to all but trusted browsers, until the admin opens it.
func TestInvariant_8_Locked(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred logins: not under -short")
	}
	unlocks := map[string]func(h *house){
		"unlocked by the admin": func(h *house) { must(t, h.store.Unlock(t.Context(), h.user("alice"))) },
		"another mobile": func(h *house) {
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Mobile = secret.New("+970599123457") })
		},
		"90 days": func(h *house) { h.clock.add(90 * 24 * time.Hour) },
	}
	for name, unlock := range unlocks {
		t.Run(name, func(t *testing.T) {
			store := &countedStore{}
			h := newHouse(t, plan{store: store.around})
			trusted := h.remembered()
			for store.compared.Load() < 100 { // the entry of remembered is one, and was right
				h.clock.add(time.Hour + time.Second)
				b := h.browser()
				h.wantCodePage(b.login("alice"))
				b.enter(wrongCode(h.lastCode("alice")))
			}
			h.clock.add(time.Hour + time.Second)
			thief, owner := h.browser(), h.browser()
			h.wantCodePage(owner.login("alice"))
			form := owner.codeForm(h.lastCode("alice"))
			h.wantCodePage(thief.login("alice"))
			thief.enter(wrongCode(h.lastCode("alice"))) // the hundredth
			for what, a := range map[string]answer{"a login": h.browser().login("alice"), "a login in the browser of before": thief.login("alice")} {
				if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "locked") {
					t.Errorf("%s of the locked user: %d to %q", what, a.StatusCode, a.to())
				}
			}
			h.restart()
			h.wantRefused("the right code that was pending", owner.post("/_doorcode/code", form))
			h.wantAsked("a trusted browser", trusted, "alice", false)
			if a := h.browser().login("alice"); a.StatusCode != http.StatusForbidden {
				t.Errorf("a login after the trusted browser's and a restart: %d to %q", a.StatusCode, a.to())
			}
			unlock(h)
			h.wantCodePage(h.browser().login("alice"))
		})
	}
}

// A right code clears the wrong ones of its own browser, and leaves those of others standing.
func TestInvariant_8_OwnTrail(t *testing.T) {
	h := newHouse(t, plan{})
	thief, owner := h.browser(), h.browser()
	h.wantCodePage(thief.login("alice"))
	form := thief.codeForm("")
	for _, code := range guesses(3, h.lastCode("alice")) {
		h.wantRefused("a guess", thief.post("/_doorcode/code", withCode(form, code)))
	}
	h.wantCodePage(owner.login("alice"))
	right := h.lastCode("alice")
	h.wantRefused("a slip", owner.enter(wrongCode(right)))
	owner.enter(right)
	owner.wantMember("alice")
	h.wantRefused("the fourth guess", thief.post("/_doorcode/code", withCode(form, "000001")))
	h.wantRefused("the fifth guess", thief.post("/_doorcode/code", withCode(form, "000002")))
	if a := h.browser().login("alice"); a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("after five guesses with a right code of another browser between them: %d to %q, want 429", a.StatusCode, a.to())
	}
}

// A resend sends the same code, at most three times and not at once; tries and expiry stay; a reload never sends.
func TestInvariant_8_Resend(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	right := h.lastCode("alice")
	form := b.codeForm("")
	h.wantRefused("a wrong code", b.post("/_doorcode/code", withCode(form, wrongCode(right))))
	for range 5 {
		b.codePage()
	}
	for i, want := range []string{"resent", "resent", "resent", "spent", "spent"} {
		if a := b.post("/_doorcode/resend", form); i < 3 && a.StatusCode != http.StatusTooManyRequests {
			t.Errorf("resend %d at once: %d to %q, want 429", i+1, a.StatusCode, a.to())
		}
		h.clock.add(31 * time.Second)
		if a := b.post("/_doorcode/resend", form); a.to() != "/_doorcode/code?said="+want {
			t.Errorf("resend %d: %d to %q, want %s", i+1, a.StatusCode, a.to(), want)
		}
		h.restart()
	}
	if n := h.phone.count(); n != 4 || h.lastCode("alice") != right {
		t.Errorf("%d messages, want four with one code", n)
	}
	for _, code := range guesses(4, right) {
		h.wantRefused("another wrong code", b.post("/_doorcode/code", withCode(form, code)))
	}
	h.clock.add(31 * time.Second)
	h.wantRefused("the right code after five wrong ones", b.post("/_doorcode/code", withCode(form, right)))
	h.wantNothingAs("alice")
}

// Sends have limits of their own, for a user and for an address; they are counted over restarts, and nobody is let in for them.
func TestInvariant_8_Sends(t *testing.T) {
	for name, limit := range map[string]func(c *challenge.Config){
		"user":    func(c *challenge.Config) { c.UserSends = challenge.Rate{Count: 3, Per: time.Hour} },
		"address": func(c *challenge.Config) { c.AddressSends = challenge.Rate{Count: 3, Per: time.Hour} },
		"day":     func(c *challenge.Config) { c.DaySends = challenge.Rate{Count: 3, Per: time.Hour} },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, plan{code: limit})
			for i := range 6 {
				b := h.browser()
				a := b.login("alice")
				if i < 3 {
					h.wantCodePage(a)
					continue
				}
				wait, err := strconv.Atoi(a.Header.Get("Retry-After"))
				if a.StatusCode != http.StatusTooManyRequests || err != nil || wait < 60 {
					t.Errorf("login %d: %d to %q, Retry-After %q", i+1, a.StatusCode, a.to(), a.Header.Get("Retry-After"))
				}
				b.wantVisitor()
				h.restart()
			}
			if n := h.phone.count(); n != 3 {
				t.Errorf("%d messages, want 3", n)
			}
			bob := h.browser().login("bob")
			if free := bob.to() == "/_doorcode/code"; free != (name == "user") {
				t.Errorf("bob's login: %d to %q", bob.StatusCode, bob.to())
			}
			h.wantNothingAs("alice")
			h.clock.add(time.Hour)
			h.wantCodePage(h.browser().login("alice"))
		})
	}
}
