package storetest

import (
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// readOnly: a Maildir that can only be read, from a backup or another account,
// can be read. What would change it is Denied and changes nothing. A message
// without a UID is not shown, since its UID could not be on disk before a client
// sees it: a sync leaves it out, or is Denied.
func readOnly(w *world) {
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen, Keywords: []mail.Keyword{"kw"}}, "a: b\n\nc\n", "b\n")
	w.must(w.account().Create(w.ctx, "other"))
	w.sync("other")
	w.file("new/1000000001.new.h", "c\n")
	w.expect(mail.Inbox, "1 S kw", "2 S kw", "3 new")
	before := w.files(w.dir)

	w.readOnlyOn()
	w.reopen(func() {})
	w.expect(mail.Inbox, "1 S kw", "2 S kw", "3 new")
	w.expect("other")
	if got := w.read(mail.Inbox, 1); got != "a: b\n\nc\n" {
		w.t.Errorf("message 1 is %q", got)
	}
	if st, err := w.inbox().Stat(w.ctx, 1); err != nil || st.Stored != 8 || st.Size != 11 {
		w.t.Errorf("Stat = %+v, %v", st, err)
	}
	if st, err := w.account().Status(w.ctx, mail.Inbox, store.StatusNeeds{}); err != nil || st.Messages != 3 || st.UIDNext != 4 {
		w.t.Errorf("Status = %+v, %v", st, err)
	}
	w.expectNames("INBOX other")
	w.refused()
	if after := w.files(w.dir); !slices.Equal(after, before) {
		w.t.Errorf("files %v, before %v", after, before)
	}
	w.expect(mail.Inbox, "1 S kw", "2 S kw", "3 new")
	w.readOnlyOff()

	w.file("cur/1000000002.later.h:2,", "d\n")
	w.readOnlyOn()
	w.reopen(func() {})
	s, err := w.inbox().Sync(w.ctx)
	if err == nil && (s.Len() != 3 || s.UIDNext() != 4) {
		w.t.Errorf("a UID was given that cannot be on disk: %v", show(s))
	}
	if err != nil {
		w.kind("sync", err, store.Denied)
	}
	w.readOnlyOff()
	w.reopen(func() {})
	w.expect(mail.Inbox, "1 S kw", "2 S kw", "3 new", "4")
}

// refused tries everything that would change the account.
func (w *world) refused() {
	w.t.Helper()
	m, a := w.inbox(), w.account()
	_, err := m.SetFlags(w.ctx, []mail.UID{1}, store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Draft}})
	w.kind("change flags", err, store.Denied)
	_, err = m.SetFlags(w.ctx, []mail.UID{1}, store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Keywords: []mail.Keyword{"new"}}})
	w.kind("define a keyword", err, store.Denied)
	_, err = appendTo(w.ctx, m, store.FlagSet{}, "x\n")
	w.kind("append", err, store.Denied)
	_, err = m.Copy(w.ctx, []mail.UID{1}, m)
	w.kind("copy", err, store.Denied)
	w.kind("expunge", m.Expunge(w.ctx, []mail.UID{1}), store.Denied)
	_, err = m.ClaimRecent(w.ctx)
	w.kind("claim recent", err, store.Denied)
	d, err := m.NewDelivery()
	if err == nil {
		err = d.Commit(w.ctx)
	}
	w.kind("deliver", err, store.Denied)
	w.kind("create", a.Create(w.ctx, "x"), store.Denied)
	w.kind("delete", a.Delete(w.ctx, "other"), store.Denied)
	w.kind("rename", a.Rename(w.ctx, "other", "y"), store.Denied)
	w.kind("subscribe", a.Subscribe(w.ctx, "other", true), store.Denied)
}

// readOnlyOn makes the account's files read-only: for root, whom no mode stops,
// by a mount.
func (w *world) readOnlyOn() {
	w.t.Helper()
	w.peer = nil
	if os.Geteuid() != 0 {
		w.chmodAll(0o500)
		w.t.Cleanup(func() { w.chmodAll(0o700) })
		return
	}
	err := unix.Mount(w.dir, w.dir, "", unix.MS_BIND, "")
	if err == nil {
		w.t.Cleanup(func() { unix.Unmount(w.dir, unix.MNT_DETACH) }) // it may be gone already
		err = unix.Mount("", w.dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	}
	if err != nil {
		w.t.Skip("this root may not mount: ", err)
	}
}

func (w *world) readOnlyOff() {
	w.t.Helper()
	if os.Geteuid() != 0 {
		w.chmodAll(0o700)
		return
	}
	// Descriptors of the account are still open in the mount.
	w.must(unix.Unmount(w.dir, unix.MNT_DETACH))
}

func (w *world) chmodAll(mode os.FileMode) {
	w.t.Helper()
	for _, pattern := range []string{"", "*", ".*"} {
		paths, err := filepath.Glob(filepath.Join(w.dir, pattern))
		w.must(err)
		for _, p := range paths {
			st, err := os.Lstat(p)
			w.must(err)
			switch {
			case st.IsDir():
				w.must(os.Chmod(p, mode))
			default:
				w.must(os.Chmod(p, mode&0o600))
			}
		}
	}
}
