// Package secret holds values that must never be printed: codes, passwords, numbers, message texts.
package secret

import "encoding/json"

// Redacted is what every printed secret shows.
const Redacted = "[redacted]"

// Text is a string that prints as [redacted] under every fmt verb, in JSON and in errors. Its bytes stand
// behind a pointer, because fmt calls no method of an unexported field: a plain `type Text string` would show
// itself in the %+v of the struct that holds it. The zero Text is the empty string.
type Text struct{ p *string }

// New wraps s.
func New(s string) Text { return Text{&s} }

// Reveal hands the bytes out. Its calls are the list of places that handle secrets.
func (t Text) Reveal() string {
	if t.p == nil {
		return ""
	}
	return *t.p
}

// Empty reports whether there is nothing to keep.
func (t Text) Empty() bool { return t.p == nil || *t.p == "" }

// String returns Redacted.
func (t Text) String() string { return Redacted }

// GoString returns Redacted, for %#v.
func (t Text) GoString() string { return Redacted }

// MarshalJSON writes Redacted: a secret that is to be stored is sealed first.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(Redacted) }

// MarshalText writes Redacted.
func (t Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
