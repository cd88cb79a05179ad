package webmail

import (
	"net/http"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// unread takes back that a message was read, and returns to the list.
func (s *Site) unread(w http.ResponseWriter, r *request) error {
	f, err := s.boxes.find(r.Context(), r.PathValue("id"), placeOf(r))
	if err != nil {
		return err
	}
	defer f.Close()
	change := store.FlagChange{Op: mail.Remove, FlagSet: store.FlagSet{Flags: mail.Seen}}
	if _, err := f.SetFlags(r.Context(), []mail.UID{f.uid()}, change); err != nil {
		return err
	}
	redirect(w, mailboxPath(f.Name(), (f.snap.Len()-1-f.at)/perPage+1))
	return nil
}
