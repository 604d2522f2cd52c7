package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
	"doorcode/testdata/naive"
)

// tokenLogin closes /index.php?action=token_login, which signs in with field names of its own.
func tokenLogin(t *testing.T, query, form bool) func(*gateway.Config) {
	return func(c *gateway.Config) {
		door := rule(t, "", "/index.php")
		if query {
			door.Query = []reading.Value{{Name: "action", Value: "token_login"}}
		}
		if form {
			door.Form = []reading.Value{{Name: "action", Value: "token_login"}}
		}
		c.Doors = append(c.Doors, door)
	}
}

// token are requests that sign alice in at /index.php by action=token_login: what tells them apart from the page stands anywhere.
var token = []struct {
	target, body string
	lines        []string
}{
	{"/index.php?action=token_login&" + api, "", nil},
	{"/index.php?action=token_login", api, []string{formType}},
	{"/index.php?" + api, "action=token_login", []string{formType}},
	{"/index.php", "action=token_login&" + api, []string{formType}},
	{"/index.php", api + "&action=token_login", []string{formType}},
	{"/index.php", "pad=" + padding[:900<<10] + "&" + api + "&action=token_login", []string{formType}},
	{"/index.php", api + "&pad=" + padding[:900<<10] + "&action=token_login", []string{formType}},
	{"/index.php", "pad=" + padding + padding + "&" + api + "&action=token_login", []string{formType}},
	{"/index.php", api + "&pad=" + padding + padding + "&action=token_login", []string{formType}},
	{"/index.php", "action[x]=token_login&" + api, []string{formType}},
	{"/index.php", "action[]=token_login&" + api, []string{formType}},
	{"/index.php", "+action=token_login&" + api, []string{formType}},
	{"/index.php", "action%00=token_login&" + api, []string{formType}},
	{"/index.php", "action%00x=token_login&" + api, []string{formType}},
	{"/index.php", "%61ction=token_login&" + api, []string{formType}},
	{"/index.php", "action=token%5flogin&" + api, []string{formType}},
	{"/index.php", "action=x&action=token_login&" + api, []string{formType}},
	{"/index.php", "action=token_login&action=x&" + api, []string{formType}},
	{"/index.php?action=x", "action=token_login&" + api, []string{formType}},
	{"/index.php?action=token_login", "action=x&" + api, []string{formType}},
	{"/index.php?action[]=token_login", api, []string{formType}},
	{"/index.php?+action=token_login", api, []string{formType}},
	{"/index.php?action%00=token_login", api, []string{formType}},
	{"/index.php?%61ction=token_login", api, []string{formType}},
	{"/index.php?x=%zz&action=token_login", api, []string{formType}},
	{"/INDEX.php?action=token_login", api, []string{formType}},
	{"/index.PHP", "action=token_login&" + api, []string{formType}},
	{"/index.php/x", "action=token_login&" + api, []string{formType}},
	{"/index.php/", "action=token_login&" + api, []string{formType}},
	{"//index.php", "action=token_login&" + api, []string{formType}},
	{"/x/../index.php", "action=token_login&" + api, []string{formType}},
	{"/index.php;x", "action=token_login&" + api, []string{formType}},
	{"/%2e/index.php?action=token_login", api, []string{formType}},
	{"/index.php", parts("b", "action", "token_login", "api_user", "alice", "api_pass", "alice-pass-1"), []string{multiType}},
	{"/index.php", parts("b", "api_user", "alice", "api_pass", "alice-pass-1", "pad", padding[:900<<10], "action", "token_login"), []string{multiType}},
	{"/index.php", parts("b", "api_user", "alice", "api_pass", "alice-pass-1", " action[x]", "token_login"), []string{multiType}},
	{"/index.php", strings.ReplaceAll(parts("b", "action", "token_login", "api_user", "alice", "api_pass", "alice-pass-1"), "\r\n", "\n"), []string{multiType}},
	{"/index.php", `{"action":"token_login","api_user":"alice","api_pass":"alice-pass-1"}`, []string{"Content-Type: application/json"}},
	{"/index.php", `{"api_user":"alice","api_pass":"alice-pass-1","\u0061ction":"token\u005flogin"}`, []string{"Content-Type: application/json"}},
	{"/index.php", `{"action":"x","action":"token_login","api_user":"alice","api_pass":"alice-pass-1"}`, []string{"Content-Type: application/json"}},
	{"/index.php", "action=token_login&" + api, []string{"Content-Type: text/plain"}},
	{"/index.php", "action=token_login&" + api, []string{"Content-Type: application/octet-stream"}},
	{"/index.php", "action=token_login&" + api, nil},
	{"/index.php", "action=token_login&" + api, []string{formType, formType}},
	{"/index.php", zipped("action=token_login&" + api), []string{formType, "Content-Encoding: gzip"}},
}

