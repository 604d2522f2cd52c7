package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// foreignPage is what browsers, old and new, say of a form that another page sent.
var foreignPage = map[string][]string{
	"cross-site":                   {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
	"a sibling site":               {"Sec-Fetch-Site", "same-site", "Origin", "https://evil.example.com"},
	"an old browser":               {"Sec-Fetch-Site", "", "Sec-Fetch-Dest", "", "Sec-Fetch-Mode", "", "Origin", "https://evil.example"},
	"a sandboxed frame":            {"Sec-Fetch-Site", "", "Sec-Fetch-Dest", "", "Sec-Fetch-Mode", "", "Origin", "null"},
	"a frame of the same site":     {"Sec-Fetch-Dest", "iframe"},
	"a script of the application":  {"Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "cors"},
	"an object of the application": {"Sec-Fetch-Dest", "object"},
}

// Forms of ours that another page sends change nothing, also with the right token and the right code in them.
func TestThreat_C7_ForeignForms(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	code := h.lastCode("alice")
	form := b.codeForm(code)
	h.clock.add(time.Minute) // a resend would be in time
	refused := func(what string, a answer) {
		t.Helper()
		if a.StatusCode != http.StatusForbidden || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d to %q, want 403", what, a.StatusCode, a.to())
		}
	}
	for _, path := range []string{"/_doorcode/code", "/_doorcode/resend", "/_doorcode/cancel"} {
		for who, header := range foreignPage {
			refused(path+" by "+who, b.post(path, form, header...))
		}
		// A browser that says nothing of where a form comes from: then the token decides.
		silent := []string{"Sec-Fetch-Site", "", "Sec-Fetch-Dest", "", "Sec-Fetch-Mode", ""}
		for what, token := range map[string][]string{
			"no token": nil, "an empty token": {""}, "a guessed token": {"1234567890"}, "two tokens": {form.Get("token"), form.Get("token")},
			"the gateway cookie for a token": {b.cookie("doorcode")},
		} {
			refused(path+" with "+what, b.post(path, url.Values{"token": token, "code": {code}}, silent...))
		}
		if a := b.get(path + "?" + form.Encode()); a.StatusCode != http.StatusOK && a.StatusCode != http.StatusNotFound {
			t.Errorf("%s by a link: %d to %q", path, a.StatusCode, a.to())
		}
	}
	if n := h.phone.count(); n != 1 {
		t.Errorf("%d codes were sent, want the login's alone", n)
	}
	b.wantVisitor()
	h.wantNothingAs("alice")
	b.enter(code)
	b.wantMember("alice")
}

// Nobody's page has ours in a frame, and no script reads the code page.
func TestThreat_C7_Frames(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	page, _ := b.codePage()
	for what, a := range map[string]answer{"code page": page, "notice": h.bare().get("/_doorcode/code"), "refusal": b.get("/xmlrpc.php")} {
		if a.Header.Get("X-Frame-Options") != "DENY" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: X-Frame-Options %q, Content-Security-Policy %q", what, a.Header.Get("X-Frame-Options"), a.Header.Get("Content-Security-Policy"))
		}
	}
	for who, header := range foreignPage {
		if a := b.get("/_doorcode/code", header...); header[0] == "Sec-Fetch-Dest" && strings.Contains(a.body, `name="token"`) {
			t.Errorf("the code page for %s: %d, want it refused: its token is in it", who, a.StatusCode)
		}
	}
}

// A login sent by somebody else's page would sign the victim into the attacker's account.
func TestThreat_C7_ForeignLogin(t *testing.T) {
	h := newHouse(t, plan{})
	visitor, member := h.browser(), h.browser()
	visitor.get("/login.php")
	member.enterWith("alice")
	before := len(h.loginRequests())
	form := url.Values{"username": {"mallory"}, "password": {"mallory-pass-1"}}
	for who, header := range foreignPage {
		if header[0] != "Sec-Fetch-Site" {
			continue // the application's own pages may do with its login what they like
		}
		for _, b := range []*browser{visitor, member} {
			if a := b.post("/login.php", form, header...); a.StatusCode != http.StatusForbidden {
				t.Errorf("login by %s: %d to %q, want 403", who, a.StatusCode, a.to())
			}
		}
	}
	if after := len(h.loginRequests()); after != before || h.mail.total() != 0 {
		t.Errorf("%d foreign logins went up, %d codes were sent", after-before, h.mail.total())
	}
	member.wantMember("alice")
}

