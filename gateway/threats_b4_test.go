package gateway_test

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"doorcode/gateway"
	"doorcode/testdata/naive"
)

// arrived are the requests for a path as the upstream got them.
func (h *house) arrived(uri string) (all []naive.Request) {
	for _, r := range h.naive.Requests() {
		if r.URI == uri {
			all = append(all, r)
		}
	}
	return all
}

func TestThreat_B9_HeadersThatSayWhoOrWhere(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{LoginAnywhere: true}})
	host := parseURL(t, h.url).Host
	for _, other := range []string{"evil.example", host + ".evil.example", "evil.example:80", "127.0.0.1", "localhost", "user@" + host, host + ":80", host + "."} {
		if a := h.browser().wire("GET", "/login.php", "", "Host: "+other); a.StatusCode != http.StatusMisdirectedRequest && a.StatusCode != http.StatusBadRequest {
			t.Errorf("Host %q: %d, want 421", other, a.StatusCode)
		}
	}
	evil := "/login.php?" + credentials
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, line := range []string{
			"X-Original-URL: " + evil, "X-Rewrite-URL: " + evil, "x-original-url: " + evil, "X_Original_URL: " + evil, "X-Original-Uri: " + evil,
			"X-HTTP-Method-Override: POST", "X-HTTP-Method: PUT", "X-Method-Override: PUT", "X_HTTP_Method_Override: PUT",
			"X-Forwarded-Host: evil.example", "X-Forwarded-Server: evil.example", "X-Host: evil.example", "Forwarded: host=evil.example;for=6.6.6.6",
			"X-Forwarded-Proto: gopher", "X-Forwarded-Scheme: gopher", "X-Forwarded-Port: 6", "X-Forwarded-Prefix: /x", "X_Forwarded_Host: evil.example",
			"X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "True-Client-IP: 6.6.6.6", "X-Client-IP: 6.6.6.6", "CF-Connecting-IP: 6.6.6.6",
			"Connection: X-Forwarded-For", "Connection: close, X-Forwarded-Host, X-Real-IP, X-Forwarded-Proto", "Connection: Cookie", "Connection: host",
			"X-Forwarded-User: alice", "X-Remote-User: alice", "Remote-User: alice", "X-Auth-Request-User: alice", "Proxy: http://evil.example",
		} {
			for _, target := range []string{"/static/app.css", "/login.php?b9=" + map[bool]string{true: "m", false: "v"}[member]} {
				before := len(h.arrived(target))
				b.wire("GET", target, "", line)
				got := h.arrived(target)
				if len(got) != before+1 {
					t.Errorf("member %v, GET %s with %q: %d requests arrived, want one", member, target, line, len(got)-before)
					continue
				}
				wantOursAlone(t, got[len(got)-1], line, host, member)
			}
		}
	}
	h.wantSignIns("alice", 0)
}

// wantOursAlone fails unless a request says of the client what the gateway says and nothing else.
func wantOursAlone(t *testing.T, r naive.Request, line, host string, member bool) {
	t.Helper()
	ours := map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1", "X-Forwarded-Host": host, "X-Forwarded-Proto": "http"}
	if member {
		ours["Cookie"] = r.Header.Get("Cookie")
		if !strings.Contains(ours["Cookie"], "PHPSESSID=") {
			t.Errorf("%s arrived without the session's cookie, with %q", r.URI, line)
		}
	}
	for name, want := range ours {
		if got := r.Header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s with %q arrived with %s: %q, want %q", r.URI, line, name, got, want)
		}
	}
	if r.Host != host || r.Method != "GET" {
		t.Errorf("%s with %q arrived as %s of host %s", r.URI, line, r.Method, r.Host)
	}
	usual := []string{"Accept", "User-Agent", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-Site", "Accept-Encoding"}
	for name := range r.Header {
		if ours[name] == "" && !slices.Contains(usual, name) {
			t.Errorf("%s with %q arrived with %s: %q", r.URI, line, name, r.Header[name])
		}
	}
}

