package imapd

import (
	"context"
	"math"
	"slices"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// store is STORE (RFC 9051 section 6.4.6).
func (s *Session) store(ctx context.Context) error { return s.change(ctx, false) }

// uidStore is UID STORE (RFC 9051 section 6.4.9).
func (s *Session) uidStore(ctx context.Context) error { return s.change(ctx, true) }

func (s *Session) change(ctx context.Context, byUID bool) error {
	args, err := imap.ScanStore(s.in)
	if err != nil {
		return err
	}
	since := mail.ModSeq(math.MaxInt64)
	if args.UnchangedSince != nil {
		if err := s.needModSeqs(); err != nil {
			return err
		}
		// What other programs have done gets its mod-sequence first.
		if err := s.sync(ctx); err != nil {
			return err
		}
		since = *args.UnchangedSince
	}
	ts, err := s.resolve(args.Set, byUID)
	if err != nil {
		return err
	}
	c := store.FlagChange{Op: args.Op, FlagSet: store.FlagSet{Flags: args.Flags.System, Keywords: args.Flags.Keywords}}
	uids := ts.uids()
	if err := s.trusted(); err != nil {
		return err
	}
	var did store.Stored
	mbox := s.box.mbox
	err = s.busy(ctx, nil, func(ctx context.Context) (err error) {
		did, err = mbox.SetFlagsIf(ctx, uids, c, since)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	if err := s.tellStored(ctx, &stored{args: args, change: c, ts: ts, modified: did.Modified}); err != nil {
		return err
	}
	modified := s.modified(did.Modified, byUID)
	// RFC 2180 section 4.2.1: the rest was changed. A client that names UIDs knows
	// that some may be gone, and only wants them so.
	if len(did.Missing) > 0 && !byUID && !args.Silent {
		if modified != nil {
			return &status{kind: wire.NO, code: wire.CodeModified, args: modified, text: "Some of the messages no longer exist."}
		}
		return no(wire.CodeExpungeIssued, "Some of the messages no longer exist.")
	}
	if modified != nil {
		return s.done("Some have changed meanwhile.", func(e *wire.Encoder) {
			e.CodeStart(wire.CodeModified).SP().Token(modified[0]).CodeEnd()
		})
	}
	return s.done("STORE completed.")
}

// modified is the argument of the response code MODIFIED: numbers, or UIDs in the
// answer to UID STORE (RFC 7162 section 3.1.3). It is nil if there are none.
func (s *Session) modified(uids []mail.UID, byUID bool) []string {
	if len(uids) == 0 {
		return nil
	}
	if byUID {
		return []string{imap.Numbers(uids).String()}
	}
	nums := make([]uint32, len(uids))
	for i, uid := range uids {
		nums[i] = s.box.view.seq(uid)
	}
	return []string{imap.Numbers(nums).String()}
}

// stored is a STORE that was carried out.
type stored struct {
	args     imap.StoreArgs
	change   store.FlagChange
	ts       targets
	modified []mail.UID // left as they were; ascending
}

func (st *stored) leftAlone(uid mail.UID) bool {
	_, found := slices.BinarySearch(st.modified, uid)
	return found
}

// tellStored tells what has become of the messages, and of others.
func (s *Session) tellStored(ctx context.Context, st *stored) error {
	v := s.box.view
	asWanted := func(uid mail.UID, now seen) bool { return result(st.change, v.last(uid)).equal(now) }
	if !st.args.Silent || len(st.modified) > 0 {
		s.tellKeywords()
	}
	if !st.args.Silent || s.modSeqs() {
		for m := range st.ts.messages(true) {
			var err error
			switch uid := m.row.UID; {
			case m.gone:
			case !st.args.Silent || st.leftAlone(uid):
				err = s.writeFlags(m)
			case asWanted(uid, m.now) && (st.args.UnchangedSince != nil || v.last(uid).row().ModSeq != m.row.ModSeq):
				// The client knows the flags, but not the mod-sequence that they have now (RFC
				// 7162 section 3.1.3).
				err = s.writeState(m, false)
			}
			if err != nil {
				return err
			}
		}
	}
	// What the client asked for it knows. With .SILENT it still hears of flags
	// that came out otherwise, since somebody else changed them too.
	return s.tell(ctx, func(uid mail.UID, now seen) bool {
		if !st.ts.has(v.seq(uid)) {
			return false
		}
		return !st.args.Silent || st.leftAlone(uid) || asWanted(uid, now)
	})
}

// flagState is a set of flags and keywords.
type flagState struct {
	flags    mail.Flags
	keywords []mail.Keyword
}

// result returns what the change makes of a state.
func result(c store.FlagChange, was seen) flagState {
	f, kws := was.flags(), was.keywords()
	named := func(k mail.Keyword) bool { return slices.ContainsFunc(c.Keywords, k.Equal) }
	switch c.Op {
	case mail.Add:
		kws = append(slices.DeleteFunc(slices.Clone(kws), named), c.Keywords...)
		return flagState{f | c.Flags, kws}
	case mail.Remove:
		return flagState{f &^ c.Flags, slices.DeleteFunc(slices.Clone(kws), named)}
	default:
		return flagState{c.Flags, c.Keywords}
	}
}

// equal reports whether a message is in this state.
func (f flagState) equal(now seen) bool {
	kws := now.keywords()
	if f.flags != now.flags() || len(f.keywords) != len(kws) {
		return false
	}
	for _, k := range f.keywords {
		if !slices.ContainsFunc(kws, k.Equal) {
			return false
		}
	}
	return true
}
