package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"doorcode/gateway/links"
	"doorcode/gateway/submit"
)

// Rewrite says how the application's own addresses become public ones.
type Rewrite struct {
	HTML      bool       // in pages too; redirects always are
	Addresses []*url.URL // further addresses that the application has or had: scheme and host only
}

// newLinks makes a Rewriter for each public address; none where pages are not touched.
func newLinks(c Config) map[*url.URL]*links.Rewriter {
	if !c.Rewrite.HTML {
		return nil
	}
	all := map[*url.URL]*links.Rewriter{}
	for _, public := range c.PublicURLs {
		own := append([]*url.URL{c.Upstream.URL}, c.Rewrite.Addresses...)
		if c.Upstream.Host != "" {
			own = append(own, &url.URL{Scheme: c.Upstream.URL.Scheme, Host: c.Upstream.Host})
		}
		if public.Scheme == "https" { // which the application may not have understood
			own = append(own, &url.URL{Scheme: "http", Host: public.Host})
		}
		all[public] = links.New(own, public)
	}
	return all
}

// askReadable asks for pages in a coding that relink can read. Everything else is passed as it is, also where it comes in this one.
func (g *Gateway) askReadable(p *passage, up http.Header) {
	if g.links == nil {
		return
	}
	coding := "identity"
	for offer := range strings.SplitSeq(strings.ToLower(strings.Join(up["Accept-Encoding"], ",")), ",") {
		if name, quality, _ := strings.Cut(strings.ReplaceAll(offer, " ", ""), ";"); name == "gzip" && quality != "q=0" {
			coding = "gzip"
		}
	}
	up["Accept-Encoding"] = []string{coding}
	if p.isPage() {
		// A part of a page would begin in the middle of what the whole of it no longer is.
		delete(up, "Range")
		delete(up, "If-Range")
	}
}

// relink puts public addresses in place of the application's own in a page that is on its way (rewrite.html, threat E6). Parts of
// a page (206) and pages in a coding that was not asked for are left alone.
func (g *Gateway) relink(p *passage, res *http.Response) {
	rewriter := g.links[p.public]
	if rewriter == nil || !isMarkup(res.Header) || res.StatusCode == http.StatusPartialContent || res.StatusCode < 200 {
		return
	}
	coding := strings.ToLower(strings.TrimSpace(strings.Join(res.Header["Content-Encoding"], ",")))
	switch coding {
	case "", "identity":
		res.Body = page{rewriter.Reader(res.Body), res.Body}
	case "gzip", "x-gzip":
		res.Body = page{&packed{from: &unpacked{packed: res.Body}, rewriter: rewriter}, res.Body}
	default:
		g.log.Warn().Str("request", p.ref()).Str("coding", clip(coding)).Msg("a page came in a coding that was not asked for: its links were not rewritten")
		return
	}
	anotherBody(res, rewriter)
}

// relinked is relink for the page of a failed login.
func (g *Gateway) relinked(v *visit, shown submit.Shown) []byte {
	rewriter := g.links[v.public]
	if rewriter == nil || !isMarkup(http.Header{"Content-Type": {shown.ContentType}}) {
		return shown.Body
	}
	return rewriter.Bytes(shown.Body)
}

// isMarkup reports whether an answer is HTML in a charset in which ASCII is ASCII.
func isMarkup(h http.Header) bool {
	kind := strings.ToLower(h.Get("Content-Type"))
	return (strings.HasPrefix(kind, "text/html") || strings.HasPrefix(kind, "application/xhtml+xml")) &&
		!strings.Contains(kind, "utf-16") && !strings.Contains(kind, "utf-32")
}

// anotherBody takes out of a header what is no longer true of the body, and mends what names addresses.
func anotherBody(res *http.Response, rewriter *links.Rewriter) {
	h := res.Header
	res.ContentLength = -1
	for _, name := range []string{"Content-Length", "Accept-Ranges", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		delete(h, name)
	}
	if tag := h.Get("Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h.Set("Etag", "W/"+tag) // the same in meaning, not byte for byte (RFC 9110 §8.8.1)
	}
	for _, name := range []string{"Link", "Content-Security-Policy", "Content-Security-Policy-Report-Only"} {
		for i, value := range h[name] {
			h[name][i] = string(rewriter.Bytes([]byte(value)))
		}
	}
}

// page is a body that is read through something.
type page struct {
	io.Reader
	io.Closer
}

// unpacked undoes gzip; the first read begins, since ModifyResponse must not wait for the body.
type unpacked struct {
	packed io.Reader
	plain  io.Reader
}

func (u *unpacked) Read(b []byte) (int, error) {
	if u.plain == nil {
		z, err := gzip.NewReader(u.packed)
		switch {
		case errors.Is(err, io.EOF):
			return 0, io.EOF // an empty body that is labelled gzip: to HEAD, or with a redirect
		case err != nil:
			return 0, err
		}
		u.plain = z
	}
	return u.plain.Read(b)
}

// packed reads a page and packs it anew, each piece as it comes: whoever waits for the next line of a slow page gets it.
type packed struct {
	from     io.Reader
	rewriter *links.Rewriter

	page  io.Reader
	piece []byte
	out   bytes.Buffer
	z     *gzip.Writer
	err   error
}

func (p *packed) Read(b []byte) (int, error) {
	if p.page == nil {
		p.page, p.piece = p.rewriter.Reader(p.from), make([]byte, 8<<10)
	}
	for p.out.Len() == 0 {
		if p.err != nil {
			return 0, p.err
		}
		p.fill()
	}
	return p.out.Read(b)
}

func (p *packed) fill() {
	var n int
	n, p.err = p.page.Read(p.piece)
	if p.z == nil && n > 0 {
		p.z = gzip.NewWriter(&p.out)
	}
	if p.z == nil {
		return // nothing stays nothing
	}
	_, _ = p.z.Write(p.piece[:n]) // into memory
	if p.err == io.EOF {
		_ = p.z.Close()
	} else {
		_ = p.z.Flush()
	}
}
