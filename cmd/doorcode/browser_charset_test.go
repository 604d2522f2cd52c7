package main

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"doorcode/testdata/windows1256"
)

const arabicYAML = `listen: {address: "ADDRESS", insecure: true}
public_url: http://ADDRESS
upstream: {url: "UPSTREAM"}
outbox: outbox
login:
  page: /login.php
  path: /login.php
  charset: windows-1256
  user: username
  password: password
  success: {any: [{status: 302}]}
  failure: {any: [{body: 'كلمة المرور خطأ'}]}
  confirm: {url: /profile.php, signed_in: 'خروج', user: 'id="login-name">([^<]+)<'}
`

// TestBrowserWindows1256: what a real browser sends from a form in windows-1256 is read as the application reads it. The letters
// that the charset lacks it sends as &#…;, to whoever reads.
func TestBrowserWindows1256(t *testing.T) {
	if testing.Short() {
		t.Skip("walks in a real browser: not under -short")
	}
	browser := startChromium(t, "")
	app := windows1256.New(windows1256.Options{})
	upstream := httptest.NewServer(app)
	t.Cleanup(upstream.Close)
	dir, address := t.TempDir(), freeAddress(t)
	writeFile(t, filepath.Join(dir, "gateway.yaml"), strings.NewReplacer("ADDRESS", address, "UPSTREAM", upstream.URL).Replace(arabicYAML))
	writeFile(t, filepath.Join(dir, "users.yaml"), "users: [{name: أحمد, code: email, email: ahmad@example.com}]\n")
	_, logged := startProgram(t, "serve", "--config", filepath.Join(dir, "gateway.yaml"))
	logged.wait(t, "the door is open")
	b := newTab(t, browser, running{public: "http://" + address}, seat{"ar", false, true}, chromedp.WithNewBrowserContext())

	submit := func(user, password string) {
		b.open("/login.php")
		b.do(chromedp.SendKeys(chromedp.CSS("input[name=username]"), user), chromedp.SendKeys(chromedp.CSS("input[name=password]"), password))
		b.follow(chromedp.Submit(chromedp.CSS("form")))
	}
	submit("أحمد", "خطأ")
	if got := b.text("body"); !strings.Contains(got, "كلمة المرور خطأ") {
		t.Fatalf("wrong password: %s", got)
	}
	submit("أحمد😀", "كلمة")
	if got := b.text("body"); !strings.Contains(got, "كلمة المرور خطأ") {
		t.Fatalf("a name that nobody has: %s", got)
	}
	submit("أحمد", "كلمة")
	b.at("/_doorcode/code")
	b.look("code")
	if served := app.Served(); len(served) > 0 {
		t.Fatalf("served before the code: %v", served)
	}
	b.typeCode(newestCode(t, filepath.Join(dir, "outbox")))
	b.at("/home.php")
	if got := b.text("#login-name"); got != "أحمد" {
		t.Errorf("signed in as %q", got)
	}
}
