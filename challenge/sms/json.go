package sms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"doorcode/challenge/secret"
)

// JSON is a body: a tree in whose strings templates may stand. Values are put into the parsed tree and the tree is written
// out afterwards, so that no quote or brace in a text can end the string it stands in (C4). The zero JSON is no body.
type JSON struct{ root *any } // fmt follows no pointer to an interface: a string in it may be a password

// ParseJSON reads a body that is written as JSON text.
func ParseJSON(s string) (JSON, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return JSON{}, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return JSON{}, errors.New("not JSON: something follows the first value")
	}
	return NewJSON(tree)
}

// NewJSON takes a body that is a tree already: of map[string]any, []any, string (read as a template), secret.Text (taken as
// it is), bool, nil and numbers.
func NewJSON(tree any) (JSON, error) {
	root, err := parsedTree(tree, "")
	if err != nil {
		return JSON{}, err
	}
	return JSON{&root}, nil
}

// IsZero reports whether there is no body.
func (j JSON) IsZero() bool { return j.root == nil }

// String shows nothing of j, which may hold a password.
func (j JSON) String() string { return "[json]" }

// GoString as String.
func (j JSON) GoString() string { return j.String() }

// parsedTree copies tree with a Template for each string. at is the JSON pointer of tree, for errors.
func parsedTree(tree any, at string) (any, error) {
	switch t := tree.(type) {
	case map[string]any:
		object := make(map[string]any, len(t))
		for name, value := range t {
			parsed, err := parsedTree(value, at+"/"+pointerEscape(name))
			if err != nil {
				return nil, err
			}
			object[name] = parsed
		}
		return object, nil
	case []any:
		array := make([]any, len(t))
		for i, value := range t {
			parsed, err := parsedTree(value, fmt.Sprintf("%s/%d", at, i))
			if err != nil {
				return nil, err
			}
			array[i] = parsed
		}
		return array, nil
	case string:
		parsed, err := ParseTemplate(t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		return parsed, nil
	case nil, bool, json.Number, int, int64, uint64, float64, secret.Text:
		return t, nil
	}
	return nil, fmt.Errorf("%s: a value of type %T cannot be sent as JSON", at, tree)
}

// render writes the body for one message.
func (j JSON) render(v values) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // & and < are no markup here, and \u0026 confuses whoever reads a provider's log
	if err := e.Encode(rendered(*j.root, v)); err != nil {
		return nil, errors.New("the body cannot be written as JSON") // encoding/json quotes what it could not write
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func rendered(tree any, v values) any {
	switch t := tree.(type) {
	case map[string]any:
		object := make(map[string]any, len(t))
		for name, value := range t {
			object[name] = rendered(value, v)
		}
		return object
	case []any:
		array := make([]any, len(t))
		for i, value := range t {
			array[i] = rendered(value, v)
		}
		return array
	case Template:
		return t.render(v, asItIs)
	case secret.Text:
		return t.Reveal()
	}
	return tree
}

// leaves calls visit for every leaf of the body.
func (j JSON) leaves(visit func(any)) {
	if j.root != nil {
		eachLeaf(*j.root, visit)
	}
}

func eachLeaf(tree any, visit func(any)) {
	switch t := tree.(type) {
	case map[string]any:
		for _, value := range t {
			eachLeaf(value, visit)
		}
	case []any:
		for _, value := range t {
			eachLeaf(value, visit)
		}
	default:
		visit(t)
	}
}
