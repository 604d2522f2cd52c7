package gateway_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
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
