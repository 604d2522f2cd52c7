package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"doorcode/gateway"
	"doorcode/testdata/naive"
)

// newHouseBeside is a house whose upstream answers what begins with /odd by the given handler and is the naive one otherwise.
func newHouseBeside(t *testing.T, p plan, odd http.HandlerFunc) *house {
	t.Helper()
	usual := naive.New(p.naive)
	p.upstream = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/odd") {
			odd(w, r)
			return
		}
		usual.ServeHTTP(w, r)
	})
	h := newHouse(t, p)
	h.naive = usual
	return h
}

// request makes a request of this browser's for send.
func (b *browser) request(method, target string, body io.Reader, header ...string) *http.Request {
	b.h.t.Helper()
	req, err := http.NewRequestWithContext(b.h.t.Context(), method, b.h.url+target, body)
	must(b.h.t, err)
	req.Header.Set("User-Agent", b.agent)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

// send sends a request and leaves the answer's body to the test.
func (b *browser) send(req *http.Request) *http.Response {
	b.h.t.Helper()
	res, err := b.client.Do(req)
	must(b.h.t, err)
	b.h.t.Cleanup(func() { res.Body.Close() })
	return res
}

// within fails the test when what it waits for does not come: a thing that is held back would otherwise wait for ever.
func within[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s did not come", what)
	}
	return v
}

// An upload goes up while it comes in, whatever its kind: the upstream has the beginning before the browser has sent the end.
func TestProxyUploadStreams(t *testing.T) {
	began, ended := make(chan string), make(chan int64)
	h := newHouseBeside(t, plan{}, func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 8<<10)
		_, err := io.ReadFull(r.Body, first)
		if err != nil {
			t.Error(err)
		}
		began <- fmt.Sprint(r.ContentLength, r.TransferEncoding)
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		ended <- n + int64(len(first))
	})
	b := h.browser()
	b.enterWith("alice")
	const boundary = "------------------------0123456789abcdef"
	kinds := []struct{ kind, head string }{
		{"application/octet-stream", ""},
		{"application/x-www-form-urlencoded", "note="},
		{"multipart/form-data; boundary=" + boundary, "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"},
		{"application/json", `{"note":"`},
	}
	tails := []string{"", "", "\r\n--" + boundary + "--\r\n", `"}`}
	for i, k := range kinds {
		for _, length := range []string{"unknown", "known"} {
			t.Run(k.kind[:16]+" "+length, func(t *testing.T) {
				half := strings.Repeat("0123456789abcdef", 4<<10)
				total := int64(len(k.head) + 2*len(half) + len(tails[i]))
				pipe, rest := io.Pipe()
				req := b.request("POST", "/odd/upload", pipe, "Content-Type", k.kind)
				want := "-1 [chunked]"
				if length == "known" {
					req.ContentLength, want = total, fmt.Sprint(total, []string(nil))
				}
				var sent sync.WaitGroup
				defer sent.Wait()
				sent.Go(func() {
					res, err := b.client.Do(req)
					if err != nil {
						t.Error(err)
						return
					}
					res.Body.Close()
				})
				go io.WriteString(rest, k.head+half)
				if got := within(t, began, "the beginning of the body"); got != want {
					t.Errorf("length and encoding at the upstream %q, want %q", got, want)
				}
				go func() {
					io.WriteString(rest, half+tails[i])
					rest.Close()
				}()
				if got := within(t, ended, "the end of the body"); got != total {
					t.Errorf("%d bytes arrived, want %d", got, total)
				}
			})
		}
	}
}

