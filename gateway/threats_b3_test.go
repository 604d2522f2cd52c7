package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"doorcode/challenge"
	"doorcode/challenge/secret"
	"doorcode/gateway"
	"doorcode/testdata/naive"
)

// direct posts to the application past the gateway, as alice herself would from inside.
func (h *house) direct(path, contentType, body string) answer {
	h.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Post(h.up.URL+path, contentType, strings.NewReader(body))
	must(h.t, err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	must(h.t, err)
	return answer{res, string(read)}
}

func TestThreat_B5_OtherLogins(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{Remember: true}, config: func(c *gateway.Config) { c.SessionNames = []string{"token"} }})
	// What alice has outside the gateway, and mallory has learned: an API token, and the cookie that the application itself remembers her by.
	var token, remember string
	if _, after, ok := strings.Cut(h.direct("/api/login", "application/json", `{"username":"alice","password":"alice-pass-1"}`).body, `"token":"`); ok {
		token, _, _ = strings.Cut(after, `"`)
	}
	for _, c := range h.direct("/login.php", "application/x-www-form-urlencoded", credentials).Cookies() {
		if c.Name == "REMEMBER" {
			remember = c.Value
		}
	}
	if token == "" || remember == "" {
		t.Fatal("alice has no token")
	}
	const basic = "YWxpY2U6YWxpY2UtcGFzcy0x"
	const call = "<methodCall><params><string>alice</string><string>alice-pass-1</string></params></methodCall>"
	const json = `{"username":"alice","password":"alice-pass-1"}`
	rows := []struct {
		method, target, body string
		lines                []string
	}{
		{"GET", "/invoice.php?id=7", "", []string{"Authorization: Basic " + basic}},
		{"GET", "/invoice.php?id=7", "", []string{"Authorization: basic " + basic}},
		{"GET", "/invoice.php?id=7", "", []string{"authorization:  BASIC " + basic}},
		{"GET", "/invoice.php?id=7", "", []string{"Authorization: Bearer x", "Authorization: Basic " + basic}},
		{"GET", "/static/app.css", "", []string{"Authorization: Basic " + basic}},
		{"GET", "/login.php", "", []string{"Authorization: Basic " + basic}},
		{"GET", "/invoice.php?id=7", "", []string{`Authorization: Digest username="alice"`}},
		{"GET", "/invoice.php?id=7", "", []string{"Authorization: Negotiate " + basic}},
		{"GET", "/invoice.php?id=7", "", []string{"Authorization: Bearer " + token}},
		{"GET", "/invoice.php?id=7", "", []string{"Proxy-Authorization: Basic " + basic}},
		{"GET", "/invoice.php?id=7&token=" + token, "", nil},
		{"GET", "/invoice.php?id=7&TOKEN=" + token, "", nil},
		{"GET", "/login.php?token=" + token, "", nil},
		{"GET", "/static/app.css?token=" + token, "", nil},
		{"GET", "/invoice.php?id=7", "", []string{"X-Forwarded-User: alice"}},
		{"GET", "/invoice.php?id=7", "", []string{"X-Remote-User: alice"}},
		{"GET", "/invoice.php?id=7", "", []string{"X_Remote_User: alice"}},
		{"GET", "/invoice.php?id=7", "", []string{"Cookie: REMEMBER=" + remember}},
		{"GET", "/login.php", "", []string{"Cookie: REMEMBER=" + remember}},
		{"POST", "/api/login", json, []string{"Content-Type: application/json"}},
		{"POST", "/API/Login", json, []string{"Content-Type: application/json"}},
		{"POST", "/api/login/", json, []string{"Content-Type: application/json"}},
		{"POST", "/api//login", json, []string{"Content-Type: application/json"}},
		{"POST", "/x/../api/login", json, []string{"Content-Type: application/json"}},
		{"POST", "/api;x/login", json, []string{"Content-Type: application/json"}},
		{"GET", "/api/login?" + credentials, "", nil},
		{"POST", "/xmlrpc.php", call, []string{"Content-Type: text/xml"}},
		{"POST", "/XMLRPC.php", call, []string{"Content-Type: text/xml"}},
		{"POST", "/xmlrpc.php/x", call, []string{"Content-Type: text/xml"}},
		{"POST", "/xmlrpc%2ephp", call, []string{"Content-Type: text/xml"}},
		{"POST", "//xmlrpc.php", call, []string{"Content-Type: text/xml"}},
		{"POST", "/xmlrpc.php;x", call, []string{"Content-Type: text/xml"}},
		{"PUT", "/xmlrpc.php", call, []string{"Content-Type: text/xml"}},
	}
	signedIn := len(h.naive.SignIns())
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, row := range rows {
			if member && len(row.lines) > 0 && strings.HasPrefix(row.lines[0], "Cookie: ") {
				row.lines = []string{row.lines[0] + "; doorcode=" + b.cookie("doorcode") + "; PHPSESSID=" + b.cookie("PHPSESSID")}
			}
			a := b.wire(row.method, row.target, row.body, row.lines...)
			if strings.Contains(a.body, "of alice") {
				t.Errorf("member %v: %s %s %q %q shows a page of alice's", member, row.method, row.target, row.lines, row.body)
			}
			if row.method != "GET" && a.StatusCode < 400 {
				t.Errorf("member %v: %s %s: %d, want a closed door", member, row.method, row.target, a.StatusCode)
			}
		}
		if member {
			b.wantMember("mallory")
		}
	}
	h.wantSignIns("alice", signedIn)
	for _, r := range h.naive.Requests() {
		if a := r.Header.Get("Authorization"); a != "" {
			t.Errorf("%s %s arrived with Authorization: %s", r.Method, r.URI, a)
		}
	}
}

