package imap

import (
	"slices"
	"strings"

	"fantail/internal/imap/wire"
)

// CreateArgs are the arguments of CREATE with the parameter of RFC 6154.
type CreateArgs struct {
	Mailbox string
	// Uses are what the mailbox is to be for, each once, in the spelling of the RFC
	// where it has the attribute.
	Uses []string
}

// specialUses are the attributes of RFC 6154 section 2.
var specialUses = []string{wire.AttrAll, wire.AttrArchive, wire.AttrDrafts, wire.AttrFlagged, wire.AttrJunk, wire.AttrSent, wire.AttrTrash}

// ScanCreate scans the arguments of CREATE (RFC 9051 section 6.3.4, RFC 4466
// section 2.2) and the end of the command.
func ScanCreate(s *wire.Scanner) (CreateArgs, error) {
	var a CreateArgs
	s.SP()
	a.Mailbox = ScanMailbox(s)
	if s.Try(' ') {
		n := s.List(func() {
			if !s.TryName("USE") {
				s.Expected("USE") // RFC 4466 section 2.2: BAD if it is not known
			}
			s.SP()
			s.List(func() { a.addUse(s.Flag()) })
		})
		if n == 0 {
			s.Expected("USE")
		}
	}
	s.CRLF()
	return a, s.Err()
}

func (a *CreateArgs) addUse(use string) {
	for _, known := range specialUses {
		if strings.EqualFold(known, use) {
			use = known
		}
	}
	if !slices.Contains(a.Uses, use) {
		a.Uses = append(a.Uses, use)
	}
}
