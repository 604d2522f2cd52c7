package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"doorcode/config"
)

// What the documents say is true: samples load, commands exist, files are there, threats have the tests that are named.

// document is one of the documents, with the place its links begin at.
type document struct{ name, folder, text string }

func documents(t *testing.T) []document {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []document
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, document{filepath.ToSlash(name), filepath.Dir(file), string(text)})
		}
	}
	if len(all) < 5 {
		t.Fatalf("%d documents found", len(all))
	}
	return all
}

var codeBlock = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// blocks are the samples of a document in one language, with the line that each begins in.
func (d document) blocks(language string) (samples []sample) {
	for _, m := range codeBlock.FindAllStringSubmatchIndex(d.text, -1) {
		if d.text[m[2]:m[3]] == language {
			samples = append(samples, sample{fmt.Sprintf("%s:%d", d.name, 1+strings.Count(d.text[:m[4]], "\n")), d.text[m[4]:m[5]]})
		}
	}
	return samples
}

type sample struct{ place, text string }

// TestSamples: every YAML sample loads. One that begins "# gateway.yaml" or "# users.yaml" is a whole file, and stands together with
// the other of the same document; one that begins "# gateway.yaml, " is put into the document's gateway.yaml: "instead of" the keys it
// names, "besides the rest" otherwise.
func TestSamples(t *testing.T) {
	whole := map[string]string{"gateway.yaml": "", "users.yaml": "users: [{name: rana, code: email, email: rana@example.com}]\n"}
	for _, d := range documents(t) {
		own := map[string]string{"gateway.yaml": whole["gateway.yaml"], "users.yaml": whole["users.yaml"]}
		blocks := d.blocks("yaml")
		for _, s := range blocks {
			if file, _ := nameOf(s.text); file == "users.yaml" {
				own[file] = s.text
			}
		}
		for _, s := range blocks {
			file, instead := nameOf(s.text)
			t.Run(s.place, func(t *testing.T) {
				switch {
				case file == "":
					t.Fatal("the sample does not begin with the name of its file")
				case file == "gateway.yaml" && instead == nil:
					own[file] = s.text
					loads(t, own)
				case file == "gateway.yaml":
					changed := map[string]string{"gateway.yaml": merged(t, own["gateway.yaml"], s.text, instead), "users.yaml": own["users.yaml"]}
					loads(t, changed)
				case own["gateway.yaml"] != "":
					loads(t, own)
				}
			})
		}
	}
}

// nameOf reads a sample's first line. instead is nil for a whole file.
func nameOf(text string) (file string, instead []string) {
	first, _, _ := strings.Cut(text, "\n")
	file, how, part := strings.Cut(strings.TrimPrefix(first, "# "), ", ")
	if file != "gateway.yaml" && file != "users.yaml" {
		return "", nil
	}
	if !part {
		return file, nil
	}
	keys, _ := strings.CutPrefix(how, "instead of ")
	return file, strings.Split(keys, " and ")
}

