package webmail

import (
	"archive/zip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// all sends the attachments of a message as one ZIP file, which is made while it is sent.
func (s *Site) all(w http.ResponseWriter, r *request) error {
	f, root, err := s.findMessage(r)
	if err != nil {
		return err
	}
	defer f.Close()
	files := contents(root, nil, false).files
	if len(files) == 0 {
		return notFound("error.noPart")
	}
	raw, err := f.OpenMessage(r.Context(), f.uid())
	if err != nil {
		return err
	}
	defer raw.Close()
	name := safeName(subjectOf(root))
	if name == "" {
		name = "attachments"
	}
	date, _ := root.Date() // none is written without one
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", disposition(name+".zip"))
	w.WriteHeader(http.StatusOK)
	if err := writeZip(w, files, raw, date); err != nil && r.Context().Err() == nil {
		s.log.Error("send attachments", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// packed are the endings of files that would not become smaller.
const packed = " .zip .gz .tgz .7z .rar .xz .bz2 .zst .jpg .jpeg .png .gif .webp .mp3 .mp4 .webm .ogg .docx .xlsx .pptx .odt .ods .odp .pdf "

func writeZip(w io.Writer, files []file, raw *os.File, date time.Time) error {
	z := zip.NewWriter(w)
	for i, name := range uniqueNames(files) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: date}
		if strings.Contains(packed, " "+strings.ToLower(path.Ext(name))+" ") {
			h.Method = zip.Store
		}
		out, err := z.CreateHeader(h)
		if err != nil {
			return fmt.Errorf("write zip: %w", err)
		}
		if _, err := io.Copy(out, files[i].part.Decoded(raw)); err != nil {
			return fmt.Errorf("write zip: %w", err)
		}
	}
	return z.Close()
}

// uniqueNames returns names of files of which no two are the same, also where case does not
// count.
func uniqueNames(files []file) []string {
	taken := make(map[string]bool)
	out := make([]string, len(files))
	for i, f := range files {
		name, ext := f.Name, path.Ext(f.Name)
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = strings.TrimSuffix(f.Name, ext) + " (" + strconv.Itoa(n) + ")" + ext
		}
		taken[strings.ToLower(name)] = true
		out[i] = name
	}
	return out
}
