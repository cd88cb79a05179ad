package imapd

import (
	"bufio"
	"context"
	"io"

	"fantail/internal/crlf"
	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// append is APPEND (RFC 9051 section 6.3.12) of one message or several
// (RFC 3502): all or none. The mailbox is opened before the first literal is
// asked for, so that a client that names a wrong one need not send it.
func (s *Session) append(ctx context.Context) error {
	name := imap.ScanAppendMailbox(s.in)
	if err := s.in.Err(); err != nil {
		return err
	}
	m, err := s.target(ctx, name)
	if err != nil {
		return s.refuseAppend(err)
	}
	defer m.Close()
	batch, err := m.NewAppend()
	if err != nil {
		return err
	}
	done, err := s.receive(ctx, batch)
	if err != nil {
		if abort := batch.Abort(); abort != nil {
			s.log.Warn("abort APPEND", "mailbox", m.Name(), "err", abort)
		}
		return err
	}
	return s.ok(ctx, "APPEND completed.", func(e *wire.Encoder) {
		e.CodeStart(wire.CodeAppendUID).SP().Number(uint32(done.UIDValidity))
		e.SP().Token(imap.Numbers(done.UIDs).String()).CodeEnd()
	})
}

// refuseAppend passes over the messages that the client sends without waiting
// (RFC 7888 section 4), and returns err. They may be larger than what is skipped
// of any other command: without this the client would hear BYE in place of
// TRYCREATE, and send the same message again.
func (s *Session) refuseAppend(err error) error {
	for {
		_, lit := imap.ScanAppendMessage(s.in)
		if lit == nil || !lit.NonSync {
			return err
		}
		if _, err := io.Copy(io.Discard, lit); err != nil {
			return err
		}
		if s.in.Peek() != ' ' {
			return err
		}
	}
}

// receive reads the messages and commits the batch.
func (s *Session) receive(ctx context.Context, batch *store.Append) (store.Appended, error) {
	for n := 0; n == 0 || s.in.Peek() == ' '; n++ {
		if err := s.receiveMessage(batch); err != nil {
			return store.Appended{}, err
		}
	}
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return store.Appended{}, err
	}
	return batch.Commit(ctx)
}

func (s *Session) receiveMessage(batch *store.Append) error {
	m, lit := imap.ScanAppendMessage(s.in)
	if lit == nil {
		return s.in.Err()
	}
	if lit.Size == 0 {
		// RFC 3502 section 6.3.11: the way for a client to change its mind.
		return no("", "An empty message cannot be appended.")
	}
	w, err := batch.Add(store.FlagSet{Flags: m.Flags.System, Keywords: m.Flags.Keywords}, m.Date)
	if err != nil {
		return err
	}
	// Files on Unix have LF; FETCH gives the CRLF back.
	// The contractor writes line by line.
	buffered := bufio.NewWriterSize(w, 32<<10)
	lf := crlf.NewContractor(buffered)
	if _, err := io.Copy(lf, lit); err != nil {
		return err
	}
	if err := lf.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}
