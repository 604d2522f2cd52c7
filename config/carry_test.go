package config

import (
	"os"
	"strings"
	"testing"
)

// The example, switched to a login of two pages in its visitor's session.
func TestCarriedLogin(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	file := strings.NewReplacer("  isolation: fresh\n", "  isolation: carry\n  first: {path: /name.php, user: name}\n", "  tokens: auto", "  #tokens: auto").Replace(string(text))
	s, found := Load(write(t, "gateway.yaml", file), fileOnly)
	if s == nil || len(found) > 0 {
		t.Fatal(found)
	}
	g := s.Gateway
	if !g.Carry || g.First == nil || g.First.Fields.User != "name" || g.First.Fields.Password != "password" || g.First.Rule.Path.String() != "/name.php" {
		t.Errorf("carry %v, first %+v", g.Carry, g.First)
	}
	last := g.Credentials[len(g.Credentials)-1]
	for _, pair := range g.Credentials {
		if len(pair.Users) == 1 && pair.Users[0] == "password" {
			last = pair
		}
	}
	if last.Password != "password" || last.Users[0] != "password" {
		t.Error("a password alone is not searched for, though the second page sends it alone")
	}
	if s, found = Load(example, fileOnly); s == nil || s.Gateway.Carry || s.Gateway.First != nil {
		t.Errorf("the example carries: %v", found)
	}
}
