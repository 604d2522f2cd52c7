package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"

	"doorcode/cmd/doorcode/demo"
)

// This file starts what a walk needs: the demo, Debian's chromium, a tab. What is walked stands in browser_walk_test.go.

// transcript keeps what a program writes and lets a test wait for a line of it.
type transcript struct {
	heard func(line []byte) // nil, or told each line while the program waits

	mu    sync.Mutex
	text  []byte
	grown chan struct{} // closed and made anew at each write
}

func newTranscript() *transcript { return &transcript{grown: make(chan struct{})} }

func (s *transcript) Write(line []byte) (int, error) {
	if s.heard != nil {
		s.heard(line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, line...)
	close(s.grown)
	s.grown = make(chan struct{})
	return len(line), nil
}

func (s *transcript) read() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text), s.grown
}

// wait returns the groups of the first match.
func (s *transcript) wait(t *testing.T, pattern string) (groups []string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	s.waitFor(t, func(text string) bool { groups = re.FindStringSubmatch(text); return groups != nil })
	return groups
}

// waitFor waits until what was said is enough.
func (s *transcript) waitFor(t *testing.T, enough func(text string) bool) {
	t.Helper()
	for late := time.After(20 * time.Second); ; {
		text, grown := s.read()
		if enough(text) {
			return
		}
		select {
		case <-grown:
		case <-late:
			t.Fatalf("it was never said. What was said:\n%s", text)
		}
	}
}

// running is a gateway with the demo's application and mailbox around it.
type running struct {
	public  string // where the browser goes
	mailbox string

	dir    string // of its files
	logged *transcript
}

// startDemo is the newcomer's command. The code may be sent again after 10 s instead of 30, taken up while it runs, so that the
// walk may wait for it.
func startDemo(t *testing.T) running {
	t.Helper()
	dir := t.TempDir()
	said, logged := startProgram(t, "demo", "--listen", "127.0.0.1:0", "--data", dir)
	logged.wait(t, "the door is open")
	file := filepath.Join(dir, "gateway.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, string(text)+"code: {resend_after: 10s}\n")
	logged.wait(t, "changed files taken up")
	return running{
		dir: dir, logged: logged,
		public:  said.wait(t, `(?m)^ +application.* (http://\S+)/$`)[1],
		mailbox: said.wait(t, `(?m)^ +mailbox.* (http://\S+)/$`)[1],
	}
}

// startTLS is the demo's configuration with a certificate: the gateway's cookies then carry __Host-.
func startTLS(t *testing.T) running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	peers, err := startPeers(ctx, new(demo.Mailbox), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); peers.close() })
	dir := t.TempDir()
	peers.Listen = freeAddress(t)
	if err := writeDemo(dir, peers); err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, dir)
	file := filepath.Join(dir, "gateway.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	secure := strings.Replace(string(text), "insecure: true", "cert: door.pem, key: door.key", 1)
	secure = regexp.MustCompile(`(?m)^public_url:.*`).ReplaceAllString(secure, "public_url: https://"+peers.Listen)
	writeFile(t, file, secure+"code: {resend_after: 10s}\n")
	_, logged := startProgram(t, "serve", "--config", file)
	logged.wait(t, "the door is open")
	return running{public: "https://" + peers.Listen, mailbox: "http://" + peers.Mailbox}
}

// startProgram runs the program in this process until the test ends.
func startProgram(t *testing.T, args ...string) (said, logged *transcript) {
	t.Helper()
	return startProgramHearing(t, nil, args...)
}

