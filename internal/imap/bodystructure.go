package imap

import (
	"math"

	"fantail/internal/imap/wire"
	"fantail/internal/message"
)

// WriteBody writes the rule body (RFC 9051 section 7.5.2): BODYSTRUCTURE if
// extended, else BODY, which has no extension data.
func WriteBody(e *wire.Encoder, p *message.Part, extended bool) {
	if p.Type == "multipart" && len(p.Parts) > 0 {
		writeMultipart(e, p, extended)
		return
	}
	e.ListStart()
	writeSinglePart(e, p, extended)
	if extended {
		e.SP()
		writeText(e, p.MD5, p.MD5 != "")
		writeExtension(e, p)
	}
	e.ListEnd()
}

func writeMultipart(e *wire.Encoder, p *message.Part, extended bool) {
	e.ListStart()
	for _, c := range p.Parts {
		WriteBody(e, c, extended)
	}
	e.SP()
	writeText(e, p.Subtype, true)
	if extended {
		e.SP()
		writeParams(e, p.Params)
		writeExtension(e, p)
	}
	e.ListEnd()
}

// writeSinglePart writes the fields of body-type-1part without extension data.
func writeSinglePart(e *wire.Encoder, p *message.Part, extended bool) {
	typ, subtype := p.Type, p.Subtype
	if typ == "multipart" {
		// A multipart in which no boundary was found has no parts, which the
		// grammar does not allow: it is shown as the octets that it is.
		typ, subtype = "application", "octet-stream"
	}
	writeText(e, typ, true)
	e.SP()
	writeText(e, subtype, true)
	e.SP()
	writeParams(e, p.Params)
	e.SP()
	writeText(e, p.ID, p.ID != "")
	e.SP()
	writeText(e, p.Description, p.Description != "")
	e.SP()
	writeText(e, p.Encoding, true)
	e.SP().Number(clamp(p.BodySize))
	switch {
	case p.Message != nil:
		e.SP()
		WriteEnvelope(e, p.Message.Envelope())
		e.SP()
		WriteBody(e, p.Message, extended)
		e.SP().Number(clamp(p.BodyLines))
	case typ == "text":
		e.SP().Number(clamp(p.BodyLines))
	}
}

// writeExtension writes the extension data that all parts have.
func writeExtension(e *wire.Encoder, p *message.Part) {
	e.SP()
	if p.Disposition == "" {
		e.NIL()
	} else {
		e.ListStart()
		writeText(e, p.Disposition, true)
		e.SP()
		writeParams(e, p.DispositionParams)
		e.ListEnd()
	}
	e.SP()
	writeLanguage(e, p.Language)
	e.SP()
	writeText(e, p.Location, p.Location != "")
}

// writeLanguage writes body-fld-lang: one tag is a string, several are a list.
func writeLanguage(e *wire.Encoder, tags []string) {
	switch len(tags) {
	case 0:
		e.NIL()
	case 1:
		writeText(e, tags[0], true)
	default:
		e.ListStart()
		for i, t := range tags {
			if i > 0 {
				e.SP()
			}
			writeText(e, t, true)
		}
		e.ListEnd()
	}
}

func writeParams(e *wire.Encoder, params []message.Param) {
	if len(params) == 0 {
		e.NIL()
		return
	}
	e.ListStart()
	for i, p := range params {
		if i > 0 {
			e.SP()
		}
		writeText(e, p.Name, true)
		e.SP()
		writeText(e, p.Value, true)
	}
	e.ListEnd()
}

// clamp fits a size into the 32 bits of the grammar.
func clamp(n int64) uint32 { return uint32(min(n, math.MaxUint32)) }
