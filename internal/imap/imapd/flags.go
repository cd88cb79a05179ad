package imapd

import (
	"bufio"
	"bytes"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// flagTexts remembers the values of FLAGS: most messages of a mailbox have the
// same few.
type flagTexts struct {
	snap  *store.Snapshot // whose sets of keywords they are
	texts map[flagKey][]byte
	last  flagKey
	text  []byte // of last; nil: nothing is known
}

// flagKey is what the value of FLAGS depends on.
type flagKey struct {
	flags  mail.Flags
	recent bool
	set    uint32 // of keywords
}

// How many values are remembered, and up to which length.
const (
	maxFlagTexts = 256
	maxFlagText  = 1 << 10
)

// of returns the value of FLAGS for a message of snap. It is good until the next
// call.
func (t *flagTexts) of(snap *store.Snapshot, row store.Row, recent bool) ([]byte, error) {
	key := flagKey{row.Flags, recent, row.Set()}
	if t.snap != snap {
		*t = flagTexts{snap: snap, texts: make(map[flagKey][]byte)}
	}
	if t.text != nil && t.last == key {
		return t.text, nil
	}
	text := t.texts[key]
	if text == nil {
		var b bytes.Buffer
		e := wire.NewEncoder(bufio.NewWriterSize(&b, maxFlagText))
		imap.WriteFlags(e, row.Flags, snap.KeywordSet(row.Set()), recent)
		if err := e.Flush(); err != nil {
			return nil, err
		}
		text = b.Bytes()
		if len(text) <= maxFlagText {
			if len(t.texts) >= maxFlagTexts {
				clear(t.texts)
			}
			t.texts[key] = text
		}
	}
	t.last, t.text = key, text
	return text, nil
}

// flagText is the value of FLAGS for a message of the selected mailbox. It is good
// until the next call.
func (s *Session) flagText(m *counted) ([]byte, error) {
	recent := !s.enabled.rev2 && s.box.view.recent.has(m.row.UID)
	return s.box.flags.of(m.now.snap, m.row, recent)
}

// writeFlagText writes the value of FLAGS.
func (s *Session) writeFlagText(m *counted) {
	text, err := s.flagText(m)
	if err != nil {
		s.out.Fail(err)
	}
	s.out.Encoded(text)
}
