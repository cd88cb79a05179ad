// Package zstd is Zstandard (RFC 8878) for packages packed and text, in those programs
// that read mail. What does the work prepares tables when a program starts, for longer
// than a message takes to be delivered, so a program has it only if something in it
// imports package linked; without that every function returns ErrNone.
package zstd

import (
	"errors"
	"io"
)

var (
	// ErrNone says that the program cannot do this.
	ErrNone = errors.New("zstd: not a part of this program")
	// ErrTooLarge says that something claims to need more memory than it may.
	ErrTooLarge = errors.New("zstd: too large")
)

// Reader reads what a stream unpacks to. Its errors wrap ErrTooLarge where that is it.
type Reader interface {
	io.Reader
	Close()
}

// Decoder unpacks what is in memory.
type Decoder interface {
	// DecodeAll appends what packed unpacks to.
	DecodeAll(packed, to []byte) ([]byte, error)
	Close()
}

// Encoder packs what is in memory.
type Encoder interface {
	// EncodeAll appends what plain packs to.
	EncodeAll(plain, to []byte) []byte
}

// Functions are what does the work. None of it starts goroutines.
type Functions struct {
	NewReader  func(from io.Reader, window uint64) (Reader, error)
	NewDecoder func(most uint64) (Decoder, error)
	NewEncoder func(window int) (Encoder, error)
}

// linked is set when the program starts, or never.
var linked = Functions{
	NewReader:  func(io.Reader, uint64) (Reader, error) { return nil, ErrNone },
	NewDecoder: func(uint64) (Decoder, error) { return nil, ErrNone },
	NewEncoder: func(int) (Encoder, error) { return nil, ErrNone },
}

// Link is for the initialization of package linked.
func Link(f Functions) { linked = f }

// NewReader unpacks a stream whose frames need no larger window, in octets.
func NewReader(from io.Reader, window uint64) (Reader, error) { return linked.NewReader(from, window) }

// NewDecoder unpacks what makes no more than most octets.
func NewDecoder(most uint64) (Decoder, error) { return linked.NewDecoder(most) }

// NewEncoder packs quickly, with a window of so many octets.
func NewEncoder(window int) (Encoder, error) { return linked.NewEncoder(window) }
