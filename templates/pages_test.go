package templates

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// evil is markup in every field that a page shows.
const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`

func codePage(s *Set) CodePage {
	return CodePage{AppName: "HESABATE", User: "ahmad.saleh", Digits: 6, Challenge: "c1", Token: "t1", CanRemember: true, RememberDays: 30,
		ResendIn: 27 * time.Second, ResendsLeft: 3, ExpiresIn: 10 * time.Minute, WaitFor: 2 * time.Minute, LoginPath: "/login.php",
		Languages: s.Links("?lang="),
		Routes:    []RouteLine{{Channel: "sms", Masked: "059•••••56", State: "sent"}, {Channel: "email", Masked: "a•••••@example.com", State: "pending"}}}
}

func codeHTML(t testing.TB, s *Set, lang string, p CodePage) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Code(&b, lang, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func noticeHTML(t testing.TB, s *Set, lang string, n Notice) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Notice(&b, lang, n); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// constants lists the values of the string constants of a type in this package, so that a new one cannot be forgotten here.
func constants(t *testing.T, file, typeName string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); ok && id.Name == typeName {
			value, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("no constants of type %s in %s", typeName, file)
	}
	return values
}

func TestKindsAreComplete(t *testing.T) {
	for _, name := range constants(t, "notice.go", "Kind") {
		if !slices.Contains(Kinds(), Kind(name)) {
			t.Errorf("Kinds does not list %q", name)
		}
	}
}

// Every state of the code page is a sound page in every language.
func TestCodePages(t *testing.T) {
	s := set(t)
	pages := map[string]CodePage{"plain": codePage(s), "bare": {Digits: 8}}
	for _, e := range constants(t, "codepage.go", "CodeError") {
		p := codePage(s)
		p.Error, p.Remember = CodeError(e), true
		pages["error "+e] = p
	}
	failed := codePage(s)
	failed.Routes[0].State, failed.Routes[1].State = "failed", "failed"
	pages["failed"] = failed
	spent := codePage(s)
	spent.ResendsLeft = 0
	pages["spent"] = spent
	others := []RouteLine{{Channel: "sms", Masked: "059•••••56"}, {Channel: "email", Masked: "a•••••@example.com"}}
	for name, e := range map[string]CodeError{"": "", "failed": CodeDelivery, "unsure": CodeUnsure, "no SMS": CodeSMSSpent} {
		choosing, other, both := codePage(s), codePage(s), codePage(s)
		choosing.Choosing, choosing.Routes, choosing.Others, choosing.Error = true, nil, others, e
		other.Others, other.Error, other.LookIn = others[:1], e, 5*time.Second
		both.Routes, both.Others, both.Error = failed.Routes, others, e
		pages["choosing "+name], pages["another way "+name], pages["failed, another way "+name] = choosing, other, both
	}
	instead := codePage(s)
	instead.Routes = []RouteLine{{Channel: "email", Masked: "a•••••@example.com", State: "sent", Instead: true}}
	pages["instead"] = instead
	hostile := CodePage{AppName: evil, User: evil, Challenge: evil, Token: evil, Nonce: evil, LoginPath: "javascript:alert(1)",
		Routes: []RouteLine{{Channel: "sms", Masked: evil, State: "sent"}}, Languages: []LanguageLink{{evil, evil, "javascript:alert(1)"}}}
	pages["hostile"] = hostile
	for _, lang := range s.Languages() {
		for name, p := range pages {
			t.Run(lang+" "+name, func(t *testing.T) { checkPage(t, s.in(lang), codeHTML(t, s, lang, p)) })
		}
	}
}

// Every notice is a sound page in every language, with all it must say on it.
func TestNotices(t *testing.T) {
	s := set(t)
	for _, lang := range s.Languages() {
		for _, k := range Kinds() {
			t.Run(lang+" "+string(k), func(t *testing.T) {
				page := noticeHTML(t, s, lang, Notice{Kind: k, AppName: evil, RequestID: "7K2M" + evil, Wait: 5 * time.Minute,
					LoginPath: "/login.php", Return: "/invoices?id=1&x=2", Languages: s.Links("/_doorcode/language?lang=")})
				checkPage(t, s.in(lang), page)
				if k.Status() == 500 && k != Internal {
					t.Error("no status of its own")
				}
				for _, want := range []string{"7K2M", strconv.Itoa(k.Status())} {
					if !strings.Contains(page, want) {
						t.Errorf("no %q on the page", want)
					}
				}
				if text := s.Text(lang, k); strings.ContainsAny(text, "{}\n<") || len(text) < 20 {
					t.Errorf("as text: %q", text)
				}
			})
		}
	}
}

// The forms carry what the gateway reads, and the field is as standards.md §3.5 and §4 want it.
func TestCodePageForms(t *testing.T) {
	s := set(t)
	p := codePage(s)
	p.Error = CodeWrong
	root, err := html.Parse(strings.NewReader(codeHTML(t, s, "ar", p)))
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string][]string{}
	for n := range root.Descendants() {
		if n.Data != "form" {
			continue
		}
		for in := range n.Descendants() {
			if in.Data == "input" {
				forms[attr(n, "action")] = append(forms[attr(n, "action")], attr(in, "name")+"="+attr(in, "value"))
			}
			if attr(in, "name") == "code" {
				checkCodeField(t, in)
			}
		}
	}
	for action, want := range map[string]string{
		"/_doorcode/code":   "challenge=c1 token=t1 code= remember=1",
		"/_doorcode/resend": "challenge=c1 token=t1",
		"/_doorcode/cancel": "challenge=c1 token=t1",
	} {
		if got := strings.Join(forms[action], " "); got != want {
			t.Errorf("form to %s: got %q, want %q", action, got, want)
		}
	}
}

func checkCodeField(t *testing.T, n *html.Node) {
	t.Helper()
	for key, want := range map[string]string{"type": "text", "inputmode": "numeric", "autocomplete": "one-time-code", "dir": "ltr",
		"aria-invalid": "true", "aria-describedby": "report valid", "maxlength": "", "pattern": ""} {
		if got := attr(n, key); got != want {
			t.Errorf("code field: %s is %q, want %q", key, got, want)
		}
	}
}

func TestCodePageSays(t *testing.T) {
	s := set(t)
	tests := []struct {
		name   string
		change func(*CodePage)
		has    string
		hasNot string
	}{
		{"masked destination isolated", func(p *CodePage) {}, `dir="ltr">059•••••56</bdi>`, "could not be sent"},
		{"remember", func(p *CodePage) {}, "<bdi>30 days</bdi>", " checked"},
		{"remember ticked", func(p *CodePage) { p.Remember = true }, " checked", ""},
		{"never remembered", func(p *CodePage) { p.CanRemember = false }, "", `name="remember"`},
		{"resend later", func(p *CodePage) {}, "The code can be sent again in <bdi>27 seconds</bdi>.", ""},
		{"resend now", func(p *CodePage) { p.ResendIn = 0 }, `action="/_doorcode/resend"`, "can be sent again in"},
		{"resend spent", func(p *CodePage) { p.ResendIn = -1 }, "cannot be sent again for this login", "/_doorcode/resend"},
		{"no resend left", func(p *CodePage) { p.ResendsLeft = 0 }, "cannot be sent again for this login", "/_doorcode/resend"},
		{"no script needed to press", func(p *CodePage) {}, `<button id="resend"`, " disabled"},
		{"wait", func(p *CodePage) { p.Error = CodeWait }, "try again in <bdi>2 minutes</bdi>", ""},
		{"good news", func(p *CodePage) { p.Error = CodeResent }, `class="report good" role="status"`, "aria-invalid"},
		{"trouble of sending is no fault of the field", func(p *CodePage) { p.Error = CodeDelivery }, `role="alert"`, "aria-invalid"},
		{"another way", func(p *CodePage) { p.Others = []RouteLine{{Channel: "sms", Masked: "059•••••57"}} }, `name="way" value="sms">By SMS to <bdi dir="ltr">059•••••57</bdi>`, "below"},
		{"failed with another way", func(p *CodePage) { p.Others, p.Error = p.Routes, CodeDelivery }, "try another way below", ""},
		{"failed, and no send is left", func(p *CodePage) { p.Others, p.Error, p.ResendsLeft = p.Routes, CodeDelivery, 0 }, "could not be sent", `name="way"`},
		{"nobody types what was not sent", func(p *CodePage) { p.Routes[0].State, p.Routes[1].State = "failed", "failed" }, `<button id="resend"`, "autofocus"},
		{"choosing", func(p *CodePage) { p.Choosing, p.Others, p.Routes = true, p.Routes, nil }, "How do you want to get your code?", `name="code"`},
		{"on its way", func(p *CodePage) { p.LookIn = time.Second }, `<a href="/_doorcode/code">Look again`, ""},
		{"all is known", func(p *CodePage) {}, `data-in="0"`, "Look again"},
		{"nobody named", func(p *CodePage) { p.User = "" }, "", "Signing in as"},
		{"another base", func(p *CodePage) { p.BasePath = "/x" }, `href="/x/assets/door.css?v=`, "/_doorcode"},
		{"a nonce", func(p *CodePage) { p.Nonce = "n0" }, `nonce="n0"`, ""},
		{"a login elsewhere is no link", func(p *CodePage) { p.LoginPath = "//evil.example/" }, "", "evil.example"},
	}
	for _, tt := range tests {
		p := codePage(s)
		tt.change(&p)
		page := codeHTML(t, s, "en", p)
		if !strings.Contains(page, tt.has) {
			t.Errorf("%s: no %q", tt.name, tt.has)
		}
		if tt.hasNot != "" && strings.Contains(page, tt.hasNot) {
			t.Errorf("%s: has %q", tt.name, tt.hasNot)
		}
	}
}

