package imap

import (
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

// scanModSeq scans the rule mod-sequence-valzer (RFC 7162 section 7). It stands for
// mod-sequence-value too, although that is not 0: Dovecot takes a 0 there, and to
// programs that have seen nothing yet it means everything.
func scanModSeq(s *wire.Scanner) mail.ModSeq { return mail.ModSeq(s.Number64()) }

// WriteModSeq writes the rule fetch-mod-resp behind its name (RFC 7162 section 7).
func WriteModSeq(e *wire.Encoder, m mail.ModSeq) *wire.Encoder {
	return e.ListStart().Number64(int64(m)).ListEnd()
}
