package config

import (
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"doorcode/challenge"
)

// value is one scalar as it was written: always its raw text, never what YAML makes of it. An unquoted 0599123456 is a number
// to YAML and `off` a boolean to half of its readers; here they are ten digits and a word.
type value struct {
	r      *reader
	node   *yaml.Node // nil for a value from the environment or a flag
	source string     // the variable or flag
	name   string     // the key
	text   string
}

func (v value) problem(what, want string) { v.say(what, want, false) }

func (v value) warn(what, want string) { v.say(what, want, true) }

func (v value) say(what, want string, warning bool) {
	p := Problem{File: v.source, What: what, Want: want, Warning: warning}
	if v.node != nil {
		p.File, p.Line, p.Column = v.r.file, v.node.Line, v.node.Column
	}
	v.r.found = append(v.r.found, p)
}

// fault is what a parser says of a text: what is wrong with it (the key's name is put before it) and what would be right.
type fault struct{ what, want string }

func (f *fault) Error() string { return f.what + ": " + f.want }

// scalar returns the value of a key: a flag before the environment before the file.
func (s *section) scalar(key string) (value, bool) {
	n := s.at(key)
	if v, ok := s.above(key); ok {
		return v, true
	}
	if n == nil {
		return value{}, false
	}
	return s.r.scalar(n, s.full(key))
}

// above returns what the environment or a flag lays over a key.
func (s *section) above(key string) (value, bool) {
	text, source, ok := s.r.over.lookup(s.full(key))
	if !ok {
		return value{}, false
	}
	v := value{r: s.r, source: source, name: key, text: text}
	if s.over == nil {
		s.over = map[string]value{}
	}
	s.over[key], s.touched = v, true
	return v, true
}

// scalar reads a node that must be one value.
func (r *reader) scalar(n *yaml.Node, path string) (value, bool) {
	if !r.is(n, yaml.ScalarNode, path) {
		return value{}, false
	}
	return value{r: r, node: n, name: lastName(path), text: n.Value}, true
}

// get reads a key with a parser; without the key, or with a problem, it is otherwise.
func get[T any](s *section, key string, otherwise T, parse func(string) (T, *fault)) T {
	v, ok := s.scalar(key)
	if !ok {
		return otherwise
	}
	return read(v, otherwise, parse)
}

func read[T any](v value, otherwise T, parse func(string) (T, *fault)) T {
	x, f := parse(v.text)
	if f != nil {
		v.problem(v.name+" "+f.what, f.want)
		return otherwise
	}
	return x
}

// each reads every entry of a list of values with a parser; one value alone is a list of one.
func each[T any](s *section, key string, parse func(string) (T, *fault)) []T {
	var all []T
	for _, v := range s.values(key) {
		if x, f := parse(v.text); f != nil {
			v.problem(v.name+" "+f.what, f.want)
		} else {
			all = append(all, x)
		}
	}
	return all
}

// values returns the entries of a list of values; one value alone is a list of one.
func (s *section) values(key string) []value {
	n := s.at(key)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		if v, ok := s.r.scalar(n, s.full(key)); ok {
			return []value{v}
		}
		return nil
	}
	var all []value
	if s.r.is(n, yaml.SequenceNode, s.full(key)) {
		for _, item := range n.Content {
			if v, ok := s.r.scalar(item, s.full(key)); ok {
				all = append(all, v)
			}
		}
	}
	return all
}

// text is a value on one line without control characters: what goes into a header, a name, a path.
func text(t string) (string, *fault) {
	for _, c := range t {
		if c < 0x20 || c == 0x7f {
			return "", &fault{"has a line break or another control character in it", "write it on one line"}
		}
	}
	if strings.TrimSpace(t) == "" {
		return "", &fault{"is empty", "write a value, or take the key out"}
	}
	return t, nil
}

func (s *section) text(key, otherwise string) string { return get(s, key, otherwise, text) }

// needed is text that must be there.
func (s *section) needed(key, want string) string {
	if s.has(key) {
		return s.text(key, "")
	}
	s.at(key)
	s.problem(key, key+" is missing", want)
	return ""
}

func (s *section) flag(key string, otherwise bool) bool {
	return get(s, key, otherwise, func(t string) (bool, *fault) {
		switch t {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return false, &fault{fmt.Sprintf("is %.40q", t), "write true or false"}
	})
}

func (s *section) choice(key, otherwise string, of ...string) string {
	return get(s, key, otherwise, func(t string) (string, *fault) {
		if !slices.Contains(of, t) {
			return "", &fault{fmt.Sprintf("is %.40q", t), "write one of: " + strings.Join(of, ", ")}
		}
		return t, nil
	})
}

func (s *section) count(key string, otherwise, least, most int) int {
	return get(s, key, otherwise, func(t string) (int, *fault) {
		n, err := strconv.Atoi(t)
		if err != nil || n < least || n > most || t[0] == '+' {
			return 0, &fault{fmt.Sprintf("is %.40q", t), fmt.Sprintf("write a number from %d to %d", least, most)}
		}
		return n, nil
	})
}

func (s *section) span(key string, otherwise, least, most time.Duration) time.Duration {
	return get(s, key, otherwise, func(t string) (time.Duration, *fault) {
		d, f := span(t)
		if f == nil && (d < least || d > most) {
			f = &fault{fmt.Sprintf("is %s", t), fmt.Sprintf("from %s to %s", SaySpan(least), SaySpan(most))}
		}
		return d, f
	})
}

var spanUnits = map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

var spanPart = regexp.MustCompile(`^([0-9]{1,9})(ms|s|m|h|d)`)

// span reads 500ms, 30s, 10m, 8h, 30d, 1h30m. A day is 24 hours.
func span(t string) (time.Duration, *fault) {
	var sum time.Duration
	for rest := t; rest != "" || t == ""; {
		m := spanPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, &fault{fmt.Sprintf("is %.40q", t), "write a length of time with its unit: 30s, 10m, 8h, 30d"}
		}
		n, _ := strconv.Atoi(m[1])
		unit := spanUnits[m[2]]
		if time.Duration(n) > (math.MaxInt64-sum)/unit {
			return 0, &fault{fmt.Sprintf("is %.40q", t), "that is longer than this program can count"}
		}
		sum += time.Duration(n) * unit
		rest = rest[len(m[0]):]
	}
	return sum, nil
}

