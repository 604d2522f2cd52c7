package reading

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"doorcode/challenge/secret"
)

// maxLoginFields is PHP's max_input_vars: what comes behind, the upstream does not see.
const maxLoginFields = 1_000

// Login is a login body, parsed once. What User and Password say is what Encode sends: both come from this one parse, and no
// method changes the fields that were judged.
type Login struct {
	content  content
	fields   LoginFields
	list     []field
	user     string
	password secret.Text
}

// ReadLogin reads a login's body, urlencoded or multipart, or JSON where the fields are said to be in JSON, and refuses all that two parsers could read differently:
// ErrTooLarge (413), over limit bytes or 1,000 fields; ErrUnreadable (400), another kind of body, a bad escape, control
// characters in a name or in the user name, or a user field without a password field or the other way round; ErrAmbiguous
// (400), a user or password field that is there twice, as a file, in the query too, or in a spelling that PHP folds into its
// name, in any case (B4).
//
// ErrNotLogin means that none of the fields is there. The Login can then be sent on all the same, as the form that it is.
// Fields that frameworks take for the method (_method) are left out of what Encode sends, always.
func ReadLogin(header http.Header, rawQuery string, body io.Reader, limit int64, fields LoginFields) (*Login, error) {
	l, err := readLogin(header, rawQuery, body, limit, fields)
	if err != nil {
		return nil, err
	}
	// Only a form that is no login is handed out with its error: what is refused cannot be sent on by mistake.
	if err = l.judge(); err != nil && !errors.Is(err, ErrNotLogin) {
		return nil, err
	}
	return l, err
}

// readLogin is the reading, without the judging.
func readLogin(header http.Header, rawQuery string, body io.Reader, limit int64, fields LoginFields) (*Login, error) {
	if err := checkLoginQuery(rawQuery, fields); err != nil {
		return nil, err
	}
	c, err := readContentType(header)
	if err != nil {
		return nil, err
	}
	if (c.kind == jsonObject) != fields.JSON {
		// One kind of body and no other: an upstream that reads both would read a field of the kind that was not looked at.
		return nil, fmt.Errorf("login in JSON where a form was configured, or the other way round: %w", ErrUnreadable)
	}
	raw, err := readWhole(body, limit)
	if err != nil {
		return nil, err
	}
	list, err := readLoginFields(c, raw)
	if err != nil {
		return nil, err
	}
	l := &Login{content: c, fields: fields}
	for _, f := range list {
		if f.name == "" || !printable(f.name) {
			return nil, fmt.Errorf("field name empty or with control characters: %w", ErrUnreadable)
		}
		if !overridesMethod(f.name) {
			l.list = append(l.list, f)
		}
	}
	return l, nil
}

func readLoginFields(c content, raw []byte) ([]field, error) {
	if c.kind == jsonObject {
		return splitJSON(raw, maxLoginFields)
	}
	return readFields(c, raw, maxLoginFields)
}

// checkLoginQuery looks for the login's fields, and for a method override, in the query: PHP's $_REQUEST mixes query and body.
// The query goes up as it came, so what is a name to those that part it at ";" too counts (B11).
func checkLoginQuery(rawQuery string, fields LoginFields) error {
	query, err := ParseQuery(rawQuery)
	if err != nil {
		return fmt.Errorf("query of a login: %w", err)
	}
	names := query.Names()
	if strings.Contains(rawQuery, ";") {
		parted, _ := ParseQuery(strings.ReplaceAll(rawQuery, ";", "&"))
		names = append(names, parted.Names()...)
	}
	for _, name := range names {
		if fields.judges(name) || overridesMethod(name) {
			return fmt.Errorf("query of a login has a field that belongs into its body: %w", ErrAmbiguous)
		}
	}
	return nil
}

// overridesMethod reports whether a framework would take the field for the request's method (B2).
func overridesMethod(name string) bool {
	folded := strings.ToLower(strings.ReplaceAll(keys(name)[0], "-", "_"))
	return slices.Contains([]string{"_method", "__method", "_http_method", "x_http_method", "x_http_method_override", "x_method_override"}, folded)
}

// judges reports whether a field sent under a name could be read as one of the login's.
func (f LoginFields) judges(name string) bool {
	users, password := f.Names()
	if f.first != "" {
		first, _, _ := splitTemplate(f.first)
		users = append(users, first...)
	}
	return touches(name, password) || slices.ContainsFunc(users, func(u string) bool { return touches(name, u) })
}

// judge finds user and password.
func (l *Login) judge() error {
	if l.fields.named != "" {
		return l.judgeSecond()
	}
	users, password := l.fields.Names()
	var values []string
	found := false // of the last: the password
	for _, name := range append(slices.Clone(users), password) {
		var value string
		var err error
		if value, found, err = l.single(name); err != nil {
			return err
		}
		if found {
			values = append(values, value)
		}
	}
	switch {
	case len(values) == 0:
		return ErrNotLogin
	case len(values) != len(users)+1:
		return fmt.Errorf("login has only some of its fields: %w", ErrUnreadable)
	}
	l.password = secret.New(values[len(users)])
	user, err := l.userName(l.fields, values[:len(users)])
	l.user = user
	return err
}

