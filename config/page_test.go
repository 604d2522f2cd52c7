package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const page = "../docs/configuration.md"

// row is one line of a table in docs/configuration.md.
type row struct{ key, kind, otherwise, example string }

// rows reads the tables below a heading of the second level.
func rows(t *testing.T, heading string) (rows []row) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n## "+heading+"\n")
	part, _, _ = strings.Cut(part, "\n## ")
	for line := range strings.Lines(part) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		if len(cells) != 5 {
			t.Errorf("not five cells: %s", line)
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, row{strings.Trim(cells[0], "`"), cells[1], cells[2], strings.Trim(cells[3], "`")})
	}
	return rows
}

// TestPageListsEveryKey: docs/configuration.md has a row for every key that the decoder asks for, and for no other.
func TestPageListsEveryKey(t *testing.T) {
	for heading, asked := range map[string]map[string]bool{"gateway.yaml": askedOfExample(t), "users.yaml": askedOfUsers(t)} {
		found := map[string]bool{}
		for _, row := range rows(t, heading) {
			if row.kind == "" || row.otherwise == "" || row.example == "" {
				t.Errorf("%s of %s: type, default and example belong in its row", row.key, heading)
			}
			if found[row.key] {
				t.Errorf("%s of %s stands there twice", row.key, heading)
			}
			found[row.key] = true
			if !asked[row.key] {
				t.Errorf("%s: the decoder of %s does not ask for it", row.key, heading)
			}
		}
		for key := range asked {
			if !found[key] {
				t.Errorf("%s lacks %s of %s", page, key, heading)
			}
		}
	}
}

// exampleLine is where the nodes of an example are said to stand, so that what is wrong with them is told from the rest.
const exampleLine = 100_000

// TestPageExamples: the example of every key is read without a problem, but for files that are not there.
func TestPageExamples(t *testing.T) {
	for _, row := range rows(t, "gateway.yaml") {
		r := &reader{file: example}
		root := r.open()
		value := exampleNode(t, row)
		if value == nil || !put(root, strings.FieldsFunc(row.key, func(c rune) bool { return c == '.' }), value) {
			continue
		}
		r.settings(root)
		for _, p := range r.found {
			if p.Line == exampleLine && !p.Warning && !strings.Contains(p.What, "no such file") {
				t.Errorf("%s: %s: %v", row.key, row.example, p)
			}
		}
	}
	for _, row := range rows(t, "users.yaml") {
		r := &reader{file: "../docs/users.example.yaml"}
		root := r.open()
		value := exampleNode(t, row)
		if value == nil || !put(root, strings.Split(row.key, "."), value) {
			continue
		}
		r.policy(root, sendable(t))
		for _, p := range r.found {
			if p.Line == exampleLine && !p.Warning && !strings.Contains(p.What, "no such file") {
				t.Errorf("%s: %s: %v", row.key, row.example, p)
			}
		}
	}
}

// exampleNode parses an example. Rules stand in lists of many names; the lists' own examples show them.
func exampleNode(t *testing.T, row row) *yaml.Node {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(row.example), &n); err != nil || len(n.Content) != 1 {
		t.Errorf("%s: the example %s is no YAML: %v", row.key, row.example, err)
		return nil
	}
	move(n.Content[0])
	return n.Content[0]
}

func move(n *yaml.Node) {
	n.Line = exampleLine
	for _, c := range n.Content {
		move(c)
	}
}

var item = regexp.MustCompile(`\[\]$`)

// put sets the value at path below n, in the first item of lists; false where the path leads through something that is not there.
func put(n *yaml.Node, path []string, value *yaml.Node) bool {
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	if n.Kind != yaml.MappingNode {
		return false
	}
	name := item.ReplaceAllString(path[0], "")
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != name {
			continue
		}
		at := n.Content[i+1]
		if len(path) == 1 {
			n.Content[i+1] = value
			return true
		}
		if name != path[0] {
			if at.Kind != yaml.SequenceNode || len(at.Content) == 0 {
				return false
			}
			at = at.Content[0]
		}
		return put(at, path[1:], value)
	}
	if len(path) > 1 {
		return false
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name, Line: exampleLine}, value)
	return true
}
