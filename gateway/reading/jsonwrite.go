package reading

import (
	"bytes"
	"encoding/json"
	"io"

	"doorcode/challenge/secret"
)

// newField makes a field that Set or Fix puts in.
func (l *Login) newField(name, value string) field {
	f := newField(name, value)
	if l.content.kind == jsonObject {
		f.leaf = &leaf{path: pathOf(name)}
	}
	return f
}

// Fix is Set for a value of the configuration. In JSON a number, true, false, null and a text in quotes are what they say; anything
// else is a string.
func (l *Login) Fix(name, value string) {
	if l.content.kind != jsonObject || l.fields.judges(name) {
		l.Set(name, value)
		return
	}
	f := l.newField(name, value)
	var v any
	if json.Unmarshal([]byte(value), &v) == nil {
		switch text := v.(type) {
		case string:
			f.value = secret.New(text)
		case float64, bool, nil:
			f.leaf.bare = true
		}
	}
	l.put(f)
}

// tree is JSON to be written: a value, or what holds others.
type tree struct {
	value *field
	keys  []string
	items bool // all keys are numbers of items
	under map[string]*tree
}

func (t *tree) grow(f *field, path []step) {
	if len(path) == 0 {
		t.value = f
		return
	}
	s := path[0]
	if t.under == nil {
		t.under, t.items = map[string]*tree{}, true
	}
	if t.under[s.key] == nil {
		t.under[s.key] = &tree{}
		t.keys = append(t.keys, s.key)
	}
	t.items = t.items && s.item
	t.under[s.key].grow(f, path[1:])
}

func (t *tree) write(b *bytes.Buffer) {
	if t.under == nil {
		writeLeaf(b, t.value)
		return
	}
	brackets := "{}"
	if t.items {
		brackets = "[]"
	}
	b.WriteByte(brackets[0])
	for i, key := range t.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		if !t.items {
			writeString(b, key)
			b.WriteByte(':')
		}
		t.under[key].write(b)
	}
	b.WriteByte(brackets[1])
}

func writeLeaf(b *bytes.Buffer, f *field) {
	if f.leaf.bare {
		b.WriteString(f.value.Reveal())
		return
	}
	writeString(b, f.value.Reveal())
}

func writeString(b io.Writer, s string) {
	e := json.NewEncoder(newlineDropper{b})
	e.SetEscapeHTML(false) // "<" goes up as it came: an application that looks at the raw body sees the password that was typed
	_ = e.Encode(s)        // a string into memory
}

// newlineDropper takes away the line end that Encode puts behind each value.
type newlineDropper struct{ io.Writer }

func (d newlineDropper) Write(p []byte) (int, error) {
	if _, err := d.Writer.Write(bytes.TrimSuffix(p, []byte("\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// encodeJSON rebuilds the object: keys in the order in which they came, each once.
func (l *Login) encodeJSON() (contentType string, body []byte) {
	root := &tree{under: map[string]*tree{}}
	for i := range l.list {
		root.grow(&l.list[i], l.list[i].leaf.path)
	}
	var b bytes.Buffer
	root.write(&b)
	contentType = l.content.media
	if l.content.charset != "" {
		contentType += "; charset=utf-8"
	}
	return contentType, b.Bytes()
}
