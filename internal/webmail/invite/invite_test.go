package invite

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// berlin is the zone of the readers here.
func berlin(t *testing.T) *time.Location {
	t.Helper()
	return must[*time.Location](t)(time.LoadLocation("Europe/Berlin"))
}

// wrap makes a calendar of the lines of an event.
func wrap(event string) string {
	return "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\n" + event + "\nEND:VEVENT\nEND:VCALENDAR\n"
}

func parseOne(t *testing.T, text string) *Invite {
	t.Helper()
	c, err := Parse(text, Options{Local: berlin(t)})
	if err != nil || len(c.Invites) != 1 {
		t.Fatalf("%q: %v, %v", text, c, err)
	}
	return &c.Invites[0]
}

const outlook = "BEGIN:VCALENDAR\r\n" +
	"METHOD:REQUEST\r\nPRODID:Microsoft Exchange Server 2010\r\nVERSION:2.0\r\n" +
	"BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\n" +
	"BEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n" +
	"BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\n" +
	"END:VTIMEZONE\r\n" +
	"BEGIN:VEVENT\r\n" +
	"ORGANIZER;CN=Ann Lee:MAILTO:ann@example.org\r\n" +
	"ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=\"Meyer, Bob\r\n \":MAILTO:Bob@Example.net\r\n" +
	"ATTENDEE;CUTYPE=ROOM;PARTSTAT=ACCEPTED:invalid:nomail\r\n" +
	"DESCRIPTION;LANGUAGE=en-US:First line\\nSecond\\, with comma\r\n" +
	"RRULE:FREQ=WEEKLY;UNTIL=20260630T130000Z;INTERVAL=2;BYDAY=MO;WKST=SU\r\n" +
	"EXDATE;TZID=W. Europe Standard Time:20260413T150000\r\n" +
	"SUMMARY;LANGUAGE=en-US:Budget\r\n" +
	"DTSTART;TZID=W. Europe Standard Time:20260316T150000\r\n" +
	"DTEND;TZID=W. Europe Standard Time:20260316T160000\r\n" +
	"UID:040000008200E00074C5B7101A82E008\r\n" +
	"CLASS:PUBLIC\r\nPRIORITY:5\r\nDTSTAMP:20260301T101010Z\r\nSTATUS:CONFIRMED\r\nSEQUENCE:2\r\nLOCATION;LANGUAGE=en-US:Room 4\r\n" +
	"BEGIN:VALARM\r\nDESCRIPTION:REMINDER\r\nTRIGGER;RELATED=START:-PT15M\r\nACTION:DISPLAY\r\nEND:VALARM\r\n" +
	"END:VEVENT\r\nEND:VCALENDAR\r\n"

func TestOutlook(t *testing.T) {
	v := parseOne(t, outlook)
	if v.Method != Request || v.UID != "040000008200E00074C5B7101A82E008" || v.Sequence != 2 || v.Summary != "Budget" ||
		v.Location != "Room 4" || v.Description != "First line\nSecond, with comma" || v.Status != "CONFIRMED" || v.AllDay {
		t.Errorf("%+v", v)
	}
	if want := time.Date(2026, 3, 16, 14, 0, 0, 0, time.UTC); !v.Start.Time.Equal(want) || v.Start.Kind != Zoned || v.Start.Zone != "W. Europe Standard Time" {
		t.Errorf("starts %+v", v.Start)
	}
	if want := time.Date(2026, 3, 16, 15, 0, 0, 0, time.UTC); !v.End.Time.Equal(want) {
		t.Errorf("ends %+v", v.End)
	}
	if d := cmp.Diff(Person{Name: "Ann Lee", Addr: "ann@example.org", URI: "MAILTO:ann@example.org"}, v.Organizer); d != "" {
		t.Error(d)
	}
	want := []Attendee{
		{Person{Name: "Meyer, Bob", Addr: "Bob@Example.net", URI: "MAILTO:Bob@Example.net"}, NeedsAction, "REQ-PARTICIPANT", "INDIVIDUAL", true},
		{Person{URI: "invalid:nomail"}, Accepted, "REQ-PARTICIPANT", "ROOM", false},
	}
	if d := cmp.Diff(want, v.Attendees); d != "" {
		t.Error(d)
	}
	r := v.Repeats
	if r == nil || r.Freq != Weekly || r.Interval != 2 || r.WeekStart != time.Sunday || r.Until.Kind != UTC || !slices.Equal(r.ByDay, []Weekday{{0, time.Monday}}) {
		t.Errorf("repeats %+v", r)
	}
	var got []string
	times, ok := v.Next(time.Date(2026, 3, 17, 0, 0, 0, 0, time.UTC), 9)
	for _, o := range times {
		got = append(got, o.UTC().Format("0102T15"))
	}
	// Summer time begins on March 29; April 13 is left out; June 22 is the last one.
	if want := []string{"0330T13", "0427T13", "0511T13", "0525T13", "0608T13", "0622T13"}; !ok || !slices.Equal(got, want) {
		t.Errorf("occurs %q, %v", got, ok)
	}
}

