package internal_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fantail/internal/admin"
	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/deliver"
)

// foreign are the pages of other packages that ours may refer to.
var foreign = []string{
	"crypt 5", "fail2ban-client 1", "fsck 8", "flock 2", "getent 1", "passwd 1", "shadow 5", "inetd 8", "inetd.conf 5", "mutt 1", "ssh 1", "systemd 1", "journalctl 1", "systemd.journal-fields 7", "systemd.socket 5",
}

// page is a manual page.
type page struct {
	file    string // such as imapd.8
	name    string
	section string
	lines   []string
}

func pages(t *testing.T) []page {
	t.Helper()
	files, err := filepath.Glob("../man/*.[1-8]")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manual pages: %v", err)
	}
	list := make([]page, len(files))
	for i, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p := &list[i]
		p.file = filepath.Base(path)
		p.section = p.file[len(p.file)-1:]
		p.name = p.file[:len(p.file)-2]
		p.lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	return list
}

// macros returns the arguments of every line that begins with a macro, such as
// ".It Fl".
func (p page) macros(name string) (args []string) {
	for _, line := range p.lines {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			args = append(args, rest)
		}
	}
	return args
}

// part returns the part of a page that is under a heading.
func (p page) part(heading string) page {
	i := slices.Index(p.lines, ".Sh "+heading)
	if i < 0 {
		p.lines = nil
		return p
	}
	rest := p.lines[i+1:]
	if end := slices.IndexFunc(rest, func(l string) bool { return strings.HasPrefix(l, ".Sh ") }); end >= 0 {
		rest = rest[:end]
	}
	p.lines = rest
	return p
}

// headings are those that pages of a section must have, in this order.
var headings = map[string][]string{
	"5": {"NAME", "SYNOPSIS", "DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO", "SECURITY", "BUGS"},
	"7": {"NAME", "DESCRIPTION", "FILES", "SEE ALSO", "SECURITY", "BUGS"},
	"8": {"NAME", "SYNOPSIS", "DESCRIPTION", "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO", "SECURITY", "BUGS"},
}

func TestManualHeadings(t *testing.T) {
	for _, p := range pages(t) {
		var got []string
		for _, h := range p.macros(".Sh") {
			if slices.Contains(headings[p.section], h) {
				got = append(got, h)
			}
			if len(p.part(h).lines) == 0 {
				t.Errorf("%s: nothing under %s", p.file, h)
			}
		}
		if !slices.Equal(got, headings[p.section]) {
			t.Errorf("%s has the headings %q, want %q", p.file, got, headings[p.section])
		}
		title := strings.ToUpper(p.name) + " " + p.section
		if got := p.macros(".Dt"); !slices.Equal(got, []string{title}) {
			t.Errorf("%s: .Dt %q, want %s", p.file, got, title)
		}
		if got := p.part("NAME").macros(".Nm"); !slices.Equal(got, []string{p.name}) {
			t.Errorf("%s: .Nm %q", p.file, got)
		}
	}
}

// flagLine is a line of what the flag package prints for -h.
var flagLine = regexp.MustCompile(`(?m)^  -(\S+)(?: (\S+))?`)

// TestManualOptions runs every program and wants its options to be those of its
// page, in the list and in the synopsis, with the same names of arguments.
func TestManualOptions(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "fantail/cmd/...").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	programs, err := os.ReadDir(bin)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, e := range programs {
		names[e.Name()] = true
	}
	for _, p := range pages(t) {
		if p.section != "8" {
			continue
		}
		if !names[p.name] {
			t.Errorf("%s is about a program that does not exist", p.file)
			continue
		}
		delete(names, p.name)
		options(t, p, filepath.Join(bin, p.name))
	}
	for name := range names {
		t.Errorf("%s has no page", name)
	}
}

func options(t *testing.T, p page, program string) {
	t.Helper()
	help, err := exec.Command(program, "-h").CombinedOutput()
	if err != nil {
		t.Errorf("%s -h: %v\n%s", p.name, err, help)
		return
	}
	takes := make(map[string]string) // flag: argument
	var want []string
	for _, m := range flagLine.FindAllStringSubmatch(string(help), -1) {
		takes[m[1]] = m[2]
		want = append(want, strings.TrimSpace(m[1]+" "+m[2]))
	}
	var listed, synopsis []string
	for _, item := range p.part("DESCRIPTION").macros(".It Fl") {
		listed = append(listed, strings.Replace(item, " Ar ", " ", 1))
	}
	for _, item := range p.part("SYNOPSIS").macros(".Op Fl") {
		name, arg, _ := strings.Cut(item, " Ar ")
		if _, ok := takes[name]; ok {
			synopsis = append(synopsis, strings.TrimSpace(name+" "+arg))
		} else { // flags of one letter without arguments
			synopsis = append(synopsis, strings.Split(name, "")...)
		}
	}
	slices.Sort(want)
	slices.Sort(listed)
	slices.Sort(synopsis)
	if !slices.Equal(listed, want) {
		t.Errorf("%s describes the options %q, the program has %q", p.file, listed, want)
	}
	if !slices.Equal(synopsis, want) {
		t.Errorf("%s has the synopsis %q, the program has %q", p.file, synopsis, want)
	}
}

