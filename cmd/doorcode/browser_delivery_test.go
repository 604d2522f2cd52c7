package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserDelivery walks the code page's states of sending in Debian's chromium: the choice, another way, failures, and e-mail in
// the stead of an SMS.
func TestBrowserDelivery(t *testing.T) {
	if testing.Short() {
		t.Skip("walks in a real browser: not under -short")
	}
	browser := startChromium(t, "")
	for _, s := range []seat{{"en", false, true}, {"en", true, false}, {"ar", true, true}, {"ar", false, false}} {
		t.Run(s.String(), func(t *testing.T) {
			for _, walk := range []struct {
				name    string
				gateway *strings.Replacer
				steps   func(b *tab)
			}{
				{"choose", strings.NewReplacer(), (*tab).chooses},
				{"failing", strings.NewReplacer("/sms\n", "/nowhere\n"), (*tab).failing},
				{"late", strings.NewReplacer("http://{MAILBOX}/sms", "http://"+silent(t)+"/sms"), (*tab).late},
				{"spent", strings.NewReplacer("country: PS", "country: PS\nlimits: {sms: {user_day: 1}}"), (*tab).spent},
			} {
				if walk.name == "late" && s != (seat{"en", false, true}) {
					continue // it takes as long as a provider may take
				}
				b := newTab(t, browser, startDemoWith(t, walk.gateway), s, chromedp.WithNewBrowserContext())
				b.name = walk.name + "-" + s.String()
				b.open("/invoices.php")
				walk.steps(b)
			}
		})
	}
}

// startDemoWith is a demo whose SMS users are samira, who has an address, and emil, who has none; basma chooses.
func startDemoWith(t *testing.T, gateway *strings.Replacer) running {
	t.Helper()
	r := startDemo(t)
	for file, change := range map[string]*strings.Replacer{
		"gateway.yaml": gateway,
		"users.yaml": strings.NewReplacer("code: both", "code: choose", ", language: ar", "",
			"mobile: 0599123456", "mobile: 0599123456, email: samira@books.example", "code: email, email: emil@books.example", "code: sms, mobile: 0599111222"),
	} {
		path := filepath.Join(r.dir, file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := change.Replace(strings.ReplaceAll(string(text), "url: "+r.mailbox+"/sms", "url: http://{MAILBOX}/sms"))
		changed = strings.ReplaceAll(changed, "http://{MAILBOX}", r.mailbox)
		if changed == string(text) {
			continue
		}
		taken := r.takenUp()
		writeFile(t, path, changed)
		r.logged.waitFor(t, func(log string) bool { return strings.Count(log, "changed files taken up") > taken })
	}
	return r
}

func (r running) takenUp() int {
	log, _ := r.logged.read()
	return strings.Count(log, "changed files taken up")
}

// chooses: basma is asked, the choice is remembered, and the other way is at hand.
func (b *tab) chooses() {
	b.t.Helper()
	b.signIn("basma", "basma-1")
	b.at("/_doorcode/code")
	b.look("choose")
	b.shows("h1", map[string]string{"en": "How do you want to get your code?", "ar": "كيف تريد استلام الرمز؟"}[b.language])
	if got := b.text("#choose-form"); !strings.Contains(got, "056•••••43") || !strings.Contains(got, "b•••@books.example") {
		b.t.Errorf("offered: %q", got)
	}
	b.click("button[value=email]")
	b.at("/_doorcode/code")
	b.look("chosen")
	b.shows(".to", "b•••@books.example")
	b.shows("#other-form", "056•••••43")
	if disabled := eval[bool](b, `document.querySelector("#other-form button").disabled`); disabled != b.scripts {
		b.t.Errorf("the other way's button is disabled: %v, JavaScript: %v", disabled, b.scripts)
	}
	b.typeCode(b.code("basma@books.example", 1))
	b.inside("acme/basma")
	b.signOut()
	b.signIn("basma", "basma-1")
	b.at("/_doorcode/code")
	b.shows(".to", "b•••@books.example")
	b.typeCode(b.code("basma@books.example", 2))
	b.inside("acme/basma")
}

// failing: no SMS leaves. Who has another way takes it at once; who has none is told whom to ask.
func (b *tab) failing() {
	b.t.Helper()
	b.signIn("basma", "basma-1")
	b.click("button[value=sms]")
	b.at("/_doorcode/code")
	b.look("failed-other-way")
	b.shows(".report.bad", map[string]string{"en": "Please try another way below", "ar": "يرجى تجربة طريقة أخرى"}[b.language])
	b.click("#other-form button")
	b.at("/_doorcode/code")
	b.look("other-way-taken")
	b.typeCode(b.code("basma@books.example", 1))
	b.inside("acme/basma")
	b.signOut()
	b.signIn("samira", "samira-1")
	b.at("/_doorcode/code")
	b.look("failed")
	b.shows(".report.bad", map[string]string{"en": "or ask your administrator", "ar": "مسؤول النظام"}[b.language])
}

// spent: each user has one SMS a day.
func (b *tab) spent() {
	b.t.Helper()
	for n, user := range []string{"samira", "emil"} {
		b.signIn(user, user+"-1")
		b.at("/_doorcode/code")
		b.typeCode(b.code(map[string]string{"samira": "0599123456", "emil": "0599111222"}[user], 2*n+1))
		b.inside("acme/" + user)
		b.signOut()
		b.signIn(user, user+"-1")
		b.look("spent-" + user)
		if user == "samira" {
			b.shows(".to", "s•••@books.example")
			b.typeCode(b.code("samira@books.example", 2))
			b.inside("acme/samira")
			b.signOut()
		}
	}
	b.shows("h1", map[string]string{"en": "No more SMS can be sent just now", "ar": "لا يمكن إرسال رسائل نصية أخرى الآن"}[b.language])
}

// silent is the address of a peer that takes connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() }) // and with it what waits to be accepted
	return listener.Addr().String()
}

// late: the provider says nothing. The page asks for itself again once that is known, unless somebody is entering something.
func (b *tab) late() {
	b.t.Helper()
	b.signIn("samira", "samira-1")
	b.at("/_doorcode/code")
	b.look("on-its-way")
	b.shows(".pending .state", "on its way")
	b.do(chromedp.WaitVisible(chromedp.CSS(".unsure .state")))
	b.look("not-certain")
	b.shows(".report.bad", "It is not certain that the message was sent")
}
