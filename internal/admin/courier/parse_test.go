package courier

import (
	"slices"
	"strings"
	"testing"
)

func TestParseShell(t *testing.T) {
	for text, want := range map[string][]string{
		"A=1\nB=two":                      {"A=1", "B=two"},
		"A=1\nB=2\nA=3\n":                 {"B=2", "A=3"},
		"# A=1\n\n   \nB='x # y' # z\n":   {"B=x # y"},
		"A=\nB=\"\"\n":                    {"A=", "B="},
		"A=\"a b\"'c d'e\n":               {"A=a bc de"},
		"A=\"$B\"\nB=b\nC=\"$B-${B}x\"\n": {"A=", "B=b", "C=b-bx"},
		"A='$B'\n":                        {"A=$B"},
		"A=a\\ b\"c\\\"d\\n\"\n":          {`A=a bc"d\n`},
		"A=\"one \\\n  two\"\nB=2\n":      {"A=one   two", "B=2"},
		"A=\"one\ntwo\"\nB=2\n":           {"A=one\ntwo", "B=2"},
		"export A=1\n":                    {"A=1"},
		"  A=1 ;\r\nB=2\r\n":              {"A=1", "B=2"},
		"A=1 command\nB=2\n":              {"!1", "B=2"},
		"if true\nB=2\n":                  {"!1", "B=2"},
		"A=$(date)\nB=`date`\nC=$1\nD=1":  {"!1", "!2", "!3", "D=1"},
		"A=\"no end\nB=2\n":               {"!1"},
		"A=${B\nC=1\n":                    {"!1", "C=1"},
		". /etc/default/courier\nA=1|x\n": {"!1", "!2"},
		"A-B=1\n=2\n1A=3\n":               {"!1", "!2", "!3"},
	} {
		p := parseShell(text)
		if got := shown(p); !slices.Equal(got, sorted(want)) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if p := parseShell("A=1\n\nB=\"x\ny\"\nC=3\n"); p.variables[1].Line != 3 || p.variables[2].Line != 5 {
		t.Errorf("%+v", p.variables)
	}
	long := "A=" + strings.Repeat("x", maxValue+10) + "\nB=1\n"
	if got := shown(parseShell(long)); !slices.Equal(got, []string{"!1", "B=1"}) {
		t.Errorf("%.80q", got)
	}
	doubled := "A=0123456789\n" + strings.Repeat("A=$A$A\n", 40)
	if p := parseShell(doubled); len(p.value("A")) > maxValue || len(p.unread) == 0 {
		t.Errorf("%d octets", len(p.value("A")))
	}
}

// shown is what a file says, with "!" before the numbers of lines that were not read.
func shown(p parsed) []string {
	var list []string
	for _, v := range p.variables {
		list = append(list, v.Name+"="+v.Value)
	}
	for _, n := range p.unread {
		list = append(list, "!"+string(rune('0'+n)))
	}
	return sorted(list)
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func TestParseFields(t *testing.T) {
	for text, want := range map[string][]string{
		"A\t\tone\nB two words\n":           {"A=one", "B=two words"},
		"# A x\n\nB\n":                      {"B="},
		"A\tone \\\n\t two  \\\nthree\nB 1": {"A=one two three", "B=1"},
		"A\t\\\n  host=x \\\n":              {"A=host=x"},
		"A 1\nA 2\r\n":                      {"A=2"},
		"-A 1\nA-B 1\n A 1\n":               {"!1", "!2", "!3"},
	} {
		if got := shown(parseFields(text)); !slices.Equal(got, sorted(want)) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if p := parseFields("A x\\\n" + strings.Repeat(strings.Repeat("y", 1000)+"\\\n", 100)); len(p.unread) == 0 || len(p.value("A")) > 0 {
		t.Errorf("%d octets", len(p.value("A")))
	}
}

func TestParseUserdb(t *testing.T) {
	entries, unread := parseUserdb("# none\n\nann\tuid=5000|home=/srv/ann|systempw=x=y\nuid=\tann\n5000=\tann\nbroken\n\tx=1\nbob\t\n")
	if len(entries) != 2 || entries[0].name != "ann" || entries[0].fields["systempw"] != "x=y" || entries[0].line != 3 || entries[1].name != "bob" {
		t.Errorf("%+v", entries)
	}
	if !slices.Equal(unread, []int{6, 7}) {
		t.Errorf("%v", unread)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("A=\"x $B ${C}\" # d\nexport B='y'\nif x\n")
	f.Add("LDAP_URI\tldaps://x \\\n  y\n")
	f.Add("ann\tuid=5000|gid=5000|home=/srv|systempw={MD5}x|quota=5S\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range []parsed{parseShell(text), parseFields(text)} {
			for i, v := range p.variables {
				if v.Name == "" || len(v.Value) > maxValue || v.Line < 1 || v.Line > strings.Count(text, "\n")+1 {
					t.Fatalf("%+v", v)
				}
				if i > 0 && v.Line < p.variables[i-1].Line {
					t.Fatalf("line %d behind %d", v.Line, p.variables[i-1].Line)
				}
			}
		}
		entries, _ := parseUserdb(text)
		a := accountReader{seen: make(map[string]bool), notes: make(map[string][]string), usual: "Maildir"}
		for _, e := range entries {
			a.add(e, "userdb")
		}
		readBack(t, a.accounts)
		if _, err := selected(text); err == nil && columnCount(text) > len(positions) {
			t.Fatal("too many columns")
		}
	})
}
