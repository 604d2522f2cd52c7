package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/gateway"
)

// Threat D10: networks and dates of the policy. The test's own machine is the office: it comes without X-Forwarded-For, and by the proxy that
// the configuration names from everywhere else.

const abroad, branch = "203.0.113.9", "198.51.100.7"

var office = prefixes("127.0.0.0/8", "198.51.100.0/24")

// placed is a house whose alice has these networks, behind a proxy that it knows.
func placed(t *testing.T, networks challenge.Networks) *house {
	t.Helper()
	users := usualUsers()
	users[0].Networks = networks
	return newHouse(t, plan{users: users, config: func(c *gateway.Config) { c.TrustedProxies = prefixes("127.0.0.0/8") }})
}

// at carries the browser somewhere else; "" is home to the office.
func (b *browser) at(address string) *browser {
	b.header.Del("X-Forwarded-For")
	if address != "" {
		b.header.Set("X-Forwarded-For", address)
	}
	return b
}

// wantSpared logs in and wants to be in without a code.
func (b *browser) wantSpared(user string) {
	b.h.t.Helper()
	sent := b.h.phone.count()
	if a := b.login(user); a.StatusCode != http.StatusSeeOther || strings.HasPrefix(a.to(), "/_doorcode") {
		b.h.t.Fatalf("login of %s: %d to %q, want to be let in without a code", user, a.StatusCode, a.to())
	}
	b.wantMember(user)
	if b.h.phone.count() != sent {
		b.h.t.Errorf("a code was sent")
	}
}

func (b *browser) wantOutside(what string, a answer) {
	b.h.t.Helper()
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "Not from this place") {
		b.h.t.Fatalf("%s from outside: %d to %q: %s", what, a.StatusCode, a.to(), a.body)
	}
}

// A session that was let in at the office asks for a login elsewhere, with every cookie that it had, and stays ended after a restart.
func TestThreat_D10_NoCodeSessionRoams(t *testing.T) {
	h := placed(t, challenge.Networks{NoCode: office})
	b, stolen := h.browser(), h.browser()
	b.wantSpared("alice")
	b.at(branch).wantMember("alice") // another of its networks
	b.copyTo(stolen)
	ran := len(h.ranAs("alice"))
	stolen.at(abroad).wantVisitor()
	if got := len(h.ranAs("alice")); got != ran {
		t.Errorf("the upstream ran %d requests from outside as alice", got-ran)
	}
	b.at("").wantVisitor() // ended, and not only refused there
	h.restart()
	stolen.at("").wantVisitor()
	h.wantCodePage(b.at(abroad).login("alice"))
}

// A login from elsewhere in such a session does not go on with it.
func TestThreat_D10_NoCodeSessionLogsInAgain(t *testing.T) {
	h := placed(t, challenge.Networks{NoCode: office})
	b := h.browser()
	b.wantSpared("alice")
	b.at(abroad)
	a := b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}})
	h.wantCodePage(a)
	if a := b.enter(h.lastCode("alice")); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("the code: %d", a.StatusCode)
	}
	b.wantMember("alice") // by a code, and so from anywhere
	b.at("").wantMember("alice")
}

// Behind a proxy that trusted_proxies does not name everybody comes from its address: no_code is not applied, and ops read why.
func TestThreat_D10_HiddenProxy(t *testing.T) {
	for header, value := range map[string]string{"X-Forwarded-For": abroad, "Forwarded": "for=" + abroad, "Via": "1.1 squid", "X-Real-Ip": abroad,
		"X-Forwarded-Proto": "https", "X-Forwarded-Host": "books.example.com", "X-Forwarded-Server": "proxy"} {
		t.Run(header, func(t *testing.T) {
			users := usualUsers()
			users[0].Networks.NoCode = office
			h := newHouse(t, plan{users: users})
			b := h.browser()
			b.wantSpared("alice")
			b.header.Set(header, value)
			b.wantVisitor() // its session does not go on by such a way either
			h.wantCodePage(b.login("alice"))
			if log := h.log.String(); !strings.Contains(log, `"header":"`+header+`"`) || !strings.Contains(log, "no_code was not applied") {
				t.Errorf("the log does not name %s", header)
			}
		})
	}
	t.Run("behind a proxy that is known", func(t *testing.T) {
		h := placed(t, challenge.Networks{NoCode: office})
		h.browser().at(branch).wantSpared("alice")
		h.wantCodePage(h.browser().at(abroad + ", " + branch).login("alice"))
		h.wantCodePage(h.browser().at(branch + ", garbage").login("alice"))
	})
}

