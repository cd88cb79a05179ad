package client

import (
	"bufio"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestNotify plays responses to a client that has asked for something by NOTIFY and has
// a mailbox selected, while it asks for nothing.
func TestNotify(t *testing.T) {
	for _, c := range []struct {
		name   string
		notify Notify
		say    string // responses, separated by ";"
		broken []Rule
		wrong  int // how much it does not know as it is
	}{
		{"nothing", Notify{}, "* 4 EXISTS", []Rule{Unasked}, 0},
		{"arrival", Notify{New: true}, "* 4 EXISTS;* 1 EXPUNGE", nil, 0},
		{"delayed", Notify{New: true, Delayed: true}, "* 4 EXISTS;* 1 EXPUNGE", []Rule{NotNow}, 0},
		{"flags", Notify{New: true, Flags: true}, "* 1 FETCH (UID 5 FLAGS ())", nil, 0},
		{"flags that are not wanted", Notify{New: true}, "* 1 FETCH (UID 5 FLAGS ())", []Rule{Unasked}, 0},
		{"flags of a new message", Notify{New: true, Fetch: []string{"FLAGS"}}, "* 4 EXISTS;* 4 FETCH (FLAGS ());x OK done;* 4 FETCH (UID 12)", nil, 0},
		{"nothing of a new message", Notify{New: true, Fetch: []string{"UID"}}, "* 4 EXISTS;x OK done;* 4 FETCH (UID 12)", []Rule{Unnotified}, 0},
		{"nothing of its own message", Notify{New: true, Fetch: []string{"UID"}}, "* 4 EXISTS;x OK done;* 4 FETCH (UID 13)", nil, 0},
		{"status", Notify{Groups: []NotifyGroup{{Filter: "PERSONAL", New: true}}}, "* STATUS a.b (MESSAGES 1 UIDNEXT 2)", nil, 0},
		{"old status", Notify{Groups: []NotifyGroup{{Filter: "SUBTREE", Boxes: []string{"a"}, New: true}}}, "* STATUS a.b (MESSAGES 2 UIDNEXT 2)", nil, 1},
		{"status of the selected one", Notify{Groups: []NotifyGroup{{Filter: "PERSONAL", New: true}}}, "* STATUS INBOX (MESSAGES 1)", []Rule{Unasked}, 0},
		{"status of another one", Notify{Groups: []NotifyGroup{{Filter: "MAILBOXES", Boxes: []string{"a"}, New: true}}}, "* STATUS a.b (MESSAGES 1)", []Rule{Unasked}, 0},
		{"name", Notify{Groups: []NotifyGroup{{Filter: "PERSONAL", Names: true}}}, `* LIST () "." a.b`, nil, 0},
		{"no name", Notify{Groups: []NotifyGroup{{Filter: "PERSONAL", Names: true}}}, `* LIST (\NonExistent) "." a.b`, nil, 1},
		{"rename", Notify{Groups: []NotifyGroup{{Filter: "PERSONAL", Names: true}}}, `* LIST () "." x;* LIST () "." x.b;* LIST () "." a ("OLDNAME" (x));* LIST (\NonExistent) "." a`, nil, 0},
		{"name that is not wanted", Notify{Groups: []NotifyGroup{{Filter: "PERSONAL", New: true}}}, `* LIST () "." a.b`, []Rule{Unasked}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var broken []Rule
			blame := func(r Rule, _ string, _ ...any) { broken = append(broken, r) }
			n := &c.notify
			n.Own = func(_ string, uid uint32) bool { return uid == 13 }
			n.Begun()
			n.Listed()
			n.names["a.b"] = Name{Exists: !strings.HasPrefix(c.name, "rename")}
			truth := NewTruth()
			truth.Doom("INBOX", 5)
			v := NewView("INBOX", &Mode{}, nil, truth, blame)
			play(t, v, "SELECT", `* FLAGS (\Seen);* 3 EXISTS;* OK [UIDVALIDITY 1] x;* OK [UIDNEXT 12] x`)
			v.Opened(false, 0)
			v.mode.Notify = n
			play(t, v, "UID FETCH", "* 1 FETCH (UID 5);* 2 FETCH (UID 7);* 3 FETCH (UID 9)")
			for said := range strings.SplitSeq(c.say, ";") {
				switch r, err := Parse([]byte(said)); {
				case err != nil:
					t.Fatal(err)
				case r.Tag != "*":
					v.Tagged(&r)
				case r.Name == "STATUS":
					n.HearStatus(&r, false, "INBOX", blame)
				case r.Name == "LIST":
					n.HearList(&r, false, blame)
				default:
					v.Hear(&r, Progress{})
				}
			}
			wrong := n.Differs(World{map[string]Status{"a.b": {"MESSAGES": 1, "UIDNEXT": 2}}, map[string]Name{"a.b": {Exists: true}}, []string{"a.b"}}, "INBOX", false)
			if !slices.Equal(broken, c.broken) || len(wrong) != c.wrong {
				t.Errorf("broken %q, want %q; wrong is %q", broken, c.broken, wrong)
			}
		})
	}
}