// userName composes the name of its fields' values, in UTF-8.
func (l *Login) userName(fields LoginFields, values []string) (string, error) {
	decoded := make([]string, len(values))
	for i, v := range values {
		if !printable(v) { // NUL cuts names in C and in databases (B7)
			return "", fmt.Errorf("control character in the user name: %w", ErrUnreadable)
		}
		text, err := l.decode(v)
		if err != nil {
			return "", err
		}
		decoded[i] = text
	}
	return fields.compose(decoded)
}

// single returns the value of the one field that upstreams could read as name.
func (l *Login) single(name string) (value string, found bool, err error) {
	for _, f := range l.list {
		if !touches(f.name, name) {
			continue
		}
		if found || f.name != name || f.file != nil {
			return "", false, fmt.Errorf("field %s is there twice, as a file or in another spelling: %w", name, ErrAmbiguous)
		}
		if f.leaf != nil && f.leaf.bare {
			return "", false, fmt.Errorf("field %s is no JSON string: %w", name, ErrUnreadable) // 0123, 1e3: texts of a number differ
		}
		value, found = f.value.Reveal(), true
	}
	if l.fields.JSON {
		return value, found, l.elsewhere(name)
	}
	return value, found, nil
}

// User returns the user name as typed, in UTF-8; composed where several fields make it. It may be empty.
func (l *Login) User() string { return l.user }

// Password returns the password as typed.
func (l *Login) Password() secret.Text { return l.password }

// Names returns the names of all fields in order, as often as they came.
func (l *Login) Names() []string {
	names := make([]string, len(l.list))
	for i, f := range l.list {
		names[i] = f.name
	}
	return names
}

// Keys are the names of all fields as an application asks for them, one for each of Names: in JSON the key nearest to the value.
func (l *Login) Keys() []string {
	keys := l.Names()
	for i, f := range l.list {
		if f.leaf != nil {
			keys[i] = f.leaf.key()
		}
	}
	return keys
}

// Value returns the last value of the field that is named exactly so.
func (l *Login) Value(name string) (string, bool) {
	for _, f := range slices.Backward(l.list) {
		if f.name == name {
			return f.value.Reveal(), true
		}
	}
	return "", false
}

// Set gives a field a value, in its old place or at the end, and drops every other that an upstream could read as it. The
// fields of user name and password stay as they are: they were judged.
func (l *Login) Set(name, value string) {
	if l.fields.judges(name) {
		return
	}
	l.put(l.newField(name, value))
}

func (l *Login) put(f field) {
	place := slices.IndexFunc(l.list, func(old field) bool { return touches(old.name, f.name) })
	if place < 0 {
		place = len(l.list)
	}
	l.Drop(f.name) // nothing before place goes
	l.list = slices.Insert(l.list, place, f)
}

// Drop removes every field that an upstream could read as name; user name and password stay.
func (l *Login) Drop(name string) {
	l.list = slices.DeleteFunc(l.list, func(f field) bool {
		return touches(f.name, name) && !l.fields.judges(f.name)
	})
}

// Only drops every field whose name keep does not want; user name and password stay.
func (l *Login) Only(keep func(name string) bool) {
	l.list = slices.DeleteFunc(l.list, func(f field) bool { return !l.fields.judges(f.name) && !keep(f.name) })
}

// Encode rebuilds the body from the parse, in the kind and charset in which it came; names and values are byte for byte as
// they were.
func (l *Login) Encode() (contentType string, body []byte) {
	switch l.content.kind {
	case formData:
		return l.encodeParts()
	case jsonObject:
		return l.encodeJSON()
	}
	contentType = typeURLEncoded
	if l.content.charset != "" {
		contentType += "; charset=" + l.content.charset
	}
	var b strings.Builder
	for i, f := range l.list {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(f.name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(f.value.Reveal()))
	}
	return contentType, []byte(b.String())
}

// encodeParts writes the form that splitParts reads. The boundary is new: 130 random bits, which no value holds but by plan,
// and nobody can plan for them.
func (l *Login) encodeParts() (contentType string, body []byte) {
	boundary := "doorcode-" + rand.Text()
	inQuotes := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A") // WHATWG HTML §4.10.21.8, for names of Set
	var b strings.Builder
	for _, f := range l.list {
		b.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + inQuotes.Replace(f.name) + `"`)
		if f.file != nil {
			b.WriteString(`; filename="` + f.file.name + `"`)
		}
		if f.file != nil && f.file.contentType != "" {
			b.WriteString("\r\nContent-Type: " + f.file.contentType)
		}
		b.WriteString("\r\n\r\n" + f.value.Reveal() + "\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	contentType = typeFormData + "; boundary=" + boundary
	if l.content.charset != "" {
		contentType += "; charset=" + l.content.charset
	}
	return contentType, []byte(b.String())
}
