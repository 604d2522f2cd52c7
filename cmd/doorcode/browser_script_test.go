package main

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"doorcode/testdata/jsonapp"
)

// TestBrowserScriptLogin: in a real browser a script of the application sends the login, with the configuration that
// docs/applications.md shows, and once with the answer that the script takes for a wrong password.
func TestBrowserScriptLogin(t *testing.T) {
	if testing.Short() {
		t.Skip("walks in a real browser: not under -short")
	}
	browser := startChromium(t, "")
	t.Run("the script loads a page", func(t *testing.T) {
		app, b := startScripted(t, browser, func(sample string) string { return sample })
		b.fillScripted("bob", "bob-pass-1")
		b.click("#go")
		b.at("/_doorcode/code")
		b.pastCode(app)
		b.at("/home")
	})
	t.Run("the script stays", func(t *testing.T) {
		app, b := startScripted(t, browser, func(sample string) string {
			return strings.Replace(sample, `{status: 200, body: '{"ok": true}'}`, `{body: '{"error": "reload the page"}'}`, 1)
		})
		b.fillScripted("bob", "wrong")
		b.do(chromedp.Click(chromedp.CSS("#go")))
		b.said("wrong password")
		b.open("/")
		b.fillScripted("bob", "bob-pass-1")
		b.do(chromedp.Click(chromedp.CSS("#go")))
		b.said("reload the page")
		b.at("/")
		b.open("/invoices?year=2026")
		b.at("/_doorcode/code")
		b.pastCode(app)
		b.at("/invoices")
	})
}

// startScripted is the program in front of an application whose login a script sends, and a tab on its login page.
func startScripted(t *testing.T, browser context.Context, change func(sample string) string) (*jsonapp.App, *tab) {
	t.Helper()
	app := jsonapp.New(jsonapp.Options{CSRF: true, Token: true})
	upstream := httptest.NewServer(app)
	t.Cleanup(upstream.Close)
	dir, address := t.TempDir(), freeAddress(t)
	sample := scriptedSample(t)
	for pattern, with := range map[string]string{
		`(?m)^listen: .*$`:     `listen: {address: "` + address + `", insecure: true}`,
		`(?m)^public_url: .*$`: "public_url: http://" + address,
		`(?m)^upstream: .*$`:   `upstream: {url: "` + upstream.URL + `"}`,
	} {
		sample = regexp.MustCompile(pattern).ReplaceAllString(sample, with)
	}
	changed := change(sample)
	writeFile(t, filepath.Join(dir, "gateway.yaml"), changed)
	writeFile(t, filepath.Join(dir, "users.yaml"), "users: [{name: bob, code: email, email: bob@example.com}]\n")
	_, logged := startProgram(t, "serve", "--config", filepath.Join(dir, "gateway.yaml"))
	logged.wait(t, "the door is open")
	b := newTab(t, browser, running{public: "http://" + address, mailbox: filepath.Join(dir, "outbox")}, seat{"en", false, true}, chromedp.WithNewBrowserContext())
	b.open("/")
	return app, b
}

// scriptedSample is the configuration in docs/applications.md.
func scriptedSample(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/applications.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Logins sent by scripts\n")
	m := codeBlock.FindStringSubmatch(section)
	if m == nil {
		t.Fatal("docs/applications.md shows no configuration for logins sent by scripts")
	}
	return m[2]
}

func (b *tab) fillScripted(user, password string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS("#user"), user), chromedp.SendKeys(chromedp.CSS("#pass"), password))
}

// said waits until the application's script says something.
func (b *tab) said(want string) {
	b.t.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Poll[string](`document.querySelector("#said").textContent`, chromedp.WithPollingMutation()))
	if err != nil {
		b.t.Fatalf("%s: %v", b.where(), err)
	}
	if got != want {
		b.t.Fatalf("the script says %q, want %q", got, want)
	}
}

// pastCode enters the code: until then the application has served nothing as bob.
func (b *tab) pastCode(app *jsonapp.App) {
	b.t.Helper()
	b.look("code")
	if served := app.ServedAs("bob"); len(served) > 0 {
		b.t.Fatalf("served before the code: %v", served)
	}
	b.typeCode(newestCode(b.t, b.mailbox))
	if served := app.ServedAs("bob"); len(served) != 1 {
		b.t.Errorf("served after the code: %v, want the one page", served)
	}
}
