package gateway_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"doorcode/challenge/secret"
	"doorcode/gateway"
	"doorcode/gateway/reading"
)

// To everybody who does not prove himself a client's path is the door that it was: strangers, visitors, members.
func TestThreat_B5_ClientWithoutProof(t *testing.T) {
	h, app := newShopHouse(t, nil)
	rows := []struct {
		what, target, body string
		lines              []string
	}{
		{"no key", "/api/orders/1", "x", nil},
		{"a wrong key", "/api/orders/1", "x", []string{"X-Shop-Key: " + strings.Repeat("x", len(shopKey))}},
		{"an empty key", "/api/orders/1", "x", []string{"X-Shop-Key: "}},
		{"the beginning of it", "/api/orders/1", "x", []string{"X-Shop-Key: " + shopKey[:len(shopKey)-1]}},
		{"more than it", "/api/orders/1", "x", []string{"X-Shop-Key: " + shopKey + "0"}},
		{"in capitals", "/api/orders/1", "x", []string{"X-Shop-Key: " + strings.ToUpper(shopKey)}},
		{"wrong and right", "/api/orders/1", "x", []string{"X-Shop-Key: wrong", "X-Shop-Key: " + shopKey}},
		{"right and wrong", "/api/orders/1", "x", []string{"X-Shop-Key: " + shopKey, "X-Shop-Key: wrong"}},
		{"in a list", "/api/orders/1", "x", []string{"X-Shop-Key: " + shopKey + ", " + shopKey}},
		{"another header", "/api/orders/1", "x", []string{"X-Key: " + shopKey}},
		{"another spelling", "/api/orders/1", "x", []string{"X_Shop_Key: " + shopKey}},
		{"in Authorization", "/api/orders/1", "x", []string{"Authorization: Bearer " + shopKey}},
		{"in a cookie", "/api/orders/1", "x", []string{"Cookie: X-Shop-Key=" + shopKey}},
		{"in the query", "/api/orders/1?X-Shop-Key=" + shopKey, "x", nil},
		{"in the body", "/api/orders/1", "X-Shop-Key=" + shopKey, []string{formType}},
	}
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, row := range rows {
			a := b.wire("POST", row.target, row.body, append([]string{"Accept: */*", "Sec-Fetch-Mode: cors"}, row.lines...)...)
			if a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusBadRequest {
				t.Errorf("member %v: %s: %d %s, want a closed door", member, row.what, a.StatusCode, a.body)
			}
			if a := h.call("POST", row.target, row.body, header(row.lines)...); a.StatusCode != http.StatusForbidden {
				t.Errorf("a program: %s: %d %s, want a closed door", row.what, a.StatusCode, a.body)
			}
		}
	}
	if calls := app.calls(); len(calls) > 0 {
		t.Errorf("%d calls came through, the first: %s %s", len(calls), calls[0].Method, calls[0].URL)
	}
	if a := h.call("POST", "/api/orders/1", "x", "X-Shop-Key", shopKey); a.StatusCode != http.StatusOK || len(app.calls()) != 1 {
		t.Errorf("with the key: %d %s", a.StatusCode, a.body)
	}
}

// header makes pairs of whole lines.
func header(lines []string) (pairs []string) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		pairs = append(pairs, name, strings.TrimSpace(value))
	}
	return pairs
}