// What stands behind ten thousand parameters, behind a ";" or behind a bad escape is read by some and not by others.
func TestThreat_B11_ParametersThatSomeUpstreamsSkip(t *testing.T) {
	t.Parallel()
	h := newHouse(t, plan{})
	b := h.ready(false)
	many := func(n int) string { return strings.Repeat("a=&", n) }
	for _, row := range []struct {
		target, body string
		status       int
	}{
		{"/login.php", many(900) + credentials, 303},
		{"/login.php", many(1000) + credentials, 413},
		{"/login.php", many(10_001) + credentials, 413},
		{"/login.php?" + many(10_001), credentials, 400},
		{"/login.php", "username=mallory;username=alice&password=alice-pass-1", 200},
		{"/login.php", "username=mallory;&;username=alice&password=alice-pass-1", 200},
		{"/login.php?x;username=alice", "username=mallory&password=alice-pass-1", 400},
		{"/login.php?x=1;+username[]=alice", "username=mallory&password=alice-pass-1", 400},
		{"/login.php?x=1;y=2", credentials, 303},
		{"/login.php?x=%zz", credentials, 400},
		{"/login.php?x=%2", credentials, 400},
		{"/login.php?%", credentials, 400},
		{"/login.php", "x=%zz&" + credentials, 400},
		{"/login.php", credentials + "&x=%", 400},
		{"/login.php", "username=al%ice&password=alice-pass-1", 400},
		{"/login.php", "username%=alice&" + credentials, 400},
		{"/login.php", "username=mallory%26username%3dalice&password=alice-pass-1", 200},
	} {
		a := b.wire("POST", row.target, row.body, formType)
		if a.StatusCode != row.status {
			t.Errorf("POST %.60s with %.60q: %d to %q, want %d", row.target, row.body, a.StatusCode, a.to(), row.status)
		}
		if a.judged() {
			b = h.ready(false)
		}
	}
	for _, r := range h.naive.Requests() {
		if r.Method == "POST" && strings.ContainsAny(string(r.Body), ";+ ") {
			t.Errorf("a login arrived as it came and not rebuilt: %.80q", r.Body)
		}
	}
	h.wantSignIns("alice", 2)
}

// For members the same: the scan takes ";" for a separator, and a query that Go's own parser would drop goes up whole, having been judged whole.
func TestThreat_B11_QueryIsJudgedWhole(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{LoginAnywhere: true}})
	b := h.ready(true)
	for _, query := range []string{
		"x=1;" + credentials, "username=alice;password=alice-pass-1", "x=%zz&" + credentials, credentials + "&%", "%zz;" + credentials,
		strings.Repeat("a&", 9_000) + credentials, strings.Repeat("a&", 12_000) + credentials, "x=%u0645&" + credentials,
	} {
		if a := b.wire("GET", "/note.php?"+query, ""); a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusBadRequest {
			t.Errorf("GET /note.php?%.60s: %d, want refused", query, a.StatusCode)
		}
	}
	const odd = "/note.php?x=%zz&y=a;b&z=%u0645&%"
	if a := b.wire("GET", odd, ""); a.StatusCode != http.StatusOK || len(h.arrived(odd)) != 1 {
		t.Errorf("GET %s: %d, arrived %d times; want it served as it came", odd, a.StatusCode, len(h.arrived(odd)))
	}
	h.wantSignIns("alice", 0)
}

// Only the canonical path opens, matched from end to end; query and fragment never do.
func TestThreat_B12_NotQuitePublic(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) {
		c.Public = append(c.Public, rule(t, "", "/favicon.ico"), rule(t, "", "/pub"))
	}})
	b := h.ready(false)
	seen := len(h.naive.Requests())
	for _, target := range []string{
		"/static#/../home.php", "/static/#/../../home.php", "/static/app.css#/../../home.php", "/home.php#/static/", "/home.php#/static/app.css",
		"/home.php?/static/", "/home.php?x=/static/app.css", "/home.php?/favicon.ico", "/?/static/*", "/home.php?url=/login.php",
		"/static/..;x=y/home.php", "/static/..;/home.php", "/static;/../home.php", "/static/;/../../home.php", "/static/app.css;/../../home.php",
		"/static/../home.php", "/static/%2e%2e/home.php", "/static/%2e./home.php", "/static/..%2fhome.php", "/static/%2e%2e%2fhome.php", "/static/..%5chome.php",
		`/static\..\home.php`, `/static/..\home.php`, "/static/%252e%252e/home.php", "/static/.%00./home.php", "/static/app.css%00/../../home.php",
		"/static/..%c0%afhome.php", "/static/%c0%ae%c0%ae/home.php", "/static//../home.php", "/static/./../home.php", "/static/... /home.php", "/static/.. /home.php",
		"/static", "/STATIC/app.css", "/Static/app.css", "//static/app.css", "/x/static/app.css", "/statics/app.css", "/%2fstatic/app.css",
		"/favicon.ico/", "/favicon.ico/home.php", "/favicon.icon", "/FAVICON.ICO", "/favicon.ico;x", "/favicon.ico%00", "/favicon.ico%0a", "/favicon.ico%20",
		"/pub/", "/pub/x", "/public", "/pub.php", "/pub;x=1", "/pub%3fx", "/login.php/x", "/login.php/../home.php", "/LOGIN.php", "/login.php%20",
		h.url + "/static/app.css", "http://evil.example/static/app.css", "static/app.css", "*", "",
	} {
		a := b.wire("GET", target, "")
		if (a.StatusCode < 400 || a.StatusCode > 421) && a.to() != "/login.php" && a.StatusCode != 0 {
			t.Errorf("GET %s: %d to %q, want refused, or the way to the login page", target, a.StatusCode, a.to())
		}
	}
	for _, r := range h.naive.Requests()[seen:] {
		t.Errorf("%s %s arrived", r.Method, r.URI)
	}
	for target, want := range map[string]string{"/static/app.css": "/static/app.css", "/static/%61pp.css": "/static/app.css", "/st%61tic/app.css?a;b#": ""} {
		b.wire("GET", target, "")
		if want != "" && len(h.arrived(want)) == 0 {
			t.Errorf("GET %s did not arrive as %s", target, want)
		}
	}
}

