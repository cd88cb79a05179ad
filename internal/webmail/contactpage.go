package webmail

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fantail/internal/webmail/compose"
	"fantail/internal/webmail/contacts"
	"fantail/internal/webmail/settings"
)

// addressBook is the account's contacts, opened when somebody wants them.
type addressBook struct {
	mu        sync.Mutex
	book      *contacts.Book
	uses      *contacts.Uses
	completer *contacts.Completer
}

// people opens the contacts, once.
func (s *Site) people() (*addressBook, error) {
	a := &s.contactBook
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.completer != nil {
		return a, nil
	}
	dir := filepath.Join(s.boxes.account.Path(), settings.Directory)
	book, err := contacts.Open(filepath.Join(dir, "contacts"), s.clock)
	if err != nil {
		return nil, err
	}
	uses, err := contacts.OpenUses(filepath.Join(dir, "uses"))
	if err != nil {
		return nil, errors.Join(err, book.Close())
	}
	a.book, a.uses, a.completer = book, uses, contacts.NewCompleter(book, uses)
	return a, nil
}

// contactsView is the list of contacts.
type contactsView struct {
	layout
	Query  string
	Group  string
	Groups []choice
	Rows   []contactRow
	More   int // that are not shown
	// Written are those whom the person has written to and who are no contacts.
	Written []person
}

type contactRow struct {
	Path  string
	Who   person
	Email string
	Phone string
	Org   string
	Group bool
}

// mostContacts are shown at once: who has more of them searches.
const mostContacts = 500

const contactsPath = "/contacts"

// contacts shows the contacts that fit.
func (s *Site) contacts(w http.ResponseWriter, r *request) error {
	p, err := s.people()
	if err != nil {
		return err
	}
	all, err := p.book.Contacts()
	if err != nil {
		return err
	}
	q := r.URL.Query()
	out := contactsView{layout: s.layout(r, r.lang.Text("contacts.title")), Query: strings.TrimSpace(q.Get("q")), Group: q.Get("g")}
	words := strings.Fields(contacts.Fold(out.Query))
	for i := range all {
		c := &all[i]
		for _, g := range c.Groups {
			if !slices.ContainsFunc(out.Groups, func(x choice) bool { return x.Key == g }) {
				out.Groups = append(out.Groups, choice{g, contactsPath + "?" + url.Values{"g": {g}}.Encode(), g == out.Group})
			}
		}
		if out.Group != "" && !slices.Contains(c.Groups, out.Group) || !fits(c, words) {
			continue
		}
		if len(out.Rows) == mostContacts {
			out.More++
			continue
		}
		out.Rows = append(out.Rows, rowOf(c))
	}
	slices.SortFunc(out.Groups, func(a, b choice) int { return strings.Compare(contacts.Fold(a.Key), contacts.Fold(b.Key)) })
	if out.Query == "" && out.Group == "" {
		if out.Written, err = p.written(r.now); err != nil {
			return err
		}
	}
	return s.render(w, r, http.StatusOK, "contacts.html", out)
}

// fits reports whether all words are somewhere in a contact.
func fits(c *contacts.Contact, words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := c.Name + "\n" + c.Nickname + "\n" + c.Org + "\n" + c.Note + "\n" + strings.Join(c.Groups, "\n")
	for _, reach := range slices.Concat(c.Emails, c.Phones) {
		text += "\n" + reach.Value
	}
	text = contacts.Fold(text)
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

func rowOf(c *contacts.Contact) contactRow {
	row := contactRow{Path: contactsPath + "/" + url.PathEscape(c.ID), Who: person{Name: oneLine(c.Name)}, Org: oneLine(c.Org), Group: c.IsGroup}
	if len(c.Emails) > 0 {
		row.Email = oneLine(c.Emails[0].Value)
	}
	if len(c.Phones) > 0 {
		row.Phone = oneLine(c.Phones[0].Value)
	}
	row.Who.Address = row.Email
	return row
}

// contactView is one contact, to be looked at and changed; without an ID it is a new one.
type contactView struct {
	layout
	ID       string
	Who      person
	Contact  contacts.Contact
	Emails   []string // with an empty one to fill in
	Phones   []string
	Groups   string
	Write    string // address of a message to them
	Problem  string
	Messages string // address of a search for theirs
}

// maxReaches is how many addresses and numbers a form has at most.
const maxReaches = 50

// contact shows one contact, or an empty form.
func (s *Site) contact(w http.ResponseWriter, r *request) error {
	id := r.PathValue("id")
	var c contacts.Contact
	if id != "new" {
		card, err := s.contactCard(id)
		if err != nil {
			return err
		}
		c = card.Contact()
	} else {
		id = ""
		q := r.URL.Query()
		c.Name = oneLine(q.Get("name"))
		if a := oneLine(q.Get("email")); a != "" {
			c.Emails = []contacts.Reach{{Value: a}}
		}
	}
	return s.showContact(w, r, http.StatusOK, id, c, "")
}

func (s *Site) showContact(w http.ResponseWriter, r *request, status int, id string, c contacts.Contact, problem string) error {
	out := contactView{layout: s.layout(r, oneLine(c.Name)), ID: id, Contact: c, Groups: strings.Join(c.Groups, ", "), Problem: problem}
	if out.Title == "" {
		out.Title = r.lang.Text("contacts.new")
	}
	out.Who = rowOf(&c).Who
	if out.Who.Address != "" {
		out.Write = "/compose?" + url.Values{"to": {out.Who.Address}}.Encode()
		out.Messages = "/search?" + url.Values{"q": {"from:" + out.Who.Address + " OR to:" + out.Who.Address}}.Encode()
	}
	for _, reach := range c.Emails {
		out.Emails = append(out.Emails, reach.Value)
	}
	for _, reach := range c.Phones {
		out.Phones = append(out.Phones, reach.Value)
	}
	out.Emails, out.Phones = append(out.Emails, ""), append(out.Phones, "")
	return s.render(w, r, status, "contact.html", out)
}

// contactCard reads a contact.
func (s *Site) contactCard(id string) (*contacts.Card, error) {
	p, err := s.people()
	if err != nil {
		return nil, err
	}
	card, err := p.book.Card(id)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, contacts.ErrNoCard) {
		return nil, notFound("error.noContact")
	}
	return card, err
}

