package submit

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorcode/gateway/seal"
)

const loginPage = `<form method=post><input name=username><input type=password name=password></form>`

// odd is an application of a confirm page, logins and forms; what is nil answers as an ordinary one would: a right password, a
// signed-in page.
type odd struct{ form, login, me http.HandlerFunc }

func (o odd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch me, post := r.URL.Path == "/me", r.Method == http.MethodPost; {
	case me && o.me != nil:
		o.me(w, r)
	case me:
		fmt.Fprint(w, "logout <b>alice &amp; co </b>")
	case post && o.login != nil:
		o.login(w, r)
	case post:
		answers(302, "/home", "")(w, r)
	case o.form != nil:
		o.form(w, r)
	default:
		w.Header().Set("Set-Cookie", "sid=abc+DEF/12345==; path=/")
		fmt.Fprint(w, loginPage)
	}
}

func oddConfig(t testing.TB) Config {
	return Config{
		Page:    "/login",
		Fields:  loginFields(t, "username", "password"),
		Success: &Condition{Any: []Test{{Status: 302, Location: re("^/home$"), Place: "gateway.yaml:4:3"}}},
		Failure: &Condition{Any: []Test{{Body: re("wrong password"), Place: "gateway.yaml:5:3"}, {Status: 302, Location: re("^/again"), Place: "gateway.yaml:6:3"}}},
		Confirm: &Confirm{URL: "/me", SignedIn: re("logout"), User: re("<b>([^<]*)<")},
	}
}

func submitTo(t *testing.T, ctx context.Context, c Config, h http.Handler) (Answer, error) {
	t.Helper()
	b := browser()
	b.Path = "/login"
	return submitter(t, c, h).Submit(ctx, login(t, rightLogin), b)
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func answers(status int, location, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if location != "" {
			w.Header().Set("Location", location)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}

// cutOff promises more than it sends.
func cutOff(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5000")
		fmt.Fprint(w, text)
	}
}

// hangUp answers raw bytes and closes the connection.
func hangUp(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if c, rw, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = rw.WriteString(raw)
			_ = rw.Flush()
			_ = c.Close()
		}
	}
}

