package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"doorcode/config"
	"doorcode/gateway/admin"
)

// ask gives the installation's gateway a command.
func (i *installation) ask(verb string, in, out any) error {
	return admin.Ask(i.t.Context(), i.file("doorcode.sock"), verb, in, out)
}

// TestThreat_E3_PublicListener: commands are for the socket. On the address where browsers come in there are none, under any name.
func TestThreat_E3_PublicListener(t *testing.T) {
	i := install(t, nil)
	var out nothing
	if err := i.ask("take-up", nothing{}, &out); err != nil {
		t.Fatalf("over the socket: %v", err)
	}
	before, _ := i.log.read()
	body, _ := json.Marshal(nothing{})
	for _, path := range []string{"/v1/take-up", "/_doorcode/v1/take-up", "/_doorcode/admin/take-up", "/admin/v1/take-up"} {
		for _, host := range []string{i.address, "doorcode"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+i.address+path, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode < 300 {
				t.Errorf("POST %s as %s: %s", path, host, resp.Status)
			}
		}
	}
	if after, _ := i.log.read(); strings.Contains(after[len(before):], "taken up") {
		t.Error("a command was done over the network")
	}
}

// The socket is there while the gateway runs, and two gateways cannot have one.
func TestSocketComesAndGoes(t *testing.T) {
	i := install(t, nil)
	info, err := os.Lstat(i.file("doorcode.sock"))
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Fatalf("%v %v", info, err)
	}
	i.write("other.yaml", strings.Replace(i.read("gateway.yaml"), "outbox: outbox", "outbox: outbox\nstate: other.db\nkeys: other.keys", 1))
	var stderr strings.Builder
	if status := run(t.Context(), []string{"serve", "--config", i.file("other.yaml"), "--listen", freeAddress(t)}, &stderr, &stderr); status != 1 {
		t.Errorf("a second gateway at the same socket: %d", status)
	}
	if !strings.Contains(stderr.String(), "doorcode.sock: in use by another gateway") {
		t.Errorf("it says: %s", stderr.String())
	}
	if err := i.ask("take-up", nothing{}, new(nothing)); err != nil {
		t.Errorf("the first one: %v", err)
	}
	i.stop()
	<-i.ended
	i.ended <- 0
	if _, err := os.Lstat(i.file("doorcode.sock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the end: %v", err)
	}
}

// What the files held when it was asked is in force when take-up returns.
func TestTakeUpAtOnce(t *testing.T) {
	i := install(t, nil)
	i.write("users.yaml", "users:\n  - {name: alice, code: off}\n  - {name: bob, code: off, disabled: true}\n")
	i.saying(`bob.*files taken up on command|files taken up on command`, func() {
		if err := i.ask("take-up", nothing{}, new(nothing)); err != nil {
			t.Fatal(err)
		}
	})
	i.write("users.yaml", "users:\n  - {name: alice, code: sideways}\n")
	err := i.ask("take-up", nothing{}, new(nothing))
	if err == nil || !strings.Contains(err.Error(), "users.yaml:2:25: code is") {
		t.Errorf("a file with a fault: %v", err)
	}
}

// Under systemd's protection the gateway may read users.yaml and not write it. Then the command does, as whoever gave it, and has the gateway
// take it up with what it changed for the log.
func TestUserSetWhereTheGatewayMayNotWrite(t *testing.T) {
	dir := t.TempDir()
	text := strings.NewReplacer("ADDRESS", "127.0.0.1:1", "UPSTREAM", "http://127.0.0.1:2").Replace(installed)
	writeFile(t, filepath.Join(dir, "gateway.yaml"), text)
	writeFile(t, filepath.Join(dir, "users.yaml"), installedUsers)
	socket, err := admin.Listen(admin.Config{Socket: filepath.Join(dir, "doorcode.sock")})
	if err != nil {
		t.Fatal(err)
	}
	var told written
	o := &office{takeUp: func(written) error { return nil }}
	verbs := []admin.Verb{
		admin.Do("user-set", func(context.Context, admin.Caller, config.Edit) (userSet, error) {
			return userSet{}, &admin.Error{Text: "permission denied", Code: cannotWrite}
		}),
		admin.Do("take-up", func(ctx context.Context, by admin.Caller, in written) (nothing, error) {
			told = in
			return takeUpFiles.do(ctx, o, by, in)
		}),
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- socket.Serve(ctx, admin.NewHandler(zerolog.Nop(), verbs...), zerolog.Nop()) }()
	defer func() { stop(); <-ended }()
	var stdout, stderr strings.Builder
	if status := run(t.Context(), []string{"user", "set", "bob", "--disabled", "--config", filepath.Join(dir, "gateway.yaml")}, &stdout, &stderr); status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr.String())
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "users.yaml")); !strings.Contains(string(after), "{name: bob, code: off, disabled: true}") {
		t.Errorf("users.yaml: %s", after)
	}
	if !strings.Contains(stdout.String(), "the running gateway has taken it up") || told.User != "bob" || len(told.Changes) != 1 {
		t.Errorf("said %q, told %+v", stdout.String(), told)
	}
}
