// Package settings is what an account has chosen of webmail: how it looks, who it writes
// as, what it trusts.
//
// All of it is one file, fantail-webmail/settings.json in the account's Maildir, which is
// replaced by rename as a whole: a reader sees the old settings or the new ones. Whoever
// changes it holds a lock (settings.lock) from reading to writing, so that two windows
// never undo each other's changes.
//
// A file that is missing or was damaged means the defaults; of a value that this version
// does not know, the default is taken and the rest is kept. Check is the law of what a
// value may be; what pages show and what the file says both pass it.
package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Directory is where webmail keeps what is an account's, below its Maildir.
const Directory = "fantail-webmail"

// Settings are those of an account. The zero value of a choice is its default.
type Settings struct {
	Language string `json:"language,omitempty"` // BCP 47; "": the browser's
	Zone     string `json:"zone,omitempty"`     // of the tz database; "": the server's

	Theme    Theme    `json:"theme,omitempty"`
	Density  Density  `json:"density,omitempty"`
	Layout   Layout   `json:"layout,omitempty"`
	Grouping Grouping `json:"grouping,omitempty"`
	Order    Order    `json:"order,omitempty"` // of the messages of a conversation
	Preview  Switch   `json:"preview,omitempty"`

	Pictures Pictures `json:"pictures,omitempty"`
	Plain    Switch   `json:"plain,omitempty"`  // show the plain text of messages first; default off
	Keys     Keys     `json:"keys,omitempty"`   // the keyboard map
	Notify   Switch   `json:"notify,omitempty"` // tell of new mail; default off
	Scope    Scope    `json:"scope,omitempty"`  // where a search looks

	Compose   Compose  `json:"compose,omitempty"`
	Quote     Quote    `json:"quote,omitempty"`
	UndoSend  *int     `json:"undoSend,omitempty"` // seconds; nil: 10
	SaveSent  Switch   `json:"saveSent,omitempty"` // default on
	Reminders Switch   `json:"reminders,omitempty"`
	Swipe     [2]Swipe `json:"swipe,omitempty"` // to the end, to the start of the line

	Identities []Identity `json:"identities,omitempty"` // the first one is the default; empty: made of the account's name
	Templates  []Template `json:"templates,omitempty"`
	Trusted    []string   `json:"trusted,omitempty"` // whose pictures are shown: addresses, or domains with an @ in front
}

// The choices, each with its values; the first is the default.
type (
	// Theme is the colours of pages.
	Theme string
	// Density is the height of rows.
	Density string
	// Layout is where a message is read: beside the list, below it, or in its place.
	Layout string
	// Grouping is whether lists show conversations or messages.
	Grouping string
	// Order is the order of messages in a conversation.
	Order string
	// Switch is on or off.
	Switch string
	// Pictures is when pictures on other servers are loaded.
	Pictures string
	// Keys is a keyboard map.
	Keys string
	// Scope is where a search looks if it does not say so.
	Scope string
	// Compose is the form of new messages.
	Compose string
	// Quote is where an answer begins: above or below what it answers.
	Quote string
	// Swipe is what a finger does to a row.
	Swipe string
)

// values are those of each choice, as they are written.
var values = map[string][]string{
	"theme":     {"", "light", "dark"},
	"density":   {"", "compact"},
	"layout":    {"", "below", "single"},
	"grouping":  {"", "messages"},
	"order":     {"", "newest"},
	"preview":   {"", "on", "off"},
	"pictures":  {"", "always", "never"},
	"plain":     {"", "on", "off"},
	"keys":      {"", "off"},
	"notify":    {"", "on", "off"},
	"scope":     {"", "folder"},
	"compose":   {"", "rich"},
	"quote":     {"", "below"},
	"saveSent":  {"", "on", "off"},
	"reminders": {"", "on", "off"},
	"swipe":     {"", "archive", "trash", "read", "star", "none"},
}

// Values returns what a choice may be, by its name in the file; the first is the default.
func Values(name string) []string { return slices.Clone(values[name]) }

// On reports whether a switch is on, whose default is given.
func (s Switch) On(byDefault bool) bool {
	if s == "" {
		return byDefault
	}
	return s == "on"
}

// Identity is somebody whom the account writes as.
type Identity struct {
	Name      string `json:"name,omitempty"`
	Address   string `json:"address"`
	ReplyTo   string `json:"replyTo,omitempty"`
	Bcc       string `json:"bcc,omitempty"`
	Signature string `json:"signature,omitempty"` // plain text
	NoCopy    bool   `json:"noCopy,omitempty"`    // the mail server files a copy in Sent itself
}

// Template is a text to begin with.
type Template struct {
	Name    string `json:"name"`
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
}

// Limits.
const (
	maxFile       = 1 << 20
	maxIdentities = 50
	maxTemplates  = 100
	maxTrusted    = 5000
	// MaxLine is how long a value of one line may be, in octets.
	MaxLine     = 500
	maxText     = 20_000
	maxUndoSend = 60
	undoSend    = 10
)

// Undo returns how many seconds a message waits that was sent.
func (s *Settings) Undo() int {
	if s.UndoSend == nil {
		return undoSend
	}
	return *s.UndoSend
}

// ErrInvalid is wrapped by what Check says.
var ErrInvalid = errors.New("not a setting")

