package message

import (
	"bufio"
	"errors"
	"io"
)

const (
	previewParts  = 8         // text parts that are tried
	previewStored = 256 << 10 // octets read of all of them
	previewPlain  = 32 << 10  // octets of decoded text looked at in one that is plain text
	previewLine   = 512       // octets of a line that are looked at together
	previewMarkup = 128 << 10 // the same of one with markup: style sheets come first
)

// Preview returns the beginning of what there is to read in the message, as one
// line of at most 200 characters (RFC 8970 section 3.3): "" if there is nothing,
// or nothing that can be read without a key (RFC 8970 section 3.2). Attachments,
// markup, signatures and, if there is anything else, quoted lines with the line
// that says who wrote them are left out.
//
// r holds the message that root was parsed from. At most 256 kB of it are read,
// usually one or two. The error is one of reading.
func Preview(root *Part, r io.ReaderAt) (string, error) {
	for root.Message != nil {
		root = root.Message
	}
	var parts []*Part
	collectText(root, &parts)
	budget := int64(previewStored)
	for _, p := range parts {
		head := *p
		head.Body.Len = min(head.Body.Len, budget)
		budget -= head.Body.Len
		s, err := preview(&head, r)
		if err != nil || s != "" {
			return s, err
		}
	}
	return "", nil
}

// collectText appends the text parts to parts in the order in which they are
// the best to show: plain text before other alternatives.
func collectText(p *Part, parts *[]*Part) {
	if len(*parts) >= previewParts || p.Disposition == "attachment" || p.Is("multipart", "encrypted") {
		return
	}
	if p.Type == "text" && (p.Subtype == "plain" || p.Subtype == "html" || p.Subtype == "enriched") {
		if p.Decodable() {
			*parts = append(*parts, p)
		}
		return
	}
	if p.Subtype == "alternative" {
		for _, c := range p.Parts {
			if c.Is("text", "plain") {
				collectText(c, parts)
			}
		}
	}
	for _, c := range p.Parts {
		if p.Subtype != "alternative" || !c.Is("text", "plain") {
			collectText(c, parts)
		}
	}
}

// preview previews one text part.
func preview(p *Part, r io.ReaderAt) (string, error) {
	var x excerpt
	var err error
	if p.Subtype == "plain" {
		err = x.plain(p.text(r, previewPlain, pipeSmall))
	} else {
		err = x.markup(p.text(r, previewMarkup, pipeSmall))
	}
	if err != nil {
		return "", err
	}
	return x.String(), nil
}

// plain takes plain text.
func (x *excerpt) plain(r io.Reader) error {
	br := bufio.NewReaderSize(r, previewLine)
	begins := true
	for !x.done() {
		line, err := br.ReadSlice('\n')
		if begins {
			x.line(line, false)
		} else {
			x.more(line)
		}
		begins = err == nil
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
	return nil
}
