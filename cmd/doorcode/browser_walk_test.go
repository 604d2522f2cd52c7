package main

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestBrowser is a working day at the demo in Debian's chromium: in both languages, on a desktop and a phone, with and without
// JavaScript. Everybody has a demo and a browser of their own.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("walks in a real browser: not under -short")
	}
	browser := startChromium(t, "")
	for _, s := range []seat{
		{"en", false, true}, {"en", false, false}, {"en", true, true}, {"en", true, false},
		{"ar", false, true}, {"ar", false, false}, {"ar", true, true}, {"ar", true, false},
	} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			b := newTab(t, browser, startDemo(t), s, chromedp.WithNewBrowserContext())
			b.day()
		})
	}
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		b := newTab(t, browser, startTLS(t), seat{"en", false, true}, chromedp.WithNewBrowserContext())
		b.name = "tls"
		b.dayOverTLS()
	})
}

// TestBrowserWithoutCookies: a browser that keeps none is told so, and no code is sent that it could not use.
func TestBrowserWithoutCookies(t *testing.T) {
	if testing.Short() {
		t.Skip("walks in a real browser: not under -short")
	}
	const blocked = `{"profile": {"default_content_setting_values": {"cookies": 2}}}`
	r := startDemo(t) // first, so that it ends last: no connection of the browser's holds it up
	browser := startChromium(t, blocked)
	for _, s := range []seat{{"en", false, true}, {"ar", true, false}} {
		b := newTab(t, browser, r, s)
		b.name = "no-cookies-" + s.String()
		b.open("/invoices.php")
		b.at("/login.php")
		status := b.signIn("samira", "samira-1")
		b.look("no-cookies")
		if got := b.text("h1"); got != b.say().noCookies {
			t.Errorf("%s: %d %q, want %q", s, status, got, b.say().noCookies)
		}
	}
	if messages := r.messages(t, 0); len(messages) > 0 {
		t.Errorf("a code was paid for: %v", messages)
	}
}

// spoken is what pages must say, in one language.
type spoken struct {
	wrongPassword, wrongCode, early, resent, saved, expired, noCookies, other string
}

var words = map[string]spoken{
	"en": {
		wrongPassword: "Wrong company, user name or password.",
		wrongCode:     "That code was not accepted.",
		early:         "The code was sent a moment ago.",
		resent:        "The code was sent again.",
		saved:         "Saved.",
		expired:       "Please sign in again",
		noCookies:     "Your browser keeps no cookies",
		other:         "العربية",
	},
	"ar": {
		wrongPassword: "الشركة أو اسم المستخدم أو كلمة المرور غير صحيحة.",
		wrongCode:     "لم يُقبل هذا الرمز.",
		early:         "أُرسل الرمز قبل لحظات.",
		resent:        "أُعيد إرسال الرمز.",
		saved:         "تم الحفظ.",
		expired:       "يرجى تسجيل الدخول من جديد",
		noCookies:     "المتصفح لا يحفظ ملفات تعريف الارتباط",
		other:         "English",
	},
}

func (b *tab) say() spoken { return words[b.language] }

// day is everything that people do at the door.
func (b *tab) day() {
	b.t.Helper()
	b.passwordStep()
	b.codeStep()
	b.work()
	b.signOut()
	b.remembered()
	b.secondUser()
	b.cancelled()
	b.noCodeAsked()
}

// passwordStep: a protected page leads to the application's own login, which itself says what it thinks of a wrong password.
func (b *tab) passwordStep() {
	b.t.Helper()
	b.open("/invoices.php")
	b.at("/login.php")
	b.look("login")
	b.signIn("samira", "not-the-password")
	b.look("wrong-password")
	b.shows(".error", b.say().wrongPassword)
	b.signIn("samira", "samira-1")
	b.at("/_doorcode/code")
}