// Where the configuration passes Authorization on, it passes members' tokens: no login, and nothing of a visitor's.
func TestThreat_B5_AuthorizationPassed(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) { c.Authorization = true }})
	const basic = "YWxpY2U6YWxpY2UtcGFzcy0x"
	signedIn := len(h.naive.SignIns())
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, value := range []string{"Basic " + basic, "bASIC\t" + basic, "Bearer x, Basic " + basic, `Digest username="alice"`, "NTLM " + basic, "Negotiate " + basic} {
			for _, target := range []string{"/login.php", "/static/app.css", "/invoice.php?id=7"} {
				if a := b.get(target, "Authorization", value); a.StatusCode != http.StatusForbidden {
					t.Errorf("member %v: %s with %q: %d, want 403", member, target, value, a.StatusCode)
				}
			}
		}
		b.get("/static/app.css", "Authorization", "Bearer of-a-member-"+strconv.FormatBool(member))
	}
	h.wantSignIns("alice", signedIn)
	var arrived []string
	for _, r := range h.naive.Requests() {
		arrived = append(arrived, r.Header["Authorization"]...)
	}
	if want := []string{"Bearer of-a-member-true"}; !slices.Equal(arrived, want) {
		t.Errorf("the upstream got %q, want %q", arrived, want)
	}
}

// padding is more than any buffer on the way holds.
var padding = strings.Repeat("lorem ipsum ", 1<<20/12)

