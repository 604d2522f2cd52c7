package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A script that is stored in the application runs in the victim's browser, on our origin. It reads no form token, sends no form of ours even
// if it had one, gets no page of ours into a frame or a window that it can reach into, and puts no service worker before them.
func TestThreat_D9_ScriptsOfTheApplication(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.login("alice")
	_, token := b.codePage()
	code := h.lastCode("alice")
	sent := h.phone.count()
	for dest, mode := range map[string]string{"empty": "cors", "iframe": "navigate", "frame": "navigate", "embed": "navigate", "object": "navigate", "script": "no-cors"} {
		as := []string{"Sec-Fetch-Dest", dest, "Sec-Fetch-Mode", mode, "Referer", h.url + "/note.php"}
		if a := b.get("/_doorcode/code", as...); a.StatusCode != http.StatusForbidden || strings.Contains(a.body, token) {
			t.Errorf("the code page as %s: %d, want 403", dest, a.StatusCode)
		}
		for path, form := range map[string]url.Values{
			"/_doorcode/code":   {"token": {token}, "code": {code}, "remember": {"1"}},
			"/_doorcode/resend": {"token": {token}},
			"/_doorcode/cancel": {"token": {token}},
		} {
			if a := b.post(path, form, as...); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s as %s: %d, want 403", path, dest, a.StatusCode)
			}
		}
	}
	// The window that a script opens cannot be reached into, nor framed.
	page, _ := b.codePage()
	if page.Header.Get("Cross-Origin-Opener-Policy") != "same-origin" || page.Header.Get("X-Frame-Options") != "DENY" || !strings.Contains(page.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("the code page's header: %v", page.Header)
	}
	if h.phone.count() != sent {
		t.Errorf("%d messages were sent", h.phone.count()-sent)
	}
	h.wantNothingAs("alice")
	if a := b.enter(code); a.to() != "/home.php" {
		t.Fatalf("the user's own code: %d to %q", a.StatusCode, a.to())
	}
	for _, target := range []string{"/sw.js", "/static/app.css", "/_doorcode/assets/door.js", "/_doorcode/code"} {
		worker := b.get(target, "Service-Worker", "script", "Sec-Fetch-Dest", "serviceworker", "Sec-Fetch-Mode", "same-origin")
		if worker.StatusCode != http.StatusForbidden || worker.Header.Get("Service-Worker-Allowed") != "" {
			t.Errorf("%s as a service worker: %d %v", target, worker.StatusCode, worker.Header)
		}
	}
}
