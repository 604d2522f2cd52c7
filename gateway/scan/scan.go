package scan

import (
	"errors"
	"io"
	"net/http"
)

// ErrCredentials is what Read returns once a user and a password field are both there.
var ErrCredentials = errors.New("credentials outside the login")

// ErrUnreadable says that a body cannot be judged: encoded, in a charset that is no superset of ASCII, or spelled as no browser does.
var ErrUnreadable = errors.New("body cannot be searched for credentials")

// Pair is the fields of one login: any of Users together with Password is credential-shaped. Names are as in the form.
type Pair struct {
	Users    []string
	Password string
}

// Names is what is looked for, compiled once a configuration. It is safe for concurrent use.
type Names struct {
	nodes []node // the names as a tree, folded; nodes[0] is the root
	pairs []pair
	alone []bool     // by number: in a body this name is enough
	count int        // of different names
	first [256]bool  // bytes that may begin a name, however it is spelled
	start [256]uint8 // bytes behind which a name may begin: inForm, inJSON, …
	plain [256]bool  // bytes that mean nothing in a string of JSON
}

// pair is a Pair by numbers of names.
type pair struct {
	users    []int
	password int
}

// New compiles pairs, and names of which one alone is enough in a body: a query is not held against those, for there the gateway
// looks at values too. A name that is empty is left out.
func New(pairs []Pair, alone ...string) *Names {
	n := &Names{nodes: make([]node, 1)}
	known := map[string]int{}
	for _, p := range pairs {
		var compiled pair
		for _, user := range p.Users {
			if user != "" {
				compiled.users = append(compiled.users, n.add(user, known))
			}
		}
		if p.Password == "" || len(compiled.users) == 0 {
			continue
		}
		compiled.password = n.add(p.Password, known)
		n.pairs = append(n.pairs, compiled)
	}
	var single []int
	for _, name := range alone {
		if name != "" {
			single = append(single, n.add(name, known))
		}
	}
	n.count = len(known)
	n.alone = make([]bool, n.count)
	for _, id := range single {
		n.alone[id] = true
	}
	n.compileStarts()
	return n
}

// Request makes the Scanner of one request.
func (n *Names) Request() *Scanner {
	return &Scanner{names: n, seen: make([]bool, n.count)}
}

// Scanner looks at one request. It remembers what it has seen, so that a user in the query and a password in the body are found
// together. It is for one goroutine at a time; a body that it returned belongs to it.
type Scanner struct {
	names *Names
	seen  []bool
	any   bool // one name was seen
	body  bool // the query is through
}

// Query reports whether a pair is complete with the parameters of a raw query.
func (s *Scanner) Query(raw string) bool { return s.whole(raw) }

// Cookies reports whether a pair is complete with the names in a Cookie header.
func (s *Scanner) Cookies(header string) bool { return s.whole(header) }

// whole reads text as parameters, separated by "&" or ";".
func (s *Scanner) whole(text string) bool {
	f := newPairs(s, inForm)
	return f.scan([]byte(text)) != nil || f.end() != nil
}

// meet notes that a name was seen and reports whether a pair is complete.
func (s *Scanner) meet(ids []int) bool {
	for _, id := range ids {
		s.seen[id], s.any = true, true
		if s.body && s.names.alone[id] {
			return true
		}
	}
	for _, p := range s.names.pairs {
		if !s.seen[p.password] {
			continue
		}
		for _, user := range p.users {
			if s.seen[user] {
				return true
			}
		}
	}
	return false
}

// Body returns body judged while it streams: Read hands out what is safe, then ErrCredentials or ErrUnreadable, and nothing more.
// h are the request's headers; ErrUnreadable at once where they promise a body that cannot be searched. Close closes body.
func (s *Scanner) Body(h http.Header, body io.ReadCloser) (io.ReadCloser, error) {
	if body == nil || body == http.NoBody || s.names.count == 0 {
		return body, nil
	}
	s.body = true
	kind, err := readable(h)
	if err != nil {
		return nil, err
	}
	return newReader(s, kind, body), nil
}