// TestView plays responses to a client that has selected a mailbox of three
// messages, UIDs 5, 7 and 9, and looks what it makes of them.
func TestView(t *testing.T) {
	rev2, qresync := Mode{Rev2: true}, Mode{QResync: true, CondStore: true}
	for _, c := range []struct {
		name   string
		mode   Mode
		during string // the command in progress
		say    string // responses, separated by ";"
		uids   string // what it knows then; ? for a UID that it does not know
		broken []Rule
	}{
		{"arrival", Mode{}, "NOOP", "* 4 EXISTS;* 4 FETCH (UID 12)", "5 7 9 12", nil},
		{"fewer", Mode{}, "NOOP", "* 2 EXISTS", "5 7", []Rule{FewerExist}},
		{"expunge", Mode{}, "NOOP", "* 2 EXPUNGE;* 2 FETCH (UID 9)", "5 9", nil},
		{"expunge of nothing", Mode{}, "NOOP", "* 4 EXPUNGE", "5 7 9", []Rule{NoNumber}},
		{"expunge of number 0", Mode{}, "NOOP", "* 0 EXPUNGE", "5 7 9", []Rule{NoNumber}},
		{"expunge during FETCH", Mode{}, "FETCH", "* 2 EXPUNGE", "5 9", []Rule{NotNow}},
		{"expunge during STORE", Mode{}, "STORE", "* 2 EXPUNGE", "5 9", []Rule{NotNow}},
		{"expunge during UID STORE", Mode{}, "UID STORE", "* 2 EXPUNGE", "5 9", nil},
		{"expunge unasked", Mode{}, "", "* 2 EXPUNGE", "5 9", []Rule{NotNow}},
		{"arrival unasked", Mode{}, "", "* 4 EXISTS", "5 7 9 ?", nil},
		{"expunge when it vanishes", qresync, "NOOP", "* 2 EXPUNGE", "5 9", []Rule{WrongMode}},
		{"vanished", qresync, "NOOP", "* VANISHED 5,9", "7", nil},
		{"vanished before it was known", qresync, "NOOP", "* 5 EXISTS;* VANISHED 12", "5 7 9 ?", nil},
		{"vanished below UIDNEXT", qresync, "NOOP", "* 4 EXISTS;* VANISHED 8", "5 7 9 ?", []Rule{NoNumber}},
		{"vanished that was not there", qresync, "NOOP", "* VANISHED 6", "5 7 9", []Rule{NoNumber}},
		{"vanished during SEARCH", qresync, "SEARCH", "* VANISHED 5", "7 9", []Rule{NotNow}},
		{"vanished without QRESYNC", Mode{}, "NOOP", "* VANISHED 5", "5 7 9", []Rule{WrongMode}},
		{"other UID", Mode{}, "UID FETCH", "* 2 FETCH (UID 8)", "5 7 9", []Rule{OtherUID}},
		{"UIDs not ascending", Mode{}, "UID FETCH", "* 4 EXISTS;* 4 FETCH (UID 6)", "5 7 9 ?", []Rule{NotAtEnd}},
		{"came back", Mode{}, "UID FETCH", "* 3 EXPUNGE;* 3 EXISTS;* 3 FETCH (UID 9)", "5 7 ?", []Rule{NotAtEnd}},
		{"number too high", Mode{}, "FETCH", "* 4 FETCH (UID 12)", "5 7 9", []Rule{NoNumber}},
		{"no UID in the answer to a UID command", Mode{}, "UID FETCH", `* 1 FETCH (FLAGS (\Seen))`, "5 7 9", []Rule{Grammar}},
		{"keyword", Mode{}, "NOOP", `* 1 FETCH (FLAGS (new))`, "5 7 9", []Rule{Unannounced}},
		{"announced keyword", Mode{}, "NOOP", `* FLAGS (\Seen New);* 1 FETCH (FLAGS (new))`, "5 7 9", nil},
		{"recent", Mode{}, "NOOP", `* 4 RECENT`, "5 7 9", []Rule{WrongCount}},
		{"recent in rev2", rev2, "NOOP", `* 1 RECENT`, "5 7 9", []Rule{WrongMode}},
		{"recent flag in rev2", rev2, "NOOP", `* 1 FETCH (FLAGS (\Recent))`, "5 7 9", []Rule{WrongMode}},
		{"size", Mode{}, "FETCH", `* 1 FETCH (RFC822.SIZE 5);* 1 FETCH (RFC822.SIZE 6)`, "5 7 9", []Rule{Changed}},
		{"part", Mode{}, "FETCH", "* 1 FETCH (BODY[TEXT] \"abcd\");* 1 FETCH (BODY[TEXT]<1> \"bc\");* 1 FETCH (BODY[TEXT]<2> \"bc\")", "5 7 9", []Rule{Changed}},
		{"longer part", Mode{}, "FETCH", "* 1 FETCH (BODY[TEXT]<2> \"cd\");* 1 FETCH (BODY[TEXT]<2> \"cdef\");* 1 FETCH (BODY[TEXT]<2> \"c\");* 1 FETCH (BODY[TEXT]<2> \"cdex\")", "5 7 9", []Rule{Changed}},
		{"mod-sequence falls", qresync, "NOOP", `* 1 FETCH (UID 5 MODSEQ (8) FLAGS ());* 1 FETCH (UID 5 MODSEQ (7) FLAGS ())`, "5 7 9", []Rule{ModSeqBack}},
		{"mod-sequence stays", qresync, "NOOP", `* 1 FETCH (UID 5 MODSEQ (8) FLAGS ());* 1 FETCH (UID 5 MODSEQ (8) FLAGS (\Seen))`, "5 7 9", []Rule{ModSeqBack, ModSeqBack}},
		{"mod-sequence missing", qresync, "NOOP", `* 1 FETCH (UID 5 FLAGS (\Seen))`, "5 7 9", []Rule{ModSeqBack}},
		{"highest falls", qresync, "NOOP", `* OK [HIGHESTMODSEQ 19] x`, "5 7 9", []Rule{ModSeqBack}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var broken []Rule
			truth := NewTruth()
			blame := func(r Rule, _ string, _ ...any) { broken = append(broken, r) }
			v := NewView("INBOX", &c.mode, nil, truth, blame)
			play(t, v, "SELECT", `* FLAGS (\Seen \Deleted);* 3 EXISTS;* OK [UIDVALIDITY 1] x;* OK [UIDNEXT 12] x;* OK [HIGHESTMODSEQ 20] x`)
			v.Tagged(&Response{Name: "OK"})
			v.Opened(false, 0)
			play(t, v, "UID FETCH", "* 1 FETCH (UID 5);* 2 FETCH (UID 7);* 3 FETCH (UID 9)")
			for _, uid := range []uint32{5, 7, 9} {
				truth.Doom("INBOX", uid)
			}
			if broken != nil {
				t.Fatal(broken)
			}
			play(t, v, c.during, c.say)
			if got := shown(v); got != c.uids || !slices.Equal(broken, c.broken) {
				t.Errorf("it knows %q, want %q; broken %q, want %q", got, c.uids, broken, c.broken)
			}
		})
	}
}

