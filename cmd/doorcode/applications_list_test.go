package main

import (
	"bytes"
	"html"
	"mime/multipart"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var dokuwiki = application{
	rig: "dokuwiki", program: "/usr/share/dokuwiki/doku.php",
	config: `
login:
  page: /doku.php?id=start&do=login
  path: /doku.php
  form: {do: login}
  user: u
  password: p
  success: {any: [{status: 302, cookie: '^DW'}]}
  failure: {any: [{status: 403}]}
  confirm: {url: "/doku.php?id=start", signed_in: 'do=logout', user: '\(<bdi>([^<]+)</bdi>\)'}
logout: [{path: /doku.php, query: {do: logout}}]
public: [/lib/exe/css.php, /lib/exe/js.php, /lib/exe/jquery.php, /lib/tpl/*, /lib/images/*]
doors: [/lib/exe/xmlrpc.php, /lib/exe/jsonrpc.php]
cookies: {plain: [DOKU_PREFS]}
`,
	login: "/doku.php?id=start&do=login", to: "/doku.php?id=start",
	fields: func(_, user, password string) url.Values {
		return url.Values{"do": {"login"}, "id": {"start"}, "u": {user}, "p": {password}, "sectok": {""}, "r": {"1"}}
	},
	protected: "/doku.php?id=start", mark: "Members only", wrong: "username or password was wrong",
	work: func(t *testing.T, s *surfer) {
		page := s.get("/doku.php?id=diary&do=edit")
		form := hiddenFields(page.body)
		form.Del("do") // of the search form on the same page
		form.Set("wikitext", "Written through the door: <b>فاتورة</b>")
		form.Set("do[save]", "1")
		form.Set("summary", "")
		s.post("/doku.php?id=diary", form)
		if page := s.get("/doku.php?id=diary"); !strings.Contains(page.body, "Written through the door") {
			t.Fatalf("the saved page does not show: %d %s", page.StatusCode, clip(page.body))
		}
		uploadToWiki(t, s)
	},
	logout: func(t *testing.T, s *surfer) {
		page := s.get("/doku.php?id=start")
		link := regexp.MustCompile(`href="([^"]*do=logout[^"]*)"`).FindStringSubmatch(page.body)
		if link == nil {
			t.Fatalf("no logout link: %s", clip(page.body))
		}
		s.get(html.UnescapeString(link[1]))
	},
}

func uploadToWiki(t *testing.T, s *surfer) {
	t.Helper()
	picture := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xfc\xcf\xc0P\x0f\x00\x04\x85\x01\x80\x84\xa9\x8c!\x00\x00\x00\x00IEND\xaeB`\x82")
	page := s.get("/doku.php?id=start&do=media&ns=&tab_files=upload")
	form := hiddenFields(page.body)
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, field := range [][2]string{{"sectok", form.Get("sectok")}, {"ns", ""}, {"mediaid", "door.png"}, {"ow", "1"}} {
		w.WriteField(field[0], field[1])
	}
	part, err := w.CreateFormFile("upload", "door.png")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(picture)
	w.Close()
	s.send("POST", "/lib/exe/mediamanager.php?ns=&edid=wiki__text", &body, "Content-Type", w.FormDataContentType())
	if got := s.get("/lib/exe/fetch.php?media=door.png"); got.body != string(picture) {
		t.Fatalf("the uploaded file did not come back: %d, %d bytes", got.StatusCode, len(got.body))
	}
}

var cacti = application{
	rig: "cacti", program: "/usr/share/cacti/site/index.php",
	config: `
login:
  page: /cacti/index.php
  path: /cacti/index.php
  user: login_username
  password: login_password
  success: {any: [{status: 302}]}
  failure: {any: [{body: 'Access Denied'}]}
  confirm: {url: /cacti/about.php, signed_in: 'Logged in as', user: "id='user'[^>]*>([^<]+)<"}
logout: [/cacti/logout.php]
public: [/cacti/include/*, /cacti/images/*, /javascript/*]
cookies: {plain: ['/Cacti[A-Z].*/']}
`,
	login: "/cacti/index.php",
	fields: func(_, user, password string) url.Values {
		return url.Values{"action": {"login"}, "login_username": {user}, "login_password": {password}}
	},
	protected: "/cacti/about.php", mark: "Logged in as", wrong: "Access Denied",
	work: func(t *testing.T, s *surfer) {
		page := s.get("/cacti/auth_profile.php?action=edit")
		form := hiddenFields(page.body)
		form.Set("full_name", "Through the door")
		form.Set("email_address", "door@example.com")
		s.post("/cacti/auth_profile.php", form)
		if page := s.get("/cacti/auth_profile.php?action=edit"); !strings.Contains(page.body, "Through the door") {
			t.Fatalf("the saved profile does not show: %d %s", page.StatusCode, clip(page.body))
		}
	},
	logout: func(_ *testing.T, s *surfer) { s.get("/cacti/logout.php") },
}

var phpmyadmin = application{
	rig: "phpmyadmin", program: "/usr/share/phpmyadmin/index.php",
	config: `
login:
  page: /index.php
  path: /index.php
  form: {pma_username: "*"}
  user: pma_username
  password: pma_password
  success: {any: [{status: 302, cookie: '^pmaAuth-'}]}
  failure: {any: [{status: 200, body: 'Access denied'}]}
  confirm: {url: "/index.php?route=/", signed_in: 'route=/logout'}
logout: [{path: /index.php, methods: [POST], query: {route: /logout}}]
public: [/themes/*, /js/*, /favicon.ico]
cookies: {keep: [pma_lang]}
`,
	login: "/index.php", to: "/index.php?route=/",
	fields: func(page, user, password string) url.Values {
		form := hiddenFields(page)
		form.Set("pma_username", user)
		form.Set("pma_password", password)
		return form
	},
	protected: "/index.php?route=/database/structure&db=books", mark: "ledger",
	wrong: "The user name or the password was not accepted", // its own answer carries the session id, and is not shown
	work: func(t *testing.T, s *surfer) {
		token := hiddenFields(s.get("/index.php?route=/server/sql").body).Get("token")
		if a := s.post("/index.php?route=/import", url.Values{
			"token": {token}, "db": {"books"}, "ajax_request": {"1"}, "is_js_confirmed": {"0"}, "sql_delimiter": {";"},
			"sql_query": {"insert into books.ledger values (2, 'written through the door')"},
		}); !strings.Contains(a.body, "1 row inserted") {
			t.Fatalf("the row was not inserted: %d %s", a.StatusCode, clip(a.body))
		}
		page := s.get("/index.php?route=/sql&db=books&table=ledger&pos=0")
		if !strings.Contains(page.body, "written through the door") {
			t.Fatalf("the row does not show: %d %s", page.StatusCode, clip(page.body))
		}
	},
	logout: func(t *testing.T, s *surfer) {
		token := hiddenFields(s.get("/index.php?route=/server/sql").body).Get("token")
		s.post("/index.php?route=/logout", url.Values{"token": {token}})
	},
	own: func(t *testing.T, _ application, s *surfer, _ string) {
		// It takes user and password from the address too, at any page.
		for _, target := range []string{"/index.php?pma_username=alice&pma_password=alice-pass-1", "/index.php?route=/&pma_username=alice&pma_password=alice-pass-1"} {
			if a := s.get(target); strings.Contains(a.body, "ledger") || strings.Contains(a.body, "route=/logout") {
				t.Errorf("%s signed in", target)
			}
		}
	},
}

var wordpress = application{
	rig: "wordpress", program: "/usr/share/wordpress/wp-login.php",
	config: `
login:
  page: /wp-login.php
  path: /wp-login.php
  user: log
  password: pwd
  success: {any: [{cookie: '^wordpress_logged_in_'}]}
  failure: {any: [{status: 200, body: 'id="login_error"'}]}
  confirm: {url: /wp-admin/profile.php, signed_in: 'action=logout', user: 'id="user_login" value="([^"]+)"'}
logout: [{path: /wp-login.php, query: {action: logout}}]
public: [/wp-includes/*, /wp-admin/css/*, /wp-admin/js/*, /wp-admin/images/*, /wp-admin/load-styles.php, /wp-admin/load-scripts.php]
doors: [/xmlrpc.php]
cookies: {plain: ['wp-settings-*']}
`,
	login: "/wp-login.php",
	fields: func(page, user, password string) url.Values {
		form := hiddenFields(page)
		form.Set("log", user)
		form.Set("pwd", password)
		form.Set("rememberme", "forever")
		return form
	},
	protected: "/wp-admin/profile.php", mark: "action=logout", wrong: "is incorrect",
	work: func(t *testing.T, s *surfer) {
		form := hiddenFields(s.get("/wp-admin/profile.php").body)
		form.Del("log")
		form.Set("action", "update")
		form.Set("first_name", "Through the door فاتورة")
		form.Set("email", "alice@example.com")
		s.post("/wp-admin/profile.php", form)
		if page := s.get("/wp-admin/profile.php"); !strings.Contains(page.body, "Through the door فاتورة") {
			t.Fatalf("the saved profile does not show: %d %s", page.StatusCode, clip(page.body))
		}
	},
	logout: func(t *testing.T, s *surfer) {
		link := regexp.MustCompile(`href="([^"]*action=logout[^"]*)"`).FindStringSubmatch(s.get("/wp-admin/profile.php").body)
		if link == nil {
			t.Fatal("no logout link")
		}
		s.get(html.UnescapeString(link[1]))
	},
	own: func(t *testing.T, app application, s *surfer, outbox string) {
		call := "<?xml version=\"1.0\"?><methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value>alice</value></param><param><value>alice-pass-1</value></param></params></methodCall>"
		if a := s.send("POST", "/xmlrpc.php", strings.NewReader(call), "Content-Type", "text/xml"); strings.Contains(a.body, "isAdmin") {
			t.Error("XML-RPC signed in with the password alone")
		}
		// A right password without the test cookie: an error page with the signed-in cookies on it. The gateway fetches the form, and so
		// has the test cookie; what a browser sends without ever seeing the form leads to the code page all the same, and nowhere else.
		if a := s.post("/wp-login.php", url.Values{"log": {"alice@example.com"}, "pwd": {"alice-pass-1"}, "testcookie": {"1"}}); strings.Contains(a.body, "action=logout") {
			t.Error("a login without a cookie of the gateway's entered")
		}
		if a := s.login(app, "alice@example.com", "alice-pass-1"); !strings.HasSuffix(a.Request.URL.Path, "/_doorcode/code") {
			t.Fatalf("by e-mail address: want the code page, got %d at %s", a.StatusCode, a.Request.URL)
		}
		if m := newestMessage(t, outbox); !strings.Contains(m, "+970599123456") {
			t.Errorf("the code of alice@example.com went elsewhere than alice's: %s", clip(m))
		}
		if a := s.get(app.protected); strings.Contains(a.body, app.mark) {
			t.Error("the password alone opened a protected page")
		}
		s.enter(t, outbox, false)
		if a := s.get("/wp-admin/"); !strings.Contains(a.body, "action=logout") {
			t.Errorf("cookies with paths did not come along: %d", a.StatusCode)
		}
		if a := s.send("POST", "/xmlrpc.php", strings.NewReader(call), "Content-Type", "text/xml"); strings.Contains(a.body, "isAdmin") {
			t.Error("XML-RPC took a member's call")
		}
	},
}

var django = application{
	rig: "django", program: "/usr/lib/python3/dist-packages/django/__init__.py",
	config: `
login:
  page: /admin/login/?next=/admin/
  path: /admin/login/
  user: username
  password: password
  success: {any: [{status: 302, cookie: '^sessionid$'}]}
  failure: {any: [{status: 200, body: 'class="errornote"'}]}
  confirm: {url: /admin/password_change/, signed_in: 'href="/admin/logout/"'}
logout: [/admin/logout/]
public: [/static/*]
doors: [/accounts/*]
cookies: {plain: [csrftoken]}
`,
	login: "/admin/login/?next=/admin/",
	fields: func(page, user, password string) url.Values {
		form := hiddenFields(page)
		form.Set("username", user)
		form.Set("password", password)
		return form
	},
	protected: "/admin/", mark: "Site administration", wrong: "Please enter the correct username",
	work: func(t *testing.T, s *surfer) {
		form := hiddenFields(s.get("/admin/auth/group/add/").body)
		form.Set("name", "Bookkeepers محاسبون")
		s.post("/admin/auth/group/add/", form)
		if page := s.get("/admin/auth/group/"); !strings.Contains(page.body, "Bookkeepers محاسبون") {
			t.Fatalf("the saved group does not show: %d %s", page.StatusCode, clip(page.body))
		}
		// A script reads the cookie and sends it back in a header.
		form.Set("name", "By script")
		form.Del("csrfmiddlewaretoken")
		token := s.cookie("csrftoken")
		s.send("POST", "/admin/auth/group/add/", strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded",
			"X-CSRFToken", token, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")
		if page := s.get("/admin/auth/group/"); !strings.Contains(page.body, "By script") {
			t.Fatalf("the script's token did not arrive as %q: %s", token, clip(page.body))
		}
	},
	logout: func(_ *testing.T, s *surfer) { s.get("/admin/logout/") },
	own: func(t *testing.T, app application, s *surfer, outbox string) {
		// The second login address.
		form := hiddenFields(s.get(app.login).body)
		form.Set("username", "alice")
		form.Set("password", "alice-pass-1")
		s.post("/accounts/login/?next=/admin/", form)
		if a := s.get(app.protected); strings.Contains(a.body, app.mark) {
			t.Fatal("the second login address signed in")
		}
		// Django folds names by NFKC: alice in full width is alice, and gets alice's code.
		if a := s.login(app, "ａｌｉｃｅ", "alice-pass-1"); !strings.HasSuffix(a.Request.URL.Path, "/_doorcode/code") {
			t.Fatalf("in full width: want the code page, got %d at %s: %s", a.StatusCode, a.Request.URL, clip(a.body))
		}
		if m := newestMessage(t, outbox); !strings.Contains(m, "+970599123456") {
			t.Errorf("the code of alice in full width went elsewhere than alice's: %s", clip(m))
		}
		s.enter(t, outbox, false)
		s.post("/accounts/login/?next=/admin/", form)
		if a := s.get(app.protected); !strings.Contains(a.body, app.mark) {
			t.Error("the door at the second login address ended the session")
		}
	},
}
