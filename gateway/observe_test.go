package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// In mode: observe whoever the application lets in is in, and what would have happened is kept; everything else of the door holds.
func TestObserve(t *testing.T) {
	h := newHouse(t, plan{})
	h.setPolicy(func(c *challenge.PolicyConfig) {
		c.Observe = true
		c.Users = c.Users[:2] // mallory is not listed
		c.Users[1].Email = secret.Text{}
	})
	for _, user := range []string{"alice", "bob", "mallory"} {
		b := h.browser()
		b.get("/login.php")
		if a := b.post("/login.php", map[string][]string{"username": {user}, "password": {"wrong"}}); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "wrong password") {
			t.Errorf("%s, wrong password: %d: %s", user, a.StatusCode, a.body)
		}
		b.wantVisitor()
		for range 2 { // and once more in the session of the first time
			if a := b.login(user); a.StatusCode != http.StatusSeeOther || strings.HasPrefix(a.to(), "/_doorcode") {
				t.Fatalf("%s: %d to %q: %s", user, a.StatusCode, a.to(), a.body)
			}
			b.wantMember(user)
		}
		if a := b.get("/api/users"); a.StatusCode != http.StatusForbidden {
			t.Errorf("a door: %d, want 403", a.StatusCode)
		}
	}
	if h.phone.count()+h.mail.total() != 0 {
		t.Errorf("%d messages were sent", h.phone.count()+h.mail.total())
	}
	all, err := h.door.Findings(t.Context())
	must(t, err)
	got := map[string]string{}
	for _, f := range all {
		if f.Kind == challenge.FoundLogin {
			got[f.Name] = f.Detail
			if f.Count != 2 {
				t.Errorf("%s: %d logins, want 2", f.Name, f.Count)
			}
		}
	}
	for user, want := range map[string]string{"alice": "code: sms", "bob": "refused: no destination", "mallory": "refused: unlisted"} {
		if got[user] != want {
			t.Errorf("%s: found %q, want %q", user, got[user], want)
		}
	}
}

// The day codes are asked, sessions that came in without one end: also those that were renewed by a second login, and none of them goes
// on by a password alone.
func TestThreat_C13_ObserveIsOver(t *testing.T) {
	h := newHouse(t, plan{})
	h.setPolicy(func(c *challenge.PolicyConfig) { c.Observe = true })
	once, twice := h.browser(), h.browser()
	once.login("alice")
	twice.login("alice")
	twice.login("alice")
	h.setPolicy(func(c *challenge.PolicyConfig) { c.Observe = true }) // a saved users.yaml ends nothing
	once.wantMember("alice")
	twice.wantMember("alice")
	h.setPolicy(func(c *challenge.PolicyConfig) { c.Observe = false })
	h.wantNoSession() // before anybody asks for anything: what is open ends too
	for _, b := range []*browser{once, twice} {
		b.wantVisitor()
		if a := b.login("alice"); a.to() != "/_doorcode/code" {
			t.Errorf("after mode: observe: %d to %q, want the code page", a.StatusCode, a.to())
		}
	}
}

// They end though the store is in trouble on that day and nothing can be written in it: the policy alone says so.
func TestThreat_C13_ObserveIsOverInTrouble(t *testing.T) {
	store := &brokenStore{}
	h := newHouse(t, plan{store: store.around})
	b, coded := h.browser(), h.browser()
	coded.enterWith("bob")
	h.setPolicy(func(c *challenge.PolicyConfig) { c.Observe = true })
	b.login("alice")
	b.wantMember("alice")
	h.policy.Observe = false
	store.breakIt("Revoke")
	if _, err := h.door.SetPolicy(t.Context(), h.newPolicy()); err == nil {
		t.Fatal("the store was not in trouble: the test proves nothing")
	}
	before := len(h.ranAs("alice"))
	for range 2 {
		if a := b.get("/invoice.php?id=7"); a.StatusCode == http.StatusOK || len(h.ranAs("alice")) > before {
			t.Errorf("in since mode: observe: %d: %s", a.StatusCode, a.body)
		}
	}
	store.breakIt()
	b.wantVisitor()
	coded.wantMember("bob")
}

// A trust of before goes with what it was given for, also while nobody is asked.
func TestThreat_D7_TrustWhileObserving(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice", "remember", "1")
	b.get("/logout.php")
	for _, mobile := range []string{"+970599000000", "+970599123456"} {
		h.setPolicy(func(c *challenge.PolicyConfig) {
			c.Observe = true
			c.Users[0].Mobile = secret.New(mobile)
		})
	}
	h.setPolicy(func(c *challenge.PolicyConfig) { c.Observe = false })
	if a := b.login("alice"); a.to() != "/_doorcode/code" {
		t.Errorf("after two changes of the mobile: %d to %q, want the code page", a.StatusCode, a.to())
	}
}
