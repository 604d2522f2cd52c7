package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWithout runs threat tests over the program with the one defence taken out that each of them is about, and wants them red: a
// threat test that passes without its defence proves nothing. The mutants stand in testdata/without, one defence a file.
func TestWithout(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the program once for each defence: not under -short")
	}
	if os.Getenv("DOORCODE_TEST_REQUIRE") != "all" {
		t.Skip("compiles the program once for each defence, which takes minutes: set DOORCODE_TEST_REQUIRE=all")
	}
	root, err := filepath.Abs("..")
	must(t, err)
	files, err := filepath.Glob(filepath.Join(root, "testdata", "without", "*.mutant"))
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no mutants")
	}
	together := make(chan struct{}, 2)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".mutant"), func(t *testing.T) {
			t.Parallel()
			together <- struct{}{}
			defer func() { <-together }()
			wantRed(t, root, file)
		})
	}
}

// TestMutantsFit says at once which mutants no longer fit the program's text; TestWithout would find out in minutes.
func TestMutantsFit(t *testing.T) {
	root, err := filepath.Abs("..")
	must(t, err)
	files, err := filepath.Glob(filepath.Join(root, "testdata", "without", "*.mutant"))
	must(t, err)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".mutant"), func(t *testing.T) { readMutant(t, file).apply(t, root) })
	}
}

// mutant is one defence taken out.
type mutant struct {
	test, in string
	edits    []edit
}

type edit struct{ file, find, replace string }

// readMutant reads "test:", optionally "package:", and blocks of "file:", "--- find" and "--- replace".
func readMutant(t *testing.T, file string) mutant {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	m := mutant{in: "./gateway"}
	part := ""
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case strings.HasPrefix(line, "#") && part == "":
		case line == "--- find\n", line == "--- replace\n":
			part = strings.TrimSpace(line)
		case key == "test" && part == "":
			m.test = value
		case key == "package" && part == "":
			m.in = value
		case key == "file" && part != "--- find":
			m.edits, part = append(m.edits, edit{file: value}), ""
		case part == "--- find":
			m.edits[len(m.edits)-1].find += line
		case part == "--- replace":
			m.edits[len(m.edits)-1].replace += line
		}
	}
	if m.test == "" || len(m.edits) == 0 {
		t.Fatalf("%s names no test or no edit", file)
	}
	return m
}

// apply returns the changed files' texts by path.
func (m mutant) apply(t *testing.T, root string) map[string]string {
	t.Helper()
	changed := map[string]string{}
	for _, e := range m.edits {
		path := filepath.Join(root, filepath.FromSlash(e.file))
		source, ok := changed[path]
		if !ok {
			read, err := os.ReadFile(path)
			must(t, err)
			source = string(read)
		}
		find := strings.TrimSuffix(e.find, "\n")
		if n := strings.Count(source, find); n != 1 {
			t.Fatalf("the defence stands %d times in %s, want once: the mutant is out of date:\n%s", n, e.file, find)
		}
		changed[path] = strings.Replace(source, find, strings.TrimSuffix(e.replace, "\n"), 1)
	}
	return changed
}

func wantRed(t *testing.T, root, file string) {
	t.Helper()
	m := readMutant(t, file)
	replace := map[string]string{}
	for path, text := range m.apply(t, root) {
		to := filepath.Join(t.TempDir(), fmt.Sprintf("%d.go", len(replace)))
		must(t, os.WriteFile(to, []byte(text), 0o600))
		replace[path] = to
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	must(t, err)
	list := filepath.Join(t.TempDir(), "overlay.json")
	must(t, os.WriteFile(list, overlay, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	// Three times, because some defences are against races that chance alone may not lose at once. The first red run is enough.
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay", list, "-count=3", "-failfast", "-vet=off", "-run", "^"+m.test+"$", m.in)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Errorf("%s passes with the defence taken out:\n%s", m.test, out)
	case strings.Contains(string(out), "[build failed]") || !strings.Contains(string(out), "--- FAIL: "+strings.Split(m.test, "/")[0]) && !strings.Contains(string(out), "panic:"):
		t.Errorf("the program without the defence did not run:\n%s", out)
	}
}
