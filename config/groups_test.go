package config

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
)

// What a user says stands over what his group says, and that over the defaults; each with the line that said it.
func TestGroups(t *testing.T) {
	path := write(t, "users.yaml", `defaults:
  code: email
  remember: 14d
  language: en
  from: 2026-12-01
  networks: {only: [10.0.0.0/8, "::ffff:192.168.1.0/120"], no_code: [10.1.0.0/16]}
unlisted: defaults
groups:
  - name: accounting
    code: off
    language: ar
    networks:
      no_code: ["2001:db8::7"]
users:
  - {name: plain, email: plain@example.com}
  - {name: grouped, group: accounting}
  - name: own
    group: accounting
    code: email
    email: own@example.com
    from: 2026-11-29
    remember: never
    networks: {only: [], no_code: []}
`)
	s := sendable(t)
	p, found := LoadPolicy(path, s)
	if p == nil {
		t.Fatal(found)
	}
	for name, want := range map[string]string{
		"plain":      "email 336h0m0s en 2026-12-01 [10.0.0.0/8 192.168.1.0/24] [10.1.0.0/16] {2  5 6 6 3}",
		"grouped":    "off 336h0m0s ar 2026-12-01 [10.0.0.0/8 192.168.1.0/24] [2001:db8::7/128] {10  5 6 13 3}",
		"own":        "email 0s ar 2026-11-29 [] [] {19  21 23 23 22}",
		"not listed": "email 336h0m0s en 2026-12-01 [10.0.0.0/8 192.168.1.0/24] [10.1.0.0/16] {2  5 6 6 3}",
	} {
		u := p.Judge(challenge.Asked{Typed: name, Confirmed: name, Address: netip.MustParseAddr("10.9.9.9")}).User
		got := fmt.Sprint(u.Code, " ", u.Remember, " ", u.Language, " ", u.From.Format(time.DateOnly), " ", u.Networks.Only, " ", u.Networks.NoCode, " ",
			strings.ReplaceAll(fmt.Sprint(u.Places), path+":", ""))
		if got != want {
			t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
		}
	}
}

// A day begins when it begins where the users are, also where summer time has no midnight.
func TestFromBeginsWithTheDay(t *testing.T) {
	for _, c := range []struct{ zone, day, want string }{
		{"Asia/Hebron", "2026-11-29", "2026-11-28T22:00:00Z"},
		{"Asia/Hebron", "2026-07-01", "2026-06-30T21:00:00Z"},
		{"UTC", "2026-11-29", "2026-11-29T00:00:00Z"},
		{"Asia/Beirut", "2025-03-30", "2025-03-29T22:00:00Z"}, // 00:00 does not exist: the day begins at 01:00
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},
	} {
		zone, f := timezone(c.zone)
		if f != nil {
			t.Fatal(f)
		}
		u := users{s: &Settings{Challenge: challenge.Config{Zone: zone}}}
		at, f := u.day(c.day)
		if f != nil || at.UTC().Format(time.RFC3339) != c.want || at.Format(time.DateOnly) != c.day {
			t.Errorf("%s in %s begins at %v (%v), want %s", c.day, c.zone, at.UTC(), f, c.want)
		}
	}
}

// Behind a proxy that nobody named everybody has its address.
func TestNetworksBehindAProxyAreWarnedOf(t *testing.T) {
	path := write(t, "users.yaml", "users:\n  - {name: a, code: off, networks: {only: [10.0.0.0/8]}}\n  - {name: b, code: off, networks: {only: [10.0.0.0/8]}}\n")
	s := *sendable(t)
	for _, c := range []struct {
		what   string
		change func(s *Settings)
		want   int
	}{
		{"the proxy is named", func(*Settings) {}, 0},
		{"it is not", func(s *Settings) { s.Gateway.TrustedProxies = nil }, 1},
		{"there is none", func(s *Settings) { s.Gateway.TrustedProxies, s.Listen.Insecure = nil, false }, 0},
	} {
		s := s
		c.change(&s)
		p, found := LoadPolicy(path, &s)
		if p == nil || len(found) != c.want || c.want > 0 && !strings.Contains(found[0].Want, "trusted_proxies") {
			t.Errorf("%s: %v", c.what, found)
		}
	}
}

func TestTimezone(t *testing.T) {
	text := strings.Replace(readText(t, example), "#timezone:", "timezone:", 1)
	s, found := Load(write(t, "gateway.yaml", text), fileOnly)
	if s == nil {
		t.Fatal(found)
	}
	if got := s.Challenge.Zone.String(); got != "Asia/Hebron" {
		t.Errorf("the zone is %s", got)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
