package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// ownFiles are the contents of the files that the store keeps beside messages.
func ownFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "fantail*"))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// After Tidy the files of a mailbox that nobody has open are as after Close.
func TestTidy(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	a := openAccount(t, dir)
	m, err := a.Open(ctx, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	put(t, m, FlagSet{}, "one", "two")
	s := syncBox(t, m)
	m.KeepItems(s.UID(0), KeptItem{Kind: Envelope, Data: fmt.Append(nil, "learned")})
	before := ownFiles(t, dir)
	a.Tidy() // it is open
	for name, data := range ownFiles(t, dir) {
		if !bytes.Equal(data, before[name]) {
			t.Errorf("%s of an open mailbox was changed", name)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	a.Tidy()
	tidied := ownFiles(t, dir)
	a.Tidy()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	closed := ownFiles(t, dir)
	if len(closed) != len(tidied) || len(closed) == len(before) && bytes.Equal(before["fantail.log"], closed["fantail.log"]) {
		t.Errorf("%d files, %d before, %d tidied", len(closed), len(before), len(tidied))
	}
	for name, data := range closed {
		if !bytes.Equal(data, tidied[name]) {
			t.Errorf("%s was not as it is after Close", name)
		}
	}
}

// A journal that has grown by what was only computed of messages becomes a snapshot
// too: whoever opens the mailbox next would have to go through it.
func TestTidyLearned(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	a := openAccount(t, dir)
	m, err := a.Open(ctx, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	letters := make([]string, 600)
	for i := range letters {
		letters[i] = fmt.Sprint(i)
	}
	put(t, m, FlagSet{}, letters...)
	for range 2 {
		s := syncBox(t, m)
		for i := range s.Len() {
			m.KeepItems(s.UID(i), KeptItem{Kind: Envelope, Data: fmt.Append(nil, "learned")})
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		a.Tidy()
		if n := len(ownFiles(t, dir)["fantail.log"]); n > 1024 {
			t.Errorf("a journal of %d octets", n)
		}
		if m, err = a.Open(ctx, "INBOX"); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

// Tidy works beside those who open and close.
func TestTidyTogether(t *testing.T) {
	ctx := context.Background()
	a := openAccount(t, t.TempDir())
	done := make(chan error)
	for n := range 4 {
		go func() {
			for i := range 50 {
				m, err := a.Open(ctx, "INBOX")
				if err == nil {
					if n == 0 && i%10 == 0 {
						_, err = m.Sync(ctx)
					}
					if e := m.Close(); err == nil {
						err = e
					}
				}
				if err != nil {
					done <- err
					return
				}
				a.Tidy()
				a.Rest()
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.idle) != 1 || len(a.boxes) != 1 || a.idle[0].refs != 0 {
		t.Errorf("%d idle of %d", len(a.idle), len(a.boxes))
	}
}
