package imapd

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/uidlist"
)

// ClaimedMailbox makes a Maildir whose index claims n messages that have no
// files: all that a session does without opening messages can be measured on it.
func ClaimedMailbox(tb testing.TB, n int) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "Maildir")
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			tb.Fatal(err)
		}
	}
	stamps := index.Stamps{Hard: true}
	for d, s := range map[string]*index.DirStamp{"new": &stamps.New, "cur": &stamps.Cur} {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(dir, d), &st); err != nil {
			tb.Fatal(err)
		}
		*s = index.DirStamp{Dev: st.Dev, Ino: st.Ino, Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano()}
	}
	list := uidlist.Open(dir)
	if _, err := list.Create(1_000_000_000, nil); err != nil {
		tb.Fatal(err)
	}
	if err := list.RaiseNext(mail.UID(n) + 1); err != nil {
		tb.Fatal(err)
	}
	id, err := list.Stat()
	if err != nil {
		tb.Fatal(err)
	}
	stamps.UIDs = index.FileID(id)
	x, err := index.Open(dir, index.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	defer x.Close()
	l, err := x.Lock()
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Unlock()
	tx, err := l.Reset(1_000_000_000)
	if err != nil {
		tb.Fatal(err)
	}
	begin := time.Unix(1_600_000_000, 0)
	for i := range n {
		date := begin.Add(time.Duration(i) * time.Minute)
		m := index.Message{
			UID: mail.UID(i + 1), File: fmt.Sprintf("%d.M%06dP1Q%d.host:2,S", date.Unix(), i, i),
			Flags: mail.Seen, Stored: 4000, Virtual: 4100, Internal: date, Saved: date,
		}
		if i%7 == 0 {
			m.Keywords = []mail.Keyword{"$Label1"}
		}
		if err := tx.Add(m); err != nil {
			tb.Fatal(err)
		}
	}
	if err := tx.SetStamps(stamps); err != nil {
		tb.Fatal(err)
	}
	if _, err := tx.Commit(); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// WatchAtMost sets how many mailboxes NOTIFY may watch.
func (s *Session) WatchAtMost(n int) { s.watched = n }

// Checkpoint makes the index of the mailbox in dir lie in its snapshot alone.
func Checkpoint(tb testing.TB, dir string) {
	tb.Helper()
	x, err := index.Open(dir, index.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	defer x.Close()
	l, err := x.Lock()
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Unlock()
	if _, err := l.Checkpoint(); err != nil {
		tb.Fatal(err)
	}
}