// Four wrong codes, the password again, four wrong codes, from ever new browsers: the user's counter goes on, over restarts too.
func TestThreat_C9_NewBrowsers(t *testing.T) {
	store := &countedStore{}
	h := newHouse(t, plan{store: store.around})
	until := time.Duration(0)
	waits := []time.Duration{}
	for range 12 {
		b := h.browser()
		a := b.login("alice")
		if a.StatusCode == http.StatusTooManyRequests {
			var seconds int
			fmt.Sscan(a.Header.Get("Retry-After"), &seconds)
			until = time.Duration(seconds) * time.Second
			waits = append(waits, until)
			h.clock.add(until)
			h.restart()
			continue
		}
		h.wantCodePage(a)
		form := b.codeForm("")
		for _, code := range guesses(4, h.lastCode("alice")) {
			b.post("/_doorcode/code", withCode(form, code))
		}
	}
	// 4 free ones; then one try for each wait, and each wait is twice the one before.
	if got, want := store.compared.Load(), int64(4+len(waits)+1); got > want {
		t.Errorf("%d codes compared with %d waits, want at most %d", got, len(waits), want)
	}
	if len(waits) < 4 {
		t.Fatalf("waits %v, want one after each try", waits)
	}
	for i, wait := range waits {
		if want := 30 * time.Second << i; wait < want-2*time.Second || wait > want+2*time.Second {
			t.Errorf("wait %d is %v, want %v", i+1, wait, want)
		}
	}
}

