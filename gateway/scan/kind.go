package scan

import (
	"fmt"
	"net/http"
	"strings"
)

// bodyKind says how a body is read.
type bodyKind struct {
	multipart bool // some reader may take it for multipart
	clean     bool // multipart/form-data, said plainly
	loose     bool // its charset has letters that end in the byte of "\"
}

// readable judges the headers of a body. A reader that decodes what the scan cannot would find names in it: so a body that is
// encoded, or in a charset that spells ASCII otherwise, is refused whatever type it claims: front servers that unpack bodies do not
// ask for the type, and a login that says image/png is still a login to them (threats B3, B6).
func readable(h http.Header) (bodyKind, error) {
	types := h["Content-Type"]
	if len(types) > 1 {
		return bodyKind{}, fmt.Errorf("%w: %d Content-Type headers", ErrUnreadable, len(types))
	}
	contentType := strings.ToLower(h.Get("Content-Type"))
	media, parameters, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	for _, line := range h["Content-Encoding"] {
		for encoding := range strings.SplitSeq(line, ",") {
			if e := strings.ToLower(strings.TrimSpace(encoding)); e != "" && e != "identity" {
				return bodyKind{}, fmt.Errorf("%w: Content-Encoding %.40q", ErrUnreadable, e)
			}
		}
	}
	loose := false
	for _, charset := range charsets(contentType) {
		loose = loose || !plainBackslash(charset)
		if !likeASCII(charset) {
			return bodyKind{}, fmt.Errorf("%w: charset %.40q", ErrUnreadable, charset)
		}
	}
	return bodyKind{
		multipart: strings.Contains(contentType, "multipart"),
		clean:     media == "multipart/form-data" && !strings.Contains(parameters, ","),
		loose:     loose,
	}, nil
}

// charsets finds every charset that any reader could find in a Content-Type, also behind a "," or twice.
func charsets(contentType string) []string {
	var found []string
	for {
		_, rest, ok := strings.Cut(contentType, "charset")
		if !ok {
			return found
		}
		contentType = rest
		value, ok := strings.CutPrefix(strings.TrimLeft(rest, " \t"), "=")
		if !ok {
			continue
		}
		value = strings.TrimLeft(value, " \t\"'")
		if end := strings.IndexAny(value, " \t\"';,"); end >= 0 {
			value = value[:end]
		}
		if value != "" {
			found = append(found, value)
		}
	}
}

// plainBackslash reports charsets in which the byte of "\" is never part of another letter, as it is in those of East Asia.
func plainBackslash(charset string) bool {
	for _, family := range []string{"gb", "big5", "shift", "sjis", "windows-31j"} {
		if strings.HasPrefix(charset, family) {
			return false
		}
	}
	return true
}

// likeASCII reports charsets in which the bytes of ASCII are ASCII wherever a name begins. Shift states (ISO-2022, UTF-7, HZ), wide
// units and EBCDIC are not.
func likeASCII(charset string) bool {
	switch charset {
	case "utf-8", "utf8", "us-ascii", "ascii", "latin1", "latin-1", "gbk", "gb2312", "gb18030", "big5", "big5-hkscs",
		"shift_jis", "sjis", "windows-31j", "tis-620", "macintosh", "x-mac-arabic", "x-user-defined":
		return true
	}
	for _, family := range []string{"iso-8859-", "iso8859-", "iso_8859-", "windows-125", "windows-874", "cp125", "koi8-", "euc-", "asmo-708", "ibm866", "ibm864"} {
		if strings.HasPrefix(charset, family) {
			return true
		}
	}
	return false
}
