package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// section is one mapping of a file. Keys are asked for by name, which is also how the section learns what it knows:
// end refuses the rest. A section that the file leaves out is asked just the same and answers with what stands in for it.
type section struct {
	r       *reader
	path    string // "login.confirm", "users[]"; "" for the root
	node    *yaml.Node
	keys    map[string]pair
	known   []string
	over    map[string]value // what stands over scalars that were asked for
	touched bool             // the file has it, or the environment or a flag sets something in it
}

type pair struct{ key, value *yaml.Node }

// section reads n as a mapping; n is nil where the file has none.
func (r *reader) section(n *yaml.Node, path string) *section {
	s := &section{r: r, path: path, node: n}
	if n == nil || !r.is(n, yaml.MappingNode, path) {
		s.node = nil
		return s
	}
	s.touched = true
	s.keys = make(map[string]pair, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		s.add(n.Content[i], n.Content[i+1])
	}
	return s
}

func (s *section) add(key, value *yaml.Node) {
	switch {
	case key.Tag == "!!merge":
		s.r.problem(key, "<< (a merge key) is not read here", "write the keys out")
		return
	case key.Kind != yaml.ScalarNode:
		s.r.problem(key, "this is no key", "a key is a plain word with a colon after it")
		return
	case key.Anchor != "":
		s.r.problem(key, "an anchor (&"+key.Anchor+") is not read here", "write the values out")
		return
	}
	if first, twice := s.keys[key.Value]; twice {
		s.r.problem(key, fmt.Sprintf("%s stands here twice", key.Value), fmt.Sprintf("keep one, the first is in line %d", first.key.Line))
		return
	}
	s.keys[key.Value] = pair{key, value}
}

// is reports whether n is of kind, and says so where it is not.
func (r *reader) is(n *yaml.Node, kind yaml.Kind, path string) bool {
	name := lastName(path)
	wants := map[yaml.Kind]string{
		yaml.MappingNode:  "keys of its own, one a line and further in",
		yaml.SequenceNode: "a list: lines that begin with - , or [a, b]",
		yaml.ScalarNode:   "one value",
	}
	switch {
	case n.Kind == yaml.AliasNode:
		r.problem(n, "an alias (*"+n.Value+") is not read here", "write the value out")
	case n.Anchor != "":
		r.problem(n, "an anchor (&"+n.Anchor+") is not read here", "write the values out")
	case n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!str":
		r.problem(n, "a tag ("+n.Tag+") is not read here", "write the value alone")
	case n.Kind == yaml.ScalarNode && isNull(n) && kind != yaml.SequenceNode:
		r.problem(n, name+" is empty", "it wants "+wants[kind]+"; or take the key out")
	case n.Kind != kind && !isNull(n):
		r.problem(n, name+" is "+kindName(n.Kind), "it wants "+wants[kind])
	default:
		return n.Kind == kind
	}
	return false
}

// isNull reports a key with nothing after it, or ~ or null without quotes.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func kindName(k yaml.Kind) string {
	switch k {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	}
	return "one value"
}

// lastName is what a sentence calls the value at a path.
func lastName(path string) string {
	if path == "" {
		return "the file"
	}
	name := path[strings.LastIndex(path, ".")+1:]
	if list, entry := strings.CutSuffix(name, "[]"); entry {
		return "an entry of " + list
	}
	return name
}

// at returns the value of a key, nil where the file has none.
func (s *section) at(key string) *yaml.Node {
	s.known = append(s.known, key)
	if s.r.asked != nil {
		s.r.asked[s.full(key)] = true
	}
	return s.keys[key].value
}

func (s *section) full(key string) string {
	if s.path == "" {
		return key
	}
	return s.path + "." + key
}

// sub returns the section under a key. It is there, and empty, also when the file has none.
func (s *section) sub(key string) *section { return s.r.section(s.at(key), s.full(key)) }

// done refuses the keys that nobody asked for, and tells the section above whether there was anything in this one.
func (s *section) done() bool {
	if s.node == nil {
		return s.touched
	}
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		key := s.node.Content[i]
		if p, ok := s.keys[key.Value]; ok && p.key == key && !slices.Contains(s.known, key.Value) {
			s.r.problem(key, fmt.Sprintf("%s is not a key here", key.Value), suggest(key.Value, s.known))
		}
	}
	return s.touched
}

// has reports whether the file, the environment or a flag sets a key of one value.
func (s *section) has(key string) bool {
	if _, ok := s.keys[key]; ok {
		return true
	}
	_, ok := s.above(key)
	return ok
}

// wrote reports whether the file has a key.
func (s *section) wrote(key string) bool {
	_, ok := s.keys[key]
	return ok
}

// written returns the entries that the file has under a key, whether they can be read or not.
func (s *section) written(key string) []*yaml.Node {
	if n := s.keys[key].value; n != nil {
		return n.Content
	}
	return nil
}

// problem is one about a key, at its value, or where the section begins when the key is missing.
func (s *section) problem(key, what, want string) { s.say(key, what, want, false) }

func (s *section) warn(key, what, want string) { s.say(key, what, want, true) }

func (s *section) say(key, what, want string, warning bool) {
	p := Problem{File: s.r.file, What: what, Want: want, Warning: warning}
	if v, ok := s.over[key]; ok {
		p.File = v.source
	} else if at := s.keys[key].value; at != nil {
		p.Line, p.Column = at.Line, at.Column
	} else if s.node != nil {
		p.Line, p.Column = s.node.Line, s.node.Column
	}
	s.r.found = append(s.r.found, p)
}

// items returns the entries of a list. A key with nothing after it is an empty list: its entries may be commented out.
func (s *section) items(key string) []*yaml.Node {
	n := s.at(key)
	if n == nil || !s.r.is(n, yaml.SequenceNode, s.full(key)) {
		return nil
	}
	return n.Content
}

// suggest names the known key that was likely meant, or all of them.
func suggest(typed string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(typed, k, least); d < least {
			best, least = k, d
		}
	}
	if best != "" && least < len(best) {
		return "did you mean " + best + "?"
	}
	return "known here: " + strings.Join(known, ", ")
}

// distance counts the letters to add, drop, change or swap with their neighbour to get from a to b, and gives up at most.
func distance(a, b string, most int) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			change := row[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			next[j] = min(change, row[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
