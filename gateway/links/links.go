// Package links puts the public address in place of the application's own while a page streams by, for applications that write
// whole addresses of themselves into their HTML: links past the gateway lead nowhere, or past the code (threat E6).
//
// It replaces bytes and does not read HTML. A page of old is no well-formed one, addresses stand in scripts, styles and data-
// attributes too, and a tokenizer holds a whole script back before it hands it out, while nothing here waits for more than the length of
// one address. What is replaced is an own scheme, host and port, as a whole: something that cannot belong to a host must follow.
// All else goes through byte for byte, so the page's charset does not matter as long as ASCII means ASCII in it.
package links

import (
	"bytes"
	"io"
	"net/url"
	"slices"
	"strings"
)

// Rewriter replaces own addresses by one public address. Its methods may be called while others run.
type Rewriter struct {
	spellings []spelling // of a host the longest first
	hosts     [][]byte   // the host names that spellings have in them, in lower case
	longest   int
}

// spelling is one way to write an own address, in lower case, and what stands in its place.
type spelling struct {
	from, to []byte
	host     int  // where in from the host name begins
	named    int  // which of Rewriter.hosts it is
	relative bool // "//host": without a scheme, so that what stands before it counts
}

// script is how a language that pages hold writes ":" and "/".
type script struct{ colon, slash, open, close string }

var scripts = []script{
	{":", "/", "[", "]"},         // attributes, text, styles, scripts
	{":", `\/`, "[", "]"},        // JSON as PHP writes it
	{":", `\u002f`, "[", "]"},    // JSON as careful encoders write it
	{":", "&#x2f;", "[", "]"},    // attributes as careful encoders write them
	{":", "&#47;", "[", "]"},     //
	{"%3a", "%2f", "%5b", "%5d"}, // a parameter of another address
}

// New makes a Rewriter from own addresses (scheme and host) to the public one. An own address that is the public one is left out.
func New(own []*url.URL, public *url.URL) *Rewriter {
	r := &Rewriter{}
	for _, u := range own {
		if u.Scheme == public.Scheme && strings.EqualFold(u.Host, public.Host) {
			continue
		}
		for _, port := range ports(u) {
			for _, s := range scripts {
				r.add(s, u, port, public)
			}
		}
	}
	slices.SortStableFunc(r.spellings, func(a, b spelling) int { return len(b.from) - len(a.from) })
	return r
}

// ports are the ways to write the port: the scheme's own may be left out.
func ports(u *url.URL) []string {
	standard := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port := u.Port(); port != "" && port != standard {
		return []string{port}
	}
	return []string{"", standard}
}

func (r *Rewriter) add(s script, u *url.URL, port string, public *url.URL) {
	write := strings.NewReplacer(":", s.colon, "[", s.open, "]", s.close).Replace
	name := write(strings.TrimSuffix(u.Host, ":"+u.Port()))
	at := name
	if port != "" {
		at += s.colon + port
	}
	named := r.hostNumber(strings.ToLower(name))
	for _, scheme := range []string{u.Scheme + s.colon, ""} {
		to := s.slash + s.slash + write(public.Host)
		if scheme != "" {
			to = public.Scheme + s.colon + to
		}
		from := strings.ToLower(scheme + s.slash + s.slash + at)
		r.spellings = append(r.spellings, spelling{[]byte(from), []byte(to), len(scheme) + 2*len(s.slash), named, scheme == ""})
		r.longest = max(r.longest, len(from))
	}
}

func (r *Rewriter) hostNumber(name string) int {
	known := func(h []byte) bool { return string(h) == name }
	if i := slices.IndexFunc(r.hosts, known); i >= 0 {
		return i
	}
	r.hosts = append(r.hosts, []byte(name))
	return len(r.hosts) - 1
}

// Reader reads page with its addresses replaced. It holds back what may be the beginning of one, and nothing else.
func (r *Rewriter) Reader(page io.Reader) io.Reader {
	return &stream{Rewriter: r, page: page, src: make([]byte, 0, window+r.longest)}
}

// Bytes is Reader for a page that is there whole. It looks at a window at a time too: the search of next begins anew behind every
// address, and a page of 40,000 of them took 40 seconds.
func (r *Rewriter) Bytes(page []byte) []byte {
	out, _ := io.ReadAll(r.Reader(bytes.NewReader(page))) // from memory
	return out
}

// window is how much of a page is looked at at once.
const window = 8 << 10

