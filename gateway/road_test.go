package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestRoad(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()

	if a := b.get("/invoice.php?id=7"); a.StatusCode != http.StatusSeeOther || a.to() != "/login.php" {
		t.Fatalf("visitor: %d to %q", a.StatusCode, a.to())
	}
	if a := b.get("/login.php"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "name=password") {
		t.Fatalf("login page: %d: %s", a.StatusCode, a.body)
	}
	if b.cookie("doorcode") == "" {
		t.Fatal("the login page came without the gateway cookie")
	}
	if b.cookie("PHPSESSID") != "" {
		t.Fatal("a visitor was given the upstream's session cookie")
	}
	if a := b.login("alice"); a.StatusCode != http.StatusSeeOther || a.to() != "/_doorcode/code" {
		t.Fatalf("login: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	b.wantVisitor()
	h.wantNothingAs("alice")
	code := h.lastCode("alice")
	if a := b.enter(wrongCode(code)); a.to() != "/_doorcode/code?said=wrong" {
		t.Fatalf("wrong code: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	h.wantNothingAs("alice")
	if a := b.enter(code); a.StatusCode != http.StatusSeeOther || a.to() != "/invoice.php?id=7" {
		t.Fatalf("right code: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	b.wantMember("alice")
	if b.cookie("PHPSESSID") == h.naive.SessionID("alice") {
		t.Fatal("the upstream's session id reached the browser unsealed")
	}
	b.get("/logout.php")
	b.wantVisitor()
}

func TestRoadByEmail(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("bob")
}

// A sign-out that comes after the session has ended, from an old tab or the back button, must not be where the next login leads to.
func TestRoadSignOutTwice(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	b.get("/logout.php")
	for _, again := range []answer{b.get("/logout.php"), b.post("/logout.php", url.Values{"token": {"old"}})} {
		if again.StatusCode != http.StatusSeeOther || again.to() != "/login.php" {
			t.Fatalf("%s of the sign-out page on an ended session: %d to %q", again.Request.Method, again.StatusCode, again.to())
		}
	}
	b.login("alice")
	if a := b.enter(h.lastCode("alice")); strings.HasPrefix(a.to(), "/logout") {
		t.Fatalf("the next login leads to %q", a.to())
	}
	b.wantMember("alice")
}