// A key opens the one path that its rule names, as the rule spells it and with the rule's methods.
func TestThreat_B1_ClientsPathSpelledOtherwise(t *testing.T) {
	h, app := newShopHouse(t, nil, func(c *gateway.Config) {
		one := shopClient(t)
		one.Name, one.Rule = "till", rule(t, "", "/pos.php")
		c.Clients = append(c.Clients, one)
	})
	closed := []struct{ method, target string }{
		{"GET", "/api/orders/1"}, {"PUT", "/api/orders/1"}, {"DELETE", "/api/orders/1"}, {"HEAD", "/api/orders/1"}, {"post", "/api/orders/1"},
		{"POST", "/api/orders"}, {"POST", "/api/users/1"}, {"POST", "/api/orders/../users/1"}, {"POST", "/api/orders/%2e%2e/users/1"},
		{"POST", "/api/orders%2f..%2fusers/1"}, {"POST", "/api/orders/..;/users/1"}, {"POST", "/api/orders/;x/../../users"}, {"POST", "/api/orders\\..\\users"},
		{"POST", "/api//orders/1"}, {"POST", "/API/orders/1"}, {"POST", "/api/Orders/1"}, {"POST", "/x/api/orders/1"}, {"POST", "/index.php/api/orders/1"},
		{"POST", "/api/orders;/1"}, {"POST", "/%61pi/orders/%00"}, {"POST", "http://elsewhere.example/api/orders/1"},
		{"POST", "/pos.php"}, {"GET", "/pos.php/extra"}, {"GET", "/pos.php/"}, {"GET", "/POS.php"}, {"GET", "/pos.php;x"}, {"GET", "/pos"}, {"GET", "//pos.php"},
		{"OPTIONS", "/pos.php"}, {"TRACE", "/pos.php"},
	}
	for _, member := range []bool{false, true} {
		b := h.ready(member)
		for _, row := range closed {
			body := ""
			if row.method != "GET" && row.method != "HEAD" {
				body = "x"
			}
			a := b.wire(row.method, row.target, body, "X-Shop-Key: "+shopKey, "Accept: */*")
			if a.StatusCode == http.StatusOK && strings.Contains(a.body, "order") {
				t.Errorf("member %v: %s %s is open", member, row.method, row.target)
			}
		}
	}
	if calls := app.calls(); len(calls) > 0 {
		t.Errorf("%d calls came through, the first: %s %s", len(calls), calls[0].Method, calls[0].RequestURI)
	}
	for _, row := range []struct{ method, target string }{{"POST", "/api/orders/1"}, {"POST", "/api/orders/deep/er?x=1"}, {"GET", "/pos.php?x=1"}, {"HEAD", "/pos.php"}} {
		if a := h.call(row.method, row.target, "", "X-Shop-Key", shopKey); a.StatusCode != http.StatusOK {
			t.Errorf("%s %s: %d %s, want the application's answer", row.method, row.target, a.StatusCode, a.body)
		}
	}
}

// The road asks the login first: a key is no way past the code, and `*` with values opens nothing of it.
func TestThreat_B5_ClientsKeyAtTheLogin(t *testing.T) {
	h, app := newShopHouse(t, func(c *gateway.Client) { c.Rule = rule(t, "POST", "*") })
	b := h.ready(false)
	a := b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}, "X-Shop-Key", shopKey)
	if !a.judged() {
		t.Errorf("the login with a client's key: %d to %q, want the code page", a.StatusCode, a.to())
	}
	if a := h.call("GET", "/_doorcode/code", "", "X-Shop-Key", shopKey); strings.Contains(a.body, "order") || len(app.calls()) > 0 {
		t.Errorf("our own page went to the application: %d %s", a.StatusCode, a.body)
	}
	h.wantNothingAs("alice")
}

// A call is no way to a session: no cookie comes back, whatever the application sends, and none goes up.
func TestThreat_A5_A8_ClientGetsNoSession(t *testing.T) {
	h, app := newShopHouse(t, nil, func(c *gateway.Config) { c.Keep = []*regexp.Regexp{regexp.MustCompile("^lang$")} })
	client := jarClient(t)
	member := h.ready(true)
	base := parseURL(t, h.url)
	for _, cookie := range []string{"", "PHPSESSID=" + app.alice, "lang=ar; PHPSESSID=" + app.alice, "doorcode=" + member.cookie("doorcode") + "; PHPSESSID=" + member.cookie("PHPSESSID")} {
		var header []string
		if cookie != "" {
			header = []string{"Cookie", cookie}
		}
		a := h.callBy(client, h.url, "POST", "/api/orders/1", "x", append(header, "X-Shop-Key", shopKey, "Accept", "text/html")...)
		if a.StatusCode != http.StatusOK {
			t.Fatalf("with %q: %d %s", cookie, a.StatusCode, a.body)
		}
		if len(a.Header["Set-Cookie"])+len(a.Trailer["Set-Cookie"]) > 0 || len(client.Jar.Cookies(base)) > 0 {
			t.Errorf("the client was given cookies: %q, trailer %q, jar %v", a.Header["Set-Cookie"], a.Trailer["Set-Cookie"], client.Jar.Cookies(base))
		}
		if r, _ := app.last(); r.Header["Cookie"] != nil {
			t.Errorf("the application got cookies of a client's: %q", r.Header["Cookie"])
		}
	}
	if raw := h.rawAnswer("POST /api/orders/1 HTTP/1.1\r\nHost: " + base.Host + "\r\nX-Shop-Key: " + shopKey + "\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"); strings.Contains(raw, app.alice) {
		t.Errorf("alice's session is in the answer:\n%s", raw)
	}
	a := h.callBy(client, h.url, "GET", "/invoice.php?id=7", "", "Accept", "text/html", "X-Shop-Key", shopKey)
	if a.StatusCode != http.StatusSeeOther || a.to() != "/login.php" {
		t.Errorf("after its calls a client is at %d %q: %s", a.StatusCode, a.to(), a.body)
	}
	h.wantNothingAs("alice")
}