func TestTimes(t *testing.T) {
	const day = "2006-01-02T15:04Z07:00"
	for _, c := range []struct {
		lines      string
		kind       MomentKind
		start, end string
	}{
		{"DTSTART:20260704T120000Z\nDTEND:20260704T130000Z", UTC, "2026-07-04T12:00Z", "2026-07-04T13:00Z"},
		{"DTSTART;TZID=America/New_York:20260704T120000\nDURATION:PT1H30M", Zoned, "2026-07-04T12:00-04:00", "2026-07-04T13:30-04:00"},
		{"DTSTART;TZID=/citadel.org/20210210_1/Asia/Tokyo:20260704T120000", Zoned, "2026-07-04T12:00+09:00", "2026-07-04T12:00+09:00"},
		{"DTSTART:20260704T120000\nDURATION:P1DT1H", Floating, "2026-07-04T12:00+02:00", "2026-07-05T13:00+02:00"},
		{"DTSTART;TZID=Mars:20260704T120000", Floating, "2026-07-04T12:00+02:00", "2026-07-04T12:00+02:00"},
		{"DTSTART;TZID=../../etc/passwd:20260704T120000", Floating, "2026-07-04T12:00+02:00", "2026-07-04T12:00+02:00"},
		{"DTSTART;TZID=Local:20260704T120000", Floating, "2026-07-04T12:00+02:00", "2026-07-04T12:00+02:00"},
		{"DTSTART;VALUE=DATE:20260704", Day, "2026-07-04T00:00+02:00", "2026-07-05T00:00+02:00"},
		{"DTSTART;VALUE=DATE:20260328\nDTEND;VALUE=DATE:20260330", Day, "2026-03-28T00:00+01:00", "2026-03-30T00:00+02:00"},
		{"DTSTART;VALUE=DATE:20260704\nDURATION:P2W", Day, "2026-07-04T00:00+02:00", "2026-07-18T00:00+02:00"},
		{"DTSTART;VALUE=DATE:20260704\nDTEND:20260704T130000Z", Day, "2026-07-04T00:00+02:00", "2026-07-05T00:00+02:00"},
		{"DTSTART:20260704T120000Z\nDTEND:20260704T110000Z", UTC, "2026-07-04T12:00Z", "2026-07-04T12:00Z"},
		{"DTSTART:20260704T120000Z\nDURATION:-PT1H", UTC, "2026-07-04T12:00Z", "2026-07-04T12:00Z"},
		{"DTSTART:20261231T235960Z", UTC, "2026-12-31T23:59Z", "2026-12-31T23:59Z"},
		{"DTSTART:20260230T120000Z", None, "0001-01-01T00:00Z", "0001-01-01T00:00Z"},
		{"DTSTART:soon", None, "0001-01-01T00:00Z", "0001-01-01T00:00Z"},
	} {
		v := parseOne(t, wrap(c.lines))
		if got := v.Start.Time.Format(day); v.Start.Kind != c.kind || got != c.start {
			t.Errorf("%s: starts %s, %+v", c.lines, got, v.Start)
		}
		if got := v.End.Time.Format(day); got != c.end || v.AllDay != (c.kind == Day) {
			t.Errorf("%s: ends %s", c.lines, got)
		}
	}
}

