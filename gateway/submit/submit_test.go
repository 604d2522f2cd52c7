package submit

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"doorcode/gateway/reading"
	"doorcode/gateway/seal"
	"doorcode/testdata/naive"
)

// naiveConfig is what ops would write for the naive application.
func naiveConfig(t testing.TB) Config {
	return Config{
		Page:    "/login.php",
		Fields:  loginFields(t, "username", "password"),
		Success: &Condition{Any: []Test{{Status: 302, Location: re(`^/home`), Place: "gateway.yaml:10:5"}}},
		Failure: &Condition{Any: []Test{{Body: re("wrong password"), Place: "gateway.yaml:11:5"}, {Location: re("^/login")}}},
		Confirm: &Confirm{URL: "/profile.php", SignedIn: re(`logout\.php`), User: re(`id="login-name">([^<]+)<`)},
	}
}

func serve(t testing.TB, h http.Handler) *url.URL {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func submitter(t testing.TB, c Config, h http.Handler) *Submitter {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return New(c, transport, serve(t, h))
}

func login(t testing.TB, body string) *reading.Login {
	t.Helper()
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	l, err := reading.ReadLogin(h, "", strings.NewReader(body), 64<<10, loginFields(t, "username", "password"))
	if err != nil {
		t.Fatalf("login %q: %v", body, err)
	}
	return l
}

// browser is one that brings all a client can think of.
func browser() Browser {
	return Browser{
		Host: "books.example.com",
		Path: "/login.php",
		Header: http.Header{
			"Cookie":              {"PHPSESSID=known-before; REMEMBER=x"},
			"User-Agent":          {"Mozilla/5.0"},
			"Accept-Language":     {"ar"},
			"X-Forwarded-For":     {"192.0.2.7"},
			"X-Forwarded-Proto":   {"https"},
			"Origin":              {"https://books.example.com"},
			"Referer":             {"https://books.example.com/login.php"},
			"Range":               {"bytes=0-1"},
			"If-None-Match":       {"*"},
			"If-Modified-Since":   {"Thu, 01 Jan 2026 00:00:00 GMT"},
			"Expect":              {"100-continue"},
			"Te":                  {"trailers"},
			"Accept-Encoding":     {"gzip, br"},
			"Authorization":       {"Basic YWxpY2U6YWxpY2UtcGFzcy0x"},
			"X-Http-Method":       {"DELETE"},
			"X-Original-Url":      {"/home.php"},
			"Connection":          {"X-Forwarded-For"},
			"Content-Type":        {"text/plain"},
			"Content-Length":      {"3"},
			"Upgrade":             {"h2c"},
			"Proxy-Authorization": {"x"},
		},
	}
}

const (
	rightLogin = "username=alice&password=alice-pass-1"
	wrongLogin = "username=alice&password=wrong"
)

func TestSubmit(t *testing.T) {
	for _, c := range []struct {
		name    string
		options naive.Options
		body    string
		want    Outcome
		shown   string // what the page says; "none" for no page
	}{
		{"right", naive.Options{}, rightLogin, Worked, ""},
		{"wrong, text", naive.Options{}, wrongLogin, Failed, "wrong password"},
		{"wrong, back with a message", naive.Options{Failure: naive.Back}, wrongLogin, Failed, "wrong password"},
		{"wrong, looks right (A11)", naive.Options{Failure: naive.Home}, wrongLogin, Unclear, ""},
		{"right, with a token", naive.Options{FormToken: true}, rightLogin + "&form_token=stale", Worked, ""},
		{"right, the browser sent no token", naive.Options{FormToken: true}, rightLogin, Worked, ""},
		{"wrong, with a token", naive.Options{FormToken: true}, wrongLogin + "&form_token=stale", Failed, "wrong password"},
		{"right, then an error with cookies (A11)", naive.Options{ErrorAfterward: true}, rightLogin, Worked, ""},
		{"right, test cookie wanted", naive.Options{TestCookie: true}, rightLogin, Worked, ""},
		{"right, absolute address", naive.Options{Absolute: true}, rightLogin, Worked, ""},
		{"wrong, absolute address", naive.Options{Absolute: true, Failure: naive.Back}, wrongLogin, Failed, "wrong password"},
		{"right, gzip", naive.Options{Gzip: true}, rightLogin, Worked, ""},
		{"wrong, gzip, windows-1256", naive.Options{Gzip: true, Windows1256: true}, wrongLogin, Failed, "wrong password"},
		{"right, cookies everywhere (A8)", naive.Options{CookieTwice: true, CookieIn103: true, CookieTrailer: true, Remember: true}, rightLogin, Worked, ""},
		{"wrong, session id on the page (A16)", naive.Options{ShowsID: true}, wrongLogin, Failed, "none"},
		{"right, session id on the page", naive.Options{ShowsID: true}, rightLogin, Worked, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := submitter(t, naiveConfig(t), naive.New(c.options))
			a, err := s.Submit(t.Context(), login(t, c.body), browser())
			if err != nil || a.Outcome != c.want {
				t.Fatalf("%v (%s), %v; want %v", a.Outcome, a.Reason, err, c.want)
			}
			if c.want == Worked && (a.Confirmed != "alice" || a.Held.Jar == nil || a.Show != nil) {
				t.Errorf("worked as %q with jar %v and page %v; want alice, a jar, no page", a.Confirmed, a.Held.Jar, a.Show)
			}
			if c.want != Worked && (a.Held.Jar != nil || a.Confirmed != "") {
				t.Errorf("%v holds a session of %q", a.Outcome, a.Confirmed)
			}
			checkShown(t, a.Show, c.shown)
			if strings.Contains(a.Reason, "alice") || strings.Contains(a.Reason, "pass-1") || a.Reason == "" {
				t.Errorf("reason %q: want one without user or password", a.Reason)
			}
		})
	}
}

