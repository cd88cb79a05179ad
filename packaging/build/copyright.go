package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is one whose code is in the programs.
type module struct{ Path, Dir string }

// modules are those of which a program has packages, in the order of their paths, and
// what of Go itself is in each.
func modules(root string) ([]module, error) {
	out, err := command(root, []string{"CGO_ENABLED=1"}, "go", "list", "-deps", "-tags", "pam", "-json=Module", "./cmd/...")
	if err != nil {
		return nil, err
	}
	goroot, err := command(root, nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	list := []module{{"go", strings.TrimSpace(goroot)}, {"squire", filepath.Join(root, "web/vendor/squire")}}
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var p struct{ Module *module }
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Module != nil && p.Module.Path != "fantail" && !slices.Contains(list, *p.Module) {
			list = append(list, *p.Module)
		}
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

// grants are the names of files that say how a module may be used. What is missing below
// is no licence of code that is linked.
var grants = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([-.].*)?$`)

// idle are files of that kind that say nothing of the programs: a logo, code that is not
// linked.
var idle = []string{"LICENSE-LOGO"}

// common are licences of which Debian has the text, by words that each has.
var common = []struct{ words, name, path string }{
	{"Apache License Version 2.0, January 2004", "Apache-2.0", "/usr/share/common-licenses/Apache-2.0"},
	{"Mozilla Public License Version 2.0", "MPL-2.0", "/usr/share/common-licenses/MPL-2.0"},
}

// known are licences by words that each has, the narrowest first.
var known = []struct{ words, name string }{
	{"Neither the name of", "BSD-3-Clause"},
	{"may not be used to endorse", "BSD-3-Clause"},
	{"Redistributions in binary form must reproduce", "BSD-2-Clause"},
	{"Permission is hereby granted, free of charge, to any person obtaining a copy", "Expat"},
	{"The author disclaims copyright to this source code", "public-domain"},
	{"dedicated to the public domain", "public-domain"},
	{"patent", "patents"},
}

// fullGPL is what the one module that may be used by the GPL as well has in front of it.
const fullGPL = "Full text of gpl-2.0.txt:"

// copyright is debian/copyright, in its machine-readable format: of each module who has
// written it, and the whole of what its files say.
func copyright(root string) (string, error) {
	own, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	if err != nil {
		return "", err
	}
	list, err := modules(root)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: Fantail\n" +
		"Comment: The programs contain parts of the Go distribution and of modules in Go, and\n" +
		" webmail contains Squire, an editor in JavaScript. Below each stands by its import path.\n\n")
	b.WriteString("Files: *\nCopyright: 2026 The Fantail authors\nLicense: Expat\n" + indent(string(own)) + "\n")
	for _, m := range list {
		stanza, err := m.stanza()
		if err != nil {
			return "", fmt.Errorf("%s: %w", m.Path, err)
		}
		b.WriteString(stanza)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// stanza is what is said of a module.
func (m module) stanza() (string, error) {
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return "", err
	}
	var holders, names []string
	var text strings.Builder
	for _, e := range entries {
		if !grants.MatchString(e.Name()) || slices.Contains(idle, e.Name()) || e.IsDir() {
			continue
		}
		file, err := os.ReadFile(filepath.Join(m.Dir, e.Name()))
		if err != nil {
			return "", err
		}
		name, rest := licence(string(file))
		if collections.MatchString(e.Name()) {
			name, rest = "others", string(file)
		}
		if name == "" && !strings.HasPrefix(strings.ToUpper(e.Name()), "NOTICE") {
			return "", fmt.Errorf("%s is under a licence that is not known here: add it to the table", e.Name())
		}
		if name != "" && name != "patents" && !slices.Contains(names, name) {
			names = append(names, name)
		}
		holders = append(holders, copyrights(string(file))...)
		fmt.Fprintf(&text, "%s:\n\n%s\n", e.Name(), strings.TrimSpace(rest))
	}
	if len(names) == 0 {
		return "", errors.New("there is no licence")
	}
	if len(holders) == 0 {
		holders = []string{"the authors of " + m.Path}
	}
	slices.Sort(holders)
	holders = slices.Compact(holders)
	// Licences of one name differ in whom they name: each is called after its module, too.
	return fmt.Sprintf("Files: %s/*\nCopyright: %s\nLicense: %s-of-%s\n%s\n", m.Path, strings.Join(holders, "\n "),
		strings.Join(names, "-and-"), strings.ReplaceAll(m.Path, "/", "-"), indent(text.String())), nil
}

// collections are the names of files with the licences of many, which are kept as they
// are.
var collections = regexp.MustCompile(`(?i)3rd-party`)

// licence returns the name of a licence, and its text, or where Debian has that.
func licence(text string) (name, rest string) {
	if before, _, ok := strings.Cut(text, fullGPL); ok {
		text = before + "On Debian systems its text is in /usr/share/common-licenses/GPL-2."
	}
	line := strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, c := range common {
		if strings.Contains(line, strings.ToLower(c.words)) {
			return c.name, "On Debian systems the text of this licence is in " + c.path + ".\nIt is at https://spdx.org/licenses/" + c.name + ".html, too."
		}
	}
	for _, k := range known {
		if strings.Contains(line, strings.ToLower(k.words)) {
			return k.name, text
		}
	}
	return "", text
}

// holder is a line that says who has written something.
var holder = regexp.MustCompile(`(?i)^[\s/*#>-]*(?:portions )?copyright (?:\(c\)|©)?\s*((?:\d{4}|.*\bauthors\b|.*<.*@).*?)(?:\s*all rights reserved\.?)?\s*$`)

// copyrights are the lines that name who has written something.
func copyrights(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if m := holder.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			list = append(list, strings.TrimRight(strings.TrimSpace(m[1]), "."))
		}
	}
	return list
}

// indent is a text as the format has texts of several lines.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		if line = strings.TrimRight(line, " \t\r\n\f"); line == "" {
			line = "."
		}
		b.WriteString(" " + strings.ReplaceAll(line, "\f", "") + "\n")
	}
	return b.String()
}
