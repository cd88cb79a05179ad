// Package locale is what webmail says to people, in their languages.
//
// A catalogue is a directory of a language (catalogue/en and so on), with a file for each
// part of webmail: one text a line, with a key in front of it, whose first word is the
// file's name. What depends on a number has a line for each plural form of the language:
//
//	list.empty = Nothing here.
//	list.unread.one = {n} unread message
//	list.unread.other = {n} unread messages
//
// In braces stand the names of arguments. Text is text: it goes through the escaping of
// html/template like all other, and has no markup.
//
// English has every key, and a test holds that all other languages have the same ones,
// with the same arguments and all plural forms (CLDR), and that what pages ask for is
// there. So a Language answers for every key; one that does not exist is our bug, and
// stands on the page as it is.
//
// Numbers are written by CLDR's rules (golang.org/x/text), with the digits 0 to 9 in
// every language, as people's mail has them; dates by the patterns of the catalogue.
package locale

import (
	"embed"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

//go:embed catalogue
var files embed.FS

// order is that of the languages in menus, which show each by its own name. The first
// one is for who speaks none of them.
var order = []string{"en", "ar", "de", "es", "fr", "it", "nl", "pl"}

// Language is one that webmail speaks. It is safe for many goroutines.
type Language struct {
	// Tag is its name in BCP 47, and Name what those call it who speak it.
	Tag, Name string
	// Direction is "ltr" or "rtl".
	Direction string

	tag     language.Tag
	texts   map[string]string
	printer *message.Printer
}

var (
	languages = load()
	matcher   = newMatcher()
)

// All returns the languages, in the order of menus.
func All() []*Language { return slices.Clone(languages) }

// Match returns the language of an account (a Tag, or "" if it has chosen none) or else
// the best for a browser, which says what it wants in Accept-Language (RFC 9110 section
// 12.5.4). Where nothing fits it is English.
func Match(chosen, accept string) *Language {
	for _, l := range languages {
		if l.Tag == chosen {
			return l
		}
	}
	const most = 1000 // octets; more is no wish of a person
	if len(accept) > most {
		accept = accept[:strings.LastIndexByte(accept[:most], ',')+1]
	}
	wanted, _, err := language.ParseAcceptLanguage(strings.TrimSuffix(accept, ","))
	if err != nil {
		return languages[0]
	}
	_, i, _ := matcher.Match(wanted...)
	return languages[i]
}

func newMatcher() language.Matcher {
	tags := make([]language.Tag, len(languages))
	for i, l := range languages {
		tags[i] = l.tag
	}
	return language.NewMatcher(tags)
}

func load() []*Language {
	list := make([]*Language, len(order))
	for i, tag := range order {
		texts, err := catalogue(tag)
		if err != nil {
			panic("locale: " + err.Error()) // it is part of the program
		}
		// Digits of the West in Arabic, too: addresses, sizes and dates of mail have them.
		t := language.MustParse(tag)
		l := &Language{Tag: tag, Name: texts["base.language"], Direction: texts["base.direction"], tag: t, texts: texts}
		l.printer = message.NewPrinter(language.MustParse(tag + "-u-nu-latn"))
		list[i] = l
	}
	return list
}

// catalogue reads that of a language.
func catalogue(tag string) (map[string]string, error) {
	dir := "catalogue/" + tag
	list, err := files.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string)
	for _, f := range list {
		text, err := files.ReadFile(dir + "/" + f.Name())
		if err != nil {
			return nil, err
		}
		if err := parse(texts, f.Name(), string(text)); err != nil {
			return nil, fmt.Errorf("%s/%s: %w", tag, f.Name(), err)
		}
	}
	return texts, nil
}

// parse reads a file of a catalogue.
func parse(texts map[string]string, part, s string) error {
	for n, line := range strings.Split(s, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		key, text, ok := strings.Cut(line, " = ")
		if !ok || !strings.HasPrefix(key, part+".") || text == "" || texts[key] != "" {
			return fmt.Errorf("line %d: %q", n+1, line)
		}
		texts[key] = text
	}
	return nil
}

// Keys returns what the catalogue has, sorted; for tests.
func (l *Language) Keys() []string { return slices.Sorted(maps.Keys(l.texts)) }

// Has reports whether there is a text, of one form or several.
func (l *Language) Has(key string) bool {
	return l.texts[key] != "" || l.texts[key+".other"] != ""
}

// Text returns the text of a key. Arguments are pairs of a name and a value; an int is
// written as a number, and the first of them chooses the plural form.
func (l *Language) Text(key string, arguments ...any) string {
	if len(arguments)%2 != 0 {
		panic("locale: " + key + ": an argument without a value")
	}
	text := l.texts[key]
	for i := 0; i < len(arguments) && text == ""; i += 2 {
		if n, counts := arguments[i+1].(int); counts {
			text = l.texts[key+"."+l.form(n)]
		}
	}
	if text == "" {
		slog.Error("no such text", "key", key, "language", l.Tag)
		return key
	}
	if len(arguments) == 0 {
		return text
	}
	return expand(text, func(name string) (string, bool) {
		for i := 0; i < len(arguments); i += 2 {
			if arguments[i].(string) != name {
				continue
			}
			if n, counts := arguments[i+1].(int); counts {
				return l.Number(n), true
			}
			return fmt.Sprint(arguments[i+1]), true
		}
		return "", false
	})
}

// forms are the names of CLDR's plural forms.
var forms = [...]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}

// form returns which of the forms a whole number takes.
func (l *Language) form(n int) string {
	if n < 0 {
		n = -n
	}
	f := plural.Cardinal.MatchPlural(l.tag, n, 0, 0, 0, 0)
	return forms[f]
}

// Number writes a whole number, with marks between thousands.
func (l *Language) Number(n int) string { return l.printer.Sprint(number.Decimal(n)) }

// Size writes a number of octets with two digits of precision or so.
func (l *Language) Size(n int64) string {
	n = max(n, 0)
	switch {
	case n < 1000:
		return l.Text("base.bytes", "n", int(n))
	case n < 999_500:
		return l.Text("base.kB", "size", l.Number(int((n+500)/1000)))
	case n < 9_950_000:
		return l.Text("base.MB", "size", l.decimal(float64(n)/1e6))
	case n < 999_500_000:
		return l.Text("base.MB", "size", l.Number(int((n+500_000)/1_000_000)))
	}
	return l.Text("base.GB", "size", l.decimal(float64(n)/1e9))
}

func (l *Language) decimal(x float64) string {
	return l.printer.Sprint(number.Decimal(x, number.MaxFractionDigits(1), number.MinFractionDigits(1)))
}

// pad writes a number of two digits.
func pad(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}
