package invite

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var replyTime = time.Date(2026, 3, 2, 9, 30, 0, 0, time.FixedZone("", 3600))

func TestReply(t *testing.T) {
	const head = "BEGIN:VCALENDAR\r\nPRODID:-//Fantail//Webmail//EN\r\nVERSION:2.0\r\nMETHOD:REPLY\r\n"
	for _, c := range []struct {
		name, invite, addr, comment string
		status                      Status
		want                        string
	}{
		{
			"of a series", outlook, "bob@example.net", "See you,\nBob", Accepted,
			head + "BEGIN:VEVENT\r\nUID:040000008200E00074C5B7101A82E008\r\nSEQUENCE:2\r\nDTSTAMP:20260302T083000Z\r\n" +
				"ORGANIZER;CN=Ann Lee:MAILTO:ann@example.org\r\nATTENDEE;CN=\"Meyer, Bob\";PARTSTAT=ACCEPTED:MAILTO:Bob@Example.net\r\n" +
				"SUMMARY:Budget\r\nCOMMENT:See you\\,\\nBob\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		},
		{
			"not invited", wrap("UID:a\\,  b\nDTSTART:20260316T150000Z\nDURATION:PT1H\nORGANIZER:mailto:ann@example.org"), "joe@example.net", "", Declined,
			head + "BEGIN:VEVENT\r\nUID:a\\,  b\r\nDTSTART:20260316T150000Z\r\nDTEND:20260316T160000Z\r\nSEQUENCE:0\r\nDTSTAMP:20260302T083000Z\r\n" +
				"ORGANIZER:mailto:ann@example.org\r\nATTENDEE;PARTSTAT=DECLINED:mailto:joe@example.net\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		},
		{
			"an occurrence", wrap("UID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20260713T150000\nDTSTART;TZID=Europe/Berlin:20260714T150000\nORGANIZER:mailto:ann@example.org"), "joe@example.net", "", Tentative,
			head + "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0200\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" +
				"BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260713T150000\r\nSEQUENCE:0\r\nDTSTAMP:20260302T083000Z\r\n" +
				"ORGANIZER:mailto:ann@example.org\r\nATTENDEE;PARTSTAT=TENTATIVE:mailto:joe@example.net\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		},
		{
			"days", wrap("UID:1\nRECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20260713\nDTSTART;VALUE=DATE:20260714\nORGANIZER:mailto:ann@example.org"), "joe@example.net", "", Tentative,
			head + "BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20260713\r\nSEQUENCE:0\r\nDTSTAMP:20260302T083000Z\r\n" +
				"ORGANIZER:mailto:ann@example.org\r\nATTENDEE;PARTSTAT=TENTATIVE:mailto:joe@example.net\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		},
	} {
		got, err := Reply(parseOne(t, c.invite), c.addr, c.status, c.comment, replyTime)
		if d := cmp.Diff(c.want, string(got)); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", c.name, err, d)
		}
	}
}

func TestNoReply(t *testing.T) {
	for _, text := range []string{
		wrap("ORGANIZER:mailto:a@b.org"), wrap("UID:1"), strings.Replace(wrap("UID:1\nORGANIZER:mailto:a@b.org"), "REQUEST", "CANCEL", 1),
		wrap("ORGANIZER:mailto:a@b.org\nUID:" + strings.Repeat("x", maxUID+1)),
	} {
		if _, err := Reply(parseOne(t, text), "x@y.org", Accepted, "", replyTime); !errors.Is(err, ErrNoReply) {
			t.Errorf("%q: %v", text, err)
		}
	}
	v := parseOne(t, outlook)
	if _, err := Reply(v, "x@y.org", Delegated, "", replyTime); err == nil {
		t.Error("replied with DELEGATED")
	}
	for _, addr := range []string{"", "x", "a@b\r\nX:y", "a b@c"} {
		if _, err := Reply(v, addr, Accepted, "", replyTime); err == nil {
			t.Errorf("replied as %q", addr)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		outlook, wrap("UID:1\nORGANIZER:mailto:a@b.org\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;BYDAY=-1FR,2MO;BYSETPOS=1,-1;COUNT=9\nEXDATE:20260101,x"),
		wrap("DTSTART;TZID=Europe/Berlin:20260101T000000\nDURATION:P1W2DT3H4M5S\nRRULE:FREQ=YEARLY;BYMONTH=1,2;BYMONTHDAY=-1,30;UNTIL=20300101\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=\"a:b\":20260101T000000"),
		"BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:20260101T000000\nTZOFFSETTO:-1234\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nDTSTART;TZID=x:20260102T000000",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		start := time.Now()
		c, err := Parse(s, Options{Local: time.FixedZone("", 7200)})
		if err != nil {
			return
		}
		for i := range c.Invites {
			v := &c.Invites[i]
			for _, text := range []string{v.UID, v.Summary, v.Location, v.Organizer.Name, v.Organizer.Addr, v.URL} {
				if len(text) > maxShort || strings.ContainsAny(text, "\r\n\x00") || !utf8.ValidString(text) {
					t.Errorf("%q is shown", text)
				}
			}
			if v.Start.Kind != None && v.End.Time.Before(v.Start.Time) {
				t.Errorf("ends %v before it starts %v", v.End, v.Start)
			}
			times, _ := v.Next(v.Start.Time, 3)
			if len(times) > 3 || len(times) == 2 && !times[0].Before(times[1]) {
				t.Errorf("occurs %v", times)
			}
			c.Doubts(v, []string{"a@b.org"}, nil)
			if out, err := Reply(v, "joe@example.org", Accepted, s, replyTime); err == nil {
				checkReply(t, v, out)
			}
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// checkReply wants a reply to be well formed, and about the same event.
func checkReply(t *testing.T, v *Invite, out []byte) {
	for line := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte("\r\n")), []byte("\r\n")) {
		if len(line) > 75 || bytes.ContainsAny(line, "\r\n") {
			t.Errorf("%q is no line", line)
		}
	}
	c, err := Parse(string(out), Options{Local: time.FixedZone("", 7200)})
	if err != nil || len(c.Invites) != 1 || c.Method != ReplyMethod {
		t.Fatalf("reply %q: %v", out, err)
	}
	r := &c.Invites[0]
	if r.UID != v.UID || len(r.Attendees) != 1 || r.Attendees[0].Status != Accepted || (r.Occurrence == nil) != (v.Occurrence == nil) {
		t.Errorf("reply %q to %+v", out, v)
	}
	if v.Occurrence != nil && !v.Occurrence.Time.Equal(r.Occurrence.Time) && v.Occurrence.Kind != Floating {
		t.Errorf("reply about %v, not %v", r.Occurrence, v.Occurrence)
	}
}

func TestLinearTime(t *testing.T) {
	for _, unit := range []string{
		"BEGIN:VEVENT\n", "END:VEVENT\n", "DTSTART;TZID=x:20260101T000000\n", "RDATE:20260101,20260102\n", "EXDATE:20260101\n", "RRULE:FREQ=YEARLY;BYDAY=MO,TU\n",
		"BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nRDATE:20200101T000000\n", "ATTENDEE:mailto:a@b\n", "ATTENDEE;CN=x\n ", "1,",
	} {
		start := time.Now()
		if c, err := Parse(wrap("DTSTART:20260101\nRRULE:FREQ=DAILY\n"+strings.Repeat(unit, maxText/len(unit))), Options{}); err == nil {
			for i := range c.Invites {
				c.Invites[i].Next(replyTime, 5)
			}
		}
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%q repeated took %v", unit, d)
		}
	}
}
