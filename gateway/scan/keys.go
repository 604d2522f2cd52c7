package scan

import "strings"

// keys finds what pairs does not: keys as lenient readers of JSON take them (Gson, org.json, JSON5: in single quotes, bare, behind and in
// front of comments, with "=" for ":" and ";" for ","), and elements and attributes of XML.
//
// Prose is full of "username:" in front of a value, and so these count only where such a reader finds them: in a body that begins as
// JSON or XML does, and not in the strings of JSON. Where strings are, all readers agree as long as the body is JSON to the letter. From
// the first byte outside a string that is not, names are looked for everywhere, in strings too.
type keys struct {
	of    *Scanner
	form  bodyForm
	loose bool // another charset may put a quote or "\" where ASCII has none: JSON is never taken to the letter

	lex    lexState
	before byte // the last byte of JSON outside strings, white space aside
	skips  skips

	in   uint8 // what a name is being read in: inSingle, inBare, inElement, inAttribute; 0 is none
	name matcher
	from int64
	key  waiting
}

// bodyForm is what a body looks like from its first byte that is neither white space, a comment nor a byte order mark.
type bodyForm uint8

const (
	otherForm bodyForm = iota
	unknownForm
	strictJSON
	looseJSON
	xmlForm
)

// lexState is where in strict JSON the scan is.
type lexState uint8

const (
	lexOutside lexState = iota
	lexString
	lexEscape
)

// skips is how far a comment in front of everything was read.
type skips uint8

const (
	skipsSpace skips = iota
	skipsSlash
	skipsLine
	skipsBlock
	skipsStar
)

// kinds is what a name may begin in.
func (k *keys) kinds() uint8 {
	switch {
	case k.form == looseJSON, k.form == strictJSON && k.lex == lexOutside:
		return inSingle | inBare
	case k.form == xmlForm:
		return inElement | inAttribute
	}
	return 0
}

func (k *keys) idle() bool { return k.in == 0 && k.key.name == 0 && k.form != unknownForm }

// held as in pairs.
func (k *keys) held() int64 {
	at := k.key.held()
	if k.in != 0 {
		at = min(at, k.from)
	}
	return at
}

func (k *keys) step(b byte, offset int64) error {
	switch k.form {
	case otherForm:
		return nil
	case unknownForm:
		if k.begins(b); k.form == unknownForm {
			return nil
		}
	case strictJSON:
		k.read(b)
	}
	if k.key.name != 0 && k.key.follow(b, offset, k.form) {
		return ErrCredentials
	}
	if k.ends(b, offset) {
		return ErrCredentials
	}
	if starts := k.of.names.start[b] & k.kinds(); starts != 0 {
		k.in, k.name, k.from = starts, matcher{names: k.of.names}, offset+1
		return nil
	}
	return k.feed(b, offset)
}

// begins looks for the byte that tells the body's form. Those over 0x7f are of a byte order mark, and NUL is UTF-16.
func (k *keys) begins(b byte) {
	if b == 0 {
		k.loose = true
		return
	}
	switch k.skips {
	case skipsSlash:
		k.skips = skipsLine
		if b == '*' {
			k.skips = skipsBlock
		}
	case skipsLine:
		if b == '\n' || b == '\r' {
			k.skips = skipsSpace
		}
	case skipsBlock, skipsStar:
		switch {
		case b == '*':
			k.skips = skipsStar
		case b == '/' && k.skips == skipsStar:
			k.skips = skipsSpace
		default:
			k.skips = skipsBlock
		}
	default:
		k.first(b)
	}
}

func (k *keys) first(b byte) {
	switch {
	case b <= ' ' || b >= 0x7f:
	case b == '/':
		k.skips, k.loose = skipsSlash, true
	case b == '#':
		k.skips, k.loose = skipsLine, true
	case b == '<':
		k.form = xmlForm
	case b != '{' && b != '[':
		k.form = otherForm
	case k.loose:
		k.form = looseJSON
	default:
		k.form, k.before = strictJSON, b
	}
}

