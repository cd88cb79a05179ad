package expire

import (
	"fmt"
	"io"
	"strings"
)

// Report writes what has become of messages. If it was dry, that is what would become of
// them, and there is a line for each.
func Report(w io.Writer, all []Message, dry bool) error {
	count := make(map[Reason]int)
	for _, m := range all {
		count[m.Reason]++
		if !dry {
			continue
		}
		if _, err := fmt.Fprintln(w, m); err != nil {
			return err
		}
	}
	verb := "gone"
	if dry {
		verb = "would go"
	}
	line := fmt.Sprintf("%d of %d messages %s", count[Goes], len(all), verb)
	var stay []string
	for _, r := range Reasons() {
		if n := count[r]; n > 0 {
			stay = append(stay, fmt.Sprintf("%d %s", n, r))
		}
	}
	if stay != nil {
		line += "; " + strings.Join(stay, ", ")
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// String is what becomes of the message, in a line.
func (m Message) String() string {
	since := ""
	if !m.Retrieved.IsZero() {
		since = ", retrieved " + m.Retrieved.UTC().Format("2006-01-02")
	}
	switch m.Reason {
	case Goes:
		return fmt.Sprintf("UID %d goes%s", m.UID, since)
	case NotRetrieved:
		return fmt.Sprintf("UID %d stays: %s", m.UID, m.Reason)
	case TooSoon:
		return fmt.Sprintf("UID %d stays%s", m.UID, since)
	case Keyword:
		return fmt.Sprintf("UID %d stays: %s %s%s", m.UID, m.Reason, m.Keyword, since)
	}
	return fmt.Sprintf("UID %d stays: %s%s", m.UID, m.Reason, since)
}
