package challenge

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"doorcode/challenge/keys"
	"doorcode/challenge/secret"
)

// What people type and paste (standards.md §4), and what attackers send (C10).
var entered = []struct {
	name, typed, code string
	entered           bool
}{
	{"plain", "012345", "012345", true},
	{"Arabic-Indic", "٠١٢٣٤٥", "012345", true},
	{"Persian", "۰۱۲۳۴۵", "012345", true},
	{"mixed", "٠1۲3٤5", "012345", true},
	{"spaces and hyphens", " 012-345\r\n", "012345", true},
	{"no-break space", "012\u00a0345", "012345", true},
	{"isolates and marks of a message app", "\u2066\u200e012345\u2069\u061c\ufeff\u202c", "012345", true},
	{"leading zeros kept", "000000", "000000", true},
	{"ten digits", "0123456789", "0123456789", true},

	{"nothing", "", "", false},
	{"blanks alone", " \u200f\u00a0-", "", false},

	{"eleven digits", "01234567890", "", true},
	{"full width", "０１２３４５", "", true},
	{"Devanagari", "०१२३४५", "", true},
	{"letters", "abcdef", "", true},
	{"a code and more", "012345x", "", true},
	{"NUL", "012345\x00", "", true},
	{"not UTF-8", "\xff012345", "", true},
	{"sign", "+12345", "", true},
	{"every code there is", strings.Repeat("012345 ", 1<<17), "", true},
}

func TestReadCode(t *testing.T) {
	for _, c := range entered {
		code, ok := readCode(c.typed)
		if code != c.code || ok != c.entered {
			t.Errorf("%s: readCode(%.40q) = %q, %v, want %q, %v", c.name, c.typed, code, ok, c.code, c.entered)
		}
	}
}

func FuzzReadCode(f *testing.F) {
	for _, c := range entered {
		f.Add(c.typed)
	}
	shape := regexp.MustCompile(`^[0-9]{0,10}$`)
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := readCode(typed)
		if !shape.MatchString(code) {
			t.Errorf("readCode(%q) = %q, which is no digits", typed, code)
		}
		if code != "" && !ok {
			t.Errorf("readCode(%q) = %q, but nothing entered", typed, code)
		}
		if again, _ := readCode(code); again != code {
			t.Errorf("readCode(%q) = %q, read again %q", typed, code, again)
		}
	})
}

func TestNewCode(t *testing.T) {
	for _, c := range []struct{ digits, want int }{{0, 6}, {5, 6}, {6, 6}, {8, 8}, {10, 10}, {99, 10}} {
		code, err := newCode(c.digits)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^[0-9]+$`).MatchString(code.Reveal()) || len(code.Reveal()) != c.want {
			t.Errorf("newCode(%d) has %d characters or other than digits, want %d digits", c.digits, len(code.Reveal()), c.want)
		}
	}
}

// Every digit at every place comes about as often: chi-squared over ten values, at a bound that chance passes once in a
// hundred million. A remainder's bias or dropped leading zeros fail it.
func TestNewCodeIsUniform(t *testing.T) {
	const n, bound = 20000, 55.0
	var seen [6][10]float64
	for range n {
		code, err := newCode(6)
		if err != nil {
			t.Fatal(err)
		}
		for place, digit := range []byte(code.Reveal()) {
			seen[place][digit-'0']++
		}
	}
	for place, counts := range seen {
		sum := 0.0
		for _, c := range counts {
			sum += (c - n/10) * (c - n/10) / (n / 10)
		}
		if sum > bound {
			t.Errorf("place %d: chi-squared %.1f over %.1f: %v", place, sum, bound, counts)
		}
	}
}

func TestSealedCodes(t *testing.T) {
	d := &Door{keys: ring(t)}
	code := secret.New("012345")
	sealed, err := d.sealCode("one", code)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.sealCode("one", code)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(sealed, again) {
		t.Error("the same code sealed twice looks the same: codes can be compared in the state file")
	}
	if bytes.Contains(sealed, []byte(code.Reveal())) {
		t.Error("the sealed code shows the code")
	}
	for _, c := range []struct {
		name, id, entered string
		sealed            []byte
		want              bool
	}{
		{"right", "one", "012345", sealed, true},
		{"wrong", "one", "012346", sealed, false},
		{"short", "one", "01234", sealed, false},
		{"nothing of a shape", "one", "", sealed, false},
		{"of another challenge", "two", "012345", sealed, false},
		{"a bit changed", "one", "012345", append(bytes.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1), false},
		{"cut off", "one", "012345", sealed[:4], false},
		{"nothing sealed", "one", "", nil, false},
	} {
		if got := d.right(c.id, c.sealed, c.entered); got != c.want {
			t.Errorf("%s: right = %v, want %v", c.name, got, c.want)
		}
	}
	if _, err := (&Door{keys: ring(t)}).openCode("one", sealed); err == nil {
		t.Error("opened with another key file (E5)")
	}
}

func TestOldKeysStillOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	d := &Door{keys: openRing(t, path)}
	sealed, err := d.sealCode("one", secret.New("012345"))
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Rotate(path); err != nil {
		t.Fatal(err)
	}
	d.keys = openRing(t, path)
	if !d.right("one", sealed, "012345") {
		t.Error("a code sealed before the rotation does not open after it")
	}
}

func ring(t *testing.T) *keys.Ring { return openRing(t, filepath.Join(t.TempDir(), "keys")) }

func openRing(t *testing.T, path string) *keys.Ring {
	t.Helper()
	r, err := keys.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
