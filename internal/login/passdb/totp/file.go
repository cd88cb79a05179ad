package totp

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"fantail/internal/login/passdb/accountdir"
	"fantail/internal/login/userdb"
)

// file is the second factor of one account. Its first line says whose it is, the second
// has tabs between the fields, and each further one is a recovery code:
//
//	fantail-totp 1 name
//	pending|active  secret in hexadecimal digits  day of creation  last period used
//	SHA-256 in hexadecimal digits
//
// Anything else is an error of the whole file: nobody logs in to the account then.
type file struct {
	account  string // in lower case
	active   bool
	secret   [secretSize]byte
	created  int64 // the number of the day, from 1970
	used     int64 // the number of the last period of which a code was used, from 1970
	recovery [][sha256.Size]byte
}

const (
	magic        = "fantail-totp 1 "
	maxFile      = 4 << 10
	maxRecovery  = 32
	secondsOfDay = 24 * 60 * 60
)

var errFile = errors.New("not a file of a second factor")

// states are the words for whether it is in force.
var states = map[string]bool{"pending": false, "active": true}

func (f *file) format() []byte {
	state := "pending"
	if f.active {
		state = "active"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%s\n%s\t%x\t%d\t%d\n", magic, f.account, state, f.secret, f.created, f.used)
	for _, hash := range f.recovery {
		fmt.Fprintf(&b, "%x\n", hash)
	}
	return b.Bytes()
}

// parse reads a file. Its errors hold nothing of it.
func parse(text []byte) (*file, error) {
	lines := strings.Split(string(text), "\n")
	account, ok := strings.CutPrefix(lines[0], magic)
	if !ok || userdb.CheckName(account) != nil || strings.ToLower(account) != account || len(lines) < 3 || lines[len(lines)-1] != "" {
		return nil, errFile
	}
	f := &file{account: account}
	fields := strings.Split(lines[1], "\t")
	if len(fields) != 4 {
		return nil, errFile
	}
	if f.active, ok = states[fields[0]]; !ok || !unhex(f.secret[:], fields[1]) || !number(&f.created, fields[2]) || !number(&f.used, fields[3]) {
		return nil, errFile
	}
	for _, line := range lines[2 : len(lines)-1] {
		var hash [sha256.Size]byte
		if !unhex(hash[:], line) || len(f.recovery) == maxRecovery {
			return nil, errFile
		}
		f.recovery = append(f.recovery, hash)
	}
	return f, nil
}

// unhex reads octets in small hexadecimal digits, as many as there is room for.
func unhex(to []byte, text string) bool {
	if len(text) != hex.EncodedLen(len(to)) || strings.ToLower(text) != text {
		return false
	}
	_, err := hex.Decode(to, []byte(text))
	return err == nil
}

func number(to *int64, text string) bool {
	n, err := strconv.ParseUint(text, 10, 40)
	*to = int64(n)
	return err == nil && strconv.FormatUint(n, 10) == text
}

// read reads an account's file. The error may be ErrNone.
func (s *Store) read(account string) (*file, error) {
	text, err := s.dir.Read(account)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err == nil {
		var f *file
		if f, err = s.open(account, text); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("second factor of %s: %w", account, err)
}

// open reads what is in an account's file.
func (s *Store) open(account string, text []byte) (*file, error) {
	f, err := parse(text)
	if err == nil && f.account != strings.ToLower(account) {
		err = errors.New("it is another account's")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.dir.File(account), err)
	}
	return f, nil
}

// again is how soon somebody who waits for others looks again.
const again = 10 * time.Millisecond

// change replaces an account's file, nil if there is none, by what do makes of it, unless
// do fails. It waits for others as long as ctx permits.
func (s *Store) change(ctx context.Context, account string, do func(*file) (*file, error)) error {
	for {
		err := s.dir.Change(account, false, func(text []byte) ([]byte, error) {
			var f *file
			var err error
			if text != nil {
				if f, err = s.open(account, text); err != nil {
					return nil, err
				}
			}
			if f, err = do(f); f == nil || err != nil {
				return nil, err
			}
			return f.format(), nil
		})
		if errors.Is(err, accountdir.ErrBusy) {
			select {
			case <-time.After(again):
				continue
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		if err != nil {
			return fmt.Errorf("second factor of %s: %w", account, err)
		}
		return nil
	}
}

const (
	recoverySize = 10 // octets
	recoveryText = 16 // letters and digits
)

var (
	upper = base32.StdEncoding.WithPadding(base32.NoPadding) // as authenticator apps want it
	lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
)

func base32Of(secret []byte) string { return upper.EncodeToString(secret) }

// newRecovery makes recovery codes, and what is kept of them.
func newRecovery() (codes []userdb.Secret, hashes [][sha256.Size]byte) {
	for range RecoveryCodes {
		var secret [recoverySize]byte
		rand.Read(secret[:]) // never fails
		text := lower.EncodeToString(secret[:])
		codes = append(codes, userdb.Secret(text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:]))
		hashes = append(hashes, sha256.Sum256([]byte(text)))
	}
	return codes, hashes
}

// maxTyped is how much of what somebody types is looked at, in octets.
const maxTyped = 64

// normalize is a code without what people put between groups, in small letters.
func normalize(code string) string {
	if len(code) > maxTyped {
		return ""
	}
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(code))
}
