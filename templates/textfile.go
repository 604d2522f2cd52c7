package templates

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text is one entry of a text file.
type text struct {
	words string
	place string // file:line
}

// parseTexts reads a text file: a strict part of Java's .properties in UTF-8, which translators' tools know and a clerk can edit in
// any editor. `key = text`; # begins a note; a backslash at the end of a line goes on in the next one; \n and \\ are the only escapes.
// Every problem is reported with its place, not only the first.
func parseTexts(file string, data []byte) (map[string]text, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%s: not UTF-8: save the file in UTF-8", file)
	}
	var problems []error
	texts := map[string]text{}
	lines := strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n")
	for i := 0; i < len(lines); i++ {
		place := fmt.Sprintf("%s:%d", file, i+1)
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' {
			continue
		}
		for goesOn(line) && i+1 < len(lines) {
			i++
			line = line[:len(line)-1] + strings.TrimSpace(lines[i])
		}
		key, words, err := parseLine(line)
		switch first, twice := texts[key]; {
		case err != nil:
			problems = append(problems, fmt.Errorf("%s: %w", place, err))
		case twice:
			problems = append(problems, fmt.Errorf("%s: %s stands twice, first at %s", place, key, first.place))
		default:
			texts[key] = text{words, place}
		}
	}
	return texts, errors.Join(problems...)
}

// goesOn reports a line that ends in a single backslash: an odd number of them.
func goesOn(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

func parseLine(line string) (key, words string, err error) {
	key, raw, found := strings.Cut(line, "=")
	key = strings.TrimSpace(key)
	if !found {
		return "", "", errors.New(`no "=": a line is "key = text"`)
	}
	if words, err = unescape(strings.TrimSpace(raw)); err != nil {
		return "", "", fmt.Errorf("%s: %w", key, err)
	}
	if strings.TrimSpace(words) == "" {
		return "", "", fmt.Errorf("%s: no text", key)
	}
	return key, words, nil
}

// unescape also refuses control characters: a carriage return in a subject would end an e-mail's header (threat C4).
func unescape(raw string) (string, error) {
	if i := strings.IndexFunc(raw, unicode.IsControl); i >= 0 {
		return "", fmt.Errorf("control character %U in the text", rune(raw[i]))
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			b.WriteByte(raw[i])
			continue
		}
		i++
		switch {
		case i < len(raw) && raw[i] == 'n':
			b.WriteByte('\n')
		case i < len(raw) && raw[i] == '\\':
			b.WriteByte('\\')
		default:
			return "", errors.New(`a backslash that is neither \n nor \\`)
		}
	}
	return b.String(), nil
}

// placeholders lists the {names} in words.
func placeholders(words string) ([]string, error) {
	var names []string
	for {
		i := strings.IndexAny(words, "{}")
		if i < 0 {
			return names, nil
		}
		name, rest, closed := strings.Cut(words[i+1:], "}")
		if words[i] == '}' || !closed || strings.Contains(name, "{") {
			return nil, errors.New("a brace without its other half")
		}
		names, words = append(names, name), rest
	}
}
