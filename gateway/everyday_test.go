package gateway_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorcode/gateway"
	"doorcode/gateway/reading"
)

// What a company of three hundred does with an application all day. docs/for-users.md says each of these to users, in both languages.

// The invoice was typed, the session ended, the button was pressed: the form waits in its tab until its user has signed in in another one.
func TestEveryday_FormOnAnEndedSession(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	b.get("/note.php")
	h.clock.add(9 * time.Hour)
	invoice := url.Values{"text": {"فاتورة 17: 1,250.00"}}
	for language, want := range map[string]string{"en": "in a new tab", "ar": "علامة تبويب جديدة"} {
		a := b.post("/note.php", invoice, "Accept-Language", language)
		if a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, want) || a.Header.Get("Refresh") != "" {
			t.Fatalf("the form in %s: %d to %q: %s", language, a.StatusCode, a.to(), a.body)
		}
	}
	b.enterWith("alice") // in the other tab; the cookies are the browser's
	if a := b.post("/note.php", invoice); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "فاتورة 17") {
		t.Errorf("reloaded: %d: %s", a.StatusCode, a.body)
	}
}

// A link in an e-mail leads a member to its page at once, and somebody who is not signed in to the same page behind password and code.
func TestEveryday_LinkInAnEmail(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	fromMail := []string{"Sec-Fetch-Site", "cross-site", "Referer", "https://mail.example.org/"}
	if a := b.get("/invoice.php?id=7", fromMail...); a.to() != "/login.php" {
		t.Fatalf("visitor: %d to %q", a.StatusCode, a.to())
	}
	if a := b.login("alice"); a.to() != "/_doorcode/code" {
		t.Fatalf("login: %d to %q", a.StatusCode, a.to())
	}
	a := b.enter(h.lastCode("alice"))
	if a.to() != "/invoice.php?id=7" {
		t.Errorf("after the code: to %q, want the page of the link", a.to())
	}
	for _, c := range a.Cookies() {
		if c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %s would not come along with a link: SameSite %v", c.Name, c.SameSite)
		}
	}
	if a := b.get("/invoice.php?id=8", fromMail...); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "Invoice 8 of alice") {
		t.Errorf("member: %d: %s", a.StatusCode, a.body)
	}
}

// Print windows are pages in a window, a frame or an embedded document of their own.
func TestEveryday_PrintWindow(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	for _, dest := range []string{"document", "iframe", "frame", "embed", "object"} {
		if a := b.get("/invoice.php?id=9", "Sec-Fetch-Dest", dest); a.StatusCode != http.StatusOK || a.Header.Get("X-Frame-Options") != "" || a.Header.Get("Cross-Origin-Opener-Policy") != "" {
			t.Errorf("%s: %d %v", dest, a.StatusCode, a.Header)
		}
	}
}

// An export takes ten minutes where it is named; elsewhere an application that does not answer is said to be slow.
func TestEveryday_LongExport(t *testing.T) {
	release := make(chan struct{})
	slow := rule(t, "", "/odd/export.php")
	slow.Query = []reading.Value{{Name: "what", Value: "*"}}
	h := newHouseBeside(t, plan{config: func(c *gateway.Config) {
		c.Upstream.AnswerTimeout, c.Upstream.Slow, c.Upstream.SlowTimeout = 150*time.Millisecond, []reading.Rule{slow}, time.Minute
	}}, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
			w.Write([]byte("all invoices"))
		case <-r.Context().Done():
		}
	})
	b := h.browser()
	b.enterWith("alice")
	exported := make(chan answer)
	go func() { exported <- b.get("/odd/export.php?what=invoices") }()
	for _, target := range []string{"/odd/export.php", "/odd/export.php?what=1&what=2"} { // each waits for the usual time
		if a := b.get(target); a.StatusCode != http.StatusGatewayTimeout {
			t.Fatalf("not named: %d, want 504", a.StatusCode)
		}
	}
	close(release)
	if a := within(t, exported, "the export"); a.StatusCode != http.StatusOK || a.body != "all invoices" {
		t.Errorf("the export: %d: %s", a.StatusCode, a.body)
	}
}