// foreign are bodies with alice's credentials, as a member could send them to a page that takes a form or a file.
func foreign() map[string][]string {
	multi := "Content-Type: multipart/form-data; boundary=b"
	file := func(before, between, after string) string {
		return parts("b", "pad", before, "username", "alice", "pad", between, "password", "alice-pass-1", "pad", after)
	}
	escaped := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, "%%%02x", s[i])
		}
		return b.String()
	}
	return map[string][]string{
		"urlencoded":                         {credentials, formType},
		"password first":                     {"password=alice-pass-1&username=alice", formType},
		"padding before":                     {"pad=" + padding + "&" + credentials, formType},
		"padding between":                    {"username=alice&pad=" + padding + "&password=alice-pass-1", formType},
		"padding after":                      {credentials + "&pad=" + padding, formType},
		"names percent-encoded":              {escaped("username") + "=alice&" + escaped("password") + "=alice-pass-1", formType},
		"one letter percent-encoded":         {"usern%61me=alice&p%61ssword=alice-pass-1", formType},
		"spaces before":                      {"++username=alice&%20password=alice-pass-1", formType},
		"indexes":                            {"username[]=alice&password[x]=alice-pass-1", formType},
		"encoded indexes":                    {"username%5B%5D=alice&password%5b0%5d=alice-pass-1", formType},
		"NUL behind":                         {"username%00x=alice&password%00=alice-pass-1", formType},
		"password twice":                     {"password=x&username=alice&password=alice-pass-1", formType},
		"no content type":                    {credentials},
		"text/plain":                         {credentials, "Content-Type: text/plain"},
		"octets":                             {credentials, "Content-Type: application/octet-stream"},
		"octets, padding":                    {"pad=" + padding + "&" + credentials, "Content-Type: application/octet-stream"},
		"an image":                           {credentials, "Content-Type: image/png"},
		"json":                               {`{"username":"alice","password":"alice-pass-1"}`, "Content-Type: application/json"},
		"json, padding":                      {`{"pad":"` + padding + `","username":"alice","pad2":"` + padding + `","password":"alice-pass-1"}`, "Content-Type: application/json"},
		"json, escaped keys":                 {`{"usern\u0061me":"alice","\u0070assword":"alice-pass-1"}`, "Content-Type: application/json; charset=utf-8"},
		"json, key twice":                    {`{"username":"mallory","password":"x","username" : "alice" ,"password": "alice-pass-1"}`, "Content-Type: application/json"},
		"json of another name":               {`{"username":"alice","password":"alice-pass-1"}`, "Content-Type: application/vnd.books+json"},
		"multipart":                          {file("", "", ""), multi},
		"multipart, padding before":          {file(padding, "", ""), multi},
		"multipart, padding between":         {file("", padding, ""), multi},
		"multipart, padding after":           {file("", "", padding), multi},
		"multipart, behind a file":           {strings.Replace(file(padding, "", ""), `name="pad"`, `name="file"; filename="a.pdf"`, 1), multi},
		"multipart, indexes":                 {strings.NewReplacer(`"username"`, `"username[]"`, `"password"`, `" password"`).Replace(file("", "x", "")), multi},
		"multipart, unquoted":                {strings.NewReplacer(`"username"`, `username`, `"password"`, `password`).Replace(file("", "x", "")), multi},
		"multipart, case of the header":      {strings.ReplaceAll(file("", "x", ""), "Content-Disposition: form-data; name=", "CONTENT-disposition: FORM-DATA; NAME="), multi},
		"multipart, cut off":                 {strings.TrimSuffix(file("", "", ""), "--\r\n"), multi},
		"multipart that says it is mixed":    {file("", "x", ""), "Content-Type: multipart/mixed; boundary=b"},
		"urlencoded that says it's multi":    {credentials, multi},
		"multipart, boundary in quotes":      {file("", "x", ""), `Content-Type: multipart/form-data; boundary="b"`},
		"gzip":                               {zipped(credentials), formType, "Content-Encoding: gzip"},
		"gzip, two headers":                  {zipped(credentials), formType, "Content-Encoding: identity, gzip"},
		"two content types":                  {credentials, "Content-Type: image/png", formType},
		"user in the query, body above":      {"password=alice-pass-1", formType},
		"user in the query, multipart above": {parts("b", "pad", padding, "password", "alice-pass-1"), multi},
	}
}

