package gateway_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
	"doorcode/gateway/submit"
	"doorcode/testdata/jsonapp"
)

// scripted is a house in front of an application that signs in by script, with JSON.
func scripted(t *testing.T, o jsonapp.Options, change ...func(*gateway.Config)) (*house, *jsonapp.App) {
	t.Helper()
	app := jsonapp.New(o)
	return newHouse(t, plan{upstream: app, config: func(c *gateway.Config) {
		fields, err := reading.LoginFields{User: "username", Password: "/password"}.InJSON()
		must(t, err)
		c.Login = submit.Config{
			Page: "/", Fields: fields,
			Success: &submit.Condition{All: []submit.Test{{Status: 200, Body: regexp.MustCompile(`"ok":true`), Place: "gateway.yaml:20"}}},
			Failure: &submit.Condition{Any: []submit.Test{{Body: regexp.MustCompile(`"error":"wrong password"`), Place: "gateway.yaml:21"}}},
			Confirm: &submit.Confirm{URL: "/me", SignedIn: regexp.MustCompile(`"signedIn":true`), User: regexp.MustCompile(`"user":"([^"]+)"`)},
		}
		if o.CSRF {
			c.Login.Headers = []submit.Header{{Name: "X-XSRF-TOKEN", Cookie: "XSRF-TOKEN"}}
		}
		c.Scripts = &gateway.ScriptAnswer{Status: 401, Type: "application/json", Body: `{"error":"code"}`, Members: true}
		c.LoginRule, c.LoginPage = rule(t, "POST", "/session"), rule(t, "", "/")
		c.Logout, c.SignOut, c.Doors = []reading.Rule{rule(t, "", "/logout")}, submit.WayOut{Path: "/logout"}, nil
		c.Credentials = []scan.Pair{{Users: []string{"username"}, Password: "password"}}
		for _, f := range change {
			f(c)
		}
	}}), app
}

var byFetch = []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "*/*", "Content-Type", "application/json"}

// signIn opens the page and sends the login as its script does.
func (b *browser) signIn(user, password string, header ...string) answer {
	b.h.t.Helper()
	b.get("/")
	return b.fetchLogin(`{"username":"`+user+`","password":"`+password+`"}`, header...)
}

func (b *browser) fetchLogin(body string, header ...string) answer {
	b.h.t.Helper()
	return b.do("POST", "/session", body, append(slices.Clone(byFetch), header...)...)
}

// pastCode enters the code for user after a script's login.
func (b *browser) pastCode(user string, more ...string) answer {
	b.h.t.Helper()
	a := b.enter(b.h.lastCode(user), more...)
	if a.StatusCode != http.StatusSeeOther || strings.HasPrefix(a.to(), "/_doorcode") {
		b.h.t.Fatalf("code of %s: %d to %q: %s", user, a.StatusCode, a.to(), a.body)
	}
	return a
}

// A15: before the code a script gets the configured answer, whatever the application answered; nothing of it opens anything.
func TestThreat_A15_TokenForAScript(t *testing.T) {
	h, app := scripted(t, jsonapp.Options{Token: true, CSRF: true})
	b := h.browser()
	a := b.signIn("bob", "bob-pass-1")
	if a.StatusCode != 401 || a.body != `{"error":"code"}` || a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("answer to the script: %d %v %s", a.StatusCode, a.Header, a.body)
	}
	if got := app.SignIns(); len(got) != 1 || got[0] != "bob" {
		t.Fatalf("signed in %v, want bob once", got)
	}
	for _, token := range app.Tokens() {
		if strings.Contains(a.body+strings.Join(slices.Concat(a.Header["Set-Cookie"], a.Header["Location"]), " "), token) {
			t.Error("the token reached the browser")
		}
		// One that was learned elsewhere opens nothing here either.
		if a := b.get("/invoices", "Authorization", "Bearer "+token); a.StatusCode == http.StatusOK {
			t.Errorf("a visitor with a token got %s", a.body)
		}
	}
	if got := b.cookie("connect.sid"); got != "" {
		t.Errorf("the session's cookie reached the browser: %q", got)
	}
	if served := app.ServedAs("bob"); len(served) > 0 {
		t.Fatalf("served before the code: %v", served)
	}
	h.browser().signIn("mallory", "mallory-pass-1")
	if got := strings.Count(h.log.String(), "what looks like a token"); got != 1 {
		t.Errorf("ops were told %d times of the token, want once", got)
	}
}

