package submit

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
)

// maxBody is how much of an answer is read, in bytes after decompression. Login and confirm pages are a few KB.
const maxBody = 1 << 20

var errLong = fmt.Errorf("longer than %d bytes", maxBody)

// answer is one answer of the upstream, read as far as it goes.
type answer struct {
	at       *url.URL
	status   int
	header   http.Header
	body     []byte            // decompressed, in the upstream's charset
	text     string            // body in UTF-8
	encoding encoding.Encoding // of body, and of the form in it
	charset  string            // as the page says it, or its letters tell; "" where neither does
	broken   error             // nil: body is the whole of it
}

// readAnswer reads an answer. usual is the charset of one that does not say its own and is not in UTF-8 either; nil for none.
func readAnswer(at *url.URL, r *http.Response, usual encoding.Encoding) *answer {
	a := &answer{at: at, status: r.StatusCode, header: r.Header, encoding: unicode.UTF8}
	a.body, a.broken = readBody(r.Header, r.Body)
	a.text = string(a.body)
	declared, name, certain := charset.DetermineEncoding(a.body, r.Header.Get("Content-Type"))
	switch {
	case certain || name != "windows-1252": // which it says where it knows nothing
		a.charset = name
	case usual != nil && usual != unicode.UTF8:
		declared = usual
	}
	if certain || !utf8.Valid(a.body) {
		if text, err := declared.NewDecoder().Bytes(a.body); err == nil {
			a.text = string(text)
		}
		if !strings.HasPrefix(name, "utf-16") { // forms on such pages are sent as UTF-8
			a.encoding = declared
		}
	}
	return a
}

// readBody reads up to maxBody bytes of a body, decompressed. Both ends are bounded: gzip makes megabytes of a little, and empty
// gzip members make nothing of megabytes.
func readBody(h http.Header, body io.Reader) ([]byte, error) {
	plain, err := decompress(h, io.LimitReader(body, maxBody+1))
	if err != nil {
		return nil, err
	}
	read, err := io.ReadAll(io.LimitReader(plain, maxBody+1))
	if len(read) > maxBody {
		return read[:maxBody], errLong
	}
	return read, err
}

// decompress undoes the Content-Encoding of an upstream that compresses although it was asked not to.
func decompress(h http.Header, body io.Reader) (io.Reader, error) {
	switch coding := strings.ToLower(strings.TrimSpace(strings.Join(h.Values("Content-Encoding"), ","))); coding {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		r, err := gzip.NewReader(body)
		if err != nil {
			return emptyOr(err)
		}
		return r, nil
	case "deflate": // RFC 9110 §8.4.1.2 means zlib; some send it bare
		b := bufio.NewReader(body)
		if head, err := b.Peek(2); err == nil && head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
			return zlib.NewReader(b)
		}
		return flate.NewReader(b), nil
	default:
		return nil, fmt.Errorf("in a Content-Encoding that was not asked for: %.20q", coding)
	}
}

// emptyOr takes a redirect's empty body that is labelled gzip for what it is.
func emptyOr(err error) (io.Reader, error) {
	if errors.Is(err, io.EOF) {
		return strings.NewReader(""), nil
	}
	return nil, err
}

// redirects reports whether the answer sends the browser on.
func (a *answer) redirects() bool {
	switch a.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return a.header.Get("Location") != ""
	}
	return false
}

// write puts a value read from this page back into the page's charset: the browser fills in the other fields in it. What the charset
// lacks becomes a character reference, as in browsers.
func (a *answer) write(value string) string {
	encoded, err := encoding.HTMLEscapeUnsupported(a.encoding.NewEncoder()).String(value)
	if err != nil {
		return value
	}
	return encoded
}
