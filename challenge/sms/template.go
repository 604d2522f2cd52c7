package sms

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/template/parse"

	"doorcode/challenge/secret"
)

// Template is a text with fields in it, written like Go's text/template: {{.Number}}, {{.Text}}, {{.Sender}}, {{.ID}},
// {{.Type}}, {{.Host}}, {{.Language}}, {{.Secret}} and {{.Params.name}}. Only fields and quoted strings may stand in braces, no functions
// and no conditions: a template says where a value goes, and how it is escaped is decided by the place it goes to.
//
// Its parts stand behind two pointers because a value in the config may be a password. fmt calls no method of an unexported
// field, and follows one pointer where a verb does not fit the value (%s of the struct that holds it), but never two.
type Template struct{ parts **[]part }

// part is either fixed text or the name of a field.
type part struct{ text, field string }

// values are the fields of one message.
type values struct {
	Number, Text, Sender, ID, Type, Host, Language, Secret string

	Params map[string]secret.Text
}

// get returns the field called name.
func (v values) get(name string) (string, bool) {
	switch name {
	case "Number":
		return v.Number, true
	case "Text":
		return v.Text, true
	case "Sender":
		return v.Sender, true
	case "ID":
		return v.ID, true
	case "Type":
		return v.Type, true
	case "Host":
		return v.Host, true
	case "Language":
		return v.Language, true
	case "Secret":
		return v.Secret, true
	}
	if param, ok := strings.CutPrefix(name, paramsPrefix); ok {
		return v.Params[param].Reveal(), true
	}
	return "", false
}

const paramsPrefix = "Params."

// The errors of ParseTemplate repeat nothing but the name of a field: the rest of the text may be a password.
const knownFields = "{{.Number}}, {{.Text}}, {{.Sender}}, {{.ID}}, {{.Type}}, {{.Host}}, {{.Language}}, {{.Secret}} or {{.Params.name}}"

var (
	errBraces = errors.New(`"{{" may only begin ` + knownFields + ` (a brace meant as text is written {{"{{"}})`)
	errNoText = errors.New("the message has no text")
)

// ParseTemplate reads s. An error says what may stand in braces; it does not repeat s.
func ParseTemplate(s string) (Template, error) {
	trees, err := parse.Parse("value", s, "", "")
	if err != nil || len(trees) != 1 || trees["value"] == nil {
		return Template{}, errBraces
	}
	parts := new([]part)
	for _, node := range trees["value"].Root.Nodes {
		p, err := partOf(node)
		if err != nil {
			return Template{}, err
		}
		*parts = append(*parts, p)
	}
	return Template{&parts}, nil
}

// partOf reads one piece of a parsed template: text, or braces around one field or one quoted string.
func partOf(n parse.Node) (part, error) {
	switch n := n.(type) {
	case *parse.TextNode:
		return part{text: string(n.Text)}, nil
	case *parse.ActionNode:
		p := n.Pipe
		if len(p.Decl) > 0 || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
			return part{}, errBraces
		}
		return partOf(p.Cmds[0].Args[0])
	case *parse.StringNode:
		return part{text: n.Text}, nil
	case *parse.FieldNode:
		name := strings.Join(n.Ident, ".")
		if _, ok := (values{}).get(name); !ok {
			return part{}, fmt.Errorf("{{.%s}} is unknown, there is %s", name, knownFields)
		}
		return part{field: name}, nil
	}
	return part{}, errBraces
}

// ParseURL reads the address of a provider. Values may stand in path and query, where they are percent-encoded, and nowhere
// before: no message may choose the host it is sent to (C4).
func ParseURL(s string) (Template, error) {
	t, err := ParseTemplate(s)
	if err != nil {
		return Template{}, err
	}
	if err := t.checkURL(); err != nil {
		return Template{}, err
	}
	return t, nil
}

func (t Template) checkURL() error {
	if len(t.list()) == 0 {
		return errors.New("an address such as https://sms.example.com/send is missing")
	}
	written := t.render(values{}, percent)
	u, err := url.Parse(written)
	var why *url.Error
	switch {
	case errors.As(err, &why):
		return fmt.Errorf("not an address: %w", why.Err) // without the address, which may hold a key
	case err != nil:
		return errors.New("not an address")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("the address must begin with https:// or http://")
	case u.Hostname() == "":
		return errors.New("the address names no host")
	case u.User != nil:
		return errors.New("user and password do not belong into the address, use basic")
	case strings.Contains(written, "#"):
		return errors.New(`the address has a "#" part, which is never sent (a "#" meant as a character is written %23)`)
	}
	return t.checkAuthority()
}

// checkAuthority refuses a field before the first "/" or "?" behind the host.
func (t Template) checkAuthority() error {
	first := t.list()[0]
	if len(t.list()) == 1 && first.field == "" {
		return nil
	}
	_, rest, ok := strings.Cut(first.text, "://")
	if !ok || !strings.ContainsAny(rest, "/?") {
		return errors.New("a field may stand only in the path or query of the address")
	}
	return nil
}

// IsZero reports whether t was never parsed. An empty text that was parsed is not zero.
func (t Template) IsZero() bool { return t.parts == nil }

func (t Template) list() []part {
	if t.IsZero() {
		return nil
	}
	return **t.parts
}

// String shows nothing of t, which may hold a password.
func (t Template) String() string { return "[template]" }

// GoString as String.
func (t Template) GoString() string { return t.String() }

// params returns the names of the params that t has.
func (t Template) params() []string {
	var names []string
	for _, p := range t.list() {
		if name, ok := strings.CutPrefix(p.field, paramsPrefix); ok {
			names = append(names, name)
		}
	}
	return names
}

// uses reports whether t has the field called name.
func (t Template) uses(name string) bool {
	for _, p := range t.list() {
		if p.field == name {
			return true
		}
	}
	return false
}

// texts returns the fixed texts of t.
func (t Template) texts() []string {
	var texts []string
	for _, p := range t.list() {
		if p.field == "" {
			texts = append(texts, p.text)
		}
	}
	return texts
}

// render puts the values in, each through escape; fixed text is taken as it was written.
func (t Template) render(v values, escape func(string) string) string {
	var b strings.Builder
	for _, p := range t.list() {
		if p.field == "" {
			b.WriteString(p.text)
			continue
		}
		value, _ := v.get(p.field) // known since ParseTemplate
		b.WriteString(escape(value))
	}
	return b.String()
}

func asItIs(s string) string { return s }

// percent encodes s for path, query and form alike. A space is %20, which all three read as a space; "+" is %2B, since a
// "+" of a number would else arrive as a space.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
