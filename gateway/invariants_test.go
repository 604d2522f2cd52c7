package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"doorcode/gateway"
)

// What somebody without a session gets: the login page and what is public, to read; for the rest a page is led to the login, a form on
// an ended session keeps its page, and a program is told 401.
func TestInvariant_5_DefaultDeny(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) {
		c.Public = append(c.Public, rule(t, "POST", "/hook"))
	}})
	type header = []string
	page := header{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"}
	old := header{"Sec-Fetch-Mode:", "Sec-Fetch-Dest:", "Sec-Fetch-Site:", "Accept: text/html,*/*;q=0.8"}
	script := header{"Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Accept: */*"}
	asset := header{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image", "Accept: image/*"}
	client := header{"Sec-Fetch-Mode:", "Sec-Fetch-Dest:", "Sec-Fetch-Site:", "Accept: */*"}
	const toLogin, json, again, up = "to the login page", "401 JSON", "401 page", "from upstream"
	for _, row := range []struct {
		method, target string
		header         header
		want           string
	}{
		{"GET", "/", page, toLogin},
		{"GET", "/home.php", page, toLogin},
		{"GET", "/home.php?x=1", old, toLogin},
		{"HEAD", "/home.php", page, toLogin},
		{"GET", "/upload.php", script, json},
		{"GET", "/logo.png", asset, json},
		{"GET", "/home.php", client, json},
		{"HEAD", "/home.php", client, json},
		{"POST", "/note.php", page, again},
		{"POST", "/note.php", old, again},
		{"POST", "/note.php", script, json},
		{"PUT", "/note.php", page, again},
		{"DELETE", "/note.php", client, json},
		{"OPTIONS", "/note.php", client, json},
		{"GET", "/logout.php", page, toLogin},
		{"GET", "/events", script, json},
		{"GET", "/ws", append(header{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}, client...), json},

		{"GET", "/login.php", page, up},
		{"HEAD", "/login.php", page, up},
		{"GET", "/login.php?lang=ar", script, up},
		{"GET", "/static/app.css", asset, up},
		{"HEAD", "/static/app.css", client, up},
		{"PUT", "/login.php", page, again},
		{"DELETE", "/login.php", script, json},
		{"POST", "/static/app.css", page, again},
		{"PUT", "/static/app.css", client, json},
		{"OPTIONS", "/static/app.css", client, json},
		{"POST", "/hook", client, up},
		{"GET", "/hook", client, json},
		{"GET", "/hook/x", page, toLogin},
	} {
		for _, known := range []bool{false, true} {
			b := h.browser()
			if known {
				b.get("/login.php")
			}
			before := len(h.naive.Requests())
			a := b.wire(row.method, row.target, "", append(slices.Clone(row.header), "Content-Length: 0")...)
			arrived := len(h.naive.Requests()) - before
			got := "status " + a.Status
			switch kind := a.Header.Get("Content-Type"); {
			case arrived > 0:
				got = up
			case a.StatusCode == http.StatusSeeOther && a.to() == "/login.php":
				got = toLogin
			case a.StatusCode == http.StatusUnauthorized && kind == "application/json":
				got = json
			case a.StatusCode == http.StatusUnauthorized && strings.HasPrefix(kind, "text/html") && strings.Contains(a.body, "sign in again"):
				got = again
			}
			if got != row.want {
				t.Errorf("%s %s %q, cookie %v: %s, want %s", row.method, row.target, row.header, known, got, row.want)
			}
			if got != up && a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: Cache-Control %q", row.method, row.target, a.Header.Get("Cache-Control"))
			}
		}
	}
	if served := h.naive.Served(); len(served) > 0 {
		t.Errorf("the upstream served %+v", served)
	}
}

// What was judged is what arrives: one spelling of the path, the query as it came, and the login as it was parsed and in a header of
// the gateway's own.
func TestInvariant_6_OneReading(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.ready(false)
	for sent, want := range map[string]string{
		"/static/app.css":                     "/static/app.css",
		"/static/%61pp.css":                   "/static/app.css",
		"/st%61tic/%41%2d%7e!$&'()*+,=:@?%41": "/static/A-~!$&'()*+,=:@?%41",
		"/static/%d8%af%20x":                  "/static/%D8%AF%20x",
		"/static/\xd8\xaf":                    "/static/%D8%AF",
		"/static/a%22%3c%3e":                  "/static/a%22%3C%3E",
		"/static/x?a=1&a=2;b&%61=%2f":         "/static/x?a=1&a=2;b&%61=%2f",
		"/static/":                            "/static/",
		"/static/...":                         "",
		"/static/a%2fb":                       "",
		"/static/a%25":                        "",
		"/static/x?%zz":                       "",
		"/static/\xff":                        "",
	} {
		before := len(h.naive.Requests())
		b.wire("GET", sent, "")
		got := ""
		if after := h.naive.Requests(); len(after) > before {
			got = after[before].URI
		}
		if got != want {
			t.Errorf("GET %q arrived as %q, want %q", sent, got, want)
		}
	}

	a := b.wire("POST", "/l%6fgin.php?x=%41", "b=%41+%20&username=alice&a.b[]=1&password=alice-pass-1&_method=PUT", formType,
		"Range: bytes=0-1", "If-None-Match: x", "If-Modified-Since: x", "TE: trailers", "Accept-Encoding: gzip", "Accept-Language: ar", "X-Own: 1",
		"Cache-Control: no-cache", "Cookie: doorcode="+b.cookie("doorcode")+"; own=1")
	if !a.judged() {
		t.Fatalf("login: %d to %q", a.StatusCode, a.to())
	}
	posts := 0
	for _, r := range h.naive.Requests() {
		if r.Method != "POST" {
			continue
		}
		posts++
		if r.URI != "/login.php?x=%41" || string(r.Body) != "b=A++&username=alice&a.b%5B%5D=1&password=alice-pass-1" {
			t.Errorf("the login arrived as %s with %q", r.URI, r.Body)
		}
		usual := []string{"Accept", "Accept-Encoding", "Accept-Language", "Content-Length", "Content-Type", "Cookie", "Origin", "Referer", "User-Agent",
			"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}
		for name, values := range r.Header {
			if !slices.Contains(usual, name) {
				t.Errorf("the login arrived with %s: %q", name, values)
			}
		}
		if r.Header.Get("Accept-Encoding") != "identity" || strings.Contains(r.Header.Get("Cookie"), "own") || r.Header.Get("Accept-Language") != "ar" {
			t.Errorf("the login arrived with the header %q", r.Header)
		}
	}
	if posts != 1 {
		t.Errorf("%d logins arrived", posts)
	}
}
