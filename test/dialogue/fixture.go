package dialogue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// write writes one file of the fixture, and the Maildir around it.
func (b Box) write(sec section) error {
	if !filepath.IsLocal(sec.name) {
		return fmt.Errorf("%s leads out of the home directory", sec.name)
	}
	dir := "Maildir"
	if folder := strings.Split(sec.name, "/")[1]; strings.HasPrefix(folder, ".") && strings.Count(sec.name, "/") > 1 {
		dir = filepath.Join(dir, folder)
		if err := b.writeFile(filepath.Join(dir, "maildirfolder"), nil); err != nil {
			return err
		}
	}
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := b.mkdir(filepath.Join(dir, sub)); err != nil {
			return err
		}
	}
	return b.writeFile(sec.name, sec.data)
}

func (b Box) writeFile(name string, data []byte) error {
	if err := b.mkdir(filepath.Dir(name)); err != nil {
		return err
	}
	path := filepath.Join(b.Home, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	if err := b.chown(path); err != nil {
		return err
	}
	if t, ok := nameTime(filepath.Base(name)); ok {
		return os.Chtimes(path, t, t)
	}
	return nil
}

// mkdir makes a directory below the home directory and those above it.
func (b Box) mkdir(name string) error {
	if name == "." {
		return nil
	}
	if err := b.mkdir(filepath.Dir(name)); err != nil {
		return err
	}
	path := filepath.Join(b.Home, name)
	if err := os.Mkdir(path, 0o700); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	return b.chown(path)
}

func (b Box) chown(path string) error {
	if b.UID < 0 {
		return nil
	}
	return os.Chown(path, b.UID, b.GID)
}

// nameTime gives the seconds that a message's file name begins with.
func nameTime(base string) (time.Time, bool) {
	digits, _, ok := strings.Cut(base, ".")
	sec, err := strconv.ParseInt(digits, 10, 64)
	return time.Unix(sec, 0), ok && err == nil
}

// tree lists what is below cur, new or tmp of every folder, relative to the
// Maildir, and the folders themselves.
func (b Box) tree() (files, folders, temporary []string, err error) {
	dirs, err := os.ReadDir(b.Maildir())
	if err != nil {
		return nil, nil, nil, err
	}
	places := []string{""}
	for _, d := range dirs {
		if !d.IsDir() || !strings.HasPrefix(d.Name(), ".") {
			continue
		}
		if _, err := os.Stat(filepath.Join(b.Maildir(), d.Name(), "cur")); err == nil {
			places = append(places, d.Name())
			folders = append(folders, d.Name())
		}
	}
	for _, p := range places {
		for _, sub := range []string{"cur", "new", "tmp"} {
			rel := filepath.Join(p, sub)
			entries, err := os.ReadDir(filepath.Join(b.Maildir(), rel))
			if err != nil {
				return nil, nil, nil, err
			}
			for _, e := range entries {
				if name := filepath.Join(rel, e.Name()); sub == "tmp" {
					temporary = append(temporary, name)
				} else {
					files = append(files, name)
				}
			}
		}
	}
	return files, folders, temporary, nil
}

// compareList reports how have differs from the patterns want; the order of
// neither matters.
func compareList(what string, want, have []string, v vars) (vars, error) {
	patterns := make([]pattern, len(want))
	for i, w := range want {
		patterns[i] = compile(w)
	}
	// The texts without variables first: they leave assign the least choice.
	slices.SortStableFunc(patterns, func(a, b pattern) int { return len(a) - len(b) })
	if w, ok := assign(patterns, nil, have, v); ok {
		return w, nil
	}
	return v, fmt.Errorf("%s differ\n  expected:\n%s  found:\n%s", what, indent(want), indent(have))
}

func indent(list []string) string {
	var b strings.Builder
	for _, l := range list {
		b.WriteString("    " + l + "\n")
	}
	return b.String()
}

// compareAfter checks the mailbox that the conversation left.
func (s *Script) compareAfter(b Box, v vars) error {
	files, folders, temporary, err := b.tree()
	if err != nil {
		return err
	}
	if len(temporary) > 0 {
		return fmt.Errorf("left behind: %s", strings.Join(temporary, ", "))
	}
	if s.after != nil {
		if v, err = compareList("the files afterwards", s.after, files, v); err != nil {
			return err
		}
	}
	if s.folders != nil {
		if v, err = compareList("the folders afterwards", s.folders, folders, v); err != nil {
			return err
		}
	}
	for _, c := range s.contents {
		if v, err = compareContent(b, c, files, v); err != nil {
			return err
		}
	}
	return nil
}

func compareContent(b Box, want section, files []string, v vars) (vars, error) {
	name, p := want.name, compile(want.name)
	for _, f := range files {
		if w, ok := p.match(f, v); ok {
			name, v = f, w
			break
		}
	}
	data, err := os.ReadFile(filepath.Join(b.Maildir(), name))
	if err != nil {
		return v, err
	}
	w, ok := compile(string(want.data)).match(string(data), v)
	if !ok {
		return v, fmt.Errorf("content of %s differs\n  expected:\n%s  found:\n%s", name,
			indent(quoteLines(want.data)), indent(quoteLines(data)))
	}
	return w, nil
}

func quoteLines(data []byte) []string {
	var out []string
	for l := range strings.Lines(string(data)) {
		out = append(out, strconv.Quote(l))
	}
	return out
}
