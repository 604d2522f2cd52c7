package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorcode/challenge/sms"
)

// seed adds the good files and every faulty one.
func seed(f *testing.F, folder string, goodFile string) {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range append(paths, goodFile) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
}

// sensible fails when a problem has no sentence or a place that no editor could go to.
func sensible(t *testing.T, found Problems, text []byte) {
	t.Helper()
	lines := strings.Count(string(text), "\n") + strings.Count(string(text), "\r") + strings.Count(string(text), "\u2028") +
		strings.Count(string(text), "\u2029") + strings.Count(string(text), "\u0085") + 2
	for _, p := range found {
		if p.What == "" || p.Line < 0 || p.Line > lines || p.Column < 0 || p.Line == 0 && p.Column != 0 {
			t.Errorf("problem %+v in a file of %d lines", p, lines)
		}
	}
}

func FuzzGatewayFile(f *testing.F) {
	seed(f, "gateway", example)
	f.Add([]byte(good))
	for _, c := range presetCases {
		f.Add([]byte(good + "sms:\n  - " + strings.ReplaceAll(c.entry, "\n", "\n    ") + "\n"))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return
		}
		r := &reader{file: filepath.Join(dir, "gateway.yaml")}
		root := r.parse(text)
		if root == nil {
			if r.found.Err() == nil {
				t.Fatal("no root and no problem")
			}
			sensible(t, r.found, text)
			return
		}
		s := r.settings(root)
		sensible(t, r.found, text)
		if r.found.Err() != nil {
			return
		}
		// What was accepted is complete: nobody downstream meets a nil.
		g := s.Gateway
		if len(g.PublicURLs) == 0 || g.Upstream.URL == nil || g.Login.Page == "" || len(g.Credentials) == 0 || s.Challenge.Digits < 6 ||
			s.Challenge.Session.Idle <= 0 || g.Login.Confirm == nil && (g.Login.Success == nil || g.Login.Failure == nil) {
			t.Errorf("accepted, but incomplete: %+v", s)
		}
		for _, c := range s.SMS {
			if _, err := sms.New(c); err != nil {
				t.Errorf("accepted, but cannot be used: %v", err)
			}
		}
		for _, c := range g.Credentials {
			if len(c.Users) == 0 || c.Password == "" {
				t.Errorf("accepted credentials without names: %+v", c)
			}
		}
	})
}

func FuzzUsersFile(f *testing.F) {
	seed(f, "users", "../docs/users.example.yaml")
	s, found := Load(example, fileOnly)
	if s == nil {
		f.Fatal(found)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return
		}
		r := &reader{file: "users.yaml"}
		c := r.policy(r.parse(text), s)
		sensible(t, r.found, text)
		if r.found.Err() != nil {
			return
		}
		for _, u := range c.Users {
			if u.Name == "" || u.Code == "" || (u.Code == "sms" || u.Code == "both") && u.Mobile.Empty() || (u.Code == "email" || u.Code == "both") && u.Email.Empty() {
				t.Errorf("accepted, but incomplete: %+v", u)
			}
			if n := u.Mobile.Reveal(); n != "" && strings.Trim(n[1:], "0123456789") != "" {
				t.Errorf("mobile %q is not E.164", n)
			}
		}
	})
}

func BenchmarkLoadPolicy10000(b *testing.B) {
	var text strings.Builder
	text.WriteString("defaults: {code: both, remember: 30d}\nusers:\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "  - name: user%d\n    aliases: [user%d@example.com]\n    mobile: 0599%06d # his own\n    email: user%d@example.com\n", i, i, i, i)
	}
	path := filepath.Join(b.TempDir(), "users.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	s, found := Load(example, fileOnly)
	if s == nil {
		b.Fatal(found)
	}
	b.ReportAllocs()
	for b.Loop() {
		if p, found := LoadPolicy(path, s); p == nil || len(found) > 0 {
			b.Fatal(found)
		}
	}
}