// A download, or an upload, of any size costs a copy's buffer. The bytes allocated for all three parties together are counted.
func TestProxyMemoryIsFlat(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	h := newHouseBeside(t, plan{}, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})
	b := h.browser()
	b.enterWith("alice")
	allocated := func(f func()) int64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return int64(after.TotalAlloc - before.TotalAlloc)
	}
	const most = 8 << 20
	if n := allocated(func() {
		res := b.send(b.request("GET", "/download?size="+strconv.FormatInt(size, 10), nil))
		if n, err := io.Copy(io.Discard, res.Body); err != nil || n != size {
			t.Fatalf("%d bytes of %d, %v", n, size, err)
		}
	}); n > most {
		t.Errorf("a download of %d MiB allocated %d MiB", size>>20, n>>20)
	}
	if n := allocated(func() {
		req := b.request("POST", "/odd/upload", io.LimitReader(zeros{}, size), "Content-Type", "application/octet-stream")
		res := b.send(req)
		if said, err := io.ReadAll(res.Body); err != nil || string(said) != fmt.Sprint(size, nil) {
			t.Fatalf("%q, %v", said, err)
		}
	}); n > most {
		t.Errorf("an upload of %d MiB allocated %d MiB", size>>20, n>>20)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// Each event reaches the browser before the upstream thinks of the next one; likewise a page that an application writes piece by piece.
func TestProxyFlushes(t *testing.T) {
	next := make(chan string)
	h := newHouseBeside(t, plan{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		for {
			select {
			case text := <-next:
				if text == "" {
					return
				}
				io.WriteString(w, text)
				http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	b := h.browser()
	b.enterWith("alice")
	for _, kind := range []string{"text/event-stream", "text/html"} {
		go func() { next <- "data: 0\n" }()
		res := b.send(b.request("GET", "/odd/stream?type="+url.QueryEscape(kind), nil))
		lines, r := make(chan string), bufio.NewReader(res.Body)
		for i := range 5 {
			go func() {
				line, err := r.ReadString('\n')
				lines <- fmt.Sprint(line, err)
			}()
			if got, want := within(t, lines, "an event"), fmt.Sprintf("data: %d\n<nil>", i); got != want {
				t.Errorf("%s: got %q, want %q", kind, got, want)
			}
			if i < 4 {
				next <- fmt.Sprintf("data: %d\n", i+1)
			}
		}
		next <- ""
	}
}

func TestProxyWebSocket(t *testing.T) {
	h := newHouse(t, plan{})
	member, visitor := h.browser(), h.browser()
	member.enterWith("alice")
	visitor.get("/login.php")
	dial := func(b *browser) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(h.url, "http")+"/ws", &websocket.DialOptions{HTTPClient: b.client})
	}
	c, _, err := dial(member)
	must(t, err)
	defer c.CloseNow()
	for _, text := range []string{"hello", strings.Repeat("مرحبا", 2000)} {
		must(t, c.Write(t.Context(), websocket.MessageText, []byte(text)))
		if kind, echo, err := c.Read(t.Context()); err != nil || kind != websocket.MessageText || string(echo) != text {
			t.Fatalf("echo of %d bytes: %v %d bytes, %v", len(text), kind, len(echo), err)
		}
	}
	before := len(h.naive.Requests())
	if _, res, err := dial(visitor); err == nil || res == nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a visitor's WebSocket: %v, %v", res, err)
	}
	if after := len(h.naive.Requests()); after != before {
		t.Error("a visitor's WebSocket reached the upstream")
	}
	must(t, c.Close(websocket.StatusNormalClosure, "")) // and the upstream answers the close
}

// What HTTP has beside head and body passes: trailers, early hints, HEAD, ranges, conditions, compressed bodies.
func TestProxyPasses(t *testing.T) {
	packed := []byte("\x1f\x8b not really gzip, and none of our business")
	changed := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := newHouseBeside(t, plan{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/odd/trailer":
			w.Header().Set("Trailer", "X-Sum")
			io.WriteString(w, "body")
			w.Header().Set("X-Sum", "42")
			w.Header().Set(http.TrailerPrefix+"X-Unannounced", "43")
		case "/odd/hints":
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			io.WriteString(w, "page")
		case "/odd/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("X-Asked", r.Header.Get("Accept-Encoding"))
			w.Write(packed)
		case "/odd/file":
			w.Header().Set("Etag", `"v1"`)
			http.ServeContent(w, r, "file.txt", changed, strings.NewReader("0123456789"))
		}
	})
	b := h.browser()
	b.enterWith("alice")
	t.Run("trailers", func(t *testing.T) {
		res := b.send(b.request("GET", "/odd/trailer", nil))
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != "body" || res.Trailer.Get("X-Sum") != "42" || res.Trailer.Get("X-Unannounced") != "43" {
			t.Errorf("%q, trailers %v, %v", body, res.Trailer, err)
		}
	})
	t.Run("early hints", func(t *testing.T) {
		var hints []string
		req := b.request("GET", "/odd/hints", nil)
		res := b.send(req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h.Get("Link")))
			return nil
		}})))
		if body, _ := io.ReadAll(res.Body); string(body) != "page" || !slices.Equal(hints, []string{"103</a.css>; rel=preload"}) {
			t.Errorf("%q after %q", body, hints)
		}
	})
	t.Run("gzip", func(t *testing.T) {
		for _, asked := range []string{"gzip, br", ""} {
			res := b.send(b.request("GET", "/odd/gzip", nil, "Accept-Encoding", asked))
			if body, _ := io.ReadAll(res.Body); !bytes.Equal(body, packed) || res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("X-Asked") != asked {
				t.Errorf("asked for %q: %q, %v", asked, body, res.Header)
			}
		}
	})
	for _, c := range []struct {
		name, method string
		header       []string
		status       int
		body         string
	}{
		{"HEAD", "HEAD", nil, 200, ""},
		{"range", "GET", []string{"Range", "bytes=2-4"}, 206, "234"},
		{"if-range", "GET", []string{"Range", "bytes=2-4", "If-Range", `"v0"`}, 200, "0123456789"},
		{"beyond", "GET", []string{"Range", "bytes=20-"}, 416, "invalid range: failed to overlap\n"},
		{"etag", "GET", []string{"If-None-Match", `"v1"`}, 304, ""},
		{"date", "GET", []string{"If-Modified-Since", changed.Format(http.TimeFormat)}, 304, ""},
		{"if-match", "GET", []string{"If-Match", `"v0"`}, 412, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := b.do(c.method, "/odd/file", "", c.header...)
			if a.StatusCode != c.status || a.body != c.body {
				t.Errorf("%d %q, want %d %q", a.StatusCode, a.body, c.status, c.body)
			}
			if c.method == "HEAD" && a.ContentLength != 10 {
				t.Errorf("length %d", a.ContentLength)
			}
		})
	}
}

