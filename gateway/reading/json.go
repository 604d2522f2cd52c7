package reading

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"doorcode/challenge/secret"
)

// maxDepth bounds how deep a login in JSON may be nested. PHP stops at 512, others earlier or never; a login needs two or three.
const maxDepth = 16

// InJSON makes fields of a form fields of a JSON object. A name is a key of the object, "user[name]" the key name in the object user; a
// JSON pointer (RFC 6901: "/user/name") says the same.
func (f LoginFields) InJSON() (LoginFields, error) {
	users, between, err := splitTemplate(f.User)
	if err != nil {
		return LoginFields{}, err
	}
	password, err := NameInJSON(f.Password)
	if err != nil {
		return LoginFields{}, err
	}
	user, inner := between[0], []string{innermost(password)}
	for i, name := range users {
		if name, err = NameInJSON(name); err != nil {
			return LoginFields{}, err
		}
		if slices.ContainsFunc(inner, func(other string) bool { return touches(innermost(name), other) }) {
			return LoginFields{}, fmt.Errorf("two fields end in the key %q: they could be taken for each other", innermost(name))
		}
		inner = append(inner, innermost(name))
		user += "{{" + name + "}}" + between[i+1]
	}
	in, err := ParseLoginFields(user, password)
	in.JSON = err == nil
	return in, err
}

// NameInJSON writes a JSON pointer as the name that its value has here; any other name is one already.
func NameInJSON(p string) (string, error) {
	rest, ok := strings.CutPrefix(p, "/")
	if !ok {
		return p, nil
	}
	var path []step
	for part := range strings.SplitSeq(rest, "/") {
		key := strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		if key == "" || strings.ContainsAny(key, "[]") {
			return "", fmt.Errorf("%q is no JSON pointer that can be used: every key in it has a name, without brackets", p)
		}
		path = append(path, step{key: key})
	}
	return nameOf(path), nil
}

// step is one step into JSON: a key of an object, or the number of an item.
type step struct {
	key  string
	item bool
}

// leaf is where in JSON a field stands.
type leaf struct {
	path []step
	bare bool // no string: a number, true, false, null, {} or []; the field's value is its text
}

// key is the key nearest to the value.
func (l *leaf) key() string {
	for _, s := range slices.Backward(l.path) {
		if !s.item {
			return s.key
		}
	}
	return "" // cannot be: the first step is a key
}

// nameOf is the field's name as PHP would have it in a form: user[name]. So names in JSON and in forms are compared alike.
func nameOf(path []step) string {
	name := path[0].key
	for _, s := range path[1:] {
		name += "[" + s.key + "]"
	}
	return name
}

// pathOf is the way to a name.
func pathOf(name string) []step {
	first, rest, nested := strings.Cut(name, "[")
	path := []step{{key: first}}
	for nested {
		var key string
		key, rest, _ = strings.Cut(rest, "]")
		path = append(path, step{key: key})
		_, rest, nested = strings.Cut(rest, "[")
	}
	return path
}

func innermost(name string) string {
	path := pathOf(name)
	return path[len(path)-1].key
}

// jsonReader reads an object to the letter of RFC 8259 and notes every value that holds no other.
type jsonReader struct {
	*json.Decoder
	most int
	list []field
}

// splitJSON reads the whole of a JSON object. ErrAmbiguous: a key stands twice in its object, of which readers take the first, the
// last, or neither. ErrUnreadable: what readers see differently or not at all: no UTF-8, a byte order mark, something behind the object,
// half of a surrogate pair (which some replace), a key with brackets (which means another one to those who know forms), or
// deep nesting (B3, B4).
func splitJSON(raw []byte, most int) ([]field, error) {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if !utf8.Valid(raw) || !json.Valid(raw) || raw[0] != '{' || halfPair(raw) {
		return nil, fmt.Errorf("body is no JSON object: %w", ErrUnreadable)
	}
	r := &jsonReader{Decoder: json.NewDecoder(bytes.NewReader(raw)), most: most}
	r.UseNumber()
	if _, err := r.Token(); err != nil {
		return nil, unreadableJSON(err)
	}
	if err := r.object(nil); err != nil {
		return nil, err
	}
	return r.list, nil
}

