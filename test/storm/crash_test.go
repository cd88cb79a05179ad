package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"fantail/internal/mail"
	"fantail/test/storm/fault"
)

// TestCrash kills each operation before a sample of its writes, and tears them.
func TestCrash(t *testing.T) {
	for i, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			o := crashOptions{dir: t.TempDir(), modes: "killed,torn,short write,disk full", few: true}
			bad, err := o.operation(i, &out)
			// It is the actor that finds out, and says so.
			if err != nil && strings.Contains(err.Error(), fault.ErrUnsupported.Error()) {
				t.Skip(err)
			}
			if err != nil || bad > 0 {
				t.Errorf("%v\n%s", err, &out)
			}
		})
	}
}

// TestVerdict: a crash that loses what was acknowledged is found out.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(now *state)
		acks  []ack
		want  string // "" for nothing
	}{
		{"as before", func(*state) {}, nil, ""},
		{"as after", func(s *state) { s.boxes["INBOX"].messages[3] = message{"new-1", "-", false}; s.boxes["INBOX"].next = 4 }, nil, ""},
		{"message lost", func(s *state) { delete(s.boxes["INBOX"].messages, 1) }, nil, "lost"},
		{"message replaced", func(s *state) { s.boxes["INBOX"].messages[1] = message{"b", "S", false} }, nil, "UID 1 was"},
		{"flags lost", func(s *state) { s.boxes["INBOX"].messages[1] = message{"a", "-", false} }, nil, "UID 1 was"},
		{"message doubled", func(s *state) { s.boxes["INBOX"].messages[7] = message{"a", "S", false} }, nil, "2 times"},
		{"UID below UIDNEXT", func(s *state) { s.boxes["INBOX"].next = 2 }, nil, "UIDNEXT"},
		{"UIDVALIDITY", func(s *state) { s.boxes["INBOX"].validity = 8 }, nil, "UIDVALIDITY"},
		{"mailbox lost", func(s *state) { delete(s.boxes, "INBOX") }, nil, "INBOX is lost"},
		{"mailbox from nowhere", func(s *state) { s.boxes["x"] = &boxState{guid: "x"} }, nil, "nobody made"},
		{"append acknowledged", func(*state) {}, []ack{{Did: "uid", Box: "INBOX", UID: 3, Token: "new-1", Flags: "-"}}, "was told"},
		{"expunge acknowledged", func(*state) {}, []ack{{Did: "expunge", Box: "INBOX", UID: 1}}, "was expunged"},
		{"delivery acknowledged", func(*state) {}, []ack{{Did: "deliver", Box: "INBOX", Token: "new-1"}}, "accepted"},
		{"mailbox acknowledged", func(*state) {}, []ack{{Did: "box", Box: "y"}}, "acknowledged"},
		{"subscription acknowledged", func(*state) {}, []ack{{Did: "subscribed", Box: "y"}}, "acknowledged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			made := func() *state {
				return &state{boxes: map[string]*boxState{"INBOX": {7, "g", 3, map[mail.UID]message{1: {"a", "S", false}, 2: {"b", "-", true}}}}}
			}
			before, after, now := made(), made(), made()
			after.boxes["INBOX"].messages[3] = message{"new-1", "-", false}
			after.boxes["INBOX"].next = 4
			c.spoil(now)
			v := &verdict{before: before, after: after, disk: before.count(), acks: c.acks}
			v.judge(now)
			if got := strings.Join(v.broken, "; "); c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("verdict %q, want %q", got, c.want)
			}
		})
	}
}

// TestTorn cuts each file off at a sample of lengths.
func TestTorn(t *testing.T) {
	var cuts []damage
	for _, d := range damages {
		if d.after {
			cuts = append(cuts, d)
		}
	}
	for i, w := range wrecks {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if bad, err := w.batter(t.TempDir()+"/account", cuts, 23+i, &out); err != nil || bad > 0 {
				t.Errorf("%v\n%s", err, &out)
			}
		})
	}
}

// TestTogether: a real Dovecot and we work on one mailbox at the same time.
func TestTogether(t *testing.T) {
	var out strings.Builder
	err := together([]string{"-time", "1s"}, &out)
	if errors.Is(err, errNoDovecot) {
		t.Skip(err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestAlone: without Dovecot's lock it goes wrong, and that is noticed.
func TestAlone(t *testing.T) {
	for try := range 3 {
		switch err := together([]string{"-time", "1s", "-alone", "-rate", "0"}, io.Discard); {
		case errors.Is(err, errNoDovecot):
			t.Skip(err)
		case err != nil:
			t.Log("as it should be: ", err)
			return
		default:
			t.Logf("try %d went well by luck", try+1)
		}
	}
	t.Error("Dovecot's lock seems not to matter, or the storm is too weak")
}
