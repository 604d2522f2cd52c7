package gateway_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/email"
	"doorcode/challenge/secret"
	"doorcode/challenge/sms"
	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/gateway/submit"
	"doorcode/testdata/naive"
)

// secrets is what must be nowhere, by what it is.
type secrets struct {
	mu  sync.Mutex
	all map[string][]string
}

func (s *secrets) add(kind string, values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string][]string{}
	}
	for _, v := range values {
		if v != "" && !slices.Contains(s.all[kind], v) {
			s.all[kind] = append(s.all[kind], v)
		}
	}
}

// wantNoneIn fails for each secret of these kinds that text has in it, and where there is none of a kind to look for.
func (s *secrets) wantNoneIn(t *testing.T, where, text string, kinds ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range kinds {
		if len(s.all[kind]) == 0 {
			t.Errorf("the flows had no %s in them", kind)
		}
		for _, value := range s.all[kind] {
			wantNone(t, where+" ("+kind+")", text, value)
		}
	}
}

// flows walks every way through the gateway and notes the secrets that came by.
type flows struct {
	t      *testing.T
	h      *house
	secret *secrets
	heard  []*logBuffer
}

const (
	aCode            = "code"
	aPassword        = "password"
	anUpstreamCookie = "upstream cookie"
	aGatewayCookie   = "gateway cookie"
	aDestination     = "destination"
	aMessage         = "message"
	aToken           = "form token"
)

func (f *flows) browser() *browser {
	b := f.h.browser()
	f.heard = append(f.heard, b.listen())
	return b
}

// note writes down what this browser holds and what was sent to it.
func (f *flows) note(b *browser) {
	for _, c := range b.jar.Cookies(parseURL(f.t, f.h.url)) {
		f.secret.add(aGatewayCookie, c.Value)
	}
	f.h.phone.mu.Lock()
	defer f.h.phone.mu.Unlock()
	for _, text := range f.h.phone.texts {
		f.secret.add(aMessage, strings.Split(text, "\n")...)
		f.secret.add(aCode, sixDigits.FindString(text))
	}
	f.h.mail.mu.Lock()
	defer f.h.mail.mu.Unlock()
	for _, mails := range f.h.mail.mails {
		for _, raw := range mails {
			text := openLetter(f.t, raw).parts["text/plain"]
			f.secret.add(aCode, sixDigits.FindString(text))
			first, _, _ := strings.Cut(text, "\n")
			f.secret.add(aMessage, first)
		}
	}
}

// enter enters codes from the code page until one is right.
func (f *flows) enter(b *browser, codes ...string) {
	form := b.codeForm("")
	f.secret.add(aToken, form.Get("token"))
	for _, c := range codes {
		f.note(b)
		f.secret.add(aCode, c)
		form := withCode(form, c)
		form.Set("remember", "1")
		b.post("/_doorcode/code", form)
	}
	f.note(b)
}

func (f *flows) failedLogins() {
	b := f.browser()
	b.get("/login.php")
	for _, user := range []string{"alice", "nobody", "gone"} {
		b.post("/login.php", url.Values{"username": {user}, "password": {"wrong-secret-word"}})
	}
	b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1", "second-secret-word"}})        // ambiguous
	b.post("/login.php?password=queried-secret-word", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}) // in the address
	b.post("/login.php", url.Values{"username": {"unclear"}, "password": {"unclear-secret-word"}})
	b.do("POST", "/login.php", "username=alice&password=cut-secret-word%", "Content-Type", "application/x-www-form-urlencoded")
	b.do("POST", "/login.php", `{"username":"alice","password":"alice-pass-1"}`, "Content-Type", "application/json")
	f.h.bare().post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}})
	f.h.bare().post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}, "Host", "evil.example", "Origin", "https://evil.example")
	f.secret.add(aPassword, "wrong-secret-word", "second-secret-word", "queried-secret-word", "unclear-secret-word", "cut-secret-word",
		"alice-pass-1", "bob-pass-1", "mallory-pass-1")
	f.note(b)
}

