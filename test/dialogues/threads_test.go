package dialogues

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/test/dialogue"
)

// conversation makes messages that refer to each other at random: to what comes
// later or is not there, in rings, under the same Message-ID. If distinct is set no two
// were sent in the same minute.
func conversation(seed uint64, distinct bool) []mailFile {
	r := rand.New(rand.NewPCG(seed, 1))
	minutes := r.Perm(30)
	begin := time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)
	files := make([]mailFile, 4+r.IntN(16))
	for i := range files {
		id := func() string { return fmt.Sprintf("<%d@x>", r.IntN(len(files)+3)) }
		var b strings.Builder
		minute := minutes[i]
		if !distinct {
			minute = r.IntN(30)
		}
		fmt.Fprintf(&b, "Date: %s\n", begin.Add(time.Duration(minute)*time.Minute).Format(time.RFC1123Z))
		if r.IntN(10) > 0 {
			fmt.Fprintf(&b, "Message-ID: %s\n", id())
		}
		switch r.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "In-Reply-To: %s\n", id())
		case 1, 2:
			b.WriteString("References:")
			for range 1 + r.IntN(4) {
				b.WriteString(" " + id())
			}
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "Subject: %s%s\n\nbody\n", []string{"", "", "Re: ", "Fwd: "}[r.IntN(4)], []string{"", "one", "two", "three", "four"}[r.IntN(5)])
		files[i] = mailFile{fmt.Sprint(i + 1), "S", begin.Add(time.Duration(r.IntN(1000)) * time.Minute), []byte(b.String())}
	}
	return files
}

// TestThreadsDifferential compares THREAD with Dovecot's. Which of two threads is first
// in REFS whose newest messages are of the same time is nowhere said.
func TestThreadsDifferential(t *testing.T) {
	if !dialogue.HasDovecot(dialogue.IMAP) {
		t.Skip("there is no Dovecot here")
	}
	bin := program(t, dialogue.IMAP)
	rounds := 40
	if testing.Short() {
		rounds = 6
	}
	for seed := range uint64(rounds) {
		distinct := seed%2 == 0
		files := conversation(seed, distinct)
		ours := startPeer(t, dialogue.Ours(bin), files)
		theirs := startPeer(t, dialogue.Dovecot(), files)
		algorithms := []string{"REFERENCES", "ORDEREDSUBJECT"}
		if distinct {
			algorithms = append(algorithms, "REFS")
		}
		for _, alg := range algorithms {
			c := "THREAD " + alg + " UTF-8 ALL"
			if a, b := ours.do(c), theirs.do(c); !slices.Equal(a, b) {
				t.Errorf("%s of conversation %d\n  ours    %s\n  theirs  %s", c, seed, a, b)
			}
		}
	}
}
