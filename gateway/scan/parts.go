package scan

// disposition begins the header of a part that has the field's name. It has one "c", so that a search for it starts over only there.
const disposition = "content-disposition"

// parts finds names in multipart bodies. It goes by no boundary, since readers differ in what they take for one: wherever
// "Content-Disposition" stands, the parameters called name behind it count, up to the empty line (CR LF CR LF) at which all readers
// agree that a header block ends. PHP joins lines without a colon to the header above and cuts lines over 5 KB in two, so
// neither line starts nor line ends mean anything within.
type parts struct {
	of *Scanner

	offset  int64
	matched int  // bytes of disposition, or of "name"
	header  bool // behind a Content-Disposition
	lineEnd int  // bytes of CR LF CR LF

	state partState
	fresh bool // a parameter may begin here
	quote byte // around the value; 0 is none
	name  matcher
	from  int64 // where the value begins
}

// partState is where in the header block the scan is.
type partState uint8

const (
	seekName     partState = iota
	behindName             // "name" came: is it a whole key?
	beforeName             // "name=" came
	behindEquals           // the value begins with "="
	inName
)

// held as in pairs.
func (p *parts) held() int64 {
	if p.state == inName || p.state == beforeName {
		return p.from
	}
	return never
}

// scan as in pairs.
func (p *parts) scan(text []byte) error {
	for i := 0; i < len(text); i++ {
		skipped := p.skip(text[i:])
		i += skipped
		p.offset += int64(skipped)
		if i == len(text) {
			break
		}
		if err := p.step(text[i]); err != nil {
			return err
		}
		p.offset++
	}
	return nil
}

// skip counts bytes in which step would find nothing to note.
func (p *parts) skip(text []byte) int {
	switch {
	case p.matched > 0:
		return 0
	case !p.header:
		for i, b := range text {
			if b|0x20 == 'c' {
				return i
			}
		}
		return len(text)
	case p.state != seekName || p.lineEnd > 0:
		return 0
	}
	for i, b := range text {
		if b|0x20 == 'n' || b == '\r' || b == '\n' {
			if i > 0 {
				p.fresh = !isToken(text[i-1])
			}
			return i
		}
	}
	p.fresh = !isToken(text[len(text)-1])
	return len(text)
}

func (p *parts) step(b byte) error {
	if !p.header {
		p.search(b)
		return nil
	}
	if p.emptyLine(b) {
		*p = parts{of: p.of, offset: p.offset}
		return nil
	}
	switch p.state {
	case behindName:
		return p.afterKey(b)
	case beforeName:
		return p.beforeValue(b)
	case behindEquals:
		if b == '?' {
			return ErrUnreadable // an encoded word (RFC 2047), which commons-fileupload decodes
		}
		p.leave(b)
		return nil
	case inName:
		return p.value(b)
	}
	p.seek(b)
	return nil
}

// leave goes on behind b to the next parameter.
func (p *parts) leave(b byte) { p.state, p.fresh = seekName, !isToken(b) }

// search looks for disposition.
func (p *parts) search(b byte) {
	switch b = foldCase(b); b {
	case disposition[p.matched]:
		p.matched++
	case disposition[0]:
		p.matched = 1
	default:
		p.matched = 0
	}
	if p.matched == len(disposition) {
		p.matched, p.header, p.lineEnd, p.fresh = 0, true, 0, false
	}
}

// emptyLine reports the last byte of CR LF CR LF.
func (p *parts) emptyLine(b byte) bool {
	switch {
	case b == "\r\n\r\n"[p.lineEnd]:
		p.lineEnd++
	case b == '\r':
		p.lineEnd = 1
	default:
		p.lineEnd = 0
	}
	return p.lineEnd == 4
}

// seek looks for a key called name. PHP joins lines, so that a line end may stand within it, and in front of it.
func (p *parts) seek(b byte) {
	lower := b | 0x20
	switch {
	case b == '\r' || b == '\n':
		p.fresh = p.fresh || p.matched == 0
		return
	case p.matched > 0 && lower == "name"[p.matched]:
		p.matched++
	case lower == 'n' && p.fresh:
		p.matched = 1
	default:
		p.matched = 0
	}
	p.fresh = !isToken(b)
	if p.matched == len("name") {
		p.matched, p.state = 0, behindName
	}
}

// afterKey: "name*" has no meaning in a form (RFC 7578 §4.2), and readers differ in what they make of it and of "name*0".
func (p *parts) afterKey(b byte) error {
	switch {
	case isSpace(b):
	case b == '*':
		return ErrUnreadable
	case b == '=':
		p.state, p.quote, p.from = beforeName, 0, p.offset+1
		p.name = matcher{names: p.of.names}
	default:
		p.leave(b)
	}
	return nil
}

func (p *parts) beforeValue(b byte) error {
	switch {
	case isSpace(b) || b == 0:
		p.from = p.offset + 1
		return nil
	case p.quote == 0 && (b == '"' || b == '\''):
		p.quote, p.from = b, p.offset+1
		return nil
	case b == '=':
		p.state = behindEquals
		return nil
	}
	p.state = inName
	return p.value(b)
}

// value reads the name of a field.
func (p *parts) value(b byte) error {
	ends := b == p.quote || p.quote == 0 && (b == ';' || isSpace(b))
	ends = ends && p.name.escape != backslash // a quoted pair
	lineEnd := b == '\r' || b == '\n'         // a value with a line end in it is joined by PHP, and cut by others
	if (ends || lineEnd) && p.meets(p.name.ended()) {
		return ErrCredentials
	}
	if lineEnd {
		return p.tooLong()
	}
	if ends {
		p.leave(b)
		return nil
	}
	p.name.feed(b)
	return p.judge(b)
}

// judge looks at what the name has become.
func (p *parts) judge(b byte) error {
	if p.meets(p.name.takeCut()) {
		return ErrCredentials
	}
	if p.name.dead() {
		p.leave(b)
		return nil
	}
	if p.name.padding() {
		p.from = p.offset + 1
	}
	return p.tooLong()
}

func (p *parts) tooLong() error {
	if p.offset-p.from < maxHold {
		return nil
	}
	if p.of.any {
		return ErrUnreadable
	}
	p.from = p.offset + 1
	return nil
}

func (p *parts) meets(name int32) bool {
	return name != 0 && p.of.meet(p.of.names.nodes[name].ids)
}

// isToken reports the letters of which keys are made: "filename" is not "name".
func isToken(b byte) bool {
	return 'a' <= b|0x20 && b|0x20 <= 'z' || '0' <= b && b <= '9' || b == '-' || b == '_'
}
