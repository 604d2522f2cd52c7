package main

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// foreignSite is another site with a page for each form: to chromium localhost and 127.0.0.1 are two sites.
func foreignSite(t *testing.T, pages map[string]string) (origin string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>Elsewhere</title>"+pages[r.URL.Path])
	}))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

// formTo is a form with a button, as another site's page has it.
func formTo(action string, fields ...string) string {
	page := `<form method="post" action="` + action + `">`
	for i := 0; i+1 < len(fields); i += 2 {
		page += `<input type="hidden" name="` + fields[i] + `" value="` + html.EscapeString(fields[i+1]) + `">`
	}
	return page + `<button id="send">Send</button></form>`
}

// TestBrowserOrigins: a portal's login form, and a form that leads a member back, in chromium, which leaves our cookies out of both;
// with JavaScript our page sends them again by itself, without it by its button.
func TestBrowserOrigins(t *testing.T) {
	if testing.Short() {
		t.Skip("walks in a real browser: not under -short")
	}
	browser := startChromium(t, "")
	for _, s := range []seat{{"en", false, true}, {"ar", true, false}} {
		t.Run(s.String(), func(t *testing.T) {
			r := startDemo(t)
			pages := map[string]string{
				"/portal": formTo(r.public+"/login.php", "company", "acme", "user", "samira", "password", "samira-1"),
				"/bank":   formTo(r.public+"/note.php?order=17", "submit", "1", "text", "دفع"),
			}
			elsewhere := foreignSite(t, pages)
			file := filepath.Join(r.dir, "gateway.yaml")
			appendTo(file, fmt.Sprintf("origins: [{from: %q, path: /login.php}, {from: %[1]q, path: /note.php}]\n", elsewhere))
			r.logged.waitFor(t, func(text string) bool { return strings.Count(text, "changed files taken up") > 1 })
			b := newTab(t, browser, r, s, chromedp.WithNewBrowserContext())
			b.fromElsewhere(elsewhere+"/portal", "portal", "#code")
			b.at("/_doorcode/code")
			b.typeCode(b.code("0599123456", 1))
			b.inside("acme/samira")
			b.fromElsewhere(elsewhere+"/bank", "bank", "textarea")
			b.at("/note.php")
			b.inside("acme/samira")
		})
	}
}

// fromElsewhere sends another site's form and waits for the page that it leads to in the end.
func (b *tab) fromElsewhere(page, name, wanted string) {
	b.t.Helper()
	b.follow(chromedp.Navigate(page))
	if b.scripts {
		b.do(chromedp.Click(chromedp.CSS("#send")), chromedp.WaitVisible(chromedp.CSS(wanted)))
		return
	}
	b.click("#send")
	b.look("again-" + name)
	b.click("#again-form button")
}

// TestBrowserFramedLogin: a login in a frame shows the way to the whole window there, and that way leads out of the frame.
func TestBrowserFramedLogin(t *testing.T) {
	if testing.Short() {
		t.Skip("walks in a real browser: not under -short")
	}
	b := newTab(t, startChromium(t, ""), startDemo(t), seat{"en", false, true}, chromedp.WithNewBrowserContext())
	b.open("/login.php")
	eval[bool](b, `(() => {
		document.body.innerHTML = '<iframe name="f"></iframe><form method="post" action="/login.php" target="f">' +
			'<input name="company" value="acme"><input name="user" value="samira"><input name="password" value="samira-1"></form>';
		document.querySelector("form").submit();
		return true;
	})()`)
	shown, err := chromedp.Run(b.ctx, chromedp.Poll[string](`(() => {
		const page = document.querySelector("iframe").contentDocument;
		return page && page.querySelector("h1") ? page.querySelector("h1").innerText : "";
	})()`))
	if err != nil || shown != "Please sign in in the whole window" {
		t.Errorf("the frame shows %q, %v", shown, err)
	}
	if messages := b.messages(t, 0); len(messages) > 0 {
		t.Errorf("a code was paid for: %v", messages)
	}
	b.follow(chromedp.Evaluate[chromedp.Void](`void document.querySelector("iframe").contentDocument.querySelector("a.button").click()`))
	b.at("/login.php")
	b.signIn("samira", "samira-1")
	b.at("/_doorcode/code")
}