// A rule of networks asks where a request comes from, not where it says that it comes from.
func TestThreat_B13_ClientsNetwork(t *testing.T) {
	type row struct {
		what     string
		networks []string
		trusted  []string
		header   []string
		open     bool
	}
	for _, row := range []row{
		{"in the network", []string{"10.9.0.0/16", "127.0.0.0/8"}, nil, nil, true},
		{"elsewhere", []string{"10.1.2.0/24"}, nil, nil, false},
		{"says that it is there", []string{"10.1.2.0/24"}, nil, []string{"X-Forwarded-For", "10.1.2.3"}, false},
		{"says so in other headers", []string{"10.1.2.0/24"}, nil, []string{"X-Real-Ip", "10.1.2.3", "Client-Ip", "10.1.2.3", "Forwarded", "for=10.1.2.3"}, false},
		{"a known proxy says so", []string{"10.1.2.0/24"}, []string{"127.0.0.1/32"}, []string{"X-Forwarded-For", "10.1.2.3"}, true},
		{"a known proxy says another", []string{"10.1.2.0/24"}, []string{"127.0.0.1/32"}, []string{"X-Forwarded-For", "10.1.2.3, 192.0.2.1"}, false},
		{"a known proxy says garbage", []string{"10.1.2.0/24", "127.0.0.0/8"}, []string{"127.0.0.1/32"}, []string{"X-Forwarded-For", "10.1.2.3, nobody"}, false},
		{"a known proxy says that it asks for another", []string{"10.1.2.0/24"}, []string{"127.0.0.1/32"}, []string{"X-Forwarded-For", "192.0.2.1, 10.1.2.3"}, false},
		{"by a proxy that nobody named", []string{"127.0.0.0/8"}, nil, []string{"X-Forwarded-For", "192.0.2.1"}, false},
		{"by a proxy that says Via", []string{"127.0.0.0/8"}, nil, []string{"Via", "1.1 office"}, false},
		{"by a proxy that says Forwarded", []string{"127.0.0.0/8"}, nil, []string{"Forwarded", "for=192.0.2.1"}, false},
	} {
		t.Run(row.what, func(t *testing.T) {
			h, app := newShopHouse(t, func(c *gateway.Client) { c.Keys, c.Networks = nil, prefixes(row.networks...) }, func(c *gateway.Config) { c.TrustedProxies = prefixes(row.trusted...) })
			a := h.call("POST", "/api/orders/1", "x", row.header...)
			if open := a.StatusCode == http.StatusOK; open != row.open || open != (len(app.calls()) == 1) {
				t.Errorf("%d %s, want open %v", a.StatusCode, a.body, row.open)
			}
		})
	}
}

// All that a rule names must hold: the key of the shop from elsewhere is none.
func TestThreat_B13_ClientsKeyFromElsewhere(t *testing.T) {
	h, app := newShopHouse(t, func(c *gateway.Client) { c.Networks = prefixes("10.1.2.0/24") }, func(c *gateway.Config) { c.TrustedProxies = prefixes("127.0.0.1/32") })
	for from, status := range map[string]int{"192.0.2.1": http.StatusForbidden, "10.1.2.3": http.StatusOK} {
		if a := h.call("POST", "/api/orders/1", "x", "X-Shop-Key", shopKey, "X-Forwarded-For", from); a.StatusCode != status {
			t.Errorf("from %s: %d %s, want %d", from, a.StatusCode, a.body, status)
		}
	}
	if a := h.call("POST", "/api/orders/1", "x", "X-Forwarded-For", "10.1.2.3"); a.StatusCode != http.StatusForbidden || len(app.calls()) != 1 {
		t.Errorf("from there without the key: %d %s", a.StatusCode, a.body)
	}
}

// Nor does a key that somebody found reach the application in a browser's request, where it would do without the network.
func TestThreat_B13_ClientsKeyOfAMember(t *testing.T) {
	h, app := newShopHouse(t, func(c *gateway.Client) {
		c.Networks, c.Rule, c.Keys[0].Pass = prefixes("10.0.0.0/8"), rule(t, "POST", "/pos.php"), true
	}, func(c *gateway.Config) {
		c.Doors = nil
		c.Public = append(c.Public, rule(t, "POST", "/pos.php/open"))
	})
	member := h.browser()
	member.enterWith("mallory")
	member.do("POST", "/pos.php", "x", "X-Shop-Key", shopKey)
	h.browser().do("POST", "/pos.php/open", "x", "X-Shop-Key", shopKey)
	if len(app.calls()) != 2 {
		t.Fatalf("%d requests arrived, want the member's and the visitor's", len(app.calls()))
	}
	for _, r := range app.calls() {
		if r.Header["X-Shop-Key"] != nil {
			t.Errorf("the key went up with a browser's request to %s", r.URL.Path)
		}
	}
}