// codeStep: samira's code came by SMS. A wrong one is told so; the right one is pasted with a space in it, or with all of its SMS.
func (b *tab) codeStep() {
	b.t.Helper()
	b.look("code")
	b.checkCodePage("sms", "059•••••56")
	b.otherLanguage()
	code := b.code("0599123456", 1)
	b.open("/invoices.php") // the password alone opens nothing
	b.at("/login.php")
	b.open("/_doorcode/code")
	b.typeCode(string('0'+(code[0]-'0'+1)%10) + code[1:])
	b.at("/_doorcode/code")
	b.look("wrong-code")
	b.shows(".report.bad", b.say().wrongCode)
	pasted := code[:3] + " " + code[3:]
	if b.phone && b.scripts {
		pasted = b.messages(b.t, 1)[0].Text // the whole SMS
	}
	b.paste("#code", pasted)
	if got := eval[string](b, `document.getElementById("code").value`); b.scripts && got != code {
		b.t.Errorf("pasted %q: the field holds %q, want %q", pasted, got, code)
	}
	b.do(chromedp.Click(chromedp.CSS("#remember")))
	b.click("#go")
	b.at("/invoices.php") // where it wanted to go
	b.look("invoices")
	b.shows("tbody", "Nablus Olive Mill")
}

// work: what an application does with forms and sessions works behind the door.
func (b *tab) work() {
	b.t.Helper()
	b.click(`nav a[href="/note.php"]`)
	b.do(chromedp.Clear(chromedp.CSS("textarea")), chromedp.Click(chromedp.CSS("textarea")))
	call(b, input.InsertText, input.InsertTextParams{Text: "Call مكتبة النور on Sunday"})
	b.click("main button")
	b.at("/note.php")
	b.look("saved")
	b.shows(".said", b.say().saved)
	if got := eval[string](b, `document.querySelector("textarea").value`); got != "Call مكتبة النور on Sunday" {
		b.t.Errorf("the saved note is %q", got)
	}
}

// signOut asks, takes the form, and leaves nothing behind the back button.
func (b *tab) signOut() {
	b.t.Helper()
	b.click(`a[href="/logout.php"]`)
	b.at("/logout.php")
	b.look("sign-out")
	b.shows("#login-name", "acme/") // the question alone ends nothing
	b.click("main button")
	b.at("/login.php")
	b.open("/note.php")
	b.at("/login.php")
}

// remembered: the browser was ticked, so the password is enough. By the back button it was last at the sign-out, but a login does
// not lead there.
func (b *tab) remembered() {
	b.t.Helper()
	b.back(2)
	b.signIn("samira", "samira-1")
	b.inside("acme/samira")
	b.signOut()
}

// back presses the back button n times, to the login page, the question of the sign-out and the pages before: not one page of the session that has ended shows (of an
// application that sends no-store, as PHP does with a session).
func (b *tab) back(n int) {
	b.t.Helper()
	for range n {
		b.do(chromedp.NavigateBack())
		b.at("/login.php")
		if name := b.text("#login-name"); name != "" {
			b.t.Errorf("the back button shows a page of %s after the sign-out", name)
		}
	}
}

// secondUser: samira's tick does not spare basma her code. It goes two ways at once, can be sent again, and may be typed in
// Arabic-Indic digits.
func (b *tab) secondUser() {
	b.t.Helper()
	b.signIn("basma", "basma-1")
	b.at("/_doorcode/code")
	b.look("code-two-ways")
	b.checkCodePage("sms email", "056•••••43", "b•••@books.example")
	code := b.code("0569876543", 3)
	if mailed := b.code("basma@books.example", 3); mailed != code {
		b.t.Errorf("SMS and e-mail hold two codes, %s and %s", code, mailed)
	}
	b.resend(code)
	b.typeCode(arabicDigits(code))
	b.inside("acme/basma")
	b.signOut()
}

