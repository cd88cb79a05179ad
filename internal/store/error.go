package store

import (
	"context"
	"errors"
	"io/fs"
	"strconv"
	"syscall"

	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/packed"
	"fantail/internal/store/quota"
	"fantail/internal/store/uidlist"
)

// Kind says what a protocol should tell its client about an error.
type Kind uint8

// The kinds.
const (
	Other       Kind = iota // a fault of ours or the machine's
	NotFound                // no such mailbox
	Exists                  // there is one already
	Denied                  // the file system refuses
	OverQuota               // no space, or a limit of the account
	InUse                   // somebody holds it
	Limit                   // a limit of ours, such as the number of keywords
	Gone                    // the message or mailbox was there and is not any more
	Corrupt                 // files on disk make no sense
	Unavailable             // try again later
	Invalid                 // a name or a request that can never work
)

var kindNames = [...]string{"other", "not found", "exists", "denied", "over quota", "in use",
	"limit", "gone", "corrupt", "unavailable", "invalid"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Error is what every operation of this package fails with.
type Error struct {
	Op      string // what was being done: "create", "append", ...
	Mailbox string // name of the mailbox, or ""
	Kind    Kind
	Err     error // the cause; for the log, not for the client
}

func (e *Error) Error() string {
	s := e.Op
	if e.Mailbox != "" {
		s += " " + strconv.Quote(e.Mailbox)
	}
	if e.Err == nil {
		return s + ": " + e.Kind.String()
	}
	return s + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the *Error in err's chain, or Other.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Other
}

// fail wraps err with what was being done; the kind follows from the cause. An
// *Error keeps its kind; nil stays nil.
func fail(op, mailbox string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Op: op, Mailbox: mailbox, Kind: kindOfCause(err), Err: err}
}

// causes says what kind follows from an error of the packages below or the kernel.
// Of several that are in one chain the first here counts.
var causes = []struct {
	kind Kind
	errs []error
}{
	// First, since a file is often made because there is none.
	{OverQuota, []error{syscall.ENOSPC, syscall.EDQUOT, quota.ErrOver}},
	{NotFound, []error{fs.ErrNotExist}},
	{Gone, []error{maildir.ErrVanished, maildir.ErrLost}},
	{Unavailable, []error{maildir.ErrBusy, uidlist.ErrRaced}},
	{Exists, []error{fs.ErrExist}},
	{Denied, []error{fs.ErrPermission, syscall.EROFS}},
	{Limit, []error{uidlist.ErrTooManyKeywords, uidlist.ErrExhausted, index.ErrTooLarge, index.ErrExhausted}},
	{Invalid, []error{uidlist.ErrKeyword, uidlist.ErrName, maildir.ErrFolderName}},
	{InUse, []error{uidlist.ErrLockTimeout, uidlist.ErrLockLost}},
	{Corrupt, []error{uidlist.ErrTooLarge, uidlist.ErrBase, uidlist.ErrSubscriptions, maildir.ErrNotRegular,
		packed.ErrDamaged, packed.ErrTooLarge, packed.ErrEncrypted, packed.ErrUnsupported}},
	{Unavailable, []error{context.Canceled, context.DeadlineExceeded, syscall.ESTALE, syscall.EMFILE, syscall.ENFILE}},
}

func kindOfCause(err error) Kind {
	for _, c := range causes {
		for _, e := range c.errs {
			if errors.Is(err, e) {
				return c.kind
			}
		}
	}
	var list *uidlist.DamagedError
	var known *index.DamagedError
	if errors.As(err, &list) || errors.As(err, &known) {
		return Corrupt
	}
	return Other
}
