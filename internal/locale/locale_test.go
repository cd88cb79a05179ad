package locale

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestComplete holds that every language has what English has.
func TestComplete(t *testing.T) {
	english := languages[0]
	want := keys(english)
	for _, l := range languages {
		t.Run(l.Tag, func(t *testing.T) {
			got := keys(l)
			for key, forms := range want {
				mine, ok := got[key]
				if !ok {
					t.Errorf("%s is missing", key)
					continue
				}
				if forms == nil != (mine == nil) {
					t.Errorf("%s: plural forms in one of the languages", key)
					continue
				}
				if mine != nil && !slices.Equal(mine, l.needed()) {
					t.Errorf("%s: has the forms %v, needs %v", key, mine, l.needed())
				}
				for _, form := range append([]string{""}, mine...) {
					if a, b := arguments(english, key, "other"), arguments(l, key, form); form != "" || mine == nil {
						if !subset(b, a) || mine == nil && !slices.Equal(a, b) {
							t.Errorf("%s.%s: has the arguments %v, English %v", key, form, b, a)
						}
					}
				}
			}
			for key := range got {
				if _, ok := want[key]; !ok {
					t.Errorf("%s is not in English", key)
				}
			}
		})
	}
}

// keys returns what a language has: to each key without its plural form those forms, nil
// if it has none.
func keys(l *Language) map[string][]string {
	m := make(map[string][]string)
	for _, key := range l.Keys() {
		i := strings.LastIndexByte(key, '.')
		if slices.Contains(forms[:], key[i+1:]) {
			m[key[:i]] = append(m[key[:i]], key[i+1:])
			slices.Sort(m[key[:i]])
		} else {
			m[key] = nil
		}
	}
	return m
}

// needed returns the plural forms that whole numbers take.
func (l *Language) needed() []string {
	var list []string
	for n := range 2000 {
		for _, n := range []int{n, n * 1000} {
			if f := l.form(n); !slices.Contains(list, f) {
				list = append(list, f)
			}
		}
	}
	if !slices.Contains(list, "other") { // what Has looks for
		list = append(list, "other")
	}
	slices.Sort(list)
	return list
}

var argument = regexp.MustCompile(`\{(\w+)\}`)

// arguments returns the names of the arguments of a text, sorted.
func arguments(l *Language, key, form string) []string {
	text := l.texts[key]
	if text == "" {
		text = l.texts[key+"."+form]
	}
	var list []string
	for _, m := range argument.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(list, m[1]) {
			list = append(list, m[1])
		}
	}
	if strings.HasPrefix(key, "base.") && !strings.HasPrefix(key, "base.bytes") {
		list = nil // patterns of dates differ
	}
	slices.Sort(list)
	return list
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// asked is how templates and programs ask for a text whose key is a constant.
var asked = regexp.MustCompile("(?:\\bt |\\bText\\(|\\bkey: ?)[\"`]([a-zA-Z]+(?:\\.[a-zA-Z0-9]+)+)[\"`]")

// TestAsked holds that every text is there that is asked for.
func TestAsked(t *testing.T) {
	english, n := languages[0], 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".html") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".go") && !strings.Contains(string(text), `"fantail/internal/locale"`) && !strings.Contains(path, "webmail") {
			return nil
		}
		for _, m := range asked.FindAllStringSubmatch(string(text), -1) {
			n++
			if !english.Has(m[1]) {
				t.Errorf("%s asks for %s", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(n, "texts are asked for")
}

func TestMatch(t *testing.T) {
	for _, c := range []struct{ chosen, accept, want string }{
		{"", "", "en"},
		{"", "de-AT,de;q=0.8,en;q=0.5", "de"},
		{"", "pt-BR", "en"},
		{"", "ja, pl;q=0.3", "pl"},
		{"", "ar-EG", "ar"},
		{"", "*", "en"},
		{"", ";;;", "en"},
		{"", strings.Repeat("de,", 100000), "de"},
		{"fr", "de", "fr"},
		{"xx", "de", "de"},
	} {
		if got := Match(c.chosen, c.accept).Tag; got != c.want {
			t.Errorf("Match(%q, %.40q) = %s, want %s", c.chosen, c.accept, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	get := func(tag string) *Language { return Match(tag, "") }
	for _, c := range []struct{ got, want string }{
		{get("en").Size(1), "1 byte"},
		{get("en").Size(999), "999 bytes"},
		{get("en").Size(1000), "1\u00a0kB"},
		{get("en").Size(999_499), "999\u00a0kB"},
		{get("en").Size(999_500), "1.0\u00a0MB"},
		{get("de").Size(1_234_567), "1,2\u00a0MB"},
		{get("fr").Size(12_345_678), "12\u00a0Mo"},
		{get("en").Size(-1), "0 bytes"},
		{get("en").Size(1_234_567_890), "1.2\u00a0GB"},
		{get("pl").Size(2), "2 bajty"},
		{get("pl").Size(5), "5 bajtów"},
		{get("pl").Size(22), "22 bajty"},
		{get("ar").Size(2), "بايتان"},
		{get("en").Number(1234567), "1,234,567"},
		{get("de").Number(1234567), "1.234.567"},
		{get("ar").Number(1234567), "1,234,567"},
		{get("en").Text("no.such.text"), "no.such.text"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestDate(t *testing.T) {
	zone := time.FixedZone("", 3600)
	at := time.Date(2026, time.March, 5, 14, 2, 0, 0, time.UTC)
	for _, c := range []struct {
		tag  string
		s    Style
		want string
	}{
		{"en", Full, "Thursday, 5 March 2026, 14:02"},
		{"de", Full, "Donnerstag, 5. März 2026, 14:02"},
		{"fr", DayYear, "5 mars 2026"},
		{"pl", Date, "5 marca 2026"},
		{"ar", Day, "5 مارس"},
	} {
		if got := Match(c.tag, "").Date(at, c.s); got != c.want {
			t.Errorf("%s: %q, want %q", c.tag, got, c.want)
		}
	}
	for _, c := range []struct {
		now  time.Time
		want string
	}{
		{at.In(zone), "15:02"},
		{time.Date(2026, 3, 6, 0, 0, 0, 0, zone), "5 Mar"},
		{time.Date(2026, 3, 4, 23, 0, 0, 0, zone), "5 Mar"},
		{time.Date(2027, 3, 4, 23, 0, 0, 0, zone), "5 Mar 2026"},
		{time.Date(2026, 3, 5, 0, 0, 0, 0, zone), "15:02"},
	} {
		if got := languages[0].Short(at, c.now); got != c.want {
			t.Errorf("seen from %v: %q, want %q", c.now, got, c.want)
		}
	}
	for _, l := range languages {
		for _, s := range []Style{Time, Day, DayYear, Date, Full} {
			for m := range 12 {
				if got := l.Date(at.AddDate(0, m, m), s); strings.ContainsAny(got, "{}|") || got == "" {
					t.Errorf("%s: %s: %q", l.Tag, s, got)
				}
			}
		}
	}
}
