package reading

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Path is a request path after decoding. One that ParsePath made is canonical: it has one reading, and Escaped is what goes up.
// One that Readings made is only one of several and is there to be held against patterns, never to be sent.
// The zero Path matches no pattern.
type Path struct {
	s     string // decoded
	loose string // as looseForm folds it; most paths share s's bytes
}

// String returns the decoded path.
func (p Path) String() string { return p.s }

// ParsePath reads the path of a request target as it came, without its query. It accepts only what every upstream reads
// alike (RFC 3986 §3.3, stricter): percent-encoding is decoded once, and an encoded slash, a dot segment however it is
// spelled, "//", ";", a backslash, NUL, control characters, bad escapes, invalid UTF-8 (so overlong forms too) and what
// would decode a second time are ErrUnreadable with the place. Judged is the decoded path; Escaped gives the one spelling
// that is sent.
func ParsePath(escaped string) (Path, error) {
	if escaped == "" || escaped[0] != '/' {
		return Path{}, fmt.Errorf("path does not begin with a slash: %w", ErrUnreadable)
	}
	s, err := decodePath(escaped)
	if err != nil {
		return Path{}, err
	}
	if !utf8.ValidString(s) {
		return Path{}, fmt.Errorf("path is not UTF-8: %w", ErrUnreadable)
	}
	if err := checkSegments(s); err != nil {
		return Path{}, err
	}
	return newPath(s), nil
}

func newPath(s string) Path { return Path{s: s, loose: looseForm(s)} }

// decodePath decodes once. A slash or any other character with a meaning in paths must stand as itself: upstreams differ in
// whether they split a path before or after decoding it.
func decodePath(escaped string) (string, error) {
	if strings.IndexByte(escaped, '%') < 0 {
		return escaped, checkBytes(escaped)
	}
	b := make([]byte, 0, len(escaped))
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c != '%' {
			if !plain(c) {
				return "", refusedAt(i, "a character with no place in paths")
			}
			b = append(b, c)
			continue
		}
		d, ok := unhex(escaped, i)
		if !ok {
			return "", refusedAt(i, "a bad escape")
		}
		if meaningful(d) || d == '/' {
			return "", refusedAt(i, "an escape for a character with a meaning in paths")
		}
		b = append(b, d)
		i += 2
	}
	return string(b), nil
}

// plain reports whether a character may stand unescaped. A raw space cannot come in over HTTP/1, but can in an HTTP/2 :path.
func plain(c byte) bool { return !meaningful(c) && c != ' ' }

func checkBytes(s string) error {
	for i := 0; i < len(s); i++ {
		if !plain(s[i]) {
			return refusedAt(i, "a character with no place in paths")
		}
	}
	return nil
}

func refusedAt(i int, what string) error {
	return fmt.Errorf("path has %s at byte %d: %w", what, i+1, ErrUnreadable)
}

// meaningful reports whether some upstream does something at a character, decoded or not.
func meaningful(c byte) bool {
	switch c {
	case '\\', // a slash on Windows
		';',      // servlet containers cut from here
		'?', '#', // %3F becomes a query in mod_rewrite's substitutions
		'%': // decoded again by the second decoder on the way
		return true
	}
	return c < 0x20 || c == 0x7f // NUL cuts in C, a line end passes a pattern's $
}

// checkSegments looks at the decoded path. Segments of nothing but dots and spaces count as dot segments: Windows drops
// what a segment ends in, so ".. " is "..".
func checkSegments(s string) error {
	for _, r := range s {
		if r >= 0x80 && unicode.IsControl(r) {
			return fmt.Errorf("path has a control character: %w", ErrUnreadable)
		}
	}
	rest := s[1:]
	for rest != "" {
		seg, after, found := strings.Cut(rest, "/")
		if found && seg == "" {
			return fmt.Errorf("path has two slashes in a row: %w", ErrUnreadable)
		}
		if strings.Trim(seg, ". ") == "" {
			return fmt.Errorf("path has a segment of dots: %w", ErrUnreadable)
		}
		rest = after
	}
	return nil
}

// Escaped returns the one spelling of the path that goes up: all but the characters that RFC 3986 lets stand in a segment
// is percent-encoded. ParsePath reads it back to the same Path.
func (p Path) Escaped() string {
	n := 0
	for i := 0; i < len(p.s); i++ {
		if !standsAsItself(p.s[i]) {
			n++
		}
	}
	if n == 0 {
		return p.s
	}
	var b strings.Builder
	b.Grow(len(p.s) + 2*n)
	for i := 0; i < len(p.s); i++ {
		if c := p.s[i]; standsAsItself(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"

// standsAsItself is pchar of RFC 3986 §3.3 without ";", and the slash.
func standsAsItself(c byte) bool {
	return isAlnum(c) || strings.IndexByte("-._~!$&'()*+,=:@/", c) >= 0
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// ownRoot is the folder of the gateway's own pages.
const ownRoot = "/_doorcode"

// Own reports whether the path is one of the gateway's own pages: /_doorcode or anything below it, in upper case too. All of
// it is answered here, also what no page has, so that the upstream never sees a spelling of it (E1).
func (p Path) Own() bool {
	rest, ok := strings.CutPrefix(p.loose, ownRoot)
	return ok && (rest == "" || rest[0] == '/')
}

// Target splits the target of a request line into path and query as they came; query is what stands behind the first "?".
// Only the origin form (RFC 9112 §3.2.1) is read: absolute form names a second host, and a "#" has no place in a request,
// yet some upstreams cut there. The target is Request.RequestURI, not URL.Path, in which net/http has already decoded.
func Target(uri string) (path, query string, err error) {
	if uri == "" || uri[0] != '/' {
		return "", "", fmt.Errorf("request target is not a path: %w", ErrUnreadable)
	}
	for i := 0; i < len(uri); i++ {
		if c := uri[i]; c <= ' ' || c == 0x7f || c == '#' {
			return "", "", fmt.Errorf("request target has a character at byte %d with no place in it: %w", i+1, ErrUnreadable)
		}
	}
	path, query, _ = strings.Cut(uri, "?")
	return path, query, nil
}

// Method accepts a method that everybody reads alike: upper-case letters and "-". "post" is POST to some upstreams and
// nothing to others (B2); CONNECT asks for a tunnel, and TRACE and TRACK say back what only the upstream should see.
func Method(m string) error {
	if m == "" || len(m) > 32 || m == "CONNECT" || m == "TRACE" || m == "TRACK" {
		return fmt.Errorf("method: %w", ErrUnreadable)
	}
	for i := 0; i < len(m); i++ {
		if c := m[i]; (c < 'A' || c > 'Z') && c != '-' {
			return fmt.Errorf("method: %w", ErrUnreadable)
		}
	}
	return nil
}

// unhex decodes the escape at s[i], which is a "%".
func unhex(s string, i int) (byte, bool) {
	if i+2 >= len(s) {
		return 0, false
	}
	hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
	if hi < 0 || lo < 0 {
		return 0, false
	}
	return byte(hi<<4 | lo), true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
