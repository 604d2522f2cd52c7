package gateway_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/gateway/submit"
	"doorcode/testdata/naive"
)

// byForm is a logout that its form's values and its method tell.
func byForm(t *testing.T) func(*gateway.Config) {
	return func(c *gateway.Config) {
		out := rule(t, "POST", "/index.php")
		out.Form = []reading.Value{{Name: "do", Value: "logout"}}
		c.Logout = []reading.Rule{out}
		c.SignOut = submit.WayOut{Path: "/index.php", Form: out.Form, Post: true}
	}
}

// Held sessions that nobody came for are signed out where that wants a token: in a link, or in a form told by its values.
func TestThreat_A7_SignedOutWithAToken(t *testing.T) {
	for name, p := range map[string]plan{
		"link":                      {naive: naive.Options{LogoutLink: true}},
		"link on a page of its own": {naive: naive.Options{LogoutLink: true}, config: func(c *gateway.Config) { c.SignOut.Page = "/home.php" }},
		"form":                      {naive: naive.Options{LogoutForm: true}, config: byForm(t)},
		"page that asks":            {naive: naive.Options{LogoutToken: true}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, p)
			b := h.browser()
			h.wantCodePage(b.login("alice"))
			if h.naive.SessionID("alice") == "" {
				t.Fatal("no held session to begin with")
			}
			_, token := b.codePage()
			b.post("/_doorcode/cancel", url.Values{"token": {token}})
			if id := h.naive.SessionID("alice"); id != "" {
				t.Errorf("session %s of alice is still signed in at the upstream", id)
			}
			if strings.Contains(h.log.String(), "not signed out") {
				t.Error(h.log.String())
			}
		})
	}
}

// mallory may write into the page on which the logout's form is looked for: a form of his names the logout and something else.
func TestThreat_A7_FormOfAnotherAsLogout(t *testing.T) {
	did := ""
	h := bentHouse(t, plan{naive: naive.Options{LogoutForm: true}, config: byForm(t)}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.Method == "POST" && r.URL.Path == "/index.php" {
			body, err := io.ReadAll(r.Body)
			must(t, err)
			did += r.URL.RawQuery + " " + string(body) + " "
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		page := httptest.NewRecorder()
		app.ServeHTTP(page, r)
		maps.Copy(w.Header(), page.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(page.Code)
		if r.URL.Path == "/profile.php" {
			io.WriteString(w, `<form method=post action="/index.php"><input type=hidden name=do value=logout><input type=hidden name="DO" value=delete></form>
				<form method=post action="/index.php?do=delete"><input type=hidden name=do value=logout></form>`)
		}
		io.Copy(w, page.Body)
	})
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	_, token := b.codePage()
	b.post("/_doorcode/cancel", url.Values{"token": {token}})
	if did == "" || strings.Contains(did, "delete") || h.naive.SessionID("alice") != "" {
		t.Errorf("the held session was used for %q; signed out: %v", did, h.naive.SessionID("alice") == "")
	}
}

// A sign-out that does not work is said.
func TestSignOutThatDoesNothing(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{LogoutForm: true}}) // and the rule is of another address
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	_, token := b.codePage()
	b.post("/_doorcode/cancel", url.Values{"token": {token}})
	if !strings.Contains(h.log.String(), "still shows a signed-in page") {
		t.Error("the log does not say that alice is still signed in")
	}
}

// Only the form with the logout's values, by its method, ends a member's session.
func TestLogoutByFormAndMethod(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{LogoutForm: true}, config: byForm(t)})
	b := h.ready(true)
	for what, a := range map[string]answer{
		"another value": b.post("/index.php", url.Values{"do": {"save"}}),
		"GET":           b.get("/index.php?do=logout"),
		"another page":  b.post("/note.php", url.Values{"do": {"logout"}}),
	} {
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", what, a.StatusCode)
		}
		b.wantMember("mallory")
	}
	page := b.get("/home.php").body
	_, rest, _ := strings.Cut(page, `name=logout_token value="`)
	token, _, _ := strings.Cut(rest, `"`)
	if a := b.post("/index.php", url.Values{"do": {"logout"}, "logout_token": {"stale"}}); a.StatusCode != http.StatusOK {
		t.Errorf("a logout that the application refuses: %d", a.StatusCode)
	}
	b.wantMember("mallory")
	if a := b.post("/index.php", url.Values{"do": {"logout"}, "logout_token": {token}}); a.to() != "/login.php" {
		t.Errorf("logout: %d to %q", a.StatusCode, a.to())
	}
	b.wantVisitor()
	if h.naive.SessionID("mallory") != "" {
		t.Error("still signed in at the application")
	}
}
