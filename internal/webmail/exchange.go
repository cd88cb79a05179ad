package webmail

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store"
	"fantail/internal/webmail/mbox"
)

// Mail goes out of folders and into them as files: an mbox, or a single message. How a
// message was marked stands in it as other programs have it, in Status and X-Status.

const (
	// importMailPattern is a form whose file is read while it comes.
	importMailPattern = "POST /folders/import"
	maxMailImport     = 1 << 30 // octets of a file
	// A batch of messages is added at once.
	batchMessages = 200
	batchOctets   = 32 << 20
)

// exportFolder sends the messages of a folder as one file, which is made while it is sent.
func (s *Site) exportFolder(w http.ResponseWriter, r *request) error {
	v, err := s.boxes.open(r.Context(), r.PostFormValue("f"))
	if err != nil {
		return err
	}
	defer v.Close()
	name := safeName(s.folderName(r, v.Name()))
	if name == "" {
		name = "mail"
	}
	w.Header().Set("Content-Type", "application/mbox")
	w.Header().Set("Content-Disposition", disposition(name+".mbox"))
	w.WriteHeader(http.StatusOK)
	if err := v.export(r.Context(), w); err != nil && r.Context().Err() == nil {
		s.log.Error("export mail", "err", err)
		panic(http.ErrAbortHandler) // so that nobody takes it for the whole
	} else if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (v view) export(ctx context.Context, w io.Writer) error {
	out := mbox.NewWriter(w)
	for i := range v.snap.Len() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.exportOne(ctx, out, i); err != nil && store.KindOf(err) != store.Gone {
			return err
		}
	}
	return errors.Join(out.Flush(), v.snap.Err())
}

func (v view) exportOne(ctx context.Context, out *mbox.Writer, i int) error {
	uid := v.snap.UID(i)
	stat, err := v.Stat(ctx, uid)
	if err != nil {
		return err
	}
	f, err := v.OpenMessage(ctx, uid)
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading: nothing to lose
	return out.Add("", stat.Date, io.MultiReader(strings.NewReader(statusFields(v.snap.Flags(i))), f))
}

// statusFields are the fields that say how a message was marked.
func statusFields(f mail.Flags) string {
	out := "Status: O\n"
	if f.Has(mail.Seen) {
		out = "Status: RO\n"
	}
	marks := ""
	if f.Has(mail.Answered) {
		marks += "A"
	}
	if f.Has(mail.Flagged) {
		marks += "F"
	}
	if marks != "" {
		out += "X-Status: " + marks + "\n"
	}
	return out
}

// readImport reads the form of an import up to its file.
func (s *Site) readImport(w http.ResponseWriter, r *request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "multipart/form-data" {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		return nil // the token is looked at as in every form
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxMailImport)
	form, err := r.MultipartReader()
	if err != nil {
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	values := url.Values{}
	r.Form, r.PostForm, r.MultipartForm = values, values, &multipart.Form{Value: values}
	for n := 0; n < maxFields; n++ {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badForm(err)
		}
		if n == 0 && part.FormName() != tokenField {
			return &problem{http.StatusForbidden, "error.otherSession"}
		}
		if part.FormName() == "file" {
			r.importing = part
			return nil
		}
		text, err := io.ReadAll(io.LimitReader(part, maxForm))
		if err != nil {
			return badForm(err)
		}
		values.Add(part.FormName(), string(text))
		if n == 0 && !hmac.Equal([]byte(r.Header.Get(headerToken)), text) {
			return &problem{http.StatusForbidden, "error.otherSession"}
		}
	}
	return &problem{http.StatusBadRequest, "error.badForm"}
}