func (f *flows) codes(user string) *browser {
	b := f.browser()
	b.get("/invoice.php?id=7")
	f.h.wantCodePage(b.login(user))
	form := b.codeForm("")
	f.h.clock.add(time.Minute)
	b.post("/_doorcode/resend", form)
	b.post("/_doorcode/resend", form)                                                         // too early
	b.post("/_doorcode/resend", url.Values{"token": {form.Get("token") + "x"}})               // refused
	b.post("/_doorcode/code", url.Values{"token": form["token"], "code": {"000000 by hand"}}) // no code
	right := f.h.lastCode(user)
	f.enter(b, wrongCode(right), right)
	b.wantMember(user)
	f.note(b)
	return b
}

// failures of delivery in which the provider says the whole aMessage back.
func (f *flows) echoes() {
	f.h.phone.failEchoing()
	f.h.mail.setFail(true, true)
	for _, user := range []string{"alice", "bob", "mallory"} {
		b := f.browser()
		f.h.wantCodePage(b.login(user))
		form := b.codeForm("")
		f.h.clock.add(time.Minute)
		b.post("/_doorcode/resend", form)
		b.get("/_doorcode/code")
		b.post("/_doorcode/cancel", form)
		f.note(b)
	}
	f.h.phone.setFail(false)
	f.h.mail.setFail(false, false)
}

// refusals of what members may not do.
func (f *flows) refusals(b *browser) {
	id := f.h.naive.SessionID("alice")
	b.post("/note.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}})
	b.get("/note.php?username=alice&password=alice-pass-1")
	b.get("/invoice.php", "Authorization", "Basic YWxpY2U6YWxpY2UtcGFzcy0x")
	b.get("/invoice.php?PHPSESSID=" + id)
	b.get("/invoice.php;jsessionid=" + id)
	b.post("/api/login", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}})
	b.get("/invoice.php", "Cookie", "PHPSESSID="+id+"; doorcode="+b.cookie("doorcode")+"; doorcode-browser="+b.cookie("doorcode-browser"))
	b.get("/_doorcode/language?to=xx&back=//evil.example/" + id)
	f.secret.add(aPassword, "YWxpY2U6YWxpY2UtcGFzcy0x")
	f.note(b)
}

// troubles of upstream and store.
func (f *flows) troubles(b *browser) {
	pending := f.browser()
	f.h.wantCodePage(pending.login("mallory"))
	form := pending.codeForm("271828")
	f.note(pending)
	f.h.up.CloseClientConnections()
	f.h.up.Close()
	b.get("/invoice.php?token=token-in-a-query-word")
	b.post("/note.php?key=key-in-a-query-word", url.Values{"text": {"text-of-a-note-word"}})
	b.login("alice")
	must(f.t, f.h.store.Close())
	for _, path := range []string{"/_doorcode/code", "/_doorcode/resend", "/_doorcode/cancel"} {
		pending.post(path, form)
	}
	pending.get("/_doorcode/code")
	f.secret.add(aCode, "271828")
	f.secret.add(aPassword, "token-in-a-query-word", "key-in-a-query-word", "text-of-a-note-word")
}

func TestThreat_C12_SecretsAreNowhere(t *testing.T) {
	found := &secrets{}
	users := usualUsers()
	users[2].Code, users[2].Mobile = challenge.CodeBoth, secret.New("+970599654321")
	users = append(users, challenge.User{Name: "gone", Code: challenge.CodeSMS, Mobile: secret.New("+970599000111"), Disabled: true, Place: "users.yaml:7"})
	h := bentHouse(t, plan{naive: naive.Options{Remember: true}, users: users}, found.listenUpstream)
	f := &flows{t: t, h: h, secret: found}
	found.add(aDestination, "970599123456", "599123456", "970599654321", "599654321", "970599000111", "bob@example.com", "mallory@example.com")

	f.failedLogins()
	alice, bob, mallory := f.codes("alice"), f.codes("bob"), f.codes("mallory")
	f.echoes()
	h.restart()
	alice.wantMember("alice")
	h.clock.add(2 * time.Minute)
	bob.get("/logout.php")
	bob.login("bob") // trusted
	bob.wantMember("bob")
	f.note(bob)
	mallory.login("alice") // a member as somebody else
	f.note(mallory)
	f.refusals(alice)
	h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[1].Email = secret.New("robert@example.org") })
	found.add(aDestination, "robert@example.org")
	h.clock.add(11 * time.Minute)
	_, err := h.door.Sweep(t.Context())
	must(t, err)
	f.troubles(alice)

	log := h.log.String()
	for _, line := range []string{`"code failed"`, `"outcome":"unclear"`, `"outcome":"failed"`, `"outcome":"wrong"`, `"let in"`, `"kind":"upstream_down"`, `"kind":"store"`} {
		if !strings.Contains(log, line) {
			t.Errorf("the flows left no line with %s in the log", line)
		}
	}
	found.wantNoneIn(t, "the log", log, aCode, aPassword, anUpstreamCookie, aGatewayCookie, aDestination, aMessage, aToken)
	for i, heard := range f.heard {
		found.wantNoneIn(t, fmt.Sprint("answers to browser ", i), heard.String(), aCode, aPassword, anUpstreamCookie, aDestination, aMessage)
	}
	state, err := os.ReadFile(filepath.Join(h.dir, "doorcode.db"))
	must(t, err)
	found.wantNoneIn(t, "the state file", string(state), aCode, aPassword, anUpstreamCookie, aGatewayCookie, aDestination, aMessage, aToken)
}

