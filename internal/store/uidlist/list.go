package uidlist

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"iter"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"fantail/internal/mail"
)

// Errors that a caller may want to tell apart. A list that does not exist is
// fs.ErrNotExist, one that exists already fs.ErrExist.
var (
	ErrTooLarge  = errors.New("file too large")
	ErrBase      = errors.New("name cannot be written to a UID list")
	ErrExhausted = errors.New("no UID left under this UIDVALIDITY")
	ErrRaced     = errors.New("changed by a program that does not hold the lock")
)

// Limits of what is read and written.
const (
	// MaxBase is the longest base name, in octets: that of Linux file names.
	MaxBase = 255
	// MaxUID is the greatest UID that a list may hold: Dovecot takes 2^32 - 1 for
	// damage.
	MaxUID mail.UID = math.MaxUint32 - 1

	maxFile = 1 << 29 // octets: some seven million messages
	maxLine = 8 << 10 // octets of one line
)

// Record is one line of the list: a message, or one that is gone.
type Record struct {
	UID  mail.UID
	Base string // the file's name up to the first ':'
	// Ext holds the extension fields as they stand in the line, each with the
	// space before it: " W123 Gabc". See Field.
	Ext string
}

// Field returns the value of the extension field with this key: 'S' size, 'W'
// size with CRLF, 'P' POP3 UIDL (an empty value means the base), 'O' POP3
// order, 'G' message GUID.
func (r Record) Field(key byte) (value string, ok bool) {
	for field := range splitFields(r.Ext) {
		if field[0] == key {
			return field[1:], true
		}
	}
	return "", false
}

// splitFields yields what stands between spaces; other white space is data.
func splitFields(s string) iter.Seq[string] {
	return strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' })
}

// List is the content of a dovecot-uidlist at one moment. It never changes.
type List struct {
	Validity mail.UIDValidity
	Next     mail.UID // above every UID in the file
	GUID     string   // of the mailbox: 32 hex digits, or "" if the file has none
	Header   string   // header fields unknown to us, as Record.Ext
	Version  int      // 1 (Courier, Dovecot 1.0) or 3; written is always 3
	// From tells which records were read: those with UIDs from this on. The
	// records below were left out, as the caller of Resume wanted. 1: all were.
	From    mail.UID
	Records []Record // strictly ascending by UID; each base once
	// Lines counts the record lines of the file, also those left out. Of the rest
	// it exceeds len(Records) by those whose base got a later UID.
	Lines int
}

// Find returns the record with this UID, if it was not left out.
func (l *List) Find(uid mail.UID) (Record, bool) {
	i, ok := slices.BinarySearchFunc(l.Records, uid, func(r Record, uid mail.UID) int { return cmp.Compare(r.UID, uid) })
	if !ok {
		return Record{}, false
	}
	return l.Records[i], true
}

// encode returns the list as a version 3 file.
func (l *List) encode() []byte {
	size := len(l.Header) + 128
	for _, r := range l.Records {
		size += len(r.Base) + len(r.Ext) + 14
	}
	b := make([]byte, 0, size)
	b = append(b, "3 V"...)
	b = strconv.AppendUint(b, uint64(l.Validity), 10)
	b = append(b, " N"...)
	b = strconv.AppendUint(b, uint64(l.Next), 10)
	b = append(b, " G"...)
	b = append(b, l.GUID...)
	b = append(b, l.Header...)
	b = append(b, '\n')
	for _, r := range l.Records {
		b = r.append(b)
	}
	return b
}

func (r Record) append(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(r.UID), 10)
	b = append(b, r.Ext...)
	b = append(b, " :"...)
	b = append(b, r.Base...)
	return append(b, '\n')
}

// File is the dovecot-uidlist of one mailbox. Its methods may be called by
// several goroutines; those that write want the mailbox's lock besides.
type File struct {
	dir, path string
	sys       fileSystem
	now       func() time.Time

	mu   sync.Mutex // guards what follows
	at   position
	from *Mark // where the next reading of a whole file may begin instead
	// shown is the highest Next that Load returned or Resume was told, under the
	// UIDVALIDITY shownFor: the caller knows the records below, and a file that was
	// replaced by an older one must not lead us to give a UID twice.
	shown    mail.UID
	shownFor mail.UIDValidity
}

// Open names the list in a Maildir. It reads nothing.
func Open(dir string) *File { return openFile(disk{}, dir) }

func openFile(sys fileSystem, dir string) *File {
	return &File{dir: dir, path: filepath.Join(dir, "dovecot-uidlist"), sys: sys, now: time.Now}
}

// Path is the file's path.
func (f *File) Path() string { return f.path }

// newGUID makes a mailbox GUID: 128 random bits.
func newGUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// checkBase says whether the format can hold the name: it has no escaping.
func checkBase(base string) error {
	if base == "" || len(base) > MaxBase || strings.ContainsAny(base, "\n\r/:\x00") {
		return &baseError{base}
	}
	return nil
}

type baseError struct{ base string }

func (e *baseError) Error() string { return strconv.Quote(e.base) + ": " + ErrBase.Error() }
func (e *baseError) Unwrap() error { return ErrBase }
