package clients

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
)

// stored is one message file.
type stored struct {
	file  string // below the Maildir
	base  string // the name without flags
	flags string // of the name: system flags are capitals, keywords are not
	data  string // with LF line ends
	date  time.Time
}

// system is the flags without keywords.
func (m stored) system() string { return strings.TrimRight(m.flags, lower) }

const lower = "abcdefghijklmnopqrstuvwxyz"

// unix makes all line ends LF: that is how clients and Maildirs may differ.
func unix(data []byte) string {
	return string(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
}

// wire makes all line ends CRLF.
func wire(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// unixTime is the time that the digits of a file name stand for.
func unixTime(t *testing.T, digits string) time.Time {
	t.Helper()
	seconds, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(seconds, 0)
}

// read gives the messages of one Maildir, in the order of their names.
func read(t *testing.T, dir string) []stored {
	t.Helper()
	// A client may be gone before its session has set the last flags: then a file has
	// another name when it is opened.
	for range 100 {
		if list, err := tryRead(dir); err == nil {
			return list
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Fatalf("%s does not come to rest", dir)
	return nil
}

func tryRead(dir string) ([]stored, error) {
	var list []stored
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			path := filepath.Join(dir, sub, e.Name())
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			info, err := e.Info()
			if err != nil {
				return nil, err
			}
			base, flags, _ := strings.Cut(e.Name(), ":2,")
			list = append(list, stored{filepath.Join(sub, e.Name()), base, flags, unix(data), info.ModTime().Truncate(time.Second)})
		}
	}
	slices.SortFunc(list, func(a, b stored) int { return cmp.Compare(a.base, b.base) })
	return list, nil
}

// mailboxes gives every mailbox of the account, by its name on the wire.
func (in *installation) mailboxes(t *testing.T) map[string][]stored {
	t.Helper()
	entries, err := os.ReadDir(in.Home())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]stored{mail.Inbox: read(t, in.Home())}
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), "."); ok && e.IsDir() {
			all[name] = read(t, filepath.Join(in.Home(), e.Name()))
		}
	}
	return all
}

// only gives the one message for which f is true.
func only(t *testing.T, list []stored, what string, f func(stored) bool) stored {
	t.Helper()
	var found []stored
	for _, m := range list {
		if f(m) {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d messages %s, not one of %d", len(found), what, len(list))
	}
	return found[0]
}

// withText is for only.
func withText(text string) func(stored) bool {
	return func(m stored) bool { return strings.Contains(m.data, text) }
}

// allFiles gives the content of every file below dir that is mail or that a
// mail program keeps about it, but no lock and no log.
func allFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sameFiles reports how two answers of allFiles differ.
func sameFiles(t *testing.T, what string, before, after map[string]string) {
	t.Helper()
	for name, data := range before {
		now, ok := after[name]
		if !ok {
			t.Errorf("%s: %s is gone", what, name)
		} else if now != data {
			t.Errorf("%s: %s was changed", what, name)
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			t.Errorf("%s: %s is new", what, name)
		}
	}
}
