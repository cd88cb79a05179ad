package storetest

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

func empty(w *world) {
	s := w.expect(mail.Inbox)
	st := s.Status()
	if st.HighestModSeq = 0; s.UIDNext() != 1 || st != (store.Status{UIDNext: 1, UIDValidity: s.UIDValidity(), GUID: s.GUID()}) {
		w.t.Errorf("status %+v", st)
	}
	if i, ok := s.Find(1); ok || i != 0 {
		w.t.Errorf("Find(1) = %d, %t", i, ok)
	}
}

func appends(w *world) {
	w.same("first", w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen | mail.Draft, Keywords: []mail.Keyword{"$Forwarded", "Work"}}, "a: 1\n\none\n", "a: 2\r\n\r\ntwo\r\n"), 1, 2)
	w.same("second", w.append(mail.Inbox, store.FlagSet{}, "a: 3\n\nthree\n"), 3)
	s := w.sync(mail.Inbox)
	if got, want := strings.Join(stripNew(show(s)), "|"), "1 D S $Forwarded Work|2 D S $Forwarded Work|3"; got != want {
		w.t.Errorf("appended %s, want %s", got, want)
	}
	if s.UIDNext() != 4 {
		w.t.Errorf("UIDNEXT %d", s.UIDNext())
	}
	for uid, want := range map[mail.UID]string{1: "a: 1\n\none\n", 2: "a: 2\r\n\r\ntwo\r\n", 3: "a: 3\n\nthree\n"} {
		if got := w.read(mail.Inbox, uid); got != want {
			w.t.Errorf("message %d is %q, want %q", uid, got, want)
		}
	}
}

// allOrNone: what was given up leaves nothing, and spends no UID that is told.
func allOrNone(w *world) {
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen}, "x: 1\n\n")
	b, err := w.inbox().NewAppend()
	w.must(err)
	for range 3 {
		wr, err := b.Add(store.FlagSet{Flags: mail.Seen}, time.Time{})
		w.must(err)
		_, err = io.WriteString(wr, "x: never\n\n")
		w.must(err)
	}
	w.must(b.Abort())
	w.expect(mail.Inbox, "1 S")

	ended, cancel := context.WithCancel(w.ctx)
	cancel()
	if _, err := appendTo(ended, w.inbox(), store.FlagSet{}, "x: never\n\n", "x: never\n\n"); err == nil {
		w.t.Error("an append was done after its context had ended")
	}
	d, err := w.inbox().NewDelivery()
	w.must(err)
	_, err = io.WriteString(d, "x: never\n\n")
	w.must(err)
	w.must(d.Abort())
	w.expect(mail.Inbox, "1 S")
	if left, err := os.ReadDir(filepath.Join(w.dir, "tmp")); err != nil || len(left) > 0 {
		w.t.Errorf("left in tmp: %v, %v", left, err)
	}
}

func dates(w *world) {
	day := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	b, err := w.inbox().NewAppend()
	w.must(err)
	wr, err := b.Add(store.FlagSet{Flags: mail.Seen}, day)
	w.must(err)
	_, err = io.WriteString(wr, "a: 1\n\none\ntwo\n")
	w.must(err)
	_, err = b.Commit(w.ctx)
	w.must(err)
	w.file("cur/1000000002.b.h:2,S", "a: 1\r\n\r\n")
	check := func(uid mail.UID, size, stored int64) {
		w.t.Helper()
		st, err := w.inbox().Stat(w.ctx, uid)
		if err != nil || st.Size != size || st.Stored != stored {
			w.t.Errorf("Stat(%d) = %+v, %v", uid, st, err)
		}
		if uid == 1 && !st.Date.Equal(day) {
			w.t.Errorf("date %v", st.Date)
		}
		if n, err := w.inbox().Size(w.ctx, uid); err != nil || n != size {
			w.t.Errorf("Size(%d) = %d, %v", uid, n, err)
		}
	}
	w.expect(mail.Inbox, "1 S", "2 S")
	check(1, 18, 14)
	check(2, 8, 8)
	w.set(mail.Inbox, mail.Replace, mail.Flagged, nil, 1, 2)
	check(1, 18, 14)
	check(2, 8, 8)
}

