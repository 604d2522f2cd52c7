package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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
	to        string // where the form goes; "" is the page's own address
	fields    func(page, user, password string) url.Values
	protected string // a page that only members see
	mark      string // on it
	wrong     string // on the answer to a wrong password
	work      func(t *testing.T, s *surfer)
	logout    func(t *testing.T, s *surfer)
	own       func(t *testing.T, app application, s *surfer, outbox string) // what this application is there for besides; a signed-out browser; may be nil
}

func realApplications() []application {
	return []application{dokuwiki, cacti, phpmyadmin, wordpress, django}
}

func TestRealApplications(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache and MariaDB: not under -short")
	}
	binary := buildBinary(t)
	for _, app := range realApplications() {
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
	address := freeAddress(t)
	upstream := app.start(t, address)
	outbox := filepath.Join(t.TempDir(), "outbox")
	app.serve(t, binary, address, upstream, outbox)
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
	// A code that nobody enters: the session behind it is signed out at the application, by its own link or form.
	gone := newSurfer(t, address)
	gone.login(app, "alice", "alice-pass-1")
	gone.post("/_doorcode/cancel", hiddenFields(gone.get("/_doorcode/code").body))
	if app.own != nil {
		app.own(t, app, newSurfer(t, address), outbox)
	}
}

// start starts the rig, which browsers will reach at public, and returns its address.
func (app application) start(t *testing.T, public string) string {
	t.Helper()
	address, _ := app.startIn(t, public)
	return address
}

// startIn is start; home is the rig's folder.
func (app application) startIn(t *testing.T, public string) (address, home string) {
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
	address = freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	script := filepath.Join("..", "..", "testdata", "rigs", app.rig+".sh")
	rig := func(args ...string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "bash", append([]string{script}, args...)...)
		cmd.Env = append(os.Environ(), "RIG_HOME="+home, "RIG_PUBLIC_URL=http://"+public)
		return cmd.CombinedOutput()
	}
	t.Cleanup(func() { rig("stop") })
	if out, err := rig("start", port); err != nil {
		t.Fatalf("start %s: %v\n%s", app.rig, err, out)
	}
	return address, home
}

// serve starts the real binary in front of it.
func (app application) serve(t *testing.T, binary, address, upstream, outbox string) {
	t.Helper()
	app.serveAt(t, binary, address, address, upstream, outbox)
}

// serveAt is serve with another address for browsers.
func (app application) serveAt(t *testing.T, binary, address, public, upstream, outbox string) {
	t.Helper()
	dir := t.TempDir()
	config := fmt.Sprintf("name: %s\nlisten: {address: %q, insecure: true}\npublic_url: http://%s\nupstream: {url: \"http://%s\"}\noutbox: %s\ncountry: PS\n%s",
		app.rig, address, public, upstream, outbox, app.config)
	users := "unlisted: refuse\ndefaults: {remember: 30d}\nusers:\n  - {name: alice, code: sms, mobile: 0599123456}\n  - {name: bob, code: email, email: bob@example.com}\n"
	for name, text := range map[string]string{"gateway.yaml": config, "users.yaml": users} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	startBinary(t, binary, address, "serve", "--config", filepath.Join(dir, "gateway.yaml"))
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
		if strings.Contains(log.String(), "not signed out at the application") {
			t.Error("a session that nobody came for was not signed out")
		}
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