// Odd but ordinary addresses of members go up byte for byte.
func TestProxyOddAddresses(t *testing.T) {
	var mu sync.Mutex
	var got string
	h := newHouseBeside(t, plan{}, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = r.RequestURI
	})
	b := h.browser()
	b.enterWith("alice")
	for _, target := range []string{
		"/odd/a?x=%zz", "/odd/a?x=1;y=2", "/odd/a?x=%u0645%u0646", "/odd/a?", "/odd/a??x", "/odd/a?x=a+b%20c&&=&x", "/odd/a?q=\u0645", "/odd/a?x=[1]&y={}|^`",
		"/odd/A;B", "/odd//x", "/odd/a%2Fb", "/odd/100%25", "/odd/%D9%85?%d9%85", "/odd/a:b@c", "/odd/(a)!$&'*+,=~", "/odd/x/",
	} {
		status, body := rawRequest(t, h, "GET "+target+" HTTP/1.1\r\nHost: "+h.server.Listener.Addr().String()+"\r\nCookie: "+cookieHeader(b)+"\r\nConnection: close\r\n\r\n")
		mu.Lock()
		if status != 200 || got != target {
			t.Errorf("%s: %d, the upstream got %s: %s", target, status, got, body)
		}
		got = ""
		mu.Unlock()
	}
}

