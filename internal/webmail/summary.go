package webmail

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"fantail/internal/mail"
	"fantail/internal/message"
)

// summary is what a list shows of a message and never changes.
type summary struct {
	from    string
	to      string // for folders of one's own mail
	subject string
	preview string
	files   bool // it has attachments
	date    time.Time
}

// maxSummaries is of how many messages of one mailbox summaries are kept.
const maxSummaries = 2000

// summarize returns the summary of a message, which is made only once.
func (m *mailboxes) summarize(ctx context.Context, v view, uid mail.UID) (summary, error) {
	m.mu.Lock()
	s, ok := m.about(v).summaries[uid]
	m.mu.Unlock()
	if ok {
		return s, nil
	}
	s, err := newSummary(ctx, v, uid)
	if err != nil {
		return summary{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.about(v)
	if k.summaries == nil || len(k.summaries) >= maxSummaries {
		k.summaries = make(map[mail.UID]summary)
	}
	k.summaries[uid] = s
	return s, nil
}

func newSummary(ctx context.Context, v view, uid mail.UID) (s summary, err error) {
	root, err := v.Structure(ctx, uid)
	if err != nil {
		return s, err
	}
	stat, err := v.Stat(ctx, uid)
	if err != nil {
		return s, err
	}
	f, err := v.OpenMessage(ctx, uid)
	if err != nil {
		return s, err
	}
	defer f.Close()
	if s.preview, err = message.Preview(root, f); err != nil {
		return s, fmt.Errorf("preview message: %w", err)
	}
	s.preview = oneLine(s.preview)
	env := root.Envelope()
	s.from, s.to = names(env.From), names(env.To)
	s.subject = subjectOf(root)
	s.files = len(contents(root, nil, false).files) > 0
	s.date = stat.Date
	return s, nil
}

// subjectOf returns the subject for display; "" if there is none.
func subjectOf(root *message.Part) string {
	subject, _ := root.Get("Subject")
	return oneLine(message.DecodeHeader(subject))
}

// names lists who is meant: display names where there are some.
func names(list []message.Address) string {
	var out []string
	for _, a := range list {
		if a.Kind != message.Mailbox {
			continue
		}
		if len(out) == 3 {
			out = append(out, "…")
			break
		}
		out = append(out, correspondent(a).Display())
	}
	return strings.Join(out, ", ")
}

// person is a correspondent as pages show one.
type person struct {
	Name    string // "" if the message does not say
	Address string
}

// Display returns the name, or the address of who has none.
func (p person) Display() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Address
}

// Initial is what stands in the circle beside the name.
func (p person) Initial() string {
	for _, r := range p.Display() {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "?"
}

func correspondent(a message.Address) person {
	p := person{Name: oneLine(message.DecodeHeader(a.Name)), Address: oneLine(message.DecodeHeader(a.Addr()))}
	if !a.Valid() {
		p.Address = oneLine(message.DecodeHeader(a.Mailbox))
	}
	p.Name = strings.Trim(p.Name, `"'`)
	if strings.EqualFold(p.Name, p.Address) {
		p.Name = ""
	}
	return p
}

// oneLine makes a line of a string from a message: no controls, no characters
// that change the direction of what follows, no runs of space.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r), r == 0x200B, r == 0xFEFF, r == 0x00AD, unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}
