package seal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fixedBox has the same keys in every process, so that what one fuzzing worker found opens in the others.
func fixedBox(f *testing.F) *Box {
	f.Helper()
	path := filepath.Join(f.TempDir(), "keys")
	text := `{"generation": 1, "keys": [{"id": "00000000", "made_at": "2026-01-01T00:00:00Z", "secret": "` + strings.Repeat("A", 42) + `E="}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
	return NewBox(testRing(f, path), testOptions())
}

// FuzzOpen: of anything that a browser sends, nothing but plain cookies goes up that was not sealed here.
func FuzzOpen(f *testing.F) {
	b := fixedBox(f)
	h := setting("SID=x", "long="+strings.Repeat("y", 5000))
	b.SealAnswer(h, "session", "/")
	f.Add(back(h))
	f.Add("SID=1.x; SID~1=abcdefgh.y; csrf=\"a, SID=1\"; PHP.SESSID=1; __Host-doorcode=2")
	f.Fuzz(func(t *testing.T, cookies string) {
		for pair := range strings.SplitSeq(b.Open([]string{cookies}, "session").Header, "; ") {
			name, value, _ := strings.Cut(pair, "=")
			sealedHere := name == "SID" && value == "x" || name == "long" && len(value) == 5000
			if pair != "" && !sealedHere && (!simple(name) || b.fate(name) != plain || smuggles(value)) {
				t.Fatalf("%q went up of %q", pair, cookies)
			}
		}
	})
}

// FuzzSetCookie: whatever an upstream sets, no visitor gets it, and a member's browser gives it back as it was.
func FuzzSetCookie(f *testing.F) {
	b := fixedBox(f)
	f.Add("SID=x; path=/; HttpOnly", "/app/x")
	f.Add(`SID="a b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=-1; SameSite=None`, "/;x")
	f.Add("doorcode~1=x;;=;Path=;Domain", "")
	f.Fuzz(func(t *testing.T, line, path string) {
		c, ok := parseSetCookie(line, path)
		h := setting(line)
		b.VisitorAnswer(h, path)
		if len(h["Set-Cookie"]) > 0 && b.fate(c.name) == sealed {
			t.Fatalf("%q passed to a visitor", line)
		}
		h = setting(line)
		b.SealAnswer(h, "session", path)
		for _, out := range h["Set-Cookie"] {
			if hasControl(out) || strings.Count(out, "; Path=") != 1 || !strings.HasPrefix(out, c.name) {
				t.Fatalf("%q became %q", line, out)
			}
		}
		j := new(Jar)
		j.Take(setting(line), path)
		if want := j.Names(); ok && len(want) == 1 && b.fate(c.name) != plain {
			if got := b.Open([]string{back(h)}, "session").Header; got != fmt.Sprintf("%s=%s", c.name, c.value) {
				t.Fatalf("%q came back as %q", line, got)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	box := testBox(b)
	h := setting("SID="+strings.Repeat("a", 40), "remember="+strings.Repeat("b", 40), "theme="+strings.Repeat("c", 40))
	box.SealAnswer(h, "session", "/")
	cookies := []string{back(h)}
	b.ReportAllocs()
	for b.Loop() {
		if opened := box.Open(cookies, "session"); len(opened.Dropped) > 0 {
			b.Fatal(opened.Dropped)
		}
	}
}

func BenchmarkSealAnswer(b *testing.B) {
	box := testBox(b)
	line := "SID=" + strings.Repeat("a", 40) + "; path=/; HttpOnly"
	b.ReportAllocs()
	for b.Loop() {
		h := setting(line)
		box.SealAnswer(h, "session", "/")
	}
}
