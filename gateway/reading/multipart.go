package reading

import (
	"fmt"
	"strings"

	"doorcode/challenge/secret"
)

// splitParts reads a multipart/form-data body (RFC 7578) in the form that browsers write, and no other. Parsers differ in all
// that is left out here: text before the first boundary, parts behind the last (PHP reads on), line ends without CR, folded
// headers, transfer encodings, a boundary in the middle of a line.
func splitParts(body, boundary string, most int) ([]field, error) {
	// The boundary may stand at the boundaries alone. PHP cuts at LF and boundary without CR; who finds it elsewhere reads other
	// parts.
	pieces := strings.Split(body, "--"+boundary)
	last := len(pieces) - 1
	if last < 1 || pieces[0] != "" || pieces[last] != "--" && pieces[last] != "--\r\n" {
		return nil, fmt.Errorf("multipart body does not begin and end with its boundary: %w", ErrUnreadable)
	}
	var list []field
	for i, piece := range pieces[1:last] {
		if len(list) == most {
			return nil, fmt.Errorf("more than %d parts: %w", most, ErrTooLarge)
		}
		// Piece and end need a CRLF each; one alone between two boundaries is not both.
		inner, begins := strings.CutPrefix(piece, "\r\n")
		inner, ends := strings.CutSuffix(inner, "\r\n")
		head, value, found := strings.Cut(inner, "\r\n\r\n")
		if !begins || !ends || !found {
			return nil, refusedPart(i, "its lines")
		}
		f, err := readPartHead(i, head)
		if err != nil {
			return nil, err
		}
		f.value = secret.New(value)
		list = append(list, f)
	}
	return list, nil
}

func refusedPart(i int, what string) error {
	return fmt.Errorf("part %d of the multipart body: %s: %w", i+1, what, ErrUnreadable)
}

// readPartHead takes Content-Disposition and Content-Type, each once.
func readPartHead(i int, head string) (field, error) {
	var disposition, contentType string
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " ")
		if !printable(value) {
			return field{}, refusedPart(i, "a control character in its headers")
		}
		switch {
		case value != "" && strings.EqualFold(name, "Content-Disposition") && disposition == "":
			disposition = value
		case value != "" && strings.EqualFold(name, "Content-Type") && contentType == "":
			contentType = value
		default:
			return field{}, refusedPart(i, "a header that form parts do not have, or have once")
		}
	}
	f, ok := readDisposition(disposition)
	if !ok {
		return field{}, refusedPart(i, "its Content-Disposition")
	}
	if !partType(contentType, f.file != nil) {
		return field{}, refusedPart(i, "its Content-Type")
	}
	if f.file != nil {
		f.file.contentType = contentType
	}
	return f, nil
}

// readDisposition reads `form-data; name="…"; filename="…"` as WHATWG HTML §4.10.21.8 has it written: names in quotes, no
// backslashes. name*, encoded words and unquoted names are what other parsers read other names from (B3).
func readDisposition(s string) (field, bool) {
	rest, ok := cutFold(s, "form-data; name=")
	if !ok {
		return field{}, false
	}
	name, rest, ok := quoted(rest)
	if !ok || name == "" || !plainEscapes(name) {
		return field{}, false
	}
	if rest == "" {
		return field{name: name}, true
	}
	if rest, ok = cutFold(rest, "; filename="); !ok {
		return field{}, false
	}
	filename, rest, ok := quoted(rest)
	return field{name: name, file: &file{name: filename}}, ok && rest == ""
}

// quoted reads a quoted string without escapes.
func quoted(s string) (text, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", "", false
	}
	text, rest, ok = strings.Cut(s[1:], `"`)
	return text, rest, ok && strings.IndexByte(text, '\\') < 0 && !strings.Contains(text, "=?")
}

// plainEscapes allows the three escapes that browsers write in names; a parser that decodes all would read another name from
// any other.
func plainEscapes(name string) bool {
	return strings.IndexByte(strings.NewReplacer("%22", "", "%0D", "", "%0A", "").Replace(name), '%') < 0
}

// partType reports whether a part says that it is what it seems to be: text in a charset based on ASCII, or a file of any
// type but multipart, which once held several files.
func partType(contentType string, isFile bool) bool {
	media, param, _ := strings.Cut(strings.ToLower(contentType), ";")
	if isFile {
		return !strings.HasPrefix(media, "multipart/")
	}
	charset, named := strings.CutPrefix(strings.Trim(param, " "), "charset=")
	return contentType == "" || media == "text/plain" && (param == "" || named && asciiBased(charset))
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}
