package imapd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"fantail/internal/imap/wire"
	"fantail/internal/message"
	"fantail/internal/store"
)

// A literal8 may hold what is no lines of text (RFC 3516 section 4.4). Files of mail
// have lines: so the parts that are called binary, and are, get base64 for their
// transfer encoding. BINARY shows their octets as they were sent. Whether there is
// such a part is known only at the end, so the message waits: a short one in memory,
// a long one in a file without a name.
//
// A NUL in a part that is not called binary is stored as it is; FETCH sends another
// octet in its place, except with BINARY.

// receiveBinary reads a literal8 and writes to w what is to be stored of it, with
// CRLF.
func receiveBinary(w io.Writer, lit *wire.Literal, mbox *store.Mailbox) (err error) {
	waiting := &held{mbox: mbox}
	defer func() { err = errors.Join(err, waiting.close()) }()
	var check message.LineCheck
	size := int(min(lit.Size, appendBuffer))
	if _, err := io.CopyBuffer(io.MultiWriter(waiting, &check), lit, make([]byte, size)); err != nil {
		return err
	}
	r := waiting.reader()
	all := io.NewSectionReader(r, 0, lit.Size)
	if check.Lines() {
		_, err := io.Copy(w, all)
		return err
	}
	root, err := message.Parse(all, message.DefaultLimits())
	if err != nil {
		return fmt.Errorf("append: %w", err)
	}
	return message.EncodeBinary(w, r, root)
}

// maxHeld is how much of a message waits in memory.
const maxHeld = 1 << 20

// held is a message that waits.
type held struct {
	mbox   *store.Mailbox
	memory bytes.Buffer
	file   *os.File // holds all of it once it is long
}

func (h *held) Write(p []byte) (int, error) {
	if h.file == nil && h.memory.Len()+len(p) > maxHeld {
		f, err := h.mbox.Scratch()
		if err != nil {
			return 0, err
		}
		h.file = f
		if _, err := h.memory.WriteTo(f); err != nil {
			return 0, fmt.Errorf("keep message aside: %w", err)
		}
	}
	if h.file != nil {
		return h.file.Write(p)
	}
	return h.memory.Write(p)
}

func (h *held) reader() io.ReaderAt {
	if h.file != nil {
		return h.file
	}
	return bytes.NewReader(h.memory.Bytes())
}

func (h *held) close() error {
	if h.file == nil {
		return nil
	}
	return h.file.Close()
}
