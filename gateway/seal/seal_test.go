package seal

import (
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"doorcode/challenge/keys"
)

func testRing(t testing.TB, path string) *keys.Ring {
	t.Helper()
	ring, err := keys.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func testBox(t testing.TB) *Box {
	t.Helper()
	return NewBox(testRing(t, filepath.Join(t.TempDir(), "keys")), testOptions())
}

func testOptions() Options {
	return Options{
		Plain:  []*regexp.Regexp{regexp.MustCompile(`csrf|csrftoken`), regexp.MustCompile(`PHP.*`)},
		Keep:   []*regexp.Regexp{regexp.MustCompile(`lang`)},
		Secure: true,
	}
}

func setting(lines ...string) http.Header { return http.Header{"Set-Cookie": lines} }

// back is the Cookie header of a browser that was given lines, without any of its own judgement.
func back(h http.Header) string {
	var pairs []string
	for _, line := range h["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		pairs = append(pairs, pair)
	}
	return strings.Join(pairs, "; ")
}

func TestWhatTheUpstreamSetsComesBackByteForByte(t *testing.T) {
	b := testBox(t)
	for _, value := range []string{
		"", "1", "a=b=c", `"quoted, with \"pairs\""`, "two words", "عربي", "\xe3\xee windows-1256 \xff", `{"a":[1,2]}`, "a,b", "%00%zz",
		strings.Repeat("x", 4096), strings.Repeat("\xff", maxValue),
	} {
		h := setting("SID=" + value + "; path=/app; HttpOnly")
		b.SealAnswer(h, "session", "/app/index.php")
		for _, line := range h["Set-Cookie"] {
			pair, _, _ := strings.Cut(line, ";")
			if len(pair) > 4096 {
				t.Errorf("%.20q: a browser stores no %d bytes", value, len(pair))
			}
			if value != "" && len(value) > 3 && strings.Contains(line, value) {
				t.Errorf("%.20q stands in the sealed cookie", value)
			}
		}
		if got := b.Open([]string{back(h)}, "session"); got.Header != "SID="+value || len(got.Dropped) > 0 {
			t.Errorf("%.40q came back as %.40q, dropped %q", value, got.Header, got.Dropped)
		}
	}
}

// TestAttributes: what a sealed and a plain cookie keep of what the application asked for.
func TestAttributes(t *testing.T) {
	for _, test := range []struct {
		line   string
		secure bool
		want   string // behind the value; "-" for no cookie at all
	}{
		{"SID=x", true, "; Path=/app; SameSite=Lax; HttpOnly; Secure"},
		{"SID=x", false, "; Path=/app; SameSite=Lax; HttpOnly"},
		{"SID=x; Path=/; Domain=.example.com; Secure", false, "; Path=/; SameSite=Lax; HttpOnly"},
		{"SID=x; path=relative; PATH=/a/; samesite=strict", true, "; Path=/a/; SameSite=Strict; HttpOnly; Secure"},
		{"SID=x; SameSite=None", true, "; Path=/app; SameSite=None; HttpOnly; Secure"},
		{"SID=x; SameSite=None", false, "; Path=/app; SameSite=Lax; HttpOnly"},
		{"SID=x; SameSite=Odd; Partitioned", true, "; Path=/app; SameSite=Lax; HttpOnly; Secure"},
		{"SID=x; Max-Age=60; Expires=Wed, 01 Jan 2500 00:00:00 GMT", false, "; Path=/app; Expires=Wed, 01 Jan 2500 00:00:00 GMT; Max-Age=60; SameSite=Lax; HttpOnly"},
		{"SID=x; Max-Age=soon", false, "; Path=/app; SameSite=Lax; HttpOnly"},
		{"csrf=x; Domain=example.com; SameSite=Strict; Max-Age=60", true, "=x; SameSite=Strict; Max-Age=60; Path=/app"},
		{"csrf=x; path=/a; secure; HttpOnly", false, "=x; secure; HttpOnly; Path=/a"},
		{"SID=secret; Max-Age=0", false, "SID=; Path=/app; Max-Age=0; SameSite=Lax; HttpOnly"},
		{"SID=secret; Max-Age=-1; Expires=Wed, 01 Jan 2500 00:00:00 GMT", false, "SID=; Path=/app; Expires=Wed, 01 Jan 2500 00:00:00 GMT; Max-Age=-1; SameSite=Lax; HttpOnly"},
		{"SID=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/", false, "SID=; Path=/; Expires=Thu, 01-Jan-1970 00:00:01 GMT; SameSite=Lax; HttpOnly"},
		{"csrf=secret; Max-Age=0; Path=/", false, "csrf=; Max-Age=0; Path=/"},
		{"lang=secret; Max-Age=0", false, "lang=; Path=/app; Max-Age=0; SameSite=Lax; HttpOnly"},
		{"nothing", false, "-"},
		{"=x", false, "-"},
		{"SID=a\x01b", false, "-"},
		{"SID=" + strings.Repeat("x", maxValue+1), false, "-"},
		{strings.Repeat("n", maxName+1) + "=x", false, "-"},
	} {
		o := testOptions()
		o.Secure = test.secure
		h := setting(test.line)
		NewBox(testRing(t, filepath.Join(t.TempDir(), "keys")), o).SealAnswer(h, "session", "/app/index.php?x=/y/z")
		got := "-"
		if lines := h["Set-Cookie"]; len(lines) == 1 {
			got = lines[0]
		}
		if !strings.HasSuffix(got, test.want) || strings.Contains(got, "secret") || test.want == "-" && got != "-" {
			t.Errorf("%.80q became %.200q, want …%s", test.line, got, test.want)
		}
	}
}

// TestThreat_A8_OneAnswerManyCookies: order and path are kept, of a name and path the last wins, nothing raw is left.
func TestThreat_A8_OneAnswerManyCookies(t *testing.T) {
	b := testBox(t)
	h := setting("A=1; Path=/", "b=2", "A=3; path=/", "A=4; Path=/sub", "lang=ar", "csrf=t", "a=5; Path=/", "doorcode=x", "__Host-DoorCode=x", "gone=x; Max-Age=0")
	h.Set("Set-Cookie2", "A=raw")
	changes := b.SealAnswer(h, "session", "/")
	if got, want := b.Open([]string{back(h)}, "session").Header, "A=3; b=2; A=4; lang=ar; csrf=t; a=5"; got != want {
		t.Errorf("opened %q, want %q", got, want)
	}
	if want := []string{"A", "b", "a", "gone"}; !slices.Equal(changes.Names, want) {
		t.Errorf("names %q, want %q", changes.Names, want)
	}
	if want := []string{"doorcode", "__Host-DoorCode"}; !slices.Equal(changes.Dropped, want) {
		t.Errorf("dropped %q, want %q", changes.Dropped, want)
	}
	if h.Get("Set-Cookie2") != "" {
		t.Error("Set-Cookie2 passed")
	}
}

func TestThreat_A8_A9_VisitorsGetNone(t *testing.T) {
	b := testBox(t)
	h := setting("SID=raw", `remember="raw value"`, "lang=ar", "csrf=t; HttpOnly", "PHP.X=raw", "old=; Max-Age=0")
	dropped := b.VisitorAnswer(h, "/")
	if want := []string{"SID", "remember", "PHP.X"}; !slices.Equal(dropped, want) {
		t.Errorf("dropped %q, want %q", dropped, want)
	}
	if text := fmt.Sprintf("%q", h); strings.Contains(text, "raw") {
		t.Errorf("left in %s", text)
	}
	for _, session := range []string{"", "one", "two"} {
		if got, want := b.Open([]string{back(h)}, session).Header, "lang=ar; csrf=t"; got != want {
			t.Errorf("session %q: opened %q, want %q", session, got, want)
		}
	}
	text, err := b.member.seal(scope("SID", ""), []byte("x"))
	if got := b.Open([]string{"SID=1." + text}, "").Header; got != "" || err != nil {
		t.Errorf("what is sealed to no session opened as %q (%v)", got, err)
	}
	h = setting("SID=raw")
	if changes := b.SealAnswer(h, "", "/"); len(h["Set-Cookie"]) > 0 || !slices.Equal(changes.Dropped, []string{"SID"}) {
		t.Errorf("an answer sealed to no session passed %q", h)
	}
}

// TestThreat_A5_A6_B14_D6_WhatTheBrowserSends lists what goes up of cookies as anybody may send them.
func TestThreat_A5_A6_B14_D6_WhatTheBrowserSends(t *testing.T) {
	b := testBox(t)
	h := setting("SID=mine", "odd.name=o", "lang=ar")
	b.SealAnswer(h, "session", "/")
	own := back(h)
	text := strings.TrimPrefix(strings.Split(own, "; ")[0], "SID=")
	h = setting("SID=theirs")
	b.SealAnswer(h, "other", "/")
	theirs := back(h)
	for _, test := range []struct{ name, cookie, want string }{
		{"own", own, "SID=mine; odd.name=o; lang=ar"},
		{"raw", "SID=learned", ""},
		{"another session's", theirs, ""},
		{"tossed in front (D6)", theirs + "; " + own, "SID=mine; odd.name=o; lang=ar"},
		{"another name", "S1D=" + text, ""},
		{"another case", "sid=" + text, ""},
		{"as a kept one", "lang=" + text, ""},
		{"prefixed", "__Host-SID=" + text, ""},
		{"cut", "SID=" + text[:len(text)-1], ""},
		{"count of parts", "SID=2" + text[1:], ""},
		{"no count", "SID=" + text[2:], ""},
		{"plain", "csrf=x; csrftoken=y", "csrf=x; csrftoken=y"},
		{"plain, as it is", `csrf="a b"; csrftoken=عربي==`, `csrf="a b"; csrftoken=عربي==`},
		{"plain twice", "csrf=first; csrf=second", "csrf=first"},
		{"plain, longer name", "xcsrf=x; csrftokenx=y; csrf_=z", ""},
		{"plain pattern, names that PHP folds", "PHP.SESSID=x; PHP SESSID=x; PHP[SESSID=x; PHPSESS%49D=x; PHP+A=x; PHP$=x", ""},
		{"smuggled behind a comma", "csrf=x, SID=learned", ""},
		{"smuggled behind a space", "csrf=x SID=learned", ""},
		{"smuggled behind a quote", `csrf="x"SID=learned`, ""},
		{"an open quote", `csrf="x; csrftoken=y`, "csrftoken=y"},
		{"RFC 2109 attributes", "$Version=1; $Path=/", ""},
		{"the gateway's", "doorcode=x; __Host-doorcode=x; DOORCODE2=x; door.code=x; __Host.doorcode=x; _[Host-doorcode=x; %64oorcode=x; +doorcode=x", ""},
		{"no name", "SID; =x; ;;; =", ""},
		{"part alone", "SID~1=" + text, ""},
	} {
		if got := b.Open([]string{test.cookie}, "session"); got.Header != test.want {
			t.Errorf("%s: %q went up, want %q", test.name, got.Header, test.want)
		}
	}
	if got := b.Open([]string{own}, "").Header; got != "lang=ar" {
		t.Errorf("for a visitor %q went up, want the kept one alone", got)
	}
	dropped := b.Open([]string{"SID=learned; doorcode=x; csrf=x; SID=again; SID~1=y; Z\"=1"}, "session").Dropped
	if want := []string{"SID", `Z\"`}; !slices.Equal(dropped, want) {
		t.Errorf("dropped %q, want %q", dropped, want)
	}
}

func TestOwn(t *testing.T) {
	for name, want := range map[string]bool{
		"doorcode": true, "DoorCode_x": true, "__Host-doorcode": true, "__HOST-DOORCODE-b": true, "__Secure-doorcode": true, " doorcode": true,
		"__Host.doorcode": true, "__Host[doorcode": true, "_.Host-doorcode": true, "%64oor%63ode": true, "doorcode%00x": true,
		"door": false, "mydoorcode": false, "PHPSESSID": false, "": false,
	} {
		if got := Own(name); got != want {
			t.Errorf("Own(%q) = %v, want %v", name, got, want)
		}
	}
}

// TestThreat_A6_D2_OnlyWhatWasSealedHereOpens is the property of the package: under this name, in this session, unchanged.
func TestThreat_A6_D2_OnlyWhatWasSealedHereOpens(t *testing.T) {
	b, foreign := testBox(t), testBox(t)
	name := rapid.StringMatching(`[A-Za-z_.~]{1,12}x`)
	rapid.Check(t, func(rt *rapid.T) {
		n := name.Draw(rt, "name")
		session := rapid.StringMatching(`[a-z:|]{1,8}`).Draw(rt, "session")
		value := string(rapid.SliceOfN(rapid.ByteRange(0x21, 0x3a), 0, rapid.SampledFrom([]int{8, 5000}).Draw(rt, "size")).Draw(rt, "value"))
		h := setting(n + "=" + value)
		b.SealAnswer(h, session, "/")
		cookie := back(h)
		if got := b.Open([]string{cookie}, session).Header; got != n+"="+value {
			rt.Fatalf("%q did not open in its own session", n)
		}
		if got := foreign.Open([]string{cookie}, session).Header; got != "" {
			rt.Fatal("opened with other keys")
		}
		if other := name.Draw(rt, "other name"); other != n {
			if got := b.Open([]string{strings.ReplaceAll(cookie, n, other)}, session).Header; got != "" {
				rt.Fatalf("opened as %q", other)
			}
		}
		if other := rapid.StringMatching(`[a-z:|]{0,8}`).Draw(rt, "other session"); other != session {
			if got := b.Open([]string{cookie}, other).Header; got != "" {
				rt.Fatalf("opened in session %q", other)
			}
		}
		at := rapid.IntRange(len(n)+1, len(cookie)-1).Draw(rt, "at")
		changed := []byte(cookie)
		changed[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "flip"))
		if got := b.Open([]string{string(changed)}, session).Header; got != "" && got != n+"="+value {
			rt.Fatalf("changed at %d it opened as %q", at, got)
		}
		if got := b.Open([]string{cookie[:at]}, session).Header; got != "" {
			rt.Fatalf("cut at %d it opened as %q", at, got)
		}
	})
}