// SaySpan writes d as span reads it.
func SaySpan(d time.Duration) string {
	for _, unit := range []string{"d", "h", "m", "s"} {
		if of := spanUnits[unit]; d >= of && d%of == 0 {
			return fmt.Sprintf("%d%s", d/of, unit)
		}
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}

// rate reads 10/1h: so many in any such time.
func rate(t string) (challenge.Rate, *fault) {
	wrong := &fault{fmt.Sprintf("is %.40q", t), "write how many in which time, such as 10/1h"}
	many, per, ok := strings.Cut(t, "/")
	if !ok {
		return challenge.Rate{}, wrong
	}
	n, err := strconv.ParseUint(many, 10, 31)
	d, f := span(per)
	if err != nil || n == 0 || f != nil || d == 0 {
		return challenge.Rate{}, wrong
	}
	return challenge.Rate{Count: int(n), Per: d}, nil
}

var sizeForm = regexp.MustCompile(`^([0-9]{1,12}) ?(|B|KiB|MiB|GiB)$`)

// size reads 65536, 64KiB, 1MiB.
func (s *section) size(key string, otherwise, least, most int64) int64 {
	return get(s, key, otherwise, func(t string) (int64, *fault) {
		m := sizeForm.FindStringSubmatch(t)
		if m == nil {
			return 0, &fault{fmt.Sprintf("is %.40q", t), "write a size such as 64KiB or 1MiB, or a number of bytes"}
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		n <<= map[string]int{"": 0, "B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[m[2]] // at most 2^40 · 2^30: over 2^63, so looked at again
		if n>>40 > 1<<20 || n < least || n > most {
			return 0, &fault{fmt.Sprintf("is %s", t), fmt.Sprintf("from %d to %d bytes", least, most)}
		}
		return n, nil
	})
}

// pattern reads a regular expression as package regexp takes it (RE2).
func pattern(t string) (*regexp.Regexp, *fault) {
	if t == "" {
		return nil, &fault{"is empty", "an empty pattern matches everything: write one that matches what is meant"}
	}
	re, err := regexp.Compile(t)
	if err != nil {
		return nil, &fault{"is no pattern", strings.TrimPrefix(err.Error(), "error parsing regexp: ")}
	}
	return re, nil
}

func (s *section) pattern(key string) *regexp.Regexp { return get(s, key, nil, pattern) }

// network reads 10.0.0.0/8 or one address.
func network(t string) (netip.Prefix, *fault) {
	if a, err := netip.ParseAddr(t); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(t)
	if err == nil && p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96) // addresses are compared as IPv4, so this would never match
	}
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, &fault{fmt.Sprintf("is %.60q", t), "write an address or a network, such as 10.1.2.3 or 10.0.0.0/8"}
	}
	if p.Masked() != p {
		return netip.Prefix{}, &fault{fmt.Sprintf("is %s", t), fmt.Sprintf("the network is %s, one address is %s", p.Masked(), p.Addr())}
	}
	return p, nil
}

// listenAddress reads :443, 10.0.0.1:443 or localhost:8443.
func listenAddress(t string) (string, *fault) {
	wrong := &fault{fmt.Sprintf("is %.60q", t), "write an address and a port, such as :443 or 127.0.0.1:8080"}
	host, port, ok := cutPort(t)
	if !ok || strings.ContainsAny(host, " /@") {
		return "", wrong
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strings.HasPrefix(port, "+") || (n == 0 && port != "0") {
		return "", wrong
	}
	return t, nil
}

func cutPort(t string) (host, port string, ok bool) {
	i := strings.LastIndexByte(t, ':')
	if i < 0 {
		return "", "", false
	}
	host, port = t[:i], t[i+1:]
	if strings.Contains(host, ":") && !(strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]")) {
		return "", "", false
	}
	return host, port, true
}

// origin reads scheme://host[:port] and nothing more. What stood there is not quoted back: addresses carry passwords.
func origin(t string) (*url.URL, *fault) {
	u, f := address(t)
	if f != nil {
		return nil, f
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, &fault{"has more than scheme and host", "end it after the host or port, such as https://books.example.com"}
	}
	// One spelling only: it is compared with what browsers and the upstream say.
	u.Path, u.RawPath = "", ""
	u.Host = strings.ToLower(u.Host)
	if port := u.Port(); port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	return u, nil
}

// address reads a whole http or https address.
func address(t string) (*url.URL, *fault) {
	const want = "write a whole address, such as http://127.0.0.1:8080"
	u, err := url.Parse(t)
	switch {
	case err != nil || strings.TrimSpace(t) != t:
		return nil, &fault{"is no address", want}
	case u.User != nil:
		return nil, &fault{"has a user name or password in it", "take it out of the address; there are keys for it"}
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, &fault{"does not begin with http:// or https://", want}
	case u.Hostname() == "" || u.Opaque != "":
		return nil, &fault{"has no host", want}
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, &fault{"has no port after its colon that could be", "a port is a number from 1 to 65535"}
		}
	}
	return u, nil
}
