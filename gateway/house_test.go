package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/rs/zerolog"

	"doorcode/challenge"
	"doorcode/challenge/boltstore"
	"doorcode/challenge/email"
	"doorcode/challenge/keys"
	"doorcode/challenge/secret"
	"doorcode/challenge/sms"
	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
	"doorcode/gateway/submit"
	"doorcode/templates"
	"doorcode/testdata/naive"
)

// plan says how a test's house differs from the usual one: a naive upstream, alice asked by SMS, bob and mallory by e-mail.
type plan struct {
	naive    naive.Options
	carry    bool         // login.isolation
	upstream http.Handler // instead of the naive one
	users    []challenge.User
	unlisted challenge.Unlisted
	config   func(*gateway.Config)
	code     func(*challenge.Config)
	store    func(challenge.Store) challenge.Store // around the bolt file

	morePhones []*phone // SMS providers behind the usual one
}

// house is a gateway with everything real around it: listeners, a bolt file, a mail server, an SMS provider.
type house struct {
	t      testing.TB
	plan   plan
	dir    string
	naive  *naive.Upstream
	up     *httptest.Server
	server *httptest.Server
	url    string
	phone  *phone
	mail   *mailServer
	log    *logBuffer
	clock  *clock

	ring    *keys.Ring
	store   *boltstore.Store
	door    *challenge.Door
	live    *gateway.Live
	gateway *gateway.Gateway
	policy  challenge.PolicyConfig
}

func newHouse(t testing.TB, p plan) *house {
	t.Helper()
	h := &house{t: t, plan: p, dir: t.TempDir(), log: &logBuffer{}, clock: &clock{}}
	h.naive = naive.New(p.naive)
	upstream := p.upstream
	if upstream == nil {
		upstream = h.naive
	}
	h.up = httptest.NewServer(upstream)
	t.Cleanup(h.up.Close)
	h.phone = newPhone(t)
	h.mail = newMailServer(t)
	h.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.gateway.ServeHTTP(w, r) }))
	h.url = "http://" + h.server.Listener.Addr().String()
	h.policy = challenge.PolicyConfig{Fold: challenge.Fold{Case: true, Space: true, Width: true, Accents: true}, Users: p.users, Unlisted: p.unlisted}
	if h.policy.Users == nil {
		h.policy.Users = usualUsers()
	}
	if h.policy.Unlisted == "" {
		h.policy.Unlisted = challenge.UnlistedRefuse
	}
	h.open()
	h.server.Start()
	t.Cleanup(func() { h.server.CloseClientConnections(); h.server.Close(); h.close() })
	return h
}

func usualUsers() []challenge.User {
	month := 30 * 24 * time.Hour
	return []challenge.User{
		{Name: "alice", Aliases: []string{"alice@example.com"}, Code: challenge.CodeSMS, Mobile: secret.New("+970599123456"), Remember: month, Place: "users.yaml:4"},
		{Name: "bob", Code: challenge.CodeEmail, Email: secret.New("bob@example.com"), Remember: month, Place: "users.yaml:5"},
		{Name: "mallory", Code: challenge.CodeEmail, Email: secret.New("mallory@example.com"), Remember: month, Place: "users.yaml:6"},
	}
}

// open starts what a restart starts anew.
func (h *house) open() {
	h.t.Helper()
	var err error
	h.ring, err = keys.Open(filepath.Join(h.dir, "doorcode.keys"))
	must(h.t, err)
	h.store, err = boltstore.Open(filepath.Join(h.dir, "doorcode.db"), boltstore.Options{})
	must(h.t, err)
	texts, err := templates.New("")
	must(h.t, err)
	log := zerolog.New(h.log).Level(zerolog.TraceLevel)
	var store challenge.Store = h.store
	if h.plan.store != nil {
		store = h.plan.store(store)
	}
	h.door = challenge.New(h.challengeConfig(), h.newPolicy(), challenge.Parts{
		Store: store, Providers: h.providers(), Keys: h.ring, Texts: texts, Now: h.clock.now, Log: log,
	})
	_, err = h.door.SetPolicy(context.Background(), h.newPolicy())
	must(h.t, err)
	h.live = new(gateway.Live)
	sessions, err := h.door.Sessions(context.Background())
	must(h.t, err)
	for _, s := range sessions {
		h.live.Add(s)
	}
	h.gateway = gateway.New(h.config(), gateway.Parts{Door: h.door, Live: h.live, Keys: h.ring, Texts: texts, Log: log, Now: h.clock.now})
}

