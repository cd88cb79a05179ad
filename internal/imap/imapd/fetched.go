package imapd

import (
	"bufio"
	"bytes"
	"os"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/imap"
	"fantail/internal/message"
	"fantail/internal/store"
)

// fetched is one message while it is answered for. One serves all messages of a
// command in turn and keeps its buffers.
type fetched struct {
	*counted
	f     *fetcher
	text  []byte // that is being written
	date  time.Time
	saved time.Time
	email string // EMAILID
	size  int64

	items store.Items
	kept  []byte           // values of the items that the store keeps, one behind the other
	ends  []int            // where the value of each item of the command ends in kept
	fresh []store.KeptItem // the values that had to be computed

	toKept *bufio.Writer // writes to the end of kept
	lacks  bool          // a preview that was asked for lazily is not there

	binaries []binary     // what is known of each item of the command that is BINARY
	decoded  bytes.Buffer // what they keep

	file *os.File
	root *message.Part // the structure
	head *message.Part // that of the message without its body

	headers headerReader
	expand  *crlf.Expander
	fields  []byte // of a section
}

// load finds out all that is needed to answer for a message, as far as it can
// fail. It is Gone if the mailbox has it no more and more than flags is wanted.
func (m *fetched) load() error {
	needs := m.f.needs
	if needs&^needFlags == 0 {
		return nil
	}
	if m.gone {
		return &store.Error{Op: "fetch", Kind: store.Gone}
	}
	if needs&needKept != 0 {
		if err := m.lookUp(); err != nil {
			return err
		}
	}
	if err := m.open(); err != nil {
		return err
	}
	if needs&needBinary != 0 {
		if err := m.decodeParts(); err != nil {
			return err
		}
	}
	if needs&needEmailID != 0 {
		if err := m.identify(); err != nil {
			return err
		}
	}
	return m.stat()
}

// identify finds out the EMAILID.
func (m *fetched) identify() (err error) {
	f := m.f
	m.email, err = f.s.box.mbox.EmailID(f.ctx, m.now.snap, m.now.i)
	return err
}

// stat finds out dates and size. Where the structure is known it counts, so that
// RFC822.SIZE always is the size of BODY[] in the same response.
func (m *fetched) stat() (err error) {
	f := m.f
	var dated, sized, known bool
	m.date, dated = m.row.Internal()
	m.saved, known = m.row.Saved()
	m.size, sized = m.row.Virtual()
	switch mbox := f.s.box.mbox; {
	case f.needs&needDate != 0 && !dated, f.needs&needSaved != 0 && !known:
		st, err := mbox.Stat(f.ctx, m.row.UID)
		if err != nil {
			return err
		}
		m.date, m.saved, m.size = st.Date, st.Saved, st.Size
	case f.needs&needSize != 0 && !sized:
		if m.size, err = mbox.Size(f.ctx, m.row.UID); err != nil {
			return err
		}
	}
	if f.needs&needStructure != 0 {
		m.size = m.root.Size()
	}
	return nil
}

// open opens the message and reads as much of its structure as the sections need.
func (m *fetched) open() (err error) {
	f := m.f
	mbox := f.s.box.mbox
	if f.needs&needStructure != 0 && m.root == nil {
		if m.root, err = mbox.Structure(f.ctx, m.row.UID); err != nil {
			return err
		}
	}
	if f.needs&needFile != 0 {
		if err := m.openFile(); err != nil {
			return err
		}
	}
	if f.needs&needHeader != 0 {
		_, err = m.header()
	}
	return err
}

func (m *fetched) openFile() (err error) {
	if m.file == nil {
		m.file, err = m.f.s.box.mbox.OpenMessage(m.f.ctx, m.row.UID)
	}
	return err
}

// header returns a structure that is good for the message's own header. The body
// is not read for it.
func (m *fetched) header() (*message.Part, error) {
	if m.root != nil {
		return m.root, m.openFile()
	}
	if m.head != nil {
		return m.head, nil
	}
	err := m.openFile()
	if err == nil {
		m.head, err = m.headers.scan(m.file)
	}
	if err == nil && m.head == nil {
		m.root, err = m.f.s.box.mbox.Structure(m.f.ctx, m.row.UID)
		return m.root, err
	}
	return m.head, err
}

func (m *fetched) close() {
	if m.file != nil {
		m.file.Close() // only read from
	}
	m.file, m.root, m.head = nil, nil, nil
	m.headers.forget()
}

// write writes the value of item i of the command.
func (m *fetched) write(i int) error {
	out, item := m.f.s.out, &m.f.items[i]
	switch item.Kind {
	case imap.FetchUID:
		out.Number(uint32(m.row.UID))
	case imap.FetchFlags:
		m.f.s.writeFlagText(m.counted)
	case imap.FetchModSeq:
		imap.WriteModSeq(out, m.row.ModSeq)
	case imap.FetchInternalDate:
		m.writeDate(m.date)
	case imap.FetchSaveDate:
		m.writeDate(m.saved)
	case imap.FetchEmailID:
		out.List(func() { out.Atom(m.email) })
	case imap.FetchThreadID:
		out.NIL() // see store.Mailbox.EmailID
	case imap.FetchSize:
		out.Number64(m.size)
	case imap.FetchEnvelope, imap.FetchBody, imap.FetchBodyStructure:
		out.Encoded(m.value(i))
	case imap.FetchPreview:
		m.writePreview(i)
	case imap.FetchSection:
		return m.writeSection(i)
	case imap.FetchBinary:
		return m.writeBinary(i)
	case imap.FetchBinarySize:
		out.Number64(m.binaries[i].size)
	}
	return out.Err()
}

func (m *fetched) writeDate(t time.Time) {
	m.text = imap.AppendDateTime(m.text[:0], t)
	m.f.s.out.QuotedOf(m.text)
}

// writePreview writes the value of item i, a PREVIEW: NIL if it was asked for lazily
// and nobody has computed it (RFC 8970 section 4.1).
func (m *fetched) writePreview(i int) {
	out := m.f.s.out
	if m.f.items[i].Lazy && m.lacks {
		out.NIL()
		return
	}
	imap.WritePreview(out, string(m.value(i)))
}
