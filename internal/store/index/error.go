package index

import (
	"errors"
	"fmt"
)

// Kind is a way in which a file of the index cannot be used.
type Kind uint8

// The kinds of damage.
const (
	Truncated    Kind = iota // shorter or longer than it says of itself
	Foreign                  // not a file of this package
	Version                  // of another version of the format
	Checksum                 // its octets changed after they were written
	Inconsistent             // checksums are right, the content makes no sense
	Orphan                   // a journal whose snapshot is missing
)

func (k Kind) String() string {
	return [...]string{"truncated", "foreign file", "other version", "bad checksum", "inconsistent", "journal without its snapshot"}[k]
}

// DamagedError says that the index on disk cannot be used. The remedy is always
// the same: Lock.Reset, and telling the index everything again.
type DamagedError struct {
	Path string
	Kind Kind
	Off  int64 // where it was noticed
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s: %s at octet %d", e.Path, e.Kind, e.Off)
}

// Errors of the methods of Tx.
var (
	ErrNoMessage = errors.New("no message with this UID in the index")
	ErrOrder     = errors.New("UID is not above all UIDs that the index knows")
	ErrName      = errors.New("not a file name that the index can hold")
	ErrKeyword   = errors.New("not a keyword")
	ErrAside     = errors.New("transaction without the lock")
	ErrItem      = errors.New("cached item too large")
	ErrTooLarge  = errors.New("mailbox too large for the index")
	ErrExhausted = errors.New("no modseq left")
	ErrDone      = errors.New("transaction is over")
)