// The network of a shop is full of browsers. A rule without a key is none for them: it would be a way past the code for whoever sits there,
// and for any page that one of them looks at.
func TestThreat_B5_BrowserInAClientsNetwork(t *testing.T) {
	h, app := newShopHouse(t, func(c *gateway.Client) {
		c.Keys, c.Networks = nil, prefixes("127.0.0.0/8")
		c.Rule.Methods = []string{"GET", "POST"}
	})
	visitor, member := h.ready(false), h.ready(true)
	for _, b := range []*browser{h.browser(), visitor, member} {
		for _, a := range []answer{b.get("/api/orders/1"), b.do("POST", "/api/orders/1", "x=1"), b.do("POST", "/api/orders/1", "x", "Sec-Fetch-Mode", "cors", "Accept", "*/*")} {
			if a.StatusCode != http.StatusForbidden {
				t.Errorf("a browser in the network: %d %s, want a closed door", a.StatusCode, a.body)
			}
		}
	}
	for _, header := range [][2]string{
		{"Cookie", "doorcode=" + member.cookie("doorcode")}, {"Cookie", "PHPSESSID=x"}, {"Origin", "null"}, {"Origin", "https://evil.example"}, {"Referer", "http://evil.example/"},
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Dest", "empty"}, {"Sec-Ch-Ua", `"Chromium"`}, {"Upgrade-Insecure-Requests", "1"},
		{"Accept", "text/html,application/xhtml+xml"}, {"Accept-Language", "ar"}, {"Service-Worker", "script"},
	} {
		if a := h.call("POST", "/api/orders/1", "x", header[0], header[1]); a.StatusCode == http.StatusOK {
			t.Errorf("with %s: %s: %d %s, want a closed door", header[0], header[1], a.StatusCode, a.body)
		}
	}
	if calls := app.calls(); len(calls) > 0 {
		t.Errorf("%d calls came through, the first: %v", len(calls), calls[0].Header)
	}
	if a := h.call("POST", "/api/orders/1", "x"); a.StatusCode != http.StatusOK {
		t.Errorf("a program in the network: %d %s", a.StatusCode, a.body)
	}
}

// Values that a rule looks at stand once, in the one place that the rule says; nobody but who proved himself gets a megabyte read.
func TestThreat_B18_ClientsRuleOfValues(t *testing.T) {
	h, app := newShopHouse(t, func(c *gateway.Client) {
		c.Rule = rule(t, "POST", "/pos.php")
		c.Rule.Query = []reading.Value{{Name: "action", Value: "sale"}}
		c.Rule.Form = []reading.Value{{Name: "op", Value: "add"}}
	})
	const form = "application/x-www-form-urlencoded"
	large := "op=add&text=" + strings.Repeat("x", 200<<10) // over limits.login_body
	for _, row := range []struct {
		target, body, kind string
		open               bool
	}{
		{"/pos.php?action=sale", "op=add&n=1", form, true},
		{"/pos.php?action=sale", large, form, true},
		{"/pos.php?action=sale", `{"op":"add"}`, "application/json", true},
		{"/pos.php?action=users", "op=add", form, false},
		{"/pos.php?action=sale", "op=del", form, false},
		{"/pos.php", "op=add&action=sale", form, false},
		{"/pos.php?action=sale", "op=add&action=users", form, false},
		{"/pos.php?action=sale&action=users", "op=add", form, false},
		{"/pos.php?action=sale&action[]=users", "op=add", form, false},
		{"/pos.php?action=sale&op=del", "op=add", form, false},
		{"/pos.php?action=sale", "op=add&op=del", form, false},
		{"/pos.php?action=sale", "op=add", "text/plain", false},
	} {
		before := len(app.calls())
		a := h.call("POST", row.target, row.body, "X-Shop-Key", shopKey, "Content-Type", row.kind)
		if open := a.StatusCode == http.StatusOK; open != row.open || (len(app.calls()) > before) != row.open {
			t.Errorf("%s with %.40q: %d %s, want open %v", row.target, row.body, a.StatusCode, a.body, row.open)
		}
	}
	query, other := newShopHouse(t, func(c *gateway.Client) {
		c.Rule = rule(t, "POST", "/pos.php")
		c.Rule.Query = []reading.Value{{Name: "action", Value: "sale"}}
	})
	for body, status := range map[string]int{"text=x": http.StatusOK, "action=users": http.StatusBadRequest, "action[]=users": http.StatusBadRequest} {
		if a := query.call("POST", "/pos.php?action=sale", body, "X-Shop-Key", shopKey, "Content-Type", form); a.StatusCode != status {
			t.Errorf("a rule of the query with the body %q: %d %s, want %d", body, a.StatusCode, a.body, status)
		}
	}
	if len(other.calls()) != 1 {
		t.Errorf("%d calls of a rule of the query, want one", len(other.calls()))
	}
	if a := h.call("POST", "/pos.php?action=sale", large, "Content-Type", form); a.StatusCode != http.StatusForbidden {
		t.Errorf("without the key: %d, want the door, and nothing read", a.StatusCode)
	}
}