func (h *house) close() {
	h.gateway.Close()
	must(h.t, errors.Join(h.door.Close(), h.store.Close()))
}

// restart closes the store and opens everything anew, as a new process would.
func (h *house) restart() {
	h.t.Helper()
	h.close()
	h.open()
}

func (h *house) newPolicy() *challenge.Policy {
	p, errs := challenge.NewPolicy(h.policy)
	must(h.t, errors.Join(errs...))
	return p
}

// setPolicy takes up changed users, as a saved users.yaml would.
func (h *house) setPolicy(change func(*challenge.PolicyConfig)) {
	h.t.Helper()
	users := append([]challenge.User(nil), h.policy.Users...)
	h.policy.Users = users
	change(&h.policy)
	revoked, err := h.door.SetPolicy(context.Background(), h.newPolicy())
	must(h.t, err)
	h.gateway.End(context.Background(), revoked)
}

func (h *house) challengeConfig() challenge.Config {
	c := challenge.Config{
		Name: "Books", Digits: 6, Expires: 10 * time.Minute,
		Rules:        challenge.CodeRules{Tries: 5, ResendAfter: 30 * time.Second, Resends: 3},
		UserSends:    challenge.Rate{Count: 100, Per: time.Hour},
		AddressSends: challenge.Rate{Count: 1000, Per: time.Hour},
		DeliveryWait: 3 * time.Second,
		Session:      challenge.SessionLife{Idle: 8 * time.Hour, Absolute: 24 * time.Hour},
	}
	if h.plan.code != nil {
		h.plan.code(&c)
	}
	return c
}

func (h *house) config() gateway.Config {
	fields, err := reading.ParseLoginFields("username", "password")
	must(h.t, err)
	public, upstream := parseURL(h.t, h.url), parseURL(h.t, h.up.URL)
	c := gateway.Config{
		Name: "Books", PublicURLs: []*url.URL{public}, Insecure: true,
		Upstream: gateway.Upstream{URL: upstream, Connections: 16, DialTimeout: 5 * time.Second, AnswerTimeout: 10 * time.Second},
		Login: submit.Config{
			Page: "/login.php", Fields: fields,
			Success: &submit.Condition{Any: []submit.Test{{Status: 302, Location: regexp.MustCompile(`/home\.php$`), Place: "gateway.yaml:20"}}},
			Failure: &submit.Condition{Any: []submit.Test{{Body: regexp.MustCompile("wrong password"), Place: "gateway.yaml:21"}}},
			Confirm: &submit.Confirm{URL: "/profile.php", SignedIn: regexp.MustCompile(`logout\.php`), User: regexp.MustCompile(`id="login-name">([^<]+)<`)},
		},
		LoginRule:   rule(h.t, "POST", "/login.php"),
		LoginPage:   rule(h.t, "", "/login.php"),
		Logout:      []reading.Rule{rule(h.t, "", "/logout.php")},
		SignOut:     submit.WayOut{Path: "/logout.php"},
		Public:      []reading.Rule{rule(h.t, "", "/static/*")},
		Doors:       []reading.Rule{rule(h.t, "", "/api/*"), rule(h.t, "", "/xmlrpc.php")},
		Credentials: []scan.Pair{{Users: []string{"username"}, Password: "password"}},
		Limits:      gateway.Limits{Header: 64 << 10, LoginBody: 64 << 10},
		Session:     challenge.SessionLife{Idle: 8 * time.Hour, Absolute: 24 * time.Hour},
	}
	c.Carry = h.plan.carry || carryAll
	if h.plan.config != nil {
		h.plan.config(&c)
	}
	return c
}

