package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
	"doorcode/gateway"
)

// letter is a received mail, taken apart by the standard library and not by the one that made it.
type letter struct {
	header  mail.Header
	subject string
	parts   map[string]string // media type → text
}

func openLetter(t *testing.T, raw string) letter {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("mail does not open: %v\n%s", err, raw)
	}
	l := letter{header: m.Header, parts: map[string]string{}}
	l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	must(t, err)
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	must(t, err)
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return l
		}
		must(t, err)
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		must(t, err)
		if how := part.Header.Get("Content-Transfer-Encoding"); how != "quoted-printable" {
			t.Fatalf("part %s is in %q", kind, how)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		must(t, err)
		l.parts[kind] = string(text)
	}
}

// oddName is a name that an admin may have written into users.yaml, with everything in it that a message could trip over.
const oddName = "<b onclick=x>Al</b> {code} {{.Code}} %s Bcc: evil@example.com"

func TestThreat_C4_MessageSaysWhatItsTemplateSays(t *testing.T) {
	users := usualUsers()
	users[0].Name, users[0].Aliases, users[0].Code, users[0].Email = oddName, []string{"alice"}, challenge.CodeBoth, secret.New("alice@example.com")
	h := newHouse(t, plan{users: users, config: func(c *gateway.Config) {
		c.PublicURLs = []*url.URL{{Scheme: "http", Host: "books.example.com"}, c.PublicURLs[0]}
	}})
	b := h.browser()
	b.agent = "Mozilla/5.0 Firefox/128.0 (Windows) <a href=http://evil.example>new login page</a> {code}\tBcc: evil@example.com"
	b.header.Set("X-Forwarded-Host", "evil.example")
	b.header.Set("X-Forwarded-For", "6.6.6.6")
	b.header.Set("X-Forwarded-Proto", "evil")
	b.header.Set("Forwarded", "host=evil.example;for=6.6.6.6")
	b.get("/login.php")
	h.wantCodePage(b.post("/login.php", url.Values{
		"username": {"alice"}, "password": {"alice-pass-1"},
		"mobile": {"+970599666666"}, "email": {"evil@example.com"}, "to": {"evil@example.com"}, "number": {"+970599666666"},
	}))
	if h.phone.count() != 1 || h.phone.lastTo("+970599123456") == "" || h.mail.total() != 1 || h.mail.count("alice@example.com") != 1 {
		t.Fatalf("%d SMS and %d mails were sent, want one each, to where the policy says", h.phone.count(), h.mail.total())
	}
	wantBareSMS(t, h.phone.last())
	wantBareMail(t, openLetter(t, h.mail.raw("alice@example.com")), sixDigits.FindString(h.phone.last()))
}

// wantBareSMS: the template's words, and last the line that binds the code to the first public address.
func wantBareSMS(t *testing.T, text string) {
	t.Helper()
	code := sixDigits.FindString(text)
	lines := strings.Split(text, "\n")
	if last := lines[len(lines)-1]; last != "@books.example.com #"+code {
		t.Errorf("last line of the SMS is %q, want %q", last, "@books.example.com #"+code)
	}
	wantNoOutsider(t, "SMS", text)
	if strings.Count(text, code) != 2 {
		t.Errorf("the code stands %d times in the SMS, want in its text and in its last line: %q", strings.Count(text, code), text)
	}
}

func wantBareMail(t *testing.T, l letter, code string) {
	t.Helper()
	allowed := []string{
		"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Received", "Subject", "To", "X-Auto-Response-Suppress",
	}
	for _, name := range slices.Sorted(maps.Keys(l.header)) {
		if !slices.Contains(allowed, name) || len(l.header[name]) != 1 {
			t.Errorf("header %s: %q: not one that the gateway writes", name, l.header[name])
		}
		wantNoOutsider(t, "header "+name, strings.Join(l.header[name], "\n"))
	}
	if to := l.header.Get("To"); to != "<alice@example.com>" {
		t.Errorf("To: %s, want alice alone", to)
	}
	wantNoOutsider(t, "subject", l.subject)
	if strings.Contains(l.subject, code) {
		t.Errorf("the code stands in the subject, which shows on locked screens: %q", l.subject)
	}
	text, page := l.parts["text/plain"], l.parts["text/html"]
	if len(l.parts) != 2 || text == "" || page == "" {
		t.Fatalf("parts %v, want text and HTML", slices.Sorted(maps.Keys(l.parts)))
	}
	for where, part := range map[string]string{"text": text, "HTML": page} {
		if n := strings.Count(part, code); n != 1 {
			t.Errorf("the code stands %d times in the %s, want once: a name filled it in\n%s", n, where, part)
		}
		if !strings.Contains(part, "127.0.0.1") || !strings.Contains(part, "books.example.com") {
			t.Errorf("the %s names neither the address that asked nor the host to enter the code at:\n%s", where, part)
		}
		// What is not the policy's own name for the user comes from nowhere.
		wantNoOutsider(t, where, strings.ReplaceAll(part, "Bcc: evil@example.com", ""))
		if regexp.MustCompile(`(?m)^\s*Bcc:`).MatchString(part) {
			t.Errorf("a name began a line of its own in the %s:\n%s", where, part)
		}
	}
	if strings.Contains(page, "<b onclick") || !strings.Contains(page, "&lt;b onclick") {
		t.Errorf("a name is markup in the HTML:\n%s", page)
	}
}

