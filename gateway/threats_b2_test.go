package gateway_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"doorcode/gateway"
	"doorcode/testdata/naive"
)

// bodies are ways to say alice's name and password in a body. 303 is read as the login and led to alice's code page.
func bodies() []struct {
	name, body string
	lines      []string
	status     int
} {
	return []struct {
		name, body string
		lines      []string
		status     int
	}{
		{"urlencoded", credentials, []string{formType}, 303},
		{"charset utf-8", credentials, []string{formType + "; charset=UTF-8"}, 303},
		{"charset windows-1256", credentials, []string{formType + "; charset=windows-1256"}, 303},
		{"multipart", parts("b", "username", "alice", "password", "alice-pass-1"), []string{"Content-Type: multipart/form-data; boundary=b"}, 303},
		{"multipart, quoted boundary", parts("b", "username", "alice", "password", "alice-pass-1"), []string{`Content-Type: multipart/form-data; boundary="b"`}, 303},

		{"no content type", credentials, nil, 400},
		{"empty content type", credentials, []string{"Content-Type:"}, 400},
		{"two content types", credentials, []string{formType, "Content-Type: application/json"}, 400},
		{"the same twice", credentials, []string{formType, formType}, 400},
		{"two in one", credentials, []string{formType + ", text/plain"}, 400},
		{"text/plain", "username=alice\r\npassword=alice-pass-1\r\n", []string{"Content-Type: text/plain"}, 400},
		{"octets", credentials, []string{"Content-Type: application/octet-stream"}, 400},
		{"xml", "<username>alice</username><password>alice-pass-1</password>", []string{"Content-Type: text/xml"}, 400},
		{"json", `{"username":"alice","password":"alice-pass-1"}`, []string{"Content-Type: application/json"}, 400},
		{"json, key twice", `{"username":"mallory","username":"alice","password":"alice-pass-1"}`, []string{"Content-Type: application/json"}, 400},
		{"json, key escaped", `{"\u0075sername":"alice","p\u0061ssword":"alice-pass-1"}`, []string{"Content-Type: application/json"}, 400},
		{"json as a form", `{"username":"alice","password":"alice-pass-1"}`, []string{formType}, 400},
		{"charset utf-16", wide(credentials), []string{formType + "; charset=utf-16"}, 400},
		{"charset utf-16le", credentials, []string{formType + "; charset=UTF-16LE"}, 400},
		{"charset ibm037", credentials, []string{formType + "; charset=IBM037"}, 400},
		{"charset utf-7", credentials, []string{formType + "; charset=utf-7"}, 400},
		{"charset twice", credentials, []string{formType + "; charset=utf-8; charset=utf-16"}, 400},
		{"charset in a field", credentials + "&_charset_=utf-16", []string{formType}, 400},
		{"gzip", zipped(credentials), []string{formType, "Content-Encoding: gzip"}, 400},
		{"gzip, twice", zipped(credentials), []string{formType, "Content-Encoding: identity", "Content-Encoding: gzip"}, 400},
		{"deflate, or so it says", credentials, []string{formType, "Content-Encoding: deflate"}, 400},
		{"multipart without boundary", parts("b", "username", "alice", "password", "alice-pass-1"), []string{"Content-Type: multipart/form-data"}, 400},
		{"multipart, two boundaries", parts("b", "username", "alice", "password", "alice-pass-1"), []string{"Content-Type: multipart/form-data; boundary=a; boundary=b"}, 400},
		{"multipart, odd boundary", parts("b;c", "username", "alice", "password", "alice-pass-1"), []string{`Content-Type: multipart/form-data; boundary="b;c"`}, 400},
		{"multipart, boundary in another parameter", parts("b", "username", "alice", "password", "alice-pass-1"), []string{"Content-Type: multipart/form-data; x=boundary=a; boundary=b"}, 400},
		{"multipart/mixed", parts("b", "username", "alice", "password", "alice-pass-1"), []string{"Content-Type: multipart/mixed; boundary=b"}, 400},
		{"multipart, preamble", "--a\r\n" + parts("b", "username", "alice", "password", "alice-pass-1"), []string{"Content-Type: multipart/form-data; boundary=b"}, 400},
		{"multipart, parts behind the end", parts("b", "username", "mallory", "password", "mallory-pass-1") + parts("b", "username", "alice", "password", "alice-pass-1"), []string{"Content-Type: multipart/form-data; boundary=b"}, 400},
		{"multipart, bare line feeds", strings.ReplaceAll(parts("b", "username", "alice", "password", "alice-pass-1"), "\r\n", "\n"), []string{"Content-Type: multipart/form-data; boundary=b"}, 400},
		{"multipart, name*", strings.Replace(parts("b", "username", "alice", "password", "alice-pass-1"), `name="username"`, `name*=UTF-8''username`, 1), []string{"Content-Type: multipart/form-data; boundary=b"}, 400},
		{"multipart, two names", strings.Replace(parts("b", "username", "alice", "password", "alice-pass-1"), `name="username"`, `name="x"; name="username"`, 1), []string{"Content-Type: multipart/form-data; boundary=b"}, 400},
		{"multipart as urlencoded", parts("b", "username", "alice", "password", "alice-pass-1"), []string{formType}, 400},
		{"urlencoded as multipart", credentials, []string{"Content-Type: multipart/form-data; boundary=b"}, 400},
	}
}

// parts is a multipart body with one part a pair, as browsers write it.
func parts(boundary string, pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, pairs[i], pairs[i+1])
	}
	return b.String() + "--" + boundary + "--\r\n"
}

