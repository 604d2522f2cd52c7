package challenge

import (
	"strings"
	"testing"
	"time"

	"doorcode/challenge/secret"
)

func TestChooseSMS(t *testing.T) {
	const bound = "@erp.example.ps #123456"
	long := strings.Repeat("x", 161)
	for _, c := range []struct {
		name     string
		variants []string
		want     int
	}{
		{"the longest fits", []string{"longest\n" + bound, "shorter\n" + bound, "plain"}, 0},
		{"a shorter one fits with the line", []string{long + "\n" + bound, "plain but longer than the next", "s\n" + bound}, 2},
		{"none fits with the line", []string{long + "\n" + bound, "plain", "p"}, 1},
		{"nothing fits: fewest segments", []string{strings.Repeat(long, 3), long, long}, 1},
		{"another code's line is no line", []string{"a\n@erp.example.ps #654321", "b\n" + bound}, 1},
		{"a line that is not the last is no line", []string{bound + "\na", "b\n" + bound}, 1},
		{"one for all", []string{"only"}, 0},
	} {
		if got := chooseSMS(c.variants, secret.New("123456")); got != c.variants[c.want] {
			t.Errorf("%s: chose %.40q, want %.40q", c.name, got, c.variants[c.want])
		}
	}
	if got := chooseSMS(nil, secret.New("123456")); got != "" {
		t.Errorf("of no variants chose %q", got)
	}
}

func TestBoundHost(t *testing.T) {
	for host, want := range map[string]string{
		"books.example.com": "books.example.com", "books.example.com:8443": "books.example.com",
		"192.0.2.1": "192.0.2.1", "[2001:db8::1]:443": "", "a b": "", "a\n@evil.example #1": "", "evil#": "", "": "",
	} {
		if got := boundHost(host); got != want {
			t.Errorf("boundHost(%q) = %q, want %q", host, got, want)
		}
	}
}

func TestAgentName(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                 "Firefox, Windows",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Safari/537.36 Edg/139.0":                        "Edge, Windows",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Mobile Safari/537.36":                         "Chrome, Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile Safari/604.1": "Safari, iPhone",
		"Your account is locked, call 0900-1234": "",
		"":                                       "",
	} {
		if got := agentName(agent); got != want {
			t.Errorf("agentName(%q) = %q, want %q", agent, got, want)
		}
	}
}

func TestMinutes(t *testing.T) {
	for left, want := range map[time.Duration]int{10 * time.Minute: 10, 9*time.Minute + 29*time.Second: 9, 20 * time.Second: 1, -time.Second: 1} {
		if got := minutes(left); got != want {
			t.Errorf("minutes(%s) = %d, want %d", left, got, want)
		}
	}
}
