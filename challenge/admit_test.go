package challenge

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A caller may claim any way in: admit asks the policy, and refuses before it touches the store (there is none here).
func TestAdmitBelievesNoClaim(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	p := testPolicy(t, func(c *PolicyConfig) { c.Users[1].Remember = time.Hour })
	d := New(Config{Session: SessionLife{Idle: time.Hour, Absolute: 2 * time.Hour}}, p, Parts{Now: func() time.Time { return now }})
	sms := p.Judge(Asked{Typed: "sms"})
	member := func(change func(*Session)) Login {
		s := Session{ID: "m", User: sms.Username, Name: "sms", Way: ByCode, Policy: sms.Policy, CreatedAt: now, UsedAt: now}
		change(&s)
		return Login{Typed: "sms", Member: &s}
	}
	pending := func(change func(*Challenge)) Challenge {
		c := Challenge{ID: "c", User: sms.Username, Name: "sms", Policy: sms.Policy}
		change(&c)
		return c
	}
	for _, c := range []struct {
		name string
		a    attempt
	}{
		{"off, for one who needs a code", attempt{way: ByOff, login: Login{Typed: "sms"}}},
		{"off, disabled", attempt{way: ByOff, login: Login{Typed: "disabled"}}},
		{"off, confirmed as one who needs a code", attempt{way: ByOff, login: Login{Typed: "off", Confirmed: "sms"}}},
		{"unlisted, for a listed one", attempt{way: ByUnlisted, login: Login{Typed: "off"}}},
		{"unlisted, where they are refused", attempt{way: ByUnlisted, login: Login{Typed: "eve"}}},
		{"trusted, without a cookie", attempt{way: ByTrust, login: Login{Typed: "sms"}}},
		{"trusted, never remembered", attempt{way: ByTrust, login: Login{Typed: "email", Browser: BrowserCookie{ID: "b", Secret: "s"}}}},
		{"trusted, disabled", attempt{way: ByTrust, login: Login{Typed: "disabled", Browser: BrowserCookie{ID: "b", Secret: "s"}}}},
		{"session, without one", attempt{way: BySession, login: Login{Typed: "sms"}}},
		{"session of another user", attempt{way: BySession, login: member(func(s *Session) {
			j := p.Judge(Asked{Typed: "email"})
			s.User, s.Name, s.Policy = j.Username, "email", j.Policy
		})}},
		{"session under another policy", attempt{way: BySession, login: member(func(s *Session) { s.Policy = "old" })}},
		{"session that sat idle", attempt{way: BySession, login: member(func(s *Session) { s.UsedAt = now.Add(-time.Hour) })}},
		{"session past its end", attempt{way: BySession, login: member(func(s *Session) { s.CreatedAt = now.Add(-2 * time.Hour) })}},
		{"code of no challenge", attempt{way: ByCode}},
		{"code under another policy", attempt{way: ByCode, challenge: pending(func(c *Challenge) { c.Policy = "old" })}},
		{"code of one who needs none", attempt{way: ByCode, challenge: pending(func(c *Challenge) {
			j := p.Judge(Asked{Typed: "off"})
			c.User, c.Policy = j.Username, j.Policy
		})}},
		{"code, confirmed as a disabled one", attempt{way: ByCode, challenge: pending(func(c *Challenge) { c.Confirmed = "disabled" })}},
		{"a way that is on no list", attempt{way: "mallory", login: Login{Typed: "off"}}},
		{"no way", attempt{login: Login{Typed: "off"}}},
	} {
		pass, _, err := d.admit(t.Context(), c.a)
		if pass.Valid() || !errors.Is(err, errOtherWay) {
			t.Errorf("%s: pass %v, %v", c.name, pass.Valid(), err)
		}
	}
	if (&Pass{}).Valid() || (*Pass)(nil).Valid() {
		t.Error("a Pass that admit did not make is valid")
	}
}

// Only admit.go makes a Pass and calls Store.Admit.
func TestOneWayIn(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	admits, passes := 0, 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Admit" {
					admits++
					wantIn(t, "admit.go", name)
				}
			case *ast.CompositeLit:
				if id, ok := n.Type.(*ast.Ident); ok && id.Name == "Pass" {
					passes++
					wantIn(t, "admit.go", name)
				}
			}
			return true
		})
	}
	if admits != 1 || passes != 1 {
		t.Errorf("%d calls of Store.Admit and %d Pass literals, want one each", admits, passes)
	}
}

func wantIn(t *testing.T, want, got string) {
	t.Helper()
	if got != want {
		t.Errorf("%s does what only %s may", got, want)
	}
}
