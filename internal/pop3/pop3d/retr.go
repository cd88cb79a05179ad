package pop3d

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"fantail/internal/crlf"
	"fantail/internal/pop3"
	"fantail/internal/store"
)

// retr answers RETR: a whole message (RFC 1939 section 5).
func (s *session) retr(ctx context.Context, args *pop3.Args) error {
	n := args.Number()
	if err := args.End(); err != nil {
		return err
	}
	m, err := s.drop.message(n)
	if err != nil {
		return err
	}
	size, err := s.drop.size(ctx, m)
	if err != nil {
		return err
	}
	f, err := s.drop.box.OpenMessage(ctx, m.uid)
	if err != nil {
		return err
	}
	defer f.Close()
	s.ok(fmt.Sprintf("%d octets", size))
	if err := s.send(f, nil); err != nil {
		return fmt.Errorf("send message with uid %d: %w", m.uid, err)
	}
	s.counts.retr++
	if err := s.drop.retrieved(ctx, m); err != nil && store.KindOf(err) != store.Gone {
		// The client has its message; that it may look unread is no reason to
		// tell it otherwise.
		s.log.Error("cannot mark messages as seen", "err", err)
	}
	return nil
}

// top answers TOP: the header and the first lines of the body (RFC 1939 section
// 7).
func (s *session) top(ctx context.Context, args *pop3.Args) error {
	n, lines := args.Number(), args.Number()
	if err := args.End(); err != nil {
		return err
	}
	m, err := s.drop.message(n)
	if err != nil {
		return err
	}
	f, err := s.drop.box.OpenMessage(ctx, m.uid)
	if err != nil {
		return err
	}
	defer f.Close()
	s.ok("")
	if err := s.send(f, &head{lines: lines}); err != nil {
		return fmt.Errorf("send top of message with uid %d: %w", m.uid, err)
	}
	s.counts.top++
	return nil
}

const chunkSize = 32 << 10

// send sends a stored message with CRLF line ends, up to where top says if it is
// not nil, and the dot. Its errors are writeError and errBroken.
func (s *session) send(f *os.File, top *head) error {
	if s.expander == nil {
		s.expander, s.chunk = crlf.NewExpander(f), make([]byte, chunkSize)
	}
	s.expander.Reset(f)
	dot := crlf.NewDotWriter(s.out)
	for done := false; !done; {
		n, err := s.expander.Read(s.chunk)
		part := s.chunk[:n]
		if top != nil {
			part, done = top.cut(part)
		}
		if _, err := dot.Write(part); err != nil {
			return writeError{err}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errBroken, err)
		}
	}
	if err := dot.Close(); err != nil {
		return writeError{err}
	}
	return nil
}
