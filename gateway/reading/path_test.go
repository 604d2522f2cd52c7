package reading

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestParsePath(t *testing.T) {
	tests := []struct {
		escaped string
		want    string // "" is refused
		sent    string // "" is as it came
	}{
		{escaped: "/", want: "/"},
		{escaped: "/login.php", want: "/login.php"},
		{escaped: "/login.php/", want: "/login.php/"},
		{escaped: "/Static/a-b_c~d.css", want: "/Static/a-b_c~d.css"},
		{escaped: "/a/.hidden/...x", want: "/a/.hidden/...x"},
		{escaped: "/wiki/Special:Page@1,2(3)!$&'*+=", want: "/wiki/Special:Page@1,2(3)!$&'*+="},
		{escaped: "/a%20b", want: "/a b"},
		{escaped: "/%d9%81%D8%A7", want: "/فا", sent: "/%D9%81%D8%A7"},
		{escaped: "/فا", want: "/فا", sent: "/%D9%81%D8%A7"},
		{escaped: `/a"<b>[c]`, want: `/a"<b>[c]`, sent: "/a%22%3Cb%3E%5Bc%5D"},

		// B1: judged decoded, sent in the one spelling.
		{escaped: "/%6cogin.php", want: "/login.php", sent: "/login.php"},
		{escaped: "/login%2Ephp", want: "/login.php", sent: "/login.php"},
		{escaped: "/login.php/extra", want: "/login.php/extra"},
		{escaped: "/LOGIN.PHP", want: "/LOGIN.PHP"},

		// B1, B12: refused.
		{escaped: ""},
		{escaped: "*"},
		{escaped: "login.php"},
		{escaped: "http://books.example.com/login.php"},
		{escaped: "//login.php"},
		{escaped: "/a//login.php"},
		{escaped: "/login.php//"},
		{escaped: "/./login.php"},
		{escaped: "/x/../login.php"},
		{escaped: "/x/.."},
		{escaped: "/x/."},
		{escaped: "/.../x"},
		{escaped: "/%2e/login.php"},
		{escaped: "/x/%2e%2E/login.php"},
		{escaped: "/x/.%2e/login.php"},
		{escaped: "/x/..%20/login.php"},
		{escaped: "/x/%20/login.php"},
		{escaped: "/x%2flogin.php"},
		{escaped: "/x%2Flogin.php"},
		{escaped: "/%2f/evil"},
		{escaped: "/login.php;x=1"},
		{escaped: "/login.php%3bx=1"},
		{escaped: "/x/..;x=y/login.php"},
		{escaped: `/x\login.php`},
		{escaped: "/x%5clogin.php"},
		{escaped: "/login.php%00.html"},
		{escaped: "/login.php%0a"},
		{escaped: "/login.php\n"},
		{escaped: "/login.php%7f"},
		{escaped: "/login.php%c2%85"},
		{escaped: "/login.php?x"},
		{escaped: "/login.php%3fx"},
		{escaped: "/public#/../admin"},
		{escaped: "/public%23/../admin"},
		{escaped: "/a b"},
		{escaped: "/100%25"},
		{escaped: "/x%252flogin.php"},
		{escaped: "/%256cogin.php"},
		{escaped: "/%"},
		{escaped: "/a%2"},
		{escaped: "/a%zz"},
		{escaped: "/%u006cogin.php"},
		{escaped: "/%c0%af"},
		{escaped: "/%c0%ae%c0%ae/login.php"},
		{escaped: "/%e0%80%af"},
		{escaped: "/%ff"},
		{escaped: "/\xc0\xaf"},
		{escaped: "/%ed%a0%80"},
	}
	for _, test := range tests {
		got, err := ParsePath(test.escaped)
		if test.want == "" {
			if !errors.Is(err, ErrUnreadable) || got != (Path{}) {
				t.Errorf("ParsePath(%q) = %q, %v; want it refused", test.escaped, got.s, err)
			}
			continue
		}
		if err != nil || got.String() != test.want {
			t.Errorf("ParsePath(%q) = %q, %v; want %q", test.escaped, got.s, err, test.want)
		}
		sent := test.sent
		if sent == "" {
			sent = test.escaped
		}
		if got.Escaped() != sent {
			t.Errorf("ParsePath(%q) is sent as %q, want %q", test.escaped, got.Escaped(), sent)
		}
	}
}

