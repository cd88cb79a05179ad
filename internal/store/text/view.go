package text

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store/zstd"
)

// Name is the name of the file, in the mailbox's directory.
const Name = "fantail.text"

// View is the file as one reader goes through it, from its beginning to its end.
// Several goroutines may take frames from it at once, each with a Frame of its own.
type View struct {
	seed   uint32
	header []byte
	path   string

	mu   sync.Mutex // guards what follows
	file *os.File   // nil: there is none, or none of this kind
	off  int64      // of the next frame
}

// Open opens the file of a mailbox. One that is not there, or that is not of this
// version and UIDVALIDITY, is as an empty one.
func Open(dir string, v mail.UIDValidity) (*View, error) {
	h := header(v)
	view := &View{seed: sum(h), header: h, path: filepath.Join(dir, Name)}
	file, err := openOld(view.path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return view, nil
	}
	if err != nil {
		return nil, err
	}
	return view, view.use(file)
}

// use makes file the one that is read, if it is of the right kind.
func (v *View) use(file *os.File) error {
	h := make([]byte, headerSize)
	if _, err := file.ReadAt(h, 0); err != nil && err != io.EOF {
		return errors.Join(err, file.Close())
	}
	v.off = headerSize
	if !bytes.Equal(h, v.header) {
		return file.Close()
	}
	v.file = file
	return nil
}

// openOld opens a file that may be anything: links are not followed, a FIFO is
// not waited for, and only a regular file is taken.
func openOld(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close closes the file.
func (v *View) Close() error {
	if v.file == nil {
		return nil
	}
	return v.file.Close()
}

// Frame is a number of messages, and their text as far as it was loaded. Its
// buffers are used again for the next one.
type Frame struct {
	v      *View
	off    int64
	head   head
	text   [sections][]byte
	loaded [sections]bool
	signed [sections]bool   // their signature was read
	sign   [sections][]byte // these
	packed []byte           // what was read of the frame at first
	have   int              // how many octets from its beginning that is
	later  []byte           // what was read of it then
	zip    zstd.Decoder
}

// ahead is how much is read at the beginning of a frame: more than most heads and
// the section behind them have.
const ahead = 12 << 10

// Next makes f the next frame. It returns io.EOF at the end of what makes sense.
func (v *View) Next(f *Frame) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.file == nil {
		return io.EOF
	}
	f.v, f.off, f.loaded, f.signed = v, v.off, [sections]bool{}, [sections]bool{}
	if err := f.read(ahead); err != nil {
		return err
	}
	size, err := headSize(f.packed[:f.have])
	if err == nil {
		if size > f.have {
			if err := f.read(size); err != nil {
				return err
			}
		}
		err = errFrame
		if size <= f.have {
			err = f.head.parse(f.packed[:size], v.seed)
		}
	}
	if err != nil {
		return io.EOF
	}
	// What is cut off was being written when the machine stopped.
	end := f.off + f.head.total()
	if end > f.off+int64(f.have) {
		st, err := v.file.Stat()
		if err != nil {
			return err
		}
		if end > st.Size() {
			return io.EOF
		}
	}
	v.off = end
	return nil
}

// read reads the first n octets of the frame, or as many as there are.
func (f *Frame) read(n int) error {
	f.packed = slices.Grow(f.packed[:0], n)[:n]
	have, err := f.v.file.ReadAt(f.packed, f.off)
	f.have = have
	if err != nil && err != io.EOF {
		return fmt.Errorf("read cache of texts: %w", err)
	}
	return nil
}

// UIDs are the messages of the frame. The slice is the frame's.
func (f *Frame) UIDs() []mail.UID { return f.head.uids }

// Full reports whether the frame is as large as frames should be, or nearly.
func (f *Frame) Full() bool {
	n := 0
	for s := range sections {
		n += f.head.raw(s)
	}
	return n >= batchSize/2 || len(f.head.uids) >= maxMessages/2
}

// ErrDamaged says that a frame is not as it was written.
var ErrDamaged = errors.New("cache of texts is damaged")

