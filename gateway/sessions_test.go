package gateway_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"doorcode/challenge"
	"doorcode/gateway"
	"doorcode/templates"
)

func TestSessionIdleAndAbsolute(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	h.clock.add(8*time.Hour - time.Minute)
	b.wantMember("alice")
	h.clock.add(8*time.Hour - time.Minute)
	b.wantMember("alice")
	h.clock.add(8 * time.Hour)
	b.wantVisitor() // idle
	b.enterWith("alice")
	for range 5 {
		h.clock.add(4*time.Hour + 45*time.Minute)
		b.wantMember("alice")
	}
	h.clock.add(15 * time.Minute)
	b.wantVisitor() // 24 h after it began, though it was used all the time
	if h.live.Len() != 0 {
		t.Errorf("%d sessions are live", h.live.Len())
	}
}

// What is still open when its session reaches a limit ends without another request (threat D3).
func TestSessionLimitEndsWhatIsOpen(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the housekeeping, every two seconds: not under -short")
	}
	h := newHouse(t, plan{})
	go gateway.Keep(t.Context(), func() *gateway.Gateway { return h.gateway })
	b := h.browser()
	b.enterWith("alice")
	res := b.send(b.request("GET", "/events", nil))
	r := bufio.NewReader(res.Body)
	_, err := r.ReadString('\n')
	must(t, err)
	h.clock.add(8 * time.Hour)
	ended := make(chan bool)
	go func() {
		for err := error(nil); err == nil; _, err = r.ReadString('\n') {
		}
		close(ended)
	}()
	start := time.Now()
	within(t, ended, "the end of the events")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// The allow-list is what the store has: sessions live on through a restart, ended ones stay ended, and last uses were written.
func TestSessionRestart(t *testing.T) {
	h := newHouse(t, plan{})
	member, out, idle := h.browser(), h.browser(), h.browser()
	member.enterWith("alice")
	out.enterWith("bob")
	idle.enterWith("mallory")
	out.get("/logout.php")
	h.clock.add(6 * time.Hour)
	member.wantMember("alice")
	stopped, stop := context.WithCancel(t.Context())
	stop()
	gateway.Keep(stopped, func() *gateway.Gateway { return h.gateway }) // flushes on its way out
	h.restart()
	if h.live.Len() != 2 {
		t.Errorf("%d sessions after the restart, want 2", h.live.Len())
	}
	h.clock.add(3 * time.Hour)
	idle.wantVisitor()
	member.wantMember("alice")
	out.wantVisitor()
	h.restart()
	member.wantMember("alice")
}

// A session that ended while the gateway ran is not brought back by the flush of its last use.
func TestSessionEndedStaysEnded(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	used := h.live.Used()
	if len(used) != 1 {
		t.Fatalf("%d uses to write, want 1", len(used))
	}
	if again := h.live.Used(); len(again) != 0 {
		t.Errorf("the same use twice: %v", again)
	}
	b.get("/logout.php")
	must(t, h.door.Touch(t.Context(), used))
	h.restart()
	if h.live.Len() != 0 {
		t.Error("a session came back")
	}
}

// forget ends the application's own sessions of user, as PHP does after 24 minutes.
func (h *house) forget(user string) {
	h.t.Helper()
	for id := h.naive.SessionID(user); id != ""; id = h.naive.SessionID(user) {
		req, err := http.NewRequest("GET", h.up.URL+"/logout.php", nil)
		must(h.t, err)
		req.Header.Set("Cookie", "PHPSESSID="+id)
		res, err := http.DefaultTransport.RoundTrip(req)
		must(h.t, err)
		res.Body.Close()
	}
}

// The application's session is over, the gateway's is not: the password alone is enough, for the same user in the same browser. The
// session goes on under a new id with the age it had.
func TestSessionOfTheApplicationTimesOut(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	sent, old := h.phone.count(), h.browser()
	b.copyTo(old)
	for range 2 {
		h.clock.add(7 * time.Hour)
		h.forget("alice")
		if a := b.get("/invoice.php?id=7"); a.StatusCode != http.StatusFound || a.to() != "/login.php" {
			t.Fatalf("the application's own way to its login: %d to %q", a.StatusCode, a.to())
		}
		if a := b.post("/login.php", url.Values{"username": {"ALICE "}, "password": {"alice-pass-1"}}); a.StatusCode != http.StatusSeeOther || a.to() != "/home.php" {
			t.Fatalf("the same user: %d to %q: %s", a.StatusCode, a.to(), a.body)
		}
		b.wantMember("alice")
	}
	if h.phone.count() != sent {
		t.Error("a code was sent")
	}
	if h.live.Len() != 1 {
		t.Errorf("%d live sessions, want 1", h.live.Len())
	}
	old.wantVisitor()
	h.clock.add(7 * time.Hour)
	b.wantMember("alice")
	h.clock.add(3 * time.Hour)
	b.wantVisitor() // 24 h after the code
}

// Another user in a member's browser is asked for a code, and the member's session ends with the password, in the store too.
func TestSessionOfAnotherUser(t *testing.T) {
	h := newHouse(t, plan{})
	b, before, later := h.browser(), h.browser(), h.browser()
	b.enterWith("alice")
	b.copyTo(before)
	b.copyTo(later) // before loses the cookie as it is led to the login page
	if a := b.login("bob"); a.StatusCode != http.StatusSeeOther || a.to() != "/_doorcode/code" {
		t.Fatalf("another user: %d to %q", a.StatusCode, a.to())
	}
	h.wantNothingAs("bob")
	before.wantVisitor()
	b.wantVisitor() // the back button, while the code is awaited
	h.restart()
	later.wantVisitor()
	if a := b.enter(h.lastCode("bob")); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("bob's code: %d %s", a.StatusCode, a.body)
	}
	b.wantMember("bob")
}