// The next page load shows the code page, wherever it goes; assets and scripts go their way. After the code the browser is where
// it wanted to go.
func TestThreat_A15_NextPageLoadShowsTheCodePage(t *testing.T) {
	h, app := scripted(t, jsonapp.Options{}, func(c *gateway.Config) { c.Public = []reading.Rule{rule(t, "", "/open/*")} })
	b := h.browser()
	b.signIn("bob", "bob-pass-1")
	for _, target := range []string{"/", "/open/x", "/home?tab=2"} {
		if a := b.get(target); a.StatusCode != http.StatusSeeOther || a.to() != "/_doorcode/code" {
			t.Fatalf("page %s: %d to %q, want the code page", target, a.StatusCode, a.to())
		}
	}
	if a := b.get("/invoices", byFetch[:6]...); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a script's request: %d %s, want 401", a.StatusCode, a.body)
	}
	if a := b.get("/home", "Sec-Fetch-Dest", "iframe"); a.to() == "/_doorcode/code" {
		t.Error("a frame was led to the code page, which shows in none")
	}
	if a := b.enter(wrongCode(h.lastCode("bob"))); a.StatusCode == http.StatusOK || strings.HasPrefix(a.to(), "/home") {
		t.Fatalf("wrong code: %d to %q", a.StatusCode, a.to())
	}
	if a := b.get("/home?tab=2"); a.to() != "/_doorcode/code" {
		t.Fatalf("after a wrong code: %d to %q, want the code page", a.StatusCode, a.to())
	}
	b.get("/logout") // the last load, and none to come back to
	if a := b.pastCode("bob"); a.to() != "/home?tab=2" {
		t.Errorf("after the code: to %q", a.to())
	}
	if a := b.get("/home"); !strings.Contains(a.body, "invoices of bob") {
		t.Errorf("member's page: %d %s", a.StatusCode, a.body)
	}
	if served := app.ServedAs("bob"); len(served) != 1 {
		t.Errorf("served %v, want the page alone", served)
	}
	// Once the challenge is over the login page is back.
	other := h.browser()
	other.signIn("mallory", "mallory-pass-1")
	h.clock.add(11 * time.Minute)
	if a := other.get("/"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "<main>") {
		t.Errorf("after the challenge expired: %d to %q", a.StatusCode, a.to())
	}
}

