package witness

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// calm is a storm in which everything was right; each case of TestJudge changes
// something in it.
const calm = `deliver 10 20 a ta
deliver 30 40 b tb
take 50 60 a
rename 110 120 a S 1
unlink 210 220 b
file 400 401 a S
listed 400 401 1 a`

const calmReader = `sync 5 8 7 1
sync 25 28 7 2
+ 1 a -
sync 45 48 7 3
+ 2 b -
sync 130 140 7 3
~ 1 S
content 141 142 2 tb
claim 150 160 2
sync 230 240 7 3
- 2
missing 250 260 2
sync 300 310 7 3
end 390 391 1 a S`

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name        string
		old, new    string // a change of calm
		readerOld   string
		readerNew   string
		want        Rule // "" for none
		late, stale int
	}{
		{name: "right"},
		{name: "expunged before the unlink", readerOld: "sync 230 240 7 3\n- 2", readerNew: "sync 190 200 7 3\n- 2", want: Gone},
		{name: "expunged during the unlink", readerOld: "sync 230 240 7 3\n- 2", readerNew: "sync 190 211 7 3\n- 2"},
		{name: "expunged without an unlink", old: "unlink 210 220 b\n", new: "file 400 401 b -\nlisted 400 401 2 b\n", want: Gone},
		{name: "came back", readerOld: "sync 300 310 7 3", readerNew: "sync 300 310 7 3\n+ 2 b -\nsync 320 330 7 3\n- 2", want: Gone},
		{name: "an operation says gone", readerOld: "missing 250 260 2", readerNew: "missing 200 205 2", want: Gone},
		{name: "shown late", readerOld: "sync 25 28 7 2\n+ 1 a -\nsync 45 48 7 3\n+ 2 b -",
			readerNew: "sync 25 28 7 2\n+ 1 a -\nsync 45 48 7 2\nsync 51 52 7 3\n+ 2 b -", late: 1},
		{name: "shown too late", readerOld: "sync 25 28 7 2\n+ 1 a -\nsync 45 48 7 3\n+ 2 b -",
			readerNew: "sync 25 28 7 2\n+ 1 a -\nsync 145 148 7 2\nsync 149 150 7 3\n+ 2 b -", want: Missed, late: 1, stale: 1},
		{name: "never shown", readerOld: "+ 2 b -\n", old: "unlink 210 220 b\n", new: "unlink 510 520 b\nfile 400 401 b -\n", want: Missed, late: 1},
		{name: "UID changed", readerOld: "sync 300 310 7 3", readerNew: "sync 300 310 7 4\n- 1\n+ 3 a S", want: TwoUIDs, late: 1},
		{name: "UID given twice", readerOld: "sync 300 310 7 3", readerNew: "sync 300 310 7 3\n- 1\n+ 1 b S", want: TwoMessages},
		{name: "in the middle", readerOld: "sync 45 48 7 3", readerNew: "sync 43 44 7 3\nsync 45 48 7 3", want: NotAtEnd, late: 1},
		{name: "next fell", readerOld: "sync 300 310 7 3", readerNew: "sync 300 310 7 2", want: BadNext},
		{name: "next below a UID", readerOld: "sync 25 28 7 2", readerNew: "sync 25 28 7 1", want: BadNext},
		{name: "UIDVALIDITY", readerOld: "sync 300 310 7 3", readerNew: "sync 300 310 8 3", want: Validity},
		{name: "two contents", readerOld: "content 141 142 2 tb", readerNew: "content 141 142 2 ta", want: Contents},
		{name: "nobody made it", old: "deliver 30 40 b tb\n", want: Nowhere},
		{name: "shown before it was made", old: "deliver 30 40 b tb", new: "deliver 49 51 b tb", want: Nowhere},
		{name: "of a failed operation", old: "deliver 30 40 b tb\n", new: "failed 30 40 append\n"},
		{name: "after its removal, without a proof", old: "unlink 210 220 b", new: "unlink 41 42 b"},
		{name: "flag without a change", readerOld: "sync 300 310 7 3", readerNew: "sync 300 310 7 3\n~ 1 -\nsync 320 330 7 3\n~ 1 S", want: LostFlag},
		{name: "stale flag", readerOld: "sync 130 140 7 3\n~ 1 S\n", readerNew: "sync 130 140 7 3\nsync 141 142 7 3\n~ 1 S\n", stale: 1},
		{name: "too stale", readerOld: "sync 130 140 7 3\n~ 1 S\n", readerNew: "sync 225 226 7 3\nsync 227 228 7 3\n~ 1 S\n", want: Stale, stale: 1},
		{name: "lost update", old: "file 400 401 a S", new: "file 400 401 a -", readerOld: "end 390 391 1 a S", readerNew: "end 390 391 1 a -", want: LostUpdate},
		{name: "nobody knows the flag", old: "file 400 401 a S", new: "unsure 130 131 1 S\nfile 400 401 a -", readerOld: "end 390 391 1 a S", readerNew: "end 390 391 1 a -"},
		{name: "claimed twice", readerOld: "claim 150 160 2", readerNew: "claim 150 160 2\nclaim 151 161 2", want: ClaimedMore},
		{name: "claimed what was taken", readerOld: "claim 150 160 2", readerNew: "claim 150 160 1", want: ClaimedMore},
		{name: "moved back and claimed", old: "take 50 60 a", new: "take 50 60 a\nback 70 80 a", readerOld: "claim 150 160 2", readerNew: "claim 150 160 1"},
		{name: "file without a message", old: "file 400 401 a S", new: "file 400 401 a S\nfile 400 401 c -", want: Disagree},
		{name: "message without a file", readerOld: "end 390 391 1 a S", readerNew: "end 390 391 1 a S\nend 390 391 2 b -", want: Disagree},
		{name: "other flags", readerOld: "end 390 391 1 a S", readerNew: "end 390 391 1 a F,S", want: Disagree},
		{name: "not in the list", old: "listed 400 401 1 a", new: "listed 400 401 2 a", want: Unlisted},
		{name: "trouble", readerOld: "claim 150 160 2", readerNew: "trouble 150 160 disk on fire", want: Trouble},
	} {
		t.Run(c.name, func(t *testing.T) {
			cs := newCase()
			for _, log := range []struct{ name, text, old, new string }{
				{"calm", calm, c.old, c.new}, {"reader", calmReader, c.readerOld, c.readerNew},
			} {
				text := log.text
				if log.old != "" {
					text = strings.Replace(text, log.old, log.new, 1)
					if text == log.text {
						t.Fatalf("%q is not in the log", log.old)
					}
				}
				if err := cs.Read(log.name, strings.NewReader(text)); err != nil {
					t.Fatal(err)
				}
			}
			r := cs.Judge(50 * time.Nanosecond)
			if c.want == "" && len(r.Broken) > 0 || c.want != "" && r.Broken[c.want] == 0 {
				t.Errorf("broken: %v, want %q", slices.Collect(maps.Keys(r.Broken)), c.want)
			}
			for rule, examples := range r.Examples {
				t.Logf("%s: %s", rule, examples)
			}
			if r.Late.Times != c.late || r.Stale.Times != c.stale {
				t.Errorf("%d late, %d stale; want %d, %d", r.Late.Times, r.Stale.Times, c.late, c.stale)
			}
		})
	}
}