func checkShown(t *testing.T, page *Shown, want string) {
	t.Helper()
	switch {
	case want == "" || want == "none":
		if page != nil {
			t.Errorf("page shown: %s", page.Body)
		}
	case page == nil:
		t.Errorf("no page shown, want one with %q", want)
	case !strings.Contains(string(page.Body), want) || page.Status != 200 || !strings.HasPrefix(page.ContentType, "text/html"):
		t.Errorf("shown %d %s %q, want 200 text/html with %q", page.Status, page.ContentType, page.Body, want)
	}
}

// Where the answer to a login leads, for the browser that will be let in.
func TestLocation(t *testing.T) {
	for _, c := range []struct{ location, want string }{
		{"/home.php", "/home.php"},
		{"home.php?a=b%20c", "/app/home.php?a=b%20c"},
		{"../x", "/x"},
		{"?done=1", "/app/login.php?done=1"},
		{"http://books.example.com/home.php#top", "/home.php"},
		{"https://books.example.com:443/", "/"},
		{"//BOOKS.example.com", "/"},
		{"http://public.example.com:8443/x", "/x"},
		{"http://public.example.com/x", ""},
		{"https://evil.example.com/", ""},
		{"//evil.example.com/", ""},
		{"http://books.example.com//evil.example.com/", ""},
		{"javascript:alert(1)", ""},
		{"/home.php?id=abcdefgh12345678", ""},
		{"/home.php;s=ABCDEFGH12345678", ""},
		{"", ""},
	} {
		h := http.NewServeMux()
		h.HandleFunc("GET /app/login.php", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Set-Cookie", "sid=abcdefgh12345678; path=/")
			_, _ = w.Write([]byte("<form><input name=username><input name=password></form>"))
		})
		h.HandleFunc("POST /app/login.php", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", c.location)
			w.WriteHeader(302)
		})
		h.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("logout")) })
		s := submitter(t, Config{Page: "/app/login.php", Fields: loginFields(t, "username", "password"),
			Confirm: &Confirm{URL: "/me", SignedIn: re("logout")}}, h)
		b := browser()
		b.Path, b.Public = "/app/login.php", &url.URL{Scheme: "https", Host: "public.example.com:8443"}
		a, err := s.Submit(t.Context(), login(t, rightLogin), b)
		if err != nil || a.Outcome != Worked || a.Held.Location != c.want {
			t.Errorf("Location %q: %v, %v, leads to %q; want %q", c.location, a.Outcome, err, a.Held.Location, c.want)
		}
	}
}

