package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/mutf7"
)

// Courier's files in a Maildir; the last is in the root one only.
const (
	courierUIDs       = "courierimapuiddb"
	courierPOP3       = "courierpop3dsizelist"
	courierKeywords   = "courierimapkeywords" // a directory
	courierSubscribed = "courierimapsubscribed"
)

// Limits of what is read of Courier's.
const (
	maxCourierFile    = 1 << 28 // octets
	maxCourierUpdate  = 64 << 10
	maxCourierUpdates = 1 << 20 // files in courierimapkeywords
)

// CourierImport is what Courier kept of a Maildir.
type CourierImport struct {
	// List is for File.Import: its records are Courier's, with the unique-ids (P)
	// and the order (O) of Courier's POP3 server. Nil if Courier kept neither UIDs
	// nor unique-ids.
	//
	// Its Validity is 0 if no UID of Courier's counts, because there were none
	// (POP3 only) or nobody can say any more what they were: then a fresh one must
	// be set first.
	List *List
	// Keywords has the messages that have keywords.
	Keywords map[string][]mail.Keyword // by base, sorted, each once
	// Warnings tell what could not be read: lines of a file (a *DamagedError, whose
	// Saved is nil), or a file with keywords that is none.
	Warnings []error
}

// ImportCourier reads what Courier kept of the Maildir in dir; fs.ErrNotExist if
// there is nothing of Courier's. It changes nothing. What can be read is used:
// a message whose line is damaged gets a new UID, never a wrong one.
//
// The sizes in Courier's list are not: it counts an octet for each line end, also
// where the file has CR LF.
func ImportCourier(dir string) (*CourierImport, error) {
	c, err := importCourier(disk{}, dir)
	if err != nil {
		return nil, fmt.Errorf("import from Courier: %w", err)
	}
	return c, nil
}

func importCourier(sys fileSystem, dir string) (*CourierImport, error) {
	c := &CourierImport{}
	if err := c.readUIDs(sys, filepath.Join(dir, courierUIDs)); err != nil {
		return nil, err
	}
	if err := c.readPOP3(sys, filepath.Join(dir, courierPOP3)); err != nil {
		return nil, err
	}
	if err := c.readKeywords(sys, filepath.Join(dir, courierKeywords)); err != nil {
		return nil, err
	}
	if c.List == nil && len(c.Keywords) == 0 && len(c.Warnings) == 0 {
		return nil, &fs.PathError{Op: "import", Path: dir, Err: fs.ErrNotExist}
	}
	return c, nil
}

func (c *CourierImport) warn(path string, p problems) {
	if d := p.damage(path); d != nil {
		c.Warnings = append(c.Warnings, d)
	}
}