// merged puts the keys of a part into a whole gateway.yaml, and takes those out that it stands for.
func merged(t *testing.T, whole, part string, instead []string) string {
	t.Helper()
	var all, more map[string]any
	for text, into := range map[string]*map[string]any{whole: &all, part: &more} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if all == nil {
		t.Fatal("the document has no whole gateway.yaml before this part")
	}
	for _, key := range instead {
		delete(all, key)
	}
	for key, value := range more {
		all[key] = value
	}
	text, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// loads wants no problem, in a folder that has the certificate and the passwords that samples name, wherever they name them.
func loads(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	writeCertificate(t, dir)
	for _, secret := range []string{"mail.password", "sms.password"} {
		writeFile(t, filepath.Join(dir, secret), "word")
	}
	writeFile(t, filepath.Join(dir, "shop.key"), "5d1c0f9be2a84d7691f3c05b8e27ad64")
	newShopAuthority(t, dir, "shop-ca")
	here := strings.NewReplacer("/etc/doorcode/", dir+"/", "/var/lib/doorcode/", dir+"/")
	for name, text := range files {
		writeFile(t, filepath.Join(dir, name), here.Replace(text))
	}
	_, _, found := config.LoadBoth(filepath.Join(dir, "gateway.yaml"), config.Overrides{FileOnly: true})
	if err := found.Err(); err != nil {
		t.Error(err)
	}
}

// TestSamplesOfApplications: what docs/applications.md shows is what the test of the real application runs.
func TestSamplesOfApplications(t *testing.T) {
	text, err := os.ReadFile("../../docs/applications.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range realApplications() {
		if !strings.Contains(string(text), strings.TrimSpace(app.config)) {
			t.Errorf("docs/applications.md does not have the configuration that %s is tested with", app.rig)
		}
	}
}

// TestCommandsOfDocs: every command of ours that a document shows exists, with its flags.
func TestCommandsOfDocs(t *testing.T) {
	ours := regexp.MustCompile("(?m)(?:^|[`\\s])(?:go run \\./cmd/doorcode|(?:/usr/local/bin/|\\./)?doorcode)((?: [a-z][\\w-]*| --?\\w[\\w-]*(?:[= ][\\w./:-]+)?)+)")
	seen := 0
	for _, d := range append(documents(t), unit(t)) {
		text := d.text
		if strings.HasSuffix(d.name, ".md") {
			text = spokenOf(d)
		}
		for _, m := range ours.FindAllStringSubmatch(text, -1) {
			seen++
			args := strings.Fields(strings.Split(m[1], "&&")[0])
			c, rest, err := rootCommand().Find(args)
			if err != nil {
				t.Errorf("%s shows %q: %v", d.name, m[0], err)
				continue
			}
			if err := c.ParseFlags(rest); err != nil {
				t.Errorf("%s shows %q: %v", d.name, m[0], err)
			}
			if left := c.Flags().Args(); len(left) == 0 {
				continue // named in a sentence, it may want more
			}
			if err := c.ValidateArgs(c.Flags().Args()); err != nil {
				t.Errorf("%s shows %q: %v", d.name, m[0], err)
			}
		}
	}
	if seen < 10 {
		t.Errorf("%d commands found", seen)
	}
}

// spokenOf is what a document shows as typed: its shell blocks, and what stands in backticks and begins with the program's name.
func spokenOf(d document) string {
	var lines strings.Builder
	for _, s := range d.blocks("sh") {
		for line := range strings.Lines(s.text) {
			command, _, _ := strings.Cut(line, "  #")
			for part := range strings.SplitSeq(command, "&&") {
				part = strings.TrimPrefix(strings.TrimSpace(part), "sudo -u doorcode ")
				if strings.HasPrefix(part, "doorcode ") || strings.HasPrefix(part, "./doorcode ") || strings.HasPrefix(part, "go run ./cmd/doorcode ") {
					fmt.Fprintln(&lines, part)
				}
			}
		}
	}
	for _, m := range regexp.MustCompile("`(doorcode [^`]+)`").FindAllStringSubmatch(d.text, -1) {
		fmt.Fprintln(&lines, m[1])
	}
	return lines.String()
}

// unit is what the service runs.
func unit(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile("../../deploy/doorcode.service")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(string(text))
	if m == nil {
		t.Fatal("deploy/doorcode.service starts nothing")
	}
	return document{name: "deploy/doorcode.service", text: " " + m[1] + "\n"}
}

// TestFilesOfDocs: links lead somewhere, also to a heading, and files of this tree that are named are in it.
func TestFilesOfDocs(t *testing.T) {
	link := regexp.MustCompile(`(?:\]\(|src=")([^)"\s]+)[)"]`)
	named := regexp.MustCompile("`((?:cmd|config|gateway|challenge|templates|testdata|docs|deploy)/[\\w./-]+)`")
	for _, d := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(d.text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, heading, _ := strings.Cut(m[1], "#")
			target := filepath.Join(d.folder, filepath.FromSlash(file))
			if file == "" {
				target = filepath.Join("..", "..", d.name)
			}
			text, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s links to %s, which is not there", d.name, m[1])
				continue
			}
			if heading != "" && !slices.Contains(anchors(string(text)), heading) {
				t.Errorf("%s links to %s: there is no such heading", d.name, m[1])
			}
		}
		for _, m := range named.FindAllStringSubmatch(d.text, -1) {
			if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s, which is not there", d.name, m[1])
			}
		}
	}
}

