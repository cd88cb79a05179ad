package imapd

import (
	"errors"

	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// status is the tagged NO or BAD that ends a command (RFC 9051 section 7.1).
type status struct {
	kind string // NO or BAD
	code string // response code without brackets, or ""
	args []string
	text string
}

func (s *status) Error() string { return s.kind + " " + s.text }

// no is a refusal with a response code of RFC 5530, or none.
func no(code, text string) *status { return &status{kind: wire.NO, code: code, text: text} }

// bad is the answer to a command that the law does not allow.
func bad(text string) *status { return &status{kind: wire.BAD, text: text} }

func (s *status) write(out *wire.Encoder, tag string) {
	out.Tagged(tag, s.kind).SP()
	if s.code != "" {
		out.CodeStart(s.code)
		for _, a := range s.args {
			out.SP().Token(a)
		}
		out.CodeEnd()
	}
	out.Text(s.text).CRLF()
}

// replies is what clients hear of each kind of store error: the response codes of
// RFC 5530 and a fixed sentence. The cause goes to the log.
var replies = map[store.Kind]*status{
	store.NotFound:    no(wire.CodeNonExistent, "There is no such mailbox."),
	store.Exists:      no(wire.CodeAlreadyExists, "There is a mailbox of that name."),
	store.Denied:      no(wire.CodeNoPerm, "Permission denied."),
	store.OverQuota:   no(wire.CodeOverQuota, "No space left."),
	store.InUse:       no(wire.CodeInUse, "The mailbox is in use."),
	store.Limit:       no(wire.CodeLimit, "A limit of this mailbox is reached."),
	store.Gone:        no(wire.CodeExpungeIssued, "Some of the messages no longer exist."),
	store.Corrupt:     no(wire.CodeCorruption, "The mailbox is damaged."),
	store.Unavailable: no(wire.CodeUnavailable, "Temporarily unavailable, please try again."),
	store.Invalid:     no(wire.CodeCannot, "That name or request cannot work."),
	store.Other:       no(wire.CodeServerBug, "Internal error."),
}

// errBye ends the session after BYE has been said.
var errBye = errors.New("session ended by the server")

// statusOf translates the error of a command. It returns nil for an error that
// ends the session.
func (s *Session) statusOf(err error) *status {
	var st *status
	if errors.As(err, &st) {
		return st
	}
	var failed *store.Error
	if !errors.As(err, &failed) {
		return nil
	}
	switch failed.Kind {
	case store.Other, store.Corrupt, store.Denied:
		s.log.Error("command", "cmd", s.tag, "err", err)
	default:
		s.log.Debug("command", "cmd", s.tag, "err", err)
	}
	return replies[failed.Kind]
}