func wantNoOutsider(t *testing.T, where, text string) {
	t.Helper()
	for _, bad := range []string{"evil", "6.6.6.6", "970599666666", "<a href", "127.0.0.1:"} {
		if strings.Contains(text, bad) {
			t.Errorf("%s has %q in it, which nobody but a stranger said: %q", where, bad, text)
		}
	}
}

// A name with line breaks is nobody's; a Host that is none of ours gets nothing sent.
func TestThreat_C4_LineBreaksAndForgedHost(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.get("/login.php")
	for _, name := range []string{
		"alice\r\nBcc: evil@example.com", "alice\nBcc: evil@example.com", "alice\r\n.\r\nMAIL FROM:<evil@example.com>", "alice\x00",
		"alice@example.com\r\n", "alice@example.com,evil@example.com", "<alice@example.com> <evil@example.com>", "{{.Code}}",
	} {
		a := b.post("/login.php", url.Values{"username": {name}, "password": {"alice-pass-1"}})
		if a.StatusCode == http.StatusSeeOther || a.StatusCode >= 500 {
			t.Errorf("login as %q: %d to %q", name, a.StatusCode, a.to())
		}
	}
	form := "username=alice&password=alice-pass-1"
	for _, host := range []string{"evil.example", "evil.example:80", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "127.0.0.1%0d%0aX", ""} {
		status, _ := rawRequest(t, h, fmt.Sprintf("POST /login.php HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
			host, b.cookies(), len(form), form))
		if status != http.StatusMisdirectedRequest && status != http.StatusBadRequest {
			t.Errorf("Host %q: %d, want 421", host, status)
		}
	}
	if h.phone.count()+h.mail.total() != 0 {
		t.Errorf("%d SMS and %d mails were sent, want none", h.phone.count(), h.mail.total())
	}
	h.wantCodePage(b.login("alice"))
}

// A mobile that changes while a code is pending ends it: neither number gets another message.
func TestThreat_C4_DestinationChanges(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	form := b.codeForm(h.lastCode("alice"))
	h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Mobile = secret.New("+970599777777") })
	h.clock.add(time.Minute)
	if a := b.post("/_doorcode/resend", form); a.StatusCode != http.StatusGone {
		t.Errorf("resend after the number changed: %d to %q, want the page that says it is over", a.StatusCode, a.to())
	}
	h.wantRefused("the code that went to the old number", b.post("/_doorcode/code", form))
	if n := h.phone.count(); n != 1 {
		t.Errorf("%d messages, want the first alone", n)
	}
	b.enterWith("alice")
	if h.phone.lastTo("+970599777777") == "" {
		t.Error("the new login's code did not go to the new number")
	}
}

// alike is what an answer tells: all of it but what is random in every one.
func alike(a answer) string {
	var b bytes.Buffer
	fmt.Fprintln(&b, a.StatusCode)
	h := a.Header.Clone()
	h.Del("Date")
	for i, v := range h["Set-Cookie"] {
		name, _, _ := strings.Cut(v, "=")
		_, attributes, _ := strings.Cut(v, ";")
		h["Set-Cookie"][i] = name + ";" + attributes
	}
	_ = h.Write(&b)
	b.WriteString(randomParts.ReplaceAllString(a.body, "*"))
	return b.String()
}

