package gateway_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"doorcode/gateway"
)

// absolute is an application that writes whole addresses of itself into everything.
func absolute(w http.ResponseWriter, r *http.Request, app http.Handler) {
	self := "http://" + r.Context().Value(http.LocalAddrContextKey).(fmt.Stringer).String()
	text := fmt.Sprintf(`<a href="%s/a">a</a><script>var u = "%s\/";</script><a href="http://erp.lan/b">b</a>`, self, strings.ReplaceAll(self, "/", `\/`))
	h := w.Header()
	kind := "text/html; charset=windows-1256"
	switch r.URL.Path {
	case "/away":
		h.Set("Location", "http://erp.lan/x?y=1")
		h.Set("Refresh", "5; url="+self+"/x")
		w.WriteHeader(http.StatusFound)
		return
	case "/links.css":
		kind = "text/css"
	case "/links.php":
	default:
		app.ServeHTTP(w, r)
		return
	}
	h.Set("Content-Type", kind)
	h.Set("ETag", `"v1"`)
	h.Set("Accept-Ranges", "bytes")
	h.Set("Link", "<http://erp.lan/next>; rel=next")
	h.Set("X-Asked", r.Header.Get("Accept-Encoding")+"|"+r.Header.Get("Range"))
	body := []byte("\xc7\xe1" + text) // two Arabic letters, no UTF-8
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(body)
		z.Close()
		h.Set("Content-Encoding", "gzip")
		body = packed.Bytes()
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

func rewriting(c *gateway.Config) {
	c.Rewrite.HTML = true
	c.Rewrite.Addresses = []*url.URL{{Scheme: "http", Host: "erp.lan"}}
}

func unzip(t *testing.T, packed string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(packed))
	must(t, err)
	text, err := io.ReadAll(z)
	must(t, err)
	return string(text)
}

// The application leads past the gateway, by redirects and by links in its pages, packed or not.
func TestThreat_E6_LinksPastTheGateway(t *testing.T) {
	h := bentHouse(t, plan{config: rewriting}, absolute)
	b := h.ready(true)
	want := "\xc7\xe1" + fmt.Sprintf(`<a href="%s/a">a</a><script>var u = "%s\/";</script><a href="%s/b">b</a>`, h.url, strings.ReplaceAll(h.url, "/", `\/`), h.url)
	for coding, asked := range map[string]string{"": "identity", "gzip, deflate, br, zstd": "gzip", "br": "identity", "gzip;q=0, br": "identity"} {
		a := b.get("/links.php", "Accept-Encoding", coding, "Range", "bytes=2-")
		body := a.body
		if asked == "gzip" {
			body = unzip(t, body)
		}
		if body != want {
			t.Errorf("Accept-Encoding %q:\n got %q\nwant %q", coding, body, want)
		}
		if got := a.Header.Get("X-Asked"); got != asked+"|" {
			t.Errorf("Accept-Encoding %q: the application was asked for %q", coding, got)
		}
		if a.Header.Get("Content-Length") != "" || a.Header.Get("Accept-Ranges") != "" || a.Header.Get("Etag") != `W/"v1"` || a.Header.Get("Link") != "<"+h.url+"/next>; rel=next" {
			t.Errorf("header of another body: %v", a.Header)
		}
	}
	if a := b.do("HEAD", "/links.php", ""); a.Header.Get("Content-Length") != "" || a.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %d, %v", a.StatusCode, a.Header)
	}
	a := b.get("/away")
	if a.to() != h.url+"/x?y=1" || a.Header.Get("Refresh") != "5; url="+h.url+"/x" {
		t.Errorf("redirected to %q, refreshed to %q", a.to(), a.Header.Get("Refresh"))
	}
}

