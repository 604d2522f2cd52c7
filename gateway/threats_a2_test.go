package gateway_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/gateway"
	"doorcode/testdata/naive"
)

// encodings are the ways in which s may be written somewhere: as it is, in hex, and in base64 wherever in a text it begins, also twice.
func encodings(s string) []string {
	all := []string{s, hex.EncodeToString([]byte(s))}
	for _, once := range inBase64(s) {
		all = append(all, once)
		all = append(all, inBase64(once)...)
	}
	return all
}

func inBase64(s string) (found []string) {
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + s))
		found = append(found, text[(shift*8+5)/6:len(text)-1])
	}
	return found
}

// wantNone fails when text has s in it, however encoded.
func wantNone(t *testing.T, where, text, s string) {
	t.Helper()
	if s == "" {
		t.Fatalf("%s: nothing to look for", where)
	}
	for _, spelled := range encodings(s) {
		if at := strings.Index(text, spelled); at >= 0 {
			t.Errorf("%s has %q in it, as %q: …%q…", where, s, spelled, text[max(0, at-200):min(len(text), at+100)])
			return
		}
	}
}

func TestThreat_A4_HeldSessionIsNowhere(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{Remember: true, ShowsID: true}})
	b := h.browser()
	heard := b.listen()
	b.get("/invoice.php?id=7")
	h.wantCodePage(b.login("alice"))
	held := h.naive.SessionID("alice")
	b.codePage()
	b.enter(wrongCode(h.lastCode("alice")))
	b.post("/_doorcode/resend", url.Values{"token": {"x"}})
	b.get("/_doorcode/nothing")
	b.get("/login.php")
	b.get("/static/app.css")
	b.get("/%00")
	wantNone(t, "what reached the browser", heard.String(), held)
	wantNone(t, "the log", h.log.String(), held)
	for _, name := range []string{"doorcode.db", "doorcode.keys"} {
		content, err := os.ReadFile(filepath.Join(h.dir, name))
		must(t, err)
		wantNone(t, name, string(content), held)
	}
	for _, r := range h.naive.SignIns() {
		wantNone(t, "the log", h.log.String(), r.Session)
	}
	b.enter(h.lastCode("alice"))
	b.get("/home.php", "Accept", "application/json")
	wantNone(t, "the log after the entry", h.log.String(), held)
	h.wantServedIn(held)
}

// wantServedIn fails unless the upstream served somebody in the session of that id: it was the one to look for.
func (h *house) wantServedIn(id string) {
	h.t.Helper()
	for _, s := range h.naive.Served() {
		if s.Session == id && s.Path != "/profile.php" {
			return
		}
	}
	h.t.Errorf("the upstream served nobody in session %q", id)
}

// An answer that is no HTTP is quoted by net/http's error, which goes into the log.
func TestThreat_A4_BrokenAnswer(t *testing.T) {
	const id = "0123456789abcdefghij"
	h := bentHouse(t, plan{}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.Method != "POST" {
			app.ServeHTTP(w, r)
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: /home.php\r\nSet-Cookie PHPSESSID=%s; path=/\r\n\r\n", id)
			c.Close()
		}
	})
	b := h.browser()
	heard := b.listen()
	if a := b.login("alice"); a.StatusCode != http.StatusBadGateway {
		t.Errorf("a broken answer to a login: %d, want 502", a.StatusCode)
	}
	wantNone(t, "the log", h.log.String(), id)
	wantNone(t, "what reached the browser", heard.String(), id)
}

