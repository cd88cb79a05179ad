package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/test/dialogue"
	"fantail/test/samplemail"
)

// distinct is how many messages differ. More are links to these.
const distinct = 20_000

// newSource makes the mailbox whose messages every server gets links to.
func newSource(n int) (dialogue.Box, error) {
	box, err := dialogue.NewBox()
	if err != nil {
		return box, err
	}
	if _, err := samplemail.Write(box.Maildir(), samplemail.Large(min(n, distinct), 1)); err != nil {
		return box, err
	}
	cur := filepath.Join(box.Maildir(), "cur")
	names, err := list(cur)
	if err != nil {
		return box, err
	}
	for _, name := range names {
		if err := chown(filepath.Join(cur, name), box); err != nil {
			return box, err
		}
	}
	for i := len(names); i < n; i++ {
		name := names[i%len(names)]
		unique, rest, _ := strings.Cut(name, ",S=")
		if err := os.Link(filepath.Join(cur, name), filepath.Join(cur, fmt.Sprintf("%s-%d,S=%s", unique, i, rest))); err != nil {
			return box, err
		}
	}
	return box, nil
}

// linkBox makes a box with a link to each message of source.
func linkBox(source dialogue.Box) (dialogue.Box, error) {
	box, err := dialogue.NewBox()
	if err != nil {
		return box, err
	}
	if err := makeMaildir(box.Maildir(), box); err != nil {
		return box, err
	}
	return box, linkAll(filepath.Join(source.Maildir(), "cur"), filepath.Join(box.Maildir(), "cur"), 0)
}

// linkAll makes links to the files of a directory, or to so many of them.
func linkAll(from, to string, n int) error {
	names, err := list(from)
	if err != nil {
		return err
	}
	if n > 0 {
		names = names[:min(n, len(names))]
	}
	for _, name := range names {
		if err := os.Link(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

func makeMaildir(dir string, box dialogue.Box) error {
	for _, sub := range []string{"", "tmp", "new", "cur"} {
		path := filepath.Join(dir, sub)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return err
		}
		if err := chown(path, box); err != nil {
			return err
		}
	}
	return nil
}

func chown(path string, box dialogue.Box) error {
	if box.UID < 0 {
		return nil
	}
	return os.Chown(path, box.UID, box.GID)
}

// list gives the names in a directory, as they come.
func list(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading
	return f.Readdirnames(-1)
}

// forget removes what servers keep beside the messages of a Maildir.
func forget(dir string) error {
	names, err := list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, "dovecot") || strings.HasPrefix(name, "fantail") {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// body is the message that is delivered and appended: 4 kB.
var body = "From: Ada Miller <ada@example.org>\r\nTo: Ben Carter <ben@example.net>\r\nSubject: The gauge at the mill\r\n" +
	"Date: Mon, 2 Jun 2025 10:00:00 +0200\r\nMessage-ID: <20250602.1@example.org>\r\n\r\n" +
	strings.Repeat("The water stands two fingers higher than yesterday.\r\n", 74)

// deliver delivers a message as a delivery agent does, and tells when it gave the
// file its name in new.
func deliver(box dialogue.Box) (time.Time, error) {
	now := time.Now()
	name := fmt.Sprintf("%d.M%06dP%d.bench", now.Unix(), now.Nanosecond()/1000, os.Getpid())
	tmp := filepath.Join(box.Maildir(), "tmp", name)
	if err := errors.Join(os.WriteFile(tmp, []byte(body), 0o600), chown(tmp, box)); err != nil {
		return now, err
	}
	now = time.Now()
	return now, os.Rename(tmp, filepath.Join(box.Maildir(), "new", name))
}

// flagFile sets or takes away a flag of one message, as another program does.
func flagFile(box dialogue.Box) error {
	cur := filepath.Join(box.Maildir(), "cur")
	names, err := list(cur)
	if err != nil || len(names) == 0 {
		return err
	}
	name := names[len(names)/2]
	base, info, _ := strings.Cut(name, ":2,")
	if strings.Contains(info, "F") {
		info = strings.Replace(info, "F", "", 1)
	} else {
		// The letters are in the order of the alphabet; D alone is before F.
		d := strings.HasPrefix(info, "D")
		info = strings.TrimPrefix(info, "D")
		info = map[bool]string{true: "DF", false: "F"}[d] + info
	}
	return os.Rename(filepath.Join(cur, name), filepath.Join(cur, base+":2,"+info))
}

// fileSystem names the file system of a path, for the report.
func fileSystem(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return "unknown file system"
	}
	for kind, name := range map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.TMPFS_MAGIC: "tmpfs",
	} {
		if int64(st.Type) == kind {
			return name
		}
	}
	return fmt.Sprintf("file system %#x", st.Type)
}