func cookieHeader(b *browser) string {
	var all []string
	for _, c := range b.jar.Cookies(parseURL(b.h.t, b.h.url)) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

// rawRequest sends bytes as they are and reads one answer.
func rawRequest(t *testing.T, h *house, text string) (status int, body string) {
	t.Helper()
	c, err := net.Dial("tcp", h.server.Listener.Addr().String())
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	go io.WriteString(c, text)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	must(t, err)
	read, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(read)
}

// Connections to the upstream are used again, by logins too, and no more of them are opened than there are requests at once.
func TestProxyKeepsConnections(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	arrived, all := make(chan bool), make(chan bool)
	h := newHouseBeside(t, plan{}, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.RemoteAddr] = true
		mu.Unlock()
		if r.URL.Path == "/odd/together" {
			arrived <- true
			<-all
		}
	})
	b := h.browser()
	b.enterWith("alice")
	for range 20 {
		b.get("/odd/alone")
		b.get("/invoice.php?id=7")
	}
	if len(seen) != 1 {
		t.Errorf("%d connections for one request after another", len(seen))
	}
	const together = 8
	for range 3 {
		var wg sync.WaitGroup
		for range together {
			wg.Go(func() { b.get("/odd/together") })
		}
		for range together {
			within(t, arrived, "a request")
		}
		for range together {
			all <- true
		}
		wg.Wait()
	}
	if len(seen) > together {
		t.Errorf("%d connections for %d requests at once", len(seen), together)
	}
}

// What the upstream is told: the host that upstream.host says, and the address that the browser used.
func TestProxyHostAndForwarded(t *testing.T) {
	lie := []string{
		"X-Forwarded-For", "203.0.113.9, 198.51.100.7", "X-Real-IP", "203.0.113.9", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "gopher",
		"Forwarded", "for=203.0.113.9", "X-Forwarded-Port", "1", "X-Original-URL", "/admin", "Connection", "X-Forwarded-For, Cookie",
	}
	for _, c := range []struct {
		name, host, ask string
		trusted         []string
		want            map[string]string // @ stands for the gateway's own address, ^ for the upstream's
	}{
		{"public", "", "@", nil, map[string]string{"Host": "@", "X-Forwarded-Host": "@", "X-Forwarded-Proto": "http", "X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1"}},
		{"own", "^", "@", nil, map[string]string{"Host": "^", "X-Forwarded-Host": "@", "X-Forwarded-Proto": "http"}},
		{"name", "app.internal", "@", nil, map[string]string{"Host": "app.internal", "X-Forwarded-Host": "@"}},
		{"the other address", "", "books.example.com", nil, map[string]string{"Host": "books.example.com", "X-Forwarded-Host": "books.example.com", "X-Forwarded-Proto": "https"}},
		{"its port written out", "", "BOOKS.example.com:443", nil, map[string]string{"Host": "books.example.com", "X-Forwarded-Proto": "https"}},
		{"trusted proxy", "", "@", []string{"127.0.0.0/8"}, map[string]string{"Host": "@", "X-Forwarded-For": "198.51.100.7", "X-Real-Ip": "198.51.100.7", "X-Forwarded-Host": "@"}},
		{"two trusted proxies", "", "@", []string{"127.0.0.0/8", "198.51.100.0/24"}, map[string]string{"X-Forwarded-For": "203.0.113.9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			told := make(chan http.Header, 1)
			odd := func(w http.ResponseWriter, r *http.Request) {
				h := r.Header.Clone()
				h.Set("Host", r.Host)
				told <- h
			}
			var upstream string
			h := newHouseBeside(t, plan{config: func(g *gateway.Config) {
				upstream = g.Upstream.URL.Host
				g.Upstream.Host = strings.ReplaceAll(c.host, "^", upstream)
				g.PublicURLs = append(g.PublicURLs, &url.URL{Scheme: "https", Host: "books.example.com"})
				g.Public = append(g.Public, rule(t, "", "/odd/*"))
				for _, p := range c.trusted {
					g.TrustedProxies = append(g.TrustedProxies, netip.MustParsePrefix(p))
				}
			}}, odd)
			b := h.browser()
			req := b.request("GET", "/odd/x", nil, lie...)
			here := strings.TrimPrefix(h.url, "http://")
			req.Host = strings.ReplaceAll(c.ask, "@", here)
			b.send(req)
			got := within(t, told, "the request")
			for name, want := range c.want {
				if want = strings.ReplaceAll(strings.ReplaceAll(want, "@", here), "^", upstream); got.Get(name) != want || len(got[name]) != 1 {
					t.Errorf("%s: %q, want %q", name, got[name], want)
				}
			}
			for _, name := range []string{"Forwarded", "X-Forwarded-Port", "X-Original-Url"} {
				if got.Get(name) != "" {
					t.Errorf("%s arrived: %q", name, got.Get(name))
				}
			}
		})
	}
}

