package contacts

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"fantail/internal/webmail/contentline"
)

// settled is the age from which a directory's time of change tells every change: file
// systems count in ticks.
const settled = 2 * time.Second

// Book is the contacts of a directory. It is for many goroutines at once.
type Book struct {
	root  *os.Root
	clock func() time.Time

	mu      sync.Mutex
	changed time.Time       // of the directory, when known was read; zero: it is read again
	files   map[string]file // by ID
	known   []Contact       // sorted by name
	version int             // counts changes of known
}

// file is a file as it was when it was read.
type file struct {
	time    time.Time
	size    int64
	contact Contact
	ok      bool // it is one
}

// Open opens the directory, which is made if it is not there.
func Open(dir string, clock func() time.Time) (*Book, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open contacts: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open contacts: %w", err)
	}
	return &Book{root: root, clock: clock, files: make(map[string]file)}, nil
}

// Close ends the use of the directory.
func (b *Book) Close() error { return b.root.Close() }

const suffix = ".vcf"

// fileID returns the name of the file for a UID.
func fileID(uid string) string {
	plain := len(uid) <= 100 && uid != "" && uid[0] != '.' && !strings.ContainsFunc(uid, func(c rune) bool {
		return c != '.' && c != '_' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
	})
	if plain {
		return uid
	}
	sum := sha256.Sum256([]byte(uid))
	return "h-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))
}

// validID reports whether an ID can be that of a file: one that a browser sends need
// not be.
func validID(id string) bool { return id != "" && id[0] != '.' && !strings.ContainsAny(id, "/\x00") }

// Contacts returns all contacts, sorted by name. The caller must not change them.
func (b *Book) Contacts() ([]Contact, error) {
	list, _, err := b.contacts()
	return list, err
}

// contacts returns them with a number that changes when they do.
func (b *Book) contacts() ([]Contact, int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refresh(); err != nil {
		return nil, 0, fmt.Errorf("read contacts: %w", err)
	}
	return b.known, b.version, nil
}

// refresh reads what has changed. b.mu is held.
func (b *Book) refresh() error {
	info, err := b.root.Stat(".")
	if err != nil {
		return err
	}
	if !b.changed.IsZero() && info.ModTime().Equal(b.changed) {
		return nil
	}
	now := b.clock()
	d, err := b.root.Open(".")
	if err != nil {
		return err
	}
	entries, err := d.ReadDir(-1)
	if err = errors.Join(err, d.Close()); err != nil {
		return err
	}
	files := make(map[string]file)
	for _, e := range entries {
		if err := b.look(e, files, now); err != nil {
			return err
		}
	}
	b.files = files
	b.known = nil
	for _, f := range files {
		if f.ok {
			b.known = append(b.known, f.contact)
		}
	}
	slices.SortFunc(b.known, func(x, y Contact) int {
		return cmp.Or(strings.Compare(Fold(x.Name), Fold(y.Name)), strings.Compare(x.ID, y.ID))
	})
	b.version++
	b.changed = time.Time{}
	if now.Sub(info.ModTime()) > settled {
		b.changed = info.ModTime()
	}
	return nil
}

// look enters the file of a directory entry, if it is one of ours.
func (b *Book) look(e fs.DirEntry, files map[string]file, now time.Time) error {
	id, ours := strings.CutSuffix(e.Name(), suffix)
	left := strings.HasPrefix(e.Name(), newPrefix)
	if !e.Type().IsRegular() || !left && (!ours || !validID(id) || len(files) >= maxContacts) {
		return nil
	}
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // somebody was faster
	}
	if err != nil {
		return err
	}
	if left {
		if now.Sub(info.ModTime()) > newAge { // a crash has left it
			if err := b.root.Remove(e.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	}
	f, known := b.files[id]
	// A file that was written within the tick in which it was read may have changed.
	if !known || !f.time.Equal(info.ModTime()) || f.size != info.Size() || now.Sub(info.ModTime()) <= settled {
		card, err := b.card(id)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil && !errors.Is(err, ErrNoCard):
			return err
		}
		f = file{time: info.ModTime(), size: info.Size(), ok: err == nil}
		if f.ok {
			f.contact = card.Contact()
			f.contact.ID = id
		}
	}
	files[id] = f
	return nil
}

