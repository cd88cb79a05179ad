package pop3d

import (
	"context"

	"fantail/internal/pop3"
)

// capa answers CAPA: the list from before login, without STLS (RFC 2449 section
// 5, RFC 2595 section 4), with the days of this account (RFC 2449 section 6.7).
func (s *session) capa(_ context.Context, args *pop3.Args) error {
	if err := args.End(); err != nil {
		return err
	}
	s.out.Write(s.Offer.Append(nil))
	return nil
}

// lang answers LANG (RFC 6856 section 3).
func (s *session) lang(_ context.Context, args *pop3.Args) error {
	answer, err := pop3.AppendLang(nil, args)
	if err != nil {
		return err
	}
	s.out.Write(answer)
	return nil
}

// noop answers NOOP (RFC 1939 section 5).
func (s *session) noop(_ context.Context, args *pop3.Args) error {
	if err := args.End(); err != nil {
		return err
	}
	s.ok("")
	return nil
}

// ok writes the line +OK. What a buffered writer cannot send, the next read or
// the end of the session finds out.
func (s *session) ok(text string) { s.out.Write(pop3.AppendOK(nil, pop3.NoCode, text)) }
