package imapd

import (
	"context"
	"strings"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// compress is COMPRESS (RFC 4978 section 3): the tagged OK is the last that is sent
// as it is, and the command's CRLF the last that was received so. A client that
// does not wait for the OK, although it has to, is understood all the same.
func (s *Session) compress(ctx context.Context) error {
	mechanism, err := imap.ScanCompress(s.in)
	switch {
	case err != nil:
		return err
	case !strings.EqualFold(mechanism, "DEFLATE"):
		return bad("That compression mechanism is not known.")
	case s.stream.compressed():
		return no(wire.CodeCompressionActive, "DEFLATE is active already.")
	}
	if err := s.ok(ctx, "DEFLATE active."); err != nil {
		return err
	}
	return s.stream.compress(s.r)
}