// unreadableJSON keeps what the decoder quotes out of the log: it may be a password.
func unreadableJSON(err error) error {
	if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrAmbiguous) || errors.Is(err, ErrUnreadable) {
		return err
	}
	return fmt.Errorf("body is no JSON object: %w", ErrUnreadable)
}

// object reads what stands behind "{", to its end.
func (r *jsonReader) object(path []step) error {
	known := map[string]bool{}
	for r.More() {
		token, err := r.Token()
		key, ok := token.(string)
		switch {
		case err != nil || !ok:
			return unreadableJSON(err)
		case known[key]:
			return fmt.Errorf("a key stands twice in a JSON object: %w", ErrAmbiguous)
		case key == "" || strings.ContainsAny(key, "[]"):
			return fmt.Errorf("a JSON key is empty or has brackets: %w", ErrUnreadable)
		}
		known[key] = true
		if err := r.value(append(slices.Clip(path), step{key: key})); err != nil {
			return err
		}
	}
	return r.end(path, len(known) == 0, "{}")
}

// array reads what stands behind "[", to its end.
func (r *jsonReader) array(path []step) error {
	n := 0
	for ; r.More(); n++ {
		if err := r.value(append(slices.Clip(path), step{key: strconv.Itoa(n), item: true})); err != nil {
			return err
		}
	}
	return r.end(path, n == 0, "[]")
}

// end reads the closing bracket. What is empty is a value of its own.
func (r *jsonReader) end(path []step, empty bool, text string) error {
	if _, err := r.Token(); err != nil {
		return unreadableJSON(err)
	}
	if empty && len(path) > 0 {
		return r.add(path, text, true)
	}
	return nil
}

func (r *jsonReader) value(path []step) error {
	if len(path) > maxDepth {
		return fmt.Errorf("JSON nested over %d deep: %w", maxDepth, ErrUnreadable)
	}
	token, err := r.Token()
	if err != nil {
		return unreadableJSON(err)
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(path)
		}
		return r.array(path)
	case string:
		return r.add(path, t, false)
	case json.Number:
		return r.add(path, t.String(), true)
	case bool:
		return r.add(path, strconv.FormatBool(t), true)
	}
	return r.add(path, "null", true)
}

func (r *jsonReader) add(path []step, text string, bare bool) error {
	if len(r.list) == r.most {
		return fmt.Errorf("more than %d values: %w", r.most, ErrTooLarge)
	}
	r.list = append(r.list, field{name: nameOf(path), value: secret.New(text), leaf: &leaf{path, bare}})
	return nil
}

// halfPair reports an escape that is one half of a surrogate pair without the other, in JSON that is valid otherwise.
func halfPair(raw []byte) bool {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if raw[i] != 'u' {
			continue
		}
		first := hex4(raw[i+1:])
		i += 4
		switch {
		case first < 0xd800 || first > 0xdfff:
		case first >= 0xdc00 || i+6 >= len(raw) || raw[i+1] != '\\' || raw[i+2] != 'u':
			return true
		default:
			if second := hex4(raw[i+3:]); second < 0xdc00 || second > 0xdfff {
				return true
			}
			i += 6
		}
	}
	return false
}

func hex4(raw []byte) uint64 {
	n, _ := strconv.ParseUint(string(raw[:4]), 16, 32) // json.Valid has looked
	return n
}

// elsewhere reports a key that is called like a field of the login and stands at another place: readers that wrap or flatten what they
// get (Rails' params wrapper) would find that one, or both.
func (l *Login) elsewhere(name string) error {
	want := pathOf(name)
	inner := want[len(want)-1].key
	for _, f := range l.list {
		if f.name == name {
			continue
		}
		for i, s := range f.leaf.path {
			onTheWay := i < len(want)-1 && slices.Equal(f.leaf.path[:i+1], want[:i+1])
			if !s.item && !onTheWay && touches(s.key, inner) {
				return fmt.Errorf("key %s stands at another place too: %w", inner, ErrAmbiguous)
			}
		}
	}
	return nil
}