// Threat D5: whatever address is handed in, a notice links to our own origin or nowhere.
func TestNoticeLinks(t *testing.T) {
	s := set(t)
	tests := []struct {
		kind       Kind
		login, ret string
		want       string
	}{
		{SignInAgain, "/login.php", "/x", `href="/login.php" target="_blank" rel="noopener"`},
		{UpstreamDown, "/login.php", "/x?a=1&b=2", `href="/x?a=1&amp;b=2"`},
		{NotFound, "/login.php", "/x", `href="/x"`},
		{Expired, "/login.php", "/x", `href="/login.php"`},
		{Expired, "", "/x", ""},
		{Expired, "//evil.example", "/x", ""},
		{Expired, `/\evil.example`, "/x", ""},
		{Expired, "https://evil.example", "/x", ""},
		{Expired, "javascript:alert(1)", "/x", ""},
		{UpstreamDown, "/login.php", "/\t/evil.example", ""},
	}
	for _, tt := range tests {
		page := noticeHTML(t, s, "en", Notice{Kind: tt.kind, LoginPath: tt.login, Return: tt.ret})
		if got := strings.Contains(page, "<a "); got != (tt.want != "") || !strings.Contains(page, tt.want) {
			t.Errorf("%s with %q and %q: want the link %q", tt.kind, tt.login, tt.ret, tt.want)
		}
	}
}

