package message

// Envelope is the envelope structure of RFC 9051 section 7.5.2. Its strings are
// unfolded and otherwise as stored: encoded-words are not decoded, 8-bit octets
// stay. A nil pointer is NIL: the field is absent. An empty list is NIL.
type Envelope struct {
	Date      *string
	Subject   *string // white space squeezed
	From      []Address
	Sender    []Address // From if there is no Sender, or an empty one
	ReplyTo   []Address // From if there is no Reply-To, or an empty one
	To        []Address
	Cc        []Address
	Bcc       []Address
	InReplyTo *string
	MessageID *string

	text [4]string // what the pointers point to
}

// Envelope reads the envelope from the part's header. If a field is there more
// than once, which RFC 5322 section 3.6 forbids, addresses are those of all of
// them and of the others the last one counts.
func (p *Part) Envelope() *Envelope {
	e := &Envelope{}
	limit := p.maxAddresses()
	var ap addressParser
	for i := range p.Fields {
		f := &p.Fields[i]
		if list := e.list(f.Name); list != nil {
			ap = addressParser{s: f.Value(), words: ap.words}
			*list = ap.list(*list, limit)
			continue
		}
		e.setText(f)
	}
	if len(e.Sender) == 0 {
		e.Sender = e.From
	}
	if len(e.ReplyTo) == 0 {
		e.ReplyTo = e.From
	}
	return e
}

// maxAddresses is how many addresses of a list count.
func (p *Part) maxAddresses() int {
	if p.addresses == 0 {
		return DefaultLimits().Addresses
	}
	return p.addresses
}

// list returns the address list with the field name name, nil if there is none.
func (e *Envelope) list(name string) *[]Address {
	switch len(name) {
	case 2:
		if equalFold(name, "to") {
			return &e.To
		}
		if equalFold(name, "cc") {
			return &e.Cc
		}
	case 3:
		if equalFold(name, "bcc") {
			return &e.Bcc
		}
	case 4:
		if equalFold(name, "from") {
			return &e.From
		}
	case 6:
		if equalFold(name, "sender") {
			return &e.Sender
		}
	case 8:
		if equalFold(name, "reply-to") {
			return &e.ReplyTo
		}
	}
	return nil
}

// setText takes a field that is a string in the envelope.
func (e *Envelope) setText(f *Field) {
	var to **string
	slot := 0
	switch {
	case f.Is("date"):
		to = &e.Date
	case f.Is("subject"):
		to, slot = &e.Subject, 1
	case f.Is("in-reply-to"):
		to, slot = &e.InReplyTo, 2
	case f.Is("message-id"):
		to, slot = &e.MessageID, 3
	default:
		return
	}
	e.text[slot] = f.Value()
	if slot == 1 {
		e.text[slot] = squeeze(e.text[slot])
	}
	*to = &e.text[slot]
}