// load makes a section of the frame ready to be looked at.
func (f *Frame) load(s Section) error {
	if f.loaded[s] {
		return nil
	}
	packed, err := f.piece(f.head.at(s)+f.head.signed[s].size, f.head.packed[s])
	if err != nil {
		return err
	}
	raw := f.head.raw(s)
	f.text[s] = slices.Grow(f.text[s][:0], raw)
	if raw > 0 {
		if f.zip == nil {
			var err error
			if f.zip, err = zstd.NewDecoder(maxSection); err != nil {
				return err
			}
		}
		var err error
		if f.text[s], err = f.zip.DecodeAll(packed, f.text[s]); err != nil || len(f.text[s]) != raw {
			return ErrDamaged
		}
	}
	f.loaded[s] = true
	return nil
}

// piece returns what the frame has at a place. It is valid until the next call.
func (f *Frame) piece(from int, p piece) ([]byte, error) {
	var b []byte
	if to := from + p.size; to <= f.have {
		b = f.packed[from:to]
	} else {
		f.later = slices.Grow(f.later[:0], p.size)[:p.size]
		n, err := f.v.file.ReadAt(f.later, f.off+int64(from))
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("read cache of texts: %w", err)
		}
		b = f.later[:n]
	}
	if len(b) != p.size || sum(b) != p.sum {
		return nil, ErrDamaged
	}
	return b, nil
}

// rulesOut reports whether the signature of a section says that what m matches is not
// in it.
func (f *Frame) rulesOut(m *Matcher, s Section) (bool, error) {
	if f.loaded[s] || len(m.grams) == 0 {
		return false, nil
	}
	if !f.signed[s] {
		b, err := f.piece(f.head.at(s), f.head.signed[s])
		if err != nil {
			return false, err
		}
		f.sign[s], f.signed[s] = append(f.sign[s][:0], b...), true
	}
	return rulesOut(f.sign[s], m.grams), nil
}

// Close gives up what the frame needs to unpack.
func (f *Frame) Close() {
	if f.zip != nil {
		f.zip.Close()
	}
}

// Find looks for what m matches among the messages of the frame that are in want,
// by their places in UIDs, and puts them into hits. It returns ErrDamaged if the
// frame is; any other error is one of reading.
func (f *Frame) Find(m *Matcher, want, hits []bool) error {
	if m.Always() {
		copy(hits, want)
		return nil
	}
	for s := range sections {
		if !m.wants(s) || f.head.raw(s) == 0 || !f.anyOpen(want, hits) {
			continue
		}
		if out, err := f.rulesOut(m, s); err != nil || out {
			if err != nil {
				return err
			}
			continue
		}
		if err := f.load(s); err != nil {
			return err
		}
		f.find(m, s, want, hits)
	}
	return nil
}

func (f *Frame) anyOpen(want, hits []bool) bool {
	for i := range f.head.uids {
		if want[i] && !hits[i] {
			return true
		}
	}
	return false
}

// find is Find in one section.
func (f *Frame) find(m *Matcher, s Section, want, hits []bool) {
	ends := f.head.ends[s]
	open := func(i int) bool { return want[i] && !hits[i] }
	at := uint32(0)
	for i := 0; i < len(ends); i++ {
		if !open(i) {
			at = ends[i]
			continue
		}
		last := i // of the messages that are looked at in one go
		for last+1 < len(ends) && open(last+1) {
			last++
		}
		b := f.text[s][:ends[last]]
		for i <= last {
			hit := m.find(b, int(at))
			if hit < 0 {
				break
			}
			for int(ends[i]) <= hit {
				i++
			}
			hits[i] = true
			at = ends[i]
			i++
		}
		i, at = last, ends[last]
	}
}

// Decides reports whether the frame has what the answer for message i depends on.
func (f *Frame) Decides(m *Matcher, i int) bool {
	return f.head.lacks[i] == Nothing || m.scope == OneField
}

// Lacks tells what the frame does not have of message i.
func (f *Frame) Lacks(i int) Lack { return f.head.lacks[i] }
