package seal

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func jarOf(lines ...string) *Jar {
	j := new(Jar)
	j.Take(setting(lines...), "/app/login.php?x=1")
	return j
}

func TestJarHeader(t *testing.T) {
	j := jarOf("a=1; Path=/", "b=2", "c=3; Path=/app/sub", "d=4; Path=/", "a=5; Path=/", "a=6; Path=/app", "e=\"7 8\"; path=/other", "doorcode=9")
	for path, want := range map[string]string{
		"/app/login.php":   "b=2; a=6; a=5; d=4",
		"/app/sub/x?y=/z":  "c=3; b=2; a=6; a=5; d=4",
		"/app":             "b=2; a=6; a=5; d=4",
		"/apple":           "a=5; d=4",
		"/":                "a=5; d=4",
		"/other":           `e="7 8"; a=5; d=4`,
		"/otherwise?/app/": "a=5; d=4",
	} {
		if got := j.Header(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := new(Jar).Header("/") + (*Jar)(nil).Header("/"); got != "" {
		t.Errorf("empty Jars make %q", got)
	}
}

func TestJarDeletions(t *testing.T) {
	j := jarOf("a=1; Path=/", "a=2; Path=/app", "b=3; Path=/")
	j.Take(setting("a=deleted; Path=/app; Max-Age=0", "b=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT", "c=; Max-Age=0"), "/")
	if got := j.Header("/app/"); got != "a=1" {
		t.Errorf("left %q, want a=1", got)
	}
}

// TestJarOf: of cookies that a browser sent the paths are not known.
func TestJarOf(t *testing.T) {
	j := JarOf("SID=old; x=y; SID=older; empty=")
	if got := j.Header("/any"); got != "SID=old; x=y; SID=older; empty=" {
		t.Errorf("made %q", got)
	}
	j.Take(setting("SID=new; Path=/any", "x=; Max-Age=0"), "/")
	if got := j.Header("/any"); got != "SID=new; empty=" {
		t.Errorf("after an answer %q", got)
	}
	if got := JarOf("").Header("/"); got != "" {
		t.Errorf("of nothing %q", got)
	}
}

func TestJarQuestions(t *testing.T) {
	j := jarOf("PHPSESSID=0123456789", "csrf=abcdefgh", "lang=ar", "xcsrf=12345678", "lang=en; Path=/")
	if got, want := j.Names(), []string{"PHPSESSID", "csrf", "lang", "xcsrf"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	if got, want := j.Values(), []string{"0123456789", "abcdefgh", "12345678"}; !slices.Equal(got, want) {
		t.Errorf("values %q, want %q", got, want)
	}
	if !j.Has(regexp.MustCompile("SESS")) || j.Has(regexp.MustCompile("^SESS")) {
		t.Error("Has does not search")
	}
	only := j.Only([]*regexp.Regexp{regexp.MustCompile("csrf"), regexp.MustCompile("la|lang")})
	if got, want := only.Header("/app/"), "csrf=abcdefgh; lang=ar; lang=en"; got != want {
		t.Errorf("only %q, want %q", got, want)
	}
}

func TestHold(t *testing.T) {
	b := testBox(t)
	value := "a \"q\" \xff\xfe"
	held, err := b.Hold(HeldSession{Jar: jarOf("SID="+value+"; Path=/; Max-Age=60", "csrf=t; Secure"), Location: "/home;jsessionid=1", Status: 302, Language: "ar"}, "one")
	if err != nil {
		t.Fatal(err)
	}
	v, err := b.Release(held, "one")
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Jar.Header("/app/"); got != "csrf=t; SID="+value || v.Location != "/home;jsessionid=1" || v.Status != 302 || v.Language != "ar" {
		t.Errorf("released %q, %q, %d, %q", got, v.Location, v.Status, v.Language)
	}
	h := setting()
	for _, s := range b.SealJar(v.Jar, "session") {
		s.SetOn(h)
	}
	if got := b.Open([]string{back(h)}, "session").Header; got != "SID="+value+"; csrf=t" {
		t.Errorf("entry opened %q", got)
	}
	if !strings.Contains(h["Set-Cookie"][0], "; Path=/; Max-Age=60;") || !strings.HasSuffix(h["Set-Cookie"][1], "csrf=t; Secure; Path=/app") {
		t.Errorf("entry set %q", h["Set-Cookie"])
	}
	changed := slices.Clone(held)
	changed[len(changed)/2] ^= 1
	for name, try := range map[string]func() error{
		"another challenge": func() error { _, err := b.Release(held, "two"); return err },
		"changed":           func() error { _, err := b.Release(changed, "one"); return err },
		"empty":             func() error { _, err := b.Release(nil, "one"); return err },
		"other keys":        func() error { _, err := testBox(t).Release(held, "one"); return err },
	} {
		if try() == nil {
			t.Errorf("%s: released", name)
		}
	}
	if text := string(held) + held.String(); strings.Contains(text, "SID") || strings.Contains(text, "home") {
		t.Error("held in clear")
	}
}

// TestThreat_C12_NothingPrints: no verb, no struct around it and no JSON shows a cookie.
func TestThreat_C12_NothingPrints(t *testing.T) {
	b := testBox(t)
	j := jarOf("SID=hush-hush", "csrf=hush-hush")
	values := []any{
		j, *j, HeldSession{Jar: j, Location: "/hush-hush"}, &HeldSession{Jar: j}, b.SealJar(j, "s"), Opened{Header: "SID=hush-hush"},
		j.cookies[0], j.cookies, struct{ Held HeldSession }{HeldSession{Jar: j, Location: "hush-hush"}}, struct{ s Sealed }{b.SealJar(j, "s")[1]},
	}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "hush") || strings.Contains(text, fmt.Sprintf("%x", "hush")) {
				t.Errorf("%T prints under %s: %s", v, verb, text)
			}
		}
	}
	for _, v := range values[:5] {
		if text, err := json.Marshal(v); err != nil || strings.Contains(string(text), "hush") {
			t.Errorf("%T in JSON: %s, %v", v, text, err)
		}
	}
}

func TestParseDate(t *testing.T) {
	want := time.Date(1994, time.November, 6, 8, 49, 37, 0, time.UTC)
	for _, text := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06-Nov-1994 08:49:37 GMT",
		"6 november 94 8:49:37", "1994 Nov 6 08:49:37", "\"Sun, 06 Nov 1994 08:49:37 GMT\"",
	} {
		if got, ok := parseDate(text); !ok || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "soon", "Sun, 06 Nov 1994", "31 Feb 1994 08:49:37", "6 Nov 1994 24:00:00", "6 Nov 1600 08:00:00", "0 Nov 1994 08:00:00", "6 Nov 1994 08:00", "99999999999999999999 Nov 1994 08:00:00"} {
		if got, ok := parseDate(text); ok {
			t.Errorf("%q: %v, want none", text, got)
		}
	}
	if got, _ := parseDate("Thu, 01-Jan-69 00:00:00 GMT"); got.Year() != 2069 {
		t.Errorf("year 69 is %d (RFC 6265 §5.1.1)", got.Year())
	}
}