// What is no code is refused as wrong: no error page, and nobody in, though the right digits are somewhere in it.
func TestThreat_C10_OddCodes(t *testing.T) {
	h := newHouse(t, plan{code: func(c *challenge.Config) { c.Rules.Tries = 100 }})
	shifted := func(zero rune) func(string) string {
		return func(code string) string {
			return strings.Map(func(r rune) rune { return zero + r - '0' }, code)
		}
	}
	asForm := func(change func(form url.Values, code string)) func(b *browser, form url.Values, code string) answer {
		return func(b *browser, form url.Values, code string) answer {
			form.Set("code", code)
			change(form, code)
			return b.post("/_doorcode/code", form)
		}
	}
	code := func(spelled func(code string) string) func(*browser, url.Values, string) answer {
		return asForm(func(form url.Values, code string) { form.Set("code", spelled(code)) })
	}
	raw := func(kind string, body func(form url.Values, code string) string) func(*browser, url.Values, string) answer {
		return func(b *browser, form url.Values, code string) answer {
			return b.do("POST", "/_doorcode/code", body(form, code), "Content-Type", kind)
		}
	}
	for name, send := range map[string]func(*browser, url.Values, string) answer{
		"missing":           asForm(func(form url.Values, code string) { form.Del("code") }),
		"empty":             code(func(string) string { return "" }),
		"blanks":            code(func(string) string { return " \u200f \t" }),
		"twice":             asForm(func(form url.Values, code string) { form.Add("code", code) }),
		"right, then wrong": asForm(func(form url.Values, code string) { form.Add("code", wrongCode(code)) }),
		"wrong, then right": asForm(func(form url.Values, code string) { form["code"] = []string{wrongCode(code), code} }),
		"a list":            asForm(func(form url.Values, code string) { form.Del("code"); form.Set("code[]", code) }),
		"a list of many":    asForm(func(form url.Values, code string) { form["code[]"] = guesses(50, ""); form.Add("code[]", code) }),
		"an index":          asForm(func(form url.Values, code string) { form.Del("code"); form.Set("code[0]", code) }),
		"a key":             asForm(func(form url.Values, code string) { form.Del("code"); form.Set("code[$ne]", "1") }),
		"another name":      asForm(func(form url.Values, code string) { form.Del("code"); form.Set(" code", code) }),
		"in other case":     asForm(func(form url.Values, code string) { form.Del("code"); form.Set("CODE", code) }),
		"cut by NUL":        asForm(func(form url.Values, code string) { form.Del("code"); form.Set("code\x00x", code) }),
		"NUL behind":        code(func(code string) string { return code + "\x00" }),
		"NUL within":        code(func(code string) string { return code[:3] + "\x00" + code[3:] }),
		"full width":        code(shifted('０')),
		"Devanagari":        code(shifted('०')),
		"bold":              code(shifted('𝟎')),
		"superscript":       code(func(code string) string { return "¹" + code[1:] }),
		"a sign":            code(func(code string) string { return "+" + code }),
		"a fraction":        code(func(code string) string { return code + ".0" }),
		"an exponent":       code(func(code string) string { return code + "e0" }),
		"hex":               code(func(code string) string { return "0x" + code }),
		"all of them":       code(func(code string) string { return strings.Join(append(guesses(1000, ""), code), " ") }),
		"a pattern":         code(func(string) string { return "%" }),
		"quotes":            code(func(code string) string { return "' or '1'='1" }),
		"true":              code(func(string) string { return "true" }),
		"not UTF-8":         code(func(code string) string { return code + "\xff" }),
		"a megabyte":        code(func(code string) string { return strings.Repeat("0", 1<<20) + code }),
		"JSON": raw("application/json", func(form url.Values, code string) string {
			text, _ := json.Marshal(map[string]string{"token": form.Get("token"), "code": code})
			return string(text)
		}),
		"multipart": raw("multipart/form-data; boundary=x", func(form url.Values, code string) string {
			return parts("x", "token", form.Get("token"), "code", code)
		}),
		"JSON list": raw("application/json", func(form url.Values, code string) string {
			text, _ := json.Marshal(map[string]any{"token": form.Get("token"), "code": []string{code}})
			return string(text)
		}),
		"no kind":    raw("", func(form url.Values, code string) string { form.Set("code", code); return form.Encode() }),
		"plain text": raw("text/plain", func(form url.Values, code string) string { form.Set("code", code); return form.Encode() }),
		"half of one": raw("application/x-www-form-urlencoded", func(form url.Values, code string) string {
			return "token=" + url.QueryEscape(form.Get("token")) + "&code=%"
		}),
		"in the query": func(b *browser, form url.Values, code string) answer {
			return b.post("/_doorcode/code?code="+code, url.Values{"token": form["token"]})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h.clock.add(24 * time.Hour)
			h.t = t
			b := h.browser()
			h.wantCodePage(b.login("bob"))
			form, right := b.codeForm(""), h.lastCode("bob")
			before := len(h.ranAs("bob"))
			a := send(b, form, right)
			switch {
			case a.StatusCode == http.StatusSeeOther && (a.to() == "/_doorcode/code?said=wrong" || a.to() == "/_doorcode/code?said=empty"):
			case a.StatusCode == http.StatusBadRequest || a.StatusCode == http.StatusRequestEntityTooLarge || a.StatusCode == http.StatusForbidden:
			default:
				t.Errorf("%d to %q, want it refused", a.StatusCode, a.to())
			}
			b.wantVisitor()
			if after := len(h.ranAs("bob")); after != before {
				t.Errorf("the upstream ran %d requests as bob", after-before)
			}
			must(t, h.store.Unlock(t.Context(), h.user("bob")))
		})
	}
}

// user is the folded name of a user.
func (h *house) user(name string) challenge.Username {
	h.t.Helper()
	u, err := h.policy.Fold.Username(name)
	must(h.t, err)
	return u
}

// What people type and paste is read.
func TestThreat_C10_CodesAsPeopleTypeThem(t *testing.T) {
	h := newHouse(t, plan{})
	for name, spelled := range map[string]func(code string) string{
		"Arabic-Indic": func(code string) string {
			return strings.Map(func(r rune) rune { return '٠' + r - '0' }, code)
		},
		"Persian": func(code string) string {
			return strings.Map(func(r rune) rune { return '۰' + r - '0' }, code)
		},
		"spaces":    func(code string) string { return " " + code[:3] + " " + code[3:] + "\r\n" },
		"direction": func(code string) string { return "\u200e\u2066" + code + "\u2069\u200f" },
	} {
		b := h.browser()
		h.wantCodePage(b.login("bob"))
		form, right := b.codeForm(""), h.lastCode("bob")
		b.post("/_doorcode/code", withCode(form, spelled(right)))
		if a := b.get("/invoice.php?id=7"); !strings.Contains(a.body, "of bob") {
			t.Errorf("%s: not let in", name)
		}
	}
}

