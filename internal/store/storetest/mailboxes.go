package storetest

import (
	"fmt"
	"path/filepath"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// names lists the mailboxes: "-" exists only as a name, "+" has children, "*" is
// subscribed; then the special use.
func (w *world) names() string {
	w.t.Helper()
	infos, err := w.account().List(w.ctx)
	w.must(err)
	var all []string
	for _, i := range infos {
		s := i.Name
		for _, mark := range []struct {
			is bool
			as string
		}{{i.NoSelect, "-"}, {i.HasChildren, "+"}, {i.Subscribed, "*"}} {
			if mark.is {
				s += mark.as
			}
		}
		all = append(all, s+strings.Join(i.SpecialUse, ""))
	}
	return strings.Join(all, " ")
}

// name is a mailbox name whose levels are separated by dots, as this account has it.
func (w *world) name(dotted string) string {
	return strings.ReplaceAll(dotted, ".", string(w.acct.Delimiter()))
}

// folder is the directory of a mailbox in the account's.
func (w *world) folder(name string) string {
	if w.acct.Delimiter() == '.' {
		return "." + name
	}
	return name
}

// expectNames compares names with a list, in which dots are delimiters.
func (w *world) expectNames(want string) {
	w.t.Helper()
	if got, want := w.names(), w.name(want); got != want {
		w.t.Errorf("mailboxes %s, want %s", got, want)
	}
}

func mailboxes(w *world) {
	must, kind := w.must, w.kind
	ab, abc, z, zyb := w.name("a.b"), w.name("a.b.c"), w.name("z"), w.name("z.y.b")
	must(w.account().Create(w.ctx, "Sent"))
	must(w.account().Create(w.ctx, w.name("a.b.c.")))
	w.expectNames(`INBOX Sent\Sent a-+ a.b-+ a.b.c`)
	kind("create twice", w.account().Create(w.ctx, "Sent"), store.Exists)
	kind("create INBOX", w.account().Create(w.ctx, "inbox"), store.Exists)
	bads := []string{"", w.name("."), w.name("a..b"), w.name(".a"), w.name(".."), "..", "/x", "a\x00b", "a\nb", "\xff", strings.Repeat("x", 300)}
	if w.acct.Delimiter() == '.' {
		bads = append(bads, "a/b")
	} else {
		bads = append(bads, ".a", "a/.b", "cur", "a/new", "a/tmp/b", "subscriptions", "fantail.log", "dovecot-uidlist", strings.Repeat("x/", 16)+"x")
	}
	for _, bad := range bads {
		kind(fmt.Sprintf("create %q", bad), w.account().Create(w.ctx, bad), store.Invalid)
	}
	kind("delete INBOX", w.account().Delete(w.ctx, "Inbox"), store.Invalid)
	kind("delete a name", w.account().Delete(w.ctx, "a"), store.Invalid)
	kind("delete none", w.account().Delete(w.ctx, "none"), store.NotFound)
	_, err := w.account().Open(w.ctx, "none")
	kind("open none", err, store.NotFound)
	_, err = w.account().Open(w.ctx, "../x")
	kind("open a path", err, store.NotFound)
	_, err = w.account().Status(w.ctx, "none", store.StatusNeeds{})
	kind("status of none", err, store.NotFound)

	must(w.account().Create(w.ctx, ab))
	w.append(abc, store.FlagSet{Flags: mail.Seen, Keywords: []mail.Keyword{"kw"}}, "x\n")
	before := w.expect(abc, "1 S kw")
	w.account() // weather: only now, so that the mailbox below is open when it moves
	m := w.opened(abc)
	_, err = m.Sync(w.ctx)
	must(err)
	must(w.acct.Rename(w.ctx, "a", w.name("z.y")))
	_, err = m.Sync(w.ctx)
	kind("sync of a renamed mailbox", err, store.Gone)
	if m.Current() {
		w.t.Error("a renamed mailbox is current")
	}
	w.forget(abc)
	w.expectNames(`INBOX Sent\Sent z-+ z.y-+ z.y.b+ z.y.b.c`)
	after := w.expect(zyb+w.name(".c"), "1 S kw")
	if after.UIDValidity() != before.UIDValidity() || after.GUID() != before.GUID() || after.UIDNext() != before.UIDNext() {
		w.t.Error("a rename changed UIDVALIDITY, GUID or UIDNEXT")
	}
	kind("rename below itself", w.account().Rename(w.ctx, z, w.name("z.y.x")), store.Invalid)
	kind("rename to existing", w.account().Rename(w.ctx, "Sent", zyb), store.Exists)
	kind("rename none", w.account().Rename(w.ctx, "none", "n"), store.NotFound)
	w.forget(zyb)
	must(w.account().Delete(w.ctx, zyb))
	w.expectNames(`INBOX Sent\Sent z-+ z.y-+ z.y.b-+ z.y.b.c`)
	w.expect(zyb+w.name(".c"), "1 S kw")
}

func subscriptions(w *world) {
	for _, name := range []string{"one", w.name("Entwürfe.2024"), "gone"} {
		w.must(w.account().Subscribe(w.ctx, name, true))
	}
	w.must(w.account().Create(w.ctx, "one"))
	w.must(w.account().Subscribe(w.ctx, "one", true))
	w.must(w.account().Subscribe(w.ctx, "never", false))
	w.expectNames("INBOX one*")
	w.must(w.account().Subscribe(w.ctx, "one", false))
	w.expectNames("INBOX one")
	got, err := w.account().Subscriptions(w.ctx)
	w.must(err)
	if s := strings.Join(got, " "); s != w.name("Entwürfe.2024 gone") {
		w.t.Errorf("subscriptions %s", s)
	}
	w.kind("subscribe to no name", w.account().Subscribe(w.ctx, w.name("a..b"), true), store.Invalid)
}

// newValidity: a mailbox that was deleted and made again is another one (RFC 9051
// section 2.3.1.1).
func newValidity(w *world) {
	var last *store.Snapshot
	for range 3 {
		w.must(w.account().Create(w.ctx, "x"))
		s := w.expect("x")
		if last != nil && (s.UIDValidity() <= last.UIDValidity() || s.GUID() == last.GUID()) {
			w.t.Errorf("UIDVALIDITY %d, GUID %s; the deleted one had %d, %s", s.UIDValidity(), s.GUID(), last.UIDValidity(), last.GUID())
		}
		w.same("the first UID", w.append("x", store.FlagSet{Flags: mail.Seen}, "a\n"), 1)
		last = w.expect("x", "1 S")
		w.account()
		m := w.opened("x")
		_, err := m.Sync(w.ctx)
		w.must(err)
		w.must(w.acct.Delete(w.ctx, "x"))
		_, err = m.Sync(w.ctx)
		w.kind("sync of a deleted mailbox", err, store.Gone)
		w.forget("x")
		w.expectNames("INBOX")
	}
}

func renameInbox(w *world) {
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Flagged, Keywords: []mail.Keyword{"kw"}}, "a\n", "b\n")
	w.expect(mail.Inbox, "1 F kw", "2 F kw")
	w.must(w.account().Rename(w.ctx, "INBOX", "old"))
	w.expect(mail.Inbox)
	w.expect("old", "1 F kw", "2 F kw")
	w.same("the next UID", w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen}, "c\n"), 3)
	w.expect(mail.Inbox, "3 S")
	if got := w.read("old", 2); got != "b\n" {
		w.t.Errorf("moved message is %q", got)
	}
	if n := len(w.files(filepath.Join(w.dir, w.folder("old")))); n != 2 {
		w.t.Errorf("%d files", n)
	}
}