// startProgramHearing calls heard with each line that the program logs, before the program goes on.
func startProgramHearing(t *testing.T, heard func(line []byte), args ...string) (said, logged *transcript) {
	t.Helper()
	said, logged = newTranscript(), newTranscript()
	logged.heard = heard
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, said, logged) }()
	t.Cleanup(func() {
		cancel()
		status := <-ended
		if status != 0 {
			t.Errorf("doorcode %s: exit status %d", args[0], status)
		}
		if text, _ := logged.read(); t.Failed() {
			t.Logf("the log of doorcode %s:\n%s", args[0], text)
		}
	})
	return said, logged
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeCertificate writes door.pem and door.key for 127.0.0.1.
func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "door.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	writeFile(t, filepath.Join(dir, "door.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// messages returns what arrived in the mailbox once there are n of them, oldest first.
func (r running) messages(t *testing.T, n int) []demo.Message {
	t.Helper()
	client := &http.Client{Timeout: 20 * time.Second}
	events, err := client.Get(r.mailbox + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	for lines := bufio.NewScanner(events.Body); ; {
		if !lines.Scan() {
			t.Fatalf("waiting for message %d: %v", n, lines.Err())
		}
		var count int
		if _, err := fmt.Sscanf(lines.Text(), "data: %d", &count); err == nil && count >= n {
			break
		}
	}
	answer, err := client.Get(r.mailbox + "/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var messages []demo.Message
	if err := json.NewDecoder(answer.Body).Decode(&messages); err != nil {
		t.Fatal(err)
	}
	return messages
}

// lanName is this machine as a LAN names it. Browsers take a loopback address for as good as TLS; over plain HTTP by name they say less
// of where a request comes from.
const lanName = "books.lan"

// startChromium starts a browser with a profile of its own. preferences go into the profile before it starts; "" for none.
func startChromium(t *testing.T, preferences string) context.Context {
	t.Helper()
	require(t, "chromium", "apt-get install chromium fonts-noto-core")
	// Not t.TempDir: chromium's children may still write while the test ends, and that is no failure of ours.
	profile, err := os.MkdirTemp("", "doorcode-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(profile) })
	if preferences != "" {
		if err := os.Mkdir(filepath.Join(profile, "Default"), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(profile, "Default", "Preferences"), preferences)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.UserDataDir(profile), chromedp.Env("TMPDIR="+profile),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 800), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP "+lanName+" 127.0.0.1"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return ctx
}

// seat is who sits in front of the browser.
type seat struct {
	language string // "en" or "ar"
	phone    bool
	scripts  bool // JavaScript is on
}

func (s seat) String() string {
	device, scripts := "desktop", "scripts"
	if s.phone {
		device = "phone"
	}
	if !s.scripts {
		scripts = "plain"
	}
	return s.language + "-" + device + "-" + scripts
}

// tab is one tab of one seat.
type tab struct {
	seat
	running
	t     *testing.T
	ctx   context.Context
	name  string // of its pictures
	shots int
}

const (
	desktopAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	phoneAgent   = "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
)

// newTab opens a tab. The other options say with which cookies: those of the profile, or none yet.
func newTab(t *testing.T, browser context.Context, r running, s seat, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b := &tab{seat: s, running: r, t: t, ctx: ctx, name: s.String()}
	size, agent := emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 800, DeviceScaleFactor: 1}, desktopAgent
	if s.phone {
		size, agent = emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 740, DeviceScaleFactor: 2, Mobile: true}, phoneAgent
	}
	call(b, emulation.SetDeviceMetricsOverride, size)
	call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: s.phone})
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}) // tabs walk side by side
	call(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: s.language})
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !s.scripts})
	call(b, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: strings.HasPrefix(r.public, "https:")})
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	if err := chromedp.Listen(ctx, b.complain); err != nil {
		t.Fatal(err)
	}
	return b
}

func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// complain fails the test for what the browser's console reports: an exception, or something that the page's policy forbids.
// That a page itself was answered 401 or 404 it reports too, as source "network".
func (b *tab) complain(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.t.Errorf("exception in the page: %s", e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if strings.Contains(e.Entry.Text, "Opener-Policy header has been ignored") {
			return // over plain HTTP by name there is none
		}
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			b.t.Errorf("browser's console: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	}
}

// do takes steps that stay on the page.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%v: %v", b.where(), err)
	}
}

// follow takes steps that lead to another page, waits until it has loaded and returns its status.
func (b *tab) follow(steps ...chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	answer, err := chromedp.RunResponse(b.ctx, steps...)
	if err != nil {
		b.t.Fatalf("%v: %v", b.where(), err)
	}
	if answer == nil {
		return 0 // from the browser's own memory
	}
	return answer.Status
}

func (b *tab) open(path string) int64 {
	b.t.Helper()
	return b.follow(chromedp.Navigate(b.public + path))
}

func (b *tab) click(selector string) int64 {
	b.t.Helper()
	return b.follow(chromedp.Click(chromedp.CSS(selector)))
}

func (b *tab) where() string {
	address, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Path
}

// text returns what a person reads there; "" when nothing of that kind is shown.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`document.querySelector(%q) ? document.querySelector(%[1]q).innerText : ""`, selector))
}

// eval asks the page itself; it also works where the page's own scripts do not run.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %s: %v", b.where(), expression, err)
	}
	return value
}

// look holds the page that is open against what is true of every page, and takes a picture of it where DOORCODE_SCREENSHOTS
// names a folder.
func (b *tab) look(name string) {
	b.t.Helper()
	if over := eval[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		b.t.Errorf("%s: the page is %d px wider than the screen", name, over)
	}
	want := map[string]string{"en": "en ltr", "ar": "ar rtl"}[b.language]
	if got := eval[string](b, `document.documentElement.lang + " " + document.documentElement.dir`); got != want {
		b.t.Errorf("%s: language and direction %q, want %q", name, got, want)
	}
	dir := os.Getenv("DOORCODE_SCREENSHOTS")
	if dir == "" {
		return
	}
	take := chromedp.CaptureScreenshot()
	if eval[bool](b, `document.documentElement.scrollHeight > innerHeight`) {
		take = chromedp.FullScreenshot(100) // where there is no need it shifts pages that read from right to left
	}
	picture, err := chromedp.Run(b.ctx, take)
	if err != nil {
		b.t.Fatal(err)
	}
	b.shots++
	file := filepath.Join(dir, fmt.Sprintf("%s-%02d-%s.png", b.name, b.shots, name))
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
