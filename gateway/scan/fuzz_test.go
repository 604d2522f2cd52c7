package scan

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// sameInPieces reads body at once, byte by byte and in reads of sizes, and reports any difference.
func sameInPieces(contentType, body string, sizes []int) error {
	whole, wholeErr := readSizes(contentType, body, []int{len(body) + 1})
	if !strings.HasPrefix(body, whole) || wholeErr == nil && whole != body {
		return fmt.Errorf("%q came out of %q", whole, body)
	}
	for _, s := range [][]int{{1}, sizes} {
		if out, err := readSizes(contentType, body, s); out != whole || !errors.Is(err, wholeErr) {
			return fmt.Errorf("%q, %v in reads of %v; %q, %v at once", out, err, s, whole, wholeErr)
		}
	}
	return nil
}

func readSizes(contentType, body string, sizes []int) (string, error) {
	source := &sizedReader{strings.NewReader(body), sizes, 0}
	r, err := testNames().Request().Body(http.Header{"Content-Type": {contentType}}, io.NopCloser(source))
	if err != nil {
		return "", err
	}
	out, err := io.ReadAll(r)
	return string(out), err
}

type sizedReader struct {
	r     io.Reader
	sizes []int
	next  int
}

func (s *sizedReader) Read(p []byte) (int, error) {
	size := s.sizes[s.next%len(s.sizes)]
	s.next++
	return s.r.Read(p[:min(len(p), size)])
}

// both reports whether Go's reader of forms finds both names.
func both(form string) bool {
	values, _ := url.ParseQuery(form)
	var user, password bool
	for name := range values {
		name, _, _ = strings.Cut(strings.ToLower(strings.TrimLeft(name, " ")), "\x00")
		name, _, _ = strings.Cut(name, "[")
		user = user || name == "username" || name == "company"
		password = password || name == "password"
	}
	return user && password
}

func FuzzBody(f *testing.F) {
	f.Add(formType, "username=a&%70assword[]=b", uint8(3))
	f.Add(jsonType, `{"username":"a","\u0070assword" : "b"}`, uint8(1))
	f.Add(partType, part(`name="username"`)+part("na\r\nme=\"password\""), uint8(7))
	f.Add("multipart/mixed", `--x`+part(`name*0="user"`), uint8(2))
	f.Add("text/xml", `<m username="a"><x:password>b`, uint8(4))
	f.Add(jsonType, `/*c*/{username:"a",'password' //`+"\n:1}", uint8(5))
	f.Fuzz(func(t *testing.T, contentType, body string, size uint8) {
		if err := sameInPieces(contentType, body, []int{int(size) + 1}); err != nil {
			t.Fatal(err)
		}
		if out, _ := readSizes(formType, body, []int{len(body) + 1}); both(out) {
			t.Fatalf("%q went up of %q", out, body)
		}
	})
}