// read follows JSON to the letter, and gives up where it is not.
func (k *keys) read(b byte) {
	switch k.lex {
	case lexEscape:
		k.lex = lexString
	case lexString:
		switch b {
		case '"':
			k.lex, k.before = lexOutside, b
		case '\\':
			k.lex = lexEscape
		}
	default:
		k.outside(b)
	}
	if b == 0 {
		k.form = looseJSON // UTF-16, in which halves of letters look like quotes
	}
}

func (k *keys) outside(b byte) {
	switch {
	case b == '"' && (k.before == '{' || k.before == '[' || k.before == ',' || k.before == ':'):
		k.lex = lexString
	case strings.IndexByte(outsideStrings, b) >= 0:
		if b > ' ' {
			k.before = b
		}
	default:
		k.form = looseJSON
	}
}

// outsideStrings is what JSON is made of outside strings: signs, numbers, true, false and null, white space.
const outsideStrings = "{}[]:,+-.0123456789eEtrufalsn \t\r\n"

// ends closes the name that is being read, where b does, and reports whether it completes a pair.
func (k *keys) ends(b byte, offset int64) bool {
	var closed, waits bool
	switch {
	case k.in == 0:
		return false
	case k.in == inSingle:
		closed, waits = b == '\'', true
	case k.in == inBare:
		closed, waits = b == ':' || b == '=' || b == '/' || b == '#' || b == '\n' || b == '\r', true
	case k.in&inElement != 0 && (b == '>' || b == '/' || isSpace(b)):
		closed = true
	case k.in&inAttribute != 0:
		closed, waits = b == '=' || isSpace(b), true
	}
	name := k.name.ended()
	if !closed || name == 0 {
		return false
	}
	k.in, k.key = 0, waiting{name: name, at: k.from, of: k.of}
	if !waits {
		return k.key.met()
	}
	return b != '\'' && k.key.follow(b, offset, k.form)
}

// feed as in pairs.
func (k *keys) feed(b byte, offset int64) error {
	if k.in == 0 || wide(&k.name, b) {
		return nil
	}
	k.name.feed(b)
	switch {
	case k.name.dead():
		k.in = 0
	case k.name.padding():
		k.from = offset + 1
	case offset-k.from >= maxHold:
		if k.of.any {
			return ErrUnreadable
		}
		k.from = offset + 1
	}
	return nil
}

// wide reports the NULs of UTF-16 within an escape of JSON.
func wide(name *matcher, b byte) bool {
	return b == 0 && (name.escape == backslash || name.escape == unicode)
}

// waiting is a key that has been closed and waits for its colon.
type waiting struct {
	of    *Scanner
	name  int32 // 0 is none
	at    int64 // where it begins
	slash bool  // "/" came
}

func (w *waiting) held() int64 {
	if w.name == 0 {
		return never
	}
	return w.at
}

// follow reads what comes behind the key, and reports whether it completes a pair. A comment may be of any length, and end differently
// for different readers: in JSON, a key in front of one counts. So does one in front of more white space than any program writes.
func (w *waiting) follow(b byte, offset int64, form bodyForm) bool {
	json := form == strictJSON || form == looseJSON
	slash := w.slash
	w.slash = slash && b == 0
	switch {
	case b == ':' && form != xmlForm, b == '=' && form != otherForm, json && b == '#', slash && (b == '/' || b == '*'):
		return w.met()
	case json && b == '/':
		w.slash = true
	case !isSpace(b) && b != 0:
		w.name = 0
	case offset-w.at >= maxHold:
		return w.met()
	}
	return false
}

// met counts the key. One that completes a pair stays, so that it is held back.
func (w *waiting) met() bool {
	n := w.of.names.nodes[w.name]
	if w.of.meet(n.ids) || w.of.meet(n.json) {
		return true
	}
	w.name = 0
	return false
}
