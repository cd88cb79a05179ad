package imap_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

func scanDateTime(s *wire.Scanner) (time.Time, error) {
	d := imap.ScanDateTime(s)
	s.CRLF()
	return d, s.Err()
}

func TestDateTime(t *testing.T) {
	for _, c := range []struct{ in, want string }{ // want in RFC 3339; "": refused
		{`" 7-Feb-1994 21:52:25 -0800"`, "1994-02-07T21:52:25-08:00"},
		{`"07-feb-1994 21:52:25 +0530"`, "1994-02-07T21:52:25+05:30"},
		{`"17-JUL-1996 02:44:25 +0000"`, "1996-07-17T02:44:25Z"},
		{`"7-Feb-1994 21:52:25 -0800"`, "1994-02-07T21:52:25-08:00"},
		{`"29-Feb-2024 00:00:00 -0000"`, "2024-02-29T00:00:00Z"},
		{`"31-Dec-2016 23:59:60 +0000"`, "2016-12-31T23:59:59Z"},
		{`"01-Jan-0000 00:00:00 +0000"`, "0000-01-01T00:00:00Z"},
		{`"31-Dec-9999 23:59:59 +2359"`, "9999-12-31T23:59:59+23:59"},
		{`"29-Feb-2023 00:00:00 +0000"`, ""},
		{`"00-Jan-2023 00:00:00 +0000"`, ""},
		{`"17-Jul-1996 24:00:00 +0000"`, ""},
		{`"17-Jul-1996 02:60:00 +0000"`, ""},
		{`"17-Jul-1996 02:44:25 0000"`, ""},
		{`"17-Jul-1996 02:44:25 +0060"`, ""},
		{`"17-Jul-1996 02:44:25 UTC"`, ""},
		{`"17-Jul-1996 2:44:25.0 +0000"`, ""},
		{`"17-anF-1996 02:44:25 +0000"`, ""},
		{`"17-Jul-96 02:44:25 +0000"`, ""},
		{`"  7-Jul-1996 02:44:25 +0000"`, ""},
		{`17-Jul-1996`, ""},
		{`""`, ""},
	} {
		s := newScanner(t, c.in)
		d, err := scanDateTime(s)
		got := d.Format(time.RFC3339)
		if c.want == "" && errorOf(err) != "syntax" || c.want != "" && (err != nil || got != c.want) {
			t.Errorf("%s = %s, %v; want %s", c.in, got, err, c.want)
		}
		inStep(t, s)
	}
}

func TestAppendDateTime(t *testing.T) {
	for _, c := range []struct {
		t    time.Time
		want string
	}{
		{time.Date(1994, 2, 7, 21, 52, 25, 9, time.FixedZone("", -8*3600)), " 7-Feb-1994 21:52:25 -0800"},
		{time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC), "31-Dec-9999 23:59:59 +0000"},
		{time.Date(-5, 6, 1, 0, 0, 0, 0, time.UTC), " 1-Jan-0000 00:00:00 +0000"},
	} {
		if got := string(imap.AppendDateTime(nil, c.t)); got != c.want {
			t.Errorf("AppendDateTime(%v) = %q, want %q", c.t, got, c.want)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		at := time.Unix(rnd.Int64N(250_000_000_000), 0).In(time.FixedZone("", rnd.IntN(28*3600)-14*3600))
		got, want := string(imap.AppendDateTime(nil, at)), at.Format("_2-Jan-2006 15:04:05 -0700")
		if got != want {
			t.Fatalf("AppendDateTime(%v) = %q, want %q", at, got, want)
		}
	}
}

func TestDate(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"1-Feb-1994", "1994-02-01"},
		{"01-fEB-1994", "1994-02-01"},
		{`"31-Dec-2025"`, "2025-12-31"},
		{`" 1-Feb-1994"`, ""},
		{"31-Feb-1994", ""},
		{"0-Feb-1994", ""},
		{"1-Feb-94", ""},
		{"1-2-1994", ""},
		{"1-February-1994", ""},
		{"1-Feb-1994-1", ""},
		{"{10}\r\n1-Feb-1994", ""},
	} {
		s := newScanner(t, c.in)
		d := imap.ScanDate(s)
		s.CRLF()
		got := d.Format(time.DateOnly)
		if err := s.Err(); c.want == "" && errorOf(err) != "syntax" || c.want != "" && (err != nil || got != c.want) {
			t.Errorf("%s = %s, %v; want %s", c.in, got, err, c.want)
		}
	}
}

func FuzzDateTime(f *testing.F) {
	f.Add(`" 7-Feb-1994 21:52:25 -0800"`)
	f.Add(`"31-Dec-9999 23:59:60 +2359"`)
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, scanDateTime, func(d time.Time) string { return `"` + string(imap.AppendDateTime(nil, d)) + `"` })
	})
}
