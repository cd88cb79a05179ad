package pop3d

import (
	"context"
	"fmt"
	"strconv"

	"fantail/internal/pop3"
)

// stat answers STAT, the drop listing (RFC 1939 section 5).
func (s *session) stat(ctx context.Context, args *pop3.Args) error {
	if err := args.End(); err != nil {
		return err
	}
	count, octets, err := s.drop.listing(ctx)
	if err != nil {
		return err
	}
	s.ok(fmt.Sprintf("%d %d", count, octets))
	return nil
}

// list answers LIST, scan listings of one message or all (RFC 1939 section 5).
func (s *session) list(ctx context.Context, args *pop3.Args) error {
	n, one, err := optionalNumber(args)
	if err != nil {
		return err
	}
	if one {
		m, err := s.drop.message(n)
		if err != nil {
			return err
		}
		size, err := s.drop.size(ctx, m)
		if err != nil {
			return err
		}
		s.ok(fmt.Sprintf("%d %d", n, size))
		return nil
	}
	count, octets, err := s.drop.listing(ctx)
	if err != nil {
		return err
	}
	s.ok(fmt.Sprintf("%d messages (%d octets)", count, octets))
	s.perMessage(func(b []byte, m *message) []byte { return strconv.AppendInt(b, m.size, 10) })
	return nil
}

// uidl answers UIDL, the unique-ids of one message or all (RFC 1939 section 7).
func (s *session) uidl(_ context.Context, args *pop3.Args) error {
	n, one, err := optionalNumber(args)
	if err != nil {
		return err
	}
	if one {
		m, err := s.drop.message(n)
		if err != nil {
			return err
		}
		s.ok(string(s.drop.appendUIDL(append(strconv.AppendInt(nil, int64(n), 10), ' '), m)))
		return nil
	}
	s.ok("")
	s.perMessage(s.drop.appendUIDL)
	return nil
}

// optionalNumber reads "[msg]".
func optionalNumber(args *pop3.Args) (n int, given bool, err error) {
	if args.More() {
		n, given = args.Number(), true
	}
	return n, given, args.End()
}

// perMessage writes a line for each message that is not deleted, its number and
// what value appends, and the dot.
func (s *session) perMessage(value func([]byte, *message) []byte) {
	var line []byte
	for i := range s.drop.messages {
		m := &s.drop.messages[i]
		if m.deleted {
			continue
		}
		line = append(strconv.AppendInt(line[:0], int64(i)+1, 10), ' ')
		line = append(value(line, m), "\r\n"...)
		s.out.Write(line)
	}
	s.out.WriteString(".\r\n")
}