// Check reports what is wrong with the settings.
func (s *Settings) Check() error {
	for name, value := range s.choices() {
		if !slices.Contains(values[name], *value) {
			return fmt.Errorf("%w: %s = %.40q", ErrInvalid, name, *value)
		}
	}
	switch {
	case s.UndoSend != nil && (*s.UndoSend < 0 || *s.UndoSend > maxUndoSend):
		return fmt.Errorf("%w: undoSend = %d", ErrInvalid, *s.UndoSend)
	case len(s.Identities) > maxIdentities || len(s.Templates) > maxTemplates || len(s.Trusted) > maxTrusted:
		return fmt.Errorf("%w: too many", ErrInvalid)
	}
	lines, texts := []string{s.Language, s.Zone}, []string(nil)
	for _, i := range s.Identities {
		lines, texts = append(lines, i.Name, i.Address, i.ReplyTo, i.Bcc), append(texts, i.Signature)
		if i.Address == "" {
			return fmt.Errorf("%w: an identity without an address", ErrInvalid)
		}
	}
	for _, t := range s.Templates {
		lines, texts = append(lines, t.Name, t.Subject), append(texts, t.Text)
	}
	for _, line := range append(lines, s.Trusted...) {
		if len(line) > MaxLine || !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) {
			return fmt.Errorf("%w: %.40q", ErrInvalid, line)
		}
	}
	for _, text := range texts {
		bad := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
		if len(text) > maxText || !utf8.ValidString(text) || strings.ContainsFunc(text, bad) {
			return fmt.Errorf("%w: %.40q", ErrInvalid, text)
		}
	}
	return nil
}

// choices are the places of the choices by their names.
func (s *Settings) choices() map[string]*string {
	m := map[string]*string{
		"theme": (*string)(&s.Theme), "density": (*string)(&s.Density), "layout": (*string)(&s.Layout),
		"grouping": (*string)(&s.Grouping), "order": (*string)(&s.Order), "preview": (*string)(&s.Preview),
		"pictures": (*string)(&s.Pictures), "plain": (*string)(&s.Plain), "keys": (*string)(&s.Keys),
		"notify": (*string)(&s.Notify), "scope": (*string)(&s.Scope), "compose": (*string)(&s.Compose),
		"quote": (*string)(&s.Quote), "saveSent": (*string)(&s.SaveSent), "reminders": (*string)(&s.Reminders),
	}
	m["swipe"] = (*string)(&s.Swipe[0])
	if s.Swipe[1] != s.Swipe[0] && !slices.Contains(values["swipe"], string(s.Swipe[1])) {
		m["swipe"] = (*string)(&s.Swipe[1])
	}
	return m
}

// Set sets a choice by its name.
func (s *Settings) Set(name, value string) error {
	place, ok := s.choices()[name]
	if !ok || !slices.Contains(values[name], value) {
		return fmt.Errorf("%w: %.40q = %.40q", ErrInvalid, name, value)
	}
	*place = value
	return nil
}

// repair takes the default of each choice that is not known.
func (s *Settings) repair() {
	for name, value := range s.choices() {
		if !slices.Contains(values[name], *value) {
			*value = ""
		}
	}
	for i, w := range s.Swipe {
		if !slices.Contains(values["swipe"], string(w)) {
			s.Swipe[i] = ""
		}
	}
}

// Store is the settings of one account on disk. It is safe for many goroutines, and
// processes.
type Store struct{ dir string }

// Open returns those of the account whose Maildir is at path.
func Open(maildir string) *Store { return &Store{filepath.Join(maildir, Directory)} }

// Load reads the settings. Without a file they are the defaults, and so they are, beside
// an error, if the file cannot be read or makes no sense.
func (s *Store) Load() (Settings, error) {
	f, err := os.Open(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	defer f.Close()
	return read(f)
}

func read(f *os.File) (Settings, error) {
	info, err := f.Stat()
	if err != nil {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	if info.Size() > maxFile {
		return Settings{}, fmt.Errorf("%s: larger than %d octets", f.Name(), maxFile)
	}
	var out Settings
	if err := json.NewDecoder(f).Decode(&out); err != nil {
		return Settings{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	out.repair()
	if err := out.Check(); err != nil {
		return Settings{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return out, nil
}

func (s *Store) path() string { return filepath.Join(s.dir, "settings.json") }

// Change changes the settings on disk. An error of change, or of Check afterwards, leaves
// them as they are. Settings that make no sense are replaced by what change makes of the
// defaults.
func (s *Store) Change(change func(*Settings) error) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("keep settings: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, "settings.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("keep settings: %w", err)
	}
	defer lock.Close() // and the lock with it
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock settings: %w", err)
	}
	now, err := s.Load()
	if err != nil && !damaged(err) {
		return err
	}
	if err := change(&now); err != nil {
		return err
	}
	if err := now.Check(); err != nil {
		return err
	}
	return s.write(&now)
}

// damaged reports whether a file could be read and made no sense.
func damaged(err error) bool {
	var path *fs.PathError
	return !errors.As(err, &path)
}

func (s *Store) write(now *Settings) error {
	text, err := json.MarshalIndent(now, "", "\t")
	if err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	f, err := os.CreateTemp(s.dir, "settings.tmp")
	if err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), s.path())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write settings: %w", err), os.Remove(f.Name()))
	}
	return nil
}
