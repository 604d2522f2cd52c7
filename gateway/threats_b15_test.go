package gateway_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"doorcode/challenge"
	"doorcode/gateway"
	"doorcode/testdata/naive"
)

// A member signs in as alice at an address that nobody configured, by another shape of login, whatever its answer looks like: to a page,
// a script, a download, a WebSocket. The answer is withheld, and what is the session's afterwards is nobody's.
func TestThreat_B15_LoginOfAnotherShape(t *testing.T) {
	for _, regenerates := range []bool{true, false} {
		for _, shape := range []string{"", "json", "download", "script", "socket", "nothing", "unchanged", "error"} {
			for _, method := range []string{"GET", "POST"} {
				name := shape + " by " + method
				if regenerates {
					name += " under a new id"
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					h := newHouse(t, plan{naive: naive.Options{Regenerates: regenerates}})
					b := h.ready(true)
					lines := []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Accept: */*", formType}
					if shape == "socket" {
						lines = []string{"Sec-Fetch-Mode: websocket", "Sec-Fetch-Dest: empty", "Connection: Upgrade", "Upgrade: websocket",
							"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
						if method == "POST" {
							t.Skip("a WebSocket begins with GET")
						}
					}
					a := b.wire(method, "/sso.php?ticket=alice-ticket&shape="+shape, "", lines...)
					if a.StatusCode != http.StatusForbidden || len(a.Cookies()) != 0 || strings.Contains(a.body, "invoices") {
						t.Errorf("answered %d with cookies %v: %s", a.StatusCode, a.Cookies(), a.body)
					}
					b.wantVisitor()
					h.wantNothingAs("alice")
					if !strings.Contains(h.log.String(), "became another user's") {
						t.Error("the log does not say what happened")
					}
				})
			}
		}
	}
}

// While confirm cannot say whose session it is, the answer is withheld, and the next one is asked about though it sets no cookie.
func TestThreat_B15_ConfirmCannotBeAsked(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.ready(true)
	h.naive.Break(true)
	if a := b.get("/sso.php?ticket=alice-ticket"); a.StatusCode != http.StatusBadGateway || len(a.Cookies()) != 0 {
		t.Errorf("while nobody can tell: %d, %v", a.StatusCode, a.Cookies())
	}
	if a := b.get("/invoice.php?id=7"); a.StatusCode != http.StatusBadGateway || strings.Contains(a.body, "of alice") {
		t.Errorf("the next page: %d: %s", a.StatusCode, a.body)
	}
	h.naive.Break(false)
	if a := b.get("/invoice.php?id=7"); a.StatusCode != http.StatusForbidden || strings.Contains(a.body, "of alice") {
		t.Errorf("when it can be told: %d: %s", a.StatusCode, a.body)
	}
	b.wantVisitor()
}

// An application that was down for a moment ends nobody's session.
func TestConfirmComesBack(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.ready(true)
	h.naive.Break(true)
	if a := b.post("/rename.php", nil); a.StatusCode != http.StatusBadGateway {
		t.Errorf("while nobody can tell: %d", a.StatusCode)
	}
	h.naive.Break(false)
	b.wantMember("mallory")
	asked := len(h.arrived("/profile.php"))
	b.wantMember("mallory")
	if again := len(h.arrived("/profile.php")); again != asked {
		t.Errorf("confirm was asked %d times more after it had said who is in", again-asked)
	}
}

// He signs out first, which changes no hands, and then in as alice by an answer that sets nothing.
func TestThreat_B15_SignedOutInBetween(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.ready(true)
	if a := b.get("/sso.php"); a.StatusCode != http.StatusFound {
		t.Fatalf("signing out: %d", a.StatusCode)
	}
	if a := b.get("/sso.php?ticket=alice-ticket&shape=silent"); a.StatusCode != http.StatusForbidden {
		t.Errorf("signing in as alice: %d", a.StatusCode)
	}
	b.wantVisitor()
	h.wantNothingAs("alice")
}

// Doors, tokens in headers and in the address: the shapes that show in no cookie are closed, not watched.
func TestThreat_B15_Closed(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) { c.SessionNames = []string{"token"} }})
	b := h.ready(true)
	direct := h.up.URL + "/api/login"
	res, err := http.Post(direct, "application/json", strings.NewReader(`{"username":"alice","password":"alice-pass-1"}`))
	must(t, err)
	var body [512]byte
	n, _ := res.Body.Read(body[:])
	res.Body.Close()
	token := regexp.MustCompile(`"token":"([^"]+)"`).FindStringSubmatch(string(body[:n]))
	if token == nil {
		t.Fatalf("no token: %s", body[:n])
	}
	if a := b.get("/invoice.php?id=7", "Authorization", "Bearer "+token[1]); !strings.Contains(a.body, "of mallory") {
		t.Errorf("a token in Authorization: %d: %s", a.StatusCode, a.body)
	}
	for what, a := range map[string]answer{
		"token in the address": b.get("/invoice.php?id=7&token=" + token[1]),
		"token in the body":    b.post("/invoice.php", url.Values{"token": {token[1]}}),
		"XML-RPC":              b.wire("POST", "/xmlrpc.php", "<string>alice</string><string>alice-pass-1</string>", "Content-Type: text/xml"),
		"JSON API":             b.wire("POST", "/api/login", `{"username":"alice","password":"alice-pass-1"}`, "Content-Type: application/json"),
	} {
		if a.StatusCode != http.StatusForbidden && a.StatusCode != 0 {
			t.Errorf("%s: %d: %s", what, a.StatusCode, a.body)
		}
	}
	b.wantMember("mallory")
	h.wantNothingAs("alice")
}

// What it costs: an application that renews its cookie with every answer is asked three times, and then only when something may change.
func TestThreat_B15_RenewedOnEveryAnswer(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{Renews: true}})
	b := h.ready(true)
	for range 20 {
		b.wantMember("mallory")
	}
	const login = 1
	if asked := len(h.arrived("/profile.php")); asked != login+3 {
		t.Errorf("confirm was asked %d times in 20 pages, want %d", asked, login+3)
	}
	if a := b.post("/note.php", url.Values{"text": {"x"}}); a.StatusCode != http.StatusOK {
		t.Errorf("a form: %d", a.StatusCode)
	}
	if asked := len(h.arrived("/profile.php")); asked != login+4 {
		t.Errorf("confirm was asked %d times after a form, want %d", asked, login+4)
	}
	if a := b.post("/sso.php?ticket=alice-ticket", nil); a.StatusCode != http.StatusForbidden {
		t.Errorf("signing in as alice: %d", a.StatusCode)
	}
	b.wantVisitor()
}

// Pages in between that renew nothing show that the application does not always do so: somebody who has a few cookies renewed is
// not let off.
func TestThreat_B15_RenewedNowAndThen(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.ready(true)
	for range 5 {
		b.get("/rename.php")
	}
	b.wantMember("mallory")
	if a := b.get("/sso.php?ticket=alice-ticket"); a.StatusCode != http.StatusForbidden {
		t.Errorf("signing in as alice: %d", a.StatusCode)
	}
	b.wantVisitor()
}

// A cookie that scripts may write says nothing of who is in.
func TestPlainCookieIsNotAskedAbout(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) { c.Plain = []*regexp.Regexp{regexp.MustCompile("^testcookie$")} }})
	b := h.ready(true)
	asked := len(h.arrived("/profile.php"))
	b.get("/login.php") // sets it again
	if again := len(h.arrived("/profile.php")); again != asked {
		t.Errorf("confirm was asked %d times about a plain cookie", again-asked)
	}
}

// renamed is a house where mallory goes by another name, and bob needs no code.
func renamed(t *testing.T, user, shown string) *house {
	users := usualUsers()
	users[1].Code = challenge.CodeOff
	h := newHouse(t, plan{users: users})
	b := h.browser()
	b.login(user)
	if user != "bob" {
		b.enter(h.lastCode(user))
	}
	b.wantMember(user)
	if a := b.post("/rename.php", url.Values{"name": {shown}}); a.StatusCode != http.StatusForbidden {
		t.Fatalf("the session goes on under another name: %d", a.StatusCode)
	}
	b.wantVisitor()
	return h
}

// Users who can change the name that confirm reads: whoever makes himself look like a user without a code is asked his own all the same.
func TestThreat_D12_NamesThatUsersChange(t *testing.T) {
	for _, c := range []struct{ user, shown, asks string }{
		{"mallory", "bob", "mallory"}, // bob needs none
		{"alice", "bob", "alice"},
		{"bob", "alice", "alice"}, // the session may be hers
	} {
		t.Run(c.user+" as "+c.shown, func(t *testing.T) {
			h := renamed(t, c.user, c.shown)
			sent := h.phone.count() + h.mail.total()
			b := h.browser()
			h.wantCodePage(b.login(c.user))
			if now := h.phone.count() + h.mail.total(); now != sent+1 {
				t.Fatalf("%d codes were sent", now-sent)
			}
			if a := b.enter(h.lastCode(c.asks)); a.StatusCode != http.StatusSeeOther {
				t.Errorf("the code of %s: %d", c.asks, a.StatusCode)
			}
			if !strings.Contains(h.log.String(), "two users, the stricter holds") {
				t.Error("the log does not say that two names were there")
			}
		})
	}
}
