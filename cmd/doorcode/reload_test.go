package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"doorcode/testdata/naive"
)

// installation is a program that runs on real files in front of the naive application.
type installation struct {
	t       *testing.T
	dir     string
	address string
	naive   *naive.Upstream
	slow    chan struct{} // what its /slow waits for
	log     *transcript
	stop    context.CancelFunc
	ended   chan int
}

const installed = `listen: {address: "ADDRESS", insecure: true, header_timeout: 1s}
public_url: http://ADDRESS
upstream: {url: "UPSTREAM"}
login:
  page: /login.php
  path: /login.php
  user: username
  password: password
  success: {any: [{status: 302, location: '/home\.php$'}]}
  failure: {any: [{body: 'wrong password'}]}
  confirm: {url: /profile.php, signed_in: 'logout\.php', user: 'id="login-name">([^<]+)<'}
logout: [/logout.php]
outbox: outbox
`

const installedUsers = "users:\n  - {name: alice, code: off}\n  - {name: bob, code: off}\n"

// install writes the files, after change made them its own, and starts the program.
func install(t *testing.T, change func(dir, gateway string) string) *installation {
	t.Helper()
	i := &installation{t: t, dir: t.TempDir(), address: freeAddress(t), slow: make(chan struct{}), log: newTranscript(), ended: make(chan int, 1)}
	i.naive = naive.New(naive.Options{Slow: i.slow})
	upstream := httptest.NewServer(i.naive)
	t.Cleanup(upstream.Close)
	text := strings.NewReplacer("ADDRESS", i.address, "UPSTREAM", upstream.URL).Replace(installed)
	if change != nil {
		text = change(i.dir, text)
	}
	i.write("gateway.yaml", text)
	if _, err := os.Lstat(i.file("users.yaml")); err != nil {
		i.write("users.yaml", installedUsers)
	}
	var ctx context.Context
	ctx, i.stop = context.WithCancel(context.Background())
	go func() { i.ended <- run(ctx, []string{"serve", "--config", i.file("gateway.yaml")}, io.Discard, i.log) }()
	t.Cleanup(func() {
		i.stop()
		if status := <-i.ended; status != 0 {
			t.Errorf("exit status %d", status)
		}
		if text, _ := i.log.read(); t.Failed() {
			t.Logf("the log:\n%s", text)
		}
	})
	i.log.wait(t, "the door is open")
	return i
}

func (i *installation) file(name string) string { return filepath.Join(i.dir, name) }

func (i *installation) write(name, text string) { i.t.Helper(); writeFile(i.t, i.file(name), text) }

func (i *installation) read(name string) string {
	i.t.Helper()
	text, err := os.ReadFile(i.file(name))
	if err != nil {
		i.t.Fatal(err)
	}
	return string(text)
}

// saying does something and waits until the program has logged pattern after it, within about a second.
func (i *installation) saying(pattern string, do func()) {
	i.t.Helper()
	before, _ := i.log.read()
	re, late := regexp.MustCompile("(?s)"+pattern), time.After(3*time.Second) // about one on a machine with nothing else to do
	do()
	for {
		text, grown := i.log.read()
		if re.MatchString(text[len(before):]) {
			return
		}
		select {
		case <-grown:
		case <-late:
			i.t.Fatalf("%q was not said within 3 s", pattern)
		}
	}
}

// user is a browser that is signed in as name, who is asked for no code.
func (i *installation) user(name string) *surfer {
	i.t.Helper()
	s := newSurfer(i.t, i.address)
	if p := i.login(s, name); !strings.Contains(p.body, "invoices of "+name) {
		i.t.Fatalf("login of %s: %d %s", name, p.StatusCode, p.body)
	}
	return s
}

func (i *installation) login(s *surfer, name string) page {
	i.t.Helper()
	s.get("/login.php")
	return s.post("/login.php", url.Values{"username": {name}, "password": {name + "-pass-1"}})
}