// Somebody signed in elsewhere, and mallory has learned the session id.
func TestThreat_A5_LearnedSessionID(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{Slow: noWait()}, config: func(c *gateway.Config) {
		c.Public = append(c.Public, rule(t, "", "/slow"), rule(t, "POST", "/slow"), rule(t, "", "/invoice.php"))
		c.Elsewhere = append(c.Elsewhere, rule(t, "POST", "/register.php"))
	}})
	_, err := http.PostForm(h.up.URL+"/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}) // not through the gateway
	must(t, err)
	id := h.naive.SessionID("alice")
	served := len(h.ranAs("alice"))
	visitor, member := h.browser(), h.browser()
	visitor.get("/login.php")
	member.enterWith("mallory")
	// Without mallory's own session cookie, which the upstream would take before a field of that name.
	for _, b := range []*browser{visitor, member} {
		b.header.Set("Cookie", "doorcode="+b.cookie("doorcode"))
		b.client.Jar = nil
	}
	multipart := "--x\r\nContent-Disposition: form-data; name=\"PHPSESSID\"\r\n\r\n" + id + "\r\n--x--\r\n"
	for _, c := range []struct{ method, target, body, header, value string }{
		{"GET", "/invoice.php", "", "Cookie", "PHPSESSID=" + id},
		{"GET", "/invoice.php", "", "Cookie", " PHPSESSID=" + id},
		{"GET", "/invoice.php", "", "Cookie", "x=y;PHPSESSID=" + id + ";PHPSESSID=z"},
		{"GET", "/invoice.php", "", "Cookie", `x="; PHPSESSID=` + id + `; y="`},
		{"GET", "/invoice.php", "", "Cookie", "PHPSESSID[]=" + id},
		{"GET", "/invoice.php", "", "Cookie", "PHPSESSID=1." + id},
		{"GET", "/slow", "", "Cookie", "PHPSESSID=" + id},
		{"GET", "/slow", "", "Cookie2", "PHPSESSID=" + id},
		{"GET", "/slow?PHPSESSID=" + id, "", "", ""},
		{"GET", "/invoice.php?phpsessid=" + id + "&PHPSESSID=" + id, "", "", ""},
		{"GET", "/invoice.php?%50HPSESSID=" + id, "", "", ""},
		{"GET", "/invoice.php?+PHPSESSID%5B%5D=" + id, "", "", ""},
		{"GET", "/invoice.php?PHPSESSID%00x=" + id, "", "", ""},
		{"GET", "/invoice.php?a=b&&PHPSESSID=" + id, "", "", ""},
		{"GET", "/invoice.php;jsessionid=" + id, "", "", ""},
		{"GET", "/invoice.php;JSESSIONID=" + id + "?id=7", "", "", ""},
		{"GET", "/invoice.php;a=b;jsessionid=" + id, "", "", ""},
		{"GET", "/;jsessionid=" + id + "/invoice.php", "", "", ""},
		{"POST", "/note.php", "text=x&PHPSESSID=" + id, "", ""},
		{"POST", "/note.php", "PHPSESSID[]=" + id, "", ""},
		{"POST", "/note.php", "text=x&%50HPSESSID=" + id, "Content-Type", "text/plain"},
		{"POST", "/note.php", `{"PHPSESSID":"` + id + `"}`, "Content-Type", "application/json"},
		{"POST", "/note.php", multipart, "Content-Type", "multipart/form-data; boundary=x"},
		{"POST", "/register.php", "username=x&password=y&PHPSESSID=" + id, "", ""},
		{"POST", "/slow", "PHPSESSID=" + id, "", ""},
	} {
		for name, b := range map[string]*browser{"visitor": visitor, "member": member} {
			header := []string{}
			if c.header != "" {
				value := c.value
				if c.header == "Cookie" {
					value += "; doorcode=" + b.cookie("doorcode")
				}
				header = []string{c.header, value}
			}
			a := b.do(c.method, c.target, c.body, header...)
			if strings.Contains(a.body, "alice") {
				t.Errorf("%s, %s %s %q, %s %q: answered as alice", name, c.method, c.target, c.body, c.header, c.value)
			}
			if ran := len(h.ranAs("alice")); ran != served {
				t.Errorf("%s, %s %s %q, %s %q: ran as alice", name, c.method, c.target, c.body, c.header, c.value)
				served = ran
			}
		}
	}
}

func TestThreat_A6_SealedCookieElsewhere(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{Remember: true}})
	victim, mallory, past := h.browser(), h.browser(), h.bare()
	victim.enterWith("alice")
	mallory.enterWith("mallory")
	served := len(h.ranAs("alice"))
	session, remember := victim.cookie("PHPSESSID"), victim.cookie("REMEMBER")
	for _, cookies := range []string{
		"PHPSESSID=" + session, "REMEMBER=" + remember, "PHPSESSID=" + remember, "REMEMBER=" + session,
		"PHP.SESSID=" + session, "phpsessid=" + session, "PHPSESSID=" + session + "; PHPSESSID=" + session,
		"PHPSESSID=" + session + "; REMEMBER=" + remember + "; doorcode-browser=" + victim.cookie("doorcode-browser"),
	} {
		for name, door := range map[string]string{"member": mallory.cookie("doorcode"), "stranger": "", "browser cookie": victim.cookie("doorcode-browser"), "sealed session": session} {
			a := past.get("/invoice.php", "Cookie", cookies+"; doorcode="+door)
			if ran := len(h.ranAs("alice")); ran != served || strings.Contains(a.body, "alice") {
				t.Errorf("%q with the door cookie of %s ran as alice", cookies, name)
				served = ran
			}
		}
	}
	before := len(h.naive.Requests())
	// alice's own two cookies under each other's name open nothing either.
	past.get("/invoice.php", "Cookie", "doorcode="+victim.cookie("doorcode")+"; REMEMBER="+session+"; PHPSESSID="+remember)
	for _, r := range h.naive.Requests()[before:] {
		if up := r.Header.Get("Cookie"); r.URI == "/invoice.php" && up != "" {
			t.Errorf("under each other's name two cookies opened to %q", up)
		}
	}
	all := victim.cookies()
	victim.wantMember("alice")
	victim.get("/logout.php")
	served = len(h.ranAs("alice"))
	h.wantClosed("after the logout", past.get("/invoice.php", "Cookie", all))
	if ran := len(h.ranAs("alice")); ran != served {
		t.Error("the cookies of an ended session ran as alice")
	}
}