// Odd answers on the road of a right password. No one of them may let somebody in by mistake, and Unclear says where to look.
func TestOddAnswers(t *testing.T) {
	long := strings.Repeat("x", maxBody)
	again := answers(302, "/again", "")
	for _, c := range []struct {
		name   string
		h      odd
		want   Outcome
		reason string // a part of it
	}{
		{"ordinary", odd{}, Worked, "gateway.yaml:4:3"},
		{"form: 503", odd{form: answers(503, "", "maintenance")}, Unclear, "login.page /login answered 503"},
		{"form: in circles", odd{form: answers(302, "/login", "")}, Unclear, "login.page /login leads away"},
		{"form: led off", odd{form: answers(302, "https://sso.example.com/", "")}, Unclear, "login.page /login leads away"},
		{"form: none", odd{form: says("hello"), login: says("wrong password"), me: says("")}, Failed, `no form with a field "password"`},
		{"confirm: 500", odd{me: answers(500, "", "logout")}, Unclear, "confirm.url /me: answered 500"},
		{"confirm: hangs up", odd{me: hangUp("")}, Unclear, "confirm.url /me"},
		{"confirm: redirect", odd{me: answers(302, "/login", "logout")}, Unclear, "look at confirm.signed_in"},
		{"confirm: 403 with the mark", odd{me: answers(403, "", "logout <b>alice<")}, Unclear, "look at confirm.signed_in"},
		{"confirm: another page", odd{me: says(loginPage)}, Unclear, "look at confirm.signed_in"},
		{"confirm: cut off before the mark", odd{me: cutOff("hello")}, Unclear, "confirm.url /me: page"},
		{"confirm: mark too far down", odd{me: says(long + "logout <b>alice<")}, Unclear, "longer than 1048576 bytes"},
		{"confirm: no name", odd{me: says("logout")}, Unclear, "confirm.user finds no name"},
		{"confirm: empty name", odd{me: says("logout <b>&nbsp; </b>")}, Unclear, "confirm.user finds no name"},
		{"login: failure by rule, in by confirm", odd{login: says("wrong password")}, Worked, "confirm says yes"},
		{"login: neither, in", odd{login: says("hm")}, Worked, ""},
		{"login: neither, out", odd{login: says("hm"), me: says("")}, Unclear, "look at login.failure"},
		{"login: both, out", odd{login: answers(302, "/home", "wrong password"), me: says("")}, Unclear, "one of them matches too much"},
		{"login: 500 and in", odd{login: answers(500, "", "")}, Worked, ""},
		{"login: cut off, out", odd{login: cutOff("wrong password"), me: says("")}, Unclear, "not read whole"},
		{"login: unknown coding, out", odd{login: encoded("br", "wrong password"), me: says("")}, Unclear, "not read whole"},
		{"failed: shown page is a signed-in one (A16)", odd{login: again, me: answers(302, "/login", ""), form: firstThen(says(loginPage), says("logout"))}, Unclear, "has the mark of confirm.signed_in"},
		{"failed: led off", odd{login: answers(302, "https://sso.example.com/", "wrong password"), me: says("")}, Failed, "leads away"},
		{"failed: repeat the POST", odd{login: answers(307, "/login", "wrong password"), me: says("")}, Failed, "sent once more"},
		{"failed: after a redirect", odd{login: again, me: says("")}, Failed, "gateway.yaml:6:3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := submitTo(t, t.Context(), oddConfig(t), c.h)
			if err != nil || a.Outcome != c.want || !strings.Contains(a.Reason, c.reason) {
				t.Errorf("%v, %v, %q; want %v with %q", a.Outcome, err, a.Reason, c.want, c.reason)
			}
			if a.Outcome != Worked && (a.Held.Jar != nil || a.Confirmed != "") || a.Outcome != Failed && a.Show != nil {
				t.Errorf("%v holds %v, shows %v", a.Outcome, a.Held, a.Show)
			}
			if strings.Contains(a.Reason, "12345") {
				t.Errorf("reason %q tells a cookie", a.Reason)
			}
		})
	}
}

// firstThen answers the first request one way and all later ones another.
func firstThen(first, later http.HandlerFunc) http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			first(w, r)
			return
		}
		later(w, r)
	}
}

func TestUserIsReadAsText(t *testing.T) {
	a, err := submitTo(t, t.Context(), oddConfig(t), odd{})
	if err != nil || a.Confirmed != "alice & co" {
		t.Errorf("confirmed %q, %v; want the name unescaped and trimmed", a.Confirmed, err)
	}
}

// Confirm's error says that nothing is known, and Opens answers yes even where the name is missing: what it is asked of must open nothing.
func TestConfirmWithoutName(t *testing.T) {
	s := submitter(t, oddConfig(t), odd{me: says("logout")})
	if in, user, err := s.Confirm(t.Context(), new(seal.Jar), browser()); in || user != "" || err == nil {
		t.Errorf("Confirm: %v, %q, %v; want an error", in, user, err)
	}
	if opens, err := s.Opens(t.Context(), new(seal.Jar), browser()); !opens || err != nil {
		t.Errorf("Opens: %v, %v; want true", opens, err)
	}
	s = submitter(t, oddConfig(t), odd{me: answers(500, "", "")})
	if opens, err := s.Opens(t.Context(), new(seal.Jar), browser()); opens || err == nil {
		t.Errorf("Opens of a broken application: %v, %v; want an error", opens, err)
	}
	s = submitter(t, Config{}, odd{})
	if _, _, err := s.Confirm(t.Context(), new(seal.Jar), browser()); err != ErrNoConfirm {
		t.Errorf("Confirm without confirm: %v, want ErrNoConfirm", err)
	}
}

