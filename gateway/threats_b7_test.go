package gateway_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"doorcode/testdata/naive"
)

// A packed body is refused whatever type it claims: a server that unpacks bodies does not ask for the type.
func TestThreat_B3_PackedBodyOfAnyType(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{LoginAnywhere: true}})
	member := h.browser()
	member.enterWith("mallory")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte("username=alice&password=alice-pass-1"))
	must(t, w.Close())
	for _, kind := range []string{"image/png", "application/octet-stream", "application/zip", "video/mp4", "application/x-www-form-urlencoded", "text/plain"} {
		a := member.do("POST", "/upload.php", packed.String(), "Content-Type", kind, "Content-Encoding", "gzip")
		if a.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d, want 415", kind, a.StatusCode)
		}
	}
	member.wantMember("mallory")
	h.wantNothingAs("alice")
}

// Keys as lenient readers of JSON and XML take them are fields too; pages that speak of them are saved.
func TestThreat_B4_LenientKeys(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{LoginAnywhere: true}})
	member := h.browser()
	member.enterWith("mallory")
	for _, body := range []string{
		`{'username':'alice','password':'alice-pass-1'}`,
		`{username:"alice",password:"alice-pass-1"}`,
		`{"username"/*c*/:"alice","password"//c` + "\n" + `:"alice-pass-1"}`,
		"\xff\xfe{\x00'\x00u\x00s\x00e\x00r\x00n\x00a\x00m\x00e\x00'\x00:\x001\x00,\x00p\x00a\x00s\x00s\x00w\x00o\x00r\x00d\x00:\x002\x00}\x00",
		`<login><username>alice</username><password>alice-pass-1</password></login>`,
		`<login username="alice" password="alice-pass-1"/>`,
	} {
		for _, kind := range []string{"application/json", "text/xml", "image/png"} {
			if a := member.do("POST", "/note.php", body, "Content-Type", kind); a.StatusCode != http.StatusForbidden {
				t.Errorf("%q as %s: %d, want 403", body, kind, a.StatusCode)
			}
		}
	}
	const page = "{'username': 'alice'} <username>a</username> username: alice, password: x\r\n{username:1, password:2}\r\nusername=a&password=b\r\n"
	for kind, body := range map[string]string{
		"application/x-www-form-urlencoded": url.Values{"title": {"username"}, "text": {page}}.Encode(),
		"multipart/form-data; boundary=b":   parts("b", "title", "password", "text", page),
	} {
		if a := member.do("POST", "/note.php", body, "Content-Type", kind); a.StatusCode >= 400 {
			t.Errorf("a page about passwords as %s: %d, want it saved", kind, a.StatusCode)
		}
		// In any place: the bodies cut off above may still be on their way.
		whole := func(r naive.Request) bool { return string(r.Body) == body }
		if !slices.ContainsFunc(h.arrived("/note.php"), whole) {
			t.Errorf("the page as %s did not arrive whole", kind)
		}
	}
	member.wantMember("mallory")
	h.wantNothingAs("alice")
}