// A login in one browser leaves the user's other browsers alone, and a wrong password in a member's browser the member.
func TestSessionBesideOthers(t *testing.T) {
	h := newHouse(t, plan{})
	one, two := h.browser(), h.browser()
	one.enterWith("alice")
	two.enterWith("alice")
	one.wantMember("alice")
	if a := one.post("/login.php", url.Values{"username": {"alice"}, "password": {"wrong"}}); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "wrong password") {
		t.Errorf("a wrong password: %d %s", a.StatusCode, a.body)
	}
	one.wantMember("alice")
	one.get("/logout.php")
	one.wantVisitor()
	two.wantMember("alice")
}

// Back button, reload and second submit around the code page end sensibly, and none of them sends.
func TestSessionBackAndReload(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.login("alice")
	for range 3 {
		if page, _ := b.codePage(); page.StatusCode != http.StatusOK {
			t.Fatalf("reload: %d", page.StatusCode)
		}
	}
	if h.phone.count() != 1 {
		t.Errorf("%d messages, want 1", h.phone.count())
	}
	_, token := b.codePage()
	form := url.Values{"token": {token}, "code": {h.lastCode("alice")}}
	if a := b.get("/login.php"); a.StatusCode != http.StatusOK { // back to the login page, and forward again
		t.Errorf("login page while a code is awaited: %d", a.StatusCode)
	}
	if a := b.post("/_doorcode/code", form); a.StatusCode != http.StatusSeeOther || a.to() != "/home.php" {
		t.Fatalf("code: %d to %q", a.StatusCode, a.to())
	}
	b.wantMember("alice")
	for what, a := range map[string]answer{
		"back to the code page": b.get("/_doorcode/code"), "the code again": b.post("/_doorcode/code", form), "its token with nothing": b.post("/_doorcode/code", url.Values{"token": {token}}),
	} {
		if a.StatusCode != http.StatusSeeOther || a.to() != "/" {
			t.Errorf("%s: %d to %q", what, a.StatusCode, a.to())
		}
	}
	b.wantMember("alice")
	for _, target := range []string{"/_doorcode/resend", "/_doorcode/cancel"} {
		if a := b.post(target, form); a.StatusCode >= 500 {
			t.Errorf("%s of a member: %d", target, a.StatusCode)
		}
	}
	b.wantMember("alice")
	if h.phone.count() != 1 {
		t.Errorf("%d messages, want 1", h.phone.count())
	}
}

// Two tabs log in one after the other: the second challenge stands, the first tab's form is led to it without a try being counted.
func TestSessionTwoTabs(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.login("alice")
	first := h.lastCode("alice")
	_, token := b.codePage()
	b.login("alice")
	second := h.lastCode("alice")
	for range 10 { // more than there are tries
		if a := b.post("/_doorcode/code", url.Values{"token": {token}, "code": {first}}); a.StatusCode != http.StatusSeeOther || a.to() != "/_doorcode/code?said=newer" {
			t.Fatalf("the first tab: %d to %q", a.StatusCode, a.to())
		}
	}
	h.wantNothingAs("alice")
	if a := b.enter(second); a.StatusCode != http.StatusSeeOther || a.to() != "/home.php" {
		t.Fatalf("the second tab: %d to %q", a.StatusCode, a.to())
	}
	b.wantMember("alice")
	b.login("bob") // and a third one, of somebody else
	b.wantVisitor()
	b.login("mallory")
	if a := b.enter(h.lastCode("bob")); h.lastCode("bob") != h.lastCode("mallory") && a.to() != "/_doorcode/code?said=wrong" {
		t.Errorf("bob's code at mallory's challenge: %d to %q", a.StatusCode, a.to())
	}
	if a := b.enter(h.lastCode("mallory")); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("mallory's code: %d", a.StatusCode)
	}
	b.wantMember("mallory")
}

// A new configuration counts for members whose cookies were opened under the one before.
func TestSessionAfterReload(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	b.setCookie("seen_by_scripts", "1")
	sees := func() bool {
		b.wantMember("alice")
		all := h.naive.Requests()
		return strings.Contains(all[len(all)-1].Header.Get("Cookie"), "seen_by_scripts")
	}
	if sees() {
		t.Fatal("a cookie that nobody named reached the upstream")
	}
	for _, plain := range []bool{true, false} {
		h.reload(func(c *gateway.Config) {
			c.Plain = nil
			if plain {
				c.Plain = append(c.Plain, seenByScripts)
			}
		})
		if sees() != plain {
			t.Errorf("cookies.plain was changed to %v and did not count", plain)
		}
	}
	h.reload(func(c *gateway.Config) { c.Session = challenge.SessionLife{Idle: time.Minute, Absolute: time.Hour} })
	b.wantMember("alice")
	h.clock.add(time.Minute)
	b.wantVisitor()
}

var seenByScripts = regexp.MustCompile("^seen_by_scripts$")

// reload puts a changed configuration in force, as a saved gateway.yaml would.
func (h *house) reload(change func(*gateway.Config)) {
	h.t.Helper()
	c := h.config()
	change(&c)
	texts, err := templates.New("")
	must(h.t, err)
	h.gateway.Close()
	h.gateway = gateway.New(c, gateway.Parts{Door: h.door, Live: h.live, Keys: h.ring, Texts: texts, Log: zerolog.New(h.log), Now: h.clock.now})
}
