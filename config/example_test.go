package config

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const example = "../gateway.example.yaml"

func TestExampleLoadsAsItIs(t *testing.T) {
	s, found := Load(example, fileOnly)
	if len(found) > 0 {
		t.Fatalf("gateway.example.yaml: %v", found)
	}
	if got := s.Gateway.SignOut; got.Path != "/logout.php" || got.Post {
		t.Errorf("a held session is signed out by %+v", got)
	}
	if len(s.SMS) != 1 || s.Email == nil || !s.ConfirmReadsUser || len(s.Gateway.Credentials) != 2 {
		t.Errorf("the example lacks a part: %d SMS providers, e-mail %v, confirm.user %v, %d pairs of credentials",
			len(s.SMS), s.Email != nil, s.ConfirmReadsUser, len(s.Gateway.Credentials))
	}
}

// Its comments say that what is not written has the value shown. Comparing with the settings of the shortest file would compare too much
// that must differ, so the sections that are all defaults are taken out one by one, and nothing may change.
func TestExampleShowsDefaults(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	full, found := Load(write(t, "gateway.yaml", string(text)), fileOnly)
	if full == nil {
		t.Fatal(found)
	}
	for _, section := range []string{"code", "session", "limits", "authorization", "url_sessions", "log", "state", "keys"} {
		cut := regexp.MustCompile(`(?m)^`+section+`:.*\n((  .*)?\n)*`).ReplaceAllString(string(text), "\n")
		if cut == string(text) {
			t.Fatalf("no section %s in the example", section)
		}
		s, found := Load(write(t, "gateway.yaml", cut), fileOnly)
		if s == nil {
			t.Fatalf("without %s: %v", section, found)
		}
		if s.Challenge != full.Challenge || s.Gateway.Limits != full.Gateway.Limits || s.Gateway.Session != full.Gateway.Session ||
			s.Log != full.Log || s.Gateway.Authorization != full.Gateway.Authorization || filepath.Base(s.State) != filepath.Base(full.State) || filepath.Base(s.Keys) != filepath.Base(full.Keys) {
			t.Errorf("the example's %s are not the defaults", section)
		}
	}
}

// Every key that the decoder knows stands in the example: used, or in a line that begins with # and no space.
func TestExampleIsComplete(t *testing.T) {
	asked := askedOfExample(t)
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	root := (&reader{file: write(t, "gateway.yaml", switchedOn(text))}).open()
	shown := map[string]bool{}
	show(root, "", shown)
	if len(asked) < 100 {
		t.Fatalf("only %d keys were asked for", len(asked))
	}
	for key := range asked {
		if !shown[key] {
			t.Errorf("the decoder knows %s, the example does not show it", key)
		}
	}
}

// switchedOn takes the # from keys that the example does not use. It contradicts itself then (a certificate beside insecure), but its
// keys can be read.
func switchedOn(text []byte) string {
	return string(regexp.MustCompile(`(?m)^( *)#(\S)`).ReplaceAll(text, []byte("$1$2")))
}

// askedOfExample is every key that the decoder asks gateway.yaml for, by kind.
func askedOfExample(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{file: write(t, "gateway.yaml", switchedOn(text)), asked: map[string]bool{}}
	root := r.open()
	if root == nil {
		t.Fatalf("the example with all keys: %v", r.found)
	}
	r.settings(root)
	for _, p := range r.found {
		if strings.Contains(p.What, "is not a key here") || strings.Contains(p.What, "twice") {
			t.Errorf("%v", p)
		}
	}
	kinds := map[string]bool{}
	for key := range r.asked {
		kinds[kind(key)] = true
	}
	return kinds
}

// askedOfUsers is every key that the decoder asks users.yaml for.
func askedOfUsers(t *testing.T) map[string]bool {
	t.Helper()
	r := &reader{file: "../docs/users.example.yaml", asked: map[string]bool{}}
	r.policy(r.open(), sendable(t))
	return r.asked
}

// show notes the path of every key.
func show(n *yaml.Node, path string, shown map[string]bool) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if path != "" {
				key = path + "." + key
			}
			shown[kind(key)] = true
			show(n.Content[i+1], key, shown)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			show(item, path+"[]", shown)
		}
	}
}

// kind makes keys of things that are alike the same: all rules are rules, all conditions conditions, all parameters parameters.
func kind(key string) string {
	key = strings.ReplaceAll(key, ".not.", ".")
	for _, list := range []string{"logout[]", "public[]", "doors[]", "login.elsewhere[]", "session.idle_ignore[]", "upstream.slow[]"} {
		if rest, ok := strings.CutPrefix(key, list); ok {
			return "rule" + rest
		}
	}
	for _, alike := range [][2]string{{"login.failure.", "login.success."}, {".all[]", ".any[]"}, {"sms[].query[]", "sms[].form[]"}, {"sms[].headers[]", "sms[].form[]"}, {"sms[].failure[].json", "sms[].success.json"}} {
		key = strings.Replace(key, alike[0], alike[1], 1)
	}
	return key
}

func TestUsersExampleShowsEveryKey(t *testing.T) {
	const path = "../docs/users.example.yaml"
	asked := askedOfUsers(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	show((&reader{file: write(t, "users.yaml", switchedOn(text))}).open(), "", shown)
	for key := range asked {
		if !shown[key] {
			t.Errorf("the decoder knows %s, %s does not show it", key, path)
		}
	}
	if !asked["users[].mobile"] {
		t.Errorf("users[].mobile was not asked for: %v", slices.Sorted(maps.Keys(asked)))
	}
}
