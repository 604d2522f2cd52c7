package config

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// clean takes every variable of ours out of the environment for the time of the test.
func clean(t *testing.T) {
	t.Helper()
	for _, one := range os.Environ() {
		if name, _, _ := strings.Cut(one, "="); strings.HasPrefix(name, envPrefix) {
			t.Setenv(name, "")
		}
	}
}

func flags(t *testing.T, args ...string) map[string]*pflag.Flag {
	t.Helper()
	set := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	set.String("listen", "", "")
	set.String("state", "never.db", "")
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return map[string]*pflag.Flag{"listen.address": set.Lookup("listen"), "state": set.Lookup("state"), "keys": nil}
}

func TestFlagBeforeEnvironmentBeforeFile(t *testing.T) {
	clean(t)
	path := write(t, "gateway.yaml", good)
	address := func(o Overrides) string {
		t.Helper()
		s, found := Load(path, o)
		if s == nil {
			t.Fatal(found)
		}
		return s.Listen.Address
	}
	if got := address(Overrides{Flags: flags(t)}); got != ":8080" {
		t.Errorf("file alone: %q", got)
	}
	t.Setenv("DOORCODE_LISTEN_ADDRESS", ":8091")
	if got := address(Overrides{Flags: flags(t)}); got != ":8091" {
		t.Errorf("environment over file: %q", got)
	}
	if got := address(Overrides{Flags: flags(t, "--listen", ":8082")}); got != ":8082" {
		t.Errorf("flag over environment: %q", got)
	}
	if got := address(Overrides{FileOnly: true}); got != ":8080" {
		t.Errorf("FileOnly: %q", got)
	}
	t.Setenv("DOORCODE_LISTEN_ADDRESS", "")
	if got := address(Overrides{}); got != ":8080" {
		t.Errorf("an empty variable is none: %q", got)
	}
	// A flag that was not given has a default of its own, which is not asked.
	if s, _ := Load(path, Overrides{Flags: flags(t)}); !strings.HasSuffix(s.State, "doorcode.db") {
		t.Errorf("state is %q", s.State)
	}
}

func TestEnvironment(t *testing.T) {
	clean(t)
	for name, text := range map[string]string{
		"DOORCODE_PUBLIC_URL":             "https://other.example.com",
		"DOORCODE_CODE_DIGITS":            "8",
		"DOORCODE_LIMITS_SENDS_USER":      "3/10m",
		"DOORCODE_LOGIN_CONFIRM_URL":      "/me.php",
		"DOORCODE_EMAIL_SERVER":           "smtps://mail.example.com",
		"DOORCODE_EMAIL_FROM":             "door@example.com",
		"DOORCODE_EMAIL_USER":             "0599",
		"DOORCODE_EMAIL_PASSWORD":         "0123", // as it is written, no number
		"DOORCODE_LOG_LEVEL":              "debug",
		"DOORCODE_UPSTREAM_CONNECTIONS":   "12",
		"DOORCODE_TEST_REQUIRE":           "all",
		"DOORCODE_SERVICE_HOST":           "10.0.0.1",
		"DOORCODE_PORT_443_TCP":           "tcp://10.0.0.1:443",
		"DOORCODE_LOGIN_PUBLIC":           "",
		"UNRELATED_DOORCODE_CODE_EXPIRES": "1m",
	} {
		t.Setenv(name, text)
	}
	s, found := Load(write(t, "gateway.yaml", good), Overrides{})
	if s == nil || len(found) > 0 {
		t.Fatal(found)
	}
	if s.Email == nil {
		t.Fatal("the environment alone configures no e-mail")
	}
	checks := []struct {
		what      string
		got, want any
	}{
		{"public_url", s.Gateway.PublicURLs[0].String(), "https://other.example.com"},
		{"number of public_url", len(s.Gateway.PublicURLs), 1},
		{"name", s.Name, "other.example.com"},
		{"digits", s.Challenge.Digits, 8},
		{"sends", s.Challenge.UserSends.Per, 10 * time.Minute},
		{"confirm", s.Gateway.Login.Confirm.URL, "/me.php"},
		{"mail server", s.Email.Address(), "mail.example.com:465"},
		{"mail password", s.Email.Password.Reveal(), "0123"},
		{"mail user", s.Email.User, "0599"},
		{"log", s.Log.Level, "debug"},
		{"connections", s.Gateway.Upstream.Connections, 12},
		{"expires", s.Challenge.Expires, 10 * time.Minute},
	}
	for _, c := range checks {
		if c.got != c.want {
			t.Errorf("%s is %v, want %v", c.what, c.got, c.want)
		}
	}
}

func TestOverridesAreNamedInProblems(t *testing.T) {
	clean(t)
	path := write(t, "gateway.yaml", good)
	t.Setenv("DOORCODE_CODE_DIGITS", "4")
	t.Setenv("DOORCODE_LOGIN_CONFIRM_SIGNED_IN", "(")
	_, found := Load(path, Overrides{Flags: flags(t, "--listen", "nowhere")})
	want := strings.Join([]string{
		`--listen: address is "nowhere": write an address and a port, such as :443 or 127.0.0.1:8080`,
		`DOORCODE_CODE_DIGITS: digits is "4": write a number from 6 to 10`,
		"DOORCODE_LOGIN_CONFIRM_SIGNED_IN: signed_in is no pattern: missing closing ): `(`",
	}, "\n")
	if got := found.Error(); got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
}

func TestUnknownVariableIsWarnedOf(t *testing.T) {
	clean(t)
	path := write(t, "gateway.yaml", good)
	t.Setenv("DOORCODE_LISTEN_ADRESS", ":1")
	t.Setenv("DOORCODE_DOORS", "/api")
	s, found := Load(path, Overrides{})
	if s == nil {
		t.Fatal(found)
	}
	want := "DOORCODE_DOORS: warning: this variable sets nothing: a variable is named after a key with one value: listen.address is DOORCODE_LISTEN_ADDRESS\n" +
		"DOORCODE_LISTEN_ADRESS: warning: this variable sets nothing: did you mean DOORCODE_LISTEN_ADDRESS?"
	if got := found.Error(); got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
	if len(s.Gateway.Doors) != 0 {
		t.Errorf("a list came from the environment: %v", s.Gateway.Doors)
	}
}