// TestRules compares a VTIMEZONE with what the system knows of the same zone.
func TestRules(t *testing.T) {
	zone := strings.Replace(outlook[strings.Index(outlook, "BEGIN:VTIMEZONE"):strings.Index(outlook, "BEGIN:VEVENT")], "W. Europe Standard Time", "Our Clock", 1)
	for at := time.Date(1999, 1, 1, 12, 0, 0, 0, berlin(t)); at.Year() < 2031; at = at.AddDate(0, 0, 3) {
		v := parseOne(t, "BEGIN:VCALENDAR\n"+zone+"BEGIN:VEVENT\nDTSTART;TZID=Our Clock:"+at.Format("20060102T150405")+"\nEND:VEVENT\nEND:VCALENDAR")
		if !v.Start.Time.Equal(at) || v.Start.Kind != Zoned {
			t.Fatalf("%v is %+v", at, v.Start)
		}
	}
	const moved = "BEGIN:VTIMEZONE\nTZID:Moved\nBEGIN:STANDARD\nDTSTART:20200101T000000\nTZOFFSETFROM:+0500\nTZOFFSETTO:+0430\nRDATE:20220101T000000\nEND:STANDARD\n" +
		"BEGIN:DAYLIGHT\nDTSTART:20210401T020000\nTZOFFSETFROM:+0430\nTZOFFSETTO:+0530\nRRULE:FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=1;UNTIL=20230331T213000Z\nEND:DAYLIGHT\nEND:VTIMEZONE\n"
	for at, want := range map[string]string{
		"20190101T120000": "+0500", "20200601T120000": "+0430", "20210601T120000": "+0530", "20220201T120000": "+0430", "20220601T120000": "+0530",
		"20230401T030000": "+0530", "20240601T120000": "+0530",
	} {
		v := parseOne(t, "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;TZID=Moved:"+at+"\nEND:VEVENT\n"+moved+"END:VCALENDAR")
		if got := v.Start.Time.Format("-0700"); got != want {
			t.Errorf("%s is in %s, want %s", at, got, want)
		}
	}
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		lines, after string
		want         string
		gaveUp       bool
	}{
		{"DTSTART:20260105T090000Z", "20260101", "0105", false},
		{"DTSTART:20260105T090000Z", "20260106", "", false},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;COUNT=3", "20260101", "0105 0106 0107", false},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;COUNT=3", "20260107", "0107", false},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;INTERVAL=10", "20260110", "0115 0125 0204 0214", false},
		{"DTSTART:19900105T090000Z\nRRULE:FREQ=DAILY", "20260110", "0110 0111 0112 0113", false},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;BYDAY=MO,FR;UNTIL=20260112T090000Z", "20260101", "0105 0109 0112", false},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;UNTIL=20260106", "20260101", "0105 0106", false},
		{"DTSTART:20260106T090000Z\nRRULE:FREQ=WEEKLY;BYDAY=TU,TH", "20260101", "0106 0108 0113 0115", false},
		{"DTSTART:20260106T090000Z\nRRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU", "20260101", "0106 0118 0120 0201", false},
		{"DTSTART:20260106T090000Z\nRRULE:FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=TU,SU", "20260101", "0106 0111 0120 0125", false},
		{"DTSTART:20260131T090000Z\nRRULE:FREQ=MONTHLY", "20260101", "0131 0331 0531 0731", false},
		{"DTSTART:20260131T090000Z\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1", "20260101", "0131 0228 0331 0430", false},
		{"DTSTART:20260109T090000Z\nRRULE:FREQ=MONTHLY;BYDAY=2FR", "20260101", "0109 0213 0313 0410", false},
		{"DTSTART:20260130T090000Z\nRRULE:FREQ=MONTHLY;BYDAY=-1FR", "20260101", "0130 0227 0327 0424", false},
		{"DTSTART:20260130T090000Z\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "20260101", "0130 0227 0331 0430", false},
		{"DTSTART:20260213T090000Z\nRRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "20260101", "0213 0313 1113 0813", false},
		{"DTSTART:20240229T090000Z\nRRULE:FREQ=YEARLY", "20240101", "0229 0229 0229 0229", false},
		{"DTSTART:20261126T090000Z\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "20260101", "1126 1125 1123 1122", false},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=YEARLY;BYDAY=1MO", "20260101", "0105 0104 0103 0101", false},
		{"DTSTART:20260115T090000Z\nRRULE:FREQ=YEARLY;BYMONTHDAY=15;BYMONTH=1,7", "20260101", "0115 0715 0115 0715", false},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260106T090000Z\nRDATE:20260110T090000Z,20260105T090000Z", "20260101", "0105 0107 0110", false},
		{"DTSTART:20260105T090000Z\nRDATE;VALUE=PERIOD:20260111T090000Z/PT1H,20260110T090000Z/PT1H", "20260101", "0105 0110 0111", false},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "20260101", "0105", true},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=HOURLY", "20260101", "", true},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=YEARLY;BYWEEKNO=20", "20260101", "", true},
		{"DTSTART:20260105T090000Z\nRRULE:FREQ=NEVER", "20260101", "0105", false},
		{"DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;COUNT=2", "20260101", "0105 0106", false},
		{"DTSTART;TZID=Europe/Berlin:20260328T090000\nRRULE:FREQ=DAILY;COUNT=2", "20260101", "0328 0329", false},
		{"RRULE:FREQ=DAILY", "20260101", "", true},
	} {
		after := must[time.Time](t)(time.ParseInLocation("20060102", c.after, berlin(t)))
		times, ok := parseOne(t, wrap(c.lines)).Next(after, 4)
		var got []string
		for _, o := range times {
			got = append(got, o.Format("0102"))
		}
		if s := strings.Join(got, " "); s != c.want || ok == c.gaveUp {
			t.Errorf("%s: %s, %v, want %s", c.lines, s, ok, c.want)
		}
	}
}

