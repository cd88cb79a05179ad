package clients

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"fantail/internal/mail"
	"fantail/internal/mutf7"
	"fantail/test/site"
)

// goimap is the client of go-imap, a library of Go, and what it was told unasked.
type goimap struct {
	*imapclient.Client
	t *testing.T

	mu       sync.Mutex
	count    uint32 // EXISTS
	expunged []uint32
}

// goimap connects and logs in.
func (in *installation) goimap(t *testing.T) *goimap {
	t.Helper()
	g := &goimap{t: t}
	c, err := imapclient.DialTLS(in.imaps, &imapclient.Options{
		TLSConfig: &tls.Config{InsecureSkipVerify: true}, // curl_test.go checks the certificate
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{
			Expunge: func(n uint32) {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.expunged = append(g.expunged, n)
				g.count--
			},
			Mailbox: func(data *imapclient.UnilateralDataMailbox) {
				g.mu.Lock()
				defer g.mu.Unlock()
				if data.NumMessages != nil {
					g.count = *data.NumMessages
				}
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the test has logged out
	if err := c.Login(site.Account, site.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	g.Client = c
	return g
}

// must fails the test on an error.
func (g *goimap) must(what string, err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatalf("%s: %v", what, err)
	}
}

// waits until what was told unasked is so.
func (g *goimap) waits(what string, f func() bool) {
	g.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		g.mu.Lock()
		ok := f()
		g.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			g.t.Fatalf("it was never told %s", what)
		}
	}
}

// TestGoIMAPReads: every message of every mailbox as the client of go-imap gets it,
// with envelope and structure parsed.
func TestGoIMAPReads(t *testing.T) {
	t.Parallel()
	in := install(t)
	g := in.goimap(t)
	all := in.mailboxes(t)
	lists, err := g.List("", "*", &imap.ListOptions{ReturnStatus: statusFor(g)}).Collect()
	g.must("LIST", err)
	lists = slices.DeleteFunc(lists, func(l *imap.ListData) bool { return slices.Contains(l.Attrs, imap.MailboxAttrNonExistent) })
	if len(lists) != len(all) {
		t.Errorf("%d mailboxes, there are %d", len(lists), len(all))
	}
	for _, l := range lists {
		files, ok := all[mutf7.Encode(l.Mailbox)]
		if !ok {
			t.Errorf("a mailbox %s", l.Mailbox)
			continue
		}
		if l.Status != nil && (l.Status.NumMessages == nil || int(*l.Status.NumMessages) != len(files)) {
			t.Errorf("%s: %+v, there are %d messages", l.Mailbox, l.Status, len(files))
		}
		g.compare(l.Mailbox, files)
	}
	g.must("LOGOUT", g.Logout().Wait())
}

// statusFor asks LIST for the number of messages where the server can tell it.
func statusFor(g *goimap) *imap.StatusOptions {
	if !g.Caps().Has(imap.CapListStatus) {
		return nil
	}
	return &imap.StatusOptions{NumMessages: true}
}

// compare fetches a mailbox and compares it with its files.
func (g *goimap) compare(name string, files []stored) {
	t := g.t
	t.Helper()
	box, err := g.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	g.must("EXAMINE "+name, err)
	if int(box.NumMessages) != len(files) {
		t.Fatalf("%s: %d messages, there are %d", name, box.NumMessages, len(files))
	}
	if len(files) == 0 {
		return
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	got, err := g.Fetch(imap.SeqSet{imap.SeqRange{Start: 1, Stop: 0}}, &imap.FetchOptions{
		UID: true, Flags: true, Envelope: true, InternalDate: true, RFC822Size: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, BodySection: []*imap.FetchItemBodySection{whole},
	}).Collect()
	g.must("FETCH of "+name, err)
	if len(got) != len(files) {
		t.Fatalf("%s: %d messages were fetched, there are %d", name, len(got), len(files))
	}
	rest := slices.Clone(files)
	for _, m := range got {
		data := m.FindBodySection(whole)
		i := slices.IndexFunc(rest, func(f stored) bool { return f.data == unix(data) && f.date.Equal(m.InternalDate) })
		if i < 0 {
			t.Errorf("%s: UID %d is none of the files", name, m.UID)
			continue
		}
		var flags []string
		for _, f := range m.Flags {
			if strings.HasPrefix(string(f), `\`) && f != `\Recent` {
				flags = append(flags, string(f))
			}
		}
		slices.Sort(flags)
		if want := flagsOf(rest[i].system()); !slices.Equal(flags, want) && len(flags)+len(want) > 0 {
			t.Errorf("%s: UID %d has %q, want %q", name, m.UID, flags, want)
		}
		if m.RFC822Size != int64(len(data)) || m.Envelope == nil || m.BodyStructure == nil {
			t.Errorf("%s: UID %d has size %d of %d, envelope %v, structure %v", name, m.UID, m.RFC822Size, len(data), m.Envelope, m.BodyStructure)
		}
		rest = slices.Delete(rest, i, i+1)
	}
}

// TestGoIMAPWorks: what a program does with the library: append, search, flag, copy,
// move, expunge, and idle while mail comes and another client expunges.
func TestGoIMAPWorks(t *testing.T) {
	t.Parallel()
	in := install(t)
	g := in.goimap(t)
	before := in.mailboxes(t)
	g.must("CREATE", g.Create("Worked", nil).Wait())
	box, err := g.Select(mail.Inbox, nil).Wait()
	g.must("SELECT", err)

	text := "From: a@example.org\r\nSubject: from go-imap\r\nMessage-ID: <goimap@example.org>\r\n\r\nGrüße\r\n"
	date := time.Date(2025, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	a := g.Append(mail.Inbox, int64(len(text)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen, "$Work"}, Time: date})
	_, err = io.WriteString(a, text)
	g.must("literal", err)
	g.must("literal", a.Close())
	appended, err := a.Wait()
	g.must("APPEND", err)
	if appended.UIDValidity != box.UIDValidity || appended.UID != box.UIDNext {
		t.Errorf("APPENDUID %+v, selected %+v", appended, box)
	}
	found, err := g.UIDSearch(&imap.SearchCriteria{
		Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "FROM GO-imap"}}, Flag: []imap.Flag{"$Work"},
	}, &imap.SearchOptions{ReturnAll: true, ReturnCount: g.Caps().Has(imap.CapESearch)}).Wait()
	g.must("UID SEARCH", err)
	if uids := found.AllUIDs(); !slices.Equal(uids, []imap.UID{appended.UID}) {
		t.Errorf("found %v", uids)
	}
	set := imap.UIDSetNum(appended.UID)
	told, err := g.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Collect()
	g.must("STORE", err)
	if len(told) != 1 || !slices.Contains(told[0].Flags, imap.FlagFlagged) || told[0].UID != appended.UID {
		t.Errorf("STORE told %+v", told)
	}
	copied, err := g.Copy(set, "Worked").Wait()
	g.must("COPY", err)
	if copied.SourceUIDs.String() != set.String() || copied.DestUIDs.String() != "1" {
		t.Errorf("COPYUID %+v", copied)
	}
	moved, err := g.Move(imap.UIDSetNum(2, 4), "Worked").Wait()
	g.must("MOVE", err)
	if set, ok := moved.DestUIDs.(imap.UIDSet); !ok || set.String() != "2:3" {
		t.Errorf("MOVE: %+v", moved)
	}
	_, err = g.Store(imap.UIDSetNum(6), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Collect()
	g.must("STORE", err)
	gone, err := g.UIDExpunge(imap.UIDSetNum(6, 7)).Collect()
	g.must("UID EXPUNGE", err)
	if len(gone) != 1 {
		t.Errorf("expunged %v", gone)
	}
	g.idles(in)
	g.must("LOGOUT", g.Logout().Wait())

	after := in.mailboxes(t)
	inbox, worked := after[mail.Inbox], after["Worked"]
	// Two are new; two were moved and two expunged.
	if n := len(before[mail.Inbox]); len(inbox) != n-2 || len(worked) != 3 {
		t.Errorf("%d messages in INBOX, %d in the other, there were %d", len(inbox), len(worked), n)
	}
	m := only(t, inbox, "appended", withText("from go-imap"))
	if m.data != unix([]byte(text)) || !m.date.Equal(date) || m.system() != "FS" {
		t.Errorf("appended as %+v", m)
	}
	only(t, worked, "copied", withText("from go-imap"))
	for _, i := range []int{1, 3} {
		if !slices.ContainsFunc(worked, func(m stored) bool { return m.data == before[mail.Inbox][i].data }) {
			t.Errorf("message %d was not moved", i+1)
		}
	}
}

// idles has the client idle while a message comes and another one goes.
func (g *goimap) idles(in *installation) {
	t := g.t
	t.Helper()
	g.must("NOOP", g.Noop().Wait())
	count := g.Mailbox().NumMessages
	idle, err := g.Idle()
	g.must("IDLE", err)
	g.mu.Lock()
	g.expunged = nil
	g.mu.Unlock()
	if err := in.Deliver(t.Context(), []byte("Subject: while it idles\n\nhello\n")); err != nil {
		t.Fatal(err)
	}
	g.waits("of the arrival", func() bool { return g.count == count+1 })
	k := in.talk(t)
	k.do("SELECT INBOX")
	k.do("STORE 1 +FLAGS (\\Deleted)")
	k.do("EXPUNGE")
	k.logout()
	g.waits("of the expunge", func() bool { return slices.Equal(g.expunged, []uint32{1}) })
	g.must("DONE", idle.Close())
	g.must("IDLE", idle.Wait())
}

// open selects a mailbox, whose messages are counted from then on.
func (g *goimap) open(name string) {
	g.t.Helper()
	box, err := g.Select(name, nil).Wait()
	g.must("SELECT", err)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count = box.NumMessages
}

// counts asks for what is new and returns how many messages the client knows of.
func (g *goimap) counts() (int, error) {
	err := g.Noop().Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return int(g.count), err
}

// follow idles and looks at all messages by turns until ctx ends. Each must be there
// once.
func (g *goimap) follow(ctx context.Context) error {
	for ctx.Err() == nil {
		idle, err := g.Idle()
		if err != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond)
		if err := errors.Join(idle.Close(), idle.Wait()); err != nil {
			return err
		}
		all, err := g.Fetch(imap.SeqSet{imap.SeqRange{Start: 1, Stop: 0}}, &imap.FetchOptions{UID: true, Flags: true}).Collect()
		if err != nil {
			return err
		}
		var uids []imap.UID
		for _, m := range all {
			if m.UID != 0 { // else it was told of flags alone
				uids = append(uids, m.UID)
			}
		}
		slices.Sort(uids)
		if n := len(uids); n != len(slices.Compact(uids)) {
			return fmt.Errorf("of %d UIDs some came twice", n)
		}
	}
	return nil
}