// readUIDs reads the list of UIDs. Without its header they mean nothing.
func (c *CourierImport) readUIDs(sys fileSystem, path string) error {
	text, _, err := readAll(sys, path, maxCourierFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	list, p := parseCourierUIDs(text)
	c.warn(path, p)
	c.List = list
	return nil
}

// readPOP3 joins the unique-ids of the POP3 server with the UIDs. A message that
// only the POP3 server has seen gets the next UID.
func (c *CourierImport) readPOP3(sys fileSystem, path string) error {
	text, _, err := readAll(sys, path, maxCourierFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	drop, p := parseCourierPOP3(text)
	c.warn(path, p)
	if len(drop) == 0 {
		return nil
	}
	if c.List == nil {
		c.List = &List{Next: 1, From: 1}
	}
	l := c.List
	at := make(map[string]int, len(l.Records))
	for i, r := range l.Records {
		at[r.Base] = i
	}
	for i, m := range drop {
		ext := " O" + strconv.Itoa(i+1)
		if m.uidl != "" {
			ext = " P" + m.uidl + ext
		}
		if i, ok := at[m.base]; ok {
			l.Records[i].Ext = ext
			continue
		}
		if l.Next > MaxUID {
			return ErrExhausted
		}
		l.Records = append(l.Records, Record{l.Next, m.base, ext})
		l.Next++
	}
	return nil
}

// readKeywords reads the list of keywords, and the files that say what has
// changed since: the newest for a message counts, and an empty one means no
// keywords.
func (c *CourierImport) readKeywords(sys fileSystem, dir string) error {
	path := filepath.Join(dir, ":list")
	for try := 1; ; try++ {
		updates, err := courierUpdates(sys, dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		var read CourierImport
		text, err := read.readKeywordFile(sys, path, maxCourierFile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		var p problems
		read.Keywords, p = parseCourierKeywords(text)
		read.warn(path, p)
		err = read.applyUpdates(sys, dir, updates)
		if err == nil {
			c.Keywords = read.Keywords
			c.Warnings = append(c.Warnings, read.Warnings...)
			return nil
		}
		// Courier is at work and has moved an update to its list.
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if try == staleTries {
			return fmt.Errorf("%s: %w", dir, ErrRaced)
		}
	}
}

// readKeywordFile returns a file that may be anything: of what is no file, or too
// large for one of Courier's, only a warning.
func (c *CourierImport) readKeywordFile(sys fileSystem, path string, limit int64) (string, error) {
	text, _, err := readAll(sys, path, limit)
	if errors.Is(err, ErrTooLarge) || errors.Is(err, errNotRegular) || errors.Is(err, unix.ELOOP) {
		c.Warnings = append(c.Warnings, err)
		return "", nil
	}
	return text, err
}

// applyUpdates reads the update files in the order of their names.
func (c *CourierImport) applyUpdates(sys fileSystem, dir string, updates map[string]courierUpdate) error {
	for _, base := range sortedKeys(updates) {
		path := filepath.Join(dir, updates[base].file)
		warned := len(c.Warnings)
		text, err := c.readKeywordFile(sys, path, maxCourierUpdate)
		if err != nil {
			return err
		}
		if len(c.Warnings) > warned {
			continue
		}
		set, p := parseCourierUpdate(text)
		c.warn(path, p)
		delete(c.Keywords, base)
		if len(set) > 0 {
			c.Keywords[base] = set
		}
	}
	return nil
}

// courierUpdate is the newest update file of a message.
type courierUpdate struct {
	file string
	age  uint64 // N of .N.base; the file base is newer than all
}

// courierUpdates returns them by base.
func courierUpdates(sys fileSystem, dir string) (map[string]courierUpdate, error) {
	names, err := sys.readDir(dir)
	if err != nil {
		return nil, err
	}
	if len(names) > maxCourierUpdates {
		return nil, fmt.Errorf("%s: %w: %d files, limit %d", dir, ErrTooLarge, len(names), maxCourierUpdates)
	}
	updates := make(map[string]courierUpdate)
	for _, name := range names {
		base, age, ok := cutCourierUpdate(name)
		if old, have := updates[base]; ok && (!have || age > old.age) {
			updates[base] = courierUpdate{name, age}
		}
	}
	return updates, nil
}

// CourierSubscriptions returns the mailboxes that Courier keeps as subscribed, in
// its order and each once, by their names on disk as Subscriptions has them;
// fs.ErrNotExist if Courier keeps none. It changes nothing.
//
// If some lines cannot be read the error is a *DamagedError, and the names are
// the others.
func CourierSubscriptions(root string) ([]string, error) {
	path := filepath.Join(root, courierSubscribed)
	text, _, err := readAll(disk{}, path, maxSubscriptions)
	if err != nil {
		return nil, fmt.Errorf("read Courier's subscriptions: %w", err)
	}
	names, p := parseCourierSubscribed(text)
	if d := p.damage(path); d != nil {
		return names, d
	}
	return names, nil
}

// parseCourierSubscribed reads lines such as INBOX.Foo.Bar. Courier 5 writes
// names in UTF-8, and names its directories so; before it was modified UTF-7.
func parseCourierSubscribed(text string) (names []string, p problems) {
	seen := make(map[string]bool)
	number := 0
	unicode := !isASCII(text)
	for line := range strings.Lines(text) {
		number++
		name, whole := strings.CutSuffix(line, "\n")
		if name == "" {
			continue
		}
		if !whole || !legalCourierName(name) {
			p.add(number, BadLine, name)
			continue
		}
		if unicode {
			name = mutf7.Encode(name)
		}
		if name = courierMailbox(name); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, p
}

// courierMailbox takes the prefix away that all names of Courier's have.
func courierMailbox(name string) string {
	if i := strings.IndexByte(name, '.'); i == len(mail.Inbox) && strings.EqualFold(name[:i], mail.Inbox) {
		return name[i+1:]
	}
	return foldInbox(name)
}

// legalCourierName reports whether the line is INBOX or a mailbox below it.
// Others are shared mailboxes, which are kept elsewhere.
func legalCourierName(name string) bool {
	levels := strings.Split(name, ".")
	if len(levels) == 2 && strings.EqualFold(levels[1], mail.Inbox) {
		return false // without Courier's prefix it would be INBOX itself
	}
	return strings.EqualFold(levels[0], mail.Inbox) && !slices.Contains(levels, "") &&
		len(name) <= maxLine && legalNameText(name)
}