func flags(w *world) {
	kw := func(names ...mail.Keyword) []mail.Keyword { return names }
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen, Keywords: kw("$Forwarded")}, "a\n", "b\n", "c\n")
	for _, c := range []struct {
		op   mail.Op
		f    mail.Flags
		kws  []mail.Keyword
		want string
	}{
		{mail.Add, mail.Flagged, kw("$FORWARDED", "Work"), "1 F S $Forwarded Work"},
		{mail.Add, mail.Flagged, nil, "1 F S $Forwarded Work"},
		{mail.Remove, mail.Seen, kw("$forwarded", "unheard"), "1 F Work"},
		{mail.Remove, mail.AllFlags, nil, "1 Work"},
		{mail.Replace, mail.Draft | mail.Answered, kw("Later"), "1 D R Later"},
		{mail.Replace, 0, nil, "1"},
		{mail.Add, mail.AllFlags, kw("work"), "1 D F R S T Work"},
	} {
		w.same(c.want, w.set(mail.Inbox, c.op, c.f, c.kws, 1, 99), 99)
		w.expect(mail.Inbox, c.want, "2 S $Forwarded", "3 S $Forwarded")
	}
	w.set(mail.Inbox, mail.Add, mail.Deleted, nil, 3, 2)
	s := w.expect(mail.Inbox, "1 D F R S T Work", "2 S T $Forwarded", "3 S T $Forwarded")
	if st := s.Status(); st.Deleted != 3 || st.Unseen != 0 {
		w.t.Errorf("status %+v", st)
	}
}

// manyKeywords: Dovecot's file has letters for 26. Whether there can be more is
// the store's affair; that it says so is not.
func manyKeywords(w *world) {
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen}, "a\n")
	want := []string{"1", "S"}
	for i := range 30 {
		kw := mail.Keyword(fmt.Sprintf("k%02d", i))
		c := store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Keywords: []mail.Keyword{kw}}}
		_, err := w.inbox().SetFlags(w.ctx, []mail.UID{1}, c)
		switch {
		case err == nil:
			want = append(want, string(kw))
		case i < 26 || store.KindOf(err) != store.Limit:
			w.t.Fatalf("keyword %d: %v", i+1, err)
		}
	}
	s := w.expect(mail.Inbox, strings.Join(want, " "))
	if got := len(s.MailboxKeywords()); got != len(want)-2 {
		w.t.Errorf("the mailbox has %d keywords, the message %d", got, len(want)-2)
	}
}

func readMessages(w *world) {
	w.file("new/1000000001.a.h", "Subject: x\n\nbody\n")
	w.file("cur/1000000002.b.h:2,S", "Subject: y\n\nbody\n")
	w.expect(mail.Inbox, "1 new", "2 S")
	// Nobody has synced since the files were renamed.
	w.move("new/1000000001.a.h", "cur/1000000001.a.h:2,FS")
	w.move("cur/1000000002.b.h:2,S", "cur/1000000002.b.h:2,T")
	for uid, want := range map[mail.UID]string{1: "Subject: x\n\nbody\n", 2: "Subject: y\n\nbody\n"} {
		if got := w.read(mail.Inbox, uid); got != want {
			w.t.Errorf("message %d is %q", uid, got)
		}
		if p, err := w.inbox().Structure(w.ctx, uid); err != nil || p == nil {
			w.t.Errorf("Structure(%d): %v", uid, err)
		}
	}
	for _, uid := range []mail.UID{3, 99} {
		_, err := w.inbox().OpenMessage(w.ctx, uid)
		w.kind("open", err, store.Gone)
		_, err = w.inbox().Stat(w.ctx, uid)
		w.kind("stat", err, store.Gone)
		_, err = w.inbox().Structure(w.ctx, uid)
		w.kind("structure", err, store.Gone)
	}
	w.remove("cur/1000000002.b.h:2,T")
	_, err := w.inbox().OpenMessage(w.ctx, 2)
	w.kind("open what was removed", err, store.Gone)
}