// Errors of the login itself: nothing is known then, and the text does not quote the answer.
func TestSubmitErrors(t *testing.T) {
	for name, h := range map[string]odd{
		"form hangs up":  {form: hangUp("")},
		"login hangs up": {login: hangUp("")},
		"not HTTP":       {login: hangUp("HTTP/1.1 302 Found\r\nSet-Cookie sid=abcdefgh12345\r\n\r\n")},
		"switches":       {login: hangUp("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nSet-Cookie: sid=12345")},
	} {
		a, err := submitTo(t, t.Context(), oddConfig(t), h)
		if err == nil || a.Outcome != Unclear || strings.Contains(err.Error(), "12345") || !strings.Contains(err.Error(), "login") {
			t.Errorf("%s: %v, %v; want an error without the answer in it", name, a.Outcome, err)
		}
	}
}

// An application that does not answer costs no more than the time it is given.
func TestContext(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	c := oddConfig(t)
	c.Patience = 50 * time.Millisecond
	a, err := submitTo(t, ctx, c, odd{me: func(_ http.ResponseWriter, r *http.Request) {
		leave() // whose browser has gone does not end it
		<-r.Context().Done()
	}})
	if err != nil || a.Outcome != Unclear || !strings.Contains(a.Reason, "confirm.url /me") {
		t.Errorf("%v (%s), %v; want unclear for want of confirm", a.Outcome, a.Reason, err)
	}
}

// Cookies are taken along five redirects, and not one further.
func TestFormRedirects(t *testing.T) {
	for hops, want := range map[int]Outcome{5: Worked, 6: Unclear} {
		var cookies string
		h := odd{form: func(w http.ResponseWriter, r *http.Request) {
			n := len(r.URL.RawQuery)
			if n == hops {
				fmt.Fprint(w, loginPage)
				return
			}
			w.Header().Set("Set-Cookie", fmt.Sprintf("c%d=1", n))
			w.Header().Set("Location", "/login?"+strings.Repeat("x", n+1))
			w.WriteHeader(302)
		}, login: func(w http.ResponseWriter, r *http.Request) { cookies = r.Header.Get("Cookie") }}
		a, err := submitTo(t, t.Context(), oddConfig(t), h)
		if err != nil || a.Outcome != want || want == Worked && cookies != "c0=1; c1=1; c2=1; c3=1; c4=1" {
			t.Errorf("%d redirects: %v, %v, cookies %q; want %v", hops, a.Outcome, err, cookies, want)
		}
	}
}

// Of a failed answer's headers the visitor gets two.
func TestShownHeaders(t *testing.T) {
	h := odd{me: says(""), login: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=windows-1256")
		w.Header().Set("Content-Language", "ar")
		w.Header().Set("Set-Cookie", "other=secretsecret")
		w.Header().Set("X-Session", "abc+DEF/12345==")
		w.WriteHeader(403)
		_, _ = w.Write([]byte("\xe3 wrong password"))
	}}
	a, err := submitTo(t, t.Context(), oddConfig(t), h)
	if err != nil || a.Show == nil {
		t.Fatalf("%v (%s), %v; want a page", a.Outcome, a.Reason, err)
	}
	if got := *a.Show; got.Status != 403 || got.ContentType != "text/html; charset=windows-1256" || got.Language != "ar" || string(got.Body) != "\xe3 wrong password" {
		t.Errorf("shown %+v", got)
	}
}

func TestLeaks(t *testing.T) {
	const page = "wrong password "
	for _, c := range []struct {
		text string
		want bool
	}{
		{"nothing", false},
		{"abc+DEF/1234", false},
		{"abc+DEF/12345==", true},
		{"href='?sid=abc%2BDEF%2F12345%3D%3D'", true},
		{"href='?sid=abc%2bdef%2f12345%3d%3d'", true},
		{"abc&#43;DEF&#x2F;12345&equals;=", true},
		{`"abc+DEF\/12345=="`, true},
		{`"abc\u002bDEF\x2f12345\u003D="`, true},
		{"ABC+DEF/12345==", true},
		{"first-value", true}, // replaced since, but perhaps still good
	} {
		h := odd{me: says(""), login: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Set-Cookie", "other=first-value; path=/")
			w.Header().Add("Set-Cookie", "other=short; path=/again")
			fmt.Fprint(w, page+c.text)
		}}
		a, err := submitTo(t, t.Context(), oddConfig(t), h)
		if err != nil || a.Outcome != Failed || (a.Show == nil) != c.want {
			t.Errorf("%q: %v, %v, hidden %v; want hidden %v", c.text, a.Outcome, err, a.Show == nil, c.want)
		}
	}
}

