package main

import (
	"regexp"
	"strings"
	"testing"
)

// The admin of a running program lost the phone: a command prints a code, the login page and the code page take it, once.
func TestEntryCodeOfARunningGateway(t *testing.T) {
	i := install(t, func(dir, gateway string) string {
		writeFile(t, dir+"/users.yaml", "users:\n  - {name: alice, code: email, email: alice@books.example, admin: true}\n")
		return gateway
	})
	var stdout, stderr strings.Builder
	if status := run(t.Context(), []string{"entry-code", "alice", "--config", i.file("gateway.yaml")}, &stdout, &stderr); status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr.String())
	}
	code := strings.TrimSpace(stdout.String())
	if !regexp.MustCompile(`^\d{10}$`).MatchString(code) || strings.Contains(stderr.String(), code) {
		t.Fatalf("printed %q, and %q", stdout.String(), stderr.String())
	}
	for _, want := range []string{"/home.php", "/_doorcode/code?said=wrong"} {
		s := newSurfer(t, i.address)
		i.login(s, "alice")
		form := hiddenFields(s.get("/_doorcode/code").body)
		form.Set("code", code)
		if got := s.post("/_doorcode/code", form).Request.URL.RequestURI(); got != want {
			t.Errorf("led to %s, want %s", got, want)
		}
	}
	if text, _ := i.log.read(); strings.Contains(text, code) || !strings.Contains(text, `"event":"entry code used","user":"alice"`) {
		t.Error("the log has the code, or not who used it")
	}
}

// A user who is disabled by command is out when the command ends, and not a moment later.
func TestUserSetIsInForceAtOnce(t *testing.T) {
	i := install(t, nil)
	alice, bob := i.user("alice"), i.user("bob")
	var stdout, stderr strings.Builder
	if status := run(t.Context(), []string{"user", "set", "alice", "--disabled", "--config", i.file("gateway.yaml")}, &stdout, &stderr); status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr.String())
	}
	if isIn(alice, "alice") || !isIn(bob, "bob") {
		t.Errorf("alice is disabled: she must be out, and bob in; it said %q", stdout.String())
	}
	if want := strings.Replace(installedUsers, "{name: alice, code: off}", "{name: alice, code: off, disabled: true}", 1); i.read("users.yaml") != want {
		t.Errorf("users.yaml: %q", i.read("users.yaml"))
	}
}
