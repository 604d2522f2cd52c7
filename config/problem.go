package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a file, a variable or a flag, said to the person who wrote it. It never quotes the
// value of a secret.
type Problem struct {
	File    string // as it was opened; or the variable ("DOORCODE_LISTEN_ADDRESS") or flag ("--listen") that set the value
	Line    int    // from 1; 0 where there is none
	Column  int    // from 1, in characters; 0 where there is none
	What    string // what is wrong
	Want    string // what would be right; may be ""
	Warning bool   // the file is taken up all the same
}

// Error says file:line:column: what is wrong: what would be right.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.place())
	if p.Warning {
		b.WriteString(": warning")
	}
	b.WriteString(": " + p.What)
	if p.Want != "" {
		b.WriteString(": " + p.Want)
	}
	return b.String()
}

func (p Problem) place() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problems is everything that was found, sorted by place: whoever mends a file wants to mend it once.
type Problems []Problem

// Error says all of them, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the problems that refuse the file as one error, nil when there are none but warnings.
func (p Problems) Err() error {
	if refused := p.kind(false); len(refused) > 0 {
		return refused
	}
	return nil
}

// Warnings returns those that do not refuse the file.
func (p Problems) Warnings() Problems { return p.kind(true) }

func (p Problems) kind(warning bool) Problems {
	var of Problems
	for _, one := range p {
		if one.Warning == warning {
			of = append(of, one)
		}
	}
	return of
}

// sorted orders by file and place, errors before warnings at one place.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column, warningLast(a)-warningLast(b))
	})
	return slices.Compact(p)
}

func warningLast(p Problem) int {
	if p.Warning {
		return 1
	}
	return 0
}
