package store

import (
	"context"
	"time"

	"fantail/internal/store/maildir"
)

// EmailID returns the EMAILID of message i of s (RFC 8474 section 5.1): the same for
// the copies of a message wherever they are, and for no other message. It comes from
// the name of the file; where that says little, the file's date is looked up, as Stat
// does.
//
// There are no THREADIDs (RFC 8474 section 5.2): they may never change, and be the
// same in all mailboxes, while a message that joins two threads may come last.
func (m *Mailbox) EmailID(ctx context.Context, s *Snapshot, i int) (string, error) {
	var date time.Time
	name := maildir.Name{Base: s.Base(i)}
	if name.OriginNeedsDate() {
		var known bool
		if date, known = s.Row(i).Internal(); !known {
			st, err := m.Stat(ctx, s.UID(i))
			if err != nil {
				return "", err
			}
			date = st.Date
		}
	}
	// RFC 8474 section 8.1: a letter in front, so that no identifier is a number.
	return "M" + name.Origin(date), nil
}