// carryAll makes every new house one of login.isolation: carry, for tests that hold for both (threats_a14_test.go).
var carryAll bool

func rule(t testing.TB, method, path string) reading.Rule {
	t.Helper()
	p, err := reading.ParsePattern(path)
	must(t, err)
	r := reading.Rule{Path: p, Place: "gateway.yaml:1"}
	if method != "" {
		r.Methods = []string{method}
	}
	return r
}

func (h *house) providers() map[challenge.Channel][]challenge.Provider {
	all := map[challenge.Channel][]challenge.Provider{
		challenge.SMS:   {{Name: "phone", Sender: h.phone.sender(h.t)}},
		challenge.Email: {{Name: "mail", Sender: h.mail.sender(h.t)}},
	}
	for _, p := range h.plan.morePhones {
		all[challenge.SMS] = append(all[challenge.SMS], challenge.Provider{Name: p.name, Sender: p.sender(h.t)})
	}
	return all
}

// ranAs is the oracle: what the upstream ran as user, but for the gateway's own question who is in.
func (h *house) ranAs(user string) (ran []naive.Served) {
	for _, s := range h.naive.ServedAs(user) {
		if s.Path != "/profile.php" && s.Path != "/logout.php" {
			ran = append(ran, s)
		}
	}
	return ran
}

// wantNothingAs fails the test when the upstream ran anything as user.
func (h *house) wantNothingAs(user string) {
	h.t.Helper()
	if ran := h.ranAs(user); len(ran) > 0 {
		h.t.Fatalf("the upstream ran %d requests as %s without a code, the first: %+v", len(ran), user, ran[0])
	}
}