// has reports whether a request for path has reached the application.
func (i *installation) has(path string) bool {
	return slices.ContainsFunc(i.naive.Requests(), func(r naive.Request) bool { return r.URI == path })
}

func isIn(s *surfer, name string) bool {
	s.t.Helper()
	return strings.Contains(s.get("/invoice.php?id=7").body, "of "+name)
}

const takenUp = "changed files taken up"

// A saved users.yaml is in force within about a second, however it is saved, and a broken one not at all.
func TestReloadUsers(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until saved files have settled: not under -short")
	}
	t.Parallel()
	i := install(t, nil)
	alice, bob := i.user("alice"), i.user("bob")
	without := strings.Replace(installedUsers, "code: off", "code: off, disabled: true", 1)

	i.saying(takenUp, func() { i.write("users.yaml", without) })
	if isIn(alice, "alice") || !isIn(bob, "bob") {
		t.Error("alice was disabled: she must be out, and bob in")
	}
	if p := i.login(alice, "alice"); p.StatusCode != http.StatusForbidden {
		t.Errorf("a disabled user's login: %d", p.StatusCode)
	}

	i.saying(takenUp, func() { // as editors save
		i.write("users.yaml~", installedUsers)
		rename(t, i.file("users.yaml~"), i.file("users.yaml"))
	})
	alice = i.user("alice")

	for _, what := range []struct{ text, place string }{
		{strings.Replace(without, "code: off", "code: maybe", 1), `users\.yaml:2:25`},
		{strings.ReplaceAll(without, "  - ", "\t- "), `users\.yaml:2`},
		{"", `users\.yaml`},
		{without[:len(without)-20], `users\.yaml:3`},
	} {
		i.saying(what.place+`.*refused whole`, func() { i.write("users.yaml", what.text) })
		if !isIn(alice, "alice") || !isIn(bob, "bob") {
			t.Errorf("a broken file took effect: %q", what.text)
		}
	}
	i.saying("users.yaml.*is gone", func() {
		if err := os.Remove(i.file("users.yaml")); err != nil {
			t.Fatal(err)
		}
	})
	if !isIn(alice, "alice") {
		t.Error("a removed file took effect")
	}
	i.saying(takenUp, func() { i.write("users.yaml", without) })
	if isIn(alice, "alice") || !isIn(bob, "bob") {
		t.Error("the mended file is not in force")
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// Kubernetes mounts a file as a link to a link to a folder, and swaps the one in the middle.
func TestReloadSwappedLink(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until saved files have settled: not under -short")
	}
	t.Parallel()
	link := func(to, at string) {
		if err := os.Symlink(to, at); err != nil {
			t.Fatal(err)
		}
	}
	i := install(t, func(dir, gateway string) string {
		for name, text := range map[string]string{"v1": installedUsers, "v2": strings.Replace(installedUsers, "alice, code: off", "alice, code: off, disabled: true", 1)} {
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, name, "users.yaml"), text)
		}
		link("v1", filepath.Join(dir, "..data"))
		link("..data/users.yaml", filepath.Join(dir, "users.yaml"))
		return gateway
	})
	alice := i.user("alice")
	i.saying(takenUp, func() {
		link("v2", i.file("..data_tmp"))
		rename(t, i.file("..data_tmp"), i.file("..data"))
	})
	if isIn(alice, "alice") {
		t.Error("the new file is not in force")
	}
}

