package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source is the text of a YAML file by whose places it can be changed in one spot: yaml.v3 says where a value begins and not where it ends,
// and writes a whole document anew, with comments moved and quotes and line ends of its own.
type source struct {
	text  string
	lines []int // where each begins
}

func newSource(text string) *source {
	s := &source{text: text, lines: []int{0}}
	for i := 0; i < len(text); {
		n := breakAt(text[i:])
		if n == 0 {
			i++
			continue
		}
		i += n
		s.lines = append(s.lines, i)
	}
	return s
}

// breakAt returns how many bytes of a line break text begins with, as yaml.v3 counts lines.
func breakAt(text string) int {
	for _, b := range []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if strings.HasPrefix(text, b) {
			return len(b)
		}
	}
	return 0
}

// newline is how the file ends its lines.
func (s *source) newline() string {
	if i := strings.IndexByte(s.text, '\n'); i > 0 && s.text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// offset is where a node begins.
func (s *source) offset(n *yaml.Node) int {
	at := s.lines[n.Line-1]
	if at == 0 {
		at = len(s.text) - len(strings.TrimPrefix(s.text, "\ufeff"))
	}
	for range n.Column - 1 {
		_, size := utf8.DecodeRuneInString(s.text[at:])
		at += size
	}
	return at
}

// lineEnd is where the line of an offset ends, before its break.
func (s *source) lineEnd(at int) int {
	for at < len(s.text) && breakAt(s.text[at:]) == 0 {
		at++
	}
	return at
}

// errByHand says that something is written in a way that is not changed by a program.
type errByHand struct {
	line int
	what string
}

func (e errByHand) Error() string {
	return fmt.Sprintf("line %d: %s: change it by hand", e.line, e.what)
}

// end is where the value that n is ends in the text.
func (s *source) end(n *yaml.Node) (int, error) {
	at := s.offset(n)
	if strings.HasPrefix(s.text[at:], "!") { // a tag
		at += strings.IndexAny(s.text[at:]+" ", " \t\r\n")
		at += len(s.text[at:]) - len(strings.TrimLeft(s.text[at:], " \t"))
	}
	switch {
	case n.Kind == yaml.ScalarNode:
		return s.scalarEnd(n, at)
	case n.Style&yaml.FlowStyle != 0:
		return s.flowEnd(n, at)
	case len(n.Content) > 0:
		return s.end(n.Content[len(n.Content)-1])
	}
	return 0, errByHand{n.Line, "this is written in an unusual way"}
}

func (s *source) scalarEnd(n *yaml.Node, at int) (int, error) {
	rest := s.text[at:]
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i := 1; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return at + i + 1, nil
			}
		}
	case n.Style&yaml.SingleQuotedStyle != 0:
		for i := 1; i < len(rest); i++ {
			if rest[i] != '\'' {
				continue
			}
			if !strings.HasPrefix(rest[i+1:], "'") {
				return at + i + 1, nil
			}
			i++
		}
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && strings.HasPrefix(rest, n.Value):
		return at + len(n.Value), nil
	}
	return 0, errByHand{n.Line, "this value goes over several lines"}
}

// flowEnd is where a list or mapping in brackets ends.
func (s *source) flowEnd(n *yaml.Node, at int) (int, error) {
	at++
	if len(n.Content) > 0 {
		var err error
		if at, err = s.end(n.Content[len(n.Content)-1]); err != nil {
			return 0, err
		}
	}
	for at < len(s.text) {
		switch c := s.text[at]; c {
		case ']', '}':
			return at + 1, nil
		case '#':
			at = s.lineEnd(at)
		case ' ', '\t', '\r', '\n', ',':
			at++
		default:
			return 0, errByHand{n.Line, "this is written in an unusual way"}
		}
	}
	return 0, errByHand{n.Line, "a bracket is not closed"}
}

// splice puts text between two offsets.
func (s *source) splice(from, to int, text string) string { return s.text[:from] + text + s.text[to:] }

// linesAfter puts lines after the one in which an offset stands.
func (s *source) linesAfter(at int, lines ...string) string {
	end := s.lineEnd(at)
	return s.splice(end, end, s.newline()+strings.Join(lines, s.newline()))
}
