package imap_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// appended are the messages of an APPEND.
type appended struct {
	mailbox  string
	messages []string
}

// show writes the arguments of APPEND as a client does.
func (a appended) show(t testing.TB, utf8 bool) string {
	name := encode(t, utf8, func(e *wire.Encoder) { imap.WriteMailbox(e, a.mailbox) })
	return " " + name + strings.Join(a.messages, "")
}

// scanAppend scans an APPEND and reads its literals.
func scanAppend(t testing.TB) func(*wire.Scanner) (appended, error) {
	return func(s *wire.Scanner) (a appended, err error) {
		a.mailbox = imap.ScanAppendMailbox(s)
		for more := true; more; {
			m := imap.ScanAppendMessage(s)
			if m.Literal == nil {
				return a, s.Err()
			}
			data, err := io.ReadAll(m.Literal)
			if err != nil {
				return a, err
			}
			show := " " + showFlags(t, m.Flags) + " "
			if !m.Date.IsZero() {
				show += fmt.Sprintf("%q ", imap.AppendDateTime(nil, m.Date))
			}
			if m.Literal.Binary {
				show += "~"
			}
			a.messages = append(a.messages, fmt.Sprintf("%s{%d}\r\n%s", show, len(data), data))
			if more, err = m.ScanEnd(s); err != nil {
				return a, err
			}
		}
		return a, nil
	}
}

func TestScanAppend(t *testing.T) {
	for _, c := range []struct {
		in, want, err string
		utf8          bool
	}{
		{" box {3}\r\nabc", " box () {3}\r\nabc", "", false},
		{" {3}\r\nbox {1}\r\na", " box () {1}\r\na", "", false},
		{" box (\\Draft $x) \"17-Jul-1996 02:44:25 +0000\" {0}\r\n", " box (\\Draft $x) \"17-Jul-1996 02:44:25 +0000\" {0}\r\n", "", false},
		{" box \"17-Jul-1996 02:44:25 +0000\" (\\Draft) {0}\r\n", "", "syntax", false},
		{" box {3+}\r\nabc", " box () {3}\r\nabc", "", false},
		{" box (\\Seen x) \" 1-Feb-2020 00:00:00 +0100\" {1}\r\na", " box (\\Seen x) \" 1-Feb-2020 00:00:00 +0100\" {1}\r\na", "", false},
		{" box ~{3}\r\na\x00b", " box () ~{3}\r\na\x00b", "", false},
		{" box {3}\r\na\x00b", "", "syntax", false},
		{" box {1}\r\na {1}\r\nb", " box () {1}\r\na () {1}\r\nb", "", false},
		{" box {1}\r\na (\\Seen) ~{1+}\r\nb", " box () {1}\r\na (\\Seen) ~{1}\r\nb", "", false},
		{" box UTF8 (~{2}\r\nab)", " box () ~{2}\r\nab", "", true},
		{" box (\\Seen) utf8 (~{2+}\r\nab) (\\Draft) UTF8 (~{1}\r\nc)", " box (\\Seen) ~{2}\r\nab (\\Draft) ~{1}\r\nc", "", true},
		{" box UTF8 (~{2}\r\nab)", "", "syntax", false}, // not enabled
		{" box UTF8 ({2}\r\nab)", "", "syntax", true},
		{" box UTF8 (~{2}\r\nab", "", "syntax", true},
		{" box UTF8 ~{2}\r\nab", "", "syntax", true},
		{" box UTF8(~{2}\r\nab)", "", "syntax", true},
		{" box {1}\r\na)", "", "syntax", false},
		{" box {1}\r\na ", "", "syntax", false},
		{" box", "", "syntax", false},
		{" box abc", "", "syntax", false},
		{" box \"abc\"", "", "syntax", false},
		{" box {1048577}\r\n", "", "limit: message literal", false},
		{" box ~{1048577}\r\n", "", "limit: message literal", false},
	} {
		s := newScanner(t, c.in)
		s.UTF8 = c.utf8
		a, err := scanAppend(t)(s)
		if errorOf(err) != c.err || err == nil && a.show(t, c.utf8) != c.want {
			t.Errorf("APPEND%q = %q, %v; want %q, %s", c.in, a.show(t, c.utf8), err, c.want, c.err)
		}
		if c.err == "" { // otherwise a client would not have sent the literals
			inStep(t, s)
		}
	}
}

// TestAppendZone: the internal date keeps the zone that the client wrote.
func TestAppendZone(t *testing.T) {
	s := newScanner(t, ` x "17-Jul-1996 02:44:25 -0330" {1}`)
	imap.ScanAppendMailbox(s)
	m := imap.ScanAppendMessage(s)
	if want := time.Date(1996, 7, 17, 6, 14, 25, 0, time.UTC); m.Literal == nil || !m.Date.Equal(want) {
		t.Errorf("date %v, %v; want %v", m.Date, s.Err(), want)
	}
	inStep(t, s)
}

func FuzzScanAppend(f *testing.F) {
	f.Add(" INBOX (\\Seen $x) \"01-Feb-2020 00:00:00 +0100\" {3}\r\nabc ~{2+}\r\n\x00b", false)
	f.Add(" a UTF8 (~{2}\r\nab) (\\Draft) UTF8 (~{1}\r\nc)", true)
	f.Fuzz(func(t *testing.T, in string, utf8 bool) {
		fuzzScan(t, in, utf8, scanAppend(t), func(a appended) string { return a.show(t, utf8) })
	})
}