func TestThreat_A6_ChangedBits(t *testing.T) {
	step := 7
	if !testing.Short() {
		step = 1
	}
	h := newHouse(t, plan{})
	b, other := h.browser(), h.bare()
	b.enterWith("alice")
	door, session := b.cookie("doorcode"), b.cookie("PHPSESSID")
	raw := h.naive.SessionID("alice")
	before := len(h.naive.Requests())
	for i := 0; i < len(session); i += step {
		changed := session[:i] + string(session[i]^1) + session[i+1:]
		other.get("/invoice.php", "Cookie", "doorcode="+door+"; PHPSESSID="+changed)
	}
	for _, changed := range []string{session[1:], session[:len(session)-4], "1." + session, "2." + session[2:], session + session, strings.ToUpper(session)} {
		other.get("/invoice.php", "Cookie", "doorcode="+door+"; PHPSESSID="+changed)
	}
	for _, r := range h.naive.Requests()[before:] {
		// base64 has bits at its end that mean nothing: one that still opens means what it meant.
		if c := r.Header.Get("Cookie"); r.URI == "/invoice.php" && c != "" && c != "PHPSESSID="+raw {
			t.Errorf("a changed cookie went up as %q", c)
		}
	}
	for i := 0; i < len(door); i += step {
		changed := door[:i] + string(door[i]^1) + door[i+1:]
		a := other.get("/invoice.php", "Cookie", "doorcode="+changed+"; PHPSESSID="+session)
		if a.StatusCode >= 500 {
			t.Errorf("a changed gateway cookie: %d", a.StatusCode)
		}
		if a.StatusCode == 200 && i < len(door)-4 {
			t.Errorf("a gateway cookie with byte %d changed opened a page", i)
		}
	}
}

func TestThreat_A7_ForgottenAndSignedOut(t *testing.T) {
	post := func(b *browser, target string) {
		_, token := b.codePage()
		b.post(target, url.Values{"token": {token}})
	}
	ways := map[string]func(h *house, b *browser){
		"cancel":        func(h *house, b *browser) { post(b, "/_doorcode/cancel") },
		"expiry":        func(h *house, b *browser) { h.clock.add(11 * time.Minute) },
		"another login": func(h *house, b *browser) { h.wantCodePage(b.login("bob")) },
		"policy": func(h *house, b *browser) {
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Disabled = true })
		},
		"five wrong codes": func(h *house, b *browser) {
			for range 5 {
				b.enter(wrongCode(h.lastCode("alice")))
				h.clock.add(time.Minute) // the growing wait
			}
		},
	}
	for name, end := range ways {
		for _, token := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/token=%v", name, token), func(t *testing.T) {
				h := newHouse(t, plan{naive: naive.Options{LogoutToken: token}})
				b, old := h.browser(), h.browser()
				h.wantCodePage(b.login("alice"))
				page, form := b.codePage()
				code := h.lastCode("alice")
				b.copyTo(old)
				if h.naive.SessionID("alice") == "" || page.StatusCode != http.StatusOK {
					t.Fatal("no held session to begin with")
				}
				end(h, b)
				revoked, err := h.door.Sweep(t.Context())
				must(t, err)
				h.gateway.End(t.Context(), revoked)
				if id := h.naive.SessionID("alice"); id != "" {
					t.Errorf("session %s of alice is still signed in at the upstream", id)
				}
				for _, x := range []*browser{old, b} {
					x.post("/_doorcode/code", url.Values{"token": {form}, "code": {code}})
					h.wantClosed("after the end", x.get("/invoice.php?id=7"))
				}
				h.wantNothingAs("alice")
			})
		}
	}
}
