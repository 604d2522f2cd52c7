package gateway_test

import (
	"testing"

	"doorcode/challenge"
)

// What ops must know before going live is kept, through a restart too: doors that somebody used, what members were refused, files that a
// visitor's page did not get, cookies that were dropped. Addresses that strangers make up are not.
func TestFindings(t *testing.T) {
	h := newHouse(t, plan{})
	member, visitor, stranger := h.browser(), h.browser(), h.browser()
	member.enterWith("alice")
	member.get("/api/login")
	member.post("/api/login", nil)
	member.get("/note.php?username=bob&password=bob-pass-1")
	visitor.get("/login.php")
	for range 2 {
		visitor.get("/theme/logo.png", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image")
	}
	stranger.get("/wp-admin.php", "Sec-Fetch-Mode", "cors")
	member.setCookie("theme", "dark")
	member.get("/note.php")
	h.restart()
	all, err := h.door.Findings(t.Context())
	must(t, err)
	got := map[[3]string]int{}
	for _, f := range all {
		got[[3]string{string(f.Kind), f.Name, f.Detail}] = f.Count
	}
	for want, count := range map[[3]string]int{
		{"door", "/api/login", "GET"}:                                            1,
		{"door", "/api/login", "POST"}:                                           1,
		{"refused", "/note.php", "members: user and password outside the login"}: 1,
		{"refused", "/theme/logo.png", "visitors: not public"}:                   2,
		{"cookie", "theme", "cookies.plain"}:                                     1,
	} {
		if got[want] != count {
			t.Errorf("%v: found %d times, want %d; all: %v", want, got[want], count, got)
		}
		delete(got, want)
	}
	for key := range got {
		if key[0] != string(challenge.FoundLogin) {
			t.Errorf("nobody needs to know of %v", key)
		}
	}
}
