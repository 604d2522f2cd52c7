package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile is far above what anybody writes by hand: 100,000 users are some 12 MB.
const maxFile = 32 << 20

// reader reads one file. It goes on after a problem, so that all of them come at once.
type reader struct {
	file     string // as problems name it
	found    Problems
	over     *layer              // environment and flags over the scalars; nil for none
	files    []string            // further files that were read on the way: secrets
	placed   map[string][]placed // lists of rules, by key
	openMode bool                // others on this machine may read the file
	asked    map[string]bool     // every key that was asked for, by its path; nil unless a test wants it
}

func (r *reader) problem(n *yaml.Node, what, want string) {
	r.found = append(r.found, Problem{File: r.file, Line: n.Line, Column: n.Column, What: what, Want: want})
}

func (r *reader) warn(n *yaml.Node, what, want string) {
	r.found = append(r.found, Problem{File: r.file, Line: n.Line, Column: n.Column, What: what, Want: want, Warning: true})
}

// open reads the file and returns its root, nil when there is nothing to go on with.
func (r *reader) open() *yaml.Node {
	text, mode, err := readBounded(r.file, maxFile)
	if err != nil {
		r.found = append(r.found, Problem{File: r.file, What: cause(err), Want: "this file must be there and readable"})
		return nil
	}
	r.openMode = mode.Perm()&0o007 != 0
	if mode.Perm()&0o002 != 0 {
		r.found = append(r.found, Problem{File: r.file, What: "everybody on this machine may change this file", Want: "run: chmod o-w " + r.file, Warning: true})
	}
	return r.parse(text)
}

// parse is open without the file.
func (r *reader) parse(text []byte) *yaml.Node {
	if p, bad := badBytes(text); bad {
		p.File = r.file
		r.found = append(r.found, p)
		return nil
	}
	in := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := in.Decode(&document); errors.Is(err, io.EOF) {
		r.found = append(r.found, Problem{File: r.file, Line: 1, Column: 1, What: "the file is empty", Want: "an empty file is refused, it may be half written"})
		return nil
	} else if err != nil {
		r.found = append(r.found, r.syntax(text, err))
		return nil
	}
	var second yaml.Node
	if err := in.Decode(&second); err == nil {
		r.problem(&second, "a second document begins here", "take the line --- out, one file is one document")
	} else if !errors.Is(err, io.EOF) {
		r.found = append(r.found, r.syntax(text, err))
	}
	return document.Content[0]
}

// badBytes finds what yaml would refuse without saying where.
func badBytes(text []byte) (Problem, bool) {
	if bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}) {
		return Problem{Line: 1, Column: 1, What: "the file is saved as UTF-16", Want: "save it as UTF-8"}, true
	}
	line, column := 1, 1
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			return Problem{Line: line, Column: column, What: fmt.Sprintf("byte %#x is not UTF-8", text[i]), Want: "save the file as UTF-8"}, true
		case c < 0x20 && c != '\n' && c != '\r' && c != '\t', c == 0x7f:
			return Problem{Line: line, Column: column, What: fmt.Sprintf("control character %#x", c), Want: "take it out"}, true
		case c == '\n':
			line, column = line+1, 0
		case c == '\ufeff' && i == 0:
			column = 0
		}
		column++
		i += size
	}
	return Problem{}, false
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax turns what yaml says into a place and a sentence. yaml names at most a line, that of the block where it noticed;
// a tab in the indentation, the commonest reason, is found here.
func (r *reader) syntax(text []byte, err error) Problem {
	p := Problem{File: r.file, Line: 1, What: err.Error(), Want: "look at this line and the one before: indentation by spaces, a space after each colon, quotes closed"}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		p.What = "this is not YAML: " + m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			p.Line = n
		}
		// The parser proper counts from 0, the scanner from 1 (yaml.v3 decode.go, fail).
		if strings.HasPrefix(m[2], "did not find expected") && m[1] != "" {
			p.Line++
		}
	}
	for i, line := range strings.Split(string(text), "\n") {
		rest := strings.TrimLeft(line, " ")
		if strings.HasPrefix(rest, "\t") && strings.TrimSpace(rest) != "" && strings.TrimSpace(rest)[0] != '#' {
			p.Line, p.Column = i+1, len(line)-len(rest)+1
			p.What, p.Want = "a tab in the indentation", "indent by spaces, YAML takes no tabs"
			break
		}
	}
	return p
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, os.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.IsDir() {
		return nil, 0, errors.New("is a folder")
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("is larger than %d bytes", limit)
	}
	return text, info.Mode(), err
}

// cause is the error without the path, which the problem names already.
func cause(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
