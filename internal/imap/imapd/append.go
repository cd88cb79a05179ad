package imapd

import (
	"bufio"
	"context"
	"errors"
	"io"

	"fantail/internal/crlf"
	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// append is APPEND (RFC 9051 section 6.3.12) of one message or several
// (RFC 3502): all or none. Mailbox and quota are looked at before a literal is asked
// for, so that a client whose message cannot be taken need not send it.
func (s *Session) append(ctx context.Context) error {
	name := imap.ScanAppendMailbox(s.in)
	if err := s.in.Err(); err != nil {
		return err
	}
	m, err := s.target(ctx, name)
	if err != nil {
		return s.refuseAppend(imap.ScanAppendMessage(s.in), err)
	}
	defer m.Close()
	batch, err := m.NewAppend()
	if err != nil {
		return err
	}
	done, err := s.receive(ctx, m, batch)
	if err != nil {
		if abort := batch.Abort(); abort != nil {
			s.log.Warn("abort APPEND", "mailbox", m.Name(), "err", abort)
		}
		return err
	}
	s.delivered(ctx, m.Name(), done.UIDs)
	return s.ok(ctx, "APPEND completed.", func(e *wire.Encoder) {
		e.CodeStart(wire.CodeAppendUID).SP().Number(uint32(done.UIDValidity))
		e.SP().Token(imap.Numbers(done.UIDs).String()).CodeEnd()
	})
}

// refuseAppend passes over the messages that the client sends without waiting
// (RFC 7888 section 4), from m on, and returns err. They may be larger than what is
// skipped of any other command: without this the client would hear BYE in place of
// TRYCREATE, and send the same message again.
func (s *Session) refuseAppend(m imap.AppendMessage, err error) error {
	for m.Literal != nil && m.Literal.NonSync {
		if _, err := io.Copy(io.Discard, m.Literal); err != nil {
			return err
		}
		if more, end := m.ScanEnd(s.in); end != nil || !more {
			return err
		}
		m = imap.ScanAppendMessage(s.in)
	}
	return err
}

// receive reads the messages and commits the batch.
//
// Eight-bit octets in a header are taken from any client. RFC 6855 section 4 would have
// us refuse them from one that has not enabled UTF8=ACCEPT; but people have such mail,
// old and junk, and programs that move mailboxes (imapsync, mbsync, offlineimap, as of
// 2026) bring it over as it is: refused, it would be lost.
func (s *Session) receive(ctx context.Context, mbox *store.Mailbox, batch *store.Append) (store.Appended, error) {
	var sum store.Usage
	for more := true; more; {
		m := imap.ScanAppendMessage(s.in)
		if m.Literal == nil {
			return store.Appended{}, s.in.Err()
		}
		sum.Octets += m.Literal.Size
		sum.Messages++
		if err := mbox.Fits(ctx, sum); err != nil {
			return store.Appended{}, s.refuseAppend(m, err)
		}
		err := s.receiveMessage(mbox, batch, m)
		if err == nil {
			more, err = m.ScanEnd(s.in)
		}
		if err != nil {
			return store.Appended{}, err
		}
	}
	return batch.Commit(ctx)
}

func (s *Session) receiveMessage(mbox *store.Mailbox, batch *store.Append, m imap.AppendMessage) error {
	if m.Literal.Size == 0 {
		// RFC 3502 section 6.3.11: the way for a client to change its mind.
		return no("", "An empty message cannot be appended.")
	}
	w, err := batch.Add(store.FlagSet{Flags: m.Flags.System, Keywords: m.Flags.Keywords}, m.Date)
	if err != nil {
		return err
	}
	// The contractor writes line by line.
	size := int(min(m.Literal.Size, appendBuffer))
	buffered := bufio.NewWriterSize(w, size)
	// Files on Unix have LF; FETCH gives the CRLF back.
	lf := crlf.NewContractor(buffered)
	if m.Literal.Binary {
		err = receiveBinary(lf, m.Literal, mbox)
	} else {
		_, err = io.CopyBuffer(lf, m.Literal, make([]byte, size))
	}
	if err != nil {
		return err
	}
	return errors.Join(lf.Close(), buffered.Flush())
}

// appendBuffer is how large the pieces are in which messages are read and written.
const appendBuffer = 32 << 10