// A saved gateway.yaml is in force while sessions live on; what needs a start is said.
func TestReloadGateway(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until saved files have settled: not under -short")
	}
	t.Parallel()
	i := install(t, nil)
	alice, visitor := i.user("alice"), newSurfer(t, i.address)
	good := i.read("gateway.yaml")
	if p := alice.get("/note.php"); p.StatusCode != http.StatusOK {
		t.Fatalf("the note: %d", p.StatusCode)
	}
	if p := visitor.get("/static/app.css"); !strings.Contains(p.body, "name=password") {
		t.Fatalf("what is not public: %d %s", p.StatusCode, p.body)
	}
	good += "doors: [/note.php]\npublic: [/static/*]\n"
	i.saying(takenUp, func() { i.write("gateway.yaml", good) })
	if p := alice.get("/note.php"); p.StatusCode != http.StatusForbidden {
		t.Errorf("a new door: %d", p.StatusCode)
	}
	if p := visitor.get("/static/app.css"); !strings.HasPrefix(p.body, "body {") {
		t.Errorf("a new public path: %d %s", p.StatusCode, p.body)
	}
	if !isIn(alice, "alice") {
		t.Error("the change ended a session")
	}

	i.saying(`gateway\.yaml:\d+:\d+.*refused whole`, func() { i.write("gateway.yaml", good+"colour: red\n") })
	if p := alice.get("/note.php"); p.StatusCode != http.StatusForbidden {
		t.Errorf("the last good configuration is not in force: %d", p.StatusCode)
	}

	other := freeAddress(t)
	moved := strings.Replace(good, `address: "`+i.address, `address: "`+other, 1)
	for range 2 { // it is still so at the next save
		i.saying("listen, state, keys, admin or log is taken up at the next start.*"+takenUp, func() { i.write("gateway.yaml", moved) })
		moved += "# saved again\n"
	}
	if !isIn(alice, "alice") {
		t.Error("the change of listen ended a session")
	}

	i.write("others.yaml", "users: [{name: alice, code: maybe}]\n")
	good += "policy: others.yaml\n"
	i.saying(`others\.yaml:1:\d+.*refused whole`, func() { i.write("gateway.yaml", good) })
	i.saying(takenUp, func() { i.write("others.yaml", "users: [{name: bob, code: off}]\n") }) // it is not in force yet, but named by what was refused
	if isIn(alice, "alice") {
		t.Error("the new policy is not in force")
	}
}

// A renewed certificate is served without a start; half renewed, the last good pair goes on. HTTP/1.1 and HTTP/2 are both spoken.
func TestServeTLS(t *testing.T) {
	if testing.Short() {
		t.Skip("makes keys and waits for the files: not under -short")
	}
	t.Parallel()
	i := install(t, func(dir, gateway string) string {
		writeCertificate(t, dir)
		gateway = strings.Replace(gateway, "insecure: true", "cert: door.pem, key: door.key", 1)
		return strings.Replace(gateway, "public_url: http:", "public_url: https:", 1)
	})
	served := func(h2 bool) (cert []byte) {
		t.Helper()
		protocols := new(http.Protocols)
		protocols.SetHTTP1(!h2)
		protocols.SetHTTP2(h2)
		transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequest("GET", "https://"+i.address+"/login.php", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if want := map[bool]int{false: 1, true: 2}[h2]; err != nil || res.ProtoMajor != want || !strings.Contains(string(body), "name=password") {
			t.Fatalf("%s: %d %s %v", res.Proto, res.StatusCode, body, err)
		}
		if cookie := res.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-doorcode=") || !strings.Contains(cookie, "; Secure") {
			t.Errorf("cookie %q", cookie)
		}
		return res.TLS.PeerCertificates[0].Raw
	}
	first := served(false)
	if !bytes.Equal(first, served(true)) {
		t.Error("HTTP/2 has another certificate")
	}
	dir := t.TempDir()
	writeCertificate(t, dir)
	renew := func(name string) {
		t.Helper()
		rename(t, filepath.Join(dir, name), i.file(name))
		later := time.Now().Add(time.Minute) // file systems with coarse times
		if err := os.Chtimes(i.file(name), later, later); err != nil {
			t.Fatal(err)
		}
	}
	renew("door.pem")
	if !bytes.Equal(first, served(false)) {
		t.Error("half renewed, another certificate is served")
	}
	renew("door.key")
	if bytes.Equal(first, served(false)) || bytes.Equal(first, served(true)) {
		t.Error("the renewed certificate is not served")
	}
}

