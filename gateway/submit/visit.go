package submit

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/encoding"

	"doorcode/gateway/reading"
	"doorcode/gateway/seal"
)

// maxRedirects is how many redirects are followed for one page.
const maxRedirects = 5

// errLedAway says that an address leads off the upstream, or in circles.
var errLedAway = errors.New("leads away from the application, or in circles")

// visit is one upstream session under way, told of one browser.
type visit struct {
	transport http.RoundTripper
	upstream  *url.URL
	hosts     []string // that are the upstream too
	browser   Browser
	jar       *seal.Jar
	extra     http.Header       // on the next request
	charset   encoding.Encoding // of pages that do not say theirs; nil for none
	seen      map[string]bool   // every value the jar has held, also since replaced: the leak check looks for each
}

func (s *Submitter) visit(b Browser, jar *seal.Jar) *visit {
	v := &visit{transport: s.transport, upstream: s.upstream, hosts: s.config.Hosts, browser: b, jar: jar, seen: map[string]bool{}, charset: s.config.Fields.Encoding()}
	v.remember()
	return v
}

func (v *visit) remember() {
	for _, value := range v.jar.Values() {
		v.seen[value] = true
	}
}

// header is the one place that builds the headers of form fetch, login, confirm and sign-out: an application may name its cookies
// after scheme and port (DokuWiki, phpMyAdmin), so all four must look alike to it. It is a list of what goes up and not of what does
// not: a Range, If-None-Match or Expect of the client's would bend the answer that the rules look at, and its Cookie is the one it
// held before the login (A2).
func (v *visit) header(method string) http.Header {
	names := []string{"User-Agent", "Accept-Language", "Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Forwarded-Port", "X-Forwarded-Proto", "X-Real-Ip"}
	if method == http.MethodPost {
		// The upstream's own check against forged logins still sees where this one came from: with fresh tokens on it, nothing
		// else would tell (C7).
		names = append(names, "Origin", "Referer")
	}
	h := http.Header{
		"Accept":          {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"},
		"Accept-Encoding": {"identity"},
		"User-Agent":      {""}, // else net/http would put in its own
	}
	for _, name := range names {
		if values := v.browser.Header.Values(name); len(values) > 0 {
			h[name] = append([]string(nil), values...)
		}
	}
	return h
}

func (v *visit) get(ctx context.Context, at *url.URL) (*answer, error) {
	return v.send(ctx, http.MethodGet, at, "", nil)
}

func (v *visit) post(ctx context.Context, at *url.URL, contentType string, body []byte) (*answer, error) {
	return v.send(ctx, http.MethodPost, at, contentType, body)
}

// send makes one request in this session and takes the cookies of its answer. Those of a 103 or a trailer are left where they are,
// as browsers leave them. The error is the transport's; a body that cannot be read is said in answer.broken instead, because the
// upstream has done by then what it was asked.
func (v *visit) send(ctx context.Context, method string, at *url.URL, contentType string, body []byte) (*answer, error) {
	var content io.Reader
	if method == http.MethodPost {
		content = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, v.upstream.String(), content)
	if err != nil {
		return nil, err
	}
	request.URL, request.Host, request.Header = at, v.browser.Host, v.header(method)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	maps.Copy(request.Header, v.extra)
	if cookies := v.cookies(at.EscapedPath()); cookies != "" {
		request.Header["Cookie"] = []string{cookies}
	}
	response, err := v.transport.RoundTrip(request)
	if err != nil {
		return nil, quiet(err)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 {
		return nil, fmt.Errorf("answered %d to an ordinary request", response.StatusCode)
	}
	v.jar.Take(response.Header, at.EscapedPath())
	v.remember()
	return readAnswer(at, response, v.charset), nil
}

// notHTTP stands in for an error that may quote the answer: net/http puts the line it could not read into its text, and that may be a
// Set-Cookie (C12).
type notHTTP struct{ cause error }

func (e notHTTP) Error() string { return "the answer cannot be read as HTTP" }
func (e notHTTP) Unwrap() error { return e.cause }

// quiet lets errors of the network and of time through as they are, and hides the text of all others.
func quiet(err error) error {
	var network net.Error
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &network) || errors.As(err, &certificate) || errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) {
		return err
	}
	return notHTTP{err}
}

