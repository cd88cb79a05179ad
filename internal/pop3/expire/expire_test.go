package expire

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

var now = time.Unix(1763884931, 0)

// inbox returns the INBOX of an account with these files in cur, in the order of their
// UIDs, and its Maildir.
func inbox(t *testing.T, files ...string) (*store.Mailbox, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "Maildir")
	if err := os.MkdirAll(filepath.Join(dir, "cur"), 0o700); err != nil {
		t.Fatal(err)
	}
	list := "3 V7 N1000 G0123456789abcdef0123456789abcdef\n"
	for i, file := range files {
		if err := os.WriteFile(filepath.Join(dir, "cur", file), []byte("Subject: x\n\nx\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		base, _, _ := strings.Cut(file, ":")
		list += fmt.Sprintf("%d :%s\n", i+1, base)
	}
	for name, text := range map[string]string{"dovecot-uidlist": list, "dovecot-keywords": "0 $Label1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	account, err := store.OpenAccount(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	box, err := account.Open(context.Background(), mail.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
		if err := account.Close(); err != nil {
			t.Error(err)
		}
	})
	return box, dir
}

func retrieved(t *testing.T, box *store.Mailbox, ago time.Duration, uids ...mail.UID) {
	t.Helper()
	if err := box.Maildrop().AddRetrieved(7, uids, now.Add(-ago)); err != nil {
		t.Fatal(err)
	}
}

func left(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "cur"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestExpire: one message of each kind, of which two go.
func TestExpire(t *testing.T) {
	files := []string{"01.a.h:2,S", "02.a.h:2,", "03.a.h:2,F", "04.a.h:2,RS", "05.a.h:2,DS", "06.a.h:2,Sa", "07.a.h:2,S", "08.a.h:2,ST", "09.a.h:2,S"}
	box, dir := inbox(t, files...)
	retrieved(t, box, 31*day, 1, 3, 4, 5, 6)
	retrieved(t, box, 30*day, 8)
	retrieved(t, box, 30*day-time.Second, 7)
	retrieved(t, box, -time.Hour, 9)
	retrieved(t, box, 90*day, 77) // gone already
	want := []Reason{Goes, NotRetrieved, Flagged, Answered, Draft, Keyword, TooSoon, Goes, TooSoon}
	for _, dry := range []bool{true, false} {
		all, err := Expire(context.Background(), box, 30, now, dry)
		if err != nil {
			t.Fatal(err)
		}
		var got []Reason
		for _, m := range all {
			got = append(got, m.Reason)
		}
		if !slices.Equal(got, want) {
			t.Errorf("dry %v: %v, want %v", dry, got, want)
		}
		wantLeft := files
		if !dry {
			wantLeft = slices.Concat(files[1:7], files[8:])
		}
		if names := left(t, dir); !slices.Equal(names, wantLeft) {
			t.Errorf("dry %v: left %v", dry, names)
		}
		r, err := box.Maildrop().Retrieved(7)
		if err != nil || dry != (len(r) == 9) || !dry && len(r) != 6 {
			t.Errorf("dry %v: noted %v, %v", dry, r, err)
		}
	}
	all, err := Expire(context.Background(), box, 30, now, false)
	if err != nil || len(all) != 7 {
		t.Errorf("again: %v, %v", all, err)
	}
}

// TestDamage: without the file, or with that of another mailbox, everything stays.
func TestDamage(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"lost":  os.Remove,
		"empty": func(path string) error { return os.Truncate(path, 0) },
		"another mailbox": func(path string) error {
			return os.WriteFile(path, []byte("fantail-pop3-retrieved 1 V8\n1 1\n"), 0o600)
		},
		"torn": func(path string) error { return os.WriteFile(path, []byte("fantail-pop3-retrieved 1 V7\n1 1"), 0o600) },
	} {
		box, dir := inbox(t, "01.a.h:2,S")
		retrieved(t, box, 31*day, 1)
		if err := spoil(box.Maildrop().RetrievedFile()); err != nil {
			t.Fatal(err)
		}
		all, err := Expire(context.Background(), box, 30, now, false)
		if err != nil || len(all) != 1 || all[0].Reason != NotRetrieved || len(left(t, dir)) != 1 {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
}

// TestFlaggedMeanwhile: somebody flags a message between the look at it and its removal.
func TestFlaggedMeanwhile(t *testing.T) {
	box, dir := inbox(t, "01.a.h:2,S", "02.a.h:2,S")
	retrieved(t, box, 31*day, 1, 2)
	r, err := box.Maildrop().Retrieved(7)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "cur/02.a.h:2,S"), filepath.Join(dir, "cur/02.a.h:2,FS")); err != nil {
		t.Fatal(err)
	}
	p := &plan{retrieved: r, before: now}
	all := []Message{{UID: 1}, {UID: 2}}
	if err := p.remove(context.Background(), box, []mail.UID{1, 2}, all); err != nil {
		t.Fatal(err)
	}
	if all[0].Reason != Goes || all[1].Reason != Flagged && all[1].Reason != Changed || !slices.Equal(left(t, dir), []string{"02.a.h:2,FS"}) {
		t.Errorf("%v, left %v", all, left(t, dir))
	}
}