// browser is one browser profile: cookies, no redirects followed unless asked for.
type browser struct {
	h      *house
	client *http.Client
	jar    http.CookieJar
	agent  string
	header http.Header
}

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	must(h.t, err)
	b := &browser{h: h, jar: jar, agent: firefox, header: http.Header{}}
	b.client = &http.Client{
		Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	h.t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// answer is an answer read to its end.
type answer struct {
	*http.Response
	body string
}

func (a answer) to() string { return a.Header.Get("Location") }

// do sends a request as a browser would, with cookies; header pairs are added last.
func (b *browser) do(method, target, body string, header ...string) answer {
	b.h.t.Helper()
	req, err := http.NewRequest(method, b.h.url+target, strings.NewReader(body))
	must(b.h.t, err)
	req.Header.Set("User-Agent", b.agent)
	req.Header.Set("Accept", "text/html,*/*;q=0.8")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range b.header {
		req.Header[name] = values
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(req)
	must(b.h.t, err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	must(b.h.t, err)
	return answer{res, string(read)}
}

func (b *browser) get(target string, header ...string) answer {
	b.h.t.Helper()
	return b.do("GET", target, "", header...)
}

func (b *browser) post(target string, form url.Values, header ...string) answer {
	b.h.t.Helper()
	return b.do("POST", target, form.Encode(), header...)
}

// login opens the login page and sends user and password; the answer is the gateway's to the login.
func (b *browser) login(user string) answer {
	b.h.t.Helper()
	b.get("/login.php")
	return b.post("/login.php", url.Values{"username": {user}, "password": {strings.TrimSpace(user) + "-pass-1"}})
}

var tokenField = regexp.MustCompile(`name="?token"? value="([^"]+)"`)

// codePage fetches the code page and returns its form token.
func (b *browser) codePage() (page answer, token string) {
	b.h.t.Helper()
	page = b.get("/_doorcode/code")
	if m := tokenField.FindStringSubmatch(page.body); m != nil {
		token = m[1]
	}
	return page, token
}

// enter sends a code from the code page.
func (b *browser) enter(code string, more ...string) answer {
	b.h.t.Helper()
	_, token := b.codePage()
	form := url.Values{"token": {token}, "code": {code}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return b.post("/_doorcode/code", form)
}

// enterWith logs in and enters the code that arrived, as a member's day begins.
func (b *browser) enterWith(user string, more ...string) {
	b.h.t.Helper()
	if a := b.login(user); a.StatusCode != http.StatusSeeOther || a.to() != "/_doorcode/code" {
		b.h.t.Fatalf("login of %s: %d to %q: %s", user, a.StatusCode, a.to(), a.body)
	}
	if a := b.enter(b.h.lastCode(user), more...); a.StatusCode != http.StatusSeeOther || strings.HasPrefix(a.to(), "/_doorcode") {
		b.h.t.Fatalf("code of %s: %d to %q: %s", user, a.StatusCode, a.to(), a.body)
	}
	b.wantMember(user)
}

// wantMember fails unless the upstream serves this browser as user.
func (b *browser) wantMember(user string) {
	b.h.t.Helper()
	if a := b.get("/invoice.php?id=7"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "of "+user) {
		b.h.t.Fatalf("want a page of %s, got %d: %s", user, a.StatusCode, a.body)
	}
}

// wantVisitor fails unless this browser is led to the login page.
func (b *browser) wantVisitor() {
	b.h.t.Helper()
	if a := b.get("/invoice.php?id=7"); a.StatusCode != http.StatusSeeOther || a.to() != "/login.php" {
		b.h.t.Fatalf("want the login page, got %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
}

// cookie returns the value of a cookie this browser holds.
func (b *browser) cookie(name string) string {
	for _, c := range b.jar.Cookies(parseURL(b.h.t, b.h.url)) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) setCookie(name, value string) {
	b.jar.SetCookies(parseURL(b.h.t, b.h.url), []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// copyTo gives another browser every cookie of this one.
func (b *browser) copyTo(other *browser) {
	u := parseURL(b.h.t, b.h.url)
	other.jar.SetCookies(u, b.jar.Cookies(u))
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// lastCode is the code in the newest message to user.
func (h *house) lastCode(user string) string {
	h.t.Helper()
	text := h.mail.last(user + "@example.com")
	if user == "alice" {
		text = h.phone.last()
	}
	code := sixDigits.FindString(text)
	if code == "" {
		h.t.Fatalf("no code in the last message to %s: %q", user, text)
	}
	return code
}

// wrongCode is a code that is not the right one.
func wrongCode(right string) string {
	if right == "123456" {
		return "654321"
	}
	return "123456"
}

// phone is an SMS provider: 200 whatever happens, the truth in the body.
type phone struct {
	name   string
	server *httptest.Server

	mu       sync.Mutex
	texts    []string
	by       map[string]string // number → its newest text
	warnings []string          // messages without a code, which come when they come
	fail     bool
	echo     bool // a failing one quotes what it was asked to send
	down     bool // 503, whatever it is asked
	silent   bool // takes the request and never answers
	asked    int  // requests so far
}

func newPhone(t testing.TB) *phone {
	p := &phone{by: map[string]string{}}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked++
		if p.silent {
			r.ParseForm() // only then net/http notices that the client has gone
			<-r.Context().Done()
			return
		}
		if p.down {
			http.Error(w, "maintenance", http.StatusServiceUnavailable)
			return
		}
		if p.fail {
			io.WriteString(w, "ERROR no credit")
			if p.echo {
				io.WriteString(w, " for "+r.FormValue("to")+": "+r.FormValue("text"))
			}
			return
		}
		if text := r.FormValue("text"); sixDigits.MatchString(text) {
			p.texts = append(p.texts, text)
			p.by[r.FormValue("to")] = text
		} else {
			p.warnings = append(p.warnings, text)
		}
		io.WriteString(w, "OK 1")
	}))
	t.Cleanup(p.server.Close)
	return p
}

func (p *phone) sender(t testing.TB) challenge.Sender {
	t.Helper()
	address, err := sms.ParseURL(p.server.URL + "/send")
	must(t, err)
	number, err := sms.ParseTemplate("{{.Number}}")
	must(t, err)
	text, err := sms.ParseTemplate("{{.Text}}")
	must(t, err)
	status, err := sms.ParseStatus("200")
	must(t, err)
	s, err := sms.New(sms.Config{
		Name: "phone", URL: address, Timeout: p.timeout(), Form: []sms.Param{{Name: "to", Value: number}, {Name: "text", Value: text}},
		Success: sms.Success{Status: status, Body: regexp.MustCompile("^OK")},
	})
	must(t, err)
	return s
}

// timeout is short for one that never answers: no test is to wait ten seconds for that.
func (p *phone) timeout() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent {
		return 500 * time.Millisecond
	}
	return 0
}

// set changes how the provider answers from now on.
func (p *phone) set(change func(p *phone)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *phone) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *phone) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.texts) == 0 {
		return ""
	}
	return p.texts[len(p.texts)-1]
}

func (p *phone) lastTo(number string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.by[number]
}

func (p *phone) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.texts)
}