// A trusted proxy that names no address leaves the client unknown: the upstream is told nothing rather than garbage, or the proxy's own address.
func TestProxyUnknownClient(t *testing.T) {
	told := make(chan http.Header, 1)
	h := newHouseBeside(t, plan{config: func(g *gateway.Config) {
		g.Public = append(g.Public, rule(t, "", "/odd/*"))
		g.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}}, func(_ http.ResponseWriter, r *http.Request) { told <- r.Header.Clone() })
	h.browser().get("/odd/x", "X-Forwarded-For", "garbage")
	if got := within(t, told, "the request"); got["X-Forwarded-For"] != nil || got["X-Real-Ip"] != nil {
		t.Errorf("the upstream was told %q and %q", got["X-Forwarded-For"], got["X-Real-Ip"])
	}
}

// Addresses of the upstream's own in an answer become the address that the browser used; others stay letter for letter.
func TestProxyRewritesAddresses(t *testing.T) {
	var answer http.Header
	var mu sync.Mutex
	var upstream string
	h := newHouseBeside(t, plan{config: func(g *gateway.Config) {
		upstream = g.Upstream.URL.Host
		g.Upstream.Host = "app.internal"
		g.PublicURLs = append(g.PublicURLs, &url.URL{Scheme: "https", Host: "books.example.com"})
		g.Upstream.URL = &url.URL{Scheme: "http", Host: upstream}
	}}, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(w.Header(), answer)
		w.WriteHeader(http.StatusCreated) // not 302: the test's own client would read the address too
	})
	b := h.browser()
	b.enterWith("alice")
	for _, c := range []struct{ wrote, want string }{
		{"http://^/home.php?a=b#c", "@/home.php?a=b#c"},
		{"http://^", "@"},
		{"http://^?x", "@?x"},
		{"//^/x", "@/x"},
		{"http://app.internal/x", "@/x"},
		{"https://APP.internal:443/x", "@/x"},
		{"http://app.internal:80/x?u=http://app.internal/", "@/x?u=http://app.internal/"},
		{"https://books.example.com/x", "@/x"}, // the wrong scheme or the other address: the session is here
		{"/x", "/x"},
		{"x.php?a=//^/", "x.php?a=//^/"},
		{"http://elsewhere.example/http://^/", "http://elsewhere.example/http://^/"},
		{"http://app.internal.evil.example/", "http://app.internal.evil.example/"},
		{"http://app.internal:8080/x", "http://app.internal:8080/x"}, // another port is another program
		{"ftp://^/x", "ftp://^/x"},
		{"javascript:alert(1)", "javascript:alert(1)"},
		{"http://^/%zz", "@/%zz"},
		{"http://^/\u0645", "@/\u0645"},
	} {
		written := strings.ReplaceAll(c.wrote, "^", upstream)
		want := strings.ReplaceAll(strings.ReplaceAll(c.want, "@", h.url), "^", upstream)
		mu.Lock()
		answer = http.Header{
			"Location": {written}, "Content-Location": {written}, "Refresh": {"5; url=" + written},
			"Set-Cookie": {"seen=1; Domain=app.internal; Path=/"},
		}
		mu.Unlock()
		a := b.get("/odd/x")
		for name, got := range map[string]string{"Location": a.to(), "Content-Location": a.Header.Get("Content-Location"), "Refresh": strings.TrimPrefix(a.Header.Get("Refresh"), "5; url=")} {
			if got != want {
				t.Errorf("%s: %s became %s, want %s", name, written, got, want)
			}
		}
		if cookie := a.Header.Get("Set-Cookie"); cookie == "" || strings.Contains(strings.ToLower(cookie), "domain") {
			t.Errorf("cookie %q", cookie)
		}
	}
	for _, c := range []struct{ wrote, want string }{
		{"0;URL='http://^/x'", "0;URL='@/x'"},
		{`3; url="http://^/x?a=b"`, `3; url="@/x?a=b"`},
		{"3; http://^/x?a=b", "3; @/x?a=b"},
		{"3, url = http://^/x", "3, url = @/x"},
		{"30", "30"},
	} {
		mu.Lock()
		answer = http.Header{"Refresh": {strings.ReplaceAll(c.wrote, "^", upstream)}}
		mu.Unlock()
		if got, want := b.get("/odd/x").Header.Get("Refresh"), strings.ReplaceAll(c.want, "@", h.url); got != want {
			t.Errorf("Refresh: %s became %s, want %s", c.wrote, got, want)
		}
	}
}

