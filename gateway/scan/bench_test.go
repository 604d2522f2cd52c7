package scan

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strings"
	"testing"
)

var benchNames = New([]Pair{{Users: []string{"username", "company"}, Password: "password"}, {Users: []string{"u"}, Password: "p"}})

// Bodies of an accounting application: an invoice with 200 lines, Arabic text, an attached file.
func formBody(size int) []byte {
	var b bytes.Buffer
	b.WriteString("form_token=8f14e45fceea167a5a36dedd4bea2543")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "&items[%d][product_id]=%d&items[%d][quantity]=%d.00&items[%d][note]=%%D9%%81%%D8%%A7%%D8%%AA%%D9%%88%%D8%%B1%%D8%%A9+paid+by+transfer", i, 1000+i, i, i%12, i)
	}
	return b.Bytes()[:size]
}

func jsonBody(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"token":"8f14e45fceea167a5a36dedd4bea2543","items":[`)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `{"product_id":%d,"quantity":%d.5,"unit_price":"12.50","note":"فاتورة رقم %d, paid by transfer","posted":true},`, i, i%12, i)
	}
	return b.Bytes()[:size]
}

func partsBody(size int) []byte {
	var b bytes.Buffer
	for i := range 40 {
		fmt.Fprintf(&b, "--XYZ\r\nContent-Disposition: form-data; name=\"items[%d][note]\"\r\n\r\nnothing to see, paid by transfer\r\n", i)
	}
	b.WriteString("--XYZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"scan.pdf\"\r\nContent-Type: application/pdf\r\n\r\n")
	noise := make([]byte, size)
	rand.New(rand.NewSource(1)).Read(noise)
	b.Write(noise)
	return b.Bytes()[:size]
}

func BenchmarkBody(b *testing.B) {
	const size = 1 << 20
	for _, kind := range []struct {
		name, contentType string
		body              []byte
	}{
		{"form", "application/x-www-form-urlencoded", formBody(size)},
		{"json", "application/json", jsonBody(size)},
		{"json-lenient", "application/json", append([]byte("{a:1,"), jsonBody(size)[5:]...)},
		{"xml", "text/xml", []byte(strings.Repeat("<line product=\"12\" unit=\"3\">Paid by transfer, nothing to see</line>\n", size/67+1)[:size])},
		{"multipart", "multipart/form-data; boundary=XYZ", partsBody(size)},
		{"multipart-fields", "multipart/form-data; boundary=XYZ", bytes.Repeat(partsBody(4000), size/4000+1)[:size]},
		{"text", "text/plain", []byte(strings.Repeat("The quick brown fox; \"jumps\" over the lazy dog.\n", size/48+1)[:size])},
	} {
		b.Run(kind.name, func(b *testing.B) {
			h := http.Header{"Content-Type": {kind.contentType}}
			buffer := make([]byte, 32<<10)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				body, err := benchNames.Request().Body(h, io.NopCloser(bytes.NewReader(kind.body)))
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.CopyBuffer(onlyWriter{}, onlyReader{body}, buffer); n != size || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

type onlyReader struct{ io.Reader }

type onlyWriter struct{}

func (onlyWriter) Write(p []byte) (int, error) { return len(p), nil }
