package imapd

import (
	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// enableCondStore notes that the client knows of mod-sequences: from now on every
// FETCH response that it has not asked for has them, and the UID (RFC 7162 sections
// 3.1 and 3.2.4). The first command that says so while a mailbox is selected is told
// its HIGHESTMODSEQ.
func (s *Session) enableCondStore() {
	if s.enabled.condstore {
		return
	}
	s.enabled.condstore = true
	if s.modSeqs() {
		s.okCode(wire.CodeHighestModSeq, uint64(s.box.view.highest()), "Highest mod-sequence.")
	}
}

// needModSeqs is enableCondStore for a command that asks for mod-sequences of the
// selected mailbox. Where another server works on it too it has none to show, which
// the client was told by NOMODSEQ (RFC 7162 section 3.1.2.2).
func (s *Session) needModSeqs() error {
	if s.box.view.highest() == 0 {
		return bad("This mailbox has no mod-sequences.")
	}
	s.enableCondStore()
	return nil
}

// modSeqs reports whether the client is to be told mod-sequences of the selected
// mailbox.
func (s *Session) modSeqs() bool {
	return s.enabled.condstore && s.box != nil && s.box.view.highest() != 0
}

// tellsUIDs reports whether FETCH responses that the client has not asked for have
// the UID: those to UID commands (RFC 9051 section 6.4.9), all of them once it knows
// of mod-sequences (RFC 7162 section 3.2.4), speaks IMAP4rev2 (RFC 9051 section
// 7.5.2) or has asked for such responses by NOTIFY (RFC 5465 section 5.1).
func (s *Session) tellsUIDs() bool {
	return s.byUID || s.enabled.condstore || s.enabled.rev2 || s.notify != nil && s.notify.selected != 0
}

// highestModSeq returns the response code that a command which has expunged ends
// with, for clients that know it (RFC 7162 sections 3.2.7 and 3.2.9, RFC 6851
// section 4.4).
func (s *Session) highestModSeq() func(*wire.Encoder) {
	return func(e *wire.Encoder) {
		if s.modSeqs() {
			e.CodeStart(wire.CodeHighestModSeq).SP().Number64(int64(s.box.view.highest())).CodeEnd()
		}
	}
}

// prepareModSeqs refuses or turns on what the items and modifiers of a FETCH need.
func (s *Session) prepareModSeqs(args imap.FetchArgs, byUID bool) error {
	if args.Vanished && !(byUID && s.enabled.qresync) {
		// RFC 7162 section 3.2.6.
		return bad("VANISHED belongs to UID FETCH behind ENABLE QRESYNC.")
	}
	if args.ChangedSince != nil || asks(args.Items, imap.FetchModSeq) {
		return s.needModSeqs()
	}
	return nil
}

// asks reports whether an item of that kind is among those asked for.
func asks(items []imap.FetchItem, kind imap.FetchKind) bool {
	for i := range items {
		if items[i].Kind == kind {
			return true
		}
	}
	return false
}
