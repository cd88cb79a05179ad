package storetest

import (
	"os"
	"path/filepath"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// What other programs do with the files is seen.

func foreignDelivery(w *world) {
	w.expect(mail.Inbox)
	w.file("new/1000000001.a.h", "a\n")
	w.file("cur/1000000002.b.h:2,FS", "b\n")
	s := w.expect(mail.Inbox, "1 new", "2 F S")
	if s.Base(0) != "1000000001.a.h" || s.Base(1) != "1000000002.b.h" {
		w.t.Errorf("bases %s, %s", s.Base(0), s.Base(1))
	}
	w.file("new/0900000000.old.h", "older by its name\n")
	w.expect(mail.Inbox, "1 new", "2 F S", "3 new")
	d, err := w.inbox().NewDelivery()
	w.must(err)
	_, err = d.Write([]byte("ours\n"))
	w.must(err)
	w.must(d.Commit(w.ctx))
	w.expect(mail.Inbox, "1 new", "2 F S", "3 new", "4 new")
	if got := w.read(mail.Inbox, 4); got != "ours\n" {
		w.t.Errorf("delivered %q", got)
	}
}

func foreignFlags(w *world) {
	w.file("cur/1000000001.a.h:2,S", "a\n")
	w.expect(mail.Inbox, "1 S")
	w.move("cur/1000000001.a.h:2,S", "cur/1000000001.a.h:2,FT")
	w.expect(mail.Inbox, "1 F T")
	w.move("cur/1000000001.a.h:2,FT", "cur/1000000001.a.h:2,")
	// Ours acts on what the file has now, not on what was seen last.
	w.same("missing", w.set(mail.Inbox, mail.Add, mail.Draft, nil, 1))
	w.expect(mail.Inbox, "1 D")
	w.move("cur/1000000001.a.h:2,D", "cur/1000000001.a.h:2,DSX,x=1")
	w.same("missing", w.set(mail.Inbox, mail.Remove, mail.Draft, nil, 1))
	w.expect(mail.Inbox, "1 S")
	if got := strings.Join(w.files(w.dir), " "); got != "cur/1000000001.a.h:2,SX,x=1" {
		w.t.Errorf("flags of others were not kept: %s", got)
	}
	for _, info := range []string{"", ":2,S", ":2,", ":1,S", ":2,RS"} {
		w.move(strings.TrimPrefix(w.files(w.dir)[0], "/"), "cur/1000000001.a.h"+info)
		want := "1"
		if rest, ok := strings.CutPrefix(info, ":2,"); ok {
			for _, l := range rest {
				want += " " + string(l)
			}
		}
		w.expect(mail.Inbox, want)
	}
}

// foreignMoves: between new and cur a message stays the same message.
func foreignMoves(w *world) {
	w.file("new/1000000001.a.h", "a\n")
	w.file("cur/1000000002.b.h:2,S", "b\n")
	w.expect(mail.Inbox, "1 new", "2 S")
	w.move("new/1000000001.a.h", "cur/1000000001.a.h:2,R")
	w.expect(mail.Inbox, "1 R", "2 S")
	w.move("cur/1000000001.a.h:2,R", "new/1000000001.a.h")
	w.move("cur/1000000002.b.h:2,S", "new/1000000002.b.h")
	w.expect(mail.Inbox, "1 new", "2 new")
	w.same("missing", w.set(mail.Inbox, mail.Add, mail.Flagged, nil, 2))
	w.move("new/1000000001.a.h", "cur/1000000001.a.h:2,")
	w.expect(mail.Inbox, "1", "2 F")
}

func foreignKeywords(w *world) {
	w.append(mail.Inbox, store.FlagSet{Keywords: []mail.Keyword{"ours"}}, "a\n")
	w.file("cur/2000000002.b.h:2,Sb", "b\n")
	w.expect(mail.Inbox, "1 ours", "2 S unknown-1")
	path := filepath.Join(w.dir, "dovecot-keywords")
	text, err := os.ReadFile(path)
	w.must(err)
	w.must(os.WriteFile(path+".new", append(text, "1 theirs\n"...), 0o600))
	st, err := os.Stat(path)
	w.must(err)
	// Dovecot sees to it that the time grows by a second at least.
	later := st.ModTime().Add(1e9)
	w.must(os.Chtimes(path+".new", later, later))
	w.must(os.Rename(path+".new", path))
	w.expect(mail.Inbox, "1 ours", "2 S theirs")
	w.same("missing", w.set(mail.Inbox, mail.Add, 0, []mail.Keyword{"theirs", "third"}, 1))
	w.expect(mail.Inbox, "1 ours theirs third", "2 S theirs")
}

func foreignRemoval(w *world) {
	for _, name := range []string{"a", "b", "c"} {
		w.file("cur/100000000"+name+".h:2,S", name)
	}
	w.expect(mail.Inbox, "1 S", "2 S", "3 S")
	w.remove("cur/100000000b.h:2,S")
	w.expect(mail.Inbox, "1 S", "3 S")
	w.remove("cur/100000000c.h:2,S")
	w.same("flags of removed messages", w.set(mail.Inbox, mail.Add, mail.Flagged, nil, 1, 2, 3), 2, 3)
	w.must(w.inbox().Expunge(w.ctx, []mail.UID{3}))
	w.expect(mail.Inbox, "1 F S")
	w.same("the next UID", w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen}, "d\n"), 4)
	w.expect(mail.Inbox, "1 F S", "4 S")
}