// wide is ASCII in UTF-16.
func wide(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(s[i])
		b.WriteByte(0)
	}
	return b.String()
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func TestThreat_B3_BodyInAnotherReading(t *testing.T) {
	for _, member := range []bool{false, true} {
		h := newHouse(t, plan{})
		b, judged := h.ready(member), 0
		for _, row := range bodies() {
			a := b.wire("POST", "/login.php", row.body, row.lines...)
			if a.StatusCode != row.status || a.judged() != (row.status == http.StatusSeeOther) {
				t.Errorf("member %v: %s: %d to %q, want %d", member, row.name, a.StatusCode, a.to(), row.status)
			}
			if a.judged() {
				judged++
				b = h.ready(member)
			}
		}
		h.wantSignIns("alice", judged)
	}
}

// What a member sends elsewhere is scanned; a body that cannot be is refused before anything of it goes up.
func TestThreat_B3_BodyThatCannotBeScanned(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{LoginAnywhere: true}})
	b := h.ready(true)
	for _, row := range bodies() {
		if a := b.wire("POST", "/note.php", row.body, row.lines...); a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusUnsupportedMediaType && a.StatusCode != http.StatusOK {
			t.Errorf("%s to /note.php: %d, want refused, or served where no field is in it", row.name, a.StatusCode)
		}
	}
	b.wantMember("mallory")
	h.wantSignIns("alice", 0)
}

// Logins in which the gateway could read one user and the upstream another; in both orders, for upstreams differ in which one counts.
func TestThreat_B4_TwoUsersInOneLogin(t *testing.T) {
	const form, pass = "/login.php", "password=alice-pass-1"
	rows := []struct {
		target, body string
		lines        []string
	}{
		{form, "username=mallory&username=alice&" + pass, nil},
		{form, "username=alice&username=mallory&" + pass, nil},
		{form, "username=mallory&username[]=alice&" + pass, nil},
		{form, "username[]=alice&username=mallory&" + pass, nil},
		{form, "username=mallory&username[0]=alice&" + pass, nil},
		{form, "username=mallory&username%5Bx%5D=alice&" + pass, nil},
		{form, "username=mallory&username%5Bx=alice&" + pass, nil},
		{form, "username=mallory&+username=alice&" + pass, nil},
		{form, "username=mallory&%20%20username=alice&" + pass, nil},
		{form, "username=mallory&us%65rname=alice&" + pass, nil},
		{form, "username=mallory&username%00=alice&" + pass, nil},
		{form, "username=mallory&username%00x=alice&" + pass, nil},
		{form, "username=mallory&USERNAME=alice&" + pass, nil},
		{form, "username=mallory&" + pass + "&username=alice", nil},
		{form, "username[]=alice&" + pass, nil},
		{form, "+username=alice&" + pass, nil},
		{form, "username%00=alice&" + pass, nil},
		{form, "username=alice%00mallory&" + pass, nil},
		{form, "username=mallory&password=mallory-pass-1&password=alice-pass-1&username=alice", nil},
		{form, "username=alice&password=x&password=alice-pass-1", nil},
		{form, "username=alice&password[]=alice-pass-1", nil},
		{form, "username=alice", nil},
		{form, pass, nil},
		{form + "?username=alice", "username=mallory&" + pass, nil},
		{form + "?username=mallory", "username=alice&" + pass, nil},
		{form + "?username%5B%5D=alice", "username=mallory&" + pass, nil},
		{form + "?+username=alice", "username=mallory&" + pass, nil},
		{form + "?username=alice", pass, nil},
		{form + "?" + pass, "username=alice", nil},
		{form + "?x=%zz", "username=alice&" + pass, nil},
		{form, parts("b", "username", "mallory", "username", "alice", "password", "alice-pass-1"), []string{"Content-Type: multipart/form-data; boundary=b"}},
		{form, parts("b", "username", "mallory", "username[]", "alice", "password", "alice-pass-1"), []string{"Content-Type: multipart/form-data; boundary=b"}},
	}
	// The upstream tells no name, so what the gateway read decides: the worst case.
	h := newHouse(t, plan{config: func(c *gateway.Config) { c.Login.Confirm.User = nil }})
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, row := range rows {
			if row.lines == nil {
				row.lines = []string{formType}
			}
			if a := b.wire("POST", row.target, row.body, row.lines...); a.StatusCode != http.StatusBadRequest {
				t.Errorf("member %v: POST %s with %q: %d to %q, want 400", member, row.target, row.body, a.StatusCode, a.to())
				b = h.ready(member)
			}
		}
	}
	h.wantSignIns("alice", 0)
}

// PHP's $_REQUEST may hold cookies too. What the browser holds under the login's names never goes up, and a login goes up without
// any cookie of the browser's.
func TestThreat_B4_UserInACookie(t *testing.T) {
	h := newHouse(t, plan{})
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, cookie := range []string{"username=alice; password=alice-pass-1", "username=alice", "user name=alice; +username=alice"} {
			own := "doorcode=" + b.cookie("doorcode")
			b.wire("GET", "/login.php", "", "Cookie: "+own+"; "+cookie)
			a := b.wire("POST", "/login.php", "username=mallory&password=mallory-pass-1", formType, "Cookie: "+own+"; "+cookie)
			if a.StatusCode != http.StatusSeeOther {
				t.Errorf("member %v, mallory's login with %q: %d", member, cookie, a.StatusCode)
			}
			b = h.ready(member)
		}
	}
	h.wantSignIns("alice", 0)
	for _, r := range h.naive.Requests() {
		if strings.Contains(r.Header.Get("Cookie"), "alice") {
			t.Errorf("%s %s arrived with the cookie %q", r.Method, r.URI, r.Header.Get("Cookie"))
		}
	}
}
