package imapd

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/imap"
	"fantail/internal/message"
	"fantail/internal/store"
)

// fetched is one message while it is answered for. It serves one message of a command
// after the other and keeps its buffers.
type fetched struct {
	counted
	handed bool          // to a worker
	loaded chan struct{} // receives once a worker has ended load
	failed error         // of load
	looked bool          // items is what the store has
	f      *fetcher
	text   []byte // that is being written
	date   time.Time
	saved  time.Time
	email  string // EMAILID
	size   int64

	items store.Items
	kept  []byte           // values of the items that the store keeps, one behind the other
	ends  []int            // where the value of each item of the command ends in kept
	fresh []store.KeptItem // the values that had to be computed

	toKept *bufio.Writer // writes to the end of kept
	lacks  bool          // a preview that was asked for lazily is not there

	binaries []binary     // what is known of each item of the command that is BINARY
	decoded  bytes.Buffer // what they keep

	content store.Content // all octets, if they were read; its buffer stays
	held    bytes.Reader  // reads them
	source  io.ReaderAt   // the message as stored: held, or file
	file    *os.File
	root    *message.Part // the structure
	head    *message.Part // that of the message without its body
	whole   []byte        // the message with CRLF, if it was read and is asked for

	headers headerReader
	expand  *crlf.Expander
	fields  []byte // of a section
}

// quick reports whether load needs no file, and nobody has to wait for it.
func (m *fetched) quick() bool {
	needs := m.f.needs
	if m.gone || needs&^needFlags == 0 {
		return true
	}
	if needs&(needStructure|needHeader|needBinary|needWhole|needFile) != 0 {
		return false
	}
	_, dated := m.row.Internal()
	_, saved := m.row.Saved()
	_, sized := m.row.Virtual()
	if needs&(needDate|needEmailID) != 0 && !dated || needs&needSaved != 0 && !saved || needs&needSize != 0 && !sized {
		return false
	}
	return needs&needKept == 0 || m.allKept()
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

// stat finds out dates and size. Where the message was read that counts, so that
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
	switch {
	case m.root != nil:
		m.size = m.root.Size()
	case f.needs&needWhole != 0:
		m.size = int64(len(m.whole))
	}
	return nil
}

// open opens the message and reads as much of its structure as the sections need.
func (m *fetched) open() (err error) {
	f := m.f
	if f.needs&needWhole != 0 {
		if err := m.openWhole(); err != nil {
			return err
		}
	}
	if f.needs&needStructure != 0 {
		if err := m.structure(); err != nil {
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

// maxContent is up to how many octets a message is read at once.
const maxContent = 256 << 10

// read reads the message if it is not long; it reports whether it did.
func (m *fetched) read() (bool, error) {
	if m.source != nil {
		return m.file == nil, nil
	}
	c, ok, err := m.f.s.box.mbox.ReadMessage(m.f.ctx, m.row.UID, m.content.Data, maxContent)
	if err != nil || !ok {
		return false, err
	}
	m.content = c
	m.held.Reset(c.Data)
	m.source = &m.held
	return true, nil
}

// openFile makes the octets of the message readable.
func (m *fetched) openFile() (err error) {
	if m.source != nil {
		return nil
	}
	if m.file, err = m.f.s.box.mbox.OpenMessage(m.f.ctx, m.row.UID); err == nil {
		m.source = m.file
	}
	return err
}

// structure finds out the structure of the message.
func (m *fetched) structure() error {
	if m.root != nil {
		return nil
	}
	read, err := m.read()
	if err != nil {
		return err
	}
	mbox := m.f.s.box.mbox
	if read {
		m.root, err = mbox.StructureOf(m.row.UID, m.content)
	} else {
		m.root, err = mbox.Structure(m.f.ctx, m.row.UID)
	}
	return err
}

// openWhole makes ready to send all of the message. Of one that is read at once this
// needs no structure.
func (m *fetched) openWhole() error {
	read, err := m.read()
	if err != nil {
		return err
	}
	if !read {
		return errors.Join(m.structure(), m.openFile())
	}
	m.whole = crlf.AppendExpanded(m.whole[:0], m.content.Data)
	replaceNUL(m.whole)
	return nil
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
		m.head, err = m.headers.scan(m.source)
	}
	if err == nil && m.head == nil {
		return m.root, m.structure()
	}
	return m.head, err
}

func (m *fetched) close() {
	if m.file != nil {
		m.file.Close() // only read from
	}
	m.source, m.file, m.root, m.head = nil, nil, nil, nil
	m.headers.forget()
}

// write writes the value of item i of the command.
func (m *fetched) write(i int) error {
	out, item := m.f.s.out, &m.f.items[i]
	switch item.Kind {
	case imap.FetchUID:
		out.Number(uint32(m.row.UID))
	case imap.FetchFlags:
		m.f.s.writeFlagText(&m.counted)
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
