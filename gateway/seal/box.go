package seal

import (
	"regexp"
	"strconv"

	"github.com/gorilla/securecookie"

	"doorcode/challenge/keys"
)

// Options say what becomes of the upstream's cookies. Patterns hold for whole names, as if anchored, and only for names made of
// ASCII letters, digits, "_" and "-": another name could be folded by the upstream into one that no pattern allows (B14), so it
// is sealed like any cookie that no pattern matches. A name that matches Plain and Keep is kept, the stricter of the two.
type Options struct {
	Plain  []*regexp.Regexp // pass as they are, both ways: read or written by the page's scripts
	Keep   []*regexp.Regexp // sealed to the browser, not to a session: preferences, for visitors too
	Secure bool             // browsers reach the gateway by TLS: sealed cookies get Secure
}

// Box seals and opens. It holds no state but keys and options, and is safe for concurrent use.
type Box struct {
	member, kept, held, own codec // one key a purpose: what was sealed for one opens as no other
	plain, keep             []*regexp.Regexp
	secure                  bool
}

// NewBox makes a Box from the keys that ring has now; after a rotation the caller makes another.
func NewBox(ring *keys.Ring, o Options) *Box {
	return &Box{
		member: newCodec(ring.Pairs("member cookie")),
		kept:   newCodec(ring.Pairs("kept cookie")),
		held:   newCodec(ring.Pairs("held session")),
		own:    newCodec(ring.Pairs("own cookie")),
		plain:  longest(o.Plain),
		keep:   longest(o.Keep),
		secure: o.Secure,
	}
}

// fate is what becomes of a cookie.
type fate int

const (
	sealed fate = iota // to one member session; withheld from visitors
	kept               // sealed to the browser
	plain              // passed as it is
)

func (b *Box) fate(name string) fate {
	switch {
	case !simple(name):
		return sealed
	case matchesAny(b.keep, name):
		return kept
	case matchesAny(b.plain, name):
		return plain
	}
	return sealed
}

// Seals reports whether a cookie of this name is neither plain nor kept.
func (b *Box) Seals(name string) bool { return b.fate(name) == sealed }

// Passes reports whether a cookie of this name is plain: scripts may write it.
func (b *Box) Passes(name string) bool { return b.fate(name) == plain }

// SealOwn seals a value of the gateway's own cookie called name, for OpenOwn.
func (b *Box) SealOwn(name string, value []byte) (string, error) {
	return b.own.seal(name, value)
}

// OpenOwn opens what SealOwn made under the same name; false for anything else.
func (b *Box) OpenOwn(name, text string) ([]byte, bool) {
	return b.own.open(name, text)
}

// codec seals with the newest key and opens with any. securecookie encrypts with AES-CTR under a random 128-bit IV and signs name
// and ciphertext with HMAC-SHA256. Its own limits are off: what ends is decided by sessions and challenges, not by age, and
// a 4 KB cookie has to pass.
type codec []*securecookie.SecureCookie

func newCodec(pairs []keys.Pair) codec {
	var c codec
	for _, p := range pairs {
		c = append(c, securecookie.New(p.Hash, p.Block).SetSerializer(securecookie.NopEncoder{}).MaxAge(0).MaxLength(0))
	}
	return c
}

// seal binds value to scope. The leading byte is there because securecookie cannot open an empty value; the copy, because
// securecookie encrypts the slice that it is given in place.
func (c codec) seal(scope string, value []byte) (string, error) {
	if len(c) == 0 {
		return "", errNoKeys
	}
	return c[0].Encode(scope, append([]byte{'v'}, value...))
}

func (c codec) open(scope, text string) ([]byte, bool) {
	for _, s := range c {
		var value []byte
		if s.Decode(scope, text, &value) == nil && len(value) > 0 && value[0] == 'v' {
			return value[1:], true
		}
	}
	return nil, false
}

// scope is what a sealed cookie is bound to. The length stands in front so that no two pairs of name and session make the same text.
func scope(name, session string) string {
	return strconv.Itoa(len(name)) + ":" + name + ":" + session
}

// longest copies patterns so that matchesAny can ask for the longest match, which is the whole name if that matches at all.
func longest(patterns []*regexp.Regexp) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, p := range patterns {
		c := *p
		c.Longest()
		out = append(out, &c)
	}
	return out
}

func matchesAny(patterns []*regexp.Regexp, name string) bool {
	for _, p := range patterns {
		if at := p.FindStringIndex(name); at != nil && at[0] == 0 && at[1] == len(name) {
			return true
		}
	}
	return false
}
