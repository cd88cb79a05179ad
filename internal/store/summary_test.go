package store

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
)

// statusOnce is what a process says that does nothing else. It tells whether it had to open
// the mailbox.
func statusOnce(t *testing.T, dir, name string, l maildir.Layout, need StatusNeeds) (st Status, opened bool) {
	t.Helper()
	a, err := OpenAccount(dir, Options{Host: "test", Layout: l})
	if err != nil {
		t.Fatal(err)
	}
	if st, err = a.Status(t.Context(), name, need); err != nil {
		t.Fatal(err)
	}
	opened = len(a.boxes) > 0
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return st, opened
}

// waitSettled waits until directories have been at rest long enough to be believed.
func waitSettled() { time.Sleep(60 * time.Millisecond) }

func writeMail(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("Subject: x\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSummary: the status of a mailbox that nobody has changed is told without opening
// it, and that of one that somebody has changed is right.
func TestSummary(t *testing.T) {
	for name, l := range map[string]maildir.Layout{"plusplus": maildir.PlusPlus, "fs": maildir.FS} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "Maildir")
			at := map[maildir.Layout]string{maildir.PlusPlus: ".Grün", maildir.FS: "Grün"}[l]
			mkdirs(t, dir, "", at)
			for _, f := range []string{"cur/1000000001.a,S=12,W=14:2,", "cur/1000000002.b,S=12,W=14:2,ST", "new/1000000003.c,S=12,W=14"} {
				writeMail(t, filepath.Join(dir, at, f))
			}
			size := StatusNeeds{Size: true}
			status := func(what string, want Status, wantOpened bool, need StatusNeeds) Status {
				t.Helper()
				waitSettled()
				st, opened := statusOnce(t, dir, "Grün", l, need)
				if opened != wantOpened {
					t.Errorf("%s: opened is %t", what, opened)
				}
				want.UIDValidity, want.GUID, want.HighestModSeq = st.UIDValidity, st.GUID, st.HighestModSeq
				if st != want {
					t.Errorf("%s: %+v, want %+v", what, st, want)
				}
				return st
			}
			want := Status{Messages: 3, Recent: 1, Unseen: 2, Deleted: 1, UIDNext: 4, Size: 42}
			first := status("first", want, true, size)
			second := status("again", want, false, size)
			if first.UIDValidity != second.UIDValidity || first.GUID != second.GUID {
				t.Errorf("%+v, then %+v", first, second)
			}
			status("third", want, false, size)
			if st := status("modseq", Status{Messages: 3, Recent: 1, Unseen: 2, Deleted: 1, UIDNext: 4}, true, StatusNeeds{HighestModSeq: true}); st.HighestModSeq == 0 {
				t.Error("no modseq")
			}
			want.DeletedOctets, want.Size = 12, 0
			status("deleted", want, true, StatusNeeds{DeletedOctets: true})

			cur := filepath.Join(dir, at, "cur")
			if err := os.Rename(filepath.Join(cur, "1000000001.a,S=12,W=14:2,"), filepath.Join(cur, "1000000001.a,S=12,W=14:2,S")); err != nil {
				t.Fatal(err)
			}
			want = Status{Messages: 3, Recent: 1, Unseen: 1, Deleted: 1, UIDNext: 4, Size: 42}
			status("seen elsewhere", want, true, size)
			status("seen, again", want, false, size)

			writeMail(t, filepath.Join(dir, at, "new", "1000000004.d,S=12,W=14"))
			want = Status{Messages: 4, Recent: 2, Unseen: 2, Deleted: 1, UIDNext: 5, Size: 56}
			status("delivered", want, true, size)
			status("delivered, again", want, false, size)

			if err := os.WriteFile(filepath.Join(dir, summaryName), []byte("rubbish"), 0o600); err != nil {
				t.Fatal(err)
			}
			status("damaged", want, true, size)
			status("mended", want, false, size)

			if err := os.RemoveAll(filepath.Join(dir, at)); err != nil {
				t.Fatal(err)
			}
			a := openLayout(t, dir, l)
			if _, err := a.Status(t.Context(), "Grün", size); KindOf(err) != NotFound {
				t.Errorf("deleted: %v", err)
			}
			if err := a.Create(t.Context(), "Grün"); err != nil {
				t.Fatal(err)
			}
			if st, err := a.Status(t.Context(), "Grün", size); err != nil || st.Messages != 0 || st.GUID == first.GUID {
				t.Errorf("made anew: %+v, %v", st, err)
			}
		})
	}
}

// TestSummaryOfOpen: a mailbox that is open is asked itself.
func TestSummaryOfOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	mkdirs(t, dir, "")
	waitSettled()
	statusOnce(t, dir, mail.Inbox, maildir.PlusPlus, StatusNeeds{})
	a := openAccount(t, dir)
	m := openBox(t, a, mail.Inbox)
	batch, err := m.NewAppend()
	if err != nil {
		t.Fatal(err)
	}
	w, err := batch.Add(FlagSet{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("a: b\n\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := batch.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st, err := a.Status(t.Context(), mail.Inbox, StatusNeeds{}); err != nil || st.Messages != 1 {
		t.Errorf("%+v, %v", st, err)
	}
}

func someSummaries() map[string]summary {
	return map[string]summary{
		"": {counts: index.Counts{Messages: 3, Unseen: 2, Virtual: 1 << 40}, next: 4, validity: 5, guid: [16]byte{1, 2}},
		"a.b": {stamps: index.Stamps{Cur: index.DirStamp{Dev: 1, Ino: 2, Mtime: 3, Ctime: 4}, Lines: 9, UIDs: index.FileID{Ino: 7, Size: 8, Mtime: 9}},
			counts: index.Counts{Deleted: 1, New: 2, Unsized: 3}},
	}
}

func TestSummariesFile(t *testing.T) {
	all := someSummaries()
	for k, s := range all {
		s.stamps.Hard = true // none other are kept
		all[k] = s
	}
	data := encodeSummaries(all)
	if got, ok := decodeSummaries(data); !ok || !reflect.DeepEqual(got, all) {
		t.Errorf("%+v, want %+v", got, all)
	}
	for i := range data {
		data[i] ^= 1
		if _, ok := decodeSummaries(data); ok {
			t.Fatalf("octet %d does not count", i)
		}
		data[i] ^= 1
		if _, ok := decodeSummaries(data[:i]); ok {
			t.Fatalf("%d octets are enough", i)
		}
	}
}

func FuzzDecodeSummaries(f *testing.F) {
	body := encodeSummaries(someSummaries())
	f.Add(body[len(summaryMagic) : len(body)-4])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		data := append([]byte(summaryMagic), body...)
		data = binary.LittleEndian.AppendUint32(data, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
		all, ok := decodeSummaries(data)
		if !ok {
			return
		}
		if again, ok := decodeSummaries(encodeSummaries(all)); !ok || !reflect.DeepEqual(again, all) {
			t.Fatalf("%+v, then %+v", all, again)
		}
	})
}
