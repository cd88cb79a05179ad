package imap_test

import (
	"slices"
	"strings"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// showNotify writes the arguments of NOTIFY as a client does.
func showNotify(t testing.TB, utf8 bool) func(imap.NotifyArgs) string {
	return func(a imap.NotifyArgs) string {
		if len(a.Groups) == 0 {
			return " NONE"
		}
		out := " SET"
		if a.Status {
			out += " STATUS"
		}
		for _, g := range a.Groups {
			out += " (" + string(g.Filter)
			if g.Filter == imap.NotifySubtree || g.Filter == imap.NotifyMailboxes {
				names := list(g.Mailboxes, func(name string) string {
					return encode(t, utf8, func(e *wire.Encoder) { imap.WriteMailbox(e, name) })
				})
				if len(g.Mailboxes) == 0 {
					names = "&" // which is none
				}
				out += " " + names
			}
			out += " " + showEvents(g) + ")"
		}
		return out
	}
}

func showEvents(g imap.NotifyGroup) string {
	if g.Events == 0 {
		return "NONE"
	}
	words := g.Events.Names()
	if g.Events&imap.NotifyUnknown != 0 {
		words = append(words, "Unknown")
	}
	if i := slices.Index(words, "MessageNew"); i >= 0 && len(g.Fetch) > 0 {
		words[i] += " " + list(g.Fetch, showItem)
	}
	return "(" + strings.Join(words, " ") + ")"
}

func TestScanNotify(t *testing.T) {
	const both = "MessageNew MessageExpunge"
	for _, c := range []struct{ in, want, err string }{
		{" NONE", " NONE", ""},
		{" none", " NONE", ""},
		{" SET (personal NONE)", " SET (personal NONE)", ""},
		{" set status (Selected (messagenew (uid body.peek[header.fields (from)]) messageexpunge))",
			" SET STATUS (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (from)]) MessageExpunge))", ""},
		{" SET (selected-delayed (MessageExpunge FlagChange MessageNew))", " SET (selected-delayed (" + both + " FlagChange))", ""},
		{" SET (selected (MessageExpunge MessageNew (UID)))", " SET (selected (MessageNew (UID) MessageExpunge))", ""},
		{" SET (subtree a (MailboxName)) (mailboxes (inbox \"b c\") (" + both + "))",
			` SET (subtree (a) (MailboxName)) (mailboxes (INBOX "b c") (` + both + "))", ""},
		{" SET (mailboxes (&bad x) (" + both + "))", " SET (mailboxes (x) (" + both + "))", ""},
		{" SET (subscribed (SubscriptionChange)) (inboxes (ServerMetadataChange MailboxMetadataChange))",
			" SET (subscribed (SubscriptionChange)) (inboxes (MailboxMetadataChange ServerMetadataChange))", ""},
		{" SET (personal (Foo AnnotationChange " + both + "))", " SET (personal (" + both + " AnnotationChange Unknown))", ""},

		{"", "", "syntax"},
		{" ", "", "syntax"},
		{" SET", "", "syntax"},
		{" SET ", "", "syntax"},
		{" SET STATUS", "", "syntax"},
		{" NONE ", "", "syntax"},
		{" SETX (personal NONE)", "", "syntax"},
		{" SET (personal NONE) ", "", "syntax"},
		{" SET (personal)", "", "syntax"},
		{" SET (personal ())", "", "syntax"},
		{" SET (everything NONE)", "", "syntax"},
		{" SET (mailboxes () NONE)", "", "syntax"},
		{" SET (personal (MessageNew))", "", "syntax"},
		{" SET (personal (MessageExpunge))", "", "syntax"},
		{" SET (personal (FlagChange))", "", "syntax"},
		{" SET (personal (MessageNew FlagChange))", "", "syntax"},
		{" SET (personal (AnnotationChange))", "", "syntax"},
		{" SET (personal (MessageNew (UID) MessageExpunge))", "", "syntax"},
		{" SET (selected (MessageNew () MessageExpunge))", "", "syntax"},
		{" SET (selected (MessageNew (ALL) MessageExpunge))", "", "syntax"},
		{" SET (selected (MailboxName))", "", "syntax"},
		{" SET (selected (" + both + " MailboxName))", "", "syntax"},
		{" SET (selected NONE) (selected NONE)", "", "syntax"},
		{" SET (selected NONE) (selected-delayed NONE)", "", "syntax"},
		{" SET (personal (MailboxName ))", "", "syntax"},
		{" SET" + strings.Repeat(" (personal NONE)", 101), "", "limit: number of event groups"},
		{" SET" + strings.Repeat(" (mailboxes (a"+strings.Repeat(" a", 99)+") NONE)", 11), "", "limit: number of mailboxes"},
	} {
		s := newScanner(t, c.in)
		a, err := imap.ScanNotify(s)
		if errorOf(err) != c.err {
			t.Errorf("NOTIFY%s: error %v, want %s", c.in, err, c.err)
		} else if got := showNotify(t, false)(a); err == nil && got != c.want {
			t.Errorf("NOTIFY%s = %s, want %s", c.in, got, c.want)
		}
		inStep(t, s)
	}
}

func FuzzScanNotify(f *testing.F) {
	for _, seed := range []string{
		" NONE",
		" SET STATUS (selected (MessageNew (uid) MessageExpunge FlagChange)) (subscribed (MessageNew MessageExpunge FlagChange))",
		" SET (subtree (a &bad \"b\") (MailboxName Foo)) (mailboxes {1}\r\nx NONE)",
	} {
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, in string, utf8 bool) {
		fuzzScan(t, in, utf8, imap.ScanNotify, func(a imap.NotifyArgs) string {
			if utf8 && slices.ContainsFunc(a.Groups, func(g imap.NotifyGroup) bool {
				return (g.Filter == imap.NotifySubtree || g.Filter == imap.NotifyMailboxes) && len(g.Mailboxes) == 0
			}) {
				t.Skip("UTF-8 has no name to leave out")
			}
			return showNotify(t, utf8)(a)
		})
	})
}
