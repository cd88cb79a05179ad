// Package linked, imported for that alone, makes Zstandard a part of the program.
package linked

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	door "fantail/internal/store/zstd"
)

func init() {
	door.Link(door.Functions{NewReader: newReader, NewDecoder: newDecoder, NewEncoder: newEncoder})
}

func newReader(from io.Reader, window uint64) (door.Reader, error) {
	d, err := zstd.NewReader(from,
		zstd.WithDecoderConcurrency(1), // no goroutines
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(window),
		zstd.WithDecoderMaxMemory(window))
	if err != nil {
		return nil, tooLarge(err)
	}
	return reader{d}, nil
}

// reader tells when something is too large.
type reader struct{ *zstd.Decoder }

func (r reader) Read(p []byte) (int, error) {
	n, err := r.Decoder.Read(p)
	return n, tooLarge(err)
}

// WriteTo is used by io.Copy, with a buffer of its own.
func (r reader) WriteTo(w io.Writer) (int64, error) {
	n, err := r.Decoder.WriteTo(w)
	return n, tooLarge(err)
}

func tooLarge(err error) error {
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return fmt.Errorf("%w: %w", door.ErrTooLarge, err)
	}
	return err
}

func newDecoder(most uint64) (door.Decoder, error) {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1), // no goroutines
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(most))
	if err != nil {
		return nil, err
	}
	return d, nil
}

func newEncoder(window int) (door.Encoder, error) {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1), // no goroutines
		zstd.WithWindowSize(window),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	return e, nil
}