// Resend, cancel and code entry without a challenge of one's own send nothing and enter nothing.
func TestThreat_C11_NoChallengeOfOnesOwn(t *testing.T) {
	h := newHouse(t, plan{})
	alice := h.browser()
	h.wantCodePage(alice.login("alice"))
	code := h.lastCode("alice")
	form := alice.codeForm(code)
	sealed := alice.cookie("doorcode")
	h.clock.add(time.Minute)
	mallory := h.browser()
	h.wantCodePage(mallory.login("mallory"))
	mallory.post("/_doorcode/resend", mallory.codeForm("")) // too early: nothing is sent
	for name, b := range map[string]*browser{
		"no cookie":        h.bare(),
		"a visitor":        h.browser(),
		"a made-up cookie": h.withDoor(h.doorText(alice)),
		"a cut cookie":     h.withDoor(sealed[:len(sealed)-4]),
		"a changed cookie": h.withDoor(strings.ToUpper(sealed)),
		"another's":        mallory,
	} {
		if name == "a visitor" {
			b.get("/login.php")
		}
		for _, path := range []string{"/_doorcode/resend", "/_doorcode/code", "/_doorcode/cancel"} {
			a := b.post(path, form)
			if a.StatusCode >= 500 || a.StatusCode == http.StatusSeeOther && a.to() != "/_doorcode/code?said=newer" && a.to() != "/login.php" {
				t.Errorf("%s of alice's challenge with %s: %d to %q", path, name, a.StatusCode, a.to())
			}
			b.wantVisitor()
		}
	}
	if h.phone.count() != 1 || h.mail.total() != 1 {
		t.Errorf("%d SMS and %d mails, want the two logins' own", h.phone.count(), h.mail.total())
	}
	h.wantNothingAs("alice")
	if a := alice.post("/_doorcode/resend", form); a.to() != "/_doorcode/code?said=resent" || h.phone.count() != 2 || h.lastCode("alice") != code {
		t.Errorf("alice's own resend: %d to %q, %d SMS; want the same code again", a.StatusCode, a.to(), h.phone.count())
	}
	h.clock.add(10 * time.Minute)
	if a := alice.post("/_doorcode/resend", form); a.StatusCode != http.StatusGone || h.phone.count() != 2 {
		t.Errorf("resend of an expired code: %d, %d SMS", a.StatusCode, h.phone.count())
	}
}

// withDoor is a browser with a gateway cookie that a test made.
func (h *house) withDoor(text string) *browser {
	b := h.browser()
	b.setCookie("doorcode", url.QueryEscape(text))
	return b
}

// A policy that cannot say where a code goes, or says that nobody comes in, lets nobody in: on every branch.
func TestThreat_C13_NobodyEntersWithoutAPolicy(t *testing.T) {
	for name, change := range map[string]func(*challenge.PolicyConfig){
		"no users":       func(p *challenge.PolicyConfig) { p.Users = nil },
		"mobile missing": func(p *challenge.PolicyConfig) { p.Users[0].Mobile = secret.Text{} },
		"one of both":    func(p *challenge.PolicyConfig) { p.Users[0].Code = challenge.CodeBoth },
		"disabled":       func(p *challenge.PolicyConfig) { p.Users[0].Disabled = true },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, plan{})
			member, trusted, codePage := h.browser(), h.browser(), h.browser()
			trusted.enterWith("alice", "remember", "1")
			trusted.get("/logout.php")
			member.enterWith("alice")
			h.clock.add(time.Hour)
			h.wantCodePage(codePage.login("alice"))
			form := codePage.codeForm(h.lastCode("alice"))
			h.setPolicy(change)
			sent, ran := h.phone.count(), len(h.ranAs("alice"))

			h.wantRefused("the right code", codePage.post("/_doorcode/code", form))
			if a := codePage.post("/_doorcode/resend", form); a.StatusCode != http.StatusGone {
				t.Errorf("resend: %d to %q", a.StatusCode, a.to())
			}
			member.wantVisitor()
			for what, b := range map[string]*browser{"a trusted browser": trusted, "a member's browser": member, "a new browser": h.browser(), "the code page's": codePage} {
				if a := b.login("alice"); a.StatusCode != http.StatusForbidden {
					t.Errorf("login in %s: %d to %q, want 403", what, a.StatusCode, a.to())
				}
				b.wantVisitor()
			}
			if h.phone.count() != sent || len(h.ranAs("alice")) != ran {
				t.Errorf("%d more messages, %d more requests as alice", h.phone.count()-sent, len(h.ranAs("alice"))-ran)
			}
		})
	}
}