// Outside networks.only every request of a member is refused; the session waits for its user to come back.
func TestThreat_D10_OnlyInsideLaterToo(t *testing.T) {
	h := placed(t, challenge.Networks{Only: office})
	b := h.browser()
	b.enterWith("alice")
	ran := len(h.ranAs("alice"))
	b.at(abroad)
	b.wantOutside("a page", b.get("/invoice.php?id=7"))
	b.wantOutside("a form", b.post("/invoice.php", url.Values{"id": {"8"}}))
	b.wantOutside("an odd address", b.get("/A;B"))
	b.wantOutside("the login page", b.get("/login.php"))
	if a := b.get("/invoice.php?id=7", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"); a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, `"outside"`) {
		t.Errorf("a script from outside: %d %s", a.StatusCode, a.body)
	}
	if a := b.get("/_doorcode/assets/door.css", "Sec-Fetch-Dest", "style"); a.StatusCode != http.StatusOK {
		t.Errorf("the style of the page that says so: %d", a.StatusCode)
	}
	if got := len(h.ranAs("alice")); got != ran {
		t.Errorf("the upstream ran %d requests from outside as alice", got-ran)
	}
	b.at("").wantMember("alice")
	if a := b.at(abroad).get("/invoice.php?id=7", "Accept-Language", "ar"); !strings.Contains(a.body, "لا يمكن الدخول من هذا المكان") || !strings.Contains(a.body, `dir="rtl"`) {
		t.Errorf("in Arabic: %s", a.body)
	}
}

// Requests from outside do not keep the session awake.
func TestThreat_D10_OutsideIsNoUse(t *testing.T) {
	h := placed(t, challenge.Networks{Only: office})
	b := h.browser()
	b.enterWith("alice")
	for range 3 {
		h.clock.add(3 * time.Hour)
		b.at(abroad).get("/invoice.php?id=7")
	}
	b.at("").wantVisitor()
}

// A login from outside is refused before its password goes up, whether the password is right or not.
func TestThreat_D10_OnlyBeforeThePassword(t *testing.T) {
	h := placed(t, challenge.Networks{Only: office})
	for _, name := range []string{"alice", " ALICE", "alice@example.com"} {
		b := h.browser().at(abroad)
		b.get("/login.php")
		b.wantOutside("the login of "+name, b.post("/login.php", url.Values{"username": {name}, "password": {"alice-pass-1"}}))
	}
	if up := h.loginRequests(); len(up) > 0 {
		t.Errorf("%d logins from outside went up: %s", len(up), up[0].Body)
	}
	h.wantCodePage(h.browser().at(abroad).login("bob"))
	h.wantCodePage(h.browser().login("alice"))
}

// The name that the application confirms is bound as well, however it was typed.
func TestThreat_D10_OnlyForTheConfirmedName(t *testing.T) {
	h := placed(t, challenge.Networks{Only: office})
	h.setPolicy(func(p *challenge.PolicyConfig) {
		p.Fold, p.Unlisted, p.AcceptTypedNames = challenge.Fold{}, challenge.UnlistedOff, true
	})
	b := h.browser().at(abroad)
	b.get("/login.php")
	a := b.post("/login.php", url.Values{"username": {"ALICE"}, "password": {"alice-pass-1"}}) // the application folds, this policy does not
	b.wantOutside("the login", a)
	h.wantNothingAs("alice")
}

// A code that was asked for inside opens nothing outside; carried back it does.
func TestThreat_D10_PendingOutside(t *testing.T) {
	h := placed(t, challenge.Networks{Only: office})
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	form := b.codeForm(h.lastCode("alice"))
	b.at(abroad)
	b.wantOutside("the code page", b.get("/_doorcode/code"))
	b.wantOutside("the code", b.post("/_doorcode/code", form))
	h.clock.add(time.Minute)
	sent := h.phone.count()
	b.wantOutside("a resend", b.post("/_doorcode/resend", form))
	if h.phone.count() != sent {
		t.Error("a code was sent to who is outside")
	}
	h.wantNothingAs("alice")
	b.at("")
	if a := b.post("/_doorcode/code", form); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("the code from inside: %d %s", a.StatusCode, a.body)
	}
	b.wantMember("alice")
}

