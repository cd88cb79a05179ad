package internal_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rfcTable lists the RFCs that the code cites; its head explains the columns.
const rfcTable = "../doc/rfc"

var update = flag.Bool("update", false, "write the packages into doc/rfc, and rows for new RFCs")

var (
	citation = regexp.MustCompile(`\bRFC ([1-9][0-9]{1,4})\b`)
	// misspelt are citations that the one above misses, or whose section it
	// would be hard to find: RFC-9051, RFC9051, rfc 9051, RFC 9051 7.5.1. The
	// names of IMAP that begin with RFC822 are none.
	misspelt = regexp.MustCompile(`\b(RFC-?[0-9]{4,5}|rfc [0-9]{3,5}|RFC [0-9]+ (§|sec\.|[0-9]+(\.[0-9]+)+))`)
)

// TestRFC compares doc/rfc with the citations in the code: every RFC that is
// cited is listed with the packages that cite it, and no other one.
func TestRFC(t *testing.T) {
	cited := citations(t)
	head, rows := readTable(t)
	if *update {
		writeTable(t, head, rows, cited)
		_, rows = readTable(t)
	}
	if !slices.IsSortedFunc(rows, func(a, b rfcRow) int { return a.number - b.number }) {
		t.Errorf("%s is not in order", rfcTable)
	}
	listed := make(map[int]bool)
	for _, r := range rows {
		if listed[r.number] {
			t.Errorf("RFC %d is listed twice", r.number)
		}
		listed[r.number] = true
		if want := strings.Join(cited[r.number], " "); r.packages != want {
			t.Errorf("RFC %d is cited in %q, but %s says %q: go test ./internal -run TestRFC -update", r.number, want, rfcTable, r.packages)
		}
		if !slices.Contains([]string{"yes", "partial", "no"}, r.status) || r.title == unknownTitle {
			t.Errorf("RFC %d: %s needs its title, and yes, partial or no", r.number, rfcTable)
		}
	}
	for n, packages := range cited {
		if !listed[n] {
			t.Errorf("RFC %d is cited in %s and not listed in %s", n, packages, rfcTable)
		}
	}
}

// TestManualRFC wants what the manual claims to implement to be in the table, as
// implemented, under the same title.
func TestManualRFC(t *testing.T) {
	_, rows := readTable(t)
	byNumber := make(map[string]rfcRow)
	for _, r := range rows {
		byNumber[fmt.Sprint("RFC ", r.number)] = r
	}
	for _, p := range pages(t) {
		for i, line := range p.lines {
			name, ok := strings.CutPrefix(line, ".%R ")
			if !ok {
				continue
			}
			row, ok := byNumber[name]
			switch {
			case !ok:
				t.Errorf("%s: %s is not in %s", p.file, name, rfcTable)
			case row.status == "no":
				t.Errorf("%s: %s is not implemented, says %s", p.file, name, rfcTable)
			case i+1 == len(p.lines) || p.lines[i+1] != ".%T "+row.title:
				t.Errorf("%s: the title of %s is %q", p.file, name, row.title)
			}
		}
	}
}

// rfcRow is a line of the table.
type rfcRow struct {
	number                  int
	status, title, packages string
}

const unknownTitle = "?"

// readTable returns the comment at the head of the table, and its rows.
func readTable(t *testing.T) (head string, rows []rfcRow) {
	t.Helper()
	text, err := os.ReadFile(rfcTable)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") || line == "\n" {
			head += line
			continue
		}
		left, packages, ok := strings.Cut(strings.TrimSpace(line), " | ")
		var r rfcRow
		n, err := fmt.Sscan(left, &r.number, &r.status)
		if !ok || n != 2 || err != nil {
			t.Fatalf("%s: %q is no row", rfcTable, line)
		}
		fields := strings.SplitN(strings.Join(strings.Fields(left), " "), " ", 3)
		r.title, r.packages = fields[len(fields)-1], packages
		rows = append(rows, r)
	}
	return head, rows
}

// writeTable writes the table again, with the packages that are cited now. An
// RFC that is not cited any more loses its row.
func writeTable(t *testing.T, head string, rows []rfcRow, cited map[int][]string) {
	t.Helper()
	old := make(map[int]rfcRow)
	for _, r := range rows {
		old[r.number] = r
	}
	var b strings.Builder
	b.WriteString(head)
	for _, n := range slices.Sorted(maps.Keys(cited)) {
		r, ok := old[n]
		if !ok {
			r = rfcRow{status: "?", title: unknownTitle}
		}
		fmt.Fprintf(&b, "%-4d  %-7s  %s | %s\n", n, r.status, r.title, strings.Join(cited[n], " "))
	}
	if err := os.WriteFile(rfcTable, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// citations returns the packages that cite each RFC, sorted.
func citations(t *testing.T) map[int][]string {
	t.Helper()
	found := make(map[int][]string)
	for _, f := range sources(t, parser.ParseComments) {
		for _, text := range f.prose() {
			if bad := misspelt.FindString(text); bad != "" {
				t.Errorf("%s: %q: write RFC N section X.Y", f.path, bad)
			}
			if strings.HasSuffix(f.path, "_test.go") {
				continue // what only a test speaks of is not what we do
			}
			for _, m := range citation.FindAllStringSubmatch(text, -1) {
				var n int
				fmt.Sscan(m[1], &n) // digits
				if !slices.Contains(found[n], f.pkg) {
					found[n] = append(found[n], f.pkg)
				}
			}
		}
	}
	for _, packages := range found {
		slices.Sort(packages)
	}
	return found
}

// source is a Go file of ours.
type source struct {
	path string
	pkg  string // as in the floors
	ast  *ast.File
}

// prose returns the comments and strings of a file, each on one line.
func (s source) prose() []string {
	var list []string
	for _, c := range s.ast.Comments {
		list = append(list, strings.Join(strings.Fields(c.Text()), " "))
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			list = append(list, lit.Value)
		}
		return true
	})
	return list
}

// sources parses every Go file below cmd and internal but those of this package.
func sources(t *testing.T, mode parser.Mode) []source {
	t.Helper()
	var list []source
	for _, root := range []string{"../cmd", "../internal"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || filepath.Dir(path) == "../internal" {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, mode)
			if err != nil {
				return err
			}
			dir := filepath.ToSlash(filepath.Dir(path))
			list = append(list, source{path, strings.TrimPrefix(strings.TrimPrefix(dir, "../"), "internal/"), f})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}
