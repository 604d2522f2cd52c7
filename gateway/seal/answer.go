package seal

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"doorcode/challenge/secret"
)

var errNoKeys = errors.New("no key to seal with")

const (
	partSize = 3800 // of a sealed text: with a name of maxName bytes under the 4096 that browsers store
	maxParts = 10   // more than maxValue ever needs; bounds what Open puts together
)

// Sealed is a cookie as the browser holds it. It goes onto answers and nowhere else.
type Sealed struct{ setCookie secret.Text }

// SetOn adds the cookie to an answer.
func (s Sealed) SetOn(h http.Header) { h["Set-Cookie"] = append(h["Set-Cookie"], s.setCookie.Reveal()) }

// Format shows nothing of the cookie, whatever the verb.
func (Sealed) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[sealed cookie]") }

// Changes says what an answer did to the cookies of its session.
type Changes struct {
	Names   []string // set or deleted by it, other than plain and kept ones
	Dropped []string // sent by the upstream and not passed on: no browser would store them, or they are named like the gateway's own
}

// SealAnswer replaces every Set-Cookie in the headers (or trailers) of an answer to a member by what its browser may hold, in order,
// with path and life kept. session is the member session's id; with "" nothing but plain and kept cookies passes. requestPath is
// the escaped path that was asked for.
func (b *Box) SealAnswer(h http.Header, session, requestPath string) Changes {
	cookies, dropped := takeSetCookies(h, requestPath)
	changes := Changes{Dropped: dropped}
	for _, c := range cookies {
		parts, ok := b.pass(c, session)
		if !ok {
			changes.Dropped = addName(changes.Dropped, c.name)
			continue
		}
		if b.fate(c.name) == sealed {
			changes.Names = addName(changes.Names, c.name)
		}
		setAll(h, parts)
	}
	return changes
}

// VisitorAnswer is SealAnswer for who has not passed the door: everything but plain and kept cookies is withheld, and named
// (a deletion is not: visitors hold nothing that it could delete). It is safe for the headers of a 103 and for trailers (A8, A10).
func (b *Box) VisitorAnswer(h http.Header, requestPath string) (dropped []string) {
	cookies, dropped := takeSetCookies(h, requestPath)
	for _, c := range cookies {
		parts, ok := b.pass(c, "")
		if !ok && !c.deletes(time.Now()) {
			dropped = addName(dropped, c.name)
		}
		setAll(h, parts)
	}
	return dropped
}

// SealJar makes what the browser gets with its entry: every cookie of the held session, for the member session of that id.
func (b *Box) SealJar(j *Jar, session string) []Sealed {
	var all []Sealed
	if j == nil {
		return nil
	}
	for _, c := range j.cookies {
		if c.path == "" && b.fate(c.name) != sealed {
			continue // the browser brought it (JarOf), and has it still
		}
		parts, _ := b.pass(c, session)
		all = append(all, parts...)
	}
	return all
}

// takeSetCookies removes every Set-Cookie from h first, so that whatever happens after cannot leave a raw one there.
func takeSetCookies(h http.Header, requestPath string) ([]Upstream, []string) {
	lines := h["Set-Cookie"]
	h.Del("Set-Cookie")
	h.Del("Set-Cookie2") // RFC 2965, obsolete; no browser needs it, and it would carry a raw value
	return readSetCookies(lines, requestPath)
}

func setAll(h http.Header, cookies []Sealed) {
	for _, s := range cookies {
		s.SetOn(h)
	}
}

// pass is the one way from an Upstream to a browser. false: it may not go there, or cannot be sealed; then nothing does.
func (b *Box) pass(c Upstream, session string) ([]Sealed, bool) {
	fate := b.fate(c.name)
	if fate == sealed && session == "" {
		return nil, false
	}
	if c.deletes(time.Now()) {
		c.value = "" // old applications leave a value in a deletion, and it need not be "deleted"
		if fate == plain {
			return []Sealed{plainLine(c)}, true
		}
		return []Sealed{b.line(c, c.name, "")}, true
	}
	switch fate {
	case plain:
		return []Sealed{plainLine(c)}, true
	case kept:
		return b.split(c, b.kept, scope(c.name, ""))
	default:
		return b.split(c, b.member, scope(c.name, session))
	}
}

// split seals c's value and cuts the text into parts that browsers store: "1.TEXT", or "3.ID.TEXT" under the cookie's own name with
// "ID.TEXT" under NAME~1 and NAME~2. ID tells the parts of two cookies apart that have a name in common and differ in path.
func (b *Box) split(c Upstream, with codec, scope string) ([]Sealed, bool) {
	text, err := with.seal(scope, []byte(c.value))
	if err != nil {
		return nil, false
	}
	if len(text) <= partSize {
		return []Sealed{b.line(c, c.name, "1."+text)}, true
	}
	count := (len(text) + partSize - 1) / partSize
	if count > maxParts {
		return nil, false
	}
	id := rand.Text()[:8]
	parts := []Sealed{b.line(c, c.name, strconv.Itoa(count)+"."+id+"."+text[:partSize])}
	for n := 1; n < count; n++ {
		piece := text[n*partSize : min(len(text), (n+1)*partSize)]
		parts = append(parts, b.line(c, c.name+"~"+strconv.Itoa(n), id+"."+piece))
	}
	return parts, true
}

// line writes one Set-Cookie of a sealed cookie. Domain is gone: the gateway's host has no business with others, and others none with
// it (D6). HttpOnly always: no script has a use for a sealed text, except a stolen one (D9).
func (b *Box) line(c Upstream, name, text string) Sealed {
	var out strings.Builder
	out.WriteString(name + "=" + text + "; Path=" + cmp.Or(c.path, "/"))
	if expires, ok := c.attribute("expires"); ok {
		out.WriteString("; Expires=" + expires)
	}
	if age, ok := c.attribute("max-age"); ok && isNumber(age) {
		out.WriteString("; Max-Age=" + age)
	}
	out.WriteString("; SameSite=" + b.sameSite(c) + "; HttpOnly")
	if b.secure {
		out.WriteString("; Secure")
	}
	return Sealed{setCookie: secret.New(out.String())}
}

// sameSite keeps what the application asked for. Browsers refuse None without Secure (RFC 6265bis §5.7), and treat a cookie that says
// nothing differently from each other: Lax is what the strictest of them assume.
func (b *Box) sameSite(c Upstream) string {
	asked, _ := c.attribute("samesite")
	switch {
	case strings.EqualFold(asked, "Strict"):
		return "Strict"
	case strings.EqualFold(asked, "None") && b.secure:
		return "None"
	}
	return "Lax"
}

// plainLine passes a cookie as it came, without its Domain, and with the path that a browser would have filled in: the answer to
// a code entry has another one.
func plainLine(c Upstream) Sealed {
	var out strings.Builder
	out.WriteString(c.name + "=" + c.value)
	for text := range strings.SplitSeq(c.attributes, ";") {
		key, _, _ := strings.Cut(text, "=")
		if key = trim(key); key != "" && !strings.EqualFold(key, "domain") && !strings.EqualFold(key, "path") {
			out.WriteString("; " + trim(text))
		}
	}
	out.WriteString("; Path=" + cmp.Or(c.path, "/"))
	return Sealed{setCookie: secret.New(out.String())}
}