// importMail adds the messages of a file to a folder: all of them, or none.
func (s *Site) importMail(w http.ResponseWriter, r *request) error {
	if r.importing == nil || r.importing.FileName() == "" {
		return &problem{http.StatusBadRequest, "error.noFile"}
	}
	mb, err := s.boxes.account.Open(r.Context(), r.PostFormValue("f"))
	if err != nil {
		return err
	}
	defer mb.Close()
	in := importer{ctx: r.Context(), to: mb, now: r.now}
	err = in.run(r.importing)
	if err != nil && len(in.back.uids) > 0 {
		err = errors.Join(err, in.back.undo(context.WithoutCancel(r.Context()), s))
	}
	large := (*http.MaxBytesError)(nil)
	switch {
	case errors.As(err, &large):
		return &problem{http.StatusRequestEntityTooLarge, "folders.importLarge"}
	case errors.Is(err, mbox.ErrNotMail), err != nil && store.KindOf(err) == store.Invalid:
		return &problem{http.StatusUnprocessableEntity, "folders.notMail"}
	case err != nil:
		return err
	}
	r.PostForm.Set("next", mailboxPath(mb.Name()))
	text := r.lang.Text("folders.imported", "n", len(in.back.uids), "folder", s.folderName(r, mb.Name()))
	return s.answer(w, r, text, s.undo.keep(text, []step{in.back}))
}

// importer adds messages to a mailbox, in batches.
type importer struct {
	ctx   context.Context
	to    *store.Mailbox
	now   time.Time
	batch *store.Append
	n     int // messages in the batch
	size  int64
	back  unimport
}

func (in *importer) run(file io.Reader) (err error) {
	defer func() {
		if in.batch != nil {
			err = errors.Join(err, in.batch.Abort())
		}
	}()
	messages := mbox.NewReader(file)
	for {
		m, err := messages.Next()
		if err == io.EOF {
			return in.commit()
		}
		if err == nil {
			err = in.add(m)
		}
		if err != nil {
			return fmt.Errorf("import mail: %w", err)
		}
	}
}

func (in *importer) add(m *mbox.Message) error {
	if err := in.ctx.Err(); err != nil {
		return err
	}
	if in.batch == nil {
		var err error
		if in.batch, err = in.to.NewAppend(); err != nil {
			return err
		}
	}
	flags, fields := markedAs(m.Header)
	if _, err := io.CopyN(io.Discard, m, int64(fields)); err != nil {
		return err
	}
	out, err := in.batch.Add(store.FlagSet{Flags: flags}, in.date(m))
	if err != nil {
		return err
	}
	n, err := io.Copy(out, m)
	if err != nil {
		return err
	}
	if in.n, in.size = in.n+1, in.size+n; in.n == batchMessages || in.size > batchOctets {
		return in.commit()
	}
	return nil
}

// date is when a message came: as the file says, or as it says itself.
func (in *importer) date(m *mbox.Message) time.Time {
	date := m.Date
	if date.IsZero() {
		if root, err := message.Parse(bytes.NewReader(m.Header), message.DefaultLimits()); err == nil {
			date, _ = root.Date()
		}
	}
	if date.IsZero() || date.After(in.now) {
		return in.now
	}
	return date
}

func (in *importer) commit() error {
	if in.batch == nil {
		return nil
	}
	done, err := in.batch.Commit(in.ctx)
	if err != nil {
		return err
	}
	in.batch, in.n, in.size = nil, 0, 0
	in.back.mailbox, in.back.validity = in.to.Name(), done.UIDValidity
	in.back.uids = append(in.back.uids, done.UIDs...)
	return nil
}

// markedAs reads how a message is marked off the fields that it begins with, and how many
// octets these have. One that says nothing of it was read.
func markedAs(header []byte) (f mail.Flags, octets int) {
	f = mail.Seen
	for {
		line, _, whole := bytes.Cut(header[octets:], []byte("\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case whole && bytes.EqualFold(name, []byte("Status")):
			if bytes.IndexByte(value, 'R') < 0 {
				f &^= mail.Seen
			}
		case whole && bytes.EqualFold(name, []byte("X-Status")):
			if bytes.IndexByte(value, 'A') >= 0 {
				f |= mail.Answered
			}
			if bytes.IndexByte(value, 'F') >= 0 {
				f |= mail.Flagged
			}
		default:
			return f, octets
		}
		octets += len(line) + 1
	}
}

// unimport takes imported messages out again.
type unimport struct {
	mailbox  string
	validity mail.UIDValidity
	uids     []mail.UID
}

func (u unimport) undo(ctx context.Context, s *Site) error {
	v, err := s.boxes.open(ctx, u.mailbox)
	if err != nil {
		return err
	}
	defer v.Close()
	if v.snap.UIDValidity() != u.validity {
		return nil // it is another mailbox by now
	}
	return v.Expunge(ctx, u.uids)
}
