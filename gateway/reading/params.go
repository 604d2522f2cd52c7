package reading

import (
	"errors"
	"fmt"
	"strings"

	"doorcode/challenge/secret"
)

// maxParams bounds what a query or a form says. PHP itself stops at 1,000 (max_input_vars) unless told otherwise.
const maxParams = 10_000

// Params are the parameters of a query or a form in the order they came. The zero Params has none. Printed, it shows no value.
type Params struct {
	fields []field
	parted []field // where a raw ";" is there: what those read that part at ";" as well as at "&"
}

// Form is what a body says; rules look at it as at a query.
type Form = Params

// field is one parameter, decoded. Its value may be a password or a token, so it does not print.
type field struct {
	name  string
	value secret.Text
	file  *file // of a multipart part that is a file
	leaf  *leaf // of a login in JSON
}

func newField(name, value string) field { return field{name: name, value: secret.New(value)} }

// file is what a file part says of itself, as it came.
type file struct{ name, contentType string }

// Get returns the values of all parameters that an upstream could read as name, in order: in any case, and under every
// spelling that PHP folds into it (" name", "na.me" for na_me, "name[x]"). More than one means that nobody knows which one
// counts.
func (p Params) Get(name string) []string {
	var values []string
	for _, f := range p.fields {
		if touches(f.name, name) {
			values = append(values, f.value.Reveal())
		}
	}
	return values
}

// Names returns the names as they were sent, decoded, in order and as often as they came.
func (p Params) Names() []string {
	var names []string
	for _, f := range p.fields {
		names = append(names, f.name)
	}
	return names
}

// Values returns the parameters in order, decoded, for a page that sends them again.
func (p Params) Values() []Value {
	var values []Value
	for _, f := range p.fields {
		values = append(values, Value{f.name, f.value.Reveal()})
	}
	return values
}

// ParseQuery reads a raw query as PHP does: "&" alone separates, so a name behind ";" is part of a value and no parameter; only
// rules that must not be dodged look at the query parted at ";" too (Perl's CGI, old Python, Ruby: B11). ErrTooLarge stands for more than 10,000 parameters. ErrUnreadable stands for a bad escape or a
// character that must not stand in a query; the Params are complete even then, with the odd pair in each of its readings (as
// it stands, as PHP leaves it, and with %uXXXX decoded): members' ?x=%u0645 goes up as it came, and a rule that looks at x
// finds it there twice, which is ambiguous.
func ParseQuery(raw string) (Params, error) {
	return readPairs(raw, maxParams)
}

// readPairs reads a query or an urlencoded body in both of its readings. Browsers escape a ";" that stands in a value.
func readPairs(raw string, most int) (Params, error) {
	list, err := splitPairs(raw, most)
	p := Params{fields: list}
	if strings.Contains(raw, ";") {
		parted, again := splitPairs(strings.ReplaceAll(raw, ";", "&"), most)
		p.parted = parted
		if err == nil || errors.Is(again, ErrTooLarge) {
			err = again
		}
	}
	return p, err
}

// partedToo is the other reading; without a ";" there is one.
func (p Params) partedToo() Params {
	if p.parted == nil {
		return p
	}
	return Params{fields: p.parted}
}

// splitPairs reads "name=value&…": a query or an urlencoded body. Empty pairs are skipped, as everywhere.
func splitPairs(raw string, most int) ([]field, error) {
	var list []field
	var bad error
	for n := 1; raw != ""; n++ {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if len(list) == most {
			return list, fmt.Errorf("more than %d parameters: %w", most, ErrTooLarge)
		}
		name, value, _ := strings.Cut(pair, "=")
		list = append(list, newField(decodePair(name), decodePair(value)))
		if wellFormed(pair) {
			continue
		}
		if bad == nil {
			bad = fmt.Errorf("parameter %d has a bad escape or character: %w", n, ErrUnreadable)
		}
		if old := decodeUnicode(pair); old != pair && len(list) < most {
			name, value, _ = strings.Cut(old, "=")
			list = append(list, newField(decodePair(name), decodePair(value)))
		}
	}
	return list, bad
}

// decodePair decodes "+" and escapes once and leaves bad escapes as they are.
func decodePair(s string) string {
	if strings.IndexByte(s, '+') >= 0 {
		s = strings.ReplaceAll(s, "+", " ")
	}
	return decodeLenient(s)
}

// wellFormed reports whether all escapes are good and all other bytes may stand there. Bytes over ASCII may: old pages send
// them raw, and everybody takes them as they are.
func wellFormed(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if _, ok := unhex(s, i); !ok {
				return false
			}
			i += 2
		case c <= ' ' || c == 0x7f:
			return false
		}
	}
	return true
}