// listenUpstream notes the cookies that the application sets, and answers one login in a way that nobody understands.
func (s *secrets) listenUpstream(w http.ResponseWriter, r *http.Request, app http.Handler) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if bytes.Contains(body, []byte("username=unclear")) {
		w.Header().Add("Set-Cookie", "PHPSESSID=unclear-cookie-value-1; path=/")
		fmt.Fprint(w, "something else altogether: unclear-cookie-value-1")
	} else {
		app.ServeHTTP(w, r)
	}
	for _, set := range w.Header()["Set-Cookie"] {
		_, value, _ := strings.Cut(set, "=")
		value, _, _ = strings.Cut(value, ";")
		if len(value) >= 8 {
			s.add(anUpstreamCookie, value)
		}
	}
}

// Configurations may land in a log with any verb.
func TestThreat_C12_ConfigsPrintNoSecret(t *testing.T) {
	hidden := secret.New("hidden-word-1")
	server, err := email.ParseServer("smtps://mail.example.com")
	must(t, err)
	fixed, err := sms.ParseTemplate("key={{.Secret}}&fixed=hidden-word-1")
	must(t, err)
	address, err := sms.ParseURL("https://sms.example.com/send?key=hidden-word-1")
	must(t, err)
	fields, err := reading.ParseLoginFields("user", "password")
	must(t, err)
	user := challenge.User{Name: "alice", Code: challenge.CodeBoth, Mobile: hidden, Email: hidden}
	smsConfig := sms.Config{
		Name: "mms", URL: address, BasicUser: hidden, BasicPassword: hidden, Bearer: hidden,
		Query: []sms.Param{{Name: "key", Secret: hidden}}, Form: []sms.Param{{Name: "to", Value: fixed, Secret: hidden}}, Headers: []sms.Param{{Name: "X-Key", Value: fixed}},
	}
	mailConfig := email.Config{Server: server, User: "door", Password: hidden, From: mail.Address{Address: "door@example.com"}}
	policy, errs := challenge.NewPolicy(challenge.PolicyConfig{Users: []challenge.User{user}, Unlisted: challenge.UnlistedDefaults, Defaults: user})
	must(t, errors.Join(errs...))
	h := newHouse(t, plan{})
	for _, c := range []any{
		user, challenge.PolicyConfig{Users: []challenge.User{user}, Defaults: user}, policy, policy.Judge(challenge.Asked{Typed: "alice"}),
		challenge.Config{Name: "Books"}, challenge.Message{To: hidden, Subject: hidden, Text: hidden, HTML: hidden},
		smsConfig, smsConfig.Form[0], smsConfig.URL, mailConfig, gateway.Config{Login: submit.Config{Fields: fields}}, h.config(), h.ring, h.ring.Pairs("code"), hidden,
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			for _, it := range []any{c, &c, []any{c}, struct{ Inner any }{c}} {
				said := fmt.Sprintf(verb, it)
				wantNone(t, fmt.Sprintf("%T by %s", c, verb), said, "hidden-word-1")
				wantNone(t, fmt.Sprintf("%T by %s", c, verb), said, fmt.Sprintf("%d", []byte("hidden-word-1")))
			}
		}
		if text, err := json.Marshal(c); err == nil {
			wantNone(t, fmt.Sprintf("%T as JSON", c), string(text), "hidden-word-1")
		}
	}
}
