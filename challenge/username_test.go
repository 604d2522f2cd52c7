package challenge

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/width"
	"pgregory.net/rapid"
)

var foldAll = Fold{Case: true, Space: true, Width: true, Accents: true}

func folded(t interface{ Fatalf(string, ...any) }, f Fold, typed string) Username {
	u, err := f.Username(typed)
	if err != nil {
		t.Fatalf("Username(%q): %v", typed, err)
	}
	return u
}

// TestThreat_B7_OneUser: which spellings are one user, by what is folded.
func TestThreat_B7_OneUser(t *testing.T) {
	for _, test := range []struct {
		fold Fold
		a, b string
		same bool
	}{
		{Fold{Case: true}, "ALICE", "alice", true},
		{Fold{Case: true}, "Straße", "STRASSE", true},
		{Fold{Case: true}, "ΣΊΣΥΦΟΣ", "σίσυφος", true}, // a final sigma is a sigma
		{Fold{Case: true}, "ᏣᎳᎩ", "ꮳꮃꭹ", true},         // Cherokee, which cases.Fold swaps
		{Fold{Case: true}, "ALICE ", "alice", false},
		{Fold{Case: true}, "alicé", "alice", false},
		{Fold{Case: true}, "é", "e\u0301", true}, // one character or two
		{Fold{Space: true}, "alice ", "alice", true},
		{Fold{Space: true}, "\u3000alice\u00a0", "alice", true},
		{Fold{Space: true}, "al ice", "alice", false},
		{Fold{Space: true}, "al  ice", "al ice", false}, // two names in MySQL too
		{Fold{Space: true}, "ALICE", "alice", false},
		{Fold{Width: true}, "ａｌｉｃｅ", "alice", true},
		{Fold{Width: true}, "al\u200bi\u00adce\u200f", "alice", true}, // characters that nobody sees
		{Fold{Width: true}, "ﬁona", "fiona", true},
		{Fold{Width: true}, "ALICE", "alice", false},
		{Fold{Accents: true}, "alicé", "alice", true},
		{Fold{Accents: true}, "أحمد", "احمد", true},
		{Fold{Accents: true}, "مُحَمَّد", "محمد", true},
		{Fold{Accents: true}, "Łukasz Søren", "Lukasz Soren", true},
		{Fold{Accents: true}, "æ", "ae", true},
		{Fold{Accents: true}, "ALICE", "alice", false},
		{foldAll, "  ＡＬＩＣÉ\u200e ", "alice", true},
		{foldAll, "İSMAİL", "ismail", true},
		{foldAll, "ISMAIL", "ısmaıl", true},
		{foldAll, "аlice", "alice", false}, // a Cyrillic а is no a, in MySQL neither
		{foldAll, "alice", "alice2", false},
		{foldAll, "سالم", "سليم", false},
		{Fold{}, "ALICE", "alice", false},
		{Fold{}, "é", "e\u0301", false},
	} {
		a, b := folded(t, test.fold, test.a), folded(t, test.fold, test.b)
		if (a == b) != test.same {
			t.Errorf("%+v: %q and %q fold to %q and %q; want the same user: %v", test.fold, test.a, test.b, a, b, test.same)
		}
	}
}

func TestUsernameRefused(t *testing.T) {
	for what, test := range map[string]struct {
		typed string
		want  error
	}{
		"nothing":                  {"", errNameEmpty},
		"spaces":                   {" \u3000 ", errNameEmpty},
		"marks alone":              {"\u0301\u200b", errNameEmpty},
		"NUL":                      {"alice\x00", errNameControl},
		"a line end":               {"alice\r\nBcc: x@example.com", errNameControl},
		"DEL":                      {"alice\x7f", errNameControl},
		"a control of Latin-1":     {"alice\u0085", errNameControl},
		"a Unicode line end":       {"alice\u2028", errNameControl},
		"half a character":         {"alic\xc3", errNameUTF8},
		"windows-1256":             {"\xc7\xcd\xe3\xcf", errNameUTF8},
		"a surrogate":              {"\xed\xa0\x80", errNameUTF8},
		"padded past the column":   {"alice" + strings.Repeat(" ", 300), errNameLong},
		"257 bytes":                {strings.Repeat("x", 257), errNameLong},
		"257 bytes, 129 letters":   {strings.Repeat("ي", 129), errNameLong},
		"a megabyte, not UTF-8":    {strings.Repeat("\xff", 1<<20), errNameLong},
		"what folds to a megabyte": {strings.Repeat("\ufdfa", 100), errNameLong},
	} {
		u, err := foldAll.Username(test.typed)
		if err != test.want || !u.IsZero() {
			t.Errorf("%s: got %q, error %v; want error %v", what, u, err, test.want)
		}
	}
	folded(t, foldAll, strings.Repeat("x", 256))
	if _, err := (Fold{}).Username(" "); err != nil {
		t.Errorf("a space where spaces are not folded: %v", err)
	}
}