func TestPartsOfALongCookie(t *testing.T) {
	b := testBox(t)
	seal := func(value, path string) []string {
		h := setting("SID=" + value + "; Path=" + path)
		b.SealAnswer(h, "session", "/")
		if len(h["Set-Cookie"]) != 3 {
			t.Fatalf("%d parts, want 3", len(h["Set-Cookie"]))
		}
		return strings.Split(back(h), "; ")
	}
	one, two := seal(strings.Repeat("1", 5000), "/"), seal(strings.Repeat("2", 5000), "/app")
	for _, test := range []struct {
		name    string
		cookies []string
		want    string
	}{
		{"in order", one, "1"},
		{"any order", []string{one[2], one[0], one[1]}, "1"},
		{"two of a name at two paths", append(slices.Clone(two), one...), "21"},
		{"one is missing", one[:2], ""},
		{"the first is missing", one[1:], ""},
		{"swapped", []string{one[0], strings.Replace(one[2], "~2", "~1", 1), strings.Replace(one[1], "~1", "~2", 1)}, ""},
		{"of another", []string{one[0], one[1], two[2]}, ""},
		{"fewer", []string{strings.Replace(one[0], "=3.", "=2.", 1), one[1]}, ""},
		{"a great many", []string{strings.Replace(one[0], "=3.", "=999999999.", 1), one[1], one[2]}, ""},
	} {
		got := ""
		for pair := range strings.SplitSeq(b.Open([]string{strings.Join(test.cookies, "; ")}, "session").Header, "; ") {
			if value, ok := strings.CutPrefix(pair, "SID="); ok && len(value) == 5000 {
				got += value[:1]
			}
		}
		if got != test.want {
			t.Errorf("%s: opened %q, want %q", test.name, got, test.want)
		}
	}
}

