package storetest

import (
	"os"
	"path/filepath"
	"slices"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// modseqs: every change of flags has a modseq greater than all before (RFC 7162
// section 3.1), whoever made it; what changed and what went since any of them can
// be asked (section 3.2.10). If the index was lost, the answers may say more than
// changed, and never less. (Who puts an old index back promises nothing: a flag
// that changed and changed back in between looks as if it had not.)
func modseqs(w *world) {
	if w.weather.name == ancient {
		return
	}
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen}, "a\n", "b\n", "c\n", "d\n")
	steps := []*store.Snapshot{w.sync(mail.Inbox)}
	for _, step := range []func(){
		func() { w.set(mail.Inbox, mail.Add, mail.Flagged, nil, 2) },
		func() { w.must(w.inbox().Expunge(w.ctx, []mail.UID{3})) },
		func() { w.foreign(2, ":2,S") },
		func() { w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen}, "e\n") },
		func() { w.set(mail.Inbox, mail.Add, 0, []mail.Keyword{"kw"}, 1, 5) },
		func() { w.must(w.inbox().Expunge(w.ctx, []mail.UID{5})) },
	} {
		step()
		steps = append(steps, w.sync(mail.Inbox))
	}
	for i, old := range steps {
		if i > 0 && old.HighestModSeq() <= steps[i-1].HighestModSeq() {
			w.t.Errorf("step %d: HIGHESTMODSEQ was %d, is %d", i, steps[i-1].HighestModSeq(), old.HighestModSeq())
		}
		for _, now := range steps[i:] {
			w.compare(old, now)
		}
	}
}

// foreign renames the file of a message.
func (w *world) foreign(uid mail.UID, info string) {
	w.t.Helper()
	s := w.sync(mail.Inbox)
	i, _ := s.Find(uid)
	for _, f := range w.files(w.dir) {
		if base := s.Base(i); len(f) >= 4+len(base) && f[4:4+len(base)] == base {
			w.move(f, "cur/"+base+info)
		}
	}
}

// compare holds what a snapshot says of its changes since an older one against
// the two.
func (w *world) compare(old, now *store.Snapshot) {
	w.t.Helper()
	changed, since := now.ChangedSince(old.HighestModSeq()), now.Since(old)
	gone := func(uid mail.UID) bool {
		return slices.ContainsFunc(now.VanishedSince(old.HighestModSeq()), func(r store.UIDRange) bool { return r.Lo <= uid && uid <= r.Hi })
	}
	for i, uid := range now.UIDs() {
		if gone(uid) {
			w.t.Errorf("UID %d is said to have vanished", uid)
		}
		j, was := old.Find(uid)
		same := was && old.Flags(j) == now.Flags(i) && slices.Equal(old.Keywords(j), now.Keywords(i))
		if !same && !slices.Contains(changed, i) {
			w.t.Errorf("ChangedSince(%d) = %v, without UID %d", old.HighestModSeq(), changed, uid)
		}
		if was && same == slices.Contains(since.Changed, i) {
			w.t.Errorf("Since: changed %v, UID %d is the same: %t", since.Changed, uid, same)
		}
	}
	for j, uid := range old.UIDs() {
		_, is := now.Find(uid)
		if !is && !gone(uid) {
			w.t.Errorf("VanishedSince(%d) does not tell of UID %d", old.HighestModSeq(), uid)
		}
		if is == slices.Contains(since.Expunged, j) {
			w.t.Errorf("Since: expunged %v, UID %d is there: %t", since.Expunged, uid, is)
		}
	}
}

// conditional: UNCHANGEDSINCE keeps its hands off what somebody else has changed
// (RFC 7162 section 3.1.3).
func conditional(w *world) {
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen}, "a\n", "b\n", "c\n")
	since := w.sync(mail.Inbox).HighestModSeq()
	w.foreign(2, ":2,FS")
	c := store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Draft}}
	if w.inbox(); w.forgetful {
		since = w.sync(mail.Inbox).HighestModSeq() // all messages were given new ones
		w.foreign(2, ":2,S")
		w.foreign(2, ":2,FS")
	}
	m := w.opened(mail.Inbox)
	_, err := m.Sync(w.ctx)
	w.must(err)
	got, err := m.SetFlagsIf(w.ctx, []mail.UID{1, 2, 9}, c, since)
	w.must(err)
	if !w.forgetful {
		w.same("modified", got.Modified, 2)
		w.expect(mail.Inbox, "1 D S", "2 F S", "3 S")
	}
	w.same("missing", got.Missing, 9)
}

func moves(w *world) {
	w.must(w.account().Create(w.ctx, "x"))
	w.append("x", store.FlagSet{Keywords: []mail.Keyword{"other"}, Flags: mail.Draft}, "first\n")
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen, Keywords: []mail.Keyword{"red"}}, "a\n", "b\n", "c\n")
	w.expect(mail.Inbox, "1 S red", "2 S red", "3 S red")
	before, err := w.inbox().Stat(w.ctx, 3)
	w.must(err)
	dst := w.box("x")
	c, err := w.opened(mail.Inbox).Move(w.ctx, []mail.UID{1, 3, 77}, dst)
	w.must(err)
	w.same("sources", c.Src, 1, 3)
	w.same("moved", c.Dst, 2, 3)
	w.expect(mail.Inbox, "2 S red")
	if s := w.expect("x", "1 D other", "2 S red", "3 S red"); s.UIDValidity() != c.UIDValidity {
		w.t.Errorf("moved to UIDVALIDITY %d, it is %d", c.UIDValidity, s.UIDValidity())
	}
	if got := w.read("x", 3); got != "c\n" {
		w.t.Errorf("moved message is %q", got)
	}
	if st, err := w.box("x").Stat(w.ctx, 3); err != nil || st.Size != before.Size || !st.Date.Equal(before.Date) {
		w.t.Errorf("moved message has %+v, %v; had %+v", st, err, before)
	}
	// Back again it is a new message.
	src := w.box("x")
	c, err = src.Move(w.ctx, []mail.UID{3}, w.opened(mail.Inbox))
	w.must(err)
	w.same("moved back", c.Dst, 4)
	w.expect(mail.Inbox, "2 S red", "4 S red")
	w.expect("x", "1 D other", "2 S red")
}

// movesBesideLink: another server has copied a message by a hard link of the same
// name, as Dovecot does, and changed the flags of the copy. The original, moved
// there, is a message beside it.
func movesBesideLink(w *world) {
	w.must(w.account().Create(w.ctx, "x"))
	w.file("cur/1000000001.a.h:2,S", "a\n")
	w.expect(mail.Inbox, "1 S")
	w.must(os.Link(filepath.Join(w.dir, "cur/1000000001.a.h:2,S"), filepath.Join(w.dir, w.folder("x"), "cur/1000000001.a.h:2,D")))
	w.expect("x", "1 D")
	c, err := w.opened(mail.Inbox).Move(w.ctx, []mail.UID{1}, w.box("x"))
	w.must(err)
	w.same("moved", c.Dst, 2)
	w.expect("x", "1 D", "2 S")
	w.expect(mail.Inbox)
	if files := w.files(filepath.Join(w.dir, w.folder("x"))); len(files) != 2 {
		w.t.Errorf("the files are %q", files)
	}
	c, err = w.opened("x").Move(w.ctx, []mail.UID{1, 2}, w.box(mail.Inbox))
	w.must(err)
	w.same("moved back", c.Dst, 2, 3)
	w.expect(mail.Inbox, "2 D", "3 S")
}
