package internal_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fantail/internal/admin"
	"fantail/internal/daemon/conf"
)

// guides are the texts whose commands people copy.
var guides = []string{"../doc/admin.md", "../packaging/debian/README.Debian", "../README.md"}

// fence is a block of a guide: its language, what else stands behind the three ticks, and
// its lines.
type fence struct{ language, marks, text string }

func (f fence) String() string {
	first, _, _ := strings.Cut(f.text, "\n")
	return fmt.Sprintf("the block that begins with %q", first)
}

// guide is one of them: everything, and its blocks.
type guide struct {
	file, text string
	fences     []fence
}

var fenced = regexp.MustCompile("(?ms)^```(\\w+)?([^\n]*)\n(.*?)^```$")

// readGuides reads them all.
func readGuides(t *testing.T) []guide {
	t.Helper()
	var list []guide
	for _, path := range guides {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		g := guide{file: filepath.Base(path), text: string(text)}
		for _, m := range fenced.FindAllStringSubmatch(g.text, -1) {
			g.fences = append(g.fences, fence{m[1], strings.TrimSpace(m[2]), m[3]})
		}
		list = append(list, g)
	}
	return list
}

// hereDocument is a file of settings that a block of commands writes.
var hereDocument = regexp.MustCompile(`(?s)cat >\S*\.toml <<'END'\n(.*?)\nEND\n`)