// Who is admitted at once gets the application's answer: without cookies, and not where it carries the session's id.
func TestThreat_A15_AnswerForAMember(t *testing.T) {
	for _, c := range []struct {
		name    string
		members bool
		leak    bool
		want    int
		says    string
	}{
		{"passed", true, false, 200, `"ok":true`},
		{"not configured", false, false, 401, `"error":"code"`},
		{"with the session's id", true, true, 401, `"error":"code"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, app := scripted(t, jsonapp.Options{Token: true, ShowsID: c.leak}, func(g *gateway.Config) { g.Scripts.Members = c.members })
			b := h.browser()
			b.signIn("bob", "bob-pass-1")
			b.pastCode("bob", "remember", "on")
			b.get("/logout")
			a := b.signIn("bob", "bob-pass-1")
			if a.StatusCode != c.want || !strings.Contains(a.body, c.says) {
				t.Fatalf("trusted browser: %d %s", a.StatusCode, a.body)
			}
			for _, line := range a.Header["Set-Cookie"] {
				if strings.HasPrefix(line, "connect.sid=") && !strings.Contains(line, "HttpOnly") {
					t.Errorf("unsealed: %s", line)
				}
			}
			for _, id := range app.Sessions() {
				if strings.Contains(a.body+strings.Join(a.Header["Set-Cookie"], " "), id) {
					t.Error("the session's id reached the browser unsealed")
				}
			}
			if a := b.get("/home"); !strings.Contains(a.body, "invoices of bob") {
				t.Errorf("member's page: %d to %q %s", a.StatusCode, a.to(), a.body)
			}
		})
	}
}

// A failed login shows the application's own words, without its cookies; one that hands out a token did not fail, whatever the rules say.
func TestThreat_A15_FailedLogin(t *testing.T) {
	h, app := scripted(t, jsonapp.Options{Token: true, CSRF: true})
	b := h.browser()
	if a := b.signIn("bob", "wrong"); a.StatusCode != 401 || !strings.Contains(a.body, "wrong password") || len(a.Header["Set-Cookie"]) > 0 {
		t.Errorf("wrong password: %d %v %s", a.StatusCode, a.Header, a.body)
	}
	if len(app.SignIns()) > 0 {
		t.Fatal("signed in")
	}
	h, app = scripted(t, jsonapp.Options{Token: true}, func(c *gateway.Config) {
		c.Login.Success, c.Login.Failure = nil, &submit.Condition{Any: []submit.Test{{Status: 200}}}
		c.Login.Confirm.SignedIn = regexp.MustCompile("nothing has this")
	})
	for name, header := range map[string][]string{"a script": nil, "who says that he is a page": {"Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate"}} {
		a := h.browser().signIn("bob", "bob-pass-1", header...)
		if len(app.Tokens()) == 0 {
			t.Fatal("no token was given out")
		}
		if a.StatusCode != http.StatusUnauthorized || slices.ContainsFunc(app.Tokens(), func(token string) bool { return strings.Contains(a.body, token) }) {
			t.Errorf("judged failed, to %s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

// B3, B4: what this application would read as another user, or in another way, never reaches it.
func TestThreat_B4_JSONLogins(t *testing.T) {
	h, app := scripted(t, jsonapp.Options{})
	b := h.browser()
	b.get("/")
	for _, body := range []string{
		`{"username":"mallory","password":"alice-pass-1","username":"alice"}`,
		`{"username":"mallory","password":"alice-pass-1","USERNAME":"alice"}`,
		`{"username":"mallory","password":"alice-pass-1","u\u017fername":"alice"}`,
		`{"username":"mallory","password":"x","session":{"username":"alice","password":"alice-pass-1"}}`,
		`{"session":{"username":"alice","password":"alice-pass-1"}}`,
		"\xef\xbb\xbf" + `{"username":"alice","password":"alice-pass-1"}`,
		`[{"username":"alice","password":"alice-pass-1"}]`,
	} {
		if a := b.fetchLogin(body); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want 400", body, a.StatusCode, a.body)
		}
	}
	if a := b.fetchLogin(`{"password":"alice-pass-1"}`, "Content-Type", "text/plain"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("as text: %d", a.StatusCode)
	}
	if a := b.fetchLogin("username=alice&password=alice-pass-1", "Content-Type", "application/x-www-form-urlencoded"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("as a form: %d", a.StatusCode)
	}
	if a := b.do("POST", "/session?username=alice", `{"username":"mallory","password":"alice-pass-1"}`, byFetch...); a.StatusCode != http.StatusBadRequest {
		t.Errorf("user in the query too: %d", a.StatusCode)
	}
	if got := app.Logins(); len(got) > 0 {
		t.Fatalf("%d logins reached the application, the first: %s", len(got), got[0].Body)
	}
	// What is read in one way goes up rebuilt: once, plainly.
	b.fetchLogin(`{"us\u0065rname":"bob","x":[1.0],"password":"bob-pass-1"}`)
	if got := app.Logins(); len(got) != 1 || got[0].Body != `{"username":"bob","x":[1.0],"password":"bob-pass-1"}` {
		t.Fatalf("logins that went up: %+v", got)
	}
	// A member's request with the two fields is a login as well, wherever it goes (B6).
	b.pastCode("bob")
	if a := b.do("POST", "/elsewhere", `{"username":"alice","password":"alice-pass-1"}`, byFetch...); a.StatusCode != http.StatusForbidden {
		t.Errorf("credentials elsewhere: %d", a.StatusCode)
	}
}

// A2: a session id in the JSON of a login chooses nothing, wherever it stands.
func TestThreat_A2_SessionIDInJSON(t *testing.T) {
	h, app := scripted(t, jsonapp.Options{})
	for _, more := range []string{`"connect.sid":"chosen-by-mallory"`, `"Connect.SID":"x"`, `"session":{"connect.sid":"chosen-by-mallory"}`, `"x":[{"connect.sid":["x"]}]`} {
		b := h.browser()
		b.get("/")
		b.fetchLogin(`{"username":"bob","password":"bob-pass-1",` + more + `}`)
		for _, login := range app.Logins() {
			if strings.Contains(strings.ToLower(login.Body), "connect.sid") {
				t.Errorf("went up: %s", login.Body)
			}
		}
	}
	// A key that merely holds others is none.
	b := h.browser()
	b.get("/")
	if a := b.fetchLogin(`{"connect.sid":{"tab":1},"username":"bob","password":"bob-pass-1"}`); a.StatusCode != 401 || len(app.SignIns()) == 0 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// C7: a login that another site's page sends, by script or form, is refused, and so is one of a frame.
func TestThreat_C7_ScriptLoginOfAnotherSite(t *testing.T) {
	h, app := scripted(t, jsonapp.Options{})
	for name, header := range map[string][]string{
		"another site":        {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		"another site, old":   {"Sec-Fetch-Site", "", "Sec-Fetch-Dest", "", "Sec-Fetch-Mode", "", "Origin", "https://evil.example"},
		"the same site":       {"Sec-Fetch-Site", "same-site", "Origin", "https://wiki.example"},
		"a frame":             {"Sec-Fetch-Dest", "iframe"},
		"a worker's document": {"Sec-Fetch-Dest", "worker"},
	} {
		if a := h.browser().signIn("bob", "bob-pass-1", header...); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d %s, want 403", name, a.StatusCode, a.body)
		}
	}
	if len(app.Logins()) > 0 {
		t.Error("such a login reached the application")
	}
}

// What nobody configured is said in the user's language.
func TestScriptAnswerInTheUsersLanguage(t *testing.T) {
	h, _ := scripted(t, jsonapp.Options{}, func(c *gateway.Config) { c.Scripts.Body = "" })
	for language, says := range map[string]string{"en": "load the page again", "ar": "إعادة تحميل الصفحة"} {
		a := h.browser().signIn("bob", "bob-pass-1", "Accept-Language", language)
		if a.StatusCode != 401 || !strings.Contains(a.body, `"error":"code_next"`) || !strings.Contains(a.body, says) {
			t.Errorf("%s: %d %s", language, a.StatusCode, a.body)
		}
	}
}

// The headers of a login are the fresh session's, never the browser's own.
func TestScriptLoginHeaders(t *testing.T) {
	h, app := scripted(t, jsonapp.Options{CSRF: true})
	b := h.browser()
	if a := b.signIn("bob", "bob-pass-1", "X-XSRF-TOKEN", "from another session", "X-Requested-With", "XMLHttpRequest", "X-Other", "1"); a.StatusCode != 401 || len(app.SignIns()) != 1 {
		t.Fatalf("%d %s, signed in %v", a.StatusCode, a.body, app.SignIns())
	}
	got := app.Logins()[0].Header
	if got.Get("X-Xsrf-Token") == "from another session" || got.Get("X-Requested-With") != "XMLHttpRequest" || got.Get("X-Other") != "" || !strings.Contains(got.Get("Accept"), "json") {
		t.Errorf("went up with %v", got)
	}
	// A cookie that the page does not give: no password goes up, and ops read why.
	h, app = scripted(t, jsonapp.Options{}, func(c *gateway.Config) {
		c.Login.Headers = []submit.Header{{Name: "X-CSRFToken", Cookie: "csrftoken"}}
	})
	if a := h.browser().signIn("bob", "bob-pass-1"); a.StatusCode != http.StatusBadGateway || len(app.Logins()) > 0 || !strings.Contains(h.log.String(), "gives no cookie csrftoken") {
		t.Errorf("%d, %d logins", a.StatusCode, len(app.Logins()))
	}
}

// Without script_answer a script's login is refused as ever, before anything goes up.
func TestScriptLoginNotConfigured(t *testing.T) {
	h := newHouse(t, plan{users: []challenge.User{{Name: "bob", Code: challenge.CodeEmail, Email: secret.New("bob@example.com")}}})
	b := h.browser()
	b.get("/login.php")
	if a := b.do("POST", "/login.php", "username=bob&password=bob-pass-1", "Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "cors"); a.StatusCode != http.StatusForbidden || len(h.naive.SignIns()) > 0 {
		t.Errorf("%d, signed in %v", a.StatusCode, h.naive.SignIns())
	}
}

// A form that jQuery sends: the script gets its answer, the next page load the code.
func TestFormSentByAScript(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) {
		c.Scripts = &gateway.ScriptAnswer{Status: 200, Type: "application/json", Body: `{"go":"/home.php"}`, Members: true}
	}})
	b := h.browser()
	b.get("/login.php")
	jquery := []string{"Sec-Fetch-Dest", "", "Sec-Fetch-Mode", "", "Sec-Fetch-Site", "", "Origin", h.url, "Accept", "text/html, */*; q=0.01", "X-Requested-With", "XMLHttpRequest"}
	if a := b.do("POST", "/login.php", "username=bob&password=bob-pass-1", jquery...); a.StatusCode != 200 || a.body != `{"go":"/home.php"}` {
		t.Fatalf("%d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	h.wantNothingAs("bob")
	if a := b.get("/home.php", jquery...); a.to() == "/_doorcode/code" {
		t.Error("the script's next request was led to the code page")
	}
	if a := b.get("/home.php"); a.to() != "/_doorcode/code" {
		t.Fatalf("next page load: %d to %q", a.StatusCode, a.to())
	}
	if a := b.enter(h.lastCode("bob")); a.to() != "/home.php" {
		t.Fatalf("after the code: %d to %q", a.StatusCode, a.to())
	}
	b.wantMember("bob")
	// A new login in the live session asks no code; the redirect leads on, as the application's did.
	if a := b.do("POST", "/login.php", "username=bob&password=bob-pass-1", jquery...); a.StatusCode != http.StatusSeeOther || a.to() != "/home.php" {
		t.Errorf("again: %d to %q", a.StatusCode, a.to())
	}
	b.wantMember("bob")
}
