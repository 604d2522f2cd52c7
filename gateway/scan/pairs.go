package scan

import "math"

// What a byte may be in front of, for Names.start.
const (
	inForm      uint8 = 1 << iota // a parameter name
	inJSON                        // a key
	inSingle                      // a key of lenient JSON, in single quotes
	inBare                        // one without
	inElement                     // an element of XML
	inAttribute                   // an attribute
)

// maxHold is how much is held back for a name that may still come of it. Only padding inside or behind a name is ever that
// long: it is given up while no name was seen, and refused when one was.
const maxHold = 4 << 10

// never is where nothing is held back.
const never = math.MaxInt64

// compileStarts tables what a name may begin behind and with. Form names begin behind "&", and behind ";" and a line end for readers
// that take these for separators; keys behind a quote, wherever it stands: a quote that closes a string is taken for an opening
// one too, so no escaping can shift the two. Bare keys begin behind what separates them, and behind the end of a comment; names in XML
// also behind the ":" of their prefix.
func (n *Names) compileStarts() {
	n.start['&'], n.start[';'], n.start['\n'] = inForm, inForm, inForm
	n.start['"'] = inJSON
	n.start['\''] = inSingle
	n.start['<'], n.start[':'] = inElement, inElement|inAttribute
	for _, b := range []byte("{,;/\n\r") {
		n.start[b] |= inBare
	}
	for _, b := range []byte(" \t\n\r") {
		n.start[b] |= inAttribute
	}
	for b := range n.plain {
		n.plain[b] = n.start[b]&(inForm|inJSON) == 0 && b != '\\' && b != 0
	}
	for b := range n.first {
		m := matcher{names: n}
		m.feed(byte(b))
		n.first[b] = !m.dead()
	}
}

// pairs finds names in a body that may be a form, JSON, or anything else that a framework reads names from.
type pairs struct {
	of    *Scanner
	kinds uint8 // inForm, or both

	offset int64 // of the next byte
	in     uint8 // what a name is being read in; 0 is none
	name   matcher
	from   int64 // where the name begins
	key    waiting
	keys   keys
}

func newPairs(s *Scanner, kinds uint8) *pairs {
	p := &pairs{of: s, kinds: kinds, keys: keys{of: s}}
	if kinds&inJSON != 0 {
		p.keys.form = unknownForm
	}
	p.begin(inForm, 0) // a form begins with a name
	return p
}

func (p *pairs) begin(in uint8, at int64) {
	p.name = matcher{names: p.of.names}
	p.in, p.from = in, at
}

// held is the offset from which nothing may be handed out yet.
func (p *pairs) held() int64 {
	at := min(p.key.held(), p.keys.held())
	if p.in != 0 {
		at = min(at, p.from)
	}
	return at
}

// scan reads the next bytes. After an error, held is where the second name begins.
func (p *pairs) scan(text []byte) error {
	for i := 0; i < len(text); i++ {
		if p.in == 0 && p.key.name == 0 && p.keys.idle() {
			skipped := p.skip(text[i:])
			i += skipped
			p.offset += int64(skipped)
			if i == len(text) {
				break
			}
		}
		if err := p.step(text[i]); err != nil {
			return err
		}
		p.offset++
	}
	return nil
}

// skip counts the bytes behind which no name that is looked for begins: the whole way for ordinary bodies. step would find the
// same, slower.
func (p *pairs) skip(text []byte) int {
	if p.keys.form == strictJSON {
		return p.skipJSON(text)
	}
	names, kinds := p.of.names, p.kinds|p.keys.kinds()
	for i, b := range text {
		if names.start[b]&kinds == 0 {
			continue
		}
		if i+1 == len(text) || names.first[text[i+1]] {
			return i
		}
	}
	return len(text)
}

// skipJSON is skip while keys follows the strings of JSON.
func (p *pairs) skipJSON(text []byte) int {
	names := p.of.names
	for i, b := range text {
		if p.keys.lex == lexString && names.plain[b] {
			continue
		}
		if names.start[b]&(p.kinds|p.keys.kinds()) != 0 && (i+1 == len(text) || names.first[text[i+1]]) {
			return i
		}
		if p.keys.read(b); p.keys.form != strictJSON {
			return i + 1
		}
	}
	return len(text)
}

func (p *pairs) step(b byte) error {
	if p.key.name != 0 && p.key.follow(b, p.offset, p.keys.form) {
		return ErrCredentials
	}
	if err := p.keys.step(b, p.offset); err != nil {
		return err
	}
	switch kind := p.of.names.start[b] & p.kinds; {
	case kind == inJSON:
		p.quote()
		return nil
	case kind == inForm, b == '=' && p.in == inForm:
		if p.in == inForm && p.meets(p.name.ended()) {
			return ErrCredentials
		}
		p.in = 0
		if kind == inForm {
			p.begin(inForm, p.offset+1)
		}
		return nil
	case p.in == 0:
		return nil
	}
	return p.feed(b)
}

// feed reads one byte of a name.
func (p *pairs) feed(b byte) error {
	if p.in == inJSON && wide(&p.name, b) {
		return nil
	}
	p.name.feed(b)
	if cut := p.name.takeCut(); p.in == inForm && p.meets(cut) {
		return ErrCredentials
	}
	switch {
	case p.name.dead():
		p.in = 0
	case p.name.padding():
		p.from = p.offset + 1 // nothing of a name came yet
	case p.offset-p.from >= maxHold:
		if p.of.any {
			return ErrUnreadable
		}
		p.from = p.offset + 1
	}
	return nil
}

// quote ends a key, and begins one.
func (p *pairs) quote() {
	if p.in == inJSON && p.name.ended() != 0 {
		p.key = waiting{of: p.of, name: p.name.ended(), at: p.from}
	}
	p.begin(inJSON, p.offset+1)
}

func (p *pairs) meets(name int32) bool {
	return name != 0 && p.of.meet(p.of.names.nodes[name].ids)
}

// end is the end of the body: a last name may have no "=".
func (p *pairs) end() error {
	if p.in == inForm && p.meets(p.name.ended()) {
		return ErrCredentials
	}
	return nil
}