// checkPath holds what must be true of every accepted path: it has one reading, and what is sent is what was judged.
func checkPath(t interface{ Errorf(string, ...any) }, escaped string, p Path) {
	sent := p.Escaped()
	if again, err := ParsePath(sent); err != nil || again != p {
		t.Errorf("ParsePath(%q) is sent as %q, which is %q, %v", escaped, sent, again.s, err)
	}
	for i := range len(sent) {
		if sent[i] <= ' ' || sent[i] >= 0x7f {
			t.Errorf("ParsePath(%q) is sent as %q", escaped, sent)
			break
		}
	}
	readings, err := Readings(sent)
	if len(sent) <= maxReadingBytes && err != nil {
		t.Errorf("Readings(%q): %v", sent, err)
	}
	for _, r := range readings {
		if r.s != sent && r.s != p.s {
			t.Errorf("ParsePath(%q) took %q, which could also be read as %q", escaped, p.s, r.s)
		}
	}
	if !utf8.ValidString(p.s) || strings.Contains(p.s, "//") || strings.ContainsAny(p.s, "\\;?#%\x00") {
		t.Errorf("ParsePath(%q) took %q", escaped, p.s)
	}
	// As the gateway hands it to the transport.
	if u := (&url.URL{Path: p.String(), RawPath: sent}); u.EscapedPath() != sent {
		t.Errorf("ParsePath(%q): net/url sends %q for %q", escaped, u.EscapedPath(), sent)
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"/", "/login.php", "/%6cogin.php", "/%d9%81", "/a%20b/c.d/", "/x%2f..%5c;y", "/..%20/", "/%u0041", "//x", "/\xff", "/a%3A:%7e~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		if p, err := ParsePath(escaped); err == nil {
			checkPath(t, escaped, p)
		}
	})
}

// oddPath draws paths of the pieces that parsers disagree on.
func oddPath() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{"/", "/", "a", "login.php", ".", "..", "%2e", "%2f", "%5c", "\\", ";", "%3b", "%00", "%25", "%u002f", "%c0%af", " ", "%20", "+", "é", "%c3%a9", "?", "%3f"})
	return rapid.Custom(func(t *rapid.T) string {
		return "/" + strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), "")
	})
}

func TestPathHasOneReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		escaped := oddPath().Draw(t, "path")
		if p, err := ParsePath(escaped); err == nil {
			checkPath(t, escaped, p)
		}
	})
}

// B19: a member's odd address has all these readings, and a spelling of a door is found among them.
func TestReadings(t *testing.T) {
	tests := []struct {
		escaped string
		among   []string // nil: refused
	}{
		{"/A;B", []string{"/A;B", "/A"}},
		{"/x;a/y;b", []string{"/x;a/y;b", "/x/y", "/x"}},
		{"//x", []string{"//x", "/x", "/"}},
		{"//host/login.php", []string{"//host/login.php", "/login.php"}},
		{"/a%2Fb", []string{"/a%2Fb", "/a/b"}},
		{"/100%25", []string{"/100%25", "/100%"}},
		{"/%u0645", []string{"/%u0645", "/م"}},
		{"/%u002e%u002e/login.php", []string{"/../login.php", "/login.php"}},
		{"/%256cogin.php", []string{"/%6cogin.php", "/login.php"}},
		{"/x/..;y/login.php", []string{"/x/../login.php", "/login.php"}},
		{`/x\..\login.php`, []string{"/x/../login.php", "/login.php"}},
		{"/x%5c..%2flogin.php", []string{"/login.php"}},
		{"/%c0%ae%c0%ae/login.php", []string{"/login.php"}},
		{"/x%e0%80%aflogin.php", []string{"/x/login.php"}},
		{"/login.php%00.css", []string{"/login.php"}},
		{"/login.php%3fx.css", []string{"/login.php"}},
		{"/a/./b//c/../d", []string{"/a/b/d"}},
		{"/..", []string{"/"}},
		{"/wiki/%C7%E1.php", []string{"/wiki/\xc7\xe1.php"}},
		{"/index.php//A;B%2FC", []string{"/index.php//A;B%2FC", "/index.php/A", "/index.php/A/C"}},
		{"/" + strings.Repeat("a%2F;b//%5c..", 3) + "%25252525u002e;", nil},
		{"/" + strings.Repeat("a", maxReadingBytes), nil},
		{"x", nil},
		{"", nil},
	}
	for _, test := range tests {
		got, err := Readings(test.escaped)
		if test.among == nil {
			if !errors.Is(err, ErrUnreadable) || got != nil {
				t.Errorf("Readings(%.40q) has %d, %v; want it refused", test.escaped, len(got), err)
			}
			continue
		}
		if err != nil || got[0].s != test.escaped {
			t.Errorf("Readings(%q): %v, the first is not as it came", test.escaped, err)
		}
		for _, want := range test.among {
			if !slices.ContainsFunc(got, func(p Path) bool { return p.s == want }) {
				t.Errorf("Readings(%q) = %v, lacks %q", test.escaped, got, want)
			}
		}
	}
}