// returned: a file that comes back after clients were told that it is gone is a
// new message to them (RFC 9051 section 2.3.1.1). Who has lost what was derived
// cannot know that, and shows it under the old UID.
func returned(w *world) {
	w.file("cur/1000000001.a.h:2,", "a\n")
	w.file("cur/1000000002.b.h:2,", "b\n")
	w.expect(mail.Inbox, "1", "2")
	if w.forgetful || w.weather.name == "reopened" && !w.remembers() {
		return
	}
	w.remove("cur/1000000001.a.h:2,")
	w.expect(mail.Inbox, "2")
	w.file("cur/1000000001.a.h:2,", "a\n")
	w.expect(mail.Inbox, "2", "3")
	w.move("cur/1000000001.a.h:2,", "cur/1000000001.a.h:2,S")
	w.expect(mail.Inbox, "2", "3 S")
}

// remembers reports whether anything derived is on disk.
func (w *world) remembers() bool {
	for _, name := range derivedFiles {
		if st, err := os.Stat(filepath.Join(w.dir, name)); err == nil && st.Size() > 0 {
			return true
		}
	}
	return false
}

// strangeNames: whatever is a Maildir file is a message, and nothing else is.
func strangeNames(w *world) {
	names := []string{
		"cur/1000000001.a.h", "cur/1000000002.b:c.h:2,S", "new/1000000003.d.h:2,F", "cur/x", "cur/1000000004.é.h:2,S", "cur/~:2,",
		"cur/1000000005." + strings.Repeat("x", 200) + ":2,S",
	}
	for _, n := range names {
		w.file(n, n+"\n")
	}
	w.file("cur/.hidden", "no message\n")
	w.must(os.Mkdir(filepath.Join(w.dir, "cur", "directory"), 0o700))
	s := w.sync(mail.Inbox)
	if s.Len() != len(names) {
		w.t.Fatalf("%d messages, want %d: %v", s.Len(), len(names), show(s))
	}
	for _, uid := range s.UIDs() {
		body := strings.TrimSuffix(w.read(mail.Inbox, uid), "\n")
		if !strings.Contains(strings.Join(names, "|"), body) {
			w.t.Errorf("message %d is %q", uid, body)
		}
	}
	w.same("missing", w.set(mail.Inbox, mail.Add, mail.Answered, nil, s.UIDs()...))
	after := w.sync(mail.Inbox)
	for i := range after.Len() {
		if after.UID(i) != s.UID(i) || !after.Flags(i).Has(mail.Answered) {
			w.t.Errorf("message %d: %s", i, show(after)[i])
		}
	}
}

// listRemoved: a UID list that somebody removes while the mailbox is open comes
// back as its sessions know it.
func listRemoved(w *world) {
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen}, "a\n", "b\n", "c\n")
	w.must(w.inbox().Expunge(w.ctx, []mail.UID{2, 3}))
	w.expect(mail.Inbox, "1 S")
	m := w.opened(mail.Inbox)
	w.remove("dovecot-uidlist")
	// No weather in between: who closes the mailbox now has nothing to go by but
	// the index, and that may be lost as well.
	got, err := appendTo(w.ctx, m, store.FlagSet{Flags: mail.Seen}, "d\n")
	w.must(err)
	w.same("the next UID", got.UIDs, 4)
	w.expect(mail.Inbox, "1 S", "4 S")
}