// randomParts are request ids and form tokens.
var randomParts = regexp.MustCompile(`[A-Z2-7]{6}-[0-9a-z]+|value="[^"]{40,}"`)

// busyStore counts the calls of everything that a login or a try may ask of a store.
type busyStore struct {
	challenge.Store
	calls atomic.Int64
}

func (s *busyStore) around(store challenge.Store) challenge.Store {
	s.Store = store
	return s
}

func (s *busyStore) Begin(ctx context.Context, c challenge.Challenge, replaced string, charge challenge.SendCharge, rules challenge.CodeRules) (challenge.Revoked, error) {
	s.calls.Add(1)
	return s.Store.Begin(ctx, c, replaced, charge, rules)
}

func (s *busyStore) Challenge(ctx context.Context, id string, now time.Time) (challenge.Challenge, error) {
	s.calls.Add(1)
	return s.Store.Challenge(ctx, id, now)
}

func (s *busyStore) Admit(ctx context.Context, e challenge.Entry) (challenge.Admitted, error) {
	s.calls.Add(1)
	return s.Store.Admit(ctx, e)
}

// What is asked with a wrong password tells nothing of the policy: not whether the user is listed, has a code, or is disabled.
func TestThreat_C5_WrongPassword(t *testing.T) {
	store := &busyStore{}
	users := append(usualUsers(),
		challenge.User{Name: "off", Code: challenge.CodeOff, Place: "users.yaml:7"},
		challenge.User{Name: "gone", Code: challenge.CodeSMS, Mobile: secret.New("+970599000000"), Disabled: true, Place: "users.yaml:8"},
		challenge.User{Name: "nowhere", Code: challenge.CodeSMS, Place: "users.yaml:9"},
	)
	h := newHouse(t, plan{users: users, store: store.around})
	other := h.browser()
	h.wantCodePage(other.login("mallory")) // has a code pending
	calls := store.calls.Load()
	want := ""
	for _, name := range []string{"alice", "ALICE", "alice@example.com", "bob", "mallory", "off", "gone", "nowhere", "nobody", strings.Repeat("x", 300)} {
		b := h.browser()
		b.get("/login.php")
		before := len(h.naive.Requests())
		a := b.post("/login.php", url.Values{"username": {name}, "password": {"wrong"}})
		got := fmt.Sprintln(len(h.naive.Requests())-before, "requests went up") + alike(a)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("wrong password of %.20q: another answer than for the first:\n%s\nwant\n%s", name, got, want)
		}
	}
	if n := store.calls.Load() - calls; n != 0 {
		t.Errorf("the store was asked %d times for wrong passwords, want never: that could be timed", n)
	}
}

// Every code that is refused is refused in the same words: nearly right, of a challenge that is over, of one that never was.
func TestThreat_C5_WrongCode(t *testing.T) {
	h := newHouse(t, plan{})
	nearly := func(code string) string { return code[:5] + string('0'+(code[5]-'0'+1)%10) }
	var want string
	for _, c := range []struct {
		name string
		then func(b *browser)
		code func(right string) string
	}{
		{"wrong in every digit", nil, func(right string) string {
			return strings.Map(func(r rune) rune { return '0' + (r-'0'+5)%10 }, right)
		}},
		{"wrong in one digit", nil, nearly},
		{"too short", nil, func(right string) string { return right[:5] }},
		{"too long", nil, func(right string) string { return right + "0" }},
		{"no digits", nil, func(string) string { return "letmein" }},
		{"expired, right code", func(b *browser) { h.clock.add(11 * time.Minute) }, func(right string) string { return right }},
		{"expired, wrong code", func(b *browser) { h.clock.add(11 * time.Minute) }, wrongCode},
		{"cancelled", func(b *browser) {
			_, err := h.door.Cancel(h.t.Context(), h.challengeOf(b))
			must(h.t, err)
		}, func(right string) string { return right }},
		{"user now disabled", func(b *browser) {
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[1].Disabled = true })
		}, func(right string) string { return right }},
	} {
		b := h.browser()
		h.wantCodePage(b.login("bob"))
		form := b.codeForm(c.code(h.lastCode("bob")))
		if c.then != nil {
			c.then(b)
		}
		got := alike(b.post("/_doorcode/code", form))
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: another answer than for a plainly wrong code:\n%s\nwant\n%s", c.name, got, want)
		}
		h.clock.add(2 * time.Hour)
	}
	h.wantNothingAs("bob")
}