const (
	api       = "api_user=alice&api_pass=alice-pass-1"
	multiType = "Content-Type: multipart/form-data; boundary=b"
)

// One page in four shapes: closed by its query, its form, both, or by the names of its fields. Each alone holds.
func TestThreat_B17_DoorBesideThePage(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(*gateway.Config){
		"by query": tokenLogin(t, true, false),
		"by form":  func(c *gateway.Config) { tokenLogin(t, true, false)(c); tokenLogin(t, false, true)(c) },
		"by fields": func(c *gateway.Config) {
			c.Credentials = append(c.Credentials, scan.Pair{Users: []string{"api_user"}, Password: "api_pass"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // net/http lingers half a second on a connection that it closed before its body was through
			h := newHouse(t, plan{config: config})
			b := h.ready(true)
			for _, row := range token {
				for _, method := range []string{"POST", "PUT"} {
					if method == "PUT" && len(row.body) > len(padding)/2 {
						continue // the long ones once
					}
					a := b.wire(method, row.target, row.body, row.lines...)
					if (a.StatusCode < 400 || a.StatusCode > 415) && a.StatusCode != 0 {
						t.Errorf("%s %s with %.60q %q: %d, want refused", method, row.target, row.body, row.lines, a.StatusCode)
					}
				}
			}
			b.wantMember("mallory")
			for _, target := range []string{"/index.php", "/index.php?action=edit", "/index.php?x=%u0645"} {
				if a := b.wire("POST", target, "text=hello", formType); a.StatusCode != http.StatusOK {
					t.Errorf("POST %s: %d, want the page beside the door", target, a.StatusCode)
				}
			}
			h.wantSignIns("alice", 0)
		})
	}
}

// The last wire: a door that nobody configured. The application gives the session a new id at that login, so the gateway asks whose it is
// now; the answer is withheld and mallory's session ends, with what it has under way.
func TestThreat_B17_SessionThatChangedHands(t *testing.T) {
	slow := make(chan struct{})
	h := newHouse(t, plan{naive: naive.Options{Regenerates: true, Slow: slow}})
	b := h.ready(true)
	under := h.browser()
	b.copyTo(under)
	way := make(chan answer)
	go func() { way <- under.wire("GET", "/slow", "") }()
	for len(h.arrived("/slow")) == 0 {
		b.get("/home.php") // until the slow page runs
	}
	a := b.wire("POST", "/index.php", "action=token_login&"+api, formType)
	if a.StatusCode != http.StatusForbidden || len(a.Cookies()) != 0 {
		t.Errorf("the foreign login was answered with %d and cookies %v, want 403 and none", a.StatusCode, a.Cookies())
	}
	if a := <-way; a.StatusCode == http.StatusOK {
		t.Errorf("a request of the ended session was answered with %d: %s", a.StatusCode, a.body)
	}
	close(slow)
	b.wantVisitor()
	under.wantVisitor()
	if !strings.Contains(h.log.String(), "became another user's") {
		t.Error("the log does not say what happened")
	}
	h.wantSignIns("alice", 1)
	h.restart()
	b.wantVisitor()
}

// A door is shut under every address that servers commonly give it: the folder it is the index of, without its extension, behind
// another script's name, and where parameters are parted by ";".
func TestThreat_B5_DoorAliases(t *testing.T) {
	t.Parallel()
	h := newHouse(t, plan{config: func(c *gateway.Config) {
		tokenLogin(t, true, false)(c)
		c.Doors = append(c.Doors, rule(t, "", "/admin/"))
	}})
	b := h.ready(true)
	for _, row := range []struct{ target, body string }{
		{"/?action=token_login", ""}, {"/?ACTION=token_login", ""}, {"/", "action=token_login"},
		{"/index?action=token_login", ""}, {"/Index/x?action=token_login", ""}, {"/x.php/index.php?action=token_login", ""},
		{"/index.php?x=1;action=token_login", ""}, {"/?x;action=token_login", ""}, {"/index.php", "x=1;action=token_login"},
		{"/index.php/api/token", ""}, {"/app.fcgi/Api/token", ""}, {"/index.php/api", ""},
		{"/xmlrpc", ""}, {"/XMLRPC", "x"}, {"/index.php/xmlrpc.php", ""}, {"/index.php/xmlrpc/x", ""},
		{"/admin/index.php", ""}, {"/admin/Default.aspx", ""}, {"/admin/index", ""},
		{"/x/..//?action=token_login", ""}, {"/%2e/?action=token_login", ""}, {"/index.php//api/token", ""},
	} {
		lines := []string{}
		if row.body != "" {
			lines = append(lines, formType)
		}
		if a := b.wire(map[bool]string{true: "GET", false: "POST"}[row.body == ""], row.target, row.body, lines...); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s %q: %d, want 403", row.target, row.body, a.StatusCode)
		}
		if len(h.arrived(row.target)) > 0 {
			t.Errorf("%s arrived", row.target)
		}
	}
	// The pages beside the doors stay open.
	for _, target := range []string{"/", "/index.php", "/?action=list", "/index.php?x=1;action=list", "/home.php", "/note.php", "/home.php/apis", "/v1.0/api/x", "/admin2"} {
		if a := b.wire("GET", target, ""); a.StatusCode != http.StatusOK && a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, want it served", target, a.StatusCode)
		}
	}
}