func TestThreat_B13_ClientAddress(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	alone, behind := newHouse(t, plan{}), newHouse(t, plan{config: func(c *gateway.Config) { c.TrustedProxies = proxies }})
	for _, row := range []struct {
		trusted []netip.Prefix
		lines   []string
		want    string
	}{
		{nil, nil, "127.0.0.1"},
		{nil, []string{"X-Forwarded-For: 6.6.6.6"}, "127.0.0.1"},
		{nil, []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 7.7.7.7"}, "127.0.0.1"},
		{nil, []string{"X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6", "True-Client-IP: 6.6.6.6", "Client-IP: 6.6.6.6"}, "127.0.0.1"},
		{nil, []string{"X-Forwarded-For: garbage"}, "127.0.0.1"},
		{proxies, nil, "127.0.0.1"},
		{proxies, []string{"X-Forwarded-For: 203.0.113.9"}, "203.0.113.9"},
		{proxies, []string{"X-Forwarded-For: 6.6.6.6, 203.0.113.9"}, "203.0.113.9"},
		{proxies, []string{"X-Forwarded-For: 6.6.6.6,203.0.113.9, 10.1.2.3"}, "203.0.113.9"},
		{proxies, []string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 10.1.2.3"}, "203.0.113.9"},
		{proxies, []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 203.0.113.9"}, "203.0.113.9"},
		{proxies, []string{"X-Forwarded-For: 203.0.113.9:4711"}, "203.0.113.9"},
		{proxies, []string{"X-Forwarded-For: [2001:db8::1]:4711"}, "2001:db8::1"},
		{proxies, []string{"X-Forwarded-For: ::ffff:203.0.113.9"}, "203.0.113.9"},
		{proxies, []string{"X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6"}, "127.0.0.1"},
		{proxies, []string{"X-Forwarded-For: 203.0.113.9, garbage"}, ""},
		{proxies, []string{"X-Forwarded-For: unknown"}, ""},
		{proxies, []string{"X-Forwarded-For: 203.0.113.9, 127.0.0.1x"}, ""},
		{proxies, []string{"X-Forwarded-For: 0x7f.1"}, ""},
		{proxies, []string{"X-Forwarded-For: " + strings.Repeat("10.0.0.1, ", 40) + "10.0.0.2"}, ""},
	} {
		h := alone
		if row.trusted != nil {
			h = behind
		}
		before := len(h.naive.Requests())
		if a := h.browser().wire("GET", "/static/app.css", "", row.lines...); a.StatusCode != http.StatusOK {
			t.Errorf("%q: %d", row.lines, a.StatusCode)
		}
		r := h.naive.Requests()[before]
		// Of a client that a trusted proxy named in a way that is no address nothing is said.
		for _, name := range []string{"X-Forwarded-For", "X-Real-Ip"} {
			if got := strings.Join(r.Header[name], "; "); got != row.want {
				t.Errorf("trusted %v, %.80q: the upstream is told %s %q, want %q", row.trusted, row.lines, name, got, row.want)
			}
		}
		if r.Header.Get("Forwarded") != "" {
			t.Errorf("%q: Forwarded: %q arrived", row.lines, r.Header.Get("Forwarded"))
		}
	}
	if a := alone.browser().wire("GET", "/static/app.css", "", "X-Forwarded-For: "+strings.Repeat("6.6.6.6, ", 1<<20/9)); a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("X-Forwarded-For of 1 MiB: %d, want 431", a.StatusCode)
	}
}

func TestThreat_B14_HeaderNamesThatCGIFolds(t *testing.T) {
	h := newHouse(t, plan{})
	host := parseURL(t, h.url).Host
	b := h.ready(true)
	for _, line := range []string{
		"X_Forwarded_For: 6.6.6.6", "X.Forwarded.For: 6.6.6.6", "X-Forwarded_For: 6.6.6.6", "X_FORWARDED_USER: alice", "X.Remote.User: alice", "Remote_User: alice",
		"X~Forwarded~For: 6.6.6.6", "X'Forwarded'For: 6.6.6.6", "X+Forwarded+For: 6.6.6.6", "X!Forwarded!For: 6.6.6.6", "_: x", "Cookie_: x", "C.ookie: PHPSESSID=x",
		"Content_Type: x", "Content.Length: 5", "Transfer_Encoding: chunked", "HTTP_PROXY: http://evil.example", "Authorization_: Basic x", "Host_: evil.example",
		"Connection: Cookie, X-Forwarded-For, X-Real-Ip, X-Forwarded-Proto, X-Forwarded-Host, User-Agents", "Connection: cookie", "Proxy-Connection: Cookie",
		"Keep-Alive: x", "Te: trailers", "Trailer: Cookie", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__",
	} {
		before := len(h.arrived("/static/app.css"))
		b.wire("GET", "/static/app.css", "", line)
		if got := h.arrived("/static/app.css"); len(got) == before+1 {
			wantOursAlone(t, got[before], line, host, true)
		} else {
			t.Errorf("%q: %d requests arrived, want one", line, len(got)-before)
		}
	}
}

// PHP makes PHPSESSID of several names. The browser holds only sealed cookies, so the id of alice's session that mallory has learned
// elsewhere goes up under none of them, nor inside a cookie that passes as it is.
func TestThreat_B14_CookieNamesThatPHPFolds(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) {
		c.Plain, c.Keep = []*regexp.Regexp{regexp.MustCompile(`pref.*`)}, []*regexp.Regexp{regexp.MustCompile(`lang`)}
	}})
	h.direct("/login.php", "application/x-www-form-urlencoded", credentials)
	id := h.naive.SessionID("alice")
	b := h.ready(true)
	own := "doorcode=" + b.cookie("doorcode") + "; PHPSESSID=" + b.cookie("PHPSESSID")
	_, mine, _ := strings.Cut(h.cookieOf("/invoice.php?id=7", b, own), "PHPSESSID=")
	for _, extra := range []string{
		"PHPSESSID=" + id, "PHP.SESSID=" + id, "PHP SESSID=" + id, "PHP[SESSID=" + id, "PHP_SESSID=" + id, " PHPSESSID=" + id, "\tPHPSESSID=" + id, "PHPSESSID[]=" + id, "PHPSESSID[x]=" + id,
		"%50HPSESSID=" + id, "PHPSESSID%00=" + id, "+PHPSESSID=" + id, "phpsessid=" + id, "PHPSESSID =" + id, "$PHPSESSID=" + id, "$Path=/; PHPSESSID=" + id, `PHPSESSID="` + id + `"`,
		"__Host-PHPSESSID=" + id, "_[Host-PHPSESSID=" + id, "__Host-x=1; _[Host-x=" + id, "pref=x, PHPSESSID=" + id, `pref="x; PHPSESSID=` + id, "pref.PHPSESSID=" + id, "pref=a PHPSESSID=" + id,
		"lang=" + id, "username=alice", "doorcode=" + id, "PHPSESSID~1=" + id, "=PHPSESSID=" + id, "PHPSESSID",
	} {
		for _, header := range []string{own + "; " + extra, extra + "; " + own} {
			got := h.cookieOf("/invoice.php?id=7", b, header)
			if strings.Contains(got, id) || got != "" && !strings.HasPrefix(got+";", "PHPSESSID="+mine+";") && !strings.HasPrefix(got, "pref") {
				t.Errorf("Cookie %q went up as %q", strings.ReplaceAll(header, b.cookie("doorcode"), "…"), got)
			}
		}
	}
	// A visitor has none at all.
	if got := h.cookieOf("/static/app.css", h.browser(), "PHPSESSID="+id+"; PHP.SESSID="+id); got != "" {
		t.Errorf("a visitor's Cookie went up as %q", got)
	}
	h.wantNothingAs("alice")
}

// cookieOf sends a request with a Cookie header and returns the one that arrived; "" where nothing did.
func (h *house) cookieOf(target string, b *browser, header string) string {
	h.t.Helper()
	before := len(h.arrived(target))
	b.wire("GET", target, "", "Cookie: "+header)
	if got := h.arrived(target); len(got) > before {
		return got[before].Header.Get("Cookie")
	}
	return ""
}
