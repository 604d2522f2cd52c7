package reading

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// looseForm folds a path as the most forgiving upstream would, for rules that must not be dodged (login, doors, own pages).
// Two paths that such an upstream may take for one have one loose form: case is folded, and of each segment goes what
// Windows drops at its end (dots, spaces, "::$DATA") and what a pattern's "$" passes there (a line end). It folds too much
// rather than too little: who is locked out are members who need a page named like a door up to case.
func looseForm(s string) string {
	if isLoose(s) {
		return s
	}
	segs := strings.Split(s, "/")
	for i, seg := range segs {
		segs[i] = looseSegment(seg)
	}
	return strings.Join(segs, "/")
}

// isLoose reports whether a path is its own loose form, as nearly all are.
func isLoose(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f || 'A' <= c && c <= 'Z' || c == ':' {
			return false
		}
		if c == '.' && (i+1 == len(s) || s[i+1] == '/') {
			return false
		}
	}
	return true
}

func looseSegment(seg string) string {
	if stream := strings.Index(seg, "::$"); stream >= 0 {
		seg = seg[:stream]
	}
	seg = strings.TrimLeftFunc(seg, blank)
	if strings.Trim(seg, ".") != "" { // dot segments keep their meaning
		seg = strings.TrimRightFunc(seg, func(r rune) bool { return r == '.' || blank(r) })
	}
	return foldCase(seg)
}

func blank(r rune) bool { return r <= ' ' || r == 0x7f }

// foldCase maps every letter to one of its case forms: also "ſ" to "s" and the Kelvin sign to "k", which strings.ToLower
// alone leaves. Bytes that are not UTF-8 stay as they are.
func foldCase(s string) string {
	if !utf8.ValidString(s) {
		return lowerASCII(s)
	}
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, s)
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
