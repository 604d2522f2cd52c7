package seal

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxValue   = 8192 // of an upstream cookie; browsers stop at 4096 for name and value together
	maxCookies = 200  // in one answer or Jar; browsers keep 180 a site
)

// Upstream is a cookie as the application knows it. It goes onto requests to the upstream and nowhere else: no function outside
// this package turns it into text for a browser, and its fields are named unlike those of Sealed, so that Go does not convert
// one into the other.
type Upstream struct {
	name, value string
	path        string // with the default filled in (RFC 6265 §5.1.4); "" where it is not known
	attributes  string // what followed the first ";", as it came
}

// Format shows nothing of the cookie, whatever the verb.
func (Upstream) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[upstream cookie]") }

// headerOf is the Cookie header with cookies in this order; "" for none. Values go up byte for byte as the upstream had sent them.
func headerOf(cookies []Upstream) string {
	var out strings.Builder
	for i, c := range cookies {
		if i > 0 {
			out.WriteString("; ")
		}
		out.WriteString(c.name)
		out.WriteByte('=')
		out.WriteString(c.value)
	}
	return out.String()
}

// parseSetCookie reads one Set-Cookie as browsers do (RFC 6265 §5.2). net/http would drop values with quotes, spaces and non-ASCII
// bytes, which old applications set. false: no browser would store it, or its name never passes.
func parseSetCookie(line, requestPath string) (Upstream, bool) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, found := strings.Cut(pair, "=")
	c := Upstream{name: trim(name), value: trim(value), attributes: attributes}
	if !found || refused(c.name) || len(c.value) > maxValue || hasControl(line) {
		return Upstream{name: c.name}, false
	}
	c.path, _ = c.attribute("path")
	if !strings.HasPrefix(c.path, "/") {
		c.path = defaultPath(requestPath)
	}
	return c, true
}

// attribute returns the last attribute of that name, as browsers take it; name is in lower case.
func (c Upstream) attribute(name string) (value string, found bool) {
	for text := range strings.SplitSeq(c.attributes, ";") {
		key, v, _ := strings.Cut(text, "=")
		if strings.EqualFold(trim(key), name) {
			value, found = trim(v), true
		}
	}
	return value, found
}

// deletes reports whether the answer takes the cookie away. Max-Age goes before Expires (RFC 6265 §5.3 step 3).
func (c Upstream) deletes(now time.Time) bool {
	if text, ok := c.attribute("max-age"); ok && isNumber(text) {
		return text[0] == '-' || strings.Trim(text, "0") == ""
	}
	text, ok := c.attribute("expires")
	if !ok {
		return false
	}
	at, ok := parseDate(text)
	return ok && !at.After(now)
}

// isNumber: RFC 6265 §5.2.2 ignores a Max-Age that is none.
func isNumber(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// readSetCookies parses all Set-Cookie lines of one answer: in order, of one name and path the last, at the place of the first,
// which is what a browser ends up with. dropped names those that do not pass.
func readSetCookies(lines []string, requestPath string) (cookies []Upstream, dropped []string) {
	for _, line := range lines {
		c, ok := parseSetCookie(line, requestPath)
		if !ok || len(cookies) >= maxCookies {
			dropped = addName(dropped, c.name)
			continue
		}
		cookies = put(cookies, c)
	}
	return cookies, dropped
}

// put adds c, or replaces the one of its name and path. A path that is not known is taken for the same.
func put(cookies []Upstream, c Upstream) []Upstream {
	for i, had := range cookies {
		if had.name == c.name && (had.path == c.path || had.path == "") {
			cookies[i] = c
			rest := without(cookies[i+1:], c)
			return cookies[:i+1+len(rest)]
		}
	}
	return append(cookies, c)
}

// without removes the cookies that c replaces, in place.
func without(cookies []Upstream, c Upstream) []Upstream {
	return slices.DeleteFunc(cookies, func(had Upstream) bool {
		return had.name == c.name && (had.path == c.path || had.path == "")
	})
}

// defaultPath is RFC 6265 §5.1.4 over an escaped path, with or without its query.
func defaultPath(requestPath string) string {
	requestPath, _, _ = strings.Cut(requestPath, "?")
	at := strings.LastIndexByte(requestPath, '/')
	if at <= 0 || requestPath[0] != '/' || strings.Contains(requestPath, ";") || hasControl(requestPath) {
		return "/" // a ";" would end the attribute that this is written into
	}
	return requestPath[:at]
}

// pathMatches is RFC 6265 §5.1.4.
func pathMatches(cookiePath, requestPath string) bool {
	rest, ok := strings.CutPrefix(requestPath, cookiePath)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(cookiePath, "/"))
}

func trim(s string) string { return strings.Trim(s, " \t") }

// addName collects names for the log: each once, and no more than a line can hold.
func addName(names []string, name string) []string {
	if len(names) >= 50 {
		return names
	}
	name = strconv.Quote(name[:min(len(name), maxName)])
	name = name[1 : len(name)-1]
	for _, n := range names {
		if n == name {
			return names
		}
	}
	return append(names, name)
}
