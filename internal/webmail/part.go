package webmail

import (
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"fantail/internal/message"
)

// part sends a part of a message as a file to be saved. Nothing of a stranger's
// is ever shown under our address: no type that a browser could interpret is
// named, and the disposition and the policy forbid to try.
func (s *Site) part(w http.ResponseWriter, r *request) error {
	f, err := s.boxes.find(r.Context(), r.PathValue("id"), placeOf(r))
	if err != nil {
		return err
	}
	defer f.Close()
	root, err := f.Structure(r.Context(), f.uid())
	if err != nil {
		return err
	}
	p, err := partOf(root, r.PathValue("section"))
	if err != nil {
		return err
	}
	raw, err := f.OpenMessage(r.Context(), f.uid())
	if err != nil {
		return err
	}
	defer raw.Close()
	w.Header().Set("Content-Type", downloadType(p))
	w.Header().Set("Content-Disposition", disposition(fileName(p)))
	w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(w, p.Decoded(raw)); err != nil && r.Context().Err() == nil {
		// The answer has begun, so all that can be done is to break it off: a
		// short file must not look like a whole one.
		s.log.Error("send part", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// harmlessTypes are those that tell a system which program opens a file and
// that browsers cannot take for a page.
const harmlessTypes = " image/png image/jpeg image/gif image/webp application/pdf text/csv text/calendar text/vcard " +
	"audio/mpeg audio/ogg audio/wav video/mp4 video/webm application/zip application/gzip application/msword application/rtf " +
	"application/vnd.ms-excel application/vnd.ms-powerpoint application/pgp-signature message/rfc822 " +
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document application/vnd.openxmlformats-officedocument.spreadsheetml.sheet " +
	"application/vnd.openxmlformats-officedocument.presentationml.presentation application/vnd.oasis.opendocument.text application/vnd.oasis.opendocument.spreadsheet "

func downloadType(p *message.Part) string {
	if kind := p.Type + "/" + p.Subtype; strings.Contains(harmlessTypes, " "+kind+" ") {
		return kind
	}
	return "application/octet-stream"
}

// disposition writes "attachment" with a file name in both forms of RFC 6266
// section 4.1: ASCII for old programs, and UTF-8.
func disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	out := `attachment; filename="` + ascii + `"`
	if ascii != name {
		// FormatMediaType writes the extended form of RFC 8187 for such names.
		if ext, ok := strings.CutPrefix(mime.FormatMediaType("attachment", map[string]string{"filename": name}), "attachment; "); ok && strings.HasPrefix(ext, "filename*=") {
			out += "; " + ext
		}
	}
	return out
}

// raw shows the message as it is stored.
func (s *Site) raw(w http.ResponseWriter, r *request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	return s.send(w, r)
}

// eml sends the message as a file.
func (s *Site) eml(w http.ResponseWriter, r *request) error {
	w.Header().Set("Content-Type", "message/rfc822")
	w.Header().Set("Content-Disposition", disposition("message.eml"))
	return s.send(w, r)
}

func (s *Site) send(w http.ResponseWriter, r *request) error {
	f, err := s.boxes.find(r.Context(), r.PathValue("id"), placeOf(r))
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := f.OpenMessage(r.Context(), f.uid())
	if err != nil {
		return err
	}
	defer raw.Close()
	info, err := raw.Stat()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(w, raw); err != nil && r.Context().Err() == nil {
		s.log.Error("send message", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}