func TestThreat_B6_MemberSendsForeignCredentials(t *testing.T) {
	t.Parallel()
	h := newHouse(t, plan{naive: naive.Options{LoginAnywhere: true}})
	b := h.ready(true)
	for name, body := range foreign() {
		for _, target := range []string{"/upload.php", "/note.php", "/index.php?title=Login"} {
			if target != "/upload.php" && len(body[0]) > len(padding) {
				continue // the long ones once
			}
			if strings.HasPrefix(name, "user in the query") {
				target += map[bool]string{true: "&", false: "?"}[strings.Contains(target, "?")] + "username=alice"
			}
			a := b.wire("POST", target, body[0], body[1:]...)
			// Status 0: refused while the client still wrote.
			if a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusUnsupportedMediaType && a.StatusCode != 0 {
				t.Errorf("%s to %s: %d, want refused", name, target, a.StatusCode)
			}
		}
	}
	b.wantMember("mallory")
	h.wantSignIns("alice", 0)
}

// A name that is cut wherever TCP may cut it is found all the same, and what may be its beginning waits for the rest.
func TestThreat_B6_OneByteAtATime(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{LoginAnywhere: true}})
	b := h.ready(true)
	host := parseURL(t, h.url).Host
	for name, row := range map[string]string{
		"urlencoded": formType + "\n" + "a=b&usern%61me=alice&c=d&password=alice-pass-1",
		"multipart":  "Content-Type: multipart/form-data; boundary=b\n" + parts("b", "username", "alice", "password", "alice-pass-1"),
		"json":       "Content-Type: application/json\n" + `{"username":"alice","password":"alice-pass-1"}`,
	} {
		line, body, _ := strings.Cut(row, "\n")
		head := "POST /upload.php HTTP/1.1\r\nHost: " + host + "\r\nCookie: doorcode=" + b.cookie("doorcode") + "; PHPSESSID=" + b.cookie("PHPSESSID") + "\r\n" + line + "\r\n"
		for _, chunked := range []bool{false, true} {
			a := h.send("POST", func(c net.Conn) {
				if chunked {
					io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n")
				} else {
					fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n", head, len(body))
				}
				for i := range len(body) {
					piece := body[i : i+1]
					if chunked {
						piece = "1\r\n" + piece + "\r\n"
					}
					if _, err := io.WriteString(c, piece); err != nil {
						return
					}
				}
				if chunked {
					io.WriteString(c, "0\r\n\r\n")
				}
			})
			if a.StatusCode != http.StatusForbidden {
				t.Errorf("%s, chunked %v: %d, want 403", name, chunked, a.StatusCode)
			}
		}
	}
	b.wantMember("mallory")
	h.wantSignIns("alice", 0)
	// mod_php runs a POST that is cut off with the fields it got: so nothing of the second name may have arrived.
	for _, r := range h.arrived("/upload.php") {
		if strings.Contains(string(r.Body), "pass") || !r.Cut {
			t.Errorf("of the body arrived, cut %v: %q", r.Cut, r.Body)
		}
	}
}

// At the login page a member is anybody who knows a password: alice's code is asked, and mallory's session is over.
func TestThreat_B6_MemberLogsInAsAlice(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.ready(true)
	before := h.phone.count()
	a := b.wire("POST", "/login.php", credentials, formType)
	if !a.judged() || h.phone.count() != before+1 {
		t.Errorf("%d to %q, %d messages to alice; want her code asked", a.StatusCode, a.to(), h.phone.count()-before)
	}
	b.wantVisitor()
	h.wantSignIns("alice", 1)
}

// names are spellings of alice that some application's database takes for hers.
var names = []string{
	"alice", "ALICE", "Alice", "aLiCe", "alice ", "alice   ", " alice", "\u00a0alice", "alice\u3000", "alicé", "àlîçe", "alice\u0301", "ａｌｉｃｅ", "ＡＬＩＣＥ ",
	"ⓐlice", "аlice", "alıce", "alice\u200b", "\ufeffalice", "al\u00adice", "alice@example.com", "ALICE@EXAMPLE.COM", "alice\u2028", "",
}

