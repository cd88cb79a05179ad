package factor

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
	"math"
	"strconv"
	"strings"
	"time"

	"fantail/internal/login/passdb/accountdir"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

// file is what is kept of one account. Its first line says whose it is, and each further
// one begins with a word and has tabs between the fields:
//
//	fantail-factors 2 name
//	app       pending|active, secret, day of creation, last period used
//	handle    of the account for security keys, if it has any
//	key       name, public key, counter, origin, fixed|copied, transports with commas,
//	          day of creation, day of last use, label
//	recovery  SHA-256
//
// in this order, octets in hexadecimal digits, days as numbers from 1970. Anything else is an
// error of the whole file: nobody logs in to the account then. Files of before there were
// security keys (legacy.go) are read as well, and written so when they change.
type file struct {
	account  string // in lower case
	app      *app   // nil: none
	handle   [handleSize]byte
	keys     []Key
	recovery [][sha256.Size]byte
}

// app is an authenticator app.
type app struct {
	active  bool
	secret  [secretSize]byte
	created int64 // the number of the day, from 1970
	used    int64 // the number of the last period of which a code was used, from 1970
}

const (
	magic        = "fantail-factors 2 "
	maxFile      = 64 << 10
	maxRecovery  = 32
	secondsOfDay = 24 * 60 * 60
)

var errFile = errors.New("not a file of second factors")

// states are the words for whether it is in force.
var states = map[string]bool{"pending": false, "active": true}

// inForce reports whether the account has a second factor.
func (f *file) inForce() bool { return f.app != nil && f.app.active || len(f.keys) > 0 }

// kept is f, or nil if nothing is left in it but recovery codes.
func (f *file) kept() *file {
	if !f.inForce() {
		f.recovery = nil
	}
	if f.app == nil && len(f.keys) == 0 {
		return nil
	}
	return f
}

func (f *file) format() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%s\n", magic, f.account)
	if a := f.app; a != nil {
		state := "pending"
		if a.active {
			state = "active"
		}
		fmt.Fprintf(&b, "app\t%s\t%x\t%d\t%d\n", state, a.secret, a.created, a.used)
	}
	if len(f.keys) > 0 {
		fmt.Fprintf(&b, "handle\t%x\n", f.handle)
	}
	for _, k := range f.keys {
		c := k.Credential
		copied := "fixed"
		if c.Eligible {
			copied = "copied"
		}
		fmt.Fprintf(&b, "key\t%x\t%x\t%d\t%s\t%s\t%s\t%d\t%d\t%s\n", c.ID, c.Key, c.Count, c.Origin, copied,
			strings.Join(c.Transports, ","), numberOf(k.Created), numberOf(k.Used), k.Label)
	}
	for _, hash := range f.recovery {
		fmt.Fprintf(&b, "recovery\t%x\n", hash)
	}
	return b.Bytes()
}

// numberOf is dayOf backwards.
func numberOf(day time.Time) int64 {
	if day.IsZero() {
		return 0
	}
	return day.Unix() / secondsOfDay
}

// parse reads a file. Its errors hold nothing of it.
func parse(text []byte) (*file, error) {
	lines := strings.Split(string(text), "\n")
	if len(lines) < 3 || lines[len(lines)-1] != "" {
		return nil, errFile
	}
	head, lines := lines[0], lines[1:len(lines)-1]
	read := (*file).line
	account, ok := strings.CutPrefix(head, magic)
	if !ok {
		account, ok = strings.CutPrefix(head, legacyMagic)
		read = (*file).legacyLine
	}
	if !ok || userdb.CheckName(account) != nil || strings.ToLower(account) != account {
		return nil, errFile
	}
	f := &file{account: account}
	for i, line := range lines {
		if !read(f, i, strings.Split(line, "\t")) {
			return nil, errFile
		}
	}
	if (f.handle != [handleSize]byte{}) != (len(f.keys) > 0) {
		return nil, errFile
	}
	return f, nil
}

// line reads one, and reports whether it is right after those before it.
func (f *file) line(i int, fields []string) bool {
	switch fields[0] {
	case "app":
		return i == 0 && f.readApp(fields[1:])
	case "handle":
		return len(f.keys) == 0 && len(f.recovery) == 0 && f.handle == [handleSize]byte{} && len(fields) == 2 &&
			unhex(f.handle[:], fields[1]) && f.handle != [handleSize]byte{}
	case "key":
		return f.handle != [handleSize]byte{} && len(f.recovery) == 0 && len(f.keys) < MostKeys && f.readKey(fields[1:])
	case "recovery":
		return len(fields) == 2 && f.readRecovery(fields[1])
	}
	return false
}

func (f *file) readApp(fields []string) bool {
	if len(fields) != 4 {
		return false
	}
	a, ok := &app{}, false
	if a.active, ok = states[fields[0]]; !ok || !unhex(a.secret[:], fields[1]) || !number(&a.created, fields[2]) || !number(&a.used, fields[3]) {
		return false
	}
	f.app = a
	return true
}

func (f *file) readKey(fields []string) bool {
	if len(fields) != 9 {
		return false
	}
	var k Key
	var count, created, used int64
	c := &k.Credential
	c.ID, c.Key = make([]byte, len(fields[0])/2), make([]byte, len(fields[1])/2)
	if len(c.ID) == 0 || len(c.ID) > webauthn.MaxID || !unhex(c.ID, fields[0]) || len(c.Key) == 0 || !unhex(c.Key, fields[1]) || !number(&count, fields[2]) || count > math.MaxUint32 {
		return false
	}
	p, err := webauthn.PartyOf(fields[3])
	if err != nil || p.Origin != fields[3] || fields[4] != "fixed" && fields[4] != "copied" || !number(&created, fields[6]) || !number(&used, fields[7]) || checkLabel(fields[8]) != nil {
		return false
	}
	c.Count, c.Origin, c.Eligible = uint32(count), p.Origin, fields[4] == "copied"
	if fields[5] != "" {
		c.Transports = strings.Split(fields[5], ",")
	}
	k.ID, k.Label, k.Created, k.Used = idOf(*c), fields[8], dayOf(created), dayOf(used)
	f.keys = append(f.keys, k)
	return true
}

func (f *file) readRecovery(text string) bool {
	var hash [sha256.Size]byte
	if !unhex(hash[:], text) || len(f.recovery) == maxRecovery {
		return false
	}
	f.recovery = append(f.recovery, hash)
	return true
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
