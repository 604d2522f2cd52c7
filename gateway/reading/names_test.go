package reading

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The right column is what PHP 8.2 makes of the name; php_test.go asks the real one.
func TestKeys(t *testing.T) {
	tests := []struct{ name, want string }{
		{"user", "user"},
		{" user", "user"},
		{"   user", "user"},
		{"\tuser", "\tuser"},
		{"us.er", "us_er"},
		{"us er", "us_er"},
		{"user ", "user_"},
		{"us\x00er", "us"},
		{"\x00user", ""},
		{"user[", "user_"},
		{"user[x", "user_x"},
		{"user.x[a b", "user_x_a_b"},
		{"user[]", "user|"},
		{"user[ ]", "user|"},
		{"user[a]b", "user|a"},
		{"user[a][b]", "user|a|b"},
		{"user[a][b", "user|a"},
		{"user[a.b]", "user|a.b"},
		{"user[a[b]", "user|a[b"},
		{"user]", "user]"},
		{"[x]", "|x"},
		{"us.er[x]", "us_er|x"},
		{"\xe3\xe4.x", "\xe3\xe4_x"},
	}
	for _, test := range tests {
		if got := strings.Join(keys(test.name), "|"); got != test.want {
			t.Errorf("keys(%q) = %q, want %q", test.name, got, test.want)
		}
	}
}

// B4: what an upstream could take for a field, and what it could not.
func TestTouches(t *testing.T) {
	tests := []struct {
		want    string
		touches []string
		not     []string
	}{
		{"user",
			[]string{"user", "USER", "uſer", " user", "user[]", "user[0]", "user[", "user[x", "user[a][b]", "user\x00", "user\x00x", "us\x00er", " User[a]", "user[\x00a]"},
			[]string{"users", "user_", "user.", "user ", "use", "\tuser", "_user", "x[user]", "", "[user]"}},
		{"user_name",
			[]string{"user_name", "user.name", "user name", "user[name", "USER.NAME", " user name", "user.name[]"},
			[]string{"user[name]", "username", "user-name"}},
		{"user.name",
			[]string{"user.name", "user_name", "user name"},
			[]string{"username"}},
		{"user[name]",
			[]string{"user[name]", "user", "user[]", "user[ name]", "user[NAME]", "user[name][x]", "user[name]x", "user[name", "user[", " user[name]", "user[name][b"},
			[]string{"user[password]", "username", "user_name2", "x[user][name]"}},
		{"u[0]",
			[]string{"u[0]", "u[]", "u"},
			[]string{"u[1]"}},
	}
	for _, test := range tests {
		for _, sent := range test.touches {
			if !touches(sent, test.want) {
				t.Errorf("%q does not touch %q", sent, test.want)
			}
		}
		for _, sent := range test.not {
			if touches(sent, test.want) {
				t.Errorf("%q touches %q", sent, test.want)
			}
		}
	}
}

func oddName() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{"user", "name", "USER", "a", "0", "[", "]", "[]", " ", ".", "_", "\x00", "%", "é", "\xe3", "=", "&", "+"})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 1, 6).Draw(t, "pieces"), "")
	})
}

