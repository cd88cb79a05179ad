package imapd

import (
	"context"
	"errors"
	"strings"

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
	ts, err := s.resolve(args.Set, byUID)
	if err != nil {
		return err
	}
	f := &fetcher{s: s, ctx: ctx, items: args.Items, ts: ts, withUID: byUID}
	if err := f.prepare(); err != nil {
		return err
	}
	if err := ts.each(f.message); err != nil {
		return err
	}
	s.byUID = byUID
	if err := s.tell(byUID, f.told); err != nil {
		return err
	}
	if f.gone {
		// RFC 2180 section 4.1.3: what is left was answered.
		return no(wire.CodeExpungeIssued, "Some of the messages no longer exist.")
	}
	return s.done("FETCH completed.")
}

// fetcher answers one FETCH.
type fetcher struct {
	s       *Session
	ctx     context.Context
	items   []imap.FetchItem
	ts      targets
	withUID bool              // the client did not ask for the UID but gets it
	flags   bool              // FLAGS was asked for
	content bool              // an item needs the message's file
	seen    map[mail.UID]bool // messages that this command made \Seen
	gone    bool              // a message's file is not there any more
}

// prepare finds out what the items need and marks messages as seen.
func (f *fetcher) prepare() error {
	marks := false
	for _, i := range f.items {
		switch i.Kind {
		case imap.FetchFlags:
			f.flags = true
		case imap.FetchUID:
			f.withUID = false
		case imap.FetchSection:
			f.content = true
			marks = marks || !i.Peek
		case imap.FetchEnvelope, imap.FetchBody, imap.FetchBodyStructure:
			f.content = true
		}
	}
	if err := f.s.sync(f.ctx); err != nil {
		return err
	}
	if marks && !f.s.box.readOnly {
		if err := f.markSeen(); err != nil {
			return err
		}
	}
	if f.flags || f.seen != nil {
		f.s.tellKeywords()
	}
	return nil
}

// markSeen sets \Seen on the messages that lack it, as reading a section does
// unless it is peeked at (RFC 9051 section 6.4.5).
func (f *fetcher) markSeen() error {
	var uids []mail.UID
	v := f.s.box.view
	err := f.ts.each(func(_ uint32, uid mail.UID) error {
		if now, gone := v.now(uid); !gone && !now.snap.Flags(now.i).Has(mail.Seen) {
			uids = append(uids, uid)
		}
		return nil
	})
	if err != nil || len(uids) == 0 {
		return err
	}
	change := store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Seen}}
	if _, err := f.s.box.mbox.SetFlags(f.ctx, uids, change); err != nil {
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
	return (f.flags || f.seen[uid]) && f.ts.has(f.s.box.view.seq(uid))
}

// message answers for one message.
func (f *fetcher) message(seq uint32, uid mail.UID) error {
	m := &fetched{f: f, uid: uid}
	defer m.close()
	if f.content {
		// Whether it can be read must be known before the response begins.
		if err := m.load(); err != nil {
			if store.KindOf(err) == store.Gone {
				f.gone = true
				return nil
			}
			return err
		}
	}
	out := f.s.out.Numbered(seq, wire.RespFetch).SP().ListStart()
	first := true
	for _, item := range f.all(uid) {
		if !first {
			out.SP()
		}
		first = false
		writeItemName(out, item.Name)
		out.SP()
		if err := m.write(item); err != nil {
			return f.broken(err)
		}
	}
	out.ListEnd().CRLF()
	return out.Err()
}

// all returns the items of the response for one message.
func (f *fetcher) all(uid mail.UID) []imap.FetchItem {
	items := f.items
	if f.withUID {
		items = append([]imap.FetchItem{imap.UIDItem()}, items...)
		f.items, f.withUID = items, false // the same for all messages
	}
	if f.seen[uid] && !f.flags {
		items = append(items[:len(items):len(items)], imap.FetchItem{Kind: imap.FetchFlags, Name: "FLAGS"})
	}
	return items
}

// broken ends the session in the middle of a response: there is no honest way to
// complete it.
func (f *fetcher) broken(err error) error {
	f.s.log.Error("response broken off", "mailbox", f.s.box.mbox.Name(), "err", err)
	return errors.Join(errBroken, f.s.out.Flush())
}

// errBroken ends a session whose last response is incomplete.
var errBroken = errors.New("a FETCH response could not be completed")

// writeItemName writes an item's name, in which a list of field names may be.
func writeItemName(out *wire.Encoder, name string) {
	for i, word := range strings.Split(name, " ") {
		if i > 0 {
			out.SP()
		}
		out.Token(word)
	}
}

// writeFlags writes an unsolicited FETCH response with the flags of a message.
func (s *Session) writeFlags(seq uint32) { s.writeFlagsOf(seq, s.box.view.uid(seq)) }

// writeFlagsOf writes a FETCH response with the flags of a message, unless it is
// gone. The response to a UID command has the UID (RFC 9051 section 6.4.9).
func (s *Session) writeFlagsOf(seq uint32, uid mail.UID) error {
	v := s.box.view
	now, gone := v.now(uid)
	if gone {
		return nil
	}
	s.out.Numbered(seq, wire.RespFetch).SP().ListStart()
	if s.byUID {
		s.out.Atom("UID").SP().Number(uint32(uid)).SP()
	}
	s.out.Atom("FLAGS").SP()
	imap.WriteFlags(s.out, now.snap.Flags(now.i), now.snap.Keywords(now.i), v.recent.has(uid))
	s.out.ListEnd().CRLF()
	return s.out.Err()
}