// TestGuideSettings: every block of settings is one that programs take.
func TestGuideSettings(t *testing.T) {
	var blocks []string
	for _, g := range readGuides(t) {
		for _, f := range g.fences {
			switch f.language {
			case "toml":
				blocks = append(blocks, f.text)
			case "sh":
				for _, m := range hereDocument.FindAllStringSubmatch(f.text, -1) {
					blocks = append(blocks, m[1])
				}
			}
		}
	}
	if len(blocks) < 10 {
		t.Errorf("only %d blocks of settings are found", len(blocks))
	}
	for _, text := range blocks {
		path := filepath.Join(t.TempDir(), "fantail.toml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := conf.Load(path); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// TestGuideCommands: shells understand the commands, and fantail has the verbs and options
// that they name.
func TestGuideCommands(t *testing.T) {
	commands := 0
	for _, g := range readGuides(t) {
		for _, f := range g.fences {
			if f.language != "sh" {
				continue
			}
			check := exec.Command("sh", "-n")
			check.Stdin = strings.NewReader(f.text)
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %v\n%s", g.file, f, err, out)
			}
		}
		for _, m := range regexp.MustCompile("(?m)(?:^ *|`|\\$ |&& )fantail (-?[a-z][^`\n|#;]*)").FindAllStringSubmatch(g.text, -1) {
			commands++
			if err := isCommand(m[1]); err != nil {
				t.Errorf("%s: fantail %s: %v", g.file, strings.TrimSpace(m[1]), err)
			}
		}
	}
	if commands < 30 {
		t.Errorf("only %d commands are found", commands)
	}
}

// isCommand says why the tool would not take a command line, of its verb and options.
func isCommand(line string) error {
	words := strings.Fields(strings.NewReplacer(`"`, "", "'", "").Replace(line))
	if words[0] == "-v" {
		return nil
	}
	if words[0] == "check" && len(words) > 1 && words[1] == "says" { // a sentence
		return nil
	}
	for _, v := range admin.Verbs() {
		name := strings.Fields(v.Name)
		if len(words) < len(name) || !slices.Equal(words[:len(name)], name) {
			continue
		}
		for _, word := range words[len(name):] {
			option, ok := strings.CutPrefix(word, "-")
			if ok && option != "" && !slices.ContainsFunc(v.Options, func(o string) bool { return o == option || strings.HasPrefix(o, option+" ") }) {
				return fmt.Errorf("it has no option %s, but %q", word, v.Options)
			}
		}
		return nil
	}
	return fmt.Errorf("there is no such verb")
}

// TestGuideMentions: settings, units, files of the package and manual pages that are named
// exist.
func TestGuideMentions(t *testing.T) {
	settings, tables := make(map[string]bool), make(map[string]bool)
	for _, s := range conf.Settings() {
		settings[s.Name] = true
		table, _, _ := strings.Cut(s.Name, ".")
		tables[table] = true
	}
	exists := func(path string) bool {
		found, err := filepath.Glob(path)
		return err == nil && len(found) > 0
	}
	mentions := 0
	for _, g := range readGuides(t) {
		for _, m := range regexp.MustCompile("`([a-z]+)\\.([a-z0-9_]+)[ `=]").FindAllStringSubmatch(g.text, -1) {
			if name := m[1] + "." + m[2]; tables[m[1]] && !settings[name] && name != "imap.toml" {
				t.Errorf("%s names the setting %s, which does not exist", g.file, name)
			}
			mentions++
		}
		for _, m := range regexp.MustCompile(`\bfantail-[a-z]+(?:-[a-z]+)*(\.(?:socket|service|timer))?`).FindAllStringSubmatch(g.text, -1) {
			name, kind := m[0], m[1]
			if !strings.Contains(name, ".") && !exists("../packaging/systemd/"+name+".service") {
				continue // a file of a mailbox
			}
			mentions++
			if kind == "" {
				continue
			}
			if !exists("../packaging/systemd/"+name) && !strings.Contains(g.text, "/etc/systemd/system/"+name+" <<") {
				t.Errorf("%s names the unit %s, which does not exist", g.file, name)
			}
		}
		for _, path := range regexp.MustCompile(`/(?:usr|etc|run|var)/[\w./@*-]*[\w*]`).FindAllString(g.text, -1) {
			if source, ours := packaged(path); ours && !exists(source) {
				t.Errorf("%s names %s, which is not in the package: there is no %s", g.file, path, source)
			}
			mentions++
		}
		for _, m := range regexp.MustCompile(`\b([a-z][a-z0-9.-]+)\(([1-8])\)`).FindAllStringSubmatch(g.text, -1) {
			if !exists("../man/"+m[1]+"."+m[2]) && !slices.Contains(foreign, m[1]+" "+m[2]) {
				t.Errorf("%s refers to %s, which does not exist", g.file, m[0])
			}
		}
	}
	if mentions < 100 {
		t.Errorf("only %d mentions are found", mentions)
	}
}

// packaged returns where the source has a file that the package brings; ours is false for
// all other paths.
func packaged(path string) (source string, ours bool) {
	for _, place := range []struct{ installed, source string }{
		{"/usr/sbin/sendmail", ""},
		{"/usr/sbin/nologin", ""},
		{"/usr/sbin/", "../cmd/"},
		{"/usr/libexec/fantail/", "../cmd/"},
		{"/usr/share/doc/fantail/examples/", "../packaging/examples/"},
		{"/usr/share/doc/fantail/examples", "../packaging/examples"},
		{"/usr/share/doc/fantail/admin.md", "../doc/admin.md"},
		{"/usr/share/doc/fantail/", "../packaging/debian/"},
		{"/etc/pam.d/fantail", "../packaging/pam.d/fantail"},
		{"/etc/apparmor.d/", "../packaging/apparmor.d/"},
		{"/etc/ufw/applications.d/", "../packaging/ufw/"},
		{"/etc/fail2ban/filter.d/", "../packaging/fail2ban/filter.d/"},
	} {
		if rest, ok := strings.CutPrefix(path, place.installed); ok {
			return place.source + rest, place.source != ""
		}
	}
	return "", false
}

// TestGuideLinks: the links of the guide lead to its headings.
func TestGuideLinks(t *testing.T) {
	g := readGuides(t)[0]
	anchors := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^##+ (.*)$`).FindAllStringSubmatch(g.text, -1) {
		anchors[regexp.MustCompile(`[^a-z0-9-]`).ReplaceAllString(strings.ReplaceAll(strings.ToLower(m[1]), " ", "-"), "")] = true
	}
	links := regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(g.text, -1)
	for _, m := range links {
		if !anchors[m[1]] {
			t.Errorf("no heading is %s", m[1])
		}
	}
	if len(links) < 17 {
		t.Errorf("%d links", len(links))
	}
}

// TestGuideSame: the commands of README.Debian for Postfix are those of the guide.
func TestGuideSame(t *testing.T) {
	list := readGuides(t)
	n := 0
	for line := range strings.Lines(list[1].text) {
		if command, ok := strings.CutPrefix(line, "    "); ok && strings.HasPrefix(command, "postconf") {
			n++
			if !strings.Contains(list[0].text, "\n"+command) {
				t.Errorf("the guide does not say %s", command)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d commands", n)
	}
}

// TestGuideRun: a block that is marked so is run by the tests of packages.
func TestGuideRun(t *testing.T) {
	files, err := filepath.Glob("../test/packaging/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests []byte
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, text...)
	}
	marked := 0
	for _, f := range readGuides(t)[0].fences {
		if name, ok := strings.CutPrefix(f.marks, "run="); ok {
			marked++
			if !strings.Contains(string(tests), `types("`+name+`")`) {
				t.Errorf("nothing runs %s: %v", name, f)
			}
		} else if f.marks != "" {
			t.Errorf("%v has the marks %q", f, f.marks)
		}
	}
	if marked == 0 {
		t.Error("no block is marked")
	}
}
