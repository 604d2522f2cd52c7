package challenge

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Username is a user's name in the one form in which names are compared (invariant 7). Fold.Username makes it from what was
// typed; two spellings of one user are equal Usernames. It is comparable and may be a map's key. The zero Username is nobody.
type Username struct{ name string }

// String returns the folded name. Pages and messages show the name as the policy writes it instead.
func (u Username) String() string { return u.name }

// IsZero reports whether u is nobody.
func (u Username) IsZero() bool { return u.name == "" }

// MarshalText writes the folded name, for stores.
func (u Username) MarshalText() ([]byte, error) { return []byte(u.name), nil }

// UnmarshalText reads what MarshalText wrote, and folds nothing: it is for stores alone, whose names were folded on their way in.
func (u *Username) UnmarshalText(text []byte) error {
	u.name = string(text)
	return nil
}

// Errors of Fold.Username. None repeats the name: people type passwords into the name field.
var (
	errNameEmpty   = errors.New("the user name is empty")
	errNameLong    = errors.New("the user name is longer than 256 bytes")
	errNameUTF8    = errors.New("the user name is not valid UTF-8")
	errNameControl = errors.New("the user name has a control character in it")
)

// maxName bounds a typed name, in bytes. Longer ones are refused and not cut: a database that cuts long names itself would
// take "alice" padded to its column's width for alice (threat B7).
const maxName = 256

// Username folds a name as it was typed. A name that is empty (also once folded), over 256 bytes, not UTF-8, or that has a
// control character is refused: NUL ends a string in some languages and line ends are for header injection (threats B7, C4).
//
// What is folded is what MySQL's and MariaDB's forgiving collations (utf8mb4_unicode_ci, utf8mb4_0900_ai_ci) take for equal:
//   - Case: full Unicode case folding, ß is ss.
//   - Space: spaces before and after the name. Inner ones count there, so they count here.
//   - Width: full and half width, ligatures and other compatibility forms (NFKC), and characters without width.
//   - Accents: combining marks (also the hamza on an alef, and Arabic vowel signs), and letters with a stroke (ø is o).
//
// Too much folding is safe: two users of the policy that become one are named when it is loaded, and a user that the policy does
// not know gets the rule of one that it does. Too little lets "ALICE " past alice's rule where unlisted users need no code.
func (f Fold) Username(typed string) (Username, error) {
	switch {
	case len(typed) > maxName:
		return Username{}, errNameLong
	case !utf8.ValidString(typed):
		return Username{}, errNameUTF8
	case strings.ContainsFunc(typed, breaksLines):
		return Username{}, errNameControl
	}
	name := f.apply(typed)
	if name == "" {
		return Username{}, errNameEmpty
	}
	return Username{name}, nil
}

// breaksLines holds for control characters and Unicode's own two line ends.
func breaksLines(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }

// apply folds. The order makes one round enough, folding a folded name changes nothing: NFKC may make letters with a case and
// spaces, case folding may make marks, and a mark taken away may bare a space.
func (f Fold) apply(name string) string {
	if f.Width {
		name = strings.Map(dropWidthless, norm.NFKC.String(name))
	}
	if f.Case {
		name = strings.Map(cherokee, cases.Fold().String(name)) // a Caser has state: one for each call
	}
	if f.Accents {
		name = strokes.Replace(strings.Map(dropMark, norm.NFD.String(name)))
	}
	if f.Space {
		name = strings.TrimFunc(name, unicode.IsSpace)
	}
	if f != (Fold{}) {
		name = norm.NFC.String(name) // é typed as one character or as two is one name wherever anything is folded
	}
	return name
}

// cherokee folds the one script that cases.Fold swaps instead (Ꭰ to ꭰ and ꭰ to Ꭰ): as in Unicode's CaseFolding.txt, to capitals.
func cherokee(r rune) rune {
	switch {
	case r >= 0xAB70 && r <= 0xABBF:
		return r - 0xAB70 + 0x13A0
	case r >= 0x13F8 && r <= 0x13FD:
		return r - 8
	}
	return r
}

// dropWidthless removes what a collation ignores and nobody sees: joiners, direction marks, soft hyphens, variation selectors.
func dropWidthless(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Variation_Selector) {
		return -1
	}
	return r
}

func dropMark(r rune) rune {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return -1
	}
	return r
}

// strokes maps the Latin letters that Unicode does not decompose but collations sort with their base letter.
var strokes = strings.NewReplacer(
	"ø", "o", "Ø", "O", "đ", "d", "Đ", "D", "ł", "l", "Ł", "L", "ħ", "h", "Ħ", "H", "ŧ", "t", "Ŧ", "T",
	"æ", "ae", "Æ", "AE", "œ", "oe", "Œ", "OE", "ı", "i", "ð", "d", "Ð", "D",
)
