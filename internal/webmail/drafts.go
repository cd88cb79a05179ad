package webmail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/webmail/compose"
	"fantail/internal/webmail/htmlsafe"
	"fantail/internal/webmail/outbox"
)

// A draft is a message in Drafts, so that every program can go on with it. To save it is to
// add a new message and then to remove the old one: whatever happens in between, one of
// them is there.

// pending is the keyword of a draft that waits to be sent (RFC 5550 section 6.6.1).
const pending mail.Keyword = "$SubmitPending"

// writing is a message that somebody writes, while a request lasts.
type writing struct {
	*compose.Begun
	at      *found      // the draft; nil: there is none yet
	close   []io.Closer // what its files are read from
	query   string      // what the page was asked for, to begin it again
	pending bool
	// conflict is the address of a version of the draft that another window has saved,
	// which at is; "": there is none.
	conflict string
}

func (d *writing) Close() error {
	var errs []error
	for _, c := range d.close {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// action is where the form goes.
func (d *writing) action() string {
	if d.at != nil {
		return draftPath(idOf(d.at.snap.Base(d.at.at)), place{d.at.Name(), d.at.uid()})
	}
	if d.query != "" {
		return "/compose?" + d.query
	}
	return "/compose"
}

// next is where the person goes on who has sent the message: where they came from.
func (d *writing) next(r *request) string {
	if r.Method == http.MethodPost {
		return localPath(r.PostFormValue("next"))
	}
	q := r.URL.Query()
	for _, how := range []string{"reply", "replyall", "list", "forward", "attach"} {
		if id := q.Get(how); id != "" {
			return messagePath(url.PathEscape(id), "", placeOf(r))
		}
	}
	return mailboxPath(mail.Inbox)
}

func draftPath(id string, p place) string { return writingPath(messagePath(id, "", p)) }

// writingPath is where the message of an address is written.
func writingPath(messagePath string) string {
	return strings.Replace(messagePath, "/m/", "/compose/", 1)
}

// openDraft takes up a draft.
func (s *Site) openDraft(r *request) (*writing, error) {
	f, err := s.boxes.find(r.Context(), r.PathValue("draft"), placeOf(r))
	if err != nil {
		return nil, err
	}
	return s.readDraft(r, f)
}

// readDraft reads a draft, which is closed with what is returned.
func (s *Site) readDraft(r *request, f *found) (_ *writing, err error) {
	d := &writing{at: f, close: []io.Closer{f}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	root, raw, err := s.read(r.Context(), f)
	if err != nil {
		return nil, err
	}
	d.close = append(d.close, raw)
	m, err := compose.Read(root, raw)
	if err != nil {
		return nil, err
	}
	d.Begun = &compose.Begun{Message: *m}
	if d.Rich { // by whatever program
		if err := d.setHTML(d.HTML); err != nil {
			d.setText(compose.ToText(d.HTML, compose.LinksInline))
		}
	}
	if hasAll(f.snap, f.at, store.FlagSet{Keywords: []mail.Keyword{pending}}) {
		if d.pending, err = s.waits(d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// read parses a message and opens it.
func (s *Site) read(ctx context.Context, f *found) (*messagePart, *os.File, error) {
	root, err := f.Structure(ctx, f.uid())
	if err != nil {
		return nil, nil, err
	}
	raw, err := f.OpenMessage(ctx, f.uid())
	return root, raw, err
}

// save puts the message into Drafts in place of what it was. It returns where it is now.
func (s *Site) save(r *request, d *writing) (err error) {
	ctx := r.Context()
	if d.MessageID == "" {
		if d.MessageID, err = compose.NewMessageID(d.From.Domain); err != nil {
			return err
		}
	}
	d.Date = r.now
	built, err := d.Build(compose.Output{Form: compose.ForDrafts})
	if err != nil {
		return s.refused(err)
	}
	name, err := s.boxes.special(ctx, `\Drafts`)
	if err != nil {
		return err
	}
	mb, err := s.boxes.account.Open(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mb.Close()) }()
	uid, err := s.add(ctx, mb, built)
	if err != nil {
		return err
	}
	if err := s.discard(ctx, d.at); err != nil {
		return err
	}
	v, err := s.boxes.open(ctx, name)
	if err != nil {
		return err
	}
	d.close = append(d.close, v)
	i, ok := v.snap.Find(uid)
	if !ok {
		return &problem{http.StatusGone, "error.vanished"} // another program was quicker
	}
	d.at = &found{view: v, at: i}
	return nil
}

// add adds a draft and returns its UID.
func (s *Site) add(ctx context.Context, mb *store.Mailbox, built *compose.Built) (mail.UID, error) {
	b, err := mb.NewAppend()
	if err != nil {
		return 0, err
	}
	w, err := b.Add(store.FlagSet{Flags: mail.Draft | mail.Seen}, s.clock())
	if err == nil {
		_, err = built.WriteTo(&limited{w, s.messageSize})
	}
	if err != nil {
		return 0, errors.Join(err, b.Abort())
	}
	got, err := b.Commit(ctx)
	if err != nil {
		return 0, err
	}
	return got.UIDs[0], nil
}

// limited refuses a message that would not be sent.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, &problem{http.StatusRequestEntityTooLarge, "compose.tooLarge"}
	}
	return l.w.Write(p)
}

// throwAway moves a draft to the trash; its steps bring it back and lead to it.
func (s *Site) throwAway(ctx context.Context, d *writing) ([]step, error) {
	if d.at == nil {
		return nil, nil
	}
	a := &action{}
	err := s.actOn(ctx, operations["trash"], a, selection{d.at.Name(), d.at.snap.UIDValidity(), []mail.UID{d.at.uid()}})
	return append([]step{&draftBack{id: d.MessageID}}, a.undo...), err
}

// draftBack leads to a draft that other steps have brought back: those are undone before it.
type draftBack struct{ id, path string }

func (b *draftBack) undo(ctx context.Context, s *Site) error {
	f, err := s.withID(ctx, b.id)
	if f == nil {
		return err
	}
	b.path = draftPath(idOf(f.snap.Base(f.at)), place{f.Name(), f.uid()})
	return f.Close()
}

func (b *draftBack) next() string {
	if b.path == "" {
		return mailboxPath(mail.Inbox)
	}
	return b.path
}

// discard removes a version of a draft.
func (s *Site) discard(ctx context.Context, f *found) error {
	if f == nil {
		return nil
	}
	err := f.Expunge(ctx, []mail.UID{f.uid()})
	if store.KindOf(err) == store.Gone && err != nil {
		return nil
	}
	return err
}

// refused is what is wrong with a message to the person who writes it.
func (s *Site) refused(err error) error {
	var field *compose.FieldError
	if errors.As(err, &field) {
		return &problem{http.StatusUnprocessableEntity, "compose.refused"}
	}
	return err
}

// identities are those under which the account may write: its settings', as far as their
// addresses are its own, and one for each other address.
func (s *Site) identities(r *request) []compose.Identity {
	var out []compose.Identity
	seen := make(map[string]bool)
	add := func(name, address, replyTo string) {
		good, bad := compose.ParseRecipients(address)
		if len(good) != 1 || len(bad) > 0 || seen[address] || !conf.MaySend(s.addresses, s.delimiters, good[0].Addr()) {
			return
		}
		seen[address] = true
		id := compose.Identity{Key: address, Address: good[0], Subaddress: true}
		id.Address.Name = name
		id.ReplyTo, _ = compose.ParseRecipients(replyTo)
		out = append(out, id)
	}
	for _, i := range r.prefs.Identities {
		add(i.Name, strings.ToLower(i.Address), i.ReplyTo)
	}
	for _, a := range s.addresses {
		if !strings.HasPrefix(a, "@") {
			add("", a, "")
		}
	}
	return out
}

// signature returns the one of an identity.
func (r *request) signature(key string) string {
	for _, i := range r.prefs.Identities {
		if strings.EqualFold(i.Address, key) {
			return i.Signature
		}
	}
	return ""
}

// answering is how a message begins that answers or passes on another one.
func (s *Site) answering(r *request, o *compose.Original) (*compose.Answer, error) {
	a := &compose.Answer{
		Identities: s.identities(r), Separators: s.delimiters, Below: r.prefs.Quote == "below",
		Attribution: r.lang.Text("compose.attribution", "date", "{date}", "name", "{name}", "address", "{address}"),
		Labels:      s.labels(r),
		Rich:        r.prefs.Compose == "rich",
	}
	for _, own := range s.ownAddresses(r) {
		if list, _ := compose.ParseRecipients(own); len(list) == 1 {
			a.Own = append(a.Own, list[0])
		}
	}
	if len(a.Identities) == 0 {
		return nil, &problem{http.StatusForbidden, "compose.noAddress"}
	}
	if o != nil {
		a.Date = r.when(o.Date).Long
	}
	a.Signature = r.signature(a.Identities[0].Key)
	return a, nil
}

func (s *Site) labels(r *request) compose.Labels {
	return compose.Labels{
		Forwarded: r.lang.Text("compose.forwarded"), From: r.lang.Text("compose.from"), Date: r.lang.Text("compose.date"),
		Subject: r.lang.Text("compose.subject"), To: r.lang.Text("compose.to"), Cc: r.lang.Text("compose.cc"),
	}
}

// modes are the ways to answer, by their names in addresses.
var modes = map[string]compose.Mode{"reply": compose.ToSender, "replyall": compose.ToAll, "list": compose.ToList}

// begin begins a message as the address says.
func (s *Site) begin(r *request) (*writing, error) {
	q := r.URL.Query()
	for name, mode := range modes {
		if id := q.Get(name); id != "" {
			return s.beginFrom(r, id, func(o *compose.Original, _ compose.File, a *compose.Answer) *compose.Begun {
				return compose.Reply(o, mode, a)
			})
		}
	}
	if id := q.Get("forward"); id != "" {
		return s.beginFrom(r, id, func(o *compose.Original, _ compose.File, a *compose.Answer) *compose.Begun {
			return compose.ForwardInline(o, a)
		})
	}
	if id := q.Get("attach"); id != "" {
		return s.beginFrom(r, id, func(o *compose.Original, f compose.File, a *compose.Answer) *compose.Begun {
			return compose.ForwardAttached(o, []compose.File{o.MessageFile(f)}, a)
		})
	}
	a, err := s.answering(r, nil)
	if err != nil {
		return nil, err
	}
	d := &writing{Begun: compose.New(a), query: queryOf(q, "to", "cc", "bcc", "subject", "body", "mailto", "template")}
	s.fillIn(r, d, q)
	d.copies(r)
	if d.Rich {
		err = d.setHTML(d.HTML)
	}
	return d, err
}

// queryOf keeps some parameters of an address.
func queryOf(q url.Values, names ...string) string {
	out := url.Values{}
	for _, name := range names {
		if v := q.Get(name); v != "" {
			out.Set(name, v)
		}
	}
	return out.Encode()
}

// fillIn puts in what the address of a new message says (RFC 6068).
func (s *Site) fillIn(r *request, d *writing, q url.Values) {
	d.To, d.Draft.To = recipients(q.Get("to"))
	d.Cc, d.Draft.Cc = recipients(q.Get("cc"))
	d.Bcc, d.Draft.Bcc = recipients(q.Get("bcc"))
	d.Subject = compose.OneLine(q.Get("subject"))
	body := compose.CleanText(q.Get("body"))
	if m, err := compose.ParseMailto(q.Get("mailto")); err == nil {
		d.To, d.Cc, d.Bcc, d.Subject, body, d.InReplyTo = m.To, m.Cc, m.Bcc, m.Subject, m.Body, m.InReplyTo
	}
	for _, t := range r.prefs.Templates {
		if t.Name == q.Get("template") && t.Name != "" {
			d.Subject, body = t.Subject, compose.CleanText(t.Text)
		}
	}
	if !d.Rich {
		d.Text = body + d.Text
	} else if body != "" {
		d.HTML = compose.ToHTML(body) + d.HTML
	}
}

// beginFrom begins a message that answers or passes on another.
func (s *Site) beginFrom(r *request, id string, how func(*compose.Original, compose.File, *compose.Answer) *compose.Begun) (_ *writing, err error) {
	f, err := s.boxes.find(r.Context(), id, placeOf(r))
	if err != nil {
		return nil, err
	}
	d := &writing{close: []io.Closer{f}, query: queryOf(r.URL.Query(), "reply", "replyall", "list", "forward", "attach", "f", "u")}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	root, raw, err := s.read(r.Context(), f)
	if err != nil {
		return nil, err
	}
	d.close = append(d.close, raw)
	o, err := s.original(r, root, raw)
	if err != nil {
		return nil, err
	}
	a, err := s.answering(r, o)
	if err != nil {
		return nil, err
	}
	info, err := raw.Stat()
	if err != nil {
		return nil, err
	}
	whole := compose.File{Open: func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(raw, 0, info.Size())), nil }}
	d.Begun = how(o, whole, a)
	if sign := r.signature(d.Draft.Identity); sign != a.Signature { // another identity than the first answers
		a.Signature = sign
		d.Begun = how(o, whole, a)
	}
	if d.Rich && d.setHTML(d.HTML) != nil { // it is too much: then as plain text
		a.Rich = false
		d.Begun = how(o, whole, a)
	}
	d.copies(r)
	d.Draft.Source = selection{f.Name(), f.snap.UIDValidity(), []mail.UID{f.uid()}}.String()
	return d, nil
}

// original is a message as an answer sees it.
func (s *Site) original(r *request, root *messagePart, raw *os.File) (*compose.Original, error) {
	o := compose.ReadOriginal(root)
	rich := r.prefs.Compose == "rich"
	c := contents(root, nil, !rich)
	for _, x := range c.shown {
		text, html, err := r.quoted(x, raw, rich)
		if err != nil {
			return nil, err
		}
		o.Text, o.HTML = strings.TrimLeft(o.Text+"\n"+text, "\n"), o.HTML+html
	}
	if rich {
		for _, p := range inlineImages(root) {
			if f := compose.FileOf(p, raw); f.ID != "" {
				o.Inline = append(o.Inline, f)
			}
		}
		slices.SortFunc(o.Inline, func(a, b compose.File) int { return strings.Compare(a.ID, b.ID) })
	}
	for _, x := range c.files {
		o.Files = append(o.Files, compose.FileOf(x.part, raw))
	}
	return o, nil
}

// quoted returns what a part says as text, and, if it is wanted, as HTML that is safe.
func (r *request) quoted(x shown, raw *os.File, rich bool) (text, html string, err error) {
	if !x.html {
		if text, err = compose.PartText(x.part, raw); err == nil && rich {
			html = compose.ToHTML(text)
		}
		return text, html, err
	}
	src, err := io.ReadAll(x.part.Text(raw, maxHTML))
	if err != nil {
		return "", "", err
	}
	clean, err := htmlsafe.Sanitize(string(src), htmlsafe.Options{KeepReferences: true})
	if err != nil {
		return "", "", nil // what cannot be shown is not quoted
	}
	if rich {
		html = "<div>" + clean.HTML + "</div>"
	}
	return compose.ToText(clean.HTML, compose.LinksInline), html, nil
}

// recipients reads what was typed. What is no address stays as it is.
func recipients(typed string) (good []compose.Address, rest string) {
	good, bad := compose.ParseRecipients(typed)
	var texts []string
	for _, b := range bad {
		texts = append(texts, b.Text)
	}
	return good, strings.Join(texts, ", ")
}

// addressLine is a list of addresses as people type it.
func addressLine(list []compose.Address, rest string) string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	if rest != "" {
		out = append(out, rest)
	}
	return strings.Join(out, ", ")
}

// placeIn is where a message is, as the outbox has it.
func placeIn(text string) outbox.Place {
	c, ok := parseSelection(text)
	if !ok || len(c.uids) != 1 {
		return outbox.Place{}
	}
	return outbox.Place{Mailbox: c.mailbox, Validity: uint32(c.validity), UID: uint32(c.uids[0])}
}

// errHead ends the writing of a message behind its header.
var errHead = errors.New("the header is complete")

// headOf takes the header of a message, with the empty line behind it.
type headOf struct{ head bytes.Buffer }

func (h *headOf) Write(p []byte) (int, error) {
	h.head.Write(p)
	for _, end := range []string{"\n\n", "\r\n\r\n"} {
		if i := bytes.Index(h.head.Bytes(), []byte(end)); i >= 0 {
			h.head.Truncate(i + len(end))
			return 0, errHead
		}
	}
	return len(p), nil
}
