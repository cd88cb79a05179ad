package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"fantail/internal/mail"
)

// Errors of Keywords.Add.
var (
	ErrKeywordsFull = errors.New("all 26 keyword letters are in use")
	ErrKeyword      = errors.New("not a keyword")
)

// MaxKeywords is how many keywords a mailbox can have: the letters a to z.
const MaxKeywords = 26

// maxKeywordsFile limits dovecot-keywords, in octets. Twenty-six of the longest
// names are 7 kB.
const maxKeywordsFile = 64 << 10

// Keywords is the dovecot-keywords of one mailbox: which letter in a file name
// is which keyword. Letters are numbered from 0 for a to 25 for z. Its methods
// may be called by several goroutines.
type Keywords struct {
	dir, path string
	sys       fileSystem

	mu       sync.Mutex // guards what follows
	names    keywordTable
	stamp    stamp
	reserved uint32 // letters, as bits
}

// keywordTable holds the names as they stand in the file; "" where none is.
type keywordTable [MaxKeywords]string

// OpenKeywords names the file in a Maildir. It reads nothing.
func OpenKeywords(dir string) *Keywords { return openKeywords(disk{}, dir) }

func openKeywords(sys fileSystem, dir string) *Keywords {
	return &Keywords{dir: dir, path: filepath.Join(dir, "dovecot-keywords"), sys: sys}
}

// Stat returns the identity of the file that is there now.
func (k *Keywords) Stat() (FileID, error) { return stat(k.sys, k.path) }

// Loaded returns the identity of the file that was read last.
func (k *Keywords) Loaded() FileID {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stamp.id()
}

// Load reads the file if it changed, which costs one stat if not. Without a file
// no letter has a name.
func (k *Keywords) Load() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.load(); err != nil {
		return fmt.Errorf("read keywords: %w", err)
	}
	return nil
}

func (k *Keywords) load() error {
	fi, err := k.sys.lstat(k.path)
	if err == nil && stampOf(fi) == k.stamp {
		return nil
	}
	var text string
	var s stamp
	if err == nil {
		text, s, err = readAll(k.sys, k.path, maxKeywordsFile)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	k.names, k.stamp = parseKeywords(text), s
	return nil
}

// parseKeywords reads lines "<index> <name>". Others mean nothing; of two lines
// with one index the later counts.
func parseKeywords(text string) (names keywordTable) {
	for line := range strings.Lines(text) {
		index, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if i, err := strconv.ParseUint(index, 10, 8); err == nil && i < MaxKeywords && name != "" {
			names[i] = name
		}
	}
	return names
}

func (t *keywordTable) encode() string {
	var b strings.Builder
	for i, name := range t {
		if name != "" {
			fmt.Fprintf(&b, "%d %s\n", i, name)
		}
	}
	return b.String()
}

// Name returns the keyword of a letter. ok tells whether it has a name in the
// file that a client can be shown; else the name is Dovecot's for a letter whose
// name is lost, "unknown-7", and Letter understands it.
func (k *Keywords) Name(letter int) (kw mail.Keyword, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.names.name(letter)
}

func (t *keywordTable) name(letter int) (mail.Keyword, bool) {
	if letter < 0 || letter >= MaxKeywords {
		return "", false
	}
	if kw := mail.Keyword(t[letter]); legalKeyword(kw) {
		return kw, true
	}
	kw := mail.Keyword("unknown-" + strconv.Itoa(letter))
	for t.holds(kw) {
		kw += "?"
	}
	return kw, false
}

func (t *keywordTable) holds(kw mail.Keyword) bool {
	for _, name := range t {
		if kw.Equal(mail.Keyword(name)) {
			return true
		}
	}
	return false
}

// Letter returns the letter of a keyword, whose case does not matter.
func (k *Keywords) Letter(kw mail.Keyword) (letter int, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.names.letter(kw)
}

func (t *keywordTable) letter(kw mail.Keyword) (int, bool) {
	for i := range t {
		if name, _ := t.name(i); kw.Equal(name) {
			return i, true
		}
	}
	return 0, false
}

// Reserve tells which letters file names use, as bits from a = 1: Add gives none
// of them to a new keyword, even if its name is lost, since messages that have
// the letter would suddenly have the keyword.
func (k *Keywords) Reserve(letters uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reserved = letters
}

// Add returns the letter of a keyword, and gives it the first free one if it has
// none. The caller holds the mailbox's lock. A name that is no IMAP atom or
// longer than mail.MaxKeyword octets is ErrKeyword.
func (k *Keywords) Add(kw mail.Keyword) (letter int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if letter, err = k.add(kw); err != nil {
		return 0, fmt.Errorf("add keyword %q: %w", kw, err)
	}
	return letter, nil
}

func (k *Keywords) add(kw mail.Keyword) (int, error) {
	letters, err := k.addAll([]mail.Keyword{kw})
	if err != nil {
		return 0, err
	}
	if letters[0] < 0 {
		return 0, ErrKeywordsFull
	}
	return letters[0], nil
}

// AddAll is Add for several keywords at the cost of one. Those that come too late
// for a letter have -1.
func (k *Keywords) AddAll(kws []mail.Keyword) (letters []int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if letters, err = k.addAll(kws); err != nil {
		return nil, fmt.Errorf("add %d keywords: %w", len(kws), err)
	}
	return letters, nil
}

func (k *Keywords) addAll(kws []mail.Keyword) ([]int, error) {
	if i := slices.IndexFunc(kws, func(kw mail.Keyword) bool { return !legalKeyword(kw) }); i >= 0 {
		return nil, fmt.Errorf("%q: %w", kws[i], ErrKeyword)
	}
	if err := k.load(); err != nil {
		return nil, err
	}
	names := k.names
	letters := make([]int, len(kws))
	for n, kw := range kws {
		i, ok := names.letter(kw)
		if !ok {
			i = names.free(k.reserved)
		}
		if letters[n] = i; i >= 0 && names[i] == "" {
			names[i] = string(kw)
		}
	}
	if names == k.names {
		return letters, nil
	}
	return letters, k.write(&names)
}

// free returns the first letter that is nobody's, or -1.
func (t *keywordTable) free(reserved uint32) int {
	for i, name := range t {
		if name == "" && reserved&(1<<i) == 0 {
			return i
		}
	}
	return -1
}

// write replaces the file. Dovecot compares mtimes in whole seconds, so the
// seconds must grow each time.
func (k *Keywords) write(names *keywordTable) error {
	var after int64
	if k.stamp != (stamp{}) {
		after = k.stamp.mtime / 1e9
	}
	// Dovecot's temporary file is its lock file. It deletes what it finds there,
	// since the UID list's lock is held.
	_, err := replace(k.sys, replacement{path: k.path, temp: k.path + ".lock", data: names.encode(), after: after})
	if err != nil {
		k.stamp = stamp{}
		return err
	}
	return k.load()
}

// legalKeyword reports whether the name is an atom (RFC 9051 section 9,
// flag-keyword) of acceptable length.
func legalKeyword(kw mail.Keyword) bool {
	if kw == "" || len(kw) > mail.MaxKeyword {
		return false
	}
	for i := range len(kw) {
		if c := kw[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return true
}
