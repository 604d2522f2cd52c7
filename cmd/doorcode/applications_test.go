package main

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// application is a real, unmodified PHP application behind the real binary.
type application struct {
	rig       string // in testdata/rigs
	program   string // that must be installed, a file
	config    string // gateway.yaml but for the lines that every one shares
	login     string // page with the form
	fields    func(user, password string) url.Values
	protected string // a page that only members see
	mark      string // on it
	wrong     string // on the answer to a wrong password
	work      func(t *testing.T, s *surfer)
	logout    func(t *testing.T, s *surfer)
}

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
	login: "/doku.php?id=start&do=login",
	fields: func(user, password string) url.Values {
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
	fields: func(user, password string) url.Values {
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

func TestRealApplications(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache and MariaDB: not under -short")
	}
	binary := buildBinary(t)
	for _, app := range []application{dokuwiki, cacti} {
		t.Run(app.rig, func(t *testing.T) { app.try(t, binary) })
	}
}

// buildBinary builds the real thing, once for all applications.
func buildBinary(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "doorcode")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// try is a day with one application.
func (app application) try(t *testing.T, binary string) {
	upstream := app.start(t)
	outbox := filepath.Join(t.TempDir(), "outbox")
	address := app.serve(t, binary, upstream, outbox)
	alice := newSurfer(t, address)

	if a := alice.get(app.protected); strings.Contains(a.body, app.mark) {
		t.Fatal("a stranger read a protected page")
	}
	if a := alice.login(app, "alice", "not-the-password"); !strings.Contains(a.body, app.wrong) {
		t.Fatalf("wrong password: want the application's own %q, got %d: %s", app.wrong, a.StatusCode, clip(a.body))
	}
	if a := alice.login(app, "alice", "alice-pass-1"); !strings.HasSuffix(a.Request.URL.Path, "/_doorcode/code") {
		t.Fatalf("right password: want the code page, got %d at %s: %s", a.StatusCode, a.Request.URL, clip(a.body))
	}
	if a := alice.get(app.protected); strings.Contains(a.body, app.mark) {
		t.Fatal("the password alone opened a protected page")
	}
	alice.enter(t, outbox, true)
	if a := alice.get(app.protected); !strings.Contains(a.body, app.mark) {
		t.Fatalf("the right code did not let in: %d at %s: %s", a.StatusCode, a.Request.URL, clip(a.body))
	}
	app.work(t, alice)
	app.logout(t, alice)
	if a := alice.get(app.protected); strings.Contains(a.body, app.mark) {
		t.Fatal("still in after the logout")
	}
	if a := alice.login(app, "alice", "alice-pass-1"); strings.Contains(a.Request.URL.Path, "/_doorcode/") {
		t.Fatalf("a remembered browser was asked for a code: %s", clip(a.body))
	}
	if a := alice.get(app.protected); !strings.Contains(a.body, app.mark) {
		t.Fatal("a remembered browser did not get in")
	}
	// The second user of the same browser is not spared the code by the first one's tick.
	if a := alice.login(app, "bob", "bob-pass-1"); !strings.HasSuffix(a.Request.URL.Path, "/_doorcode/code") {
		t.Fatalf("second user: want the code page, got %d at %s", a.StatusCode, a.Request.URL)
	}
	if a := alice.get(app.protected); strings.Contains(a.body, app.mark) {
		t.Fatal("the second user's password alone opened a protected page")
	}
	alice.enter(t, outbox, false)
	if a := alice.get(app.protected); !strings.Contains(a.body, app.mark) {
		t.Fatal("the second user did not get in")
	}
}

// start starts the rig and returns its address.
func (app application) start(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(app.program); err != nil {
		missing(t, app.rig, "bash testdata/rigs/"+app.rig+".sh install (Debian 12, root)")
	}
	home, err := os.MkdirTemp("", "doorcode-rig-")
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(home, 0o755) // Apache and MariaDB drop root and must get through it
	t.Cleanup(func() { os.RemoveAll(home) })
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	script := filepath.Join("..", "..", "testdata", "rigs", app.rig+".sh")
	rig := func(args ...string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "bash", append([]string{script}, args...)...)
		cmd.Env = append(os.Environ(), "RIG_HOME="+home)
		return cmd.CombinedOutput()
	}
	t.Cleanup(func() { rig("stop") })
	if out, err := rig("start", port); err != nil {
		t.Fatalf("start %s: %v\n%s", app.rig, err, out)
	}
	return address
}

