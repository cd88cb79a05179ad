package samplemail

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/mutf7"
)

// letters are the flags in the order that a Maildir file name has them.
var letters = []struct {
	flag   mail.Flags
	letter byte
}{
	{mail.Draft, 'D'}, {mail.Flagged, 'F'}, {mail.Answered, 'R'}, {mail.Seen, 'S'}, {mail.Deleted, 'T'},
}

// Write stores the messages in the Maildir dir and in Maildir++ folders below
// it, both made where they are missing, and gives the folders' names. The
// messages lie in cur under names that are the same each time, with their
// date as modification time; nothing is synced to disk.
func Write(dir string, messages iter.Seq[Message]) (folders []string, err error) {
	made := map[string]string{}
	n := 0
	for m := range messages {
		path, ok := made[m.Folder]
		if !ok {
			if path, err = makeFolder(dir, m.Folder); err != nil {
				return nil, err
			}
			made[m.Folder] = path
			if m.Folder != mail.Inbox {
				folders = append(folders, m.Folder)
			}
		}
		n++
		name := filepath.Join(path, "cur", m.fileName(n))
		if err := os.WriteFile(name, m.Data, 0o600); err != nil {
			return nil, err
		}
		if err := os.Chtimes(name, m.Date, m.Date); err != nil {
			return nil, err
		}
	}
	slices.Sort(folders)
	return folders, nil
}

func makeFolder(dir, name string) (string, error) {
	if name != mail.Inbox {
		dir = filepath.Join(dir, "."+mutf7.Encode(name))
	}
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return "", err
		}
	}
	if name != mail.Inbox {
		return dir, os.WriteFile(filepath.Join(dir, "maildirfolder"), nil, 0o600)
	}
	return dir, nil
}

// fileName gives the name in cur, with sizes as stored and as CRLF.
func (m Message) fileName(n int) string {
	size := len(m.Data)
	virtual := size + bytes.Count(m.Data, []byte("\n")) - bytes.Count(m.Data, []byte("\r\n"))
	var b strings.Builder
	fmt.Fprintf(&b, "%d.M%06dP1Q%d.sample,S=%d,W=%d:2,", m.Date.Unix(), n%1000000, n, size, virtual)
	for _, l := range letters {
		if m.Flags.Has(l.flag) {
			b.WriteByte(l.letter)
		}
	}
	return b.String()
}