// resend: without JavaScript too early is told; with it the button waits, and then the same code comes again. Only one seat sits
// the wait out.
func (b *tab) resend(code string) {
	b.t.Helper()
	if !b.scripts {
		b.click("#resend")
		b.look("resend-early")
		b.shows(".report", b.say().early)
	}
	if b.seat != (seat{"en", false, true}) {
		return
	}
	// Asked for again and again, by the clock: an element that was looked up before the page last loaded would be waited for in vain.
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](`document.querySelector("#resend")?.disabled === false`, chromedp.WithPollingInterval(200*time.Millisecond))); err != nil {
		b.t.Fatalf("the button to send again does not wake up: %v", err)
	}
	b.click("#resend")
	b.at("/_doorcode/code")
	b.look("resent")
	b.shows(".report.good", b.say().resent)
	if again := b.code("0569876543", 5); again != code {
		b.t.Errorf("the resent code is %s, the first was %s", again, code)
	}
}

// cancelled: who cancels is back at the login, and the code page is gone.
func (b *tab) cancelled() {
	b.t.Helper()
	b.signIn("emil", "emil-1")
	b.at("/_doorcode/code")
	b.checkCodePage("email", "e•••@books.example")
	b.click("#cancel-form button")
	b.at("/login.php")
	b.open("/_doorcode/code")
	b.look("expired")
	b.shows("h1", b.say().expired)
	b.open("/invoices.php")
	b.at("/login.php")
}

// noCodeAsked: omar needs none, and sees the rest of the application.
func (b *tab) noCodeAsked() {
	b.t.Helper()
	b.signIn("omar", "omar-1")
	b.inside("acme/omar")
	for _, path := range []string{"/index.php", "/users.php", "/nothing.php"} {
		b.open(path)
		b.look("inside" + strings.TrimSuffix(strings.ReplaceAll(path, "/", "-"), ".php"))
	}
	if status := b.open("/_doorcode/nothing"); status != 404 {
		b.t.Errorf("an own page that is none: %d", status)
	}
	b.look("notice")
}

// dayOverTLS: chromium keeps the gateway's cookies with their __Host- names, and nothing of them or of the application's is
// there for scripts.
func (b *tab) dayOverTLS() {
	b.t.Helper()
	b.open("/invoices.php")
	b.at("/login.php")
	b.signIn("samira", "samira-1")
	b.at("/_doorcode/code")
	b.checkCodePage("sms", "059•••••56")
	b.do(chromedp.Click(chromedp.CSS("#remember")))
	b.typeCode(b.code("0599123456", 1))
	b.at("/invoices.php")
	b.signOut()
	b.back(2)
	b.signIn("samira", "samira-1")
	b.inside("acme/samira")
	held := map[string]bool{}
	for _, c := range call(b, network.GetCookies, network.GetCookiesParams{}).Cookies {
		held[c.Name] = true
		if own := strings.HasPrefix(c.Name, "__Host-doorcode"); own && !(c.Secure && c.HTTPOnly && c.SameSite == network.CookieSameSiteLax && c.Path == "/") {
			b.t.Errorf("cookie %s: secure %v, HttpOnly %v, SameSite %s, path %s", c.Name, c.Secure, c.HTTPOnly, c.SameSite, c.Path)
		}
	}
	for _, name := range []string{"__Host-doorcode", "__Host-doorcode-browser", "PHPSESSID"} {
		if !held[name] {
			b.t.Errorf("chromium did not keep %s: %v", name, held)
		}
	}
	if seen := eval[string](b, "document.cookie"); strings.Contains(seen, "doorcode") {
		b.t.Errorf("scripts see %q", seen)
	}
}

// at waits for no one: the page that the last step led to has loaded.
func (b *tab) at(path string) {
	b.t.Helper()
	if got := b.where(); got != path {
		b.look("lost")
		b.t.Fatalf("at %s, want %s: %s", got, path, clip(b.text("body")))
	}
}

// inside: signed in as name, at a page of the application's that is neither the login nor the logout.
func (b *tab) inside(name string) {
	b.t.Helper()
	if got := b.text("#login-name"); got != name {
		b.look("lost")
		b.t.Fatalf("signed in as %q, want %q, at %s: %s", got, name, b.where(), clip(b.text("body")))
	}
	if at := b.where(); at == "/logout.php" {
		b.t.Errorf("a new login leads to %s", at)
	}
}