// changeContacts does what a form says.
func (s *Site) changeContacts(w http.ResponseWriter, r *request) error {
	switch r.PostFormValue("op") {
	case "save":
		return s.saveContact(w, r)
	case "delete":
		return s.deleteContact(w, r)
	case "add":
		return s.addContact(w, r)
	case "forget":
		return s.forget(w, r)
	}
	return &problem{http.StatusBadRequest, "error.badForm"}
}

// saveContact writes a contact. What the form does not show stays as it is.
func (s *Site) saveContact(w http.ResponseWriter, r *request) error {
	id := r.PostFormValue("id")
	var card, was *contacts.Card
	if id != "" {
		var err error
		if card, err = s.contactCard(id); err != nil {
			return err
		}
		if was, err = s.contactCard(id); err != nil {
			return err
		}
	} else {
		card = contacts.New(newUID())
	}
	c := card.Contact()
	c.Name, c.Org, c.Title = oneLine(r.PostFormValue("name")), oneLine(r.PostFormValue("org")), oneLine(r.PostFormValue("title"))
	c.Note = strings.ReplaceAll(r.PostFormValue("note"), "\r\n", "\n")
	c.Emails = reaches(c.Emails, r.PostForm["email"])
	c.Phones = reaches(c.Phones, r.PostForm["phone"])
	c.Groups = nil
	for _, g := range strings.Split(r.PostFormValue("groups"), ",") {
		if g = oneLine(g); g != "" && !slices.Contains(c.Groups, g) {
			c.Groups = append(c.Groups, g)
		}
	}
	if c.Name == "" && len(c.Emails) > 0 {
		c.Name = c.Emails[0].Value
	}
	if c.Name == "" {
		return s.showContact(w, r, http.StatusUnprocessableEntity, id, c, r.lang.Text("contacts.noName"))
	}
	for _, e := range c.Emails {
		if !isAddress(e.Value) {
			return s.showContact(w, r, http.StatusUnprocessableEntity, id, c, r.lang.Text("contacts.badEmail", "text", e.Value))
		}
	}
	card.Set(c, r.now)
	p, err := s.people()
	if err != nil {
		return err
	}
	if id, err = p.book.Put(id, card); err != nil {
		return err
	}
	if r.PostFormValue("next") == "" {
		r.PostForm.Set("next", contactsPath)
	}
	text := r.lang.Text("contacts.saved", "name", c.Name)
	return s.answer(w, r, text, s.undo.keep(text, []step{contactBack{id, was}}))
}

// reaches makes addresses or numbers of a form's fields. Those that were there keep what
// else is known of them.
func reaches(was []contacts.Reach, fields []string) []contacts.Reach {
	var out []contacts.Reach
	for _, f := range fields[:min(len(fields), maxReaches)] {
		if f = oneLine(f); f == "" {
			continue
		}
		reach := contacts.Reach{Value: f}
		if i := slices.IndexFunc(was, func(x contacts.Reach) bool { return x.Value == f }); i >= 0 {
			reach = was[i]
		}
		out = append(out, reach)
	}
	return out
}

// Reachable reports whether somebody can be written to, and so be a contact.
func (p person) Reachable() bool { return isAddress(p.Address) }

func (s *Site) deleteContact(w http.ResponseWriter, r *request) error {
	id := r.PostFormValue("id")
	was, err := s.contactCard(id)
	if err != nil {
		return err
	}
	if err := s.contactBook.book.Delete(id); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	r.PostForm.Set("next", contactsPath)
	text := r.lang.Text("contacts.deleted", "name", oneLine(was.Contact().Name))
	return s.answer(w, r, text, s.undo.keep(text, []step{contactBack{id, was}}))
}