// card reads a file.
func (b *Book) card(id string) (*Card, error) {
	if !validID(id) {
		return nil, fmt.Errorf("contact %q: %w", id, fs.ErrNotExist)
	}
	text, err := read(b.root, id+suffix, maxCard)
	if err != nil {
		return nil, err
	}
	cards, _ := Parse(text)
	if len(cards) != 1 {
		return nil, ErrNoCard
	}
	return cards[0], nil
}

// Card returns the vCard of a contact. The error is fs.ErrNotExist if there is none, and
// ErrNoCard if it is none.
func (b *Book) Card(id string) (*Card, error) {
	c, err := b.card(id)
	if err != nil {
		return nil, fmt.Errorf("read contact: %w", err)
	}
	return c, nil
}

// Put writes a card and returns its ID. id is that of the file from which it was read;
// empty for a new one, which replaces one of the same UID.
func (b *Book) Put(id string, c *Card) (string, error) {
	if id == "" {
		id = fileID(c.UID())
	}
	if c.UID() == "" || !validID(id) {
		return "", fmt.Errorf("write contact: %w", ErrNoCard)
	}
	data := c.Append(nil)
	if len(data) > maxCard {
		return "", fmt.Errorf("write contact: %w", ErrNoCard)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = time.Time{}
	return id, commit(b.root, newFile{name: id + suffix, data: data})
}

// Delete removes a contact. The error is fs.ErrNotExist if there is none.
func (b *Book) Delete(id string) error {
	if !validID(id) {
		return fmt.Errorf("delete contact %q: %w", id, fs.ErrNotExist)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = time.Time{}
	if err := b.root.Remove(id + suffix); err != nil {
		return fmt.Errorf("delete contact: %w", err)
	}
	return syncDir(b.root)
}

// Imported is what has become of the vCards of a file.
type Imported struct {
	Added, Replaced int
	Bad             int // no vCards, or too large, or too many contacts
}

// Import adds the vCards of a file. One without a UID gets one that follows from its
// text: who imports a file again replaces what came from it.
func (b *Book) Import(r io.Reader) (Imported, error) {
	var text strings.Builder
	n, err := io.Copy(&text, io.LimitReader(r, maxImport+1))
	if err != nil {
		return Imported{}, fmt.Errorf("import contacts: %w", err)
	}
	if n > maxImport {
		return Imported{}, fmt.Errorf("import contacts: more than %d octets: %w", maxImport, ErrNoCard)
	}
	known, err := b.Contacts()
	if err != nil {
		return Imported{}, err
	}
	ids := make(map[string]bool)
	for _, c := range known {
		ids[c.ID] = true
	}
	cards, bad := Parse(text.String())
	done := Imported{Bad: bad}
	for len(cards) > 0 {
		n := min(len(cards), importBatch)
		if err := b.importBatch(cards[:n], ids, &done); err != nil {
			return done, fmt.Errorf("import contacts: %w", err)
		}
		cards = cards[n:]
	}
	return done, nil
}

// importBatch is how many vCards are written at once.
const importBatch = 500

// importBatch writes some of the vCards of a file. ids are the contacts that there are.
func (b *Book) importBatch(cards []*Card, ids map[string]bool, done *Imported) error {
	more := *done
	var files []newFile
	for _, c := range cards {
		if c.UID() == "" {
			sum := sha256.Sum256(c.Append(nil))
			c.replace("UID", contentline.Line{Name: "UID", Value: "i-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))})
		}
		id, data := fileID(c.UID()), c.Append(nil)
		switch {
		case !ids[id] && len(ids) >= maxContacts || len(data) > maxCard:
			more.Bad++
			continue
		case ids[id]:
			more.Replaced++
		default:
			more.Added++
		}
		ids[id] = true
		files = append(files, newFile{name: id + suffix, data: data})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = time.Time{}
	if err := commit(b.root, files...); err != nil {
		return err
	}
	*done = more
	return nil
}

// Export writes all contacts as one file.
func (b *Book) Export(w io.Writer) error {
	list, err := b.Contacts()
	if err != nil {
		return err
	}
	for _, v := range list {
		c, err := b.card(v.ID)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNoCard) {
			continue // it has changed meanwhile
		}
		if err == nil {
			_, err = w.Write(c.Append(nil))
		}
		if err != nil {
			return fmt.Errorf("export contacts: %w", err)
		}
	}
	return nil
}