func FuzzReadings(f *testing.F) {
	for _, s := range []string{"/A;B", "//x/../y", "/%2F%5c..;", "/%u0645%c0%af", "/a%00?#", "/100%25"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		got, err := Readings(escaped)
		if err != nil {
			return
		}
		if len(got) > maxReadings || got[0].s != escaped {
			t.Errorf("Readings(%q): %d readings, the first %q", escaped, len(got), got[0].s)
		}
		// Where ParsePath finds its one reading, that is among them.
		if p, err := ParsePath(escaped); err == nil && !slices.Contains(got, p) {
			t.Errorf("Readings(%q) = %v, lacks %q", escaped, got, p.s)
		}
	})
}

// E1: every spelling of our own pages is ours or refused.
func TestOwn(t *testing.T) {
	tests := map[string]bool{
		"/_doorcode":             true,
		"/_doorcode/":            true,
		"/_doorcode/code":        true,
		"/_DoorCode/code":        true,
		"/%5fdoorcode/x":         true,
		"/_doorcode./x":          true,
		"/_doorcode%20/x":        true,
		"/_doorcode::$DATA":      true,
		"/_door%c5%bfode":        false, // "ſ" is an s, not a c
		"/_doorcodes":            false,
		"/_doorcode.css":         false,
		"/x/_doorcode/":          false,
		"/":                      false,
		"/doorcode":              false,
		"//_doorcode":            true, // from here on by its readings
		"/x/../_doorcode":        true,
		"/x%2f..%2f_doorcode":    true,
		"/_doorcode;x":           true,
		`/\_doorcode`:            true,
		"/%255fdoorcode":         true,
		"//x/_doorcode":          true,
		"/x//_doorcode":          false,
		"/x;/_doorcode":          false,
		"/_doorcode%2Fcode":      true,
		"/%u005fdoorcode":        true,
		"/_doorcode%00":          true,
		"/x/%2e%2e/_doorcode%3F": true,
	}
	for escaped, want := range tests {
		got := false
		if p, err := ParsePath(escaped); err == nil {
			got = p.Own()
		} else if readings, err := Readings(escaped); err == nil {
			got = slices.ContainsFunc(readings, Path.Own)
		}
		if got != want {
			t.Errorf("%q is ours: %v, want %v", escaped, got, want)
		}
	}
	if (Path{}).Own() {
		t.Error("the zero path is ours")
	}
}

func TestTarget(t *testing.T) {
	tests := []struct{ uri, path, query string }{ // no path: refused
		{"/", "/", ""},
		{"/a?b=c?d", "/a", "b=c?d"},
		{"/a%2Fb?", "/a%2Fb", ""},
		{"//x/y?z", "//x/y", "z"},
		{"http://evil/login.php", "", ""},
		{"*", "", ""},
		{"", "", ""},
		{"evil:443", "", ""},
		{"/public#/../admin", "", ""},
		{"/a?b#c", "", ""},
		{"/a b", "", ""},
		{"/a\r\nHost: x", "", ""},
		{"/a?\x00", "", ""},
		{"/a\x7f", "", ""},
	}
	for _, test := range tests {
		path, query, err := Target(test.uri)
		if path != test.path || query != test.query || (err != nil) != (test.path == "") {
			t.Errorf("Target(%q) = %q, %q, %v; want %q, %q", test.uri, path, query, err, test.path, test.query)
		}
	}
}

func TestMethod(t *testing.T) {
	tests := map[string]bool{
		"GET": true, "HEAD": true, "POST": true, "PUT": true, "PROPFIND": true, "VERSION-CONTROL": true,
		"": false, "post": false, "Post": false, "GET ": false, "GET\x00": false, "GE_T": false, "CONNECT": false, "TRACE": false, "TRACK": false,
		strings.Repeat("A", 33): false,
	}
	for m, want := range tests {
		if got := Method(m) == nil; got != want {
			t.Errorf("Method(%q) accepts: %v, want %v", m, got, want)
		}
	}
}

func BenchmarkParsePath(b *testing.B) {
	for _, escaped := range []string{"/accounting/invoices/list.php", "/Accounting/a%20b/%D9%81.php"} {
		b.Run(escaped, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParsePath(escaped); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReadings(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Readings("/index.php/A;B%2FC"); err != nil {
			b.Fatal(err)
		}
	}
}