// follow gets a page, through up to maxRedirects redirects that stay on the upstream.
func (v *visit) follow(ctx context.Context, at *url.URL) (*answer, error) {
	for range maxRedirects + 1 {
		a, err := v.get(ctx, at)
		if err != nil || !a.redirects() {
			return a, err
		}
		next, ok := v.resolve(at, a.header.Get("Location"))
		if !ok {
			return nil, errLedAway
		}
		at = next
	}
	return nil, errLedAway
}

// address is the upstream's address of an escaped path and a raw query.
func (v *visit) address(path, query string) (*url.URL, error) {
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, err
	}
	return &url.URL{Scheme: v.upstream.Scheme, Host: v.upstream.Host, Path: plain, RawPath: path, RawQuery: query}, nil
}

// resolve reads a Location or link on the page at base. What names the upstream, the Host it was told or the public address is the
// upstream's; anything else is not ours to visit with somebody's session (false).
func (v *visit) resolve(base *url.URL, reference string) (*url.URL, bool) {
	u, err := base.Parse(strings.TrimSpace(reference))
	if err != nil || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https" || !v.own(u.Host) {
		return nil, false
	}
	u.Scheme, u.Host, u.User, u.RawQuery = v.upstream.Scheme, v.upstream.Host, nil, tidyQuery(u.RawQuery)
	if u.Path == "" {
		u.Path = "/"
	}
	return u, true
}

func (v *visit) own(host string) bool {
	ours := append([]string{v.upstream.Host, v.browser.Host}, v.hosts...)
	if v.browser.Public != nil {
		ours = append(ours, v.browser.Public.Host)
	}
	for _, name := range ours {
		if name != "" && bareHost(name) == bareHost(host) {
			return true
		}
	}
	return false
}

// bareHost drops the ports that go without saying. Which of the two is not looked at: an upstream behind a gateway that ends TLS
// writes http:// where the browser uses https://.
func bareHost(host string) string {
	host = strings.ToLower(host)
	return strings.TrimSuffix(strings.TrimSuffix(host, ":80"), ":443")
}

// tidyQuery escapes what may not stand in a request line, as browsers do: Location: /login.php?message=wrong password.
func tidyQuery(raw string) string {
	var b strings.Builder
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// ledTo is where the answer to a login leads, as a path of our own origin; "" where it leads nowhere or elsewhere. One that carries a
// cookie's value is "" too: the session id in it would reach the browser unsealed (A10).
func (v *visit) ledTo(a *answer) string {
	if !a.redirects() {
		return ""
	}
	u, ok := v.resolve(a.at, a.header.Get("Location"))
	if !ok {
		return ""
	}
	u.Scheme, u.Host, u.Fragment, u.RawFragment = "", "", "", ""
	path, ok := reading.Return(u.String())
	if !ok || v.leaks(path) {
		return ""
	}
	return path
}

// cookies is the Cookie header for one request: the session's own, and the preferences that this browser keeps (cookies.keep), such
// as its language, where the session has none of that name. They open nothing: the gateway asks confirm with them alone.
func (v *visit) cookies(path string) string {
	header := v.jar.Header(path)
	if v.browser.Kept == nil {
		return header
	}
	taken := v.jar.Names()
	for pair := range strings.SplitSeq(v.browser.Kept.Header(path), "; ") {
		name, _, ok := strings.Cut(pair, "=")
		if !ok || slices.Contains(taken, name) {
			continue
		}
		if header != "" {
			header += "; "
		}
		header += pair
	}
	return header
}
