package sms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Success says which answer of the provider means that it took the message. Status and every rule that is set must hold, and
// Body or JSON must be set: HTTP 200 alone is never success.
type Success struct {
	Status Status         // the zero Status is 200-299
	Body   *regexp.Regexp // found in the answer, which is trimmed of a byte order mark and outer space first
	JSON   []JSONCheck    // all must hold
}

// Status is a range of HTTP statuses, both ends included.
type Status struct{ From, To int }

// ParseStatus reads "200", "2xx" or "200-204"; "" is the zero Status.
func ParseStatus(s string) (Status, error) {
	if s == "" {
		return Status{}, nil
	}
	if class, ok := strings.CutSuffix(strings.ToLower(s), "xx"); ok && len(class) == 1 {
		s = class + "00-" + class + "99"
	}
	from, to, ranged := strings.Cut(s, "-")
	if !ranged {
		to = from
	}
	a, errA := strconv.Atoi(strings.TrimSpace(from))
	b, errB := strconv.Atoi(strings.TrimSpace(to))
	if errA != nil || errB != nil || a < 200 || b > 599 || a > b {
		return Status{}, fmt.Errorf("%q is no HTTP status: it is written 200, 2xx or 200-204", s)
	}
	return Status{a, b}, nil
}

// has reports whether code lies in s.
func (s Status) has(code int) bool {
	if s == (Status{}) {
		s = Status{200, 299}
	}
	return s.From <= code && code <= s.To
}

func (s Status) String() string {
	if s == (Status{}) {
		s = Status{200, 299}
	}
	if s.From == s.To {
		return strconv.Itoa(s.From)
	}
	return fmt.Sprintf("%d-%d", s.From, s.To)
}

// JSONCheck wants one value of a JSON answer to be Equals or, where Matches is set, to match it. Strings, numbers and
// booleans are compared as they are written, without quotes and outer space: "true" equals true and "0" equals 0, since
// providers mix them. Objects, arrays, null and what is missing never hold.
type JSONCheck struct {
	Pointer Pointer
	Equals  string
	Matches *regexp.Regexp
}

func (c JSONCheck) holds(value string) bool {
	switch {
	case c.Matches != nil:
		return c.Matches.MatchString(value)
	case c.Equals == "true" || c.Equals == "false":
		return strings.EqualFold(value, c.Equals)
	}
	return value == c.Equals
}

// judge returns "" for a success, else what is missing from it; a value that it names is masked. told reports that the answer was one
// that the rules can read: the provider's own word, and not an empty page or a proxy's.
func (s Success) judge(status int, body []byte, mask *masker) (missing string, told bool) {
	body = trimmed(body)
	switch {
	case status >= 300 && status <= 399 && !s.Status.has(status):
		return "the answer is a redirect, which is not followed", true
	case !s.Status.has(status):
		return "the status is not " + s.Status.String(), true
	case len(body) == 0:
		return "the answer is empty", false
	case s.Body == nil && len(s.JSON) == 0:
		return "no rule says what a success looks like", false // New refuses it; the zero Success must not pass all the same
	case s.Body != nil && !s.Body.Match(body):
		return "the answer does not match success.body", len(body) < maxAnswer
	case len(s.JSON) == 0:
		return "", true
	}
	return s.judgeJSON(body, mask)
}

func (s Success) judgeJSON(body []byte, mask *masker) (missing string, told bool) {
	tree, err := wholeJSON(body)
	if err != nil {
		return "the answer is not JSON", false
	}
	for _, check := range s.JSON {
		value, ok := check.Pointer.find(tree)
		if !ok {
			return fmt.Sprintf("the answer has no value at %v", check.Pointer), false
		}
		if !check.holds(value) {
			return fmt.Sprintf("%v is %q", check.Pointer, mask.excerpt([]byte(value))), true
		}
	}
	return "", true
}

// trimmed takes a byte order mark (ASP.NET's text answers begin with one) and outer space away.
func trimmed(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff")))
}

func wholeJSON(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // a number is compared as it was written
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return tree, nil
}

// Pointer is a JSON pointer (RFC 6901), such as /messages/0/status.
type Pointer struct{ tokens []string }

// ParsePointer reads s.
func ParsePointer(s string) (Pointer, error) {
	if s == "" {
		return Pointer{}, nil
	}
	rest, ok := strings.CutPrefix(s, "/")
	if !ok {
		return Pointer{}, fmt.Errorf("%q is no JSON pointer: it begins with a slash, as in /messages/0/status", s)
	}
	tokens := strings.Split(rest, "/")
	for i, t := range tokens {
		plain := strings.NewReplacer("~0", "", "~1", "").Replace(t)
		if strings.Contains(plain, "~") {
			return Pointer{}, fmt.Errorf("%q is no JSON pointer: ~ is written ~0 and / in a name ~1 (RFC 6901 §3)", s)
		}
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
	}
	return Pointer{tokens}, nil
}

// String writes p as ParsePointer reads it.
func (p Pointer) String() string {
	var b strings.Builder
	for _, t := range p.tokens {
		b.WriteString("/" + pointerEscape(t))
	}
	return b.String()
}

func pointerEscape(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

// find returns the string, number or boolean that p points at, as text.
func (p Pointer) find(tree any) (string, bool) {
	for _, token := range p.tokens {
		switch t := tree.(type) {
		case map[string]any:
			tree = t[token] // nil for a missing one, which is refused below
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(t) || strconv.Itoa(i) != token {
				return "", false
			}
			tree = t[i]
		default:
			return "", false
		}
	}
	switch t := tree.(type) {
	case string:
		return strings.TrimSpace(t), true
	case json.Number:
		return t.String(), true
	case bool:
		return strconv.FormatBool(t), true
	}
	return "", false
}