// What is no page, or where nobody asked for it, goes through byte for byte.
func TestBodiesThatAreNotTouched(t *testing.T) {
	h := bentHouse(t, plan{config: rewriting}, absolute)
	b := h.ready(true)
	if a := b.get("/links.css", "Accept-Encoding", "identity"); !strings.Contains(a.body, h.up.URL) || a.Header.Get("Etag") != `"v1"` || a.Header.Get("Content-Length") == "" {
		t.Errorf("a stylesheet: %v %q", a.Header, a.body)
	}
	off := bentHouse(t, plan{}, absolute)
	b = off.ready(true)
	a := b.get("/links.php", "Accept-Encoding", "br, gzip", "Range", "bytes=2-")
	if a.Header.Get("X-Asked") != "br, gzip|bytes=2-" || a.Header.Get("Content-Length") == "" || !strings.Contains(unzip(t, a.body), off.up.URL) {
		t.Errorf("without rewrite: %v", a.Header)
	}
}

// The login page's form may name any of the application's addresses, and its answer to a wrong password has links too.
func TestLoginOfAnAbsoluteApplication(t *testing.T) {
	h := bentHouse(t, plan{config: rewriting}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.URL.Path != "/login.php" {
			app.ServeHTTP(w, r)
			return
		}
		recorded := httptest.NewRecorder()
		app.ServeHTTP(recorded, r)
		maps.Copy(w.Header(), recorded.Header())
		w.WriteHeader(recorded.Code)
		io.WriteString(w, strings.ReplaceAll(recorded.Body.String(), `action="/login.php"`, `action="http://erp.lan/login.php"`))
	})
	b := h.browser()
	if a := b.get("/login.php"); !strings.Contains(a.body, `action="`+h.url+`/login.php"`) {
		t.Errorf("the login page: %s", a.body)
	}
	if a := b.post("/login.php", url.Values{"username": {"alice"}, "password": {"wrong"}}); !strings.Contains(a.body, "wrong password") || !strings.Contains(a.body, `action="`+h.url+`/login.php"`) {
		t.Errorf("after a wrong password: %d %s", a.StatusCode, a.body)
	}
	h.wantCodePage(b.login("alice"))
}

// A page that comes in pieces is passed on in pieces, packed or not.
func TestRewrittenPageInPieces(t *testing.T) {
	for _, coding := range []string{"identity", "gzip"} {
		t.Run(coding, func(t *testing.T) {
			step := make(chan struct{})
			h := bentHouse(t, plan{config: rewriting}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
				if r.URL.Path != "/slow.php" {
					absolute(w, r, app)
					return
				}
				inPieces(w, r.Header.Get("Accept-Encoding") == "gzip", step)
			})
			b := h.ready(true)
			req, err := http.NewRequest("GET", h.url+"/slow.php", nil)
			must(t, err)
			req.Header.Set("Accept-Encoding", coding)
			res, err := b.client.Do(req)
			must(t, err)
			defer res.Body.Close()
			var page io.Reader = res.Body
			if coding == "gzip" {
				page, err = gzip.NewReader(res.Body)
				must(t, err)
			}
			for _, want := range []string{"<p>one</p>", "<p>two</p>"} {
				got := make([]byte, len(want))
				if _, err := io.ReadFull(page, got); string(got) != want || err != nil {
					t.Fatalf("%q, %v; want %q before the page goes on", got, err, want)
				}
				step <- struct{}{}
			}
			rest, err := io.ReadAll(page)
			if want := `<a href="` + h.url + `/a">`; err != nil || string(rest) != want {
				t.Errorf("the rest: %q, %v; want %q", rest, err, want)
			}
		})
	}
}

// inPieces writes a page and waits for a step after each piece.
func inPieces(w http.ResponseWriter, packed bool, step <-chan struct{}) {
	w.Header().Set("Content-Type", "text/html")
	var to io.Writer = w
	flush := http.NewResponseController(w).Flush
	if packed {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		to, flush = z, func() error { return errors.Join(z.Flush(), http.NewResponseController(w).Flush()) }
	}
	for _, piece := range []string{"<p>one</p>", "<p>two</p>"} {
		io.WriteString(to, piece)
		flush()
		<-step
	}
	io.WriteString(to, `<a href="http://erp.lan/a">`)
}
