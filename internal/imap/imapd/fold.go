package imapd

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"fantail/internal/message"
)

// fold maps text to the form in which search compares it, as the collation
// i;unicode-casemap has it (RFC 5051 section 2): titlecase, then decomposed with
// compatibility. White space is left as it is.
func fold(s string) string {
	if ascii := strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0; ascii {
		return strings.ToUpper(s)
	}
	return norm.NFKD.String(strings.Map(unicode.ToTitle, s))
}

// headerHas reports whether the folded needle is in one of the header's fields,
// decoded, as "Name: value".
func headerHas(p *message.Part, needle string) bool {
	for i := range p.Fields {
		f := &p.Fields[i]
		if strings.Contains(fold(f.Name+": "+message.DecodeHeader(f.Value())), needle) {
			return true
		}
	}
	return false
}

// fieldHas reports whether a field of that name has the folded needle.
func fieldHas(p *message.Part, name, needle string) bool {
	for i := range p.Fields {
		f := &p.Fields[i]
		if f.Is(name) && (needle == "" || strings.Contains(fold(message.DecodeHeader(f.Value())), needle)) {
			return true
		}
	}
	return false
}

// foldWindow looks for a folded needle in UTF-8 text that comes in pieces. It
// folds whole lines where it can, so that a character and the marks that combine
// with it stay together.
type foldWindow struct {
	needle string
	raw    []byte // not folded yet
	folded string // the end of what was searched, one octet shorter than the needle
}

// longLine is from where on a line is cut.
const longLine = 256 << 10

// add reports whether the needle was found with the help of p.
func (w *foldWindow) add(p []byte) bool {
	w.raw = append(w.raw, p...)
	cut := bytes.LastIndexByte(w.raw, '\n') + 1
	if cut == 0 {
		if len(w.raw) < longLine {
			return false
		}
		cut = len(w.raw)
		for back := 1; back < utf8.UTFMax && back < cut; back++ {
			if c := w.raw[cut-back]; utf8.RuneStart(c) {
				if c >= utf8.RuneSelf {
					cut -= back
				}
				break
			}
		}
	}
	found := w.look(w.raw[:cut])
	w.raw = append(w.raw[:0], w.raw[cut:]...)
	return found
}

// finish reports whether the needle is in what is left.
func (w *foldWindow) finish() bool { return w.look(w.raw) }

func (w *foldWindow) look(text []byte) bool {
	all := w.folded + fold(string(text))
	if strings.Contains(all, w.needle) {
		return true
	}
	w.folded = strings.Clone(all[max(0, len(all)-len(w.needle)+1):])
	return false
}
