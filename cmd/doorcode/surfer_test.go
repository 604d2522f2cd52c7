package main

import (
	"cmp"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

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

// cookie is the value of a cookie that scripts see.
func (s *surfer) cookie(name string) string {
	s.t.Helper()
	base, err := url.Parse(s.base)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range s.client.Jar.Cookies(base) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
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
	page := s.get(app.login)
	return s.post(cmp.Or(app.to, app.login), app.fields(page.body, user, password))
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
	text := newestMessage(t, outbox)
	m := codeInMessage.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no code in the message: %s", text)
	}
	return m[1]
}

func newestMessage(t *testing.T, outbox string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(outbox, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no message in the outbox: %v", err)
	}
	text, err := os.ReadFile(files[len(files)-1]) // their names begin with the time
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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
