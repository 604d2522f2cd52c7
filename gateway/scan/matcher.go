package scan

import (
	"strings"
	"unicode/utf8"
)

// node is one character in the tree of names.
type node struct {
	next []edge
	ids  []int // names that end here
	json []int // names that end here as the innermost key of nested JSON
	shut bool  // the name ends in "]": PHP reads nothing behind it
}

type edge struct {
	char byte
	to   int32
}

// add puts a name into the tree and returns its number. "data[User][password]" is also looked for as the innermost key of JSON,
// into which frameworks translate brackets.
func (n *Names) add(name string, known map[string]int) int {
	folded := fold(name)
	id, ok := known[folded]
	if !ok {
		id = len(known)
		known[folded] = id
		at := n.grow(folded)
		n.nodes[at].ids = append(n.nodes[at].ids, id)
		n.nodes[at].shut = strings.HasSuffix(name, "]")
		if open := strings.LastIndexByte(name, '['); open > 0 && n.nodes[at].shut {
			if inner := fold(name[open+1 : len(name)-1]); inner != "" {
				at = n.grow(inner)
				n.nodes[at].json = append(n.nodes[at].json, id)
			}
		}
	}
	return id
}

func (n *Names) grow(folded string) int32 {
	at := int32(0)
	for i := 0; i < len(folded); i++ {
		to := n.step(at, folded[i])
		if to < 0 {
			to = int32(len(n.nodes))
			n.nodes = append(n.nodes, node{})
			n.nodes[at].next = append(n.nodes[at].next, edge{folded[i], to})
		}
		at = to
	}
	return at
}

// step follows one character; -1 is nowhere.
func (n *Names) step(at int32, char byte) int32 {
	for _, e := range n.nodes[at].next {
		if e.char == char {
			return e.to
		}
	}
	return -1
}

// fold spells a configured name as matcher does what it reads.
func fold(name string) string {
	var out []byte
	bracket := false
	for _, r := range strings.TrimLeft(name, " \t") {
		if bracket && r == ' ' {
			continue
		}
		bracket = r == '['
		for _, c := range utf8.AppendRune(nil, narrow(r)) {
			out = append(out, foldByte(c))
		}
	}
	return string(out)
}

// foldByte folds as PHP does ('.', ' ' and '[' become '_', and ']' to keep them company) and forgets the case of ASCII letters, which
// ASP.NET and many JSON readers ignore.
func foldByte(c byte) byte {
	switch c {
	case ' ', '.', '[', ']', '\t':
		return '_'
	}
	return foldCase(c)
}

