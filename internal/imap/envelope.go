package imap

import (
	"strings"

	"fantail/internal/imap/wire"
	"fantail/internal/message"
)

// WriteEnvelope writes the rule envelope (RFC 9051 section 7.5.2).
func WriteEnvelope(e *wire.Encoder, env *message.Envelope) {
	e.ListStart()
	writeOptional(e, env.Date)
	e.SP()
	writeOptional(e, env.Subject)
	for _, list := range [][]message.Address{env.From, env.Sender, env.ReplyTo, env.To, env.Cc, env.Bcc} {
		e.SP()
		writeAddresses(e, list)
	}
	e.SP()
	writeOptional(e, env.InReplyTo)
	e.SP()
	writeOptional(e, env.MessageID)
	e.ListEnd()
}

func writeAddresses(e *wire.Encoder, list []message.Address) {
	if len(list) == 0 {
		e.NIL()
		return
	}
	e.ListStart()
	for _, a := range list {
		e.ListStart()
		writeText(e, a.Name, a.Name != "")
		e.SP()
		writeText(e, a.Route, a.Route != "")
		e.SP()
		// RFC 9051 section 7.5.2: a group begins with an address whose host is
		// NIL, and ends with one whose mailbox is NIL too.
		writeText(e, a.Mailbox, a.Kind != message.GroupEnd)
		e.SP()
		writeText(e, a.Host, a.Kind == message.Mailbox)
		e.ListEnd()
	}
	e.ListEnd()
}

func writeOptional(e *wire.Encoder, s *string) {
	if s == nil {
		e.NIL()
		return
	}
	writeText(e, *s, true)
}

// writeText writes an nstring of a message's own text. NUL cannot be sent in one
// (RFC 9051 section 9, CHAR8): a replacement keeps the length.
func writeText(e *wire.Encoder, s string, ok bool) {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "?")
	}
	e.NString(s, ok)
}