// What a new policy takes away ends: sessions at once, and what they have open within five seconds.
func TestThreat_D10_PolicyTakesNetworks(t *testing.T) {
	elsewhere := prefixes("192.0.2.0/24")
	for name, test := range map[string]struct {
		before, after challenge.Networks
	}{
		"no_code":           {challenge.Networks{NoCode: office}, challenge.Networks{NoCode: elsewhere}},
		"no_code, the last": {challenge.Networks{NoCode: office}, challenge.Networks{}},
		"a new only":        {challenge.Networks{}, challenge.Networks{Only: elsewhere}},
		"another only":      {challenge.Networks{Only: office}, challenge.Networks{Only: elsewhere}},
	} {
		t.Run(name, func(t *testing.T) {
			h := placed(t, challenge.Networks{})
			trusted := h.remembered()
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Networks = test.before })
			b := h.browser()
			if len(test.before.NoCode) > 0 {
				b.wantSpared("alice")
			} else {
				b.enterWith("alice")
			}
			open := b.opened()
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Networks = test.after })
			wantOver(t, open, name)
			ran := len(h.ranAs("alice"))
			if a := b.get("/invoice.php?id=7"); a.StatusCode == http.StatusOK {
				t.Errorf("a request after the change: %d", a.StatusCode)
			}
			if got := len(h.ranAs("alice")); got != ran {
				t.Error("the upstream ran a request after the change")
			}
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Networks = challenge.Networks{} })
			h.wantAsked("a browser that was trusted before: networks void no trust", trusted, "alice", false)
		})
	}
}

// Open connections of a session that came elsewhere since are judged by where they came from.
func TestThreat_D10_OpenFromANetworkTakenAway(t *testing.T) {
	if testing.Short() {
		t.Skip("waits by the clock: not under -short")
	}
	for name, networks := range map[string]func(list ...string) challenge.Networks{
		"only":    func(list ...string) challenge.Networks { return challenge.Networks{Only: prefixes(list...)} },
		"no_code": func(list ...string) challenge.Networks { return challenge.Networks{NoCode: prefixes(list...)} },
	} {
		t.Run(name, func(t *testing.T) {
			h := placed(t, networks("127.0.0.0/8", "198.51.100.0/24"))
			go gateway.Keep(t.Context(), func() *gateway.Gateway { return h.gateway })
			b := h.browser().at(branch)
			if name == "only" {
				b.enterWith("alice")
			} else {
				b.wantSpared("alice")
			}
			open := b.opened() // from the office itself, which goes; the session came in at the branch, which stays
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Networks = networks("198.51.100.0/24") })
			wantOver(t, open, name)
		})
	}
}

// Before the day of from: nobody is asked; on that day the session that came so ends, and a code is asked.
func TestThreat_D10_TheDayComes(t *testing.T) {
	if testing.Short() {
		t.Skip("waits by the clock: not under -short")
	}
	h := placed(t, challenge.Networks{})
	h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].From = h.clock.now().Add(2 * time.Hour) })
	b := h.browser()
	b.wantSpared("alice")
	h.clock.add(time.Hour)
	b.wantMember("alice")
	open := b.opened()
	h.clock.add(time.Hour)
	go gateway.Keep(t.Context(), func() *gateway.Gateway { return h.gateway })
	wantOver(t, open, "the day has come")
	b.wantVisitor()
	h.wantCodePage(b.login("alice"))
	h.wantNoSession()
}

// wantNoSession fails while a session stands in the store: what ended by its day must not come back with a restart.
func (h *house) wantNoSession() {
	h.t.Helper()
	sessions, err := h.door.Sessions(h.t.Context())
	must(h.t, err)
	if len(sessions) > 0 {
		h.t.Errorf("%d sessions are in the store, the first by %q", len(sessions), sessions[0].Way)
	}
}