// TestThreat_D6_ThousandsOfCookies: forged ones cost a bounded number of tries.
func TestThreat_D6_ThousandsOfCookies(t *testing.T) {
	b := testBox(t)
	for _, forged := range []string{"SID=1.x; ", "SID=9.abcdefgh.x; SID~1=abcdefgh.y; "} {
		o := opening{box: b, session: "s", lines: readCookies([]string{strings.Repeat(forged, 5000)})}
		for _, line := range o.lines {
			o.take(line)
		}
		if len(o.up) > 0 || len(o.dropped) != 1 || len(o.lines) > maxReceived {
			t.Errorf("%q: %d up of %d, dropped %q", forged, len(o.up), len(o.lines), o.dropped)
		}
	}
	if lines := readCookies([]string{strings.Repeat("a=b;", maxHeader), "c=d"}); len(lines) > 0 {
		t.Errorf("%d cookies read of over %d bytes", len(lines), maxHeader)
	}
}

func TestKeyRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	old := NewBox(testRing(t, path), testOptions())
	h := setting("SID=x", "lang=ar")
	old.SealAnswer(h, "session", "/")
	held, err := old.Hold(HeldSession{Location: "/home"}, "challenge")
	if err != nil {
		t.Fatal(err)
	}
	own, err := old.SealOwn("doorcode", []byte("me"))
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Rotate(path); err != nil {
		t.Fatal(err)
	}
	rotated := NewBox(testRing(t, path), testOptions())
	if got := rotated.Open([]string{back(h)}, "session").Header; got != "SID=x; lang=ar" {
		t.Errorf("after a rotation %q opened", got)
	}
	if v, err := rotated.Release(held, "challenge"); err != nil || v.Location != "/home" {
		t.Errorf("after a rotation: %v", err)
	}
	if value, ok := rotated.OpenOwn("doorcode", own); !ok || string(value) != "me" {
		t.Error("after a rotation the gateway's cookie did not open")
	}
	again, err := rotated.SealOwn("doorcode", []byte("me"))
	if _, ok := old.OpenOwn("doorcode", again); ok || err != nil {
		t.Errorf("the new key does not seal (%v)", err)
	}
}

func TestOwnCookies(t *testing.T) {
	b := testBox(t)
	for _, value := range []string{"", "x", "\x00\xff"} {
		text, err := b.SealOwn("doorcode", []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := b.OpenOwn("doorcode", text); !ok || string(got) != value {
			t.Errorf("%q came back as %q, %v", value, got, ok)
		}
		if _, ok := b.OpenOwn("doorcode-browser", text); ok {
			t.Error("opened under another name")
		}
		if got := b.Open([]string{"doorcodex=1." + text + "; SID=1." + text}, "doorcode"); got.Header != "" {
			t.Errorf("opened as an upstream cookie: %q", got.Header)
		}
	}
}

// TestTypesThatCannotBeMixedUp: Go converts structs of one shape into each other.
func TestTypesThatCannotBeMixedUp(t *testing.T) {
	up, down := reflect.TypeFor[Upstream](), reflect.TypeFor[Sealed]()
	if up.ConvertibleTo(down) || down.ConvertibleTo(up) {
		t.Error("Upstream and Sealed convert into each other")
	}
}
