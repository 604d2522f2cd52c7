package seal

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	maxOpened   = 100       // sealed cookies of a request that are tried
	maxReceived = 1000      // cookies of a request that are looked at; a browser keeps at most 180 a site
	maxHeader   = 256 << 10 // bytes of all Cookie lines; what stands behind is dropped unread
)

// Opened is what a browser's cookies come to.
type Opened struct {
	Header  string   // the Cookie header that goes up; "" for none
	Dropped []string // names that do not, the gateway's own aside; quoted, each once, at most 50
}

// Format shows nothing of the cookies, whatever the verb.
func (Opened) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[opened cookies]") }

// Open reads a browser's Cookie lines for the member session of that id; "" is a visitor, for whom only plain and kept cookies open.
// A cookie that is not plain goes up only when its text opens under exactly its name: so no spelling that the upstream folds
// into another name gets through (B14), and of two cookies with one name the rightful one goes up or none (D6). Of a plain name, which
// nobody can tell rightful, the first goes up: browsers put the most specific path first. Open keeps no state.
func (b *Box) Open(cookies []string, session string) Opened {
	o := opening{box: b, session: session, lines: readCookies(cookies)}
	for _, line := range o.lines {
		o.take(line)
	}
	return Opened{Header: headerOf(o.up), Dropped: o.dropped}
}

// received is one cookie as it stands in a Cookie header: what is behind the name is anybody's.
type received struct{ name, text string }

// readCookies splits Cookie lines at ";" and nowhere else, as PHP and browsers do. HTTP/2 may bring several lines (RFC 9113 §8.2.3).
func readCookies(lines []string) []received {
	var all []received
	left := maxHeader
	for _, line := range lines {
		if left -= len(line); left < 0 {
			break
		}
		for pair := range strings.SplitSeq(line, ";") {
			if len(all) >= maxReceived {
				return all
			}
			if name, text, ok := strings.Cut(pair, "="); ok {
				all = append(all, received{trim(name), trim(text)})
			}
		}
	}
	return all
}

// opening is one Open under way.
type opening struct {
	box     *Box
	session string
	lines   []received
	tried   int
	up      []Upstream
	dropped []string
}

// take judges one cookie of the browser.
func (o *opening) take(r received) {
	if refused(r.name) {
		if _, _, part := partName(r.name); !part && !Own(r.name) {
			o.drop(r.name)
		}
		return
	}
	value, ok := "", false
	switch fate := o.box.fate(r.name); {
	case fate == plain:
		value, ok = r.text, !smuggles(r.text) && !o.has(r.name)
	case fate == kept:
		value, ok = o.open(r, o.box.kept, scope(r.name, ""))
	case o.session != "":
		value, ok = o.open(r, o.box.member, scope(r.name, o.session))
	}
	if !ok {
		o.drop(r.name)
		return
	}
	o.up = append(o.up, Upstream{name: r.name, value: value})
}

func (o *opening) drop(name string) { o.dropped = addName(o.dropped, name) }

func (o *opening) has(name string) bool {
	for _, c := range o.up {
		if c.name == name {
			return true
		}
	}
	return false
}

// open puts the parts together and opens them. Only so many cookies are tried: thousands of forged ones cost no more than these.
func (o *opening) open(r received, with codec, scope string) (string, bool) {
	if o.tried++; o.tried > maxOpened {
		return "", false
	}
	text, ok := o.whole(r)
	if !ok {
		return "", false
	}
	value, ok := with.open(scope, text)
	return string(value), ok
}

// whole returns the sealed text that begins in r. A part that is missing drops all of them; a wrong one is found out by the
// signature, which is over the whole text.
func (o *opening) whole(r received) (string, bool) {
	number, text, ok := strings.Cut(r.text, ".")
	count, err := strconv.Atoi(number)
	if !ok || err != nil || count < 1 || count > maxParts || number[0] == '+' {
		return "", false
	}
	if count == 1 {
		return text, true
	}
	id, first, ok := strings.Cut(text, ".")
	if !ok || len(id) != 8 {
		return "", false
	}
	out := []byte(first)
	for n := 1; n < count; n++ {
		piece, ok := o.part(r.name+"~"+strconv.Itoa(n), id+".")
		if !ok {
			return "", false
		}
		out = append(out, piece...)
	}
	return string(out), true
}

func (o *opening) part(name, prefix string) (string, bool) {
	for _, r := range o.lines {
		if r.name == name && strings.HasPrefix(r.text, prefix) {
			return r.text[len(prefix):], true
		}
	}
	return "", false
}
