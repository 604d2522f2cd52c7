package reading

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"
)

// ReadForm reads a body whole and in one way, for rules that look at form values: urlencoded, multipart with one plain
// boundary, or a JSON object, whose top-level keys are the parameters (a nested value is its text). raw is what goes up in
// the body's place. An empty body has no parameters, whatever its headers say. ErrTooLarge: more than limit bytes or 10,000
// fields; ErrUnreadable: another kind of body, or one that upstreams read differently. An error of body itself comes back
// wrapped.
func ReadForm(header http.Header, body io.Reader, limit int64) (f Form, raw []byte, err error) {
	if raw, err = readWhole(body, limit); err != nil || len(raw) == 0 {
		return Form{}, nil, err
	}
	c, err := readContentType(header)
	if err != nil {
		return Form{}, nil, err
	}
	list, err := readFields(c, raw, maxParams)
	if err != nil {
		return Form{}, nil, err
	}
	f = Params{fields: list}
	if c.kind == urlencoded {
		f, err = readPairs(string(raw), maxParams)
	}
	return f, raw, err
}

// readWhole reads at most limit bytes; a body may be nil. It takes an http.MaxBytesReader's refusal for its own.
func readWhole(body io.Reader, limit int64) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(io.LimitReader(body, limit+1))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) || int64(len(raw)) > limit {
		return nil, fmt.Errorf("body over %d bytes: %w", limit, ErrTooLarge)
	}
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	return raw, nil
}

func readFields(c content, raw []byte, most int) ([]field, error) {
	var list []field
	var err error
	switch c.kind {
	case urlencoded:
		list, err = splitPairs(string(raw), most)
	case formData:
		list, err = splitParts(string(raw), c.boundary, most)
	default:
		list, err = splitObject(raw, most)
	}
	if err != nil {
		return nil, err
	}
	return list, checkCharsetField(list)
}

// checkCharsetField looks at the field in which a page has browsers name the charset of a form; some upstreams obey it.
func checkCharsetField(list []field) error {
	for _, f := range list {
		if touches(f.name, "_charset_") && !f.value.Empty() && !asciiBased(f.value.Reveal()) {
			return fmt.Errorf("field _charset_: %w", ErrUnreadable)
		}
	}
	return nil
}

// splitObject reads the top level of a JSON object. Keys come decoded, so "pass\u0077ord" is password, and a key that stands
// twice is there twice: upstreams take the first, the last, or neither.
func splitObject(raw []byte, most int) ([]field, error) {
	bad := fmt.Errorf("body is no JSON object: %w", ErrUnreadable)
	raw = bytes.TrimLeft(raw, " \t\r\n")
	// Invalid UTF-8 would be replaced on decoding and read as something else elsewhere. Arrays (JSON-RPC batches) have no names
	// to look at.
	if !utf8.Valid(raw) || !json.Valid(raw) || raw[0] != '{' {
		return nil, bad
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, bad
	}
	var list []field
	for d.More() {
		if len(list) == most {
			return nil, fmt.Errorf("more than %d keys: %w", most, ErrTooLarge)
		}
		key, err := d.Token()
		name, isName := key.(string)
		var value json.RawMessage
		if err != nil || !isName || d.Decode(&value) != nil {
			return nil, bad
		}
		list = append(list, newField(name, jsonText(value)))
	}
	return list, nil
}

// jsonText is a string's content, and any other value as it stands.
func jsonText(value json.RawMessage) string {
	var s string
	if len(value) > 0 && value[0] == '"' && json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}
