package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mayImport lists, for each room, what of ours it may import (style: cmd → config → gateway → challenge, and leaves).
var mayImport = map[string][]string{
	"cmd/doorcode":        {"*"},
	"cmd/doorcode/demo":   {},
	"config":              {"challenge", "challenge/*", "gateway", "gateway/*", "templates"},
	"gateway":             {"challenge", "challenge/keys", "challenge/secret", "gateway/*", "templates"},
	"gateway/admin":       {},
	"gateway/links":       {},
	"gateway/reading":     {"challenge/secret"},
	"gateway/scan":        {},
	"gateway/seal":        {"challenge", "challenge/keys", "challenge/secret"},
	"gateway/submit":      {"challenge/secret", "gateway/reading", "gateway/seal"},
	"challenge":           {"challenge/keys", "challenge/secret", "templates"},
	"challenge/keys":      {},
	"challenge/secret":    {},
	"challenge/boltstore": {"challenge"},
	"challenge/storetest": {"challenge"},
	"challenge/sms":       {"challenge", "challenge/secret"},
	"challenge/email":     {"challenge", "challenge/secret"},
	"challenge/outbox":    {"challenge", "challenge/secret"},
	"templates":           {},
}

func TestImportArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "doorcode/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		room := strings.TrimPrefix(p.ImportPath, "doorcode/")
		allowed, known := mayImport[room]
		if !known {
			if strings.HasPrefix(room, "benchmarks") {
				continue
			}
			t.Errorf("%s is a room that the house does not have: draw its arrows here", room)
		}
		for _, imported := range p.Imports {
			if other, ours := strings.CutPrefix(imported, "doorcode/"); ours && !permits(allowed, other) {
				t.Errorf("%s imports %s: an arrow the house does not have", room, other)
			}
		}
	}
}

func permits(allowed []string, room string) bool {
	for _, a := range allowed {
		prefix, any := strings.CutSuffix(a, "*")
		if a == room || any && strings.HasPrefix(room, prefix) {
			return true
		}
	}
	return false
}

// TestOneWayIn: a session is written by Store.Admit alone, which admit.go alone calls; a Pass is made in admit.go alone; the
// member's cookie is set in letIn alone.
func TestOneWayIn(t *testing.T) {
	calls := map[string][]string{}
	for _, folder := range []string{"../../challenge", "../../gateway"} {
		walkSources(t, folder, func(file string, n ast.Node, in string) {
			switch n := n.(type) {
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Admit" {
					calls["Admit"] = append(calls["Admit"], file+":"+in)
				}
			case *ast.CompositeLit:
				if name, ok := n.Type.(*ast.Ident); ok && name.Name == "Pass" {
					calls["Pass"] = append(calls["Pass"], file+":"+in)
				}
				if name, ok := n.Type.(*ast.Ident); ok && name.Name == "who" && strings.Contains(file, "gateway") {
					for _, e := range n.Elts {
						if kv, ok := e.(*ast.KeyValueExpr); ok && isIdent(kv.Key, "kind") && isIdent(kv.Value, "insider") && in != "whoIs" {
							calls["member cookie"] = append(calls["member cookie"], file+":"+in)
						}
					}
				}
			}
		})
	}
	want := map[string]string{
		"Admit":         "challenge/admit.go:admit",
		"Pass":          "challenge/admit.go:admit",
		"member cookie": "gateway/road.go:letIn",
	}
	for what, place := range want {
		if got := calls[what]; len(got) != 1 || got[0] != place {
			t.Errorf("%s: want one place, %s, got %v", what, place, got)
		}
	}
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// walkSources calls visit for every node of the program's own files, with the function it stands in.
func walkSources(t *testing.T, folder string, visit func(file string, n ast.Node, in string)) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "storetest") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			in := ""
			if fn, ok := decl.(*ast.FuncDecl); ok {
				in = fn.Name.Name
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				if n != nil {
					visit(strings.TrimPrefix(filepath.ToSlash(path), "../../"), n, in)
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