// A login that its path alone tells is not found in every form of a folder; a login with values is found there too.
func TestThreat_B1_LoginAliases(t *testing.T) {
	t.Parallel()
	for _, values := range []bool{false, true} {
		h := newHouse(t, plan{config: func(c *gateway.Config) {
			c.LoginRule = rule(t, "POST", "/index.php")
			if values {
				c.LoginRule.Form = []reading.Value{{Name: "title", Value: "Login"}}
			}
		}})
		b := h.browser()
		b.get("/login.php")
		b.post("/index.php", url.Values{"title": {"Login"}, "username": {"mallory"}, "password": {"mallory-pass-1"}})
		b.enter(h.lastCode("mallory"))
		b.wantMember("mallory")
		if a := b.wire("POST", "/", "text=x", formType); a.StatusCode != http.StatusOK {
			t.Errorf("values %v: a member's own form: %d", values, a.StatusCode)
		}
		judged := 0
		for _, target := range []string{"/", "/index", "/x.php/index.php"} {
			a := b.wire("POST", target, "title=Login&"+credentials, formType)
			switch {
			case a.judged() && values:
				judged++
				b = h.ready(false)
			case a.StatusCode < 400 && !values || values && a.StatusCode < 300:
				t.Errorf("values %v: %s: %d", values, target, a.StatusCode)
			}
		}
		h.wantSignIns("alice", judged)
	}
}

