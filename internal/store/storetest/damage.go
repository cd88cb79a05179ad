package storetest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"fantail/internal/mail"
	"fantail/internal/store"
)

func fileStamp(t testing.TB, path string) string {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(st.ModTime(), st.Size(), st.Sys().(*syscall.Stat_t).Ino)
}

// torn: whatever is left of the derived files, the mailbox is what it was. The
// lengths and octets are samples; the storm tries them all.
func torn(w *world) {
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen, Keywords: []mail.Keyword{"kw"}}, "a\n", "b\n", "c\n")
	w.must(w.inbox().Expunge(w.ctx, []mail.UID{2}))
	w.set(mail.Inbox, mail.Add, mail.Flagged, nil, 1)
	want := []string{"1 F S kw", "3 S kw"}
	for _, name := range derivedFiles {
		path := filepath.Join(w.dir, name)
		w.expect(mail.Inbox, want...)
		w.reopen(func() {})
		whole, err := os.ReadFile(path)
		if err != nil {
			continue // a file that this store does not make
		}
		step := max(1, len(whole)/40)
		for cut := 0; cut <= len(whole); cut += step {
			w.reopen(func() { w.must(os.WriteFile(path, whole[:cut], 0o600)) })
			w.expect(mail.Inbox, want...)
		}
		for at := 0; at < len(whole); at += step {
			w.reopen(func() {
				bad := slices.Clone(whole)
				bad[at] ^= 0xff
				w.must(os.WriteFile(path, bad, 0o600))
			})
			w.expect(mail.Inbox, want...)
		}
		for _, junk := range [][]byte{make([]byte, 5000), []byte("3 V1 N1\n"), slices.Concat(whole, whole), slices.Concat(whole, make([]byte, 4096))} {
			w.reopen(func() { w.must(os.WriteFile(path, junk, 0o600)) })
			w.expect(mail.Inbox, want...)
		}
	}
	w.same("the next UID", w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen}, "d\n"), 4)
}
