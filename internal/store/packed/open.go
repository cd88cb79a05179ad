package packed

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"fantail/internal/store/zstd"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrDamaged says that the packed stream is cut short or corrupt.
	ErrDamaged = errors.New("packed message is damaged")
	// ErrTooLarge says that the message unpacks to more than its budget.
	ErrTooLarge = errors.New("packed message is too large")
	// ErrEncrypted says that Dovecot's mail-crypt plugin has written the message:
	// only Dovecot, with its keys, can read it.
	ErrEncrypted = errors.New("message is encrypted by Dovecot's mail-crypt plugin")
	// ErrUnsupported says that the message is packed by xz.
	ErrUnsupported = errors.New("message is packed in a format that is not supported")
)

// Options say what is known of a message. The zero value is useful.
type Options struct {
	// Size is the message's size in octets by the S= field of its file's name;
	// not positive if the name has none.
	Size int64
	// Limit is the most octets that any message may have; 0 means 1 GiB.
	Limit int64
	// Dir is where messages above 4 MiB are put, in files without a name: the
	// tmp of the mailbox is a good place. "" means the system's directory for
	// temporary files.
	Dir string
}

const (
	defaultLimit = 1 << 30
	slack        = 1 << 20 // octets
	gzipRatio    = 1032    // the most that Deflate makes of one octet
)

// budget is how many octets a packed file may make.
func (o Options) budget(packed int64) int64 {
	limit := o.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	if o.Size > 0 {
		return min(limit, min(o.Size, math.MaxInt64-slack)+slack)
	}
	if packed > limit/gzipRatio {
		return limit
	}
	return min(limit, packed*gzipRatio+slack)
}

// Open returns the message that f holds. That is f itself, untouched, if it is
// plain, which costs one pread. If it is packed, f is closed, and the message is
// in an anonymous file, from its beginning, with the mtime of f (which is the
// INTERNALDATE) and a size of its own.
//
// The errors are ErrDamaged, ErrTooLarge, ErrEncrypted, ErrUnsupported and those
// of reading and writing. After any of them f is closed.
func Open(f *os.File, o Options) (*os.File, error) {
	head := make([]byte, Head)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, errors.Join(fmt.Errorf("read message: %w", err), f.Close())
	}
	format := Detect(head[:n])
	if format == Plain {
		return f, nil
	}
	plain, err := unpack(f, format, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("unpack %s: %w", format, err), f.Close())
	}
	if err := f.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("close packed message: %w", err), plain.Close())
	}
	return plain, nil
}

func unpack(f *os.File, format Format, o Options) (*os.File, error) {
	switch format {
	case Encrypted:
		return nil, ErrEncrypted
	case XZ:
		return nil, ErrUnsupported
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	budget := o.budget(info.Size())
	// A name that claims more than the budget is as wrong as its file.
	to := newSpill(o.Dir, budget, min(o.Size, budget))
	if to.err != nil {
		return nil, to.err
	}
	err = pump(to, f, format, budget)
	if err == nil && format == LZ4 && to.size < o.Size {
		err = fmt.Errorf("%w: ends after %d of %d octets", ErrDamaged, to.size, o.Size)
	}
	if err == nil {
		err = finish(to.file, info)
	}
	if err != nil {
		return nil, errors.Join(err, to.discard())
	}
	return to.file, nil
}

// pump unpacks all of f. What is wrong with neither f nor the spill is wrong with
// the stream.
func pump(to *spill, f *os.File, format Format, budget int64) error {
	from := &source{r: io.NewSectionReader(f, 0, math.MaxInt64)}
	_, err := copyPlain(to, bufio.NewReaderSize(from, 64<<10), format, budget)
	switch {
	case err == nil:
		return nil
	case to.err != nil:
		return to.err
	case from.err != nil:
		return from.err
	case errors.Is(err, zstd.ErrNone):
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	case errors.Is(err, zstd.ErrTooLarge):
		return fmt.Errorf("%w: %v", ErrTooLarge, err)
	}
	return fmt.Errorf("%w: %v", ErrDamaged, err)
}

func copyPlain(to io.Writer, from io.Reader, format Format, budget int64) (int64, error) {
	switch format {
	case Gzip:
		r, err := gzip.NewReader(from)
		if err != nil {
			return 0, err
		}
		return io.Copy(to, r)
	case Bzip2:
		return io.Copy(to, bzip2.NewReader(from))
	case Zstd:
		r, err := newZstd(from, budget)
		if err != nil {
			return 0, err
		}
		defer r.Close()
		return io.Copy(to, r)
	case LZ4:
		return io.Copy(to, &lz4Reader{src: from})
	}
	panic("packed: no reader for " + format.String())
}

// source remembers what went wrong with reading the file.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// finish makes the unpacked file look as the message should.
func finish(f *os.File, packed os.FileInfo) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	date, err := unix.TimeToTimespec(packed.ModTime())
	if err != nil {
		return fmt.Errorf("date of message: %w", err)
	}
	return setMTime(f, date)
}