// TestManualVerbs wants fantail(8) to have every verb of the tool, in the order of the
// table, with its arguments and options.
func TestManualVerbs(t *testing.T) {
	line := func(verb string, options []string) string {
		slices.Sort(options)
		return strings.Join(append([]string{strings.TrimSpace(verb)}, options...), " -")
	}
	var want, got []string
	for _, v := range admin.Verbs() {
		want = append(want, line(v.Name+" "+v.Arguments, v.Options))
	}
	for _, p := range pages(t) {
		if p.file != "fantail.8" {
			continue
		}
		items := p.part("VERBS").macros(".It")
		for len(items) > 0 {
			verb, optional, ok := strings.Cut(strings.TrimPrefix(items[0], "Ic "), " Op Ar ")
			if ok {
				optional = " [" + optional + "]"
			}
			n := 1
			var options []string
			for ; n < len(items) && strings.HasPrefix(items[n], "Fl "); n++ {
				options = append(options, strings.Replace(items[n][len("Fl "):], " Ar ", " ", 1))
			}
			got = append(got, line(strings.Replace(verb, " Ar ", " ", 1)+optional, options))
			items = items[n:]
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("fantail(8) lists\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// TestManualSettings wants fantail.toml(5) to have every setting with its
// default, in the order of the table.
func TestManualSettings(t *testing.T) {
	var want, got []string
	for _, s := range conf.Settings() {
		want = append(want, s.Name+" = "+s.Default)
	}
	for _, p := range pages(t) {
		if p.file != "fantail.toml.5" {
			continue
		}
		for _, item := range p.macros(".It Cm") {
			name, value, _ := strings.Cut(item, " No = ")
			value = strings.ReplaceAll(value, `\(dq`, `"`)
			if text, quoted := strings.CutPrefix(value, "Qq"); quoted {
				value = `"` + strings.ReplaceAll(strings.TrimSpace(text), `\(ti`, "~") + `"`
			}
			got = append(got, name+" = "+value)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("fantail.toml(5) lists\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// TestManualMentions wants every setting that a page names to exist.
func TestManualMentions(t *testing.T) {
	known := make(map[string]bool)
	for _, s := range conf.Settings() {
		known[s.Name] = true
	}
	for _, p := range pages(t) {
		for _, args := range p.macros(".Cm") {
			name := strings.Fields(args)[0]
			if strings.Contains(name, ".") && !known[name] {
				t.Errorf("%s names the setting %s, which does not exist", p.file, name)
			}
		}
	}
}

func TestManualReferences(t *testing.T) {
	all := pages(t)
	known := make(map[string]bool)
	for _, name := range foreign {
		known[name] = true
	}
	for _, p := range all {
		known[p.name+" "+p.section] = true
	}
	used := make(map[string]bool)
	for _, p := range all {
		for _, args := range p.macros(".Xr") {
			fields := strings.Fields(args)
			if len(fields) < 2 {
				t.Errorf("%s: .Xr %s has no section", p.file, args)
				continue
			}
			ref := fields[0] + " " + fields[1]
			used[ref] = true
			switch {
			case !known[ref]:
				t.Errorf("%s refers to %s(%s), which does not exist", p.file, fields[0], fields[1])
			case ref == p.name+" "+p.section:
				t.Errorf("%s refers to itself", p.file)
			}
		}
	}
	for name := range known {
		if !used[name] {
			t.Errorf("no page refers to %s", name)
		}
	}
}

// TestManualExit wants the exit statuses of programs whose callers go by them:
// MTAs decide whether to bounce.
func TestManualExit(t *testing.T) {
	fronts := []int{command.OK, command.Usage, command.Unavailable, command.Config}
	statuses := map[string][]int{
		"deliver":  {deliver.OK, deliver.Usage, deliver.NoUser, deliver.TempFail, deliver.NoPerm},
		"fantail":  admin.Statuses(),
		"imapd":    fronts,
		"pop3d":    fronts,
		"webmaild": fronts,
	}
	for _, p := range pages(t) {
		want, ok := statuses[p.name]
		got := strings.Join(p.part("EXIT STATUS").macros(".It"), " ")
		if ok && p.section == "8" && got != strings.Trim(fmt.Sprint(want), "[]") {
			t.Errorf("%s has the exit statuses %s, want %d", p.file, got, want)
		}
	}
}

// TestManualPrograms wants the table of fantail(7) to have every program.
func TestManualPrograms(t *testing.T) {
	programs, err := os.ReadDir("../cmd")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		if p.file != "fantail.7" {
			continue
		}
		var rows []string
		for _, row := range p.macros(".It Xr") {
			rows = append(rows, strings.Fields(row)[0])
		}
		for _, program := range programs {
			if n := len(rows); !slices.Contains(rows, program.Name()) {
				t.Errorf("of %d programs that fantail(7) lists, none is %s", n, program.Name())
			}
		}
	}
}

// madeFile is the name of a file that programs make, in their code.
var madeFile = regexp.MustCompile(`^(fantail[.-][a-z0-9+-]+|dovecot-[a-z]+|maildir[a-z]+|subscriptions|[a-z]+\.(json|lock))$`)

// otherNames look like such files, and are something else.
var otherNames = []string{"autodiscover.json", "fantail-lmtp-", "maildirfilterconfig", "maildirshared"}

// TestManualFiles wants fantail-files(5) to have every file that the code names.
func TestManualFiles(t *testing.T) {
	text, err := os.ReadFile("../man/fantail-files.5")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range sources(t, 0) {
		if strings.HasSuffix(f.path, "_test.go") || !strings.Contains(f.path, "internal/") || strings.Contains(f.path, "internal/autoconfig/") {
			continue
		}
		ast.Inspect(f.ast, func(node ast.Node) bool {
			lit, ok := node.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			name, err := strconv.Unquote(lit.Value)
			if err != nil || !madeFile.MatchString(name) || slices.Contains(otherNames, name) {
				return true
			}
			n++
			if name = regexp.MustCompile(`^[a-z]+\.lock$`).ReplaceAllString(name, "*.lock"); !strings.Contains(string(text), name) {
				t.Errorf("%s makes %s, of which fantail-files(5) says nothing", f.path, name)
			}
			return true
		})
	}
	if n < 20 {
		t.Errorf("only %d names of files are found", n)
	}
}