// Without TLS, HTTP/2 is spoken to who begins with it, such as a proxy in front.
func TestServeWithoutTLS(t *testing.T) {
	i := install(t, nil)
	for _, h2 := range []bool{false, true} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(!h2)
		protocols.SetUnencryptedHTTP2(h2)
		s := i.user("alice")
		transport := &http.Transport{Protocols: protocols}
		s.client.Transport = transport
		p := s.get("/invoice.php?id=7")
		if (p.ProtoMajor == 2) != h2 || !strings.Contains(p.body, "of alice") {
			t.Errorf("%s: %d %s", p.Proto, p.StatusCode, p.body)
		}
		transport.CloseIdleConnections()
	}
}

// Headers that come slowly hold a connection no longer than listen.header_timeout.
func TestServeSlowHeader(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for header_timeout: not under -short")
	}
	t.Parallel()
	i := install(t, nil)
	for _, begin := range []string{"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "", "PRI * HTTP/2.0\r\n\r\n"} {
		c, err := net.Dial("tcp", i.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		start := time.Now()
		if err := c.SetDeadline(start.Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, begin); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil || time.Since(start) > 5*time.Second {
			t.Errorf("%q: closed after %v, %v", begin, time.Since(start), err)
		}
	}
}

// Ctrl-C: requests under way are answered, new ones are not taken, and the program ends without an error.
func TestServeDrains(t *testing.T) {
	i := install(t, nil)
	alice := i.user("alice")
	answered := make(chan string, 1)
	go func() { // POST, which the client does not repeat of itself
		res, err := alice.client.Post("http://"+i.address+"/slow", "text/plain", strings.NewReader("x"))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		answered <- fmt.Sprint(res.StatusCode, string(body), err)
	}()
	for late := time.Now().Add(10 * time.Second); !i.has("/slow"); {
		if time.Now().After(late) {
			t.Fatal("the request did not reach the application")
		}
		runtime.Gosched()
	}
	i.stop()
	refused := false
	for late := time.Now().Add(10 * time.Second); !refused && time.Now().Before(late); {
		c, err := net.Dial("tcp", i.address)
		if refused = err != nil; !refused {
			c.Close()
		}
	}
	if !refused {
		t.Error("connections are still taken")
	}
	close(i.slow)
	if got := <-answered; !strings.HasPrefix(got, "200") || !strings.Contains(got, "slow page of alice") {
		t.Errorf("the request under way: %s", got)
	}
	status := <-i.ended
	i.ended <- status
	if status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// An event stream never ends of itself: it gets the drain time and is cut off, and that is no failure either.
func TestServeDrainsStreams(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the drain time: not under -short")
	}
	t.Parallel()
	i := install(t, nil)
	alice := i.user("alice")
	alice.client.Timeout = 0
	res, err := alice.client.Get("http://" + i.address + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "data:") {
		t.Fatalf("%q, %v", line, err)
	}
	start := time.Now()
	i.stop()
	status := <-i.ended
	i.ended <- status
	if took := time.Since(start); status != 0 || took > drainTime+2*time.Second {
		t.Errorf("exit status %d after %v", status, took)
	}
	if _, err := io.Copy(io.Discard, r); err == nil {
		t.Error("a stream that was cut off looks whole")
	}
	if text, _ := i.log.read(); regexp.MustCompile(`(?m)^error:`).MatchString(text) {
		t.Error("an error was said")
	}
}

// Sessions live on through a stop and a start on the same files.
func TestServeAgain(t *testing.T) {
	i := install(t, nil)
	alice := i.user("alice")
	i.stop()
	status := <-i.ended
	i.ended <- status
	again := newTranscript()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"serve", "--config", i.file("gateway.yaml")}, io.Discard, again) }()
	again.wait(t, "the door is open")
	if !isIn(alice, "alice") {
		t.Error("the session did not live on")
	}
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("exit status %d", status)
	}
}