// addContact adds the sender of a message, unless a contact has that address.
func (s *Site) addContact(w http.ResponseWriter, r *request) error {
	name, addr := oneLine(r.PostFormValue("name")), oneLine(r.PostFormValue("email"))
	if !isAddress(addr) {
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	p, err := s.people()
	if err != nil {
		return err
	}
	all, err := p.book.Contacts()
	if err != nil {
		return err
	}
	for i := range all {
		if slices.ContainsFunc(all[i].Emails, func(x contacts.Reach) bool { return strings.EqualFold(x.Value, addr) }) {
			text := r.lang.Text("contacts.known", "name", oneLine(all[i].Name))
			return s.answer(w, r, text, s.undo.keep(text, nil))
		}
	}
	if name == "" {
		name = addr
	}
	card := contacts.New(newUID())
	card.Set(contacts.Contact{Name: name, Emails: []contacts.Reach{{Value: addr}}}, r.now)
	id, err := p.book.Put("", card)
	if err != nil {
		return err
	}
	text := r.lang.Text("contacts.saved", "name", name)
	return s.answer(w, r, text, s.undo.keep(text, []step{contactBack{id, nil}}))
}

// importPattern is the only form that is a file.
const importPattern = "POST /contacts/import"

// maxImport is the most octets of a file of contacts.
const maxImport = 8 << 20

// importContacts adds what a file has.
func (s *Site) importContacts(w http.ResponseWriter, r *request) error {
	file, _, err := r.FormFile("file")
	if err != nil {
		return &problem{http.StatusBadRequest, "error.noFile"}
	}
	defer file.Close()
	p, err := s.people()
	if err != nil {
		return err
	}
	done, err := p.book.Import(file)
	if err != nil {
		return err
	}
	r.PostForm.Set("next", contactsPath)
	text := r.lang.Text("contacts.imported", "added", r.lang.Number(done.Added), "replaced", r.lang.Number(done.Replaced), "bad", r.lang.Number(done.Bad))
	return s.answer(w, r, text, s.undo.keep(text, nil))
}

// exportContacts sends all contacts as one file.
func (s *Site) exportContacts(w http.ResponseWriter, r *request) error {
	p, err := s.people()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/vcard; charset=utf-8")
	w.Header().Set("Content-Disposition", disposition("contacts.vcf"))
	return p.book.Export(w)
}

// completion is what scripts get while somebody writes a recipient.
type completion struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	Group   bool   `json:"group,omitempty"`
	Text    string `json:"text,omitempty"` // as somebody would type it
}

// mostCompletions are offered at once.
const mostCompletions = 8

// complete answers with recipients that fit what somebody has typed, or with those of a
// group.
func (s *Site) complete(w http.ResponseWriter, r *request) error {
	p, err := s.people()
	if err != nil {
		return err
	}
	list := []completion{}
	if group := r.URL.Query().Get("group"); group != "" {
		members, err := p.book.Group(group)
		if err != nil {
			return err
		}
		for _, m := range members {
			list = append(list, newCompletion(contacts.Suggestion{Recipient: m}))
		}
	} else {
		typed := r.URL.Query().Get("q")
		found, err := p.completer.Complete(r.now, typed[:min(len(typed), 200)], mostCompletions)
		if err != nil {
			return err
		}
		for _, f := range found {
			list = append(list, newCompletion(f))
		}
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(list)
}

func newCompletion(f contacts.Suggestion) completion {
	c := completion{Name: oneLine(f.Name), Address: oneLine(f.Addr), Group: f.Group}
	if list, _ := compose.ParseRecipients(f.Addr); len(list) == 1 && !f.Group {
		list[0].Name = compose.OneLine(c.Name)
		c.Text = list[0].String()
	}
	return c
}

// mostWritten are offered for saving.
const mostWritten = 12

// written lists who was written to and is no contact, the most used first.
func (p *addressBook) written(now time.Time) ([]person, error) {
	all, err := p.book.Contacts()
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool)
	for i := range all {
		for _, e := range all[i].Emails {
			known[strings.ToLower(e.Value)] = true
		}
	}
	uses, err := p.uses.All(now)
	if err != nil {
		return nil, err
	}
	var out []person
	for _, u := range uses {
		if who := (person{Name: oneLine(u.Name), Address: oneLine(u.Addr)}); !known[strings.ToLower(u.Addr)] && who.Reachable() && len(out) < mostWritten {
			out = append(out, who)
		}
	}
	return out, nil
}

// forget takes an address out of what is completed.
func (s *Site) forget(w http.ResponseWriter, r *request) error {
	p, err := s.people()
	if err != nil {
		return err
	}
	if err := p.uses.Forget(r.PostFormValue("email")); err != nil {
		return err
	}
	r.PostForm.Set("next", contactsPath)
	text := r.lang.Text("contacts.forgotten")
	return s.answer(w, r, text, s.undo.keep(text, nil))
}

// contactBack gives a contact back what it was; nil: it was not there.
type contactBack struct {
	id  string
	was *contacts.Card
}

func (c contactBack) undo(_ context.Context, s *Site) error {
	p, err := s.people()
	if err != nil {
		return err
	}
	if c.was == nil {
		return p.book.Delete(c.id)
	}
	_, err = p.book.Put(c.id, c.was)
	return err
}

// newUID returns the UID of a new contact: a random UUID.
func newUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
