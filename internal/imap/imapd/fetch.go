package imapd

import (
	"context"
	"errors"
	"slices"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// fetch is FETCH (RFC 9051 section 6.4.5).
func (s *Session) fetch(ctx context.Context) error { return s.fetchItems(ctx, false) }

// uidFetch is UID FETCH (RFC 9051 section 6.4.9).
func (s *Session) uidFetch(ctx context.Context) error { return s.fetchItems(ctx, true) }

func (s *Session) fetchItems(ctx context.Context, byUID bool) error {
	args, err := imap.ScanFetch(s.in)
	if err != nil {
		return err
	}
	if err := s.prepareModSeqs(args, byUID); err != nil {
		return err
	}
	ts, err := s.resolve(args.Set, byUID)
	if err != nil {
		return err
	}
	if args.Partial != nil {
		if !byUID {
			return bad("PARTIAL belongs to UID FETCH.") // RFC 9394 section 3.3
		}
		ts = ts.part(*args.Partial)
	}
	f := &fetcher{s: s, ctx: ctx, ts: ts}
	f.plan(args, byUID)
	if err := f.prepare(args); err != nil {
		return err
	}
	if err := f.answerAll(); err != nil {
		return err
	}
	if err := s.tell(ctx, f.told); err != nil {
		return err
	}
	if f.gone {
		// RFC 2180 section 4.1.3: what is left was answered.
		return no(wire.CodeExpungeIssued, "Some of the messages no longer exist.")
	}
	if f.alien {
		// RFC 3516 section 4.3: such an item fails the command. What else was asked
		// for was answered.
		return no(wire.CodeUnknownCTE, "Some of the parts are in an unknown transfer encoding.")
	}
	return s.done("FETCH completed.")
}

// fetcher answers one FETCH.
type fetcher struct {
	s     *Session
	ctx   context.Context
	ts    targets
	items []fetchItem
	needs needs             // of all items
	marks bool              // reading an item makes a message \Seen
	plain bool              // only what is in a row of the index is asked for
	seen  map[mail.UID]bool // messages that this command made \Seen
	gone  bool              // a message is not there any more
	alien bool              // a part is in an unknown transfer encoding
}

// fetchItem is a data item as each of the responses has it.
type fetchItem struct {
	imap.FetchItem
	label []byte     // what stands before its value
	kept  store.Item // what the store may have of it, or 0
	whole bool       // it is all of the message
}

// needs is what has to be known of a message to answer.
type needs uint16

const (
	needFlags needs = 1 << iota
	needDate
	needSize
	needKept      // what was computed from the message by whoever asked first
	needStructure // of all of it
	needHeader    // fields of the message's own header
	needSaved     // the save date
	needEmailID
	needBinary // decoded parts
	needWhole  // all octets
	needFile   // octets
)

// implied returns the items that the responses have, whether or not they were asked
// for.
func (f *fetcher) implied(args imap.FetchArgs, byUID bool) []imap.FetchItem {
	items := slices.Clone(args.Items)
	marks := !f.s.box.readOnly && slices.ContainsFunc(items, marksSeen)
	// RFC 9051 section 6.4.9; RFC 7162 section 3.2.4.
	if (byUID || marks && f.s.tellsUIDs()) && !asks(items, imap.FetchUID) {
		items = append([]imap.FetchItem{imap.UIDItem()}, items...)
	}
	// RFC 7162 sections 3.1 and 3.1.4.1.
	changing := marks || args.ChangedSince != nil || asks(items, imap.FetchFlags)
	if changing && f.s.modSeqs() && !asks(items, imap.FetchModSeq) {
		items = append(items, imap.ModSeqItem())
	}
	return items
}

// marksSeen reports whether an item makes a message \Seen.
func marksSeen(i imap.FetchItem) bool {
	return (i.Kind == imap.FetchSection || i.Kind == imap.FetchBinary) && !i.Peek
}

// plan finds out what the items need.
func (f *fetcher) plan(args imap.FetchArgs, byUID bool) {
	items := f.implied(args, byUID)
	f.marks = slices.ContainsFunc(items, marksSeen)
	for n, i := range items {
		item := fetchItem{FetchItem: i, label: []byte(i.Name + " ")}
		if n > 0 {
			item.label = []byte(" " + i.Name + " ")
		}
		switch i.Kind {
		case imap.FetchFlags:
			f.needs |= needFlags
		case imap.FetchInternalDate:
			f.needs |= needDate
		case imap.FetchSize:
			f.needs |= needSize
		case imap.FetchEnvelope:
			item.kept = store.Envelope
		case imap.FetchBody:
			item.kept = store.Body
		case imap.FetchBodyStructure:
			item.kept = store.BodyStructure
		case imap.FetchPreview:
			item.kept = store.Preview
		case imap.FetchSaveDate:
			f.needs |= needSaved
		case imap.FetchEmailID:
			f.needs |= needEmailID
		case imap.FetchBinary, imap.FetchBinarySize:
			f.needs |= needStructure | needFile | needBinary
		case imap.FetchSection:
			switch {
			case fromListFields(i.Section):
				item.kept = store.HeaderFields
			case i.Section.Kind == imap.SectionAll && len(i.Section.Path) == 0:
				item.whole = true
				f.needs |= needWhole
			default:
				f.needs |= sectionNeeds(i.Section)
			}
		}
		if item.kept != 0 {
			f.needs |= needKept
		}
		f.items = append(f.items, item)
	}
	f.plain = f.inRow()
}

// sectionNeeds tells what has to be known to answer with a section.
func sectionNeeds(sec imap.Section) needs {
	if len(sec.Path) > 0 {
		return needStructure | needFile
	}
	switch sec.Kind {
	case imap.SectionHeader, imap.SectionFields, imap.SectionNot:
		return needHeader | needFile
	}
	return needStructure | needFile
}

// prepare looks at the mailbox, narrows down what is asked for and marks messages as
// seen.
func (f *fetcher) prepare(args imap.FetchArgs) error {
	if err := f.s.sync(f.ctx); err != nil {
		return err
	}
	if args.ChangedSince != nil {
		if args.Vanished {
			f.s.tellVanished(f.s.box.view.vanished(*args.ChangedSince, args.Set, 0))
		}
		f.ts = f.ts.changedSince(*args.ChangedSince)
		if err := f.s.trusted(); err != nil {
			return err
		}
	}
	if f.marks && !f.s.box.readOnly {
		if err := f.markSeen(); err != nil {
			return err
		}
	}
	if f.needs&needFlags != 0 || f.seen != nil {
		f.s.tellKeywords()
	}
	return nil
}

// answerAll answers for all messages.
func (f *fetcher) answerAll() error {
	a := ahead{f: f}
	defer a.stop()
	alone := f.ts.single()
	for m := range f.ts.messages(true) {
		if err := a.begin(m, alone); err != nil {
			return err
		}
	}
	return a.drain()
}

// markSeen sets \Seen on the messages that lack it, as reading a section does
// unless it is peeked at (RFC 9051 section 6.4.5).
func (f *fetcher) markSeen() error {
	var uids []mail.UID
	for m := range f.ts.messages(false) {
		if !m.gone && !m.now.flags().Has(mail.Seen) {
			uids = append(uids, m.now.uid())
		}
	}
	if err := f.s.trusted(); err != nil || len(uids) == 0 {
		return err
	}
	change := store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Seen}}
	mbox := f.s.box.mbox
	err := f.s.busy(f.ctx, nil, func(ctx context.Context) error {
		_, err := mbox.SetFlags(ctx, uids, change)
		return err
	})
	if err != nil {
		return err
	}
	f.seen = make(map[mail.UID]bool, len(uids))
	for _, uid := range uids {
		f.seen[uid] = true
	}
	return f.s.sync(f.ctx)
}