func TestText(t *testing.T) {
	v := parseOne(t, wrap("SUMMARY:a\\nb\u202e\u0007c <script>\nDESCRIPTION:"+strings.Repeat("ä", maxLong)+"\nURL:javascript:alert(1)\nURL:https://example.org/x\nLOCATION:\nLOCATION:second\nSEQUENCE:-1\n"+
		"ORGANIZER;EMAIL=ann@example.org;SENT-BY=\"mailto:sec@example.org\":urn:uuid:1\nATTENDEE:mailto:a%40b@example.org\nATTENDEE;CN=x@y.org:mailto:x@y.org?subject=z\nATTENDEE:mailto:a%0D%0ABcc:b@example.org\nATTENDEE:mailto:\"a b\"@example.org\nATTENDEE:bob@example.org"))
	if v.Summary != "a b c <script>" || v.URL != "https://example.org/x" || v.Location != "second" || v.Sequence != 0 {
		t.Errorf("%q, %q, %q, %d", v.Summary, v.URL, v.Location, v.Sequence)
	}
	if len(v.Description) > maxLong || strings.Trim(v.Description, "ä") != "" {
		t.Errorf("%d octets of description", len(v.Description))
	}
	if v.Organizer.Addr != "ann@example.org" || v.Organizer.SentBy != "sec@example.org" {
		t.Errorf("%+v", v.Organizer)
	}
	var addrs []string
	for _, a := range v.Attendees {
		addrs = append(addrs, a.Addr)
	}
	if want := []string{"a@b@example.org", "x@y.org", "", "", ""}; !slices.Equal(addrs, want) || v.Attendees[1].Name != "" {
		t.Errorf("%q", addrs)
	}
}