// Where the session is still mallory's, a renewed cookie is nothing to ask twice about.
func TestThreat_B17_SessionThatWasRenewed(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{Regenerates: true}})
	b := h.ready(true)
	before := b.cookie("PHPSESSID")
	if a := b.wire("POST", "/index.php", "action=token_login&api_user=mallory&api_pass=mallory-pass-1", formType); a.StatusCode != http.StatusFound {
		t.Fatalf("mallory's own other login: %d", a.StatusCode)
	}
	if b.cookie("PHPSESSID") == before {
		t.Error("the new session cookie did not reach the browser")
	}
	b.wantMember("mallory")
}

// wiki is an application with one address, where a parameter tells the login from the rest, and a form that looks like the login is
// let pass by its own value.
func wiki(t *testing.T, anywhere bool) func(*gateway.Config) {
	return func(c *gateway.Config) {
		if anywhere {
			c.LoginRule = rule(t, "POST", "*")
			c.LoginRule.Form = []reading.Value{{Name: "title", Value: "Login"}}
		}
		create := rule(t, "", "/index.php")
		create.Query = []reading.Value{{Name: "title", Value: "CreateUser"}}
		c.Elsewhere = []reading.Rule{create}
	}
}

func TestThreat_B18_RoutingParameterTwice(t *testing.T) {
	t.Parallel()
	for _, anywhere := range []bool{false, true} {
		h := newHouse(t, plan{config: wiki(t, anywhere)})
		mallory := func() *browser {
			b := h.browser()
			b.get("/login.php")
			b.post(map[bool]string{false: "/login.php", true: "/index.php"}[anywhere], url.Values{"title": {"Login"}, "username": {"mallory"}, "password": {"mallory-pass-1"}})
			b.enter(h.lastCode("mallory"))
			b.wantMember("mallory")
			return b
		}
		b, judged := mallory(), 0
		for _, row := range []struct {
			target, body string
			lines        []string
		}{
			{"/index.php?title=CreateUser", "title=Login&" + credentials, []string{formType}},
			{"/index.php?title=CreateUser", credentials + "&title=Login", []string{formType}},
			{"/index.php?title=CreateUser&title=Login", credentials, []string{formType}},
			{"/index.php?title=Login&title=CreateUser", credentials, []string{formType}},
			{"/index.php?title=CreateUser&title[]=Login", credentials, []string{formType}},
			{"/index.php?title=CreateUser&+title=Login", credentials, []string{formType}},
			{"/index.php?title=CreateUser&title%00=Login", credentials, []string{formType}},
			{"/index.php?title=CreateUser&TITLE=Login", credentials, []string{formType}},
			{"/index.php?title=CreateUser", "title[]=Login&" + credentials, []string{formType}},
			{"/index.php?title=CreateUser", "+title=Login&" + credentials, []string{formType}},
			{"/index.php?title=CreateUser", "title%00x=Login&" + credentials, []string{formType}},
			{"/index.php?title=CreateUser", "%74itle=Login&" + credentials, []string{formType}},
			{"/index.php?title=CreateUser", parts("b", "title", "Login", "username", "alice", "password", "alice-pass-1"), []string{multiType}},
			{"/index.php?title=CreateUser", `{"title":"Login","username":"alice","password":"alice-pass-1"}`, []string{"Content-Type: application/json"}},
			{"/index.php?title=CreateUser", "title=Login&" + credentials, []string{"Content-Type: text/plain"}},
			{"/index.php?title=CreateUser", "title=Login&" + credentials, nil},
			{"/index.php?title=CreateUser", zipped("title=Login&" + credentials), []string{formType, "Content-Encoding: gzip"}},
			{"/index.php?title=CreateUser", "pad=" + padding + padding + "&title=Login&" + credentials, []string{formType}},
			{"/index.php?title=Login", "title=CreateUser&" + credentials, []string{formType}},
			{"/index.php?title=Login", credentials, []string{formType}},
			{"/index.php?title%5B%5D=Login", credentials, []string{formType}},
			{"/index.php", "title=Login&title=CreateUser&" + credentials, []string{formType}},
			{"/index.php", "title[]=Login&" + credentials, []string{formType}},
			{"/index.php", "title=login&" + credentials, []string{formType}},
			{"/home.php?title=CreateUser", "title=Login&" + credentials, []string{formType}},
			{"/home.php", "+title=Login&" + credentials, []string{formType}},
		} {
			a := b.wire("POST", row.target, row.body, row.lines...)
			switch {
			case a.judged():
				judged++
			case a.StatusCode == http.StatusBadGateway: // judged; this upstream found no login in it
			case (a.StatusCode < 400 || a.StatusCode > 415) && a.StatusCode != 0:
				t.Errorf("login anywhere %v: POST %s with %.60q: %d, want refused or judged as the login", anywhere, row.target, row.body, a.StatusCode)
				continue
			default:
				continue
			}
			b = mallory()
		}
		if a := b.wire("POST", "/index.php?title=CreateUser", "username=carol&password=carol-pass-1", formType); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "created carol") {
			t.Errorf("login anywhere %v: the application's own form: %d %s", anywhere, a.StatusCode, a.body)
		}
		if anywhere && judged == 0 {
			t.Error("no login was recognised by its form value")
		}
		h.wantSignIns("alice", judged)
	}
}