// Form, login and confirm look alike to the application, and nothing of the client's bends them or signs it in (A2, A11).
func TestHeaders(t *testing.T) {
	u := naive.New(naive.Options{})
	s := submitter(t, naiveConfig(t), u)
	if a, err := s.Submit(t.Context(), login(t, rightLogin), browser()); err != nil || a.Outcome != Worked {
		t.Fatalf("%v, %v; want worked", a.Outcome, err)
	}
	requests := u.Requests()
	if len(requests) != 3 {
		t.Fatalf("%d requests, want form, login and confirm", len(requests))
	}
	var session string
	for i, r := range requests {
		for name, values := range r.Header {
			allowed := []string{"Accept", "Accept-Encoding", "Accept-Language", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto"}
			if r.Method == "POST" {
				allowed = append(allowed, "Origin", "Referer", "Content-Type", "Content-Length")
			}
			if i > 0 {
				allowed = append(allowed, "Cookie")
			}
			if !slices.Contains(allowed, name) {
				t.Errorf("%s %s went up with %s: %q", r.Method, r.URI, name, values)
			}
		}
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("%s %s: Accept-Encoding %q, want identity", r.Method, r.URI, got)
		}
		if r.Host != "books.example.com" || r.Header.Get("X-Forwarded-Proto") != "https" || r.Header.Get("User-Agent") != "Mozilla/5.0" {
			t.Errorf("%s %s: Host %q, headers %v; want what the browser's requests have", r.Method, r.URI, r.Host, r.Header)
		}
		if i == 1 {
			session = r.Header.Get("Cookie")
		}
		if i == 2 && (r.Header.Get("Cookie") != session || !strings.Contains(session, "PHPSESSID=")) {
			t.Errorf("confirm asked with %q, login sent with %q; want one session", r.Header.Get("Cookie"), session)
		}
	}
	if served := u.ServedAs("alice"); len(served) != 1 || served[0].Session == "known-before" {
		t.Errorf("served %v, want the confirm page alone, in a new session", served)
	}
}

// Each login has a session of its own.
func TestFreshSession(t *testing.T) {
	u := naive.New(naive.Options{})
	s := submitter(t, naiveConfig(t), u)
	for range 2 {
		if a, err := s.Submit(t.Context(), login(t, rightLogin), browser()); err != nil || a.Outcome != Worked {
			t.Fatalf("%v, %v; want worked", a.Outcome, err)
		}
	}
	if in := u.SignIns(); len(in) != 2 || in[0].Session == in[1].Session {
		t.Errorf("signed in %v, want two sessions", in)
	}
}