// What is no log is refused: a storm whose log was not understood is not judged.
func TestMalformed(t *testing.T) {
	for _, text := range []string{
		"sync 1 2 3", "sync 1 2 x 1", "deliver 1 2 a", "deliver 1 x a t", "unknown 1 2 a",
		"+ 1 a -", "sync 1 2 7 1\n+ x a -", "sync 1 2 7 1\n+ 1 a", "sync 1 2 7 1\n* 1 a", "sync 1 2 7 1\n- x",
		"rename 1 2 a S", "end 1 2 x a -", "claim 1 2 x", "short",
	} {
		if err := newCase().Read("log", strings.NewReader(text)); err == nil {
			t.Errorf("%q was taken for a log", text)
		}
	}
}

// A log that was written is read as it was meant.
func TestLog(t *testing.T) {
	dir := t.TempDir()
	l, err := Create(dir + "/reader.log")
	if err != nil {
		t.Fatal(err)
	}
	states := []Snapshot{
		{7, 1, nil},
		{7, 4, []Row{{1, "a", "-"}, {3, "c", "F,S"}}},
		{7, 6, []Row{{3, "c", "S"}, {5, "e", "-"}}},
	}
	for i, s := range states {
		l.Sync(int64(10*i), int64(10*i+1), states[max(0, i-1)], s)
	}
	l.Note("deliver", 5, "a", "token")
	l.End(states[2])
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := Logs(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := c.logs[0]
	if len(got.looks) != 3 || len(got.deeds) != 1 || len(got.end) != 2 {
		t.Fatalf("read %d looks, %d deeds, %d rows", len(got.looks), len(got.deeds), len(got.end))
	}
	last := got.looks[2]
	if !slices.Equal(last.came, []Row{{5, "e", "-"}}) || !slices.Equal(last.altered, []Row{{3, "", "S"}}) || len(last.went) != 1 || last.went[0] != 1 {
		t.Errorf("read %+v", last)
	}
}