// play has a view hear responses.
func play(t *testing.T, v *View, during, say string) {
	t.Helper()
	for line := range strings.SplitSeq(say, ";") {
		r, err := Parse([]byte(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if !v.Hear(&r, Progress{Name: during}) {
			t.Errorf("%s is not about the mailbox", line)
		}
	}
}

func shown(v *View) string {
	var list []string
	for _, m := range v.messages {
		if m.UID == 0 {
			list = append(list, "?")
		} else {
			list = append(list, fmt.Sprint(m.UID))
		}
	}
	return strings.Join(list, " ")
}

// TestResync resynchronizes a client that knows UIDs 5, 7 and 9.
func TestResync(t *testing.T) {
	for _, c := range []struct {
		name, say, uids string
		broken          []Rule
	}{
		{"nothing new", "* 3 EXISTS", "5 7 9", nil},
		{"vanished", "* 2 EXISTS;* VANISHED (EARLIER) 1:4,7", "5 9", nil},
		{"arrived", `* 4 EXISTS;* 4 FETCH (UID 12 MODSEQ (30) FLAGS ())`, "5 7 9 12", nil},
		{"changed", `* 3 EXISTS;* 2 FETCH (UID 7 MODSEQ (30) FLAGS (\Seen))`, "5 7 9", nil},
		{"all at once", `* 3 EXISTS;* VANISHED (EARLIER) 5;* 1 FETCH (UID 7 MODSEQ (30) FLAGS ());* 3 FETCH (UID 12 MODSEQ (30) FLAGS ())`, "7 9 12", nil},
		{"vanished is missing", "* 2 EXISTS", "? ?", []Rule{Resync}},
		{"arrival is missing", "* 4 EXISTS", "? ? ? ?", []Rule{Resync}},
		{"wrong number", `* 4 EXISTS;* 3 FETCH (UID 12 MODSEQ (30) FLAGS ())`, "5 7 9 12", []Rule{Resync}},
		{"vanished and told", `* 3 EXISTS;* 2 FETCH (UID 7 MODSEQ (30) FLAGS ());* VANISHED (EARLIER) 7`, "5 7 9", []Rule{Resync}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var broken []Rule
			truth := NewTruth()
			for _, uid := range []uint32{5, 7, 9} {
				truth.Doom("INBOX", uid)
			}
			cache := &Cache{Validity: 1, Highest: 20, Messages: []Message{{UID: 5, Told: true}, {UID: 7, Told: true}, {UID: 9, Told: true}}}
			v := NewView("INBOX", &Mode{QResync: true, CondStore: true}, cache, truth, func(r Rule, _ string, _ ...any) { broken = append(broken, r) })
			play(t, v, "SELECT", `* FLAGS (\Seen);* OK [UIDVALIDITY 1] x;* OK [UIDNEXT 13] x;* OK [HIGHESTMODSEQ 30] x;`+c.say)
			v.Tagged(&Response{Name: "OK"})
			v.Opened(false, 0)
			if got := shown(v); got != c.uids || !slices.Equal(broken, c.broken) {
				t.Errorf("it knows %q, want %q; broken %q, want %q", got, c.uids, broken, c.broken)
			}
		})
	}
}

// TestHighest: what the client keeps of mod-sequences is what RFC 7162 section 6
// lets it keep.
func TestHighest(t *testing.T) {
	v := NewView("INBOX", &Mode{QResync: true, CondStore: true}, nil, NewTruth(), func(r Rule, f string, a ...any) { t.Errorf("%s: "+f, append([]any{r}, a...)...) })
	step := func(say, tagged string, want uint64) {
		t.Helper()
		if say != "" {
			play(t, v, "STORE", say)
		}
		r, err := Parse([]byte(tagged))
		if err != nil {
			t.Fatal(err)
		}
		if v.Tagged(&r); v.Highest != want {
			t.Errorf("%s: HIGHESTMODSEQ %d, want %d", tagged, v.Highest, want)
		}
	}
	step(`* FLAGS ();* 1 EXISTS;* OK [UIDVALIDITY 1] x;* OK [HIGHESTMODSEQ 20] x`, "a OK [READ-WRITE] x", 20)
	step("* 1 FETCH (UID 1 MODSEQ (30) FLAGS ())", "a OK x", 30)
	step("* 1 FETCH (UID 1 MODSEQ (40) FLAGS ())", "a OK [HIGHESTMODSEQ 35] x", 35)
	step("", "a OK x", 35)
}

// TestTruth: what was done and what is there.
func TestTruth(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     func(tr *Truth, blame blamer)
		found  []Found
		broken []Rule
	}{
		{"delivered", func(tr *Truth, _ blamer) { tr.Begin("a"); tr.Delivered("a") }, []Found{{UID: 1, Token: "a"}}, nil},
		{"lost", func(tr *Truth, _ blamer) { tr.Begin("a"); tr.Delivered("a") }, nil, []Rule{Lost}},
		{"doubtful", func(tr *Truth, _ blamer) { tr.Begin("a") }, nil, nil},
		{"invented", func(*Truth, blamer) {}, []Found{{UID: 1, Token: "a"}}, []Rule{Invented}},
		{"doubled", func(tr *Truth, _ blamer) { tr.Begin("a"); tr.Delivered("a") }, []Found{{UID: 1, Token: "a"}, {UID: 2, Token: "a"}}, []Rule{Doubled}},
		{"appended", func(tr *Truth, b blamer) { tr.Begin("a"); tr.Appended("a", "INBOX", 1, 3, b) }, []Found{{UID: 3, Token: "a"}}, nil},
		{"appended elsewhere", func(tr *Truth, b blamer) { tr.Begin("a"); tr.Appended("a", "INBOX", 1, 3, b) }, []Found{{UID: 4, Token: "a"}}, []Rule{Vanished, Doubled}},
		{"two of one UID", func(tr *Truth, b blamer) {
			tr.Begin("a")
			tr.Begin("b")
			tr.Appended("a", "INBOX", 1, 3, b)
			tr.Appended("b", "INBOX", 1, 3, b)
		}, []Found{{UID: 3, Token: "a"}}, []Rule{WrongPlace, WrongPlace, Lost}},
		{"copied", func(tr *Truth, b blamer) {
			tr.Begin("a")
			tr.Appended("a", "INBOX", 1, 3, b)
			tr.Copied("INBOX", 3, "INBOX", 1, 4, b)
		}, []Found{{UID: 3, Token: "a"}, {UID: 4, Token: "a"}}, nil},
		{"copy lost", func(tr *Truth, b blamer) {
			tr.Begin("a")
			tr.Appended("a", "INBOX", 1, 3, b)
			tr.Copied("INBOX", 3, "INBOX", 1, 4, b)
		}, []Found{{UID: 3, Token: "a"}}, []Rule{Vanished}},
		{"removed", func(tr *Truth, b blamer) { tr.Begin("a"); tr.Appended("a", "INBOX", 1, 3, b); tr.Dead("INBOX", 3) }, nil, nil},
		{"lingers", func(tr *Truth, b blamer) { tr.Begin("a"); tr.Appended("a", "INBOX", 1, 3, b); tr.Dead("INBOX", 3) }, []Found{{UID: 3, Token: "a"}}, []Rule{Lingers}},
		{"told gone too early", func(tr *Truth, b blamer) {
			tr.Begin("a")
			tr.Delivered("a")
			tr.Seen("INBOX", 3)
			tr.ToldGone("INBOX", 3, b)
			tr.Doom("INBOX", 3)
		}, []Found{{UID: 4, Token: "a"}}, []Rule{Vanished}},
		{"a copy of a deleted one goes before COPYUID", func(tr *Truth, b blamer) {
			tr.Begin("a")
			tr.Appended("a", "INBOX", 1, 3, b)
			tr.Doom("INBOX", 3)
			tr.ToldGone("INBOX", 4, b)
			tr.Copied("INBOX", 3, "INBOX", 1, 4, b)
		}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var broken []Rule
			tr, blame := NewTruth(), func(r Rule, _ string, _ ...any) { broken = append(broken, r) }
			c.do(tr, blame)
			tr.Settle("INBOX", c.found, blame)
			tr.Count(blame)
			if !slices.Equal(broken, c.broken) {
				t.Errorf("broken %q, want %q", broken, c.broken)
			}
		})
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		in   string
		ok   bool
		name string
		want []string // of the arguments, as text
	}{
		{"* 3 EXISTS\r\n", true, "EXISTS", nil},
		{"* SEARCH\r\n", true, "SEARCH", nil},
		{"* SEARCH 1 2\r\n", true, "SEARCH", []string{"1", "2"}},
		{"* LIST (\\a) \"/\" {3}\r\na b\r\n", true, "LIST", []string{"", "/", "a b"}},
		{"* OK [X a \"b]\"] text with {3}\r\n", true, "OK", nil},
		{"* 1 FETCH (BODY[HEADER.FIELDS (A B)]<0> NIL)\r\n", true, "FETCH", []string{""}},
		{"* x ((\"a\")(\"b\"))\r\n", true, "X", []string{""}},
		{"a OK done\r\n", true, "OK", nil},
		{"+ go\r\n", true, "", nil},
		{"* 3 EXISTS\n", false, "", nil},
		{"* SEARCH  1\r\n", false, "", nil},
		{"* SEARCH 1 \r\n", false, "", nil},
		{"* x (a\r\n", false, "", nil},
		{"* x \"a\r\n", false, "", nil},
		{"a FETCH\r\n", false, "", nil},
		{"* x {5}\r\nabc\r\n", false, "", nil},
		{"\r\n", false, "", nil},
	} {
		r, err := Read(bufio.NewReader(strings.NewReader(c.in)))
		if (err == nil) != c.ok {
			t.Errorf("%q: error %v", c.in, err)
			continue
		}
		var got []string
		for _, v := range r.Args {
			got = append(got, v.Text)
		}
		if c.ok && (r.Name != c.name || !reflect.DeepEqual(got, c.want)) {
			t.Errorf("%q: %s %q", c.in, r.Name, got)
		}
	}
	r, err := Parse([]byte(`* OK [HIGHESTMODSEQ 5] x`))
	if args, ok := r.HasCode("highestmodseq"); err != nil || !ok || len(args) != 1 || args[0].Text != "5" {
		t.Errorf("%v %v", r, err)
	}
	r, err = Parse([]byte(`* 1 FETCH (FLAGS (\Seen a) body[header.fields (a)] {2}` + "\r\nab)"))
	if v, ok := r.Item("BODY[HEADER.FIELDS (A)]"); err != nil || !ok || v.Text != "ab" {
		t.Errorf("%v %v", r, err)
	}
}

// FuzzParse: no response breaks the parser.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"* 1 FETCH (FLAGS (\\Seen) BODY[] {2}\r\nab)", "* ESEARCH (TAG \"a\") UID ALL 1:3", "a OK [COPYUID 1 2 3] x", "* 3 EXISTS", `* x "a\"b" (() NIL)`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) == 0 {
			return
		}
		if r, err := Parse(raw); err == nil && r.Tag == "" {
			t.Errorf("%q has no tag", raw)
		}
	})
}
