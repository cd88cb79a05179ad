package imapd

import (
	"context"
	"slices"
	"strings"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// tellListed writes the LIST response of one mailbox. If the client has called it by
// another name than it has, that is its OLDNAME (RFC 9051 section 6.3.9.7).
func (s *Session) tellListed(ctx context.Context, name, asked string) error {
	infos, err := s.acct.List(ctx)
	if err != nil {
		return err
	}
	attrs := []string{wire.AttrNonExistent}
	if i := slices.IndexFunc(infos, func(i store.Info) bool { return i.Name == name }); i >= 0 {
		attrs = attributes(imap.ListArgs{Extended: true}, &node{Info: infos[i]})
	}
	s.writeListed(attrs, name, asked)
	return s.out.Err()
}

// writeListed writes a LIST response with the name that a mailbox had before, if that
// is another one.
func (s *Session) writeListed(attrs []string, name, old string) {
	s.writeNode(wire.RespList, attrs, name)
	if old != name {
		s.out.SP().List(func() {
			s.out.String("OLDNAME").SP().List(func() { imap.WriteMailbox(s.out, old) })
		})
	}
	s.out.CRLF()
}

// tellNormalized tells a client of IMAP4rev2 what a mailbox is called that it has
// made, deleted or renamed by a name that is not normalized (RFC 9051 sections 6.3.4
// to 6.3.6). The last of the names is the one that the mailbox was to have.
func (s *Session) tellNormalized(ctx context.Context, asked ...string) error {
	if !s.enabled.rev2 {
		return nil
	}
	name, same := "", true
	for i, a := range asked {
		a = strings.TrimSuffix(a, string(s.acct.Delimiter())) // CREATE may have it
		var err error
		if name, err = s.acct.Canonical(a); err != nil {
			return err
		}
		asked[i], same = a, same && name == a
	}
	if same {
		return nil
	}
	return s.tellListed(ctx, name, asked[0])
}
