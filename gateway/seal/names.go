package seal

import (
	"strconv"
	"strings"
)

// maxName keeps name and value of each part under the 4096 bytes that browsers store (RFC 6265bis §5.7).
const maxName = 200

// refused reports whether a cookie of this name never passes, in either direction: the gateway's own, which the upstream must
// neither see nor set, names under which Open looks for parts of a split cookie, and names that browsers would not store.
func refused(name string) bool {
	if name == "" || len(name) > maxName || hasControl(name) {
		return true
	}
	_, _, part := partName(name)
	return part || Own(name)
}

// Own reports whether name is one of the gateway's cookies, or would be read as one: "doorcode…", also behind __Host- and
// __Secure-, in any case and with whatever PHP folds into it ("__Host.doorcode", "_[Host-doorcode", and percent-escapes, which PHP
// before 7.4.11 decodes in names: CVE-2020-7070).
func Own(name string) bool {
	folded := foldName(name)
	for _, prefix := range []string{"__host-", "__secure-", "__host_", "__secure_"} {
		folded = strings.TrimPrefix(folded, prefix)
	}
	return strings.HasPrefix(folded, "doorcode")
}

// foldName reads a cookie name as the most forgiving PHP would.
func foldName(name string) string {
	var out strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '%' && i+2 < len(name) {
			if n, err := strconv.ParseUint(name[i+1:i+3], 16, 8); err == nil {
				c, i = byte(n), i+2
			}
		}
		switch c {
		case ' ', '+', '\t':
			if out.Len() == 0 {
				continue // PHP skips what stands in front
			}
			c = '_'
		case '.', '[':
			c = '_'
		case 0:
			return strings.ToLower(out.String()) // and cuts at NUL
		}
		out.WriteByte(c)
	}
	return strings.ToLower(out.String())
}

// simple reports whether every upstream reads name as the same name: no character that PHP folds ('.', '[', ' ', '+', '%') and none
// that starts an attribute of RFC 2109 ('$').
func simple(name string) bool {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return name != ""
}

// Simple reports whether a cookie of this name may be among Options.Plain or Keep: others are sealed whatever these say.
func Simple(name string) bool { return simple(name) }

// smuggles reports whether some cookie parser would find another cookie inside a plain value: RFC 2109 parsers take "," for a
// separator and quotes for brackets around one, Python's SimpleCookie ends a value at a space. A visitor could otherwise send
// "csrftoken=x, PHPSESSID=learned" (A5), or swallow with an open quote what follows.
func smuggles(value string) bool {
	if strings.Count(value, `"`)%2 != 0 || hasControl(value) {
		return true
	}
	at := strings.IndexAny(value, ", \t\"")
	return at >= 0 && strings.Contains(value[at:], "=")
}

// partName splits "NAME~2", under which the second further part of a long sealed cookie is kept.
func partName(name string) (base string, number int, ok bool) {
	at := strings.LastIndexByte(name, '~')
	if at <= 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(name[at+1:])
	if err != nil || n < 1 || n >= maxParts {
		return "", 0, false
	}
	return name[:at], n, true
}

// hasControl reports control characters other than the tab, for which browsers ignore a whole Set-Cookie (RFC 6265bis §5.6) and
// net/http refuses a whole request.
func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return true
		}
	}
	return false
}
