package conf

import (
	"fmt"
	"strconv"
	"strings"
)

// Margin is how far mail may go beyond the limits of its account: by a part of each, or
// by an amount. The zero Margin is nothing.
type Margin struct {
	Percent int64 // from 0 to mostPercent
	Quota         // 0 is nothing
}

const mostPercent = 1000

// ParseMargin reads a margin such as "10%", "50MB", "50MB, 100 messages" or "".
func ParseMargin(text string) (Margin, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	if !percent {
		q, err := ParseQuota(text)
		return Margin{Quota: q}, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 16)
	if err != nil || n < 1 || n > mostPercent {
		return Margin{}, fmt.Errorf(`%q is no margin between "1%%" and "%d%%"`, text, mostPercent)
	}
	return Margin{Percent: int64(n)}, nil
}

// String is the margin as ParseMargin reads it.
func (m Margin) String() string {
	if m.Percent > 0 {
		return strconv.FormatInt(m.Percent, 10) + "%"
	}
	return m.Quota.String()
}

// MailboxMargin is what one mailbox has beyond the limits of its account: a margin, or
// no limits at all, and what is in it does not count.
type MailboxMargin struct {
	Mailbox string
	Ignore  bool
	Margin  Margin // nothing where Ignore is true
}

// ignoreMailbox is what stands in place of the margin of a mailbox that does not count.
const ignoreMailbox = "ignore"

// parseMailboxMargin reads a line of mail.quota_extra, such as "Trash: +10%" or
// "Junk: ignore".
func parseMailboxMargin(text string) (MailboxMargin, error) {
	i := strings.LastIndexByte(text, ':')
	name, rule := "", ""
	if i > 0 {
		name, rule = strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+1:])
	}
	if name != "" && rule == ignoreMailbox {
		return MailboxMargin{Mailbox: name, Ignore: true}, nil
	}
	more, plus := strings.CutPrefix(rule, "+")
	m, err := ParseMargin(more)
	if err == nil && (name == "" || !plus || m == (Margin{})) {
		err = fmt.Errorf(`%q is not of the form "Trash: +10%%", "Trash: +50MB" or "Junk: ignore"`, text)
	}
	return MailboxMargin{Mailbox: name, Margin: m}, err
}

func showMailboxMargin(m MailboxMargin) string {
	if m.Ignore {
		return m.Mailbox + ": " + ignoreMailbox
	}
	return m.Mailbox + ": +" + m.Margin.String()
}
