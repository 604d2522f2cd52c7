package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// phpMyAdmin's login page keeps its address to itself (referrer: no-referrer), and over plain HTTP by name a browser then says nothing of
// where the login comes from (Origin: null). The user is asked, and gets in.
func TestBrowserLoginFromNowhere(t *testing.T) {
	if testing.Short() {
		t.Skip("starts chromium, Apache and MariaDB: not under -short")
	}
	browser := startChromium(t, "")
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	public, outbox := lanName+":"+port, filepath.Join(t.TempDir(), "outbox")
	phpmyadmin.serveAt(t, buildBinary(t), address, public, phpmyadmin.start(t, public), outbox)
	b := newTab(t, browser, running{public: "http://" + public}, seat{"en", false, true}, chromedp.WithNewBrowserContext())
	b.open("/index.php")
	b.do(chromedp.SendKeys(chromedp.CSS("#input_username"), "alice"), chromedp.SendKeys(chromedp.CSS("#input_password"), "alice-pass-1"))
	if status := b.click("#input_go"); status != 403 || !strings.Contains(b.text("main"), "alice") {
		t.Fatalf("not asked: %d at %s: %s", status, b.where(), b.text("main"))
	}
	b.look("asked")
	b.click("#again-form button")
	b.do(chromedp.SendKeys(chromedp.CSS("#code"), newestCode(t, outbox)))
	b.follow(chromedp.Submit(chromedp.CSS("#code")))
	if page := eval[string](b, `document.documentElement.innerHTML`); !strings.Contains(page, "route=/logout") {
		t.Errorf("not signed in, at %s: %s", b.where(), clip(page))
	}
}
