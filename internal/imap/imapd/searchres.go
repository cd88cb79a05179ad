package imapd

import (
	"errors"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// What "$" means (RFC 5182 section 2.1) is kept as UIDs: they need no care when
// messages are expunged, since a set of UIDs only names those that are there. It
// goes with the selected mailbox.

// The response code NOTSAVED (RFC 5182 section 2.5) is for servers that refuse to save a
// result that they have found. This one never does: a result is at most one range of
// UIDs for each two messages, goes with the mailbox, and there is one for a session.

// notSaved empties "$" if a command with SAVE ends in NO for err, which it returns.
func (s *Session) notSaved(r *imap.SearchReturn, err error) error {
	if r == nil || !r.Save {
		return err
	}
	var charset *imap.BadCharset
	var failed *store.Error
	var st *status
	if errors.As(err, &charset) || errors.As(err, &failed) || errors.As(err, &st) && st.kind == wire.NO {
		s.box.saved = nil
	}
	return err
}
