package imapd

import (
	"context"
	"slices"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// sel is SELECT (RFC 9051 section 6.3.2).
func (s *Session) sel(ctx context.Context) error { return s.open(ctx, false) }

// examine is EXAMINE (RFC 9051 section 6.3.3): nothing in the mailbox changes, not
// even \Recent.
func (s *Session) examine(ctx context.Context) error { return s.open(ctx, true) }

func (s *Session) open(ctx context.Context, readOnly bool) error {
	args, err := imap.ScanSelect(s.in)
	if err != nil {
		return err
	}
	if args.QResync != nil && !s.enabled.qresync {
		return bad("QRESYNC has to be enabled first.") // RFC 7162 section 3.2.5
	}
	if err := s.closeForNext(); err != nil {
		return err
	}
	m, err := s.acct.Open(ctx, args.Mailbox)
	if err != nil {
		return err
	}
	if args.CondStore {
		s.enableCondStore()
	}
	box, err := openView(ctx, m, readOnly, s.enabled)
	if err != nil {
		m.Close()
		return err
	}
	s.box = box
	if s.enabled.rev2 {
		if err := s.tellListed(ctx, m.Name(), args.Mailbox); err != nil {
			return err
		}
	}
	s.describe()
	if args.QResync != nil {
		if err := s.resync(args.QResync); err != nil {
			return err
		}
	}
	if readOnly {
		return s.done("EXAMINE completed.", code(wire.CodeReadOnly))
	}
	return s.done("SELECT completed.", code(wire.CodeReadWrite))
}

// closeForNext gives up the selected mailbox before another is opened; a SELECT that
// fails leaves none selected (RFC 9051 section 6.3.2). The code is the boundary
// between the responses for the one and the other (RFC 7162 section 3.2.11).
func (s *Session) closeForNext() error {
	if s.box == nil {
		return nil
	}
	if err := s.unselect(); err != nil {
		return err
	}
	s.out.Untagged(wire.OK).SP().CodeStart(wire.CodeClosed).CodeEnd().Text("The mailbox is closed.").CRLF()
	return s.out.Err()
}

// openView takes the first picture of a mailbox. To a session that may write new
// messages become \Recent; another one only sees that they are.
func openView(ctx context.Context, m *store.Mailbox, readOnly bool, on enabled) (b *selected, err error) {
	for try := 1; ; try++ {
		b, err = newSelected(ctx, m, readOnly, on)
		if err != nil {
			return nil, err
		}
		// What will be said of it is looked at once before: a damaged index is made anew
		// by the sync that follows.
		b.view.known.FirstUnseen()
		b.view.known.MailboxKeywords()
		if err := b.view.err(); err == nil || try == 2 {
			return b, err
		}
	}
}

func newSelected(ctx context.Context, m *store.Mailbox, readOnly bool, on enabled) (*selected, error) {
	snap, err := m.Sync(ctx)
	if err != nil {
		return nil, err
	}
	b := &selected{mbox: m, readOnly: readOnly}
	var recent []mail.UID
	switch {
	case snap.Status().Recent == 0:
	case readOnly:
		recent = newFrom(snap, 0)
	default:
		if recent, err = m.ClaimRecent(ctx); err != nil {
			return nil, err
		}
		if snap, err = m.Sync(ctx); err != nil {
			return nil, err
		}
	}
	b.view = newView(snap, on.qresync)
	b.view.recent.add(snap, recent)
	return b, nil
}

// describe writes the responses that SELECT owes (RFC 3501 section 6.3.1). IMAP4rev2
// has no RECENT and no UNSEEN (RFC 9051 Appendix E).
func (s *Session) describe() {
	b := s.box
	snap := b.view.known
	s.tellKeywords()
	s.out.Numbered(uint32(snap.Len()), wire.RespExists).CRLF()
	s.tellRecent()
	if i, ok := snap.FirstUnseen(); ok && !s.enabled.rev2 {
		s.okCode(wire.CodeUnseen, uint64(i)+1, "First unseen message.")
	}
	s.okCode(wire.CodeUIDValidity, uint64(snap.UIDValidity()), "UIDs valid.")
	s.okCode(wire.CodeUIDNext, uint64(snap.UIDNext()), "Predicted next UID.")
	s.out.Untagged(wire.OK).SP()
	mailboxID(snap.GUID())(s.out)
	s.out.Text("Identity of the mailbox.").CRLF()
	if n := b.view.highest(); n != 0 {
		s.okCode(wire.CodeHighestModSeq, uint64(n), "Highest mod-sequence.")
	} else {
		// RFC 7162 section 3.1.2.2.
		s.out.Untagged(wire.OK).SP().CodeStart(wire.CodeNoModSeq).CodeEnd().Text("No mod-sequences here.").CRLF()
	}
}

// okCode writes an untagged OK with a response code that has a number.
func (s *Session) okCode(name string, n uint64, text string) {
	s.out.Untagged(wire.OK).SP().CodeStart(name).SP().Number64(int64(n)).CodeEnd().Text(text).CRLF()
}

// code returns a writer of a response code without arguments.
func code(name string) func(*wire.Encoder) {
	return func(e *wire.Encoder) { e.CodeStart(name).CodeEnd() }
}

// tellKeywords writes FLAGS and PERMANENTFLAGS (RFC 9051 section 7.3.5, 7.1) if
// the client does not know all keywords of the mailbox yet. It comes before the
// first FETCH that has a new one.
func (s *Session) tellKeywords() {
	b := s.box
	kws := b.view.latest.MailboxKeywords()
	if b.view.err() != nil {
		return // whoever sends what comes next looks, too, and says so
	}
	if b.flagsTold && slices.Equal(kws, b.keywords) {
		return
	}
	b.keywords, b.flagsTold = kws, true
	flags := func() {
		for i, f := range imap.SystemFlags {
			if i > 0 {
				s.out.SP()
			}
			s.out.Flag(f)
		}
		for _, k := range kws {
			s.out.SP().Flag(string(k))
		}
	}
	s.out.Untagged(wire.RespFlags).SP().List(flags).CRLF()
	s.out.Untagged(wire.OK).SP().CodeStart(wire.CodePermanentFlags).SP()
	if b.readOnly {
		s.out.ListStart().ListEnd().CodeEnd().Text("Read-only mailbox.").CRLF()
		return
	}
	s.out.ListStart()
	flags()
	// \* says that keywords can be made (RFC 9051 section 7.1). The store has the last
	// word: it may take some more where others are not in use any longer.
	if len(kws) < store.MaxKeywords {
		s.out.SP().Flag(wire.FlagAny)
	}
	s.out.ListEnd().CodeEnd().Text("Flags permitted.").CRLF()
}
