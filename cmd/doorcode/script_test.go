package main

import (
	"flag"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the commands say now into testdata/script")

// TestMain lets the scripts run this test binary as the program doorcode.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"doorcode": main})
}

// TestScripts runs the program as a person types it; testdata/script has what it says, and what it must not say.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TMPDIR", e.WorkDir)
			texts, err := filepath.Abs("../../templates/files")
			e.Setenv("TEXTS", texts)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status,
			"busy":   busy,
			"free":   free,
			"await":  await,

			"provider":   providerPeer,
			"mailserver": mailServerPeer,
		},
	})
}

// status runs a command and wants an exit status: status N COMMAND...
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s\nstderr: %s", got, args[0], ts.ReadFile("stderr"))
	}
}

// busy takes a port until the script ends and names its address: busy VARIABLE
func busy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// free names an address that nobody listens on: free VARIABLE
func free(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], l.Addr().String())
}

// await waits until somebody listens at an address: await ADDRESS
func await(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if c, err := net.DialTimeout("tcp", args[0], time.Second); err == nil {
			c.Close()
			return
		}
	}
	ts.Fatalf("nobody listens at %s", args[0])
}
