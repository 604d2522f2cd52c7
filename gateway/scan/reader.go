package scan

import (
	"io"
	"slices"
)

// reader hands out what the scans have let go.
type reader struct {
	source io.ReadCloser
	pairs  *pairs // nil once the body has shown itself as multipart
	parts  *parts // nil where it cannot be
	clean  bool   // the headers promise multipart/form-data
	dashes int64  // "-" with which the body began so far

	buffer []byte // what was held back, and what was read behind it: buffer[out:safe] may go, the rest waits
	out    int
	safe   int
	err    error // what Read returns when all has gone
}

func newReader(s *Scanner, kind bodyKind, source io.ReadCloser) *reader {
	r := &reader{source: source, pairs: newPairs(s, inForm|inJSON), clean: kind.clean}
	r.pairs.keys.loose = kind.loose
	if kind.multipart {
		r.parts = &parts{of: s}
	}
	return r
}

// Close closes the body.
func (r *reader) Close() error { return r.source.Close() }

// Read returns what is safe to send. It waits for more of the body while nothing is.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if r.out < r.safe {
			n := copy(p, r.buffer[r.out:r.safe])
			r.out += n
			return n, nil
		}
		if r.err != nil {
			return 0, r.err
		}
		n, read := 0, 0
		if r.safe == len(r.buffer) {
			n, read = r.direct(p)
		} else {
			read = r.behind()
		}
		if n > 0 || read == 0 && r.err == nil {
			return n, nil
		}
	}
}

// direct reads into the caller's buffer: the ordinary case, in which nothing is copied but a name's beginning at the end.
func (r *reader) direct(p []byte) (safe, read int) {
	read, err := r.source.Read(p)
	safe = r.judge(p[:read], read, err)
	r.buffer = append(r.buffer[:0], p[safe:read]...)
	r.out, r.safe = 0, 0
	return safe, read
}

// behind reads behind what is held back.
func (r *reader) behind() (read int) {
	kept := copy(r.buffer, r.buffer[r.safe:])
	r.buffer = slices.Grow(r.buffer[:kept], maxHold)[:kept+maxHold]
	read, err := r.source.Read(r.buffer[kept:])
	r.buffer = r.buffer[:kept+read]
	r.out, r.safe = 0, r.judge(r.buffer[kept:], kept+read, err)
	return read
}

// judge scans fresh, the end of size bytes that are not handed out yet, and returns how many of these may be.
func (r *reader) judge(fresh []byte, size int, err error) (safe int) {
	end := r.offset() + int64(len(fresh))
	refused := r.scan(fresh)
	switch {
	case refused != nil:
		r.err = refused
	case err == io.EOF:
		r.err = io.EOF
		if refused := r.end(); refused != nil {
			r.err = refused
			break
		}
		return size
	case err != nil:
		r.err = err
	}
	return size - int(end-min(r.offset(), r.held()))
}

// scan runs what reads this body. Two scans go byte by byte, in step, so that where they stop does not depend on how the
// body was cut into reads; that is for bodies that are not what they say.
func (r *reader) scan(text []byte) error {
	for len(text) > 0 && r.parts != nil && r.pairs != nil {
		if err := r.pairs.scan(text[:1]); err != nil {
			return err
		}
		if err := r.parts.scan(text[:1]); err != nil {
			return err
		}
		r.settle(text[0])
		text = text[1:]
	}
	switch {
	case len(text) == 0:
		return nil
	case r.parts != nil:
		return r.parts.scan(text)
	default:
		return r.pairs.scan(text)
	}
}

// settle: a body that says it is multipart/form-data and begins with "--" is read as that alone, or else every file with "user"
// and "password" in it would be refused. One that begins otherwise may be JSON for an application that does not look at the type.
func (r *reader) settle(b byte) {
	if !r.clean || r.dashes < 0 {
		return
	}
	if b != '-' {
		r.dashes = -1
		return
	}
	if r.dashes++; r.dashes == 2 {
		r.pairs = nil
	}
}

func (r *reader) end() error {
	if r.pairs != nil {
		return r.pairs.end()
	}
	return nil
}

// offset is how far every scan has come. After a refusal the one that refused stands at the byte it refused.
func (r *reader) offset() int64 {
	switch {
	case r.pairs == nil:
		return r.parts.offset
	case r.parts == nil:
		return r.pairs.offset
	}
	return min(r.pairs.offset, r.parts.offset)
}

func (r *reader) held() int64 {
	at := int64(never)
	if r.pairs != nil {
		at = r.pairs.held()
	}
	if r.parts != nil {
		at = min(at, r.parts.held())
	}
	return at
}