// anchors are the names by which the headings of a document can be linked to.
func anchors(text string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestTreeOfREADME: the rooms that the README draws are there.
func TestTreeOfREADME(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	tree := regexp.MustCompile("(?ms)^## The tree\n+```\n(.*?)^```").FindStringSubmatch(string(text))
	if tree == nil {
		t.Fatal("README.md draws no tree")
	}
	above := ""
	for line := range strings.Lines(tree[1]) {
		name, inner := strings.CutPrefix(line, "  ")
		name = strings.Fields(name)[0]
		if !inner {
			above = name
		} else {
			name = above + "/" + name
		}
		if info, err := os.Stat(filepath.Join("..", "..", name)); err != nil || !info.IsDir() {
			t.Errorf("README.md draws %s, which is no folder", name)
		}
	}
}

var (
	threatTest = regexp.MustCompile(`(?m)^func (TestThreat((?:_[A-E]\d+)+)_\w+)\(`)
	threatRow  = regexp.MustCompile(`(?m)^\| ([A-E]\d+) \|(.*)\| ([^|]*) \|$`)
)

// threatTests are the names of the tests of each threat, from the whole tree.
func threatTests(t *testing.T) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range threatTest.FindAllStringSubmatch(string(text), -1) {
			for id := range strings.SplitSeq(strings.TrimPrefix(m[2], "_"), "_") {
				if !slices.Contains(tests[id], m[1]) {
					tests[id] = append(tests[id], m[1])
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range tests {
		slices.Sort(tests[id])
	}
	return tests
}

// TestThreatsPage: docs/threats.md names tests that there are, and "to come" only where there is none. -update writes the column.
func TestThreatsPage(t *testing.T) {
	const file = "../../docs/threats.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tests := threatTests(t)
	if *update {
		text = threatRow.ReplaceAllFunc(text, func(row []byte) []byte {
			m := threatRow.FindSubmatch(row)
			column := "to come"
			if names := tests[string(m[1])]; len(names) > 0 {
				column = strings.ReplaceAll("`"+strings.Join(names, "`, `")+"`", "TestThreat_", "")
			}
			return fmt.Appendf(nil, "| %s |%s| %s |", m[1], m[2], column)
		})
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rows := map[string]bool{}
	for _, m := range threatRow.FindAllStringSubmatch(string(text), -1) {
		rows[m[1]] = true
		if m[3] == "to come" {
			if len(tests[m[1]]) > 0 {
				t.Errorf("docs/threats.md: %s is to come, but it has %q: run this test with -update", m[1], tests[m[1]])
			}
			continue
		}
		for name := range strings.SplitSeq(strings.ReplaceAll(m[3], "`", ""), ", ") {
			if !slices.Contains(tests[m[1]], "TestThreat_"+name) {
				t.Errorf("docs/threats.md: %s names %s, which is no test of it", m[1], name)
			}
		}
	}
	for id := range tests {
		if !rows[id] {
			t.Errorf("docs/threats.md has no row for %s, which has %q", id, tests[id])
		}
	}
}

// TestPageForUsers: docs/for-users.md speaks of everything that gateway's tests of daily life try, in English and in Arabic.
func TestPageForUsers(t *testing.T) {
	page, err := os.ReadFile("../../docs/for-users.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("../../gateway/everyday_test.go")
	if err != nil {
		t.Fatal(err)
	}
	english, arabic, _ := strings.Cut(string(page), "<div dir=\"rtl\"")
	names := regexp.MustCompile(`func TestEveryday_(\w+)`).FindAllStringSubmatch(string(tests), -1)
	if len(names) < 10 {
		t.Fatalf("%d tests of daily life", len(names))
	}
	for _, name := range names {
		for language, half := range map[string]string{"English": english, "Arabic": arabic} {
			if strings.Count(half, "<!-- "+name[1]+" -->") != 1 {
				t.Errorf("docs/for-users.md does not say in %s what TestEveryday_%s tries", language, name[1])
			}
		}
	}
}