// A page in a charset of wide characters hides ASCII from a search in its bytes, not from a browser.
func TestLeakInWideCharset(t *testing.T) {
	wide := func(text string) string { return strings.Join(strings.Split(text, ""), "\x00") + "\x00" }
	for text, want := range map[string]bool{"wrong password": false, "wrong password abc+DEF/12345==": true} {
		h := odd{me: says(""), login: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-16le")
			fmt.Fprint(w, wide(text))
		}}
		a, err := submitTo(t, t.Context(), oddConfig(t), h)
		if err != nil || a.Outcome != Failed || (a.Show == nil) != want {
			t.Errorf("%q: %v, %v, hidden %v; want hidden %v", text, a.Outcome, err, a.Show == nil, want)
		}
	}
}

func encoded(coding, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", coding)
		_, _ = w.Write([]byte(text))
	}
}

func packed(t *testing.T, text string, pack func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := pack(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadAnswer(t *testing.T) {
	gz := func(text string) string {
		return packed(t, text, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	}
	zl := packed(t, "hello", func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	raw := packed(t, "hello", func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 9); return f })
	for _, c := range []struct {
		name, coding, kind, body string
		want                     string
		whole                    bool
	}{
		{"plain", "", "text/html", "hello", "hello", true},
		{"identity", "identity", "", "hello", "hello", true},
		{"gzip", "gzip", "", gz("hello"), "hello", true},
		{"x-gzip", "X-GZIP", "", gz("hello"), "hello", true},
		{"gzip, empty redirect", "gzip", "", "", "", true},
		{"gzip, cut off", "gzip", "", gz("hello")[:16], "hello", false},
		{"gzip, not", "gzip", "", "hello, not gzip", "", false},
		{"gzip bomb", "gzip", "", gz(strings.Repeat("x", 3*maxBody)), strings.Repeat("x", maxBody), false},
		{"gzip of nothing, for ever", "gzip", "", strings.Repeat(gz(""), maxBody/20), "", false},
		{"deflate", "deflate", "", zl, "hello", true},
		{"deflate, bare", "deflate", "", raw, "hello", true},
		{"twice", "gzip, gzip", "", gz(gz("hello")), "", false},
		{"brotli", "br", "", "hello", "", false},
		{"utf-8 unsaid", "", "", "سلام", "سلام", true},
		{"utf-8 unsaid, far down", "", "", strings.Repeat("x", 2000) + "سلام", strings.Repeat("x", 2000) + "سلام", true},
		{"windows-1256 in the header", "", "text/html; charset=windows-1256", "\xd3\xe1\xc7\xe3", "سلام", true},
		{"windows-1256 in the page", "", "text/html", "<meta charset=windows-1256>\xd3\xe1\xc7\xe3", "<meta charset=windows-1256>سلام", true},
		{"utf-16", "", "text/html; charset=utf-16le", "h\x00i\x00", "hi", true},
	} {
		h := http.Header{}
		if c.coding != "" {
			h.Set("Content-Encoding", c.coding)
		}
		h.Set("Content-Type", c.kind)
		a := readAnswer(&url.URL{}, &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(bufio.NewReader(strings.NewReader(c.body)))}, nil)
		if a.text != c.want || (a.broken == nil) != c.whole {
			t.Errorf("%s: %.60q, %v; want %.60q, whole %v", c.name, a.text, a.broken, c.want, c.whole)
		}
	}
}
