package seal

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Jar holds the cookies of one upstream session, in the order in which they were first set; of a name and path the last. The
// zero Jar is empty and works. It is for one goroutine at a time. What it holds is as good as a password: it prints as [jar].
type Jar struct{ cookies []Upstream }

// JarOf makes a Jar of a Cookie header that is to go up, as Open made it. Its paths are not known: a cookie that is taken later replaces
// every one of its name.
func JarOf(header string) *Jar {
	j := new(Jar)
	if header == "" {
		return j
	}
	for pair := range strings.SplitSeq(header, "; ") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			j.cookies = append(j.cookies, Upstream{name: name, value: value})
		}
	}
	return j
}

// Format shows nothing of the cookies, whatever the verb.
func (Jar) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[jar]") }

// MarshalJSON shows nothing either: only Hold writes a Jar, sealed.
func (Jar) MarshalJSON() ([]byte, error) { return []byte(`"[jar]"`), nil }

// Take reads every Set-Cookie of an answer to a request for requestPath (escaped). A deletion removes.
func (j *Jar) Take(answer http.Header, requestPath string) {
	for _, line := range answer["Set-Cookie"] {
		c, ok := parseSetCookie(line, requestPath)
		switch {
		case !ok:
		case c.deletes(time.Now()):
			j.cookies = without(j.cookies, c)
		case len(j.cookies) < maxCookies:
			j.cookies = put(j.cookies, c)
		}
	}
}

// Header is the Cookie header for a request to path (escaped, with or without a query); "" for none. Longer paths come first, then
// what was set earlier (RFC 6265 §5.4).
func (j *Jar) Header(path string) string {
	path, _, _ = strings.Cut(path, "?")
	var fit []Upstream
	for _, c := range j.all() {
		if c.path == "" || pathMatches(c.path, path) {
			fit = append(fit, c)
		}
	}
	slices.SortStableFunc(fit, func(a, b Upstream) int { return len(b.path) - len(a.path) })
	return headerOf(fit)
}

// Names returns the names in it, each once.
func (j *Jar) Names() []string {
	var names []string
	for _, c := range j.all() {
		if !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	return names
}

// Values returns the values that must not show in an answer (A16): those of 8 bytes or more, since shorter ones stand in pages by
// chance.
func (j *Jar) Values() []string {
	var values []string
	for _, c := range j.all() {
		if len(c.value) >= 8 {
			values = append(values, c.value)
		}
	}
	return values
}

// Has reports whether pattern is found in a name.
func (j *Jar) Has(pattern *regexp.Regexp) bool {
	return slices.ContainsFunc(j.all(), func(c Upstream) bool { return pattern.MatchString(c.name) })
}

// Only returns a Jar of the cookies that these patterns, read as those of Options are, let through: plain and kept cookies must open
// nothing by themselves (invariant 2).
func (j *Jar) Only(patterns []*regexp.Regexp) *Jar {
	patterns = longest(patterns)
	only := new(Jar)
	for _, c := range j.all() {
		if simple(c.name) && matchesAny(patterns, c.name) {
			only.cookies = append(only.cookies, c)
		}
	}
	return only
}

// all lets a nil Jar be read as an empty one.
func (j *Jar) all() []Upstream {
	if j == nil {
		return nil
	}
	return j.cookies
}