// stream is one page on its way. (A transform.Reader would wait for more of the page before it hands out what it has.)
type stream struct {
	*Rewriter
	page  io.Reader
	src   []byte // read and not taken: what may go on as an address
	out   []byte // what was taken
	given int    // how much of out was handed out
	err   error  // of page
	lower []byte // of the source in hand
	last  byte   // the one before it, 0 at the beginning
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	for s.given == len(s.out) {
		if s.err != nil {
			return 0, s.err
		}
		n, err := s.page.Read(s.src[len(s.src):min(cap(s.src), len(s.src)+window)])
		s.src, s.err, s.out, s.given = s.src[:len(s.src)+n], err, s.out[:0], 0
		used := s.take(s.src, err == io.EOF)
		s.src = s.src[:copy(s.src, s.src[used:])]
	}
	n := copy(p, s.out[s.given:])
	s.given += n
	return n, nil
}

// take appends src to s.out, with its addresses replaced, as far as it can be told; at the end all of it.
func (s *stream) take(src []byte, atEnd bool) (used int) {
	s.fold(src)
	for {
		start, found, v := s.next(src, used, atEnd)
		s.out, used = append(s.out, src[used:start]...), start
		if v != yes {
			break
		}
		s.out, used = append(s.out, found.to...), start+len(found.from)
	}
	if used > 0 {
		s.last = src[used-1]
	}
	return used
}

// fold makes s.lower: nothing but ASCII, which hosts are written in.
func (s *stream) fold(src []byte) {
	s.lower = append(s.lower[:0], src...)
	for i, c := range s.lower {
		if 'A' <= c && c <= 'Z' {
			s.lower[i] = c + 'a' - 'A'
		}
	}
}

// verdict says whether an address stands somewhere.
type verdict int

const (
	no verdict = iota
	yes
	unknown // more of the page must be seen
)

// next finds the first address from begin on: yes, it begins at start; unknown, it may begin there; no, and start is the end.
func (s *stream) next(src []byte, begin int, atEnd bool) (start int, found spelling, v verdict) {
	start = len(src)
	for number, host := range s.hosts {
		for at := begin; ; at++ {
			i := bytes.Index(s.lower[at:], host)
			if i < 0 || at+i >= start+s.longest {
				break
			}
			at += i
			if f, begins, is := s.spelled(src, begin, at, number, atEnd); is != no && begins < start {
				start, found, v = begins, f, is
				break
			}
		}
	}
	if v == no && !atEnd {
		start = s.cut(begin)
		if start < len(src) {
			v = unknown
		}
	}
	return start, found, v
}

// spelled looks which spelling has its host name at this place.
func (s *stream) spelled(src []byte, begin, at, number int, atEnd bool) (f spelling, start int, v verdict) {
	for _, f := range s.spellings {
		start := at - f.host
		if f.named != number || start < begin || !bytes.HasPrefix(s.lower[start:], f.from) || f.relative && !s.opens(src, start) {
			continue
		}
		if v := ends(s.lower[start+len(f.from):], atEnd); v != no {
			return f, start, v
		}
	}
	return spelling{}, 0, no
}

// opens reports whether an address without a scheme may begin at start: not in the middle of another one, nor in a text.
func (s *stream) opens(src []byte, start int) bool {
	before := s.last
	if start > 0 {
		before = src[start-1]
	}
	return before != 0 && strings.IndexByte("\"'`=(,; \t\r\n", before) >= 0
}

// ends reports whether a host and port end where rest begins: another host may begin so (http://erp.lan.example), another port, or a
// name before an @.
func ends(rest []byte, atEnd bool) verdict {
	switch {
	case len(rest) == 0 && atEnd:
		return yes
	case len(rest) == 0:
		return unknown
	case rest[0] != '%':
		return endsAt(rest[0])
	case len(rest) < 3 && !atEnd:
		return unknown
	case len(rest) < 3:
		return yes
	}
	return endsAt(unhex(rest[1])<<4 | unhex(rest[2]))
}

func endsAt(c byte) verdict {
	if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c != 0 && strings.IndexByte("-._:@", c) >= 0 {
		return no
	}
	return yes
}

// unhex decodes a lower-case digit; what is none is as good as a zero.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0
}

// cut is where what may go on as an address begins, or the end.
func (s *stream) cut(begin int) int {
	for i := max(begin, len(s.lower)-s.longest+1); i < len(s.lower); i++ {
		if strings.IndexByte(`h/\%&`, s.lower[i]) < 0 {
			continue // no spelling begins so
		}
		for _, f := range s.spellings {
			if bytes.HasPrefix(f.from, s.lower[i:]) {
				return i
			}
		}
	}
	return len(s.lower)
}
