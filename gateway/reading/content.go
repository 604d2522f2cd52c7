package reading

import (
	"fmt"
	"net/http"
	"strings"
)

// kind is a way in which a body holds fields.
type kind int

const (
	urlencoded kind = iota + 1
	formData        // multipart/form-data
	jsonObject
)

// content is a Content-Type that has one reading.
type content struct {
	kind     kind
	media    string // of jsonObject, lower case
	charset  string // lower case; "" where none was named
	boundary string // of formData
}

const (
	typeURLEncoded = "application/x-www-form-urlencoded"
	typeFormData   = "multipart/form-data"
	typeJSON       = "application/json"
)

// readContentType reads the headers that say how a body is to be read (B3). Upstreams differ in which of two headers counts, in
// whether they unpack a body, and in how they read parameters that are none of the usual (PHP takes the first "boundary" that
// it finds anywhere), so all that is ErrUnreadable.
func readContentType(h http.Header) (content, error) {
	for _, e := range h["Content-Encoding"] {
		if e != "" && !strings.EqualFold(e, "identity") {
			return content{}, fmt.Errorf("Content-Encoding of a form: %w", ErrUnreadable)
		}
	}
	headers := h["Content-Type"]
	if len(headers) != 1 {
		return content{}, fmt.Errorf("%d Content-Type headers: %w", len(headers), ErrUnreadable)
	}
	media, rest, _ := strings.Cut(headers[0], ";")
	c := content{}
	switch media = strings.ToLower(strings.Trim(media, " ")); {
	case media == typeURLEncoded:
		c.kind = urlencoded
	case media == typeFormData:
		c.kind = formData
	case media == typeJSON || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json") && cleanMedia(media):
		c.kind, c.media = jsonObject, media
	default:
		return content{}, fmt.Errorf("Content-Type is none of urlencoded, multipart and JSON: %w", ErrUnreadable)
	}
	if err := c.readParameters(rest); err != nil {
		return content{}, err
	}
	if (c.kind == formData) != (c.boundary != "") {
		return content{}, fmt.Errorf("Content-Type: boundary and kind do not fit: %w", ErrUnreadable)
	}
	return c, nil
}

// cleanMedia takes the characters that names of media types are made of; what else stands there goes up nowhere.
func cleanMedia(media string) bool {
	for i := 0; i < len(media); i++ {
		if !isAlnum(media[i]) && strings.IndexByte("/+-._", media[i]) < 0 {
			return false
		}
	}
	return true
}

// readParameters takes charset and boundary, each once, and nothing else. A final ";" is harmless.
func (c *content) readParameters(s string) error {
	for n := 0; s != ""; n++ {
		var param string
		param, s, _ = strings.Cut(s, ";")
		param = strings.Trim(param, " ")
		if param == "" && s == "" {
			return nil
		}
		name, value, _ := strings.Cut(param, "=")
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		switch name = strings.ToLower(name); {
		case name == "charset" && c.charset == "" && asciiBased(value) && (c.kind != jsonObject || isUTF8(value)):
			c.charset = strings.ToLower(value)
		case name == "boundary" && c.boundary == "" && cleanBoundary(value):
			c.boundary = value
		default:
			return fmt.Errorf("Content-Type parameter %d: %w", n+1, ErrUnreadable)
		}
	}
	return nil
}

// asciiBased reports whether an ASCII byte means the same in the charset as here, and no other byte does: UTF-16, UTF-7,
// EBCDIC (IBM037) and the multi-byte ones in which an ASCII byte can be half a letter (Shift_JIS, GBK) do not qualify. The
// bytes go up as they came.
func asciiBased(charset string) bool {
	charset = strings.ToLower(charset)
	for _, family := range []string{"iso-8859-", "windows-125"} {
		if digits, ok := strings.CutPrefix(charset, family); ok {
			return digits != "" && len(digits) <= 2 && strings.Trim(digits, "0123456789") == ""
		}
	}
	return charset == "us-ascii" || charset == "latin1" || isUTF8(charset)
}

func isUTF8(charset string) bool {
	return strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// cleanBoundary takes what clients send: RFC 2046 §5.1.1 without the characters that need quotes, at which parsers differ.
func cleanBoundary(b string) bool {
	if b == "" || len(b) > 70 {
		return false
	}
	for i := 0; i < len(b); i++ {
		if !isAlnum(b[i]) && strings.IndexByte("'+_-.", b[i]) < 0 {
			return false
		}
	}
	return true
}