func drawFold(t *rapid.T) Fold {
	return Fold{rapid.Bool().Draw(t, "case"), rapid.Bool().Draw(t, "space"), rapid.Bool().Draw(t, "width"), rapid.Bool().Draw(t, "accents")}
}

// A folded name folds to itself: else a user whose name went through twice (policy and confirm page) would be two.
func TestFoldTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fold, typed := drawFold(t), rapid.String().Draw(t, "typed")
		once, err := fold.Username(typed)
		if err != nil || len(once.String()) > maxName {
			t.Skip("no name")
		}
		if twice := folded(t, fold, once.String()); twice != once {
			t.Errorf("%q folds to %q and that to %q", typed, once, twice)
		}
	})
}

// All cases of a letter are one, and folding a folded letter changes nothing, for every letter there is.
func TestFoldEveryLetter(t *testing.T) {
	for _, fold := range []Fold{{Case: true}, foldAll} {
		for r := rune('!'); r <= 0x1ffff; r++ {
			once := fold.apply(string(r))
			if twice := fold.apply(once); twice != once {
				t.Errorf("%+v: %q folds to %q and that to %q", fold, r, once, twice)
			}
			if other := fold.apply(string(unicode.SimpleFold(r))); other != once && r != 'ı' && r != 'İ' {
				t.Errorf("%+v: %q folds to %q, %q to %q", fold, r, once, unicode.SimpleFold(r), other)
			}
		}
	}
}

// However a name is dressed up, what is folded is one user.
func TestFoldDressedUp(t *testing.T) {
	dress := []func(string) string{
		strings.ToUpper, strings.ToLower, strings.ToTitle,
		func(s string) string { return " " + s + "\u00a0\u3000" },
		width.Widen.String,
		func(s string) string { return strings.Join(strings.Split(s, ""), "\u200d") },
		func(s string) string { return strings.Join(strings.Split(s, ""), "\u0308") + "\u0301" },
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-zA-Z0-9._@ ]{1,20}[a-z]`).Draw(t, "name")
		want := folded(t, foldAll, name)
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			name = rapid.SampledFrom(dress).Draw(t, "dress")(name)
		}
		if len(name) > maxName {
			t.Skip("too long")
		}
		if got := folded(t, foldAll, name); got != want {
			t.Errorf("%q folds to %q, want %q", name, got, want)
		}
	})
}

func TestUsernameJSON(t *testing.T) {
	want := folded(t, foldAll, "أحمد \"O'Neil\" <x>")
	text, err := json.Marshal(map[Username]Username{want: want})
	if err != nil {
		t.Fatal(err)
	}
	var got map[Username]Username
	if err := json.Unmarshal(text, &got); err != nil || got[want] != want {
		t.Errorf("got %v (error %v) from %s, want %v", got, err, text, want)
	}
}

// FuzzUsername: no name crashes, and none comes out that a store or a log could trip over.
func FuzzUsername(f *testing.F) {
	for _, seed := range []string{"alice", " ＡＬＩＣÉ ", "İ", "\ufdfa", "e\u0301\u200b", "a\x00", "\xff", "ΐ", "ᾳ\u0345", "\u1e9e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		for i := range 16 {
			fold := Fold{i&1 != 0, i&2 != 0, i&4 != 0, i&8 != 0}
			u, err := fold.Username(typed)
			if err != nil {
				continue
			}
			if u.IsZero() || strings.ContainsFunc(u.String(), unicode.IsControl) {
				t.Errorf("%+v: %q folds to %q", fold, typed, u)
			}
			if again := fold.apply(u.String()); again != u.String() {
				t.Errorf("%+v: %q folds to %q and that to %q", fold, typed, u, again)
			}
		}
	})
}
