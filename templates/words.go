package templates

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// words are the checked texts of one language. Pages have them embedded: the exported methods are what page files may call.
type words struct {
	tag   language.Tag
	texts map[string]text
}

// Lang is the language's code, for lang attributes (WCAG 3.1.1).
func (w *words) Lang() string { return w.tag.String() }

// Dir is the direction of writing, "ltr" or "rtl".
func (w *words) Dir() string { return w.texts["language.dir"].words }

// Name is the language in itself.
func (w *words) Name() string { return w.texts["language.name"].words }

// Say is a text as HTML. Its pairs are names and values of placeholders. Text and values are escaped, each value stands in a <bdi>: an
// English name in an Arabic sentence would otherwise pull the full stop to the wrong side (standards.md §4).
func (w *words) Say(key string, pairs ...any) (template.HTML, error) {
	filled, err := w.fill(key, html.EscapeString, func(value string) string {
		return "<bdi>" + html.EscapeString(value) + "</bdi>"
	}, pairs)
	return template.HTML(filled), err // every part of it went through EscapeString just above
}

// Plain is a text as plain text: for titles, attributes (which html/template escapes) and messages.
func (w *words) Plain(key string, pairs ...any) (string, error) {
	same := func(s string) string { return s }
	return w.fill(key, same, same, pairs)
}

// fill puts values into a text in one pass, so that a value that looks like a placeholder stays what it is (threat C4).
func (w *words) fill(key string, around, value func(string) string, pairs []any) (string, error) {
	t, ok := w.texts[key]
	if !ok {
		return "", fmt.Errorf("no text %q in %s", key, w.tag)
	}
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("text %q: placeholder without a value", key)
	}
	old := make([]string, 0, len(pairs))
	for i := 0; i < len(pairs); i += 2 {
		old = append(old, fmt.Sprint("{", pairs[i], "}"), value(oneLine(w.asText(pairs[i+1]))))
	}
	return strings.NewReplacer(old...).Replace(around(t.words)), nil
}

func (w *words) asText(v any) string {
	switch v := v.(type) {
	case time.Duration:
		return w.Time(v)
	case int:
		return strconv.Itoa(v)
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// unit is a unit of time and the stretch from which the next larger one is used.
type unit struct {
	name   string
	length time.Duration
	below  time.Duration
}

func units() []unit {
	return []unit{
		{"seconds", time.Second, time.Minute},
		{"minutes", time.Minute, 2 * time.Hour},
		{"hours", time.Hour, 48 * time.Hour},
		{"days", 24 * time.Hour, math.MaxInt64},
	}
}

// Time says how long, rounded up: who comes back after it must not be told to wait again. For zero and less it says "a few
// minutes": how long is not known.
func (w *words) Time(d time.Duration) string {
	for _, u := range units() {
		if 0 < d && d < u.below {
			return w.count(u.name, int((d-1)/u.length)+1)
		}
	}
	return w.texts["time.unknown"].words
}

// count says a number with its unit in the plural form of the language: Arabic has six.
func (w *words) count(unit string, n int) string {
	form := formName(plural.Cardinal.MatchPlural(w.tag, n, 0, 0, 0, 0))
	return strings.ReplaceAll(w.texts[unit+"."+form].words, "{n}", strconv.Itoa(n))
}

// oneLine takes out of a value what could leave its place: line breaks and other control characters end headers and the lines
// of an SMS (threat C4), and the invisible signs of bidirectional writing reorder what stands around them.
func oneLine(value string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, value)
	return strings.Join(strings.Fields(clean), " ")
}