// What a client may send is looked at by its own rule alone, but only when it comes in by it: a door's values are read for all others.
func TestThreat_B17_DoorBesideAClientsPath(t *testing.T) {
	h, app := newShopHouse(t, func(c *gateway.Client) { c.Rule = rule(t, "PUT", "/pos.php") }, func(c *gateway.Config) {
		door := rule(t, "POST", "/pos.php")
		door.Form = []reading.Value{{Name: "op", Value: "signin"}}
		c.Doors = []reading.Rule{door}
	})
	if a := h.call("PUT", "/pos.php", "<xml/>", "X-Shop-Key", shopKey, "Content-Type", "text/xml"); a.StatusCode != http.StatusOK {
		t.Errorf("a client's body: %d %s", a.StatusCode, a.body)
	}
	before := len(app.calls())
	b := h.ready(true)
	if a := b.post("/pos.php", url.Values{"op": {"signin"}}, "X-Shop-Key", shopKey); a.StatusCode != http.StatusForbidden || len(app.calls()) > before {
		t.Errorf("a member with the key, by a method that is not the client's: %d, want the closed door", a.StatusCode)
	}
}

// A client's own sign-in of the connection is refused like everybody's.
func TestThreat_B16_ClientSignsInTheConnection(t *testing.T) {
	h, app := newWindowsHouse(t, func(c *gateway.Config) {
		one := shopClient(t)
		one.Rule, one.Authorization = rule(t, "", "/static/*"), true
		other := one
		other.Name, other.Keys = "other", []gateway.ClientKey{{Header: "X-Shop-Key", Value: secret.New("another-shop-of-another-city")}}
		c.Clients = []gateway.Client{one, other}
	})
	for _, value := range ntlmAuthorizations {
		h.call("GET", "/static/app.css", "", "X-Shop-Key", shopKey, "Authorization", value).wantProgramAnswer(t, http.StatusForbidden, "forbidden")
		if a := h.call("GET", "/static/app.css", "", "X-Shop-Key", shopKey); strings.Contains(a.body, "page of") {
			t.Fatalf("after %q another call is served a %q", value, a.body)
		}
	}
	app.wantNoSignIn(t)
	if a := h.call("GET", "/static/app.css", "", "X-Shop-Key", shopKey, "Authorization", "Bearer of-the-shop"); a.StatusCode != http.StatusOK {
		t.Errorf("a token: %d %s", a.StatusCode, a.body)
	}
}

// What a client signs in with is its own: connections that it has used serve nobody else.
func TestThreat_B16_ClientsConnections(t *testing.T) {
	h, _ := newWindowsHouse(t, func(c *gateway.Config) {
		one := shopClient(t)
		one.Rule, one.Authorization = rule(t, "", "/static/*"), true
		other := one
		other.Name, other.Keys = "other", []gateway.ClientKey{{Header: "X-Shop-Key", Value: secret.New("another-shop-of-another-city")}}
		c.Clients = []gateway.Client{one, other}
	})
	if a := h.call("GET", "/static/app.css", "", "X-Shop-Key", shopKey, "Authorization", "Basic YWxpY2U6YWxpY2UtcGFzcy0x"); !strings.Contains(a.body, "page of alice") {
		t.Fatalf("the client's own sign-in: %d %s", a.StatusCode, a.body)
	}
	if a := h.call("GET", "/static/app.css", "", "X-Shop-Key", "another-shop-of-another-city"); strings.Contains(a.body, "page of") {
		t.Errorf("another client is served a %q", a.body)
	}
	for _, member := range []bool{false, true} {
		if a := h.ready(member).get("/static/app.css"); strings.Contains(a.body, "page of") {
			t.Errorf("member %v: a browser is served a %q", member, a.body)
		}
	}
}
