package reading

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

func sprintAll(values ...any) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%v %+v %#v %s %q\n", v, v, v, v, v)
	}
	return b.String()
}

func typed(contentTypes ...string) http.Header {
	return http.Header{"Content-Type": contentTypes}
}

// flat shows fields as name=value.
func flat(p Params) string {
	var parts []string
	for _, f := range p.fields {
		s := f.name + "=" + f.value.Reveal()
		if f.file != nil {
			s += "@" + f.file.name + "@" + f.file.contentType
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "&")
}

// parts writes a multipart body with the boundary B.
func parts(heads ...string) string {
	var b strings.Builder
	for _, h := range heads {
		b.WriteString("--B\r\n" + h + "\r\n")
	}
	return b.String() + "--B--\r\n"
}

const dispose = `Content-Disposition: form-data; name=`

// B3, B4: one reading, or refused. Each body that is accepted stands beside the ones that are nearly it.
func TestReadForm(t *testing.T) {
	const (
		urlenc = typeURLEncoded
		multi  = typeFormData + "; boundary=B"
		js     = typeJSON
	)
	refused := func(name string, h http.Header, body string) formCase {
		return formCase{name: name, header: h, body: body, err: ErrUnreadable}
	}
	tests := []formCase{
		{"urlencoded", typed(urlenc), "user=a+b&pass=%26%C3", "user=a b&pass=&\xc3", nil},
		{"upper case type", typed("Application/X-WWW-Form-URLencoded"), "a=1", "a=1", nil},
		{"utf-8", typed(urlenc + "; charset=UTF-8"), "a=1", "a=1", nil},
		{"quoted charset and a final semicolon", typed(urlenc + `;charset="windows-1256";`), "a=%E3", "a=\xe3", nil},
		{"raw bytes", typed(urlenc), "a=\xe3", "a=\xe3", nil},
		{"identity", http.Header{"Content-Type": {urlenc}, "Content-Encoding": {"identity"}}, "a=1", "a=1", nil},
		{"_charset_ as browsers fill it", typed(urlenc), "_charset_=UTF-8&a=1", "_charset_=UTF-8&a=1", nil},
		{"empty, of no type", http.Header{}, "", "", nil},
		{"empty, of any type", typed("text/plain"), "", "", nil},
		refused("no type", http.Header{}, "a=1"),
		refused("empty type", typed(""), "a=1"),
		refused("two types", typed(urlenc, urlenc), "a=1"),
		refused("two types in one", typed(urlenc+", "+multi), "a=1"),
		refused("text", typed("text/plain"), "a=1"),
		refused("xml", typed("text/xml"), "<a/>"),
		refused("utf-16", typed(urlenc+"; charset=utf-16"), "a=1"),
		refused("utf-7", typed(urlenc+"; charset=utf-7"), "a=1"),
		refused("IBM037", typed(urlenc+"; charset=IBM037"), "a=1"),
		refused("Shift_JIS", typed(urlenc+"; charset=Shift_JIS"), "a=1"),
		refused("two charsets", typed(urlenc+"; charset=utf-8; charset=utf-8"), "a=1"),
		refused("charset*", typed(urlenc+"; charset*=utf-8''utf-16"), "a=1"),
		refused("another parameter", typed(urlenc+"; x=y"), "a=1"),
		refused("a boundary too", typed(urlenc+"; boundary=B"), "a=1"),
		refused("_charset_", typed(urlenc), "_charset_=utf-7&a=1"),
		refused("gzip", http.Header{"Content-Type": {urlenc}, "Content-Encoding": {"gzip"}}, "a=1"),
		refused("gzip behind identity", http.Header{"Content-Type": {urlenc}, "Content-Encoding": {"identity", "gzip"}}, "a=1"),
		refused("bad escape", typed(urlenc), "a=%zz"),
		refused("%u", typed(urlenc), "%u0061=1"),
		refused("line end", typed(urlenc), "a=1\r\n"),
		refused("NUL", typed(urlenc), "a\x00b=1"),
		{"too many", typed(urlenc), strings.Repeat("a&", maxParams+1), "", ErrTooLarge},
		{"too long", typed(urlenc), strings.Repeat("a", 100_001), "", ErrTooLarge},

		{"multipart", typed(multi), parts(dispose + "\"user\"\r\n\r\nal\nice"), "user=al\nice", nil},
		{"multipart, quoted boundary", typed(typeFormData + `; boundary="B"`), parts(dispose + "\"a\"\r\n\r\n"), "a=", nil},
		{"multipart, with charset", typed(multi + "; charset=utf-8"), parts(dispose + "\"a\"\r\n\r\n1"), "a=1", nil},
		{"multipart, two and a file", typed(multi), parts(dispose+"\"a\"\r\n\r\n1", dispose+"\"f\"; filename=\"x;.txt\"\r\nContent-Type: text/html\r\n\r\n\r\n\r\n"),
			"a=1&f=\r\n\r\n@x;.txt@text/html", nil},
		{"multipart, text part with its charset", typed(multi), parts(dispose + "\"a\"\r\ncontent-type: text/plain; charset=utf-8\r\n\r\n1"), "a=1", nil},
		{"multipart, browsers' escapes", typed(multi), parts(dispose + "\"a%22%0D%0A\"\r\n\r\n1"), "a%22%0D%0A=1", nil},
		{"multipart, odd names", typed(multi), parts(dispose + "\" us.er[x]\"\r\n\r\n1"), " us.er[x]=1", nil},
		{"multipart, no end of line", typed(multi), strings.TrimSuffix(parts(dispose+"\"a\"\r\n\r\n1"), "\r\n"), "a=1", nil},
		refused("no boundary", typed(typeFormData), parts(dispose+"\"a\"\r\n\r\n1")),
		refused("empty boundary", typed(typeFormData+`; boundary=""`), parts(dispose+"\"a\"\r\n\r\n1")),
		refused("two boundaries", typed(multi+"; boundary=C"), parts(dispose+"\"a\"\r\n\r\n1")),
		refused("xboundary", typed(typeFormData+"; xboundary=C; boundary=B"), parts(dispose+"\"a\"\r\n\r\n1")),
		refused("boundary*", typed(typeFormData+"; boundary*0=B"), parts(dispose+"\"a\"\r\n\r\n1")),
		refused("escaped boundary", typed(typeFormData+`; boundary="\B"`), parts(dispose+"\"a\"\r\n\r\n1")),
		refused("half-quoted boundary", typed(typeFormData+`; boundary="B`), parts(dispose+"\"a\"\r\n\r\n1")),
		refused("boundary with a comma", typed(typeFormData+`; boundary=B,C`), parts(dispose+"\"a\"\r\n\r\n1")),
		refused("long boundary", typed(typeFormData+"; boundary="+strings.Repeat("B", 71)), parts(dispose+"\"a\"\r\n\r\n1")),
		refused("multipart/mixed", typed("multipart/mixed; boundary=B"), parts(dispose+"\"a\"\r\n\r\n1")),
		refused("text before", typed(multi), "x\r\n"+parts(dispose+"\"a\"\r\n\r\n1")),
		refused("a line before", typed(multi), "\r\n"+parts(dispose+"\"a\"\r\n\r\n1")),
		refused("text behind", typed(multi), parts(dispose+"\"a\"\r\n\r\n1")+"x"),
		refused("parts behind the end", typed(multi), parts(dispose+"\"a\"\r\n\r\n1")+parts(dispose+"\"a\"\r\n\r\n2")),
		refused("cut off", typed(multi), "--B\r\n"+dispose+"\"a\"\r\n\r\n1"),
		refused("only LF", typed(multi), strings.ReplaceAll(parts(dispose+"\"a\"\r\n\r\n1"), "\r\n", "\n")),
		refused("LF in the header", typed(multi), parts(dispose+"\"a\"\nX: y\r\n\r\n1")),
		refused("LF before the boundary", typed(multi), "--B\r\n"+dispose+"\"a\"\r\n\r\n1\n--B--\r\n"),
		refused("LF and boundary in a value", typed(multi), parts(dispose+"\"a\"\r\n\r\n1\n--B\r\n"+dispose+"\"b\"\r\n\r\n2")),
		refused("boundary in a value", typed(multi), parts(dispose+"\"a\"\r\n\r\nx--Bx")),
		refused("boundary and a space", typed(multi), "--B \r\n"+dispose+"\"a\"\r\n\r\n1\r\n--B--\r\n"),
		refused("no header", typed(multi), parts("\r\n1")),
		refused("no blank line", typed(multi), parts(dispose+"\"a\"")),
		refused("folded header", typed(multi), parts(dispose+"\"a\"\r\n ; filename=\"x\"\r\n\r\n1")),
		refused("two dispositions", typed(multi), parts(dispose+"\"a\"\r\n"+dispose+"\"b\"\r\n\r\n1")),
		refused("another header", typed(multi), parts(dispose+"\"a\"\r\nX: y\r\n\r\n1")),
		refused("base64", typed(multi), parts(dispose+"\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ==")),
		refused("two names", typed(multi), parts(dispose+"\"a\"; name=\"b\"\r\n\r\n1")),
		refused("name and name*", typed(multi), parts(dispose+"\"a\"; name*=utf-8''b\r\n\r\n1")),
		refused("filename*", typed(multi), parts(dispose+"\"a\"; filename*=utf-8''b\r\n\r\n1")),
		refused("two filenames", typed(multi), parts(dispose+"\"a\"; filename=\"b\"; filename=\"c\"\r\n\r\n1")),
		refused("name behind filename", typed(multi), parts("Content-Disposition: form-data; filename=\"x\"; name=\"a\"\r\n\r\n1")),
		refused("unquoted name", typed(multi), parts(dispose+"a\r\n\r\n1")),
		refused("single quotes", typed(multi), parts(dispose+"'a'\r\n\r\n1")),
		refused("backslash", typed(multi), parts(dispose+"\"a\\\"b\"\r\n\r\n1")),
		refused("open quote", typed(multi), parts(dispose+"\"a\r\n\r\n1")),
		refused("encoded word", typed(multi), parts(dispose+"\"=?utf-8?q?user?=\"\r\n\r\n1")),
		refused("escaped name", typed(multi), parts(dispose+"\"%75ser\"\r\n\r\n1")),
		refused("empty name", typed(multi), parts(dispose+"\"\"\r\n\r\n1")),
		refused("NUL in a name", typed(multi), parts(dispose+"\"a\x00b\"\r\n\r\n1")),
		refused("attachment", typed(multi), parts("Content-Disposition: attachment; name=\"a\"\r\n\r\n1")),
		refused("text part in utf-16", typed(multi), parts(dispose+"\"a\"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n1")),
		refused("text part of another type", typed(multi), parts(dispose+"\"a\"\r\nContent-Type: application/json\r\n\r\n1")),
		refused("parts in a part", typed(multi), parts(dispose+"\"a\"; filename=\"x\"\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n1")),

		{"json", typed(js), ` {"user":"al\u0069ce","n":1,"o":{"a":[1, 2]},"z":null}` + "\n", `user=alice&n=1&o={"a":[1, 2]}&z=null`, nil},
		{"json of another kind", typed("application/ld+json; charset=utf-8"), `{"a":true}`, "a=true", nil},
		{"json, escaped key", typed(js), `{"pass\u0077ord":"x"}`, "password=x", nil},
		{"json, key twice", typed(js), `{"a":1,"a":2}`, "a=1&a=2", nil},
		{"json, empty", typed(js), `{}`, "", nil},
		refused("json array", typed(js), `[{"a":1}]`),
		refused("json text", typed(js), `"a"`),
		refused("json, cut off", typed(js), `{"a":1`),
		refused("json, more behind", typed(js), `{"a":1}{"a":2}`),
		refused("json, trailing comma", typed(js), `{"a":1,}`),
		refused("json, single quotes", typed(js), `{'a':1}`),
		refused("json, comment", typed(js), `{"a":1/**/}`),
		refused("json, BOM", typed(js), "\xef\xbb\xbf{}"),
		refused("json, not UTF-8", typed(js), "{\"a\":\"\xe3\"}"),
		refused("json in windows-1256", typed(js+"; charset=windows-1256"), `{"a":1}`),
		refused("json, spaces only", typed(js), " "),
		{"json, too many", typed(js), "{" + strings.Repeat(`"a":1,`, maxParams) + `"a":1}`, "", ErrTooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, test.run)
	}
}

type formCase struct {
	name   string
	header http.Header
	body   string
	want   string
	err    error
}

func (c formCase) run(t *testing.T) {
	f, raw, err := ReadForm(c.header, strings.NewReader(c.body), 100_000)
	if !errors.Is(err, c.err) || err != nil && c.err == nil {
		t.Fatalf("ReadForm(%v, %.200q): %v, want %v", c.header, c.body, err, c.err)
	}
	if err != nil {
		if raw != nil || f.fields != nil {
			t.Errorf("what was refused is handed out: %q", raw)
		}
		return
	}
	if got := flat(f); got != c.want || string(raw) != c.body {
		t.Errorf("ReadForm(%v, %q) = %q with body %q, want %q", c.header, c.body, got, raw, c.want)
	}
}

func TestReadFormBody(t *testing.T) {
	if f, raw, err := ReadForm(nil, nil, 10); err != nil || raw != nil || f.Names() != nil {
		t.Errorf("no body: %v, %q", err, raw)
	}
	broken := errors.New("connection reset")
	if _, _, err := ReadForm(typed(typeURLEncoded), iotest.ErrReader(broken), 10); !errors.Is(err, broken) {
		t.Errorf("broken body: %v", err)
	}
	limited := http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("a=12345")), 3)
	if _, _, err := ReadForm(typed(typeURLEncoded), limited, 10); !errors.Is(err, ErrTooLarge) {
		t.Errorf("body over an outer limit: %v", err)
	}
	if _, raw, err := ReadForm(typed(typeURLEncoded), strings.NewReader("a=1"), 3); err != nil || string(raw) != "a=1" {
		t.Errorf("body of the limit's size: %v", err)
	}
}

func FuzzReadForm(f *testing.F) {
	f.Add(typeURLEncoded, "user=a&pass=%26")
	f.Add(typeFormData+"; boundary=B", parts(dispose+"\"a\"\r\n\r\n1", dispose+"\"f\"; filename=\"x\"\r\nContent-Type: text/html\r\n\r\n"))
	f.Add(typeFormData+`; boundary="--"`, "----\r\n\r\n----")
	f.Add(typeJSON, `{"a":{"b":[1]},"a":"\ud800"}`)
	f.Add("multipart/form-data;boundary=;charset=", "--")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		form, raw, err := ReadForm(typed(contentType), strings.NewReader(body), 1<<16)
		if err == nil && string(raw) != body {
			t.Errorf("ReadForm(%q, %q) hands out %q", contentType, body, raw)
		}
		if err != nil && form.Names() != nil {
			t.Errorf("ReadForm(%q, %q): %v with fields", contentType, body, err)
		}
	})
}