func copies(w *world) {
	w.must(w.account().Create(w.ctx, "Entwürfe.2024"))
	const out = "Entwürfe.2024"
	w.append(out, store.FlagSet{Keywords: []mail.Keyword{"other"}}, "first\n")
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen, Keywords: []mail.Keyword{"red"}}, "a\n", "b\n")
	w.sync(mail.Inbox)
	dst := w.box(out)
	c, err := w.opened(mail.Inbox).Copy(w.ctx, []mail.UID{1, 2, 77}, dst)
	w.must(err)
	w.same("sources", c.Src, 1, 2)
	w.same("copies", c.Dst, 2, 3)
	s := w.sync(out)
	if got, want := strings.Join(stripNew(show(s)), "|"), "1 other|2 S red|3 S red"; got != want || c.UIDValidity != s.UIDValidity() {
		w.t.Errorf("copied: %s, want %s", got, want)
	}
	if got := w.read(out, 3); got != "b\n" {
		w.t.Errorf("the copy is %q", got)
	}
	in := w.inbox()
	before, err := in.Stat(w.ctx, 1)
	w.must(err)
	_, err = in.Copy(w.ctx, []mail.UID{1}, in)
	w.must(err)
	w.expect(mail.Inbox, "1 S red", "2 S red", "3 S red")
	if st, err := w.inbox().Stat(w.ctx, 3); err != nil || st.Size != before.Size || !st.Date.Equal(before.Date) {
		w.t.Errorf("the copy has %+v, %v; its source %+v", st, err, before)
	}
	w.must(w.inbox().Expunge(w.ctx, []mail.UID{1, 2}))
	w.expect(mail.Inbox, "3 S red")
	if got := w.read(mail.Inbox, 3); got != "a\n" {
		w.t.Errorf("the copy is %q after its source was expunged", got)
	}
}

// stripNew leaves out who is in new: where copies and appended messages lie is
// not promised.
func stripNew(lines []string) []string {
	for i, l := range lines {
		lines[i] = strings.Replace(l, " new", "", 1)
	}
	return lines
}

// expunges: exactly what was named goes, whatever else is marked.
func expunges(w *world) {
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Deleted}, "a\n", "b\n", "c\n", "d\n")
	w.expect(mail.Inbox, "1 T", "2 T", "3 T", "4 T")
	w.must(w.inbox().Expunge(w.ctx, []mail.UID{2, 4, 99}))
	w.expect(mail.Inbox, "1 T", "3 T")
	w.must(w.inbox().Expunge(w.ctx, []mail.UID{2}))
	w.same("flags of expunged messages", w.set(mail.Inbox, mail.Add, mail.Seen, nil, 1, 2, 4), 2, 4)
	w.same("the next UID", w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen}, "e\n"), 5)
	s := w.expect(mail.Inbox, "1 S T", "3 T", "5 S")
	if n := len(w.files(w.dir)); n != 3 || s.UIDNext() != 6 {
		w.t.Errorf("%d files, UIDNEXT %d", n, s.UIDNext())
	}
}

func claims(w *world) {
	w.file("new/1000000001.a.h", "a\n")
	w.file("new/1000000002.b.h", "b\n")
	w.file("cur/1000000003.c.h:2,", "c\n")
	w.expect(mail.Inbox, "1 new", "2 new", "3")
	got, err := w.inbox().ClaimRecent(w.ctx)
	w.must(err)
	slices.Sort(got)
	w.same("claimed", got, 1, 2)
	got, err = w.inbox().ClaimRecent(w.ctx)
	w.must(err)
	w.same("claimed again", got)
	s := w.expect(mail.Inbox, "1", "2", "3")
	if s.Status().Recent != 0 {
		w.t.Errorf("status %+v", s.Status())
	}
}
