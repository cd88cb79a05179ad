package uidlist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrSpecialUses is the error for a file that a later version has written.
var ErrSpecialUses = errors.New("unknown version of the file of special uses")

const (
	maxSpecialUses = 1 << 20 // octets

	// specialUsesV1 begins the file.
	specialUsesV1 = "fantail-specialuse 1\n"
)

// SpecialUse says what a mailbox is for (RFC 6154).
type SpecialUse struct {
	Use  string // an attribute such as `\Sent`
	Name string // of the mailbox on disk, as in Subscriptions
}

// SpecialUses is the file fantail-specialuse in the root Maildir of an account: what
// clients have said that mailboxes are for. Other programs do not know it. After a
// line with its version it has a line for each use and mailbox,
//
//	\Sent Work<TAB>Sent
//
// where the name is written as in the file subscriptions: TAB between its levels.
// A line that means nothing to us stays. Methods may be called by several goroutines
// and processes.
type SpecialUses struct {
	path      string
	separator byte
	sys       fileSystem
}

// OpenSpecialUses names the file. It reads nothing.
func OpenSpecialUses(root string, separator byte) *SpecialUses {
	return &SpecialUses{path: filepath.Join(root, "fantail-specialuse"), separator: separator, sys: disk{}}
}

// List returns what the file says, in its order. Without a file the error is
// fs.ErrNotExist.
func (s *SpecialUses) List() ([]SpecialUse, error) {
	t, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("read special uses: %w", err)
	}
	return t.uses(), nil
}

// Update replaces what the file says by what change makes of it, and makes the file
// if there is none. It waits for the file's lock; change may be told of an update
// between its caller's List and now. On return the change is on disk.
func (s *SpecialUses) Update(ctx context.Context, change func(old []SpecialUse) []SpecialUse) error {
	if err := s.update(ctx, change); err != nil {
		return fmt.Errorf("change special uses: %w", err)
	}
	return nil
}

func (s *SpecialUses) update(ctx context.Context, change func(old []SpecialUse) []SpecialUse) (err error) {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	lock, err := dotlock(ctx, s.sys, s.path, LockOptions{
		Host: host, Timeout: subscriptionsTimeout, Stale: subscriptionsStale,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	t, err := s.read()
	fresh := errors.Is(err, fs.ErrNotExist)
	if err != nil && !fresh {
		return err
	}
	old := t.uses()
	now := change(slices.Clone(old))
	if !fresh && slices.Equal(old, now) {
		return nil
	}
	if err := t.set(now); err != nil {
		return err
	}
	_, err = replace(s.sys, replacement{path: s.path, temp: s.path + ".tmp", data: t.encode()})
	return err
}

func (s *SpecialUses) read() (*specialUsesText, error) {
	t := &specialUsesText{names: subscriptionsText{separator: s.separator}}
	text, _, err := readAll(s.sys, s.path, maxSpecialUses)
	if err != nil {
		return t, err
	}
	if err := t.parse(text); err != nil {
		return t, fmt.Errorf("%s: %w", s.path, err)
	}
	return t, nil
}

// specialUsesText is the content of the file.
type specialUsesText struct {
	names   subscriptionsText // knows how names are written
	known   []SpecialUse
	strange []string // lines
}

func (t *specialUsesText) parse(text string) error {
	body, ok := strings.CutPrefix(text, specialUsesV1)
	if !ok && text != "" {
		return ErrSpecialUses
	}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		use, name, _ := strings.Cut(line, " ")
		u := SpecialUse{use, t.names.unescape(name)}
		switch {
		case line == "" || slices.Contains(t.known, u):
		case !isUse(use) || name == "" || u.Name == "":
			t.strange = append(t.strange, line)
		default:
			t.known = append(t.known, u)
		}
	}
	return nil
}

// isUse reports whether s can be an attribute.
func isUse(s string) bool {
	atom, ok := strings.CutPrefix(s, `\`)
	return ok && atom != "" && !strings.ContainsFunc(atom, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}

func (t *specialUsesText) uses() []SpecialUse { return slices.Clone(t.known) }

func (t *specialUsesText) set(uses []SpecialUse) error {
	for _, u := range uses {
		if !isUse(u.Use) || u.Name == "" || strings.ContainsAny(u.Name, "\x00\r\n") {
			return fmt.Errorf("%s of %q: %w", u.Use, u.Name, ErrName)
		}
	}
	t.known = uses
	return nil
}

func (t *specialUsesText) encode() string {
	var b strings.Builder
	b.WriteString(specialUsesV1)
	for _, u := range t.known {
		b.WriteString(u.Use + " " + t.names.escape(u.Name) + "\n")
	}
	for _, line := range t.strange {
		b.WriteString(line + "\n")
	}
	return b.String()
}
