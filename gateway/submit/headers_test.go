package submit

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"doorcode/gateway/reading"
)

// spa is an application whose page gives a token in many ways and which writes down what came with a login.
type spa struct {
	login http.Header
	body  string
	asked []string
}

func (s *spa) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	switch {
	case r.URL.Path == "/csrf":
		http.SetCookie(w, &http.Cookie{Name: "XSRF-TOKEN", Value: "p%3D%2B", Path: "/"})
	case r.Method == http.MethodPost:
		b := make([]byte, 1<<10)
		n, _ := r.Body.Read(b)
		s.login, s.body = r.Header.Clone(), string(b[:n])
		fmt.Fprint(w, `{"ok":true}`)
	case r.URL.Path == "/me":
		fmt.Fprint(w, "signed in")
	default:
		http.SetCookie(w, &http.Cookie{Name: "csrftoken", Value: "from-cookie", Path: "/"})
		http.SetCookie(w, &http.Cookie{Name: "deep", Value: "elsewhere", Path: "/other/"})
		fmt.Fprint(w, `<meta name="CSRF-Token" content="from &amp; meta"><meta name="csrf-token" content=second><meta name=bad content="a&#10;b">
			<form><input type=hidden name=csrf value="from field"><input name=username><input name=password type=password></form>`)
	}
}

func jsonLogin(t *testing.T, fields reading.LoginFields, body string) *reading.Login {
	t.Helper()
	l, err := reading.ReadLogin(http.Header{"Content-Type": {"application/json"}}, "", strings.NewReader(body), 1<<16, fields)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Each header has the value that the fresh session gives it; where it gives none no password goes up.
func TestHeadersOfAScript(t *testing.T) {
	fields, err := reading.LoginFields{User: "username", Password: "password"}.InJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		header  Header
		prepare string
		want    string
		reason  string
	}{
		{"value", Header{Value: "web"}, "", "web", ""},
		{"cookie", Header{Cookie: "csrftoken"}, "", "from-cookie", ""},
		{"cookie that another address gives", Header{Cookie: "XSRF-TOKEN"}, "/csrf", "p=+", ""},
		{"meta", Header{Meta: "csrf-token"}, "", "from & meta", ""},
		{"field", Header{Field: "csrf"}, "", "from field", ""},
		{"no cookie", Header{Cookie: "XSRF-TOKEN"}, "", "", "gives no cookie XSRF-TOKEN"},
		{"cookie of another path", Header{Cookie: "deep"}, "", "", "gives no cookie deep"},
		{"no meta", Header{Meta: "x"}, "", "", "gives no meta x"},
		{"no hidden field", Header{Field: "username"}, "", "", "gives no hidden field username"},
		{"a line break", Header{Meta: "bad"}, "", "", "cannot stand in a header"},
	} {
		app := &spa{}
		c.header.Name = "X-Token"
		s := submitter(t, Config{
			Page: "/", Fields: fields, Prepare: c.prepare, Headers: []Header{c.header},
			Confirm: &Confirm{URL: "/me", SignedIn: re("signed in")},
		}, app)
		b := browser()
		b.Script, b.Path = true, "/session"
		b.Header.Set("X-Token", "the browser's")
		a, err := s.Submit(t.Context(), jsonLogin(t, fields, `{"username":"alice","password":"p"}`), b)
		if err != nil {
			t.Fatal(err)
		}
		if c.reason != "" {
			if a.Outcome != Unclear || !strings.Contains(a.Reason, c.reason) || app.login != nil {
				t.Errorf("%s: %v, %s; went up with %v", c.name, a.Outcome, a.Reason, app.login)
			}
			continue
		}
		if a.Outcome != Worked || app.login.Get("X-Token") != c.want {
			t.Errorf("%s: %v, %s, sent %q, want %q", c.name, a.Outcome, a.Reason, app.login.Get("X-Token"), c.want)
		}
		if a.Said == nil || string(a.Said.Body) != `{"ok":true}` || a.Token {
			t.Errorf("%s: said %+v", c.name, a.Said)
		}
	}
}

// What the page has for a script's token is filled where the script sent it, or where it is named.
func TestFillJSON(t *testing.T) {
	fields, err := reading.LoginFields{User: "username", Password: "password"}.InJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		tokens []string
		fixed  []reading.Value
		body   string
		want   string
	}{
		{"not sent", nil, nil, `{"username":"a","password":"p"}`, `{"username":"a","password":"p"}`},
		{"sent", nil, nil, `{"csrf":"stale","username":"a","password":"p"}`, `{"csrf":"from field","username":"a","password":"p"}`},
		{"named", []string{"csrf"}, nil, `{"username":"a","password":"p"}`, `{"username":"a","password":"p","csrf":"from field"}`},
		{"none", []string{}, nil, `{"csrf":"mine","username":"a","password":"p"}`, `{"csrf":"mine","username":"a","password":"p"}`},
		{"fixed", nil, []reading.Value{{Name: "db", Value: "فرع"}, {Name: "n", Value: "1"}}, `{"DB":"evil","username":"a","password":"p"}`, `{"db":"فرع","username":"a","password":"p","n":1}`},
	} {
		app := &spa{}
		s := submitter(t, Config{Page: "/", Fields: fields, Tokens: c.tokens, Fixed: c.fixed, Confirm: &Confirm{URL: "/me", SignedIn: re("signed in")}}, app)
		b := browser()
		b.Script, b.Path = true, "/session"
		if a, err := s.Submit(t.Context(), jsonLogin(t, fields, c.body), b); err != nil || a.Outcome != Worked || app.body != c.want {
			t.Errorf("%s: %v, %v, %s; went up %s, want %s", c.name, err, a.Outcome, a.Reason, app.body, c.want)
		}
	}
	// At an alias of its address a login in JSON has nowhere to go: no form says where.
	app := &spa{}
	s := submitter(t, Config{Page: "/", Fields: fields, Confirm: &Confirm{URL: "/me", SignedIn: re("signed in")}}, app)
	b := browser()
	b.Script, b.Path = true, ""
	if a, err := s.Submit(t.Context(), jsonLogin(t, fields, `{"username":"a","password":"p"}`), b); err != nil || a.Outcome != Unclear || app.login != nil {
		t.Errorf("at an alias: %v, %v, %s", err, a.Outcome, a.Reason)
	}
}

func TestHandsOutToken(t *testing.T) {
	const long = "0123456789abcdef"
	for text, want := range map[string]bool{
		`{"ok":true,"user":"alice"}`:                       false,
		`{"token":"` + long + `"}`:                         true,
		`{"data":{"accessToken":"` + long + `"}}`:          true,
		`{"data":[{"api_key":"` + long + `"}]}`:            true,
		`{"tokens":["` + long + `"]}`:                      true,
		`{"sid":"` + long + `"}`:                           true,
		`{"csrfToken":"` + long + `"}`:                     false,
		`{"token":"short"}`:                                false,
		`{"token":"your token has expired, sign in"}`:      false,
		`{"message":"` + long + `"}`:                       false,
		`<p>eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln</p>`: true,
		`"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"`:      true,
		`wrong password`:                                   false,
		``:                                                 false,
	} {
		if got := handsOutToken(text); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