// An upstream that is down, slow or dies is nobody's sign-out: the user reads what is the matter, in both languages, and goes on
// when it is back.
func TestProxyUpstreamTrouble(t *testing.T) {
	release := make(chan bool)
	half := strings.Repeat("half an answer ", 5000)
	h := newHouseBeside(t, plan{config: func(g *gateway.Config) { g.Upstream.AnswerTimeout = 150 * time.Millisecond }}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/odd/slow":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/odd/reset":
			panic(http.ErrAbortHandler)
		case "/odd/dies":
			w.Header().Set("Content-Length", "1000000")
			io.WriteString(w, half)
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/odd/dies-chunked":
			io.WriteString(w, half)
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	defer close(release)
	b := h.browser()
	b.enterWith("alice")
	wantPage := func(target string, status int, english, arabic string) {
		t.Helper()
		for language, want := range map[string]string{"en": english, "ar": arabic} {
			a := b.get(target, "Accept-Language", language)
			if a.StatusCode != status || !strings.Contains(a.body, want) || !strings.Contains(a.body, `lang="`+language+`"`) || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s in %s: %d %v\n%s", target, language, a.StatusCode, a.Header, a.body)
			}
		}
		if a := b.get(target, "Sec-Fetch-Mode", "cors", "Accept", "application/json"); a.StatusCode != status || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s for a script: %d %v", target, a.StatusCode, a.Header)
		}
	}
	wantPage("/odd/slow", 504, "takes too long", "يستغرق وقتاً طويلاً")
	wantPage("/odd/reset", 502, "does not answer", "لا يستجيب")
	for _, target := range []string{"/odd/dies", "/odd/dies-chunked"} {
		res := b.send(b.request("GET", target, nil))
		if res.StatusCode == http.StatusBadGateway {
			res.Body.Close()
			continue // nothing of it arrived, and that is what the page says
		}
		// How much of the first half arrives is the network's affair: a reset throws away what is on its way.
		if body, err := io.ReadAll(res.Body); err == nil || !strings.HasPrefix(half, string(body)) {
			t.Errorf("%s: an answer that was cut off looks whole: %d bytes, %v", target, len(body), err)
		}
	}
	b.wantMember("alice")

	address := h.up.Listener.Addr().String()
	handler := h.up.Config.Handler
	h.up.CloseClientConnections()
	h.up.Close()
	wantPage("/invoice.php?id=7", 502, "does not answer", "لا يستجيب")
	other := h.browser()
	if a := other.get("/login.php"); a.StatusCode != 502 {
		t.Errorf("the login page of an upstream that is down: %d", a.StatusCode)
	}
	if h.live.Len() != 1 {
		t.Errorf("%d live sessions", h.live.Len())
	}
	listener, err := net.Listen("tcp", address)
	must(t, err)
	back := &http.Server{Handler: handler}
	go back.Serve(listener)
	defer back.Close()
	b.wantMember("alice")
	if strings.Contains(h.log.String(), `"level":"fatal"`) || strings.Contains(h.log.String(), "panic") {
		t.Error(h.log.String())
	}
}

// A browser that goes away ends its request at the upstream.
func TestProxyBrowserLeaves(t *testing.T) {
	began, ended := make(chan bool), make(chan bool)
	h := newHouseBeside(t, plan{}, func(_ http.ResponseWriter, r *http.Request) {
		began <- true
		<-r.Context().Done()
		ended <- true
	})
	b := h.browser()
	b.enterWith("alice")
	ctx, leave := context.WithCancel(t.Context())
	go b.client.Do(b.request("GET", "/odd/x", nil).WithContext(ctx))
	within(t, began, "the request")
	leave()
	within(t, ended, "its end")
	b.wantMember("alice")
}
