package compose

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Doubt is a reason to ask before a message is sent.
type Doubt uint8

// The doubts.
const (
	NoRecipients   Doubt = iota // it cannot be sent at all
	NotAddresses                // something in To, Cc or Bcc is no address
	NoSubject                   // and nothing to see in a list
	NoText                      // neither text nor files
	NoFiles                     // the text speaks of an attachment
	ManyRecipients              // who all see each other
)

// manyVisible is how many addresses in To and Cc are too many for people to see.
const manyVisible = 20

// Doubts returns what speaks against sending the message as it is. forwarded is the
// line above a message that is passed on in the text (Labels.Forwarded): what is below
// it, and what is quoted, was not written by the sender.
func (m *Message) Doubts(forwarded string) []Doubt {
	var out []Doubt
	doubt := func(is bool, d Doubt) {
		if is {
			out = append(out, d)
		}
	}
	text := m.Text
	if m.Rich {
		text = ToText(m.HTML, LinksInline)
	}
	files := len(m.Files) + m.ownPictures()
	d := m.Draft
	doubt(len(m.To)+len(m.Cc)+len(m.Bcc) == 0, NoRecipients)
	doubt(strings.TrimSpace(d.To+d.Cc+d.Bcc) != "", NotAddresses)
	doubt(strings.TrimSpace(m.Subject) == "", NoSubject)
	doubt(strings.TrimSpace(text) == "" && files+len(m.Inline) == 0 && m.Calendar == nil, NoText)
	doubt(files == 0 && mentionsFiles(m.ownSubject()+"\n"+ownText(text, forwarded)), NoFiles)
	doubt(len(m.To)+len(m.Cc) > manyVisible, ManyRecipients)
	return out
}

// ownPictures counts the pictures in the text, if none of them can be of what is quoted.
func (m *Message) ownPictures() (n int) {
	if m.Draft.Action != NoAction || m.InReplyTo != "" {
		return 0
	}
	for _, f := range m.Inline {
		if strings.Contains(m.HTML, `"cid:`+cidURL(f.ID)+`"`) {
			n++
		}
	}
	return n
}

// ownSubject returns the subject if the sender wrote it.
func (m *Message) ownSubject() string {
	if m.Draft.Action != NoAction || m.InReplyTo != "" {
		return ""
	}
	return m.Subject
}

// ownText returns what the sender wrote: no quotations, no signature, nothing that is
// passed on.
func ownText(text, forwarded string) string {
	var out strings.Builder
	sign := false // in the signature, which ends where a quotation begins
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case forwarded != "" && strings.TrimSpace(line) == strings.TrimSpace(forwarded):
			return out.String()
		case strings.HasPrefix(line, ">"):
			sign = false
		case line == signature:
			sign = true
		case !sign:
			out.WriteString(line)
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// attachmentWords say that something is attached, by language. A star stands for any
// ending, and before a word for any beginning: Arabic writes articles and prepositions
// together with their noun. People write in more languages than they read pages in, so
// all of them are looked for.
var attachmentWords = map[string][]string{
	"en": {"attach*", "enclosed", "enclosing", "enclosure*"},
	"de": {"anhang*", "anhäng*", "angehäng*", "anbei", "beigefüg*", "beigeleg*", "beiliegend*"},
	"fr": {"pièce jointe", "pièces jointes", "pj", "p.j.", "ci-joint*", "fichier joint", "fichiers joints", "en annexe"},
	"es": {"adjunt*", "en anexo", "archivo anexo"},
	"it": {"allegat*", "allego", "alleghiamo"},
	"nl": {"bijlage*", "bijgevoegd*", "bijgesloten", "meegestuurd*"},
	"pl": {"załącz*", "dołącz*"},
	"ar": {"*مرفق*", "*مرفقة*", "*المرفقات*", "*ملحق*"},
}

// mentionsFiles reports whether a text speaks of attachments.
func mentionsFiles(text string) bool {
	text = strings.Join(strings.Fields(strings.ToLower(norm.NFC.String(text))), " ")
	for _, words := range attachmentWords {
		for _, w := range words {
			if hasWord(text, w) {
				return true
			}
		}
	}
	return false
}

// hasWord looks for a word, or several, of the table.
func hasWord(text, pattern string) bool {
	word, ending := strings.CutSuffix(pattern, "*")
	word, beginning := strings.CutPrefix(word, "*")
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(word)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if (beginning || !isWordRune(before)) && (ending || !isWordRune(after)) {
			return true
		}
		at = end
	}
}

func isWordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}