// A page that polls all night keeps nobody in; the same address asked for something else does.
func TestEveryday_PageThatPollsAllNight(t *testing.T) {
	poll := rule(t, "GET", "/note.php")
	poll.Query = []reading.Value{{Name: "poll", Value: "*"}}
	h := newHouse(t, plan{config: func(c *gateway.Config) { c.IdleIgnore = []reading.Rule{poll} }})
	asleep, awake := h.browser(), h.browser()
	asleep.enterWith("alice")
	awake.enterWith("bob")
	for range 16 {
		h.clock.add(30 * time.Minute)
		asleep.get("/note.php?poll=1", "Sec-Fetch-Mode", "cors")
		awake.get("/note.php?show=1", "Sec-Fetch-Mode", "cors")
	}
	if a := asleep.get("/note.php?poll=1", "Sec-Fetch-Mode", "cors"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("after a night of polling: %d, want 401", a.StatusCode)
	}
	asleep.wantVisitor()
	awake.wantMember("bob")
}

// Five tabs on an ended session: one login, one code, one message, and each tab goes on where it was.
func TestEveryday_FiveTabs(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	h.clock.add(9 * time.Hour)
	before := h.phone.count()
	tabs := []string{"/invoice.php?id=1", "/invoice.php?id=2", "/note.php", "/profile.php", "/home.php"}
	for _, tab := range tabs {
		if a := b.get(tab); a.to() != "/login.php" {
			t.Fatalf("%s: %d to %q", tab, a.StatusCode, a.to())
		}
		b.get("/login.php")
	}
	b.login("alice")
	for range tabs { // the other tabs are reloaded while the code is on its way
		b.get("/login.php")
	}
	b.enter(h.lastCode("alice"))
	for _, tab := range tabs {
		if a := b.get(tab); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d to %q", tab, a.StatusCode, a.to())
		}
	}
	if sent := h.phone.count() - before; sent != 1 {
		t.Errorf("%d messages for five tabs, want 1", sent)
	}
}

// restarted is the browser after it was closed: cookies of the session are gone, those with a date are not.
func (b *browser) restarted() *browser {
	again := b.h.browser()
	again.setCookie("doorcode-browser", b.cookie("doorcode-browser"))
	return again
}

// A browser that restores its session goes on; one that does not asks for the password, and for the code unless it is remembered.
func TestEveryday_BrowserRestart(t *testing.T) {
	h := newHouse(t, plan{})
	b, forgotten := h.browser(), h.browser()
	b.enterWith("alice", "remember", "1")
	forgotten.enterWith("bob")
	restored := h.browser()
	b.copyTo(restored)
	restored.wantMember("alice")
	remembered := restored.restarted()
	remembered.wantVisitor()
	if a := remembered.login("alice"); a.to() != "/invoice.php?id=7" {
		t.Errorf("remembered: %d to %q, want no code", a.StatusCode, a.to())
	}
	asked := forgotten.restarted()
	if a := asked.login("bob"); a.to() != "/_doorcode/code" {
		t.Errorf("not remembered: %d to %q, want the code page", a.StatusCode, a.to())
	}
	pending := asked.restarted() // closed on the code page: it is restored, and its cookie is not
	if a, token := pending.codePage(); a.StatusCode < 400 || a.StatusCode >= 500 || token != "" || !strings.Contains(a.body, "/login.php") {
		t.Errorf("the code page without its cookie does not lead to the login: %d: %s", a.StatusCode, a.body)
	}
}

