package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorcode/gateway"
	"doorcode/gateway/reading"
)

var requestID = regexp.MustCompile(`class="reference">[^<]*<bdi dir="ltr">([0-9A-Z]+-[0-9a-z]+ · \d+)</bdi>`)

// Every refusal is a small page of ours in the user's language, with the request's id, which the log has too; a script gets JSON.
func TestLimits(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) {
		c.Limits.Body = 100 << 10
		asked := rule(t, "POST", "/ajax.php")
		asked.Form = []reading.Value{{Name: "op", Value: "signin"}}
		c.Doors = append(c.Doors, asked)
	}})
	member, visitor := h.browser(), h.browser()
	member.enterWith("alice")
	visitor.get("/login.php")
	long := strings.Repeat("x", 70<<10)
	for _, c := range []struct {
		name           string
		b              *browser
		method, target string
		body           string
		header         []string
		status         int
	}{
		{"login body", visitor, "POST", "/login.php", "username=alice&password=alice-pass-1&more=" + long, nil, 413},
		{"login body, multipart", visitor, "POST", "/login.php", "--b\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nalice\r\n--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nalice-pass-1\r\n--b\r\nContent-Disposition: form-data; name=\"more\"\r\n\r\n" + long + "\r\n--b--\r\n", []string{"Content-Type", "multipart/form-data; boundary=b"}, 413},
		{"login body of a member", member, "POST", "/login.php", "username=bob&password=bob-pass-1&more=" + long, nil, 413},
		{"own form", member, "POST", "/_doorcode/code", "code=" + long, nil, 413},
		{"a form with a rule on it", member, "POST", "/ajax.php", "op=list&more=" + strings.Repeat(long, 16), nil, 413},
		{"any body", member, "POST", "/note.php", "text=" + long + long, nil, 413},
		{"header", visitor, "GET", "/login.php", "", []string{"X-Long", long}, 431},
		{"cookie", member, "GET", "/invoice.php", "", []string{"Cookie", "a=" + long}, 431},
		{"header, any address", visitor, "GET", "/invoice.php", "", []string{"X-Long", long}, 431},
		{"method in small letters", member, "post", "/note.php", "", nil, 400},
		{"TRACE", member, "TRACE", "/note.php", "", nil, 400},
		{"encoded slash", visitor, "GET", "/static%2fapp.css", "", nil, 400},
		{"dot segment", visitor, "GET", "/static/../invoice.php", "", nil, 400},
		{"double slash", visitor, "GET", "//static/app.css", "", nil, 400},
		{"path parameter", visitor, "GET", "/static/app.css;x", "", nil, 400},
		{"backslash", visitor, "GET", "/static/..%5cx", "", nil, 400},
		{"NUL", member, "GET", "/_doorcode/code%00", "", nil, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(h.naive.Requests())
			for language, direction := range map[string]string{"en": `dir="ltr"`, "ar": `dir="rtl"`} {
				a := c.b.do(c.method, c.target, c.body, append([]string{"Accept-Language", language}, c.header...)...)
				wantNotice(t, h, a, c.status)
				if !strings.Contains(a.body, `lang="`+language+`" `+direction) {
					t.Errorf("not in %s: %.300s", language, a.body)
				}
			}
			a := c.b.do(c.method, c.target, c.body, append([]string{"Sec-Fetch-Mode", "cors"}, c.header...)...)
			if a.StatusCode != c.status || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("a script got %d %s: %s", a.StatusCode, a.Header.Get("Content-Type"), a.body)
			}
			if after := len(h.naive.Requests()); after != before {
				t.Errorf("%d requests reached the upstream", after-before)
			}
		})
	}
	member.wantMember("alice")
}

// wantNotice fails unless a is a small page of ours whose request id is in the log.
func wantNotice(t *testing.T, h *house, a answer, status int) {
	t.Helper()
	m := requestID.FindStringSubmatch(a.body)
	if a.StatusCode != status || m == nil || len(a.body) > 8<<10 || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d, %d bytes, id %v, %v; want %d\n%.2000s", a.StatusCode, len(a.body), m, a.Header, status, a.body)
	}
	id, said, _ := strings.Cut(m[1], " · ")
	if said != fmt.Sprint(status) || !strings.Contains(h.log.String(), `"request":"`+id+`"`) {
		t.Errorf("the log has no line of request %s, or the page says %s", id, said)
	}
}

