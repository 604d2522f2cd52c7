package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestDjangoByScript: Django as its manual has scripts sign in: the token of the cookie csrftoken in the header X-CSRFToken and none in
// the form. The gateway gives visitors no cookie, so the script has none to send, and Django's own check says whether the fresh one fits.
func TestDjangoByScript(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Django: not under -short")
	}
	app := django
	app.config = strings.Replace(app.config, "  password: password\n", `  password: password
  tokens: []
  headers: [{name: X-CSRFToken, cookie: csrftoken}]
  script_answer: {}
`, 1)
	address := freeAddress(t)
	upstream := app.start(t, address)
	outbox := filepath.Join(t.TempDir(), "outbox")
	app.serve(t, buildBinary(t), address, upstream, outbox)

	s := newSurfer(t, address)
	fetch := func(password string) page {
		s.get(app.login)
		return s.send("POST", "/admin/login/?next=/admin/", strings.NewReader("username=alice&password="+password), "Content-Type", "application/x-www-form-urlencoded",
			"X-CSRFToken", s.cookie("csrftoken"), "Accept", "*/*", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")
	}
	if a := fetch("wrong"); !strings.Contains(a.body, app.wrong) {
		t.Fatalf("wrong password: %d %s", a.StatusCode, clip(a.body))
	}
	if a := fetch("alice-pass-1"); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, `"error":"code_next"`) {
		t.Fatalf("right password: %d %s", a.StatusCode, clip(a.body))
	}
	if a := s.get("/admin/auth/group/"); !strings.HasSuffix(a.Request.URL.Path, "/_doorcode/code") {
		t.Fatalf("next page load: %d at %s", a.StatusCode, a.Request.URL)
	}
	s.enter(t, outbox, true)
	if a := s.get("/admin/auth/group/"); a.StatusCode != http.StatusOK || !strings.HasSuffix(a.Request.URL.Path, "/group/") {
		t.Fatalf("after the code: %d at %s: %s", a.StatusCode, a.Request.URL, clip(a.body))
	}
	// A remembered browser: the script is led where Django's answer leads.
	app.logout(t, s)
	if a := fetch("alice-pass-1"); !strings.Contains(a.body, app.mark) {
		t.Errorf("remembered: %d at %s: %s", a.StatusCode, a.Request.URL, clip(a.body))
	}
}
