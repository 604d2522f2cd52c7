package reading

import (
	"net/url"
	"strings"
	"testing"
)

// D5
func TestReturn(t *testing.T) {
	tests := []struct{ raw, want string }{ // "": refused
		{"/", "/"},
		{"/invoices/list.php", "/invoices/list.php"},
		{"/a?b=c&d=%2F%2Fevil", "/a?b=c&d=%2F%2Fevil"},
		{"/a?", "/a?"},
		{"/a?next=https://evil/", "/a?next=https://evil/"},
		{"/a?x=%u0645", "/a?x=%u0645"},
		{"/%6cist", "/list"},
		{"/%d9%81", "/%D9%81"},
		{"/x:y@z", "/x:y@z"},
		{"", ""},
		{"?a=b", ""},
		{"a", ""},
		{"//evil", ""},
		{"///evil", ""},
		{"//evil/%2f..", ""},
		{`/\evil`, ""},
		{`\/evil`, ""},
		{`\\evil`, ""},
		{"/%5cevil", ""},
		{"/%5Cevil", ""},
		{"/%2f/evil", ""},
		{"/%2fevil", ""},
		{"/x//evil", ""},
		{"/./evil", ""},
		{"/.//evil", ""},
		{"/..//evil", ""},
		{"/%2e%2e//evil", ""},
		{"https:evil", ""},
		{"https://evil/", ""},
		{"javascript:alert(1)", ""},
		{" /x", ""},
		{"/ x", ""},
		{"/\t/evil", ""},
		{"/\n/evil", ""},
		{"\t//evil", ""},
		{"/x\r\nSet-Cookie: a=b", ""},
		{"/x%0d%0aSet-Cookie: a=b", ""},
		{"/x?a=\r\nSet-Cookie: a=b", ""},
		{"/x?a=\tb", ""},
		{"/x?a=b c", ""},
		{"/x?a=\"><script>", ""},
		{"/x?a=\x00", ""},
		{"/x?a=\x7f", ""},
		{"/x?a=\xe2\x80\xae", ""},
		{"/x?a=b#c", ""},
		{"/x#//evil", ""},
		{"/x\x00", ""},
		{"/x;y", ""},
		{"/_doorcode", ""},
		{"/_doorcode/cancel?id=1", ""},
		{"/_DOORCODE/x", ""},
		{"/%5fdoorcode/x", ""},
		{"/_doorcode.?x", ""},
		{"/_doorcodes", "/_doorcodes"},
		{"/x?" + strings.Repeat("a", maxReturnBytes-3), "/x?" + strings.Repeat("a", maxReturnBytes-3)},
		{"/x?" + strings.Repeat("a", maxReturnBytes-2), ""},
	}
	for _, test := range tests {
		if got, ok := Return(test.raw); got != test.want || ok != (test.want != "") {
			t.Errorf("Return(%.80q) = %q, %v, want %q", test.raw, got, ok, test.want)
		}
	}
}

func FuzzReturn(f *testing.F) {
	for _, s := range []string{"/a?b=c", "//evil", `/\evil`, "/%2f/evil", "https:evil", "/\t/evil", "/_doorcode"} {
		f.Add(s)
	}
	origin := &url.URL{Scheme: "https", Host: "books.example.com", Path: "/login.php"}
	f.Fuzz(func(t *testing.T, raw string) {
		got, ok := Return(raw)
		if !ok {
			return
		}
		u, err := origin.Parse(got)
		if err != nil || u.Host != origin.Host || u.Scheme != origin.Scheme || u.User != nil || strings.HasPrefix(u.Path, ownRoot+"/") {
			t.Errorf("Return(%q) = %q leads to %v, %v", raw, got, u, err)
		}
		if again, ok := Return(got); ok && again != got {
			t.Errorf("Return(%q) = %q, and that is %q", raw, got, again)
		}
	})
}
