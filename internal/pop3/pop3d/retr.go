package pop3d

import (
	"context"
	"errors"
	"fmt"
	"io"

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
	src, surrogate, err := s.source(f)
	if err != nil {
		return err
	}
	if surrogate {
		s.ok("The header in ASCII.")
	} else {
		s.ok(fmt.Sprintf("%d octets", size))
	}
	if _, err := s.send(src, nil); err != nil {
		return fmt.Errorf("send message with uid %d: %w", m.uid, err)
	}
	s.counts.retr++
	s.retrieved(ctx, m, true)
	return nil
}

// retrieved notes that the client has all of a message. That this may fail is no reason
// to tell it otherwise.
func (s *session) retrieved(ctx context.Context, m *message, read bool) {
	if err := s.drop.retrieved(ctx, m, read); err != nil && store.KindOf(err) != store.Gone {
		s.log.Error("cannot mark what was retrieved", "err", err)
	}
}

// top answers TOP: the header and the first lines of the body (RFC 1939 section
// 7). Whoever asks for more lines than there are has the message; so fetchmail leaves
// it unread.
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
	src, _, err := s.source(f)
	if err != nil {
		return err
	}
	s.ok("")
	whole, err := s.send(src, &head{lines: lines})
	if err != nil {
		return fmt.Errorf("send top of message with uid %d: %w", m.uid, err)
	}
	s.counts.top++
	if whole {
		s.retrieved(ctx, m, false)
	}
	return nil
}

const chunkSize = 32 << 10

// send sends a stored message with CRLF line ends, up to where top says if it is
// not nil, and the dot. whole tells that there was nothing left of it. Its errors are
// writeError and errBroken.
func (s *session) send(src io.Reader, top *head) (whole bool, err error) {
	if s.expander == nil {
		s.expander, s.chunk = crlf.NewExpander(src), make([]byte, chunkSize)
	}
	s.expander.Reset(src)
	dot := crlf.NewDotWriter(s.out)
	done, fixes := false, newFixes(&s.Settings)
	for !done && !whole {
		n, err := s.expander.Read(s.chunk)
		part := s.chunk[:n]
		if top != nil {
			part, done = top.cut(part)
		}
		if _, err := dot.Write(fixes.apply(part)); err != nil {
			return false, writeError{err}
		}
		whole = errors.Is(err, io.EOF)
		if err != nil && !whole {
			return false, fmt.Errorf("%w: %w", errBroken, err)
		}
	}
	if _, err := dot.Write(fixes.end()); err != nil {
		return false, writeError{err}
	}
	if err := dot.Close(); err != nil {
		return false, writeError{err}
	}
	return whole && !done, nil
}
