package reading

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxReadings     = 32      // ordinary odd addresses have 2 to 18
	maxReadingBytes = 8 << 10 // as long as servers take a path, and each step goes over it once
)

// Readings returns every way in which an upstream could read a path that ParsePath refuses, for members' ordinary odd
// addresses (/A;B, //x, a%2Fb): as it came, decoded once, twice and more, %uXXXX, parameters behind ";" cut off a segment or
// wholly, backslashes as slashes, slashes merged, dot segments resolved, "//x" as a host, and all these one after another in
// any order. Case is kept: MatchLoose ignores it. The address goes up as it came once none of them is a login, a door or a
// page of ours (B19). One with more readings than anybody can hold against the rules is ErrUnreadable.
func Readings(escaped string) ([]Path, error) {
	if escaped == "" || escaped[0] != '/' || len(escaped) > maxReadingBytes {
		return nil, fmt.Errorf("path: %w", ErrUnreadable)
	}
	seen := []string{escaped}
	// Every step is tried on every reading found so far, until nothing new comes: so the order in which an upstream
	// takes its steps does not matter. Each step leaves a plain path as it is and most make it shorter, so this ends.
	all := steps()
	for i := 0; i < len(seen); i++ {
		for _, step := range all {
			next := step(seen[i])
			if next == "" || slices.Contains(seen, next) {
				continue
			}
			if len(seen) == maxReadings {
				return nil, fmt.Errorf("path has more than %d readings: %w", maxReadings, ErrUnreadable)
			}
			seen = append(seen, next)
		}
	}
	paths := make([]Path, len(seen))
	for i, s := range seen {
		paths[i] = newPath(s)
	}
	return paths, nil
}

// steps are what upstreams do to a path. "" stands for no reading.
func steps() []func(string) string {
	return []func(string) string{
		decodeLenient, decodeUnicode, decodeOverlong,
		cutSegmentParams, cutAllParams, cutNUL, dropNUL, cutQuery,
		backslashes, mergeSlashes, resolveDots, dropHost,
	}
}

// decodeLenient decodes once and leaves bad escapes as they are, as PHP's urldecode does.
func decodeLenient(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if c, ok := unhex(s, i); ok {
				b = append(b, c)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// decodeUnicode decodes %uXXXX, which JavaScript's escape() writes and IIS reads.
func decodeUnicode(s string) string {
	if !strings.Contains(s, "%u") && !strings.Contains(s, "%U") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if r, ok := unicodeEscape(s, i); ok {
			b = utf8.AppendRune(b, r)
			i += 5
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func unicodeEscape(s string, i int) (rune, bool) {
	if i+6 > len(s) || s[i] != '%' || s[i+1]|0x20 != 'u' {
		return 0, false
	}
	r := rune(0)
	for _, c := range []byte(s[i+2 : i+6]) {
		d := hexDigit(c)
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

// decodeOverlong reads ASCII written in two or three bytes (0xC0 0xAF for a slash), which careless UTF-8 decoders take.
func decodeOverlong(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		rest := s[i:]
		switch {
		case len(rest) > 1 && rest[0]&0xfe == 0xc0 && rest[1]&0xc0 == 0x80:
			b = append(b, rest[0]<<6|rest[1]&0x3f)
			i++
		case len(rest) > 2 && rest[0] == 0xe0 && rest[1]&0xfe == 0x80 && rest[2]&0xc0 == 0x80:
			b = append(b, rest[1]<<6|rest[2]&0x3f)
			i += 2
		default:
			b = append(b, rest[0])
		}
	}
	return string(b)
}

func cutSegmentParams(s string) string {
	if strings.IndexByte(s, ';') < 0 {
		return s
	}
	segs := strings.Split(s, "/")
	for i, seg := range segs {
		segs[i], _, _ = strings.Cut(seg, ";")
	}
	return strings.Join(segs, "/")
}

func cutAllParams(s string) string { return cutAt(s, ";") }
func cutNUL(s string) string       { return cutAt(s, "\x00") }

// dropNUL passes over NUL, which makes a dot segment of ".%00.".
func dropNUL(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// cutQuery cuts where a second parser would see the query begin once %3F is decoded.
func cutQuery(s string) string { return cutAt(s, "?#") }

func cutAt(s, chars string) string {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i]
	}
	return s
}

func backslashes(s string) string { return strings.ReplaceAll(s, `\`, "/") }

func mergeSlashes(s string) string {
	if !strings.Contains(s, "//") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '/' && i > 0 && s[i-1] == '/' {
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// resolveDots removes "." and ".." as RFC 3986 §5.2.4 does; ".." at the root stays there.
func resolveDots(s string) string {
	if !strings.Contains(s, "/.") {
		return s
	}
	segs := strings.Split(s, "/")
	out := segs[:1] // the empty one before the first slash
	for i, seg := range segs[1:] {
		last := i+2 == len(segs)
		switch seg {
		case ".":
		case "..":
			out = out[:max(1, len(out)-1)]
		default:
			out = append(out, seg)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	if len(out) == 1 {
		return "/"
	}
	return strings.Join(out, "/")
}

// dropHost reads "//x/login.php" as host and path, as parse_url($_SERVER['REQUEST_URI']) does.
func dropHost(s string) string {
	rest, ok := strings.CutPrefix(s, "//")
	if !ok {
		return s
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return "/"
}