// serve starts the real binary in front of it.
func (app application) serve(t *testing.T, binary, upstream, outbox string) string {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	config := fmt.Sprintf("name: %s\nlisten: {address: %q, insecure: true}\npublic_url: http://%s\nupstream: {url: \"http://%s\"}\noutbox: %s\ncountry: PS\n%s",
		app.rig, address, address, upstream, outbox, app.config)
	users := "unlisted: refuse\ndefaults: {remember: 30d}\nusers:\n  - {name: alice, code: sms, mobile: 0599123456}\n  - {name: bob, code: email, email: bob@example.com}\n"
	for name, text := range map[string]string{"gateway.yaml": config, "users.yaml": users} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	startBinary(t, binary, address, "serve", "--config", filepath.Join(dir, "gateway.yaml"))
	return address
}

// startBinary runs the program until the test ends, and waits until it listens.
func startBinary(t *testing.T, binary, address string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		<-ended
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", &log)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the gateway did not start: %v", err)
		default:
		}
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			c.Close()
			return
		}
	}
	t.Fatal("the gateway does not listen")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// surfer is a browser that follows redirects.
type surfer struct {
	t      *testing.T
	base   string
	client *http.Client
}

func newSurfer(t *testing.T, address string) *surfer {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &surfer{t: t, base: "http://" + address, client: &http.Client{Jar: jar, Timeout: time.Minute}}
}

type page struct {
	*http.Response
	body string
}

func (s *surfer) get(target string) page { s.t.Helper(); return s.send("GET", target, nil) }

func (s *surfer) post(target string, form url.Values) page {
	s.t.Helper()
	return s.send("POST", target, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

func (s *surfer) send(method, target string, body io.Reader, header ...string) page {
	s.t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = s.base + target
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	req.Header.Set("Accept", "text/html,*/*;q=0.8")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Origin", s.base)
	req.Header.Set("Referer", s.base+"/")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return page{res, string(read)}
}

func (s *surfer) login(app application, user, password string) page {
	s.t.Helper()
	s.get(app.login)
	target, _, _ := strings.Cut(app.login, "&do=")
	return s.post(target, app.fields(user, password))
}

// enter reads the newest message in the outbox and enters its code.
func (s *surfer) enter(t *testing.T, outbox string, remember bool) {
	t.Helper()
	form := hiddenFields(s.get("/_doorcode/code").body)
	form.Set("code", newestCode(t, outbox))
	if remember {
		form.Set("remember", "1")
	}
	if a := s.post("/_doorcode/code", form); strings.Contains(a.Request.URL.Path, "/_doorcode/") {
		t.Fatalf("the code was refused: %s", clip(a.body))
	}
}

var codeInMessage = regexp.MustCompile(`(?m)(?:^|[: #])(\d{6})\s*$`)

func newestCode(t *testing.T, outbox string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(outbox, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no message in the outbox: %v", err)
	}
	text, err := os.ReadFile(files[len(files)-1]) // their names begin with the time
	if err != nil {
		t.Fatal(err)
	}
	m := codeInMessage.FindStringSubmatch(string(text))
	if m == nil {
		t.Fatalf("no code in the message: %s", text)
	}
	return m[1]
}

var (
	inputTag  = regexp.MustCompile(`(?i)<input\b[^>]*>`)
	attribute = regexp.MustCompile(`([\w-]+)\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)`)
)

// hiddenFields collects the hidden and text fields of a page's forms.
func hiddenFields(body string) url.Values {
	form := url.Values{}
	for _, tag := range inputTag.FindAllString(body, -1) {
		attrs := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
			attrs[strings.ToLower(m[1])] = html.UnescapeString(strings.Trim(m[2], `"'`))
		}
		if kind := attrs["type"]; attrs["name"] != "" && (kind == "hidden" || kind == "text") {
			form.Set(attrs["name"], attrs["value"])
		}
	}
	return form
}

func clip(s string) string { return s[:min(len(s), 1500)] }
