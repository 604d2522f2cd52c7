package naive

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// call is one request as the application understands it.
type call struct {
	request *http.Request
	method  string
	path    string            // loosened; PATH_INFO cut off
	fields  map[string]string // $_REQUEST: query, body and cookies, the last of a name wins
	cookies map[string]string
	body    []byte
	length  int64 // of the body
	session *session
	fresh   bool // the session is new
	user    string
}

// receive reads a request with all its bad habits. Whatever of the body arrived counts.
func (u *Upstream) receive(r *http.Request) *call {
	p := &call{request: r, method: strings.ToUpper(r.Method), fields: map[string]string{}, cookies: map[string]string{}}
	seen := Request{Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header.Clone(), At: time.Now()}
	const kept = 8 << 20 // of a form; the rest of an upload is counted only
	content, err := io.ReadAll(io.LimitReader(r.Body, kept))
	rest, err2 := io.Copy(io.Discard, r.Body)
	p.body, p.length, seen.Cut = content, int64(len(content))+rest, err != nil || err2 != nil
	seen.Body = content[:min(len(content), 64<<10)]

	target := r.RequestURI
	for _, name := range []string{"X-Original-Url", "X-Rewrite-Url"} {
		if v := r.Header.Get(name); v != "" {
			target = v
		}
	}
	escaped, query, _ := strings.Cut(target, "?")
	p.path = loosePath(escaped)
	p.addPairs(query, "&")
	p.addBody(r.Header)
	for _, pair := range strings.Split(strings.Join(r.Header["Cookie"], ";"), ";") {
		name, value, _ := strings.Cut(pair, "=")
		p.fields[foldField(name)], p.cookies[foldField(name)] = value, value
	}
	for _, name := range []string{r.Header.Get("X-Http-Method-Override"), p.fields["_method"]} {
		if name != "" {
			p.method = strings.ToUpper(name)
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests = append(u.requests, seen)
	return p
}

func (p *call) addPairs(raw, separator string) {
	for _, pair := range strings.Split(raw, separator) {
		name, value, _ := strings.Cut(pair, "=")
		p.add(unescape(name), unescape(value))
	}
}

func (p *call) add(name, value string) {
	if name = foldField(name); name != "" {
		p.fields[name] = value
	}
}

// addBody reads any body that looks like fields.
func (p *call) addBody(h http.Header) {
	body := p.body
	if h.Get("Content-Encoding") == "gzip" { // mod_deflate unpacks what comes in
		if r, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, _ = io.ReadAll(io.LimitReader(r, 1<<20))
		}
	}
	kind, parameters, _ := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		for r := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]); ; {
			part, err := r.NextRawPart()
			if err != nil {
				return
			}
			value, _ := io.ReadAll(part) // of a part that was cut off: what arrived
			p.add(part.FormName(), string(value))
		}
	case strings.Contains(kind, "json"):
		var fields map[string]any
		_ = json.Unmarshal(body, &fields)
		for name, value := range fields {
			if s, ok := value.(string); ok {
				p.add(name, s)
			}
		}
	default:
		p.addPairs(string(body), "&")
	}
}

// unescape undoes what is escaped and leaves the rest, like PHP's urldecode.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '+' {
			b.WriteByte(' ')
			continue
		}
		if s[i] == '%' && i+2 < len(s) {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// foldField is what PHP makes of a field's or cookie's name: user[], " user" and "user\x00x" are user, a.b is a_b.
func foldField(name string) string {
	name, _, _ = strings.Cut(strings.TrimLeft(name, " "), "\x00")
	name, _, _ = strings.Cut(name, "[")
	return strings.NewReplacer(".", "_", " ", "_").Replace(name)
}

// loosePath is /login.php for /LOGIN.PHP, //login.php, /x/..;/login.php, /%6cogin.php, /login.php/extra and /login.php;x=1.
func loosePath(escaped string) string {
	if u, err := url.Parse(escaped); err == nil && u.Host != "" && !strings.HasPrefix(escaped, "//") {
		escaped = u.EscapedPath()
	}
	s, _, _ := strings.Cut(strings.ReplaceAll(unescape(escaped), `\`, "/"), "\x00")
	segments := strings.Split(s, "/")
	for i, segment := range segments {
		segments[i], _, _ = strings.Cut(segment, ";")
	}
	s = strings.ToLower(path.Clean("/" + strings.Join(segments, "/")))
	if i := strings.Index(s, ".php/"); i >= 0 {
		s = s[:i+len(".php")]
	}
	return s
}

// foldUser is what a MySQL collation makes of a user name: case, accents, width and trailing spaces are no difference.
func foldUser(name string) string {
	fold := transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
	folded, _, err := transform.String(fold, name)
	if err != nil {
		folded = name
	}
	name = strings.TrimRight(strings.ToLower(folded), " ")
	return strings.TrimSuffix(name, "@example.com")
}