// Whatever is put around a name in PHP's ways, it still is that name.
func TestTouchesEverySpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z]{1,3}[a-z_]{0,3}`).Draw(t, "name")
		sent := strings.Map(func(r rune) rune {
			if r == '_' {
				return rapid.SampledFrom([]rune{'_', '.', ' '}).Draw(t, "for _")
			}
			return rapid.SampledFrom([]rune{r, r - 32}).Draw(t, "case")
		}, name)
		sent = rapid.SampledFrom([]string{"", " ", "  "}).Draw(t, "before") + sent +
			rapid.SampledFrom([]string{"", "[]", "[x]", "[x][y]", "\x00", "\x00z", "[x]z"}).Draw(t, "behind")
		if !touches(sent, name) {
			t.Errorf("%q does not touch %q", sent, name)
		}
	})
}

func TestParseQuery(t *testing.T) {
	tests := []struct {
		raw   string
		names []string
		get   string
		want  []string
		bad   bool
	}{
		{raw: ""},
		{raw: "a=1&b=2", names: []string{"a", "b"}, get: "b", want: []string{"2"}},
		{raw: "a=1&&a=2&", names: []string{"a", "a"}, get: "A", want: []string{"1", "2"}},
		{raw: "a", names: []string{"a"}, get: "a", want: []string{""}},
		{raw: "a=b=c", names: []string{"a"}, get: "a", want: []string{"b=c"}},
		{raw: "a+b=c+d%2B", names: []string{"a b"}, get: "a_b", want: []string{"c d+"}},
		{raw: "%75ser=x", names: []string{"user"}, get: "user", want: []string{"x"}},
		{raw: "a=1;user=x", names: []string{"a"}, get: "user"},
		{raw: "a=1;user=x", names: []string{"a"}, get: "a", want: []string{"1;user=x"}},
		{raw: ";user=x", names: []string{";user"}, get: "user"},
		{raw: "=x", names: []string{""}, get: "x"},
		{raw: "action[x]=1&+action=2&action%00=3", names: []string{"action[x]", " action", "action\x00"}, get: "action", want: []string{"1", "2", "3"}},
		{raw: "%E3=1", names: []string{"\xe3"}, get: "\xe3", want: []string{"1"}},

		// B19: bad escapes are refused, or read every way.
		{raw: "a=%zz&b=1", names: []string{"a", "b"}, get: "b", want: []string{"1"}, bad: true},
		{raw: "a=%", names: []string{"a"}, get: "a", want: []string{"%"}, bad: true},
		{raw: "a=%u0645&b=1", names: []string{"a", "a", "b"}, get: "a", want: []string{"%u0645", "م"}, bad: true},
		{raw: "%u0061ction=x", names: []string{"%u0061ction", "action"}, get: "action", want: []string{"x"}, bad: true},
		{raw: "a=b c", names: []string{"a"}, get: "a", want: []string{"b c"}, bad: true},
		{raw: "a=b\nc", names: []string{"a"}, get: "a", want: []string{"b\nc"}, bad: true},
	}
	for _, test := range tests {
		p, err := ParseQuery(test.raw)
		if (err != nil) != test.bad || !slices.Equal(p.Names(), test.names) || !slices.Equal(p.Get(test.get), test.want) {
			t.Errorf("ParseQuery(%q) = %q, %q = %q, %v; want %q, %q", test.raw, p.Names(), test.get, p.Get(test.get), err, test.names, test.want)
		}
	}
}

// B11
func TestParseQueryBound(t *testing.T) {
	if p, err := ParseQuery(strings.Repeat("a=1&", maxParams)); err != nil || len(p.Names()) != maxParams {
		t.Errorf("%d parameters: %d, %v", maxParams, len(p.Names()), err)
	}
	if _, err := ParseQuery(strings.Repeat("a=1&", maxParams+1)); err == nil {
		t.Error("one too many is read")
	}
}

func TestParamsDoNotPrint(t *testing.T) {
	p, _ := ParseQuery("password=hunter2")
	holder := struct{ p Params }{p}
	if s := sprintAll(p, &p, holder); strings.Contains(s, "hunter2") {
		t.Errorf("a value is printed: %s", s)
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "user[=1&us.er[a]=2", "%u0061=1;b", "%00=%zz&&=", "+user%5B%5D=1"} {
		f.Add(s, "user")
	}
	f.Fuzz(func(t *testing.T, raw, name string) {
		p, _ := ParseQuery(raw)
		if got, names := p.Get(name), p.Names(); len(got) > len(names) {
			t.Errorf("ParseQuery(%q): %d values of %q, %d names", raw, len(got), name, len(names))
		}
	})
}