// A laptop wakes in the morning: scripts of the open page are told, the page itself leads to the login and back, and a code page of
// yesterday asks to sign in again without sending anything.
func TestEveryday_LaptopWakes(t *testing.T) {
	h := newHouse(t, plan{})
	b, onCodePage := h.browser(), h.browser()
	b.enterWith("alice")
	onCodePage.login("bob")
	code := h.lastCode("bob")
	_, token := onCodePage.codePage()
	h.clock.add(14 * time.Hour)
	if a := b.get("/note.php", "Sec-Fetch-Mode", "cors", "Accept", "*/*"); a.StatusCode != http.StatusUnauthorized || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("a script: %d %s", a.StatusCode, a.body)
	}
	b.get("/invoice.php?id=3")
	b.login("alice")
	if a := b.enter(h.lastCode("alice")); a.to() != "/invoice.php?id=3" {
		t.Errorf("in the morning: %d to %q", a.StatusCode, a.to())
	}
	sent := h.mail.count("bob@example.com")
	if a := onCodePage.post("/_doorcode/code", url.Values{"token": {token}, "code": {code}}); a.StatusCode < 300 || a.StatusCode >= 500 {
		t.Errorf("yesterday's code: %d", a.StatusCode)
	}
	if a, _ := onCodePage.codePage(); !strings.Contains(a.body, "/login.php") && a.to() != "/login.php" {
		t.Errorf("yesterday's code page does not lead to the login: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	onCodePage.wantVisitor()
	if now := h.mail.count("bob@example.com"); now != sent {
		t.Errorf("waking up sent %d messages", now-sent)
	}
}

// A wrong clock in the phone or the computer changes nothing: our cookies and pages say how long, not until when.
func TestEveryday_WrongClockOfTheBrowser(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.login("alice")
	page, _ := b.codePage()
	if when := regexp.MustCompile(`20[2-9][0-9]-|\b[012]?[0-9]:[0-5][0-9]\b`).FindString(page.body); when != "" {
		t.Errorf("the code page says until when, with %q: %s", when, page.body)
	}
	for _, a := range []answer{page, b.enter(h.lastCode("alice"), "remember", "1")} {
		for _, line := range a.Header.Values("Set-Cookie") {
			if strings.HasPrefix(line, "doorcode") && strings.Contains(strings.ToLower(line), "expires=") {
				t.Errorf("a cookie of ours ends by the browser's clock: %s", strings.SplitN(line, ";", 2)[1])
			}
		}
	}
	for _, date := range []string{"Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 2100 23:59:59 GMT"} {
		if a := b.get("/invoice.php?id=7", "Date", date, "If-Modified-Since", date); a.StatusCode != http.StatusOK {
			t.Errorf("a browser of %s: %d", date, a.StatusCode)
		}
	}
}

// Two people at one computer: who signs in ends the other's session, is asked for a code of his own, and spares nobody theirs.
func TestEveryday_TwoPeopleOneComputer(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice", "remember", "1")
	if a := b.login("bob"); a.to() != "/_doorcode/code" {
		t.Fatalf("bob at alice's computer: %d to %q", a.StatusCode, a.to())
	}
	b.wantVisitor()
	b.enter(h.lastCode("bob"))
	b.wantMember("bob")
	b.get("/logout.php")
	if a := b.login("alice"); strings.HasPrefix(a.to(), "/_doorcode") {
		t.Errorf("alice is remembered here, and was led to %q", a.to())
	}
	b.wantMember("alice")
	if a := b.login("bob"); a.to() != "/_doorcode/code" {
		t.Errorf("bob is not remembered here: %d to %q", a.StatusCode, a.to())
	}
}

// One person at three machines is in at all three. Signing out at one leaves the others, and remembering one spares the code there alone.
func TestEveryday_OnePersonThreeMachines(t *testing.T) {
	h := newHouse(t, plan{})
	office, home, phone := h.browser(), h.browser(), h.browser()
	office.enterWith("alice", "remember", "1")
	home.enterWith("alice")
	phone.enterWith("alice")
	for _, b := range []*browser{office, home, phone} {
		b.wantMember("alice")
	}
	phone.get("/logout.php")
	phone.wantVisitor()
	office.wantMember("alice")
	home.wantMember("alice")
	for b, want := range map[*browser]bool{office: false, home: true, phone: true} {
		b.get("/logout.php")
		if asked := b.login("alice").to() == "/_doorcode/code"; asked != want {
			t.Errorf("asked for a code: %v, want %v", asked, want)
		}
	}
}

// The clock in Hebron goes back an hour at two in the night to 31 October 2026, and midnight comes when it comes: what lasts ten minutes
// or eight hours does so.
func TestEveryday_MidnightAndDaylightSaving(t *testing.T) {
	hebron, err := time.LoadLocation("Asia/Hebron")
	must(t, err)
	for _, at := range []time.Time{
		time.Date(2026, 10, 31, 1, 55, 0, 0, hebron), // five minutes before the hour that comes twice
		time.Date(2027, 3, 27, 1, 55, 0, 0, hebron),  // before the one that does not come
		time.Date(2026, 12, 31, 23, 55, 0, 0, hebron),
	} {
		h := newHouse(t, plan{})
		h.clock.add(time.Until(at))
		h.clock.live(hebron)
		b, late := h.browser(), h.browser()
		late.login("alice")
		old := h.lastCode("alice")
		b.login("bob")
		code := h.lastCode("bob")
		h.clock.add(9 * time.Minute)
		if a := b.enter(code); a.to() != "/home.php" {
			t.Errorf("%v: after nine minutes: %d to %q", at, a.StatusCode, a.to())
		}
		h.clock.add(2 * time.Minute)
		late.enter(old)
		late.wantVisitor()
		b.wantMember("bob")
		h.clock.add(8*time.Hour - time.Minute)
		b.wantMember("bob")
	}
}