func TestLimitsHost(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	for _, host := range []string{"evil.example", "127.0.0.1", "localhost:80", "127.0.0.1.:80"} {
		req := b.request("GET", "/invoice.php?id=7", nil, "Sec-Fetch-Mode", "navigate")
		req.Host = host
		res := b.send(req)
		body, err := io.ReadAll(res.Body)
		must(t, err)
		wantNotice(t, h, answer{res, string(body)}, http.StatusMisdirectedRequest)
	}
	b.wantMember("alice")
}

// A body whose length is not told is cut off at the limit, and what the upstream had got by then is no whole request.
func TestLimitsBodyOfUnknownLength(t *testing.T) {
	whole := make(chan error, 1)
	h := newHouseBeside(t, plan{config: func(c *gateway.Config) { c.Limits.Body = 100 << 10 }}, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		whole <- err
	})
	b := h.browser()
	b.enterWith("alice")
	for _, c := range []struct {
		size, status int
		cut          bool
	}{{100 << 10, 200, false}, {100<<10 + 1, 413, true}, {1 << 20, 413, true}} {
		res := b.send(b.request("POST", "/odd/upload", io.LimitReader(zeros{}, int64(c.size)), "Content-Type", "application/octet-stream"))
		if err := within(t, whole, "the end of the body"); res.StatusCode != c.status || (err != nil) != c.cut {
			t.Errorf("%d bytes: %d, the upstream read %v", c.size, res.StatusCode, err)
		}
	}
	b.wantMember("alice")
}

// A body that stops coming is ended, at the upstream too; so no stranger holds a connection to it.
func TestLimitsStalledBody(t *testing.T) {
	whole := make(chan error, 1)
	h := newHouseBeside(t, plan{config: func(c *gateway.Config) {
		c.Limits.Stall = 100 * time.Millisecond
		c.Public = append(c.Public, rule(t, "POST", "/odd/*"))
	}}, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		whole <- err
	})
	member, visitor := h.browser(), h.browser()
	member.enterWith("alice")
	visitor.get("/login.php")
	for name, b := range map[string]*browser{"member": member, "visitor": visitor} {
		// Bytes, since net/http's client waits for the body that it was given.
		status, said := rawRequest(t, h, "POST /odd/upload HTTP/1.1\r\nHost: "+strings.TrimPrefix(h.url, "http://")+"\r\nCookie: "+cookieHeader(b)+
			"\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
		if err := within(t, whole, "the end of the body"); err == nil || status != http.StatusBadRequest {
			t.Errorf("%s: %d %s, the upstream read %v", name, status, said, err)
		}
	}
}

// A cookie of ours or of the application's that does not open counts as none: no error page, for anybody.
func TestLimitsCookiesThatDoNotOpen(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	good, session := b.cookie("doorcode"), b.cookie("PHPSESSID")
	for name, cookies := range map[string]string{
		"junk": "doorcode=junk", "empty": "doorcode=", "no value": "doorcode", "cut": "doorcode=" + good[:len(good)-5], "quoted": `doorcode="` + good + `"`,
		"the other's": "doorcode=" + session[2:], "browser": "doorcode=" + b.cookie("doorcode-browser"), "twice": "doorcode=" + good + "; doorcode=" + good,
		"long": "doorcode=" + strings.Repeat("A", 30<<10), "many": strings.Repeat("a=b; ", 5000),
	} {
		other := h.browser()
		if a := other.get("/invoice.php?id=7", "Cookie", cookies); a.StatusCode != http.StatusSeeOther || a.to() != "/login.php" {
			t.Errorf("%s: %d to %q", name, a.StatusCode, a.to())
		}
		if a := other.get("/login.php", "Cookie", cookies); a.StatusCode != http.StatusOK {
			t.Errorf("%s: login page %d", name, a.StatusCode)
		}
	}
	for name, cookies := range map[string]string{
		"junk": "PHPSESSID=junk", "cut": "PHPSESSID=" + session[:len(session)-5], "of another name": "OTHER=" + session, "huge count": "PHPSESSID=9." + session[2:], "empty": "PHPSESSID=",
	} {
		a := h.browser().get("/invoice.php?id=7", "Cookie", "doorcode="+good+"; "+cookies)
		if a.StatusCode != http.StatusFound || a.to() != "/login.php" {
			t.Errorf("%s: %d to %q: the application should have seen nobody", name, a.StatusCode, a.to())
		}
	}
	b.wantMember("alice")
}
