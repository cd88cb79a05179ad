// Package ondisk reads the files that Dovecot keeps beside the messages as Dovecot
// does, and is strict where it is: a UID list that breaks one of its rules is
// deleted there, and every client downloads its mail again. It shares nothing with
// the store, whose judge it is.
package ondisk

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"fantail/internal/mail"
)

// UIDList is a dovecot-uidlist.
type UIDList struct {
	Validity mail.UIDValidity
	Next     mail.UID // as Dovecot takes it: above the last record
	Base     map[mail.UID]string
}

// ErrUnfinished is a last line without an end: a crash in the middle of a write.
var ErrUnfinished = errors.New("the last line has no end")

// ReadUIDList reads the dovecot-uidlist of the Maildir at dir. With
// ErrUnfinished it returns the lines before the last one.
func ReadUIDList(dir string) (*UIDList, error) {
	text, err := os.ReadFile(filepath.Join(dir, "dovecot-uidlist"))
	if err != nil {
		return nil, err
	}
	return ParseUIDList(string(text))
}

// ParseUIDList is ReadUIDList of a file's text.
func ParseUIDList(text string) (*UIDList, error) {
	lines := strings.SplitAfter(text, "\n")
	l := &UIDList{Base: make(map[mail.UID]string)}
	if err := l.header(strings.TrimSuffix(lines[0], "\n")); err != nil {
		return nil, err
	}
	var last mail.UID
	bases := make(map[string]mail.UID)
	for _, line := range lines[1:] {
		if line == "" {
			break
		}
		line, whole := strings.CutSuffix(line, "\n")
		if !whole {
			return l, ErrUnfinished
		}
		fields, base, ok := strings.Cut(line, ":")
		number, _, spaced := strings.Cut(fields, " ")
		uid, err := strconv.ParseUint(number, 10, 32)
		switch {
		case err != nil || !ok || !spaced || uid == 0 || uid >= 1<<32-1:
			return nil, fmt.Errorf("line %q", line)
		case mail.UID(uid) <= last:
			return nil, fmt.Errorf("UID %d behind %d", uid, last)
		case base == "" || strings.ContainsAny(base, "/\r\x00"):
			return nil, fmt.Errorf("name %q", base)
		}
		last = mail.UID(uid)
		base, _, _ = strings.Cut(base, ":")
		// Of two records of one base the later one counts: the file came back.
		if old, ok := bases[base]; ok {
			delete(l.Base, old)
		}
		l.Base[last], bases[base] = base, last
	}
	l.Next = max(l.Next, last+1)
	return l, nil
}

func (l *UIDList) header(line string) error {
	version, rest, _ := strings.Cut(line, " ")
	if version != "3" {
		return fmt.Errorf("header %q", line)
	}
	for f := range strings.FieldsSeq(rest) {
		n, err := strconv.ParseUint(f[1:], 10, 32)
		switch {
		case f[0] == 'V' && err == nil:
			l.Validity = mail.UIDValidity(n)
		case f[0] == 'N' && err == nil:
			l.Next = mail.UID(n)
		case f[0] == 'G' && len(f) == 33:
		case f[0] == 'V' || f[0] == 'N' || f[0] == 'G':
			return fmt.Errorf("header %q", line)
		}
	}
	if l.Validity == 0 || l.Next == 0 {
		return fmt.Errorf("header %q", line)
	}
	return nil
}

// Keywords are the keywords of dovecot-keywords by letter.
type Keywords map[byte]string

// ReadKeywords reads the dovecot-keywords of the Maildir at dir. Without the file
// there are none.
func ReadKeywords(dir string) (Keywords, error) {
	names := make(Keywords)
	f, err := os.Open(filepath.Join(dir, "dovecot-keywords"))
	if errors.Is(err, fs.ErrNotExist) {
		return names, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		number, name, ok := strings.Cut(sc.Text(), " ")
		i, err := strconv.ParseUint(number, 10, 8)
		if !ok || err != nil || i >= 26 {
			return nil, fmt.Errorf("dovecot-keywords: line %q", sc.Text())
		}
		names[byte('a'+i)] = name
	}
	return names, sc.Err()
}

// Flags returns the flags in a file's name: those of Maildir by their letters,
// keywords by their names.
func (names Keywords) Flags(file string) []string {
	_, info, _ := strings.Cut(filepath.Base(file), ":2,")
	info, _, _ = strings.Cut(info, ",")
	var set []string
	for i := range len(info) {
		letter := info[i]
		if name, ok := names[letter]; ok {
			set = append(set, name)
		} else if strings.IndexByte("DFRST", letter) >= 0 {
			set = append(set, string(letter))
		} else if letter >= 'a' && letter <= 'z' {
			set = append(set, fmt.Sprintf("unknown-%d", letter-'a'))
		}
	}
	return set
}