func TestNoticeWaits(t *testing.T) {
	s := set(t)
	for _, k := range []Kind{TooMany, Waiting, Sends} {
		if page := noticeHTML(t, s, "ar", Notice{Kind: k, Wait: 5 * time.Minute}); !strings.Contains(page, "<bdi>5 دقائق</bdi>") {
			t.Errorf("%s does not say how long", k)
		}
		if text := s.Text("en", k); !strings.Contains(text, "in a few minutes") {
			t.Errorf("%s as text: %q", k, text)
		}
	}
}

// A kind that does not exist is an error of ours, and half a page must not look like an answer.
func TestNothingWrittenOnError(t *testing.T) {
	s := set(t)
	var b bytes.Buffer
	if err := s.Notice(&b, "en", Notice{Kind: "no such"}); err == nil || b.Len() > 0 {
		t.Errorf("notice: error %v, %d bytes", err, b.Len())
	}
	if err := s.Code(&b, "en", CodePage{Error: "no such"}); err == nil || b.Len() > 0 {
		t.Errorf("code page: error %v, %d bytes", err, b.Len())
	}
	if got, want := s.Text("en", "no such"), s.Text("en", Internal); got != want {
		t.Errorf("text of an unknown kind: %q", got)
	}
	if page := noticeHTML(t, s, "xx", Notice{Kind: Internal}); !strings.Contains(page, `lang="en"`) {
		t.Error("an unknown language is not English")
	}
}

// Style and script take nothing from elsewhere, and every colour that is used is there.
func TestAssets(t *testing.T) {
	s := set(t)
	for name, wantType := range map[string]string{"door.css": "text/css; charset=utf-8", "door.js": "text/javascript; charset=utf-8", "door.svg": "image/svg+xml"} {
		body, contentType, ok := s.Asset(name)
		if !ok || contentType != wantType || len(body) == 0 {
			t.Errorf("%s: %d bytes of %q", name, len(body), contentType)
		}
		if regexp.MustCompile(`@import|url\(|eval\(|innerHTML|src=`).Match(body) {
			t.Errorf("%s takes something from elsewhere", name)
		}
	}
	for _, name := range []string{"", "code.html", "en.properties", "../door.css", "door.css/"} {
		if _, _, ok := s.Asset(name); ok {
			t.Errorf("%q is given away", name)
		}
	}
	css, _, _ := s.Asset("door.css")
	for _, v := range regexp.MustCompile(`var\((--[a-z-]+)\)`).FindAllSubmatch(css, -1) {
		if !bytes.Contains(css, append(v[1], ':')) {
			t.Errorf("door.css uses %s, which is not set", v[1])
		}
	}
	js, _, _ := s.Asset("door.js")
	if m := regexp.MustCompile("=>|\\b(let|const|class|async|await) |`").Find(js); m != nil {
		t.Errorf("door.js has %q, which old phones do not know", m)
	}
}

// Every text that may be said about a code is there in every language, and nothing is in Latin where Arabic is wanted.
func TestArabicIsArabic(t *testing.T) {
	s := set(t)
	for key, v := range s.words["ar"].texts {
		if key == "language.dir" || key == "page.title" {
			continue
		}
		if !regexp.MustCompile(`\p{Arabic}`).MatchString(v.words) {
			t.Errorf("%s: %s is not translated: %q", v.place, key, v.words)
		}
		if regexp.MustCompile(`[٠-٩]`).MatchString(v.words) {
			t.Errorf("%s: %s: digits are Latin here (standards.md §4): %q", v.place, key, v.words)
		}
	}
}

func BenchmarkCodePage(b *testing.B) {
	s := set(b)
	p := codePage(s)
	for b.Loop() {
		if err := s.Code(new(bytes.Buffer), "ar", p); err != nil {
			b.Fatal(err)
		}
	}
}