func foldCase(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// narrow turns full-width forms into ASCII, as ASP's best fit and NFKC do, and the two letters that Go's and others' case folding
// takes for k and s.
func narrow(r rune) rune {
	switch {
	case r >= 0xff01 && r <= 0xff5e:
		return r - 0xff01 + '!'
	case r == 0x3000:
		return ' '
	case r == 0x212a:
		return 'k'
	case r == 0x17f:
		return 's'
	}
	return r
}

// matcher holds one name against all that are looked for, byte by byte, however it is spelled: "%70ass", "%u0070ass", "\u0070ass", quoted
// pairs, full width, leading white space of any length, "[" and NUL behind it or anywhere in it. The escapes of every format
// are read in every format; that finds a little more than any one reader would.
type matcher struct {
	names *Names
	node  int32 // -1 is nowhere
	tail  int32 // a whole name, behind which only white space and dots came; 0 is none
	cut   int32 // a whole name, behind which PHP reads no further; 0 is none

	begun   bool // something other than padding came
	bracket bool // the last character was "["

	escape escape
	value  rune // of the escape so far
	left   int  // digits of it to come
	more   int  // bytes of a UTF-8 sequence to come
	char   rune // of the sequence so far
}

// escape is how far an escape was read.
type escape uint8

const (
	noEscape  escape = iota
	percent          // "%"
	backslash        // "\"
	digits           // hexadecimal digits of one byte
	unicode          // hexadecimal digits of a character
)

// dead reports that no name can come of this any more.
func (m *matcher) dead() bool { return m.node < 0 && m.tail == 0 }

// ended returns the name that has been read whole; 0 is none.
func (m *matcher) ended() int32 {
	if m.escape == backslash || m.more > 0 {
		return 0
	}
	if m.node > 0 && m.names.ends(m.node) {
		return m.node
	}
	return m.tail
}

func (n *Names) ends(at int32) bool { return len(n.nodes[at].ids) > 0 || len(n.nodes[at].json) > 0 }

// feed reads one raw byte.
func (m *matcher) feed(b byte) {
	switch m.escape {
	case noEscape:
		m.raw(b)
	case percent:
		m.startDigits(b, 2)
	case backslash:
		m.startDigits(b, 0)
	default:
		m.digit(b)
	}
}

func (m *matcher) raw(b byte) {
	switch b {
	case '%':
		m.escape = percent
	case '\\':
		m.escape = backslash
	case '+':
		m.decoded(' ')
	default:
		m.decoded(b)
	}
}

// startDigits reads what follows "%" or "\": u and four digits, or plain digits when there may be any, or a quoted character.
func (m *matcher) startDigits(b byte, plain int) {
	quoted := m.escape == backslash
	m.value = 0
	switch {
	case b|0x20 == 'u':
		m.escape, m.left = unicode, 4
	case plain > 0:
		m.escape, m.left = digits, plain
		m.digit(b)
	default:
		m.escape = noEscape
		if quoted {
			m.decoded(b)
		}
	}
}

func (m *matcher) digit(b byte) {
	v := hex(b)
	if v < 0 {
		m.broken(b)
		return
	}
	m.value = m.value<<4 | rune(v)
	if m.left--; m.left > 0 {
		return
	}
	kind := m.escape
	m.escape = noEscape
	if kind == digits {
		m.decoded(byte(m.value))
	} else {
		m.character(m.value)
	}
}

// broken reads on behind an escape that is none as if there were no "%": old IIS leaves it out.
func (m *matcher) broken(b byte) {
	kind, first, started := m.escape, m.value, m.left == 1
	m.escape = noEscape
	if kind == unicode {
		m.die()
		return
	}
	if started {
		m.decoded("0123456789abcdef"[first&0xf])
	}
	m.feed(b)
}

func (m *matcher) die() {
	m.node, m.tail, m.escape, m.more, m.begun = -1, 0, noEscape, 0, true
}

func hex(b byte) int {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}

// decoded reads one decoded byte: ASCII, or a piece of UTF-8. Overlong sequences count for what old decoders made of them.
func (m *matcher) decoded(b byte) {
	switch {
	case m.more > 0:
		if b&0xc0 != 0x80 {
			m.die()
			return
		}
		m.char = m.char<<6 | rune(b&0x3f)
		if m.more--; m.more == 0 {
			m.character(m.char)
		}
	case b < 0x80:
		m.ascii(b)
	case b >= 0xc0 && b < 0xe0:
		m.more, m.char = 1, rune(b&0x1f)
	case b >= 0xe0 && b < 0xf0:
		m.more, m.char = 2, rune(b&0x0f)
	case b >= 0xf0 && b < 0xf8:
		m.more, m.char = 3, rune(b&0x07)
	case b >= 0xfe && !m.begun: // a byte order mark of UTF-16
	default:
		m.die()
	}
}

func (m *matcher) character(r rune) {
	r = narrow(r)
	if r == 0xfeff && !m.begun {
		return // a byte order mark
	}
	if r < 0x80 {
		m.ascii(byte(r))
		return
	}
	var text [utf8.UTFMax]byte
	for _, c := range utf8.AppendRune(text[:0], r) {
		m.follow(c)
	}
}

func (m *matcher) ascii(b byte) {
	switch {
	case b == 0:
		// PHP cuts a name at NUL, others pass over it, and UTF-16 is full of it.
		m.cut = m.ended()
		return
	case !m.begun && isSpace(b):
		return // PHP and others ignore leading space
	case m.bracket && isSpace(b):
		return // PHP ignores it in front of an index
	case b == '[':
		m.cut = m.ended() // "user[x]" and "user[]" are user
	}
	if m.ended() != 0 && (isSpace(b) || b == '.') {
		m.tail = m.ended()
	} else {
		m.tail = 0
	}
	m.bracket = b == '['
	m.follow(foldByte(b))
	if m.node > 0 && m.names.nodes[m.node].shut {
		m.cut = m.node
	}
}

// follow goes one step down the tree.
func (m *matcher) follow(c byte) {
	m.begun = true
	if m.node >= 0 {
		m.node = m.names.step(m.node, c)
	}
}

func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }

// takeCut returns the whole name that was just cut off, once. Reading goes on: not every reader cuts there.
func (m *matcher) takeCut() int32 {
	cut := m.cut
	m.cut = 0
	return cut
}

// padding reports that nothing of a name came yet, nor the beginning of an escape that may be one.
func (m *matcher) padding() bool { return !m.begun && m.escape == noEscape && m.more == 0 }
