package gateway_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"doorcode/challenge"
	"doorcode/gateway"
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

// Who asks for a thousand doors within a minute does not hide who signs in: that is what the report is for.
func TestThreat_E7_FindingsOfStrangers(t *testing.T) {
	h := newHouse(t, plan{})
	stranger := h.browser()
	for i := range challenge.MaxFindings + 100 {
		stranger.get(fmt.Sprintf("/api/%d", i))
	}
	h.browser().enterWith("alice")
	all, err := h.door.Findings(t.Context())
	must(t, err)
	if len(all) != challenge.MaxFindings+1 || !slices.ContainsFunc(all, func(f challenge.Finding) bool { return f.Kind == challenge.FoundLogin && f.Name == "alice" }) {
		t.Errorf("%d findings, want %d doors and alice", len(all), challenge.MaxFindings)
	}
}

// One user who is not listed and types his name now so, now so, is one in the report.
func TestFindingsOfOneUser(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) { c.Login.Confirm.User = nil }})
	h.setPolicy(func(c *challenge.PolicyConfig) { c.Observe, c.Users = true, c.Users[:1] })
	for name, password := range map[string]string{"MALLORY": "mallory-pass-1", "mallory ": "mallory-pass-1", "Mallory": "mallory-pass-1", "Alice": "alice-pass-1"} {
		b := h.browser()
		b.get("/login.php")
		b.post("/login.php", url.Values{"username": {name}, "password": {password}})
	}
	all, err := h.door.Findings(t.Context())
	must(t, err)
	got := map[string]int{}
	for _, f := range all {
		got[strings.ToLower(strings.TrimSpace(f.Name))+": "+f.Detail] += f.Count
	}
	if len(all) != 2 || got["mallory: refused: unlisted"] != 3 || got["alice: code: sms"] != 1 {
		t.Errorf("found %v, want mallory three times and alice once", got)
	}
}
