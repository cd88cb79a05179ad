package imapd

import (
	"context"
	"strconv"

	"fantail/internal/imap/wire"
)

// capability is what is said about one capability. It has a row only if all of it
// works.
type capability struct {
	name string
	rfc  string // number

	// enable turns it on for the session (RFC 5161 section 3.1). It is nil for a
	// capability that a client just uses.
	enable func(*enabled)
}

// enabled is what the client has turned on, by ENABLE or by a command that says so
// as well. Nothing can be turned off again. Handlers of commands read it; only the
// rows of the table below, and enableCondStore, write it.
type enabled struct {
	condstore bool // the client knows of mod-sequences (RFC 7162 section 3.1)
	qresync   bool // VANISHED stands for EXPUNGE (RFC 7162 section 3.2.3); has condstore
	utf8      bool // names of mailboxes and quoted strings are UTF-8 (RFC 6855 section 3)
	rev2      bool // the client speaks IMAP4rev2 (RFC 9051 Appendix A); has utf8
}

// capabilities are what a session that is logged in offers, in the order in which
// they are told.
var capabilities = []capability{
	{wire.CapIMAP4rev1, "3501", nil},
	{wire.CapIMAP4rev2, "9051", func(e *enabled) { e.rev2, e.utf8 = true, true }},

	// framing, session. LITERAL+ and not LITERAL- (RFC 7888 section 5): a literal that
	// is too large is passed over within a budget, so nothing is won by refusing
	// clients to send one of more than 4096 octets at once.
	{wire.CapLiteralPlus, "7888", nil},
	{wire.CapEnable, "5161", nil},
	{wire.CapUTF8Accept, "6855", func(e *enabled) { e.utf8 = true }},
	{wire.CapID, "2971", nil},
	{wire.CapIdle, "2177", nil},
	{wire.CapCompressDeflate, "4978", nil},

	// mailboxes
	{wire.CapNamespace, "2342", nil},
	{wire.CapChildren, "3348", nil},
	{wire.CapListExtended, "5258", nil},
	{wire.CapListStatus, "5819", nil},
	{wire.CapStatusSize, "8438", nil},
	{wire.CapSpecialUse, "6154", nil},
	{wire.CapCreateSpecialUse, "6154", nil},
	{wire.CapObjectID, "8474", nil},
	{wire.CapQuota, "9208", nil},
	{wire.CapQuotaResStorage, "9208", nil},
	{wire.CapQuotaResMessage, "9208", nil},
	{wire.CapNotify, "5465", nil},

	// the selected mailbox
	{wire.CapUnselect, "3691", nil},
	{wire.CapCondStore, "7162", func(e *enabled) { e.condstore = true }},
	{wire.CapQResync, "7162", func(e *enabled) { e.condstore, e.qresync = true, true }},

	// messages
	{wire.CapUIDPlus, "4315", nil},
	{wire.CapMove, "6851", nil},
	{wire.CapMultiAppend, "3502", nil},
	{wire.CapAppendLimit, "7889", nil},
	{wire.CapBinary, "3516", nil},
	{wire.CapPreview, "8970", nil},

	// searching, sorting
	{wire.CapESearch, "4731", nil},
	{wire.CapSearchRes, "5182", nil},
	{wire.CapWithin, "5032", nil},
	{wire.CapSaveDate, "8514", nil},
	{wire.CapPartial, "9394", nil},
	{wire.CapI18NLevel1, "5255", nil},
	{wire.CapSort, "5256", nil},
	{wire.CapSortDisplay, "5957", nil},
	{wire.CapESort, "5267", nil},
	{wire.CapThreadSubject, "5256", nil},
	{wire.CapThreadReferences, "5256", nil},
	{wire.CapThreadRefs, "", nil}, // draft-ietf-morg-inthread
	{wire.CapInProgress, "9585", nil},
}

// capabilityValues tell what stands behind "=" in the name of a capability where that
// is not always the same.
var capabilityValues = map[string]func(*Session) string{
	wire.CapAppendLimit: func(s *Session) string { return strconv.FormatInt(s.limits.StreamLiteral, 10) },
}

// capability is CAPABILITY (RFC 9051 section 6.1.1).
func (s *Session) capability(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	s.tellCapabilities()
	return s.ok(ctx, "CAPABILITY completed.")
}

// tellCapabilities sends the untagged response.
func (s *Session) tellCapabilities() {
	s.out.Untagged(wire.RespCapability)
	s.writeCapabilities()
	s.out.CRLF()
}

// capabilityCode writes the response code that spares a client the command.
func (s *Session) capabilityCode() {
	s.out.CodeStart(wire.CodeCapability)
	s.writeCapabilities()
	s.out.CodeEnd()
}

func (s *Session) writeCapabilities() {
	for i := range capabilities {
		name := capabilities[i].name
		if s.off.has(name) {
			continue
		}
		s.out.SP().Atom(name)
		if value := capabilityValues[name]; value != nil {
			s.out.Token("=" + value(s))
		}
	}
}