func (b *tab) shows(selector, want string) {
	b.t.Helper()
	if got := b.text(selector); !strings.Contains(got, want) {
		b.t.Errorf("%s: %s shows %q, want %q", b.where(), selector, got, want)
	}
}

// signIn fills the application's form.
func (b *tab) signIn(user, password string) int64 {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS("input[name=user]"), user), chromedp.SendKeys(chromedp.CSS("input[name=password]"), password))
	return b.click("main form button")
}

func (b *tab) typeCode(code string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS("#code"), code))
	b.click("#go")
}

// clipboard is one for all tabs of a browser.
var clipboard sync.Mutex

// paste puts text into a field as a person does: cut somewhere, and pasted here.
func (b *tab) paste(selector, text string) {
	b.t.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	b.do(chromedp.Focus(chromedp.CSS(selector)))
	call(b, input.InsertText, input.InsertTextParams{Text: text})
	for _, command := range []string{"selectAll", "cut", "paste"} {
		call(b, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Commands: []string{command}})
	}
}

var codeDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// code returns the newest code that was sent to somebody, once n messages have arrived.
func (b *tab) code(to string, n int) (code string) {
	b.t.Helper()
	messages := b.messages(b.t, n)
	for _, m := range messages {
		if strings.HasSuffix(m.To, strings.TrimPrefix(to, "0")) {
			code = codeDigits.FindString(m.Text)
		}
	}
	if code == "" {
		b.t.Fatalf("no code for %s in %v", to, messages)
	}
	return code
}

func arabicDigits(code string) string {
	return strings.Map(func(r rune) rune { return r - '0' + '٠' }, code)
}

// checkCodePage: where the code went, masked, and the one field that phones fill by themselves.
func (b *tab) checkCodePage(channels string, masked ...string) {
	b.t.Helper()
	if got := eval[string](b, `Array.from(document.querySelectorAll(".to"), e => e.innerText).join(" ")`); got != strings.Join(masked, " ") {
		b.t.Errorf("the code went by %s to %q, want %q", channels, got, masked)
	}
	field := eval[map[string]string](b, `Object.fromEntries(Array.from(document.getElementById("code").attributes, a => [a.name, a.value]))`)
	for name, want := range map[string]string{"autocomplete": "one-time-code", "inputmode": "numeric", "name": "code", "type": "text", "dir": "ltr"} {
		if field[name] != want {
			b.t.Errorf("the field's %s is %q, want %q", name, field[name], want)
		}
	}
	if n := eval[int](b, `document.querySelectorAll("input:not([type=hidden]):not([type=checkbox])").length`); n != 1 {
		b.t.Errorf("%d fields to fill, want one", n)
	}
	b.do(chromedp.WaitReady(chromedp.CSS("#code:focus"))) // the cursor stands in it
	b.checkCountdown()
}

var clockOrSeconds = regexp.MustCompile(`0:(0\d|10)|\b\d{1,2}\b|ثاني`)

// checkCountdown: with JavaScript the button waits and counts; without it the page says how long.
func (b *tab) checkCountdown() {
	b.t.Helper()
	if got := b.text("#resend-wait"); !clockOrSeconds.MatchString(got) {
		b.t.Errorf("until the resend: %q", got)
	}
	if disabled := eval[bool](b, `document.getElementById("resend").disabled`); disabled != b.scripts {
		b.t.Errorf("the resend button is disabled: %v, JavaScript: %v", disabled, b.scripts)
	}
	if counts := strings.Contains(b.text("#resend-wait"), "0:"); counts != b.scripts {
		b.t.Errorf("a clock in %q: %v, JavaScript: %v", b.text("#resend-wait"), counts, b.scripts)
	}
}

// otherLanguage: the switch leads to the other language and back.
func (b *tab) otherLanguage() {
	b.t.Helper()
	first := b.language
	for _, to := range []string{map[string]string{"en": "ar", "ar": "en"}[first], first} {
		b.click(fmt.Sprintf("nav a[lang=%s]", to))
		b.at("/_doorcode/code")
		b.language = to
		b.look("language")
	}
}
