package imap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

func scanSet(s *wire.Scanner) (imap.SeqSet, error) {
	set := imap.ScanSeqSet(s)
	s.CRLF()
	return set, s.Err()
}

func TestSeqSet(t *testing.T) {
	for _, c := range []struct {
		in       string
		max      uint32
		resolved string
		err      string
	}{
		{"1", 9, "1", ""},
		{"2,4:7,9,12:*", 15, "2,4:7,9,12:15", ""},
		{"*:4,5:7", 10, "4:10", ""},
		{"7:2", 9, "2:7", ""},
		{"*", 9, "9", ""},
		{"*:*", 9, "9", ""},
		{"3291:*", 12, "12:3291", ""}, // RFC 9051 section 9: the last message is in it
		{"1:3,2:5,6", 9, "1:6", ""},
		{"5,3,1", 9, "1,3,5", ""},
		{"1,1,1", 9, "1", ""},
		{"*", 0, "", ""},
		{"1:*,5", 0, "5", ""},
		{"4294967295,4294967294", 1, "4294967294:4294967295", ""},
		{"1:4294967295,7:*", 4294967295, "1:4294967295", ""},
		{"", 9, "", "syntax"},
		{"0", 9, "", "syntax"},
		{"01", 9, "", "syntax"},
		{"1:", 9, "", "syntax"},
		{"1,", 9, "", "syntax"},
		{"1:2:3", 9, "", "syntax"},
		{"4294967296", 9, "", "syntax"},
		{"-1", 9, "", "syntax"},
		{"1 ", 9, "", "syntax"},
		{"5:$", 9, "", "syntax"},
		{"$$", 9, "", "syntax"},
	} {
		s := newScanner(t, c.in)
		set, err := scanSet(s)
		if got := set.Resolve(c.max).String(); got != c.resolved && c.err == "" || errorOf(err) != c.err {
			t.Errorf("%s of %d = %s, %v; want %s, %s", c.in, c.max, got, err, c.resolved, c.err)
		}
		if c.err == "" && set.String() != strings.Replace(c.in, "*:4", "4:*", 1) && c.in != "*:*" {
			t.Errorf("%s is shown as %s", c.in, set)
		}
		inStep(t, s)
	}
}

func TestLastResult(t *testing.T) {
	for in, want := range map[string]string{"$": "", "1,$,3": "1,3", "*:1,$": "1:*", "4,$": "4"} {
		set, err := scanSet(newScanner(t, in))
		rest, had := set.CutLastResult()
		if err != nil || !had || rest.String() != want {
			t.Errorf("%s without $ = %s, %v, %v; want %s", in, rest, had, err, want)
		}
	}
	set, err := scanSet(newScanner(t, "*:1,1:*"))
	if _, had := set.CutLastResult(); had || err != nil {
		t.Errorf("*:1,1:* has $: %v", err)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		in   []mail.UID
		want string
	}{
		{nil, ""},
		{[]mail.UID{1, 2, 3, 7, 9, 10}, "1:3,7,9:10"},
		{[]mail.UID{5, 4, 3}, "5,4,3"}, // the order tells which is which in COPYUID
		{[]mail.UID{4294967295}, "4294967295"},
	} {
		if got := imap.Numbers(c.in).String(); got != c.want {
			t.Errorf("Numbers(%v) = %s, want %s", c.in, got, c.want)
		}
	}
}

// naive is what a set names, member by member, in a mailbox of max messages.
func naive(set imap.SeqSet, max uint32) map[uint32]bool {
	members := make(map[uint32]bool)
	for _, r := range set {
		if max == 0 && (r.From == 0 || r.To == 0) {
			continue
		}
		from, to := r.From, r.To
		if from == 0 {
			from = max
		}
		if to == 0 {
			to = max
		}
		if from > to {
			from, to = to, from
		}
		for n := from; n <= to; n++ {
			members[n] = true
		}
	}
	return members
}

// FuzzSeqSet compares Resolve and Contains with naive.
func FuzzSeqSet(f *testing.F) {
	for _, seed := range []string{"1", "2,4:7,9,12:*", "*:4,5:7", "9:1,*", "3:4,1:2,2:3"} {
		f.Add(seed, uint8(10))
	}
	f.Fuzz(func(t *testing.T, in string, last uint8) {
		fuzzScan(t, in, false, scanSet, imap.SeqSet.String)
		set, err := scanSet(newScanner(t, strings.NewReplacer("\r", "", "\n", "").Replace(in)))
		if err != nil || slices.ContainsFunc(set, func(r imap.SeqRange) bool { return max(r.From, r.To) > 1000 }) {
			return
		}
		set, _ = set.CutLastResult()
		want := naive(set, uint32(last))
		got := set.Resolve(uint32(last))
		n := 0
		for i, r := range got {
			n += int(r.To-r.From) + 1
			if r.From == 0 || r.From > r.To || i > 0 && r.From <= got[i-1].To+1 {
				t.Fatalf("%s resolves to %s, which is not normal", set, got)
			}
		}
		for i := uint32(0); i < 1010; i++ {
			if got.Contains(i) != want[i] {
				t.Fatalf("%s of %d resolves to %s: member %d is %v", set, last, got, i, !want[i])
			}
		}
		if n != len(want) {
			t.Fatalf("%s of %d resolves to %s: %d members, want %d", set, last, got, n, len(want))
		}
	})
}

// BenchmarkScanFetch scans a UID FETCH of a thousand UIDs.
func BenchmarkScanFetch(b *testing.B) {
	var uids []string
	for i := range 1000 {
		uids = append(uids, fmt.Sprint(100000+3*i))
	}
	line := " UID FETCH " + strings.Join(uids, ",") + " (UID FLAGS)"
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		s := newScanner(b, line)
		s.SP()
		s.Name()
		s.SP()
		s.Name()
		a, err := imap.ScanFetch(s)
		if err != nil || len(a.Set.Resolve(1<<20)) != 1000 {
			b.Fatal(err)
		}
	}
}