// told says of a message whose flags have changed that its FETCH response had
// them.
func (f *fetcher) told(uid mail.UID, _ seen) bool {
	return (f.needs&needFlags != 0 || f.seen[uid]) && f.ts.has(f.s.box.view.seq(uid))
}

// answer answers for one message that was loaded. Whether everything can be read is
// known before the response begins.
func (f *fetcher) answer(m *fetched) error {
	if m.failed != nil {
		return f.without(m.failed)
	}
	if err := f.s.trusted(); err != nil {
		return err
	}
	if f.plain {
		text, err := m.line()
		if err != nil {
			return err
		}
		return f.s.out.Encoded(text).Err()
	}
	out := f.s.out.Numbered(m.seq, wire.RespFetch).SP().ListStart()
	for i := range f.items {
		out.Encoded(f.items[i].label)
		if err := m.write(i); err != nil {
			return f.broken(err)
		}
	}
	if f.needs&needFlags == 0 && f.seen[m.row.UID] {
		out.SP().Atom("FLAGS").SP()
		f.s.writeFlagText(&m.counted)
	}
	out.ListEnd().CRLF()
	return out.Err()
}

// without goes on without a message that could not be loaded, if that may be.
func (f *fetcher) without(err error) error {
	var panicked *workerPanic
	switch {
	case errors.As(err, &panicked):
		panic(panicked)
	case errors.Is(err, errUnknownCTE):
		f.alien = true
		return nil
	case store.KindOf(err) == store.Gone:
		f.gone = true
		return nil
	}
	return err
}

// broken ends the session in the middle of a response: there is no honest way to
// complete it.
func (f *fetcher) broken(err error) error {
	f.s.log.Error("response broken off", "mailbox", f.s.box.mbox.Name(), "err", err)
	return errors.Join(errBroken, f.s.out.Flush())
}

// errBroken ends a session whose last response is incomplete.
var errBroken = errors.New("a FETCH response could not be completed")
