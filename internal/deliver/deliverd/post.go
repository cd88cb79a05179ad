package deliverd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"fantail/internal/deliver/lmtp"
	"fantail/internal/deliver/parcel"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// letter is the message on its way to one recipient.
type letter struct {
	to    parcel.Recipient
	box   *store.Mailbox
	d     *store.Delivery
	began time.Time
	err   error // the first; then it is not delivered
}

// post delivers a message to each recipient, and says what became of it. The error is
// that it did not come whole; then nobody has it.
func (s *session) post(ctx context.Context, p *parcel.Parcel) (*parcel.Receipt, error) {
	letters := make([]letter, len(p.Recipients))
	for i, r := range p.Recipients {
		letters[i] = letter{to: r, began: time.Now()}
		letters[i].open(ctx, s.o.Account)
	}
	defer func() {
		for i := range letters {
			letters[i].close()
		}
	}()
	if err := s.write(letters, p); err != nil {
		return nil, err
	}
	share(letters)
	commit(ctx, letters)
	receipt := &parcel.Receipt{Replies: make([]lmtp.Reply, len(letters))}
	for i := range letters {
		receipt.Replies[i] = s.reply(&letters[i], p)
	}
	return receipt, nil
}

// open opens the mailbox.
func (l *letter) open(ctx context.Context, account func(string) (*store.Account, error)) {
	a, err := account(l.to.Account)
	if err == nil {
		l.box, err = a.Open(ctx, mail.Inbox)
	}
	l.err = err
}

// close gives up what a letter holds. What is not delivered is removed.
func (l *letter) close() {
	if l.d != nil && l.err != nil {
		// A file in tmp that stays is nobody's, and removed some day.
		_ = l.d.Abort()
	}
	if l.box != nil {
		_ = l.box.Close() // of a reference; nothing to lose
	}
}

// write writes the message for the first letter that takes it; then the others of that
// file system share it. The error is that of the connection. The whole message is read in
// any case.
func (s *session) write(letters []letter, p *parcel.Parcel) error {
	var first *letter
	for i := range letters {
		l := &letters[i]
		if l.err != nil || first != nil {
			continue
		}
		if l.d, l.err = l.box.NewDelivery(); l.err == nil {
			first = l
		}
	}
	var to io.Writer = io.Discard
	if first != nil {
		to = first.d
	}
	disk, err := s.copy(to, top(p), p.Size)
	if disk != nil {
		first.err = disk
	}
	if err != nil && first != nil {
		first.err = err // so that it is removed
	}
	return err
}

// top are the header fields that come before the message: the return path (RFC 5321
// section 4.4: the system that makes the final delivery adds it), to whom it was
// delivered, unless others share its text, and those of the front.
func top(p *parcel.Parcel) string {
	text := "Return-Path: <" + p.Sender + ">\n"
	if len(p.Recipients) == 1 {
		text += "Delivered-To: " + p.Recipients[0].Address + "\n"
	}
	return text + p.Top
}

// buffers are those of copy.
var buffers = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// pieceSize is for most messages as a whole: they are written by one system call.
const pieceSize = 64 << 10

// copy copies text and then the message, of so many octets, to a writer. disk is why it
// could not be written, and err why it could not be read.
func (s *session) copy(to io.Writer, text string, size int64) (disk, err error) {
	buf := buffers.Get().(*[pieceSize]byte)
	defer buffers.Put(buf)
	for size > 0 || text != "" {
		have := copy(buf[:], text)
		text = text[have:]
		more := int(min(size, int64(len(buf)-have)))
		if _, err := io.ReadFull(s.in, buf[have:have+more]); err != nil {
			return disk, fmt.Errorf("read message: %w", noEOF(err))
		}
		size -= int64(more)
		if disk == nil {
			_, disk = to.Write(buf[:have+more])
		}
		if err := s.extend(); err != nil {
			return disk, err
		}
	}
	return disk, nil
}

// extend gives the front time for the next piece.
func (s *session) extend() error {
	err := s.conn.SetReadDeadline(time.Now().Add(partTime))
	if errors.Is(err, errNoDeadline) {
		err = nil
	}
	return err
}

// noEOF says that an end within a message is no end.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// share gives the message to all other letters.
func share(letters []letter) {
	var first *letter
	for i := range letters {
		if letters[i].d != nil {
			first = &letters[i]
			break
		}
	}
	for i := range letters {
		l := &letters[i]
		switch {
		case l == first || l.err != nil:
		case first.err != nil:
			l.err = first.err
		default:
			l.d, l.err = first.d.Twin(l.box)
		}
	}
}

// mostCommits are under way at once: their fsyncs become one of the file system's.
const mostCommits = 16

// commit makes the message part of each mailbox.
func commit(ctx context.Context, letters []letter) {
	one := func(l *letter) {
		if l.err == nil {
			l.err = l.d.Commit(ctx)
		}
	}
	if len(letters) == 1 {
		one(&letters[0])
		return
	}
	var wg sync.WaitGroup
	room := make(chan struct{}, mostCommits)
	for i := range letters {
		room <- struct{}{}
		wg.Go(func() {
			one(&letters[i])
			<-room
		})
	}
	wg.Wait()
}
