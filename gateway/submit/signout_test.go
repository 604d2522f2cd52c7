package submit

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"doorcode/gateway/reading"
	"doorcode/gateway/seal"
)

// A logout that wants a token gets it from the signed-in page, from its link or its form, as applications have them.
func TestSignOutToken(t *testing.T) {
	do := []reading.Value{{Name: "do", Value: "logout"}}
	doku, index := WayOut{Path: "/doku.php", Query: do}, WayOut{Path: "/index.php", Form: do, Post: true}
	for _, c := range []struct {
		name, page, asks string
		way              WayOut
		want             string
	}{
		{"link", `<a href="/doku.php?do=login">x</a> <a href="?id=start&amp;do=logout&amp;sectok=t0ken">out</a>`, "", doku,
			"GET /doku.php?id=start&do=logout&sectok=t0ken "},
		{"form by GET (DokuWiki)", `<form method=get action="/doku.php"><input type=hidden name=do value=logout><input type=hidden name=sectok value=t0ken><button>out</button></form>`, "", doku,
			"GET /doku.php?do=logout&sectok=t0ken "},
		{"form", `<form method=post action="/doku.php?do=logout"><input type=hidden name=token value="a&b"><button name=yes value=1></button><button name=no></button></form>`, "", doku,
			"POST /doku.php?do=logout token=a%26b&yes=1"},
		{"form by its values", `<form method=post action="/index.php"><input type=hidden name=do value=login></form>
			<form method=post action="/index.php"><input type=hidden name=csrf value=t0ken><button name=do value=stay></button><button name=do value=logout></button></form>`, "", index,
			"POST /index.php csrf=t0ken&do=logout"},
		{"asks with a link (WordPress)", `<a href="/wp-login.php?action=logout">out</a>`,
			`<a href="/wp-login.php?action=logout&amp;_wpnonce=t0ken">really</a>`, WayOut{Path: "/wp-login.php", Query: []reading.Value{{Name: "action", Value: "logout"}}},
			"GET /wp-login.php?action=logout GET /wp-login.php?action=logout&_wpnonce=t0ken "},
		{"asks with a form", "nothing", `<form method=post action="/index.php"><input type=hidden name=csrf value=t0ken><input type=submit name=do value=logout></form>`, index,
			"POST /index.php do=logoutPOST /index.php csrf=t0ken&do=logout"},
		{"token of another form (phpMyAdmin)", `<form method=post action="/index.php?route=/sql"><input type=hidden name=token value=t0ken></form>`, "",
			WayOut{Path: "/index.php", Query: []reading.Value{{Name: "route", Value: "/logout"}}, Form: []reading.Value{{Name: "token", Value: "*"}}, Post: true},
			"POST /index.php?route=%2Flogout token=t0ken"},
		{"plain", "nothing", "", doku, "GET /doku.php?do=logout "},
		{"plain POST", "nothing", "", index, "POST /index.php do=logout"},
		{"asks the same for ever", "nothing", `<a href="/doku.php?do=logout">again</a>`, doku, "GET /doku.php?do=logout "},
		{"link elsewhere", `<a href="https://evil.example.com/doku.php?do=logout&t=1">out</a>`, "", doku, "GET /doku.php?do=logout "},
		{"link that does more", `<a href="/doku.php?do=logout&do=delete">out</a><a href="/doku.php?do=logout&%20do[]=delete">out</a>`, "", doku, "GET /doku.php?do=logout "},
		{"form that does more", `<form method=post action="/index.php?do=delete"><input type=hidden name=do value=logout></form>
			<form method=post action="/index.php"><input type=hidden name=do value=logout><input type=hidden name=DO value=delete></form>
			<form method=post action="/index.php"><input type=hidden name=do value=logout><button name=do value=delete></button></form>
			<form method=get action="/index.php?do=logout"><input type=hidden name=do value=delete></form>`, "", index, "POST /index.php do=logout"},
		{"search form", `<form method=post action="/doku.php?do=search"><input type=hidden name=a></form>`, "", doku, "GET /doku.php?do=logout "},
		{"link to a POST", `<a href="/index.php?do=logout">out</a>`, "", index, "POST /index.php do=logout"},
		{"page of its own", "nothing", "", WayOut{Path: "/doku.php", Query: do, Page: "/menu?other"}, "GET /doku.php?do=logout&x=y "},
	} {
		got := ""
		s := submitter(t, Config{Confirm: &Confirm{URL: "/doku.php?me", SignedIn: re("signed in")}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.RawQuery {
			case "me":
				_, _ = w.Write([]byte(c.page))
				return
			case "other":
				_, _ = w.Write([]byte(`<a href="/doku.php?do=logout&x=y">out</a>`))
				return
			}
			_ = r.ParseForm()
			got += r.Method + " " + r.RequestURI + " " + r.PostForm.Encode()
			_, _ = w.Write([]byte(c.asks))
		}))
		// confirm says no from the start, so a page that asks is not followed: it must be signed in for that.
		if c.asks != "" {
			s.config.Confirm.SignedIn = re(".")
		}
		err := s.SignOut(t.Context(), new(seal.Jar), browser(), c.way)
		if got = strings.ReplaceAll(got, "GET /doku.php?me ", ""); got != c.want || c.asks == "" && err != nil || c.asks != "" && !errors.Is(err, errStillIn) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

// Where the rule alone is not enough and the page has nothing, nothing is sent.
func TestSignOutNotFound(t *testing.T) {
	way := WayOut{Path: "/index.php", Form: []reading.Value{{Name: "token", Value: "*"}}, Post: true}
	s := submitter(t, Config{Confirm: &Confirm{URL: "/me", SignedIn: re("x")}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			t.Error("a logout without its token went up")
		}
	}))
	if err := s.SignOut(t.Context(), new(seal.Jar), browser(), way); err == nil {
		t.Error("no error")
	}
}