func (p *phone) setFail(fail bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = fail
}

// failEchoing fails from now on, and quotes what it was asked to send.
func (p *phone) failEchoing() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail, p.echo = true, true
}

// mailServer is an SMTP server on loopback that keeps what it gets.
type mailServer struct {
	address string
	close   func()

	mu       sync.Mutex
	mails    map[string][]string
	warnings []string // as phone's
	fail     bool
	echo     bool // as phone's
}

var warningSubject = regexp.MustCompile(`(?m)^Subject: (Wrong login codes|A copy of)`)

func newMailServer(t testing.TB) *mailServer {
	m := &mailServer{mails: map[string][]string{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{server: m}, nil }))
	server.Domain = "localhost"
	m.address = listener.Addr().String()
	go server.Serve(listener)
	m.close = func() { listener.Close(); server.Close() } // Serve may not have begun
	t.Cleanup(m.close)
	return m
}

type mailSession struct {
	server *mailServer
	to     []string
}

func (s *mailSession) Reset()                               { s.to = nil }
func (s *mailSession) Logout() error                        { return nil }
func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.fail {
		why := "no"
		if s.server.echo {
			why = strings.Join(strings.Fields("rejected for "+s.to[0]+": "+string(raw)), " ")
			why = why[:min(len(why), 1500)] // the client reads no longer lines (RFC 5321 §4.5.3.1.5 allows 512)
		}
		return &smtp.SMTPError{Code: 554, Message: why}
	}
	if warningSubject.Match(raw) {
		s.server.warnings = append(s.server.warnings, string(raw))
		return nil
	}
	for _, to := range s.to {
		s.server.mails[to] = append(s.server.mails[to], string(raw))
	}
	return nil
}

func (m *mailServer) sender(t testing.TB) challenge.Sender {
	t.Helper()
	server, err := email.ParseServer("smtp+plain://" + m.address)
	must(t, err)
	s, err := email.New(email.Config{Server: server, From: mail.Address{Name: "Books", Address: "door@example.com"}, PublicHost: "localhost"})
	must(t, err)
	return s
}

func (m *mailServer) last(to string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	mails := m.mails[to]
	if len(mails) == 0 {
		return ""
	}
	// Headers have numbers of their own.
	_, body, _ := strings.Cut(mails[len(mails)-1], "\r\n\r\n")
	return body
}

func (m *mailServer) setFail(fail, echo bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail, m.echo = fail, echo
}

// raw is the newest mail to an address as it arrived, header and all.
func (m *mailServer) raw(to string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	mails := m.mails[to]
	if len(mails) == 0 {
		return ""
	}
	return mails[len(mails)-1]
}

// total counts the mails to anybody.
func (m *mailServer) total() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mails := range m.mails {
		n += len(mails)
	}
	return n
}

func (m *mailServer) count(to string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.mails[to])
}

// clock is the real one, moved by what a test adds, in the machine's zone or another.
type clock struct {
	mu    sync.Mutex
	moved time.Duration
	zone  *time.Location
}

// live moves the clock to another place.
func (c *clock) live(zone *time.Location) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.zone = zone
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now().Add(c.moved)
	if c.zone != nil {
		now = now.Round(0).In(c.zone) // what a wall clock there shows, and nothing else to reckon by
	}
	return now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved += d
}

// logBuffer keeps the log for tests that read it.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func parseURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	must(t, err)
	return u
}