func TestCalendars(t *testing.T) {
	for text, want := range map[string]int{
		"":                             0,
		"hello":                        0,
		"BEGIN:VEVENT\nEND:VEVENT":     0,
		"BEGIN:VCALENDAR\nEND:VEVENT":  0,
		"BEGIN:VCALENDAR\nBEGIN:VTODO": 0,
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nBEGIN:VEVENT\nEND:VEVENT": 1,
		"BEGIN:VCALENDAR\nBEGIN:VEVENT":                           1,
		"begin:vcalendar\nbegin:vevent\nend:vevent\nbegin:vevent\nend:vevent\nend:vcalendar\nBEGIN:VCALENDAR\nBEGIN:VEVENT": 3,
	} {
		c, err := Parse(text, Options{})
		if want == 0 {
			if !errors.Is(err, ErrNoInvite) {
				t.Errorf("%q: %v", text, err)
			}
		} else if err != nil || len(c.Invites) != want {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
	c := must[*Calendar](t)(Parse("BEGIN:VCALENDAR\n"+strings.Repeat("BEGIN:VEVENT\nUID:1\nBEGIN:VALARM\nSUMMARY:no\nEND:VALARM\nEND:VEVENT\n", maxEvents+1), Options{}))
	if len(c.Invites) != maxEvents || !c.Cut || c.Invites[maxEvents-1].Summary != "" {
		t.Errorf("%d of too many events, %v", len(c.Invites), c.Cut)
	}
	c = must[*Calendar](t)(Parse(wrap(strings.Repeat("ATTENDEE:mailto:a@b\n", maxAttendees+1)), Options{}))
	if len(c.Invites[0].Attendees) != maxAttendees || !c.Cut {
		t.Errorf("%d attendees, %v", len(c.Invites[0].Attendees), c.Cut)
	}
	c = must[*Calendar](t)(Parse(wrap("UID:1\n"+strings.Repeat("X:"+strings.Repeat("y", 100)+"\n", maxText/100)), Options{}))
	if c.Invites[0].UID != "1" || !c.Cut {
		t.Errorf("%+v of a text that is too long", c)
	}
}

func TestDoubts(t *testing.T) {
	const people = "UID:1\nORGANIZER;SENT-BY=\"mailto:sec@example.org\":mailto:ann@example.org\nATTENDEE:mailto:bob@example.net"
	for _, c := range []struct {
		method, event, from, own string
		want                     []Doubt
	}{
		{"REQUEST", people, "Ann@example.org", "bob@example.net", nil},
		{"REQUEST", people, "sec@example.org", "bob@example.net", nil},
		{"REQUEST", people, "eve@example.com", "bob@example.net", []Doubt{OtherOrganizer}},
		{"CANCEL", people, "eve@example.com", "joe@example.net", []Doubt{OtherOrganizer, NotInvited}},
		{"REQUEST", "UID:1\nATTENDEE:mailto:bob@example.net", "ann@example.org", "bob@example.net", []Doubt{NoOrganizer}},
		{"REPLY", people, "bob@example.net", "ann@example.org", nil},
		{"REPLY", people, "eve@example.net", "joe@example.org", []Doubt{OtherAttendee, NotMyEvent}},
		{"PUBLISH", people, "eve@example.net", "joe@example.org", nil},
		{"REQUEST", people + "\nEND:VEVENT\nBEGIN:VEVENT\nUID:2", "ann@example.org", "bob@example.net", []Doubt{OtherCalendars}},
	} {
		cal := must[*Calendar](t)(Parse("BEGIN:VCALENDAR\nMETHOD:"+c.method+"\nBEGIN:VEVENT\n"+c.event+"\nEND:VEVENT\nEND:VCALENDAR", Options{}))
		if got := cal.Doubts(&cal.Invites[0], []string{c.from}, []string{c.own}); !slices.Equal(got, c.want) {
			t.Errorf("%s from %s to %s: %q, want %q", c.method, c.from, c.own, got, c.want)
		}
	}
}