// What goes up in the login's body.
func TestTokens(t *testing.T) {
	const page = `<form method=post><input type=hidden name=auto value="fresh&amp;1"><input type=hidden name=back value=/start>` +
		`<input type=hidden name=server value=1><input name=username><input type=password name=password></form>`
	for _, c := range []struct {
		name   string
		tokens []string
		fixed  []reading.Value
		sent   string
		want   string
		uri    string
	}{
		{"auto", nil, nil, "auto=stale&extra=1", "auto=fresh&1 back=/start extra=1 server=1", "/login?x=1&server=2"},
		{"named", []string{"auto"}, nil, "auto=stale&back=/deep", "auto=fresh&1 back=/deep", "/login?x=1&server=2"},
		{"none", []string{}, nil, "auto=stale", "auto=stale", "/login?x=1&server=2"},
		{"fixed", []string{"auto"}, []reading.Value{{Name: "server", Value: "7"}}, "server=evil&Server=evil&server[]=evil", "auto=fresh&1 server=7", "/login?x=1"},
		{"fixed over the form", nil, []reading.Value{{Name: "server", Value: "7"}}, "", "auto=fresh&1 back=/start server=7", "/login?x=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			uri := ""
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					_ = r.ParseForm()
					uri = r.RequestURI
					for name, values := range r.PostForm {
						got = append(got, name+"="+strings.Join(values, ","))
					}
				}
				_, _ = w.Write([]byte(page))
			})
			s := submitter(t, Config{Page: "/login", Fields: loginFields(t, "username", "password"), Tokens: c.tokens, Fixed: c.fixed}, h)
			b := browser()
			b.Path, b.Query = "/login", "x=1&server=2"
			if _, err := s.Submit(t.Context(), login(t, rightLogin+"&"+c.sent), b); err != nil {
				t.Fatal(err)
			}
			want := strings.Fields(c.want + " username=alice password=alice-pass-1")
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || uri != c.uri {
				t.Errorf("sent %q to %s, want %q to %s", got, uri, want, c.uri)
			}
		})
	}
}

// A hidden field goes back in the page's own charset, in which the browser wrote the rest.
func TestTokenCharset(t *testing.T) {
	var got string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			got = r.PostFormValue("branch")
		}
		w.Header().Set("Content-Type", "text/html; charset=windows-1256")
		_, _ = w.Write([]byte("<form><input type=hidden name=branch value=\xe3\xd1\xdf\xd2><input name=username><input name=password></form>"))
	})
	s := submitter(t, Config{Page: "/", Fields: loginFields(t, "username", "password")}, h)
	if _, err := s.Submit(t.Context(), login(t, rightLogin), browser()); err != nil || got != "\xe3\xd1\xdf\xd2" {
		t.Errorf("sent %q, %v; want the bytes of the page", got, err)
	}
}

// The session of a login is good for what comes after, and can be ended.
func TestConfirmOpensSignOut(t *testing.T) {
	for _, options := range []naive.Options{{}, {LogoutToken: true}} {
		u := naive.New(options)
		s := submitter(t, naiveConfig(t), u)
		a, err := s.Submit(t.Context(), login(t, rightLogin), browser())
		if err != nil || a.Outcome != Worked {
			t.Fatalf("%v, %v; want worked", a.Outcome, err)
		}
		if in, user, err := s.Confirm(t.Context(), a.Held.Jar, browser()); !in || user != "alice" || err != nil {
			t.Errorf("Confirm: %v, %q, %v; want alice in", in, user, err)
		}
		if opens, err := s.Opens(t.Context(), new(seal.Jar), browser()); opens || err != nil {
			t.Errorf("no cookies at all open: %v, %v", opens, err)
		}
		if opens, err := s.Opens(t.Context(), a.Held.Jar, browser()); !opens || err != nil {
			t.Errorf("the session's cookies open: %v, %v; want true", opens, err)
		}
		if err := s.SignOut(t.Context(), a.Held.Jar, browser(), WayOut{Path: "/logout.php"}); err != nil {
			t.Errorf("SignOut: %v", err)
		}
		if in := u.SessionID("alice"); in != "" {
			t.Errorf("%+v: alice is still signed in upstream", options)
		}
	}
}

func TestUnreachable(t *testing.T) {
	s := submitter(t, naiveConfig(t), http.NotFoundHandler())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a, err := s.Submit(ctx, login(t, rightLogin), browser()); err == nil || a.Outcome != Unclear {
		t.Errorf("cancelled: %v, %v; want an error", a.Outcome, err)
	}
}