// Ordinary odd addresses reach the upstream as they came; the same spelling of a door, of the login or of our own pages does not.
func TestThreat_B19_OddAddressesOfMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, plan{config: onlyPaths})
	b := h.ready(true)
	for _, target := range []string{
		"/A;B", "//x", "/x//y", "/a%2Fb", "/a%2fb/c", "/100%25", "/a%3Bb", "/note.php?x=%u0645", "/x;jsess=1/y", "/wiki/A%5cB", "/x/./y", "/x/../y", "/a%3Fb", "/a%23b", "/x.", "/a%20b",
		"/%D8%AF%D9%81%D8%A7%D8%AA%D8%B1", "/%c7%e1", "/a~b!$&'()*+,=:@", "/A;B=C;D/e?f;g=%zz", "/x?a=/login.php", "/x?a=//evil.example", "/note.php/apis/x",
	} {
		before := len(h.arrived(target))
		a := b.wire("GET", target, "")
		if (a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusOK) || len(h.arrived(target)) != before+1 {
			t.Errorf("GET %s: %d, arrived as it came %d times; want once", target, a.StatusCode, len(h.arrived(target))-before)
		}
	}
	odd := []string{"/x/..//%s", "//%s", "//x/%s", "/;/%s", "/;x=1/%s", "/.;/%s", "/x/..;/%s", "/%%2e/%s", "/%%2f%s", "/%%5c%s", "/x%%2f..%%2f%s", "/x%%5c..%%5c%s", "/%%252f%s", "/x/%%252e%%252e/%s",
		"/%%c0%%af%s", "/%s;x", "/%s;x=1/y", "/%s%%00", "/%s%%00.css", "/%s%%3Fx", "/%s%%23x", "/%s%%3bx", "/%s%%0a", "/.%%00./%s"}
	for _, shape := range odd {
		for _, closed := range []string{"login.php", "LOGIN.PHP", "xmlrpc.php", "api/login", "Api/Login", "_doorcode/code", "_Doorcode/x"} {
			target := strings.NewReplacer("%s", closed, "%%", "%").Replace(shape)
			a := b.wire("POST", target, credentials, formType)
			if a.StatusCode < 400 || a.StatusCode > 404 {
				t.Errorf("POST %s: %d, want refused", target, a.StatusCode)
			}
			if r := h.arrived(target); len(r) > 0 {
				t.Errorf("POST %s arrived", target)
			}
		}
	}
	b.wantMember("mallory")
	h.wantSignIns("alice", 0)
}
