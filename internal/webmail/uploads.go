package webmail

import (
	"context"
	"crypto/hmac"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"fantail/internal/webmail/compose"
	"fantail/internal/webmail/htmlsafe"
)

// Files come in forms of the type multipart/form-data, whose first field is the token: what
// follows is read only if that is right. Each file goes to a scratch file of the mailbox of
// drafts, which has no name and is gone with the request; from there it becomes a part of
// the draft. So there is no spool that anybody had to clean, and what is kept counts as
// mail.

const (
	maxWritten = 4 << 20 // of a form without its files
	maxFields  = 500
	maxUploads = 100
)

// upload is a file of a form.
type upload struct {
	name, kind string
	id         string // Content-ID of a picture in the text, "" of an attachment
	file       *os.File
	size       int64
}

// pictureID is a Content-ID that scripts give a picture.
var pictureID = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}@picture$`)

// writes reports whether a page takes forms of messages.
func writes(row route) bool { return strings.HasPrefix(row.pattern, "POST /compose") }

// readForm reads a form that may have files. What is too large is a problem of which the
// person is told the limit.
func (s *Site) readForm(w http.ResponseWriter, r *request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		r.Body = http.MaxBytesReader(w, r.Body, maxWritten)
		return nil // the token is looked at as in every form
	}
	r.Body = http.MaxBytesReader(w, r.Body, s.maxFiles()+maxWritten)
	form, err := r.MultipartReader()
	if err != nil {
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	values := url.Values{}
	r.Form, r.PostForm, r.MultipartForm = values, values, &multipart.Form{Value: values}
	err = s.readParts(r, form, values)
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return &problem{http.StatusRequestEntityTooLarge, "compose.tooLarge"}
	}
	return err
}

// maxFiles is how large all files of a message may be together: in a message they take a
// third more.
func (s *Site) maxFiles() int64 { return s.messageSize / 4 * 3 }

func (s *Site) readParts(r *request, form *multipart.Reader, values url.Values) error {
	left := int64(maxWritten)
	for n := 0; ; n++ {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badForm(err)
		}
		if n == 0 && part.FormName() != tokenField || n > maxFields {
			return &problem{http.StatusForbidden, "error.otherSession"}
		}
		if part.FileName() != "" {
			err = s.readUpload(r, part)
		} else {
			var text []byte
			text, err = io.ReadAll(io.LimitReader(part, left+1))
			if left -= int64(len(text)); err == nil && left < 0 {
				err = &http.MaxBytesError{Limit: maxWritten}
			}
			values.Add(part.FormName(), string(text))
		}
		if err != nil {
			return badForm(err)
		}
		if n == 0 && !hmac.Equal([]byte(r.Header.Get(headerToken)), []byte(values.Get(tokenField))) {
			return &problem{http.StatusForbidden, "error.otherSession"}
		}
	}
}

// badForm is what an error of reading a form is to a person.
func badForm(err error) error {
	var large *http.MaxBytesError
	var known *problem
	if errors.As(err, &large) || errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	return &problem{http.StatusBadRequest, "error.badForm"}
}

// readUpload puts a file where it is until the draft has it.
func (s *Site) readUpload(r *request, part *multipart.Part) error {
	if len(r.uploads) >= maxUploads {
		return &http.MaxBytesError{}
	}
	drafts, err := s.boxes.special(r.Context(), `\Drafts`)
	if err != nil {
		return err
	}
	mb, err := s.boxes.account.Open(r.Context(), drafts)
	if err != nil {
		return err
	}
	defer mb.Close() // nothing of it was changed
	f, err := mb.Scratch()
	if err != nil {
		return err
	}
	u := upload{name: safeName(oneLine(part.FileName())), kind: part.Header.Get("Content-Type"), file: f}
	if id, inline := strings.CutPrefix(part.FormName(), "inline:"); inline {
		if !pictureID.MatchString(id) {
			return errors.Join(&problem{http.StatusBadRequest, "error.badForm"}, f.Close())
		}
		u.id = id
	}
	r.uploads = append(r.uploads, u)
	last := &r.uploads[len(r.uploads)-1]
	if last.size, err = io.Copy(f, part); err != nil || last.id == "" {
		return err
	}
	var head [16]byte // a picture is what its first octets say; what is none, is a file
	n, err := f.ReadAt(head[:], 0)
	if last.kind = htmlsafe.ImageType(head[:n]); last.kind == "" {
		last.id = ""
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// forget closes the files of a form.
func (r *request) forget() {
	for _, u := range r.uploads {
		_ = u.file.Close() // it has no name: there is nothing to lose
	}
}

// attachment returns it as a part of a message.
func (u upload) attachment() compose.File {
	kind, _, err := mime.ParseMediaType(u.kind)
	if err != nil || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
		kind = "application/octet-stream"
	}
	return compose.File{
		Name: u.name, Type: kind, Size: u.size,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(u.file, 0, u.size)), nil },
	}
}