// TestRenamedInThatMoment is the same in the very last moment, when the answer is given.
func TestRenamedInThatMoment(t *testing.T) {
	box, dir := inbox(t, "01.a.h:2,S")
	if _, err := box.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	changed, err := box.ExpungeIf(context.Background(), []mail.UID{1}, func(mail.UID, mail.Flags, []mail.Keyword) bool {
		if err := os.Rename(filepath.Join(dir, "cur/01.a.h:2,S"), filepath.Join(dir, "cur/01.a.h:2,FS")); err != nil {
			t.Error(err)
		}
		return true
	})
	if err != nil || !slices.Equal(changed, []mail.UID{1}) || !slices.Equal(left(t, dir), []string{"01.a.h:2,FS"}) {
		t.Errorf("%v, left %v", err, left(t, dir))
	}
	time.Sleep(2100 * time.Millisecond) // for which our own changes are believed to be all (package store)
	s, err := box.Sync(context.Background())
	if err != nil || s.Len() != 1 || s.Flags(0)&mail.Flagged == 0 {
		t.Errorf("%v; %d messages", err, s.Len())
	}
}

func TestReport(t *testing.T) {
	at := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	all := []Message{
		{UID: 1, Retrieved: at}, {UID: 2, Reason: NotRetrieved}, {UID: 3, Retrieved: at, Reason: TooSoon},
		{UID: 4, Retrieved: at, Reason: Flagged}, {UID: 5, Retrieved: at, Reason: Keyword, Keyword: "$Label1"}, {UID: 6, Reason: NotRetrieved},
	}
	const counts = "; 2 not retrieved by POP3, 1 retrieved a short time ago, 1 flagged, 1 with a keyword\n"
	var b strings.Builder
	if err := Report(&b, all, false); err != nil || b.String() != "1 of 6 messages gone"+counts {
		t.Errorf("%q, %v", b.String(), err)
	}
	b.Reset()
	want := "UID 1 goes, retrieved 2026-10-01\nUID 2 stays: not retrieved by POP3\nUID 3 stays, retrieved 2026-10-01\n" +
		"UID 4 stays: flagged, retrieved 2026-10-01\nUID 5 stays: with a keyword $Label1, retrieved 2026-10-01\n" +
		"UID 6 stays: not retrieved by POP3\n1 of 6 messages would go" + counts
	if err := Report(&b, all, true); err != nil || b.String() != want {
		t.Errorf("%q, %v", b.String(), err)
	}
	if err := Report(failing{}, all, true); err == nil {
		t.Error("an error of the output is lost")
	}
	for _, r := range Reasons() {
		if r.String() == "" {
			t.Errorf("reason %d has no words", r)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, fs.ErrClosed }
