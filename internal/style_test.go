package internal_test

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// ends are the functions that end the process, by import path: only main may.
var ends = map[string][]string{
	"os":      {"Exit"},
	"syscall": {"Exit"},
	"log":     {"Fatal", "Fatalf", "Fatalln"},
}

// shelves are names of packages without a subject.
var shelves = []string{"base", "common", "helper", "helpers", "misc", "pkg", "shared", "types", "util", "utils"}

// TestExit wants the end of a process to be main's decision. Tests may end
// theirs.
func TestExit(t *testing.T) {
	for _, f := range sources(t, 0) {
		if f.ast.Name.Name == "main" || strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		names := imports(f.ast)
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if id, ok := sel.X.(*ast.Ident); ok && slices.Contains(ends[names[id.Name]], sel.Sel.Name) {
				t.Errorf("%s calls %s.%s; return an error to main", f.path, id.Name, sel.Sel.Name)
			}
			return true
		})
	}
}

// imports returns the import paths of a file by the names that they have in it.
func imports(f *ast.File) map[string]string {
	names := make(map[string]string)
	for _, i := range f.Imports {
		importPath := strings.Trim(i.Path.Value, `"`)
		name := path.Base(importPath)
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = importPath
	}
	return names
}

// TestNames wants packages to be nouns of the field.
func TestNames(t *testing.T) {
	for name := range load(t) {
		if slices.Contains(shelves, path.Base(name)) {
			t.Errorf("%s is a shelf without a subject", name)
		}
	}
}
