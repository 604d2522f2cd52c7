package reading

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// B9, B14: what stays and what goes, side by side.
func TestClean(t *testing.T) {
	stay := []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Content-Length", "Content-Type", "Content-Encoding", "Cookie", "Dnt",
		"If-None-Match", "Origin", "Range", "Referer", "Sec-Fetch-Mode", "Sec-Websocket-Key", "Upgrade-Insecure-Requests", "User-Agent", "Via",
		"X-Requested-With", "X-Csrf-Token", "X-Xsrf-Token", "X-Auth-Token", "X-Api-Key", "Soapaction", "Depth", "Destination", "Overwrite", "Expect", "Form-X",
	}
	goers := []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-User", "X-Forwarded", "X-Forwarded-Anything",
		"X-Real-Ip", "Client-Ip", "X-Client-Ip", "True-Client-Ip", "X-Cluster-Client-Ip", "Cf-Connecting-Ip",
		"X-Original-Url", "X-Original-Uri", "X-Rewrite-Url", "X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Override-Url",
		"Remote-User", "X-Remote-User", "X-Auth-User", "X-Auth-Request-User", "X-Authenticated-User", "X-Webauth-User", "Ssl-Client-Cert", "X-Ssl-Client-Verify",
		"Proxy", "X-Host", "X-Scheme", "Front-End-Https", "X-Sendfile-Type", "X-Accel-Mapping", "X-Middleware-Subrequest",
		"X_forwarded_for", "X_Real_Ip", "X.Forwarded.For", "X-Forwarded_for", "User.Agent", "X~Forwarded~For", "Cookie_", "X Forwarded For", "X-",
	}
	h := http.Header{}
	for _, name := range slices.Concat(stay, goers) {
		h[name] = []string{"v"}
	}
	Clean(h)
	for _, name := range stay {
		if h[name] == nil {
			t.Errorf("%s went", name)
		}
	}
	for _, name := range goers {
		if h[name] != nil {
			t.Errorf("%s stayed", name)
		}
	}
}

// B9, B14: Connection takes away only what the client sent, whatever its case, before anybody reads or adds a header.
func TestCleanConnection(t *testing.T) {
	h := http.Header{
		"Connection":   {"close, COOKIE", " x-custom ,X-Forwarded-For,,\t", "accept"},
		"Cookie":       {"a=b"},
		"X-Custom":     {"1"},
		"Accept":       {"*/*"},
		"Content-Type": {typeURLEncoded},
	}
	Clean(h)
	if got := slices.Sorted(maps.Keys(h)); !slices.Equal(got, []string{"Content-Type"}) {
		t.Errorf("what stayed: %q", got)
	}
}

func TestCleanOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := http.Header{}
		for range rapid.IntRange(0, 6).Draw(t, "headers") {
			h.Add(rapid.StringMatching(`(X-|x_|)(Forwarded|Real|HTTP|Accept|Cookie)([-_.](For|Ip|Method|Host)){0,2}`).Draw(t, "name"), "v")
		}
		if names := slices.Sorted(maps.Keys(h)); len(names) > 0 {
			h.Set("Connection", strings.ToUpper(rapid.SampledFrom(names).Draw(t, "named")))
		}
		Clean(h)
		for name := range h {
			// As a CGI upstream would see it.
			if cgi := strings.ToUpper(strings.ReplaceAll(name, "-", "_")); strings.Contains(cgi, "FORWARDED") || strings.Contains(name, "_") || cgi == "X_REAL_IP" {
				t.Errorf("%s stayed", name)
			}
		}
		before := maps.Clone(h)
		if Clean(h); !maps.EqualFunc(before, h, slices.Equal) {
			t.Errorf("cleaning twice: %v, then %v", before, h)
		}
	})
}

// B8
func TestWebSocket(t *testing.T) {
	tests := []struct {
		connection, upgrade []string
		want                bool
	}{
		{[]string{"Upgrade"}, []string{"websocket"}, true},
		{[]string{"keep-alive, upgrade"}, []string{"WebSocket"}, true},
		{[]string{"keep-alive", "Upgrade"}, []string{"websocket"}, true},
		{[]string{"keep-alive"}, []string{"websocket"}, false},
		{nil, []string{"websocket"}, false},
		{[]string{"Upgrade"}, nil, false},
		{[]string{"Upgrade, HTTP2-Settings"}, []string{"h2c"}, false},
		{[]string{"Upgrade"}, []string{"websocket, h2c"}, false},
		{[]string{"Upgrade"}, []string{"websocket", "h2c"}, false},
	}
	for _, test := range tests {
		if got := WebSocket(http.Header{"Connection": test.connection, "Upgrade": test.upgrade}); got != test.want {
			t.Errorf("Connection %q, Upgrade %q: %v", test.connection, test.upgrade, got)
		}
	}
}

// pageRequest is what a browser sends for a page over HTTP/2, where there is no Connection.
func pageRequest() http.Header {
	h := http.Header{}
	for _, name := range []string{"User-Agent", "Accept", "Accept-Language", "Accept-Encoding", "Referer", "Cookie", "Upgrade-Insecure-Requests", "Sec-Fetch-Dest",
		"Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Priority", "Te-X", "If-None-Match", "Cache-Control"} {
		h.Set(name, "some value")
	}
	return h
}

// Clean runs on every proxied request.
func TestCleanAllocatesNothing(t *testing.T) {
	h := pageRequest()
	if n := testing.AllocsPerRun(100, func() { Clean(h) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClean(b *testing.B) {
	h := pageRequest()
	b.Run("nothing to remove", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Clean(h)
		}
	})
	keepAlive, forwarded := []string{"keep-alive"}, []string{"203.0.113.9"}
	b.Run("keep-alive and a forwarded address", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h["Connection"], h["X-Forwarded-For"] = keepAlive, forwarded
			Clean(h)
		}
	})
}