// Whatever the policy lets in by password alone, no spelling of alice's name is among it; with a name read off the application's own
// page, and without.
func TestThreat_B7_AnotherSpellingOfAlice(t *testing.T) {
	t.Parallel()
	noName := func(c *gateway.Config) { c.Login.Confirm.User = nil }
	noAlias := []challenge.User{{Name: "alice", Code: challenge.CodeSMS, Mobile: secret.New("+970599123456"), Place: "users.yaml:4"}}
	for _, row := range []struct {
		name     string
		unlisted challenge.Unlisted
		users    []challenge.User
		config   func(*gateway.Config)
	}{
		{"unlisted refused", challenge.UnlistedRefuse, nil, nil},
		{"unlisted off", challenge.UnlistedOff, nil, nil},
		{"unlisted off, no alias", challenge.UnlistedOff, noAlias, nil},
		{"unlisted off, nobody says who is in", challenge.UnlistedOff, nil, noName},
		{"unlisted off, nobody says who is in, no alias", challenge.UnlistedOff, noAlias, noName},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, plan{unlisted: row.unlisted, users: row.users, config: row.config})
			asked := 0
			for _, name := range names {
				b := h.ready(false)
				sent := h.phone.count()
				a := b.post("/login.php", url.Values{"username": {name}, "password": {"alice-pass-1"}})
				if a.judged() {
					asked++
				}
				if a.judged() != (h.phone.count() == sent+1) || !a.judged() && a.StatusCode < 400 && !strings.Contains(a.body, "wrong password") {
					t.Errorf("%q: %d to %q, %d messages to alice; want her code asked, or refused", name, a.StatusCode, a.to(), h.phone.count()-sent)
				}
				b.wantVisitor()
			}
			if asked < 10 {
				t.Errorf("alice's code was asked for %d spellings, want the usual ones", asked)
			}
			h.wantNothingAs("alice")
		})
	}
}

// A control character ends or splits the name for some, and for others not: it never goes up.
func TestThreat_B7_ControlCharacters(t *testing.T) {
	h := newHouse(t, plan{unlisted: challenge.UnlistedOff})
	b := h.ready(false)
	for _, name := range []string{"alice%00", "alice%00x", "%00alice", "al%00ice", "alice%0a", "alice%0d%0aX:y", "alice%09", "alice%7f", "alice%1b", "mallory%00alice"} {
		if a := b.wire("POST", "/login.php", "username="+name+"&password=alice-pass-1", formType); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", name, a.StatusCode)
		}
	}
	h.wantSignIns("alice", 0)
}

// An application may fold more than login.fold does, here all of it: so a name that was only typed lets nobody in by password alone.
func TestThreat_B7_TypedNameIsNoName(t *testing.T) {
	h := newHouse(t, plan{unlisted: challenge.UnlistedOff, config: func(c *gateway.Config) { c.Login.Confirm.User = nil }})
	h.setPolicy(func(c *challenge.PolicyConfig) { c.Fold = challenge.Fold{} })
	b := h.ready(false)
	for _, name := range []string{"ALICE", "alicé", "alice "} {
		if a := b.post("/login.php", url.Values{"username": {name}, "password": {"alice-pass-1"}}); a.StatusCode < 400 {
			t.Errorf("%q: %d to %q, want refused", name, a.StatusCode, a.to())
		}
		b.wantVisitor()
	}
	h.wantNothingAs("alice")
}

// Where ops accept typed names, folding is all that keeps the spellings of a listed user in line.
func TestThreat_B7_FoldedLikeTheDatabase(t *testing.T) {
	h := newHouse(t, plan{unlisted: challenge.UnlistedOff, config: func(c *gateway.Config) { c.Login.Confirm.User = nil }})
	h.setPolicy(func(c *challenge.PolicyConfig) { c.AcceptTypedNames = true })
	for _, name := range names {
		b := h.ready(false)
		b.post("/login.php", url.Values{"username": {name}, "password": {"alice-pass-1"}})
		b.wantVisitor()
	}
	h.wantNothingAs("alice")
}
