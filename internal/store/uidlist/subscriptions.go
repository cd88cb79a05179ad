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
	"time"

	"fantail/internal/mail"
)

// Errors of Subscriptions.
var (
	ErrSubscriptions = errors.New("unknown version of the subscriptions file")
	ErrName          = errors.New("name cannot be written to the subscriptions file")
)

const (
	maxSubscriptions = 4 << 20 // octets

	// subscriptionsV2 begins a version 2 file. Version 1 has no header.
	subscriptionsV2 = "V\t2\n\n"

	// Dovecot's patience with this file.
	subscriptionsTimeout = 120 * time.Second
	subscriptionsStale   = 30 * time.Second
)

// Subscriptions is the list of subscribed mailboxes of an account (RFC 9051
// section 6.3.7) in the file subscriptions of the root Maildir. As long as there is
// none, Courier's list counts; the first change writes both. Its methods may be
// called by several goroutines.
type Subscriptions struct {
	path      string
	courier   string // Courier's list; "" if it can have none
	separator byte
	sys       fileSystem
}

// OpenSubscriptions names the file. It reads nothing. The separator is that of the
// levels in names: '.', or '/' in a tree of nested directories, which was never
// Courier's.
func OpenSubscriptions(root string, separator byte) *Subscriptions {
	return openSubscriptions(disk{}, root, separator)
}

func openSubscriptions(sys fileSystem, root string, separator byte) *Subscriptions {
	s := &Subscriptions{path: filepath.Join(root, "subscriptions"), separator: separator, sys: sys}
	if separator == '.' {
		s.courier = filepath.Join(root, courierSubscribed)
	}
	return s
}

// List returns the subscribed mailboxes by their names on disk: modified UTF-7, or
// UTF-8 where the directories have that, in the file's order, each once. INBOX is
// mail.Inbox.
//
// If the list is Courier's, and some lines in it cannot be read, the error is a
// *DamagedError, and the names are the others.
func (s *Subscriptions) List() ([]string, error) {
	t, damage, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("read subscriptions: %w", err)
	}
	if damage != nil {
		return t.names(), damage
	}
	return t.names(), nil
}

func (s *Subscriptions) read() (*subscriptionsText, *DamagedError, error) {
	text, _, err := readAll(s.sys, s.path, maxSubscriptions)
	if errors.Is(err, fs.ErrNotExist) {
		return s.inherit()
	}
	if err != nil {
		return nil, nil, err
	}
	t, err := parseSubscriptions(text, s.separator)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return t, nil, nil
}

// inherit is read while there is no file.
func (s *Subscriptions) inherit() (*subscriptionsText, *DamagedError, error) {
	t := &subscriptionsText{separator: s.separator}
	if s.courier == "" {
		return t, nil, nil
	}
	text, _, err := readAll(s.sys, s.courier, maxSubscriptions)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	names, p := parseCourierSubscribed(text)
	for _, name := range names {
		t.set(name, true)
	}
	return t, p.damage(s.courier), nil
}

// Set subscribes to a mailbox or gives the subscription up; whether the mailbox
// exists does not matter. It waits for the file's lock for up to two minutes. On
// return the change is on disk.
func (s *Subscriptions) Set(name string, on bool) error {
	if err := s.set(name, on); err != nil {
		return fmt.Errorf("change subscription: %w", err)
	}
	return nil
}

func (s *Subscriptions) set(name string, on bool) (err error) {
	if name == "" || strings.ContainsAny(name, "\x00\r\n") {
		return fmt.Errorf("%q: %w", name, ErrName)
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	lock, err := dotlock(context.Background(), s.sys, s.path, LockOptions{
		Host: host, Timeout: subscriptionsTimeout, Stale: subscriptionsStale,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	t, _, err := s.read() // what is damaged stays in Courier's file
	if err != nil {
		return err
	}
	if !t.set(foldInbox(name), on) {
		return nil
	}
	_, err = replace(s.sys, replacement{path: s.path, temp: s.path + ".tmp", data: t.encode()})
	return err
}

// subscriptionsText is the content of the file: names, or lines as they are
// where they are no names that we could show.
type subscriptionsText struct {
	separator byte
	lines     []subscription
}

type subscription struct {
	name string // "" if it cannot be shown
	line string // version 2 line without LF
}

func parseSubscriptions(text string, separator byte) (*subscriptionsText, error) {
	body, v2 := strings.CutPrefix(text, subscriptionsV2)
	if !v2 && strings.HasPrefix(text, "V\t") {
		return nil, ErrSubscriptions
	}
	t := &subscriptionsText{separator: separator}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n") // Dovecot also takes an unfinished last line
		if line == "" {
			continue
		}
		if !v2 {
			line = t.escape(line)
		}
		t.lines = append(t.lines, subscription{t.unescape(line), line})
	}
	return t, nil
}

func (t *subscriptionsText) names() []string {
	var names []string
	seen := make(map[string]bool, len(t.lines))
	for _, s := range t.lines {
		if s.name != "" && !seen[s.name] {
			seen[s.name] = true
			names = append(names, s.name)
		}
	}
	return names
}

// set reports whether it changed anything.
func (t *subscriptionsText) set(name string, on bool) bool {
	has := func(s subscription) bool { return s.name == name }
	if slices.ContainsFunc(t.lines, has) == on {
		return false
	}
	if on {
		t.lines = append(t.lines, subscription{name, t.escape(name)})
	} else {
		t.lines = slices.DeleteFunc(t.lines, has)
	}
	return true
}

func (t *subscriptionsText) encode() string {
	var b strings.Builder
	b.WriteString(subscriptionsV2)
	for _, s := range t.lines {
		b.WriteString(s.line + "\n")
	}
	return b.String()
}

// In a version 2 line TAB separates the levels, so in a level it is escaped, as
// are the octets that would break the line.
var (
	levelEscaper   = strings.NewReplacer("\x00", "\x010", "\x01", "\x011", "\t", "\x01t", "\r", "\x01r", "\n", "\x01n")
	levelUnescaper = strings.NewReplacer("\x010", "\x00", "\x011", "\x01", "\x01t", "\t", "\x01r", "\r", "\x01n", "\n")
)

func (t *subscriptionsText) escape(name string) string {
	return strings.ReplaceAll(levelEscaper.Replace(name), string(t.separator), "\t")
}

// unescape returns "" for a name that no mailbox on disk can have.
func (t *subscriptionsText) unescape(line string) string {
	levels := strings.Split(line, "\t")
	for i, level := range levels {
		levels[i] = levelUnescaper.Replace(level)
		if strings.ContainsAny(levels[i], "\x00\r\n/") {
			return ""
		}
	}
	return foldInbox(strings.Join(levels, string(t.separator)))
}

func foldInbox(name string) string {
	if strings.EqualFold(name, mail.Inbox) {
		return mail.Inbox
	}
	return name
}
