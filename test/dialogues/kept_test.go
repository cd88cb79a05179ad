package dialogues

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"fantail/test/dialogue"
	"fantail/test/samplemail"
)

// TestKept asks our session program twice for what it keeps of every message that
// the comparison with Dovecot uses, and a session of another process once more.
// The answers are the same.
func TestKept(t *testing.T) {
	bin := program(t, dialogue.IMAP)
	files := nastyMail()
	for m := range samplemail.Generate(60, 1) {
		files = append(files, mailFile{m.Class, flagLetters(m), m.Date, m.Data})
	}
	box, err := dialogue.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(box.Home); err != nil {
			t.Error(err)
		}
	})
	if err := fill(box, files); err != nil {
		t.Fatal(err)
	}
	items := []string{"ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE", "INTERNALDATE", "SAVEDATE", "EMAILID", "PREVIEW",
		"BODY.PEEK[HEADER.FIELDS (From To Cc Subject Date Content-Type References Lines)]"}
	var first [][]string
	c := startTalker(t, dialogue.Ours(bin), box)
	for i := range files {
		first = append(first, nil)
		for _, item := range items {
			first[i] = append(first[i], fetchOne(c, i, item))
		}
		// With one that is not kept all fields are read from the file.
		read := fetchOne(c, i, strings.Replace(items[len(items)-1], ")", " X-Nowhere)", 1))
		if kept := first[i][len(items)-1]; kept != strings.Replace(read, " X-Nowhere", "", 1) {
			t.Errorf("%s: kept %.300q, in the file %.300q", files[i].name, kept, read)
		}
	}
	again := func(c *talker) {
		for i := range files {
			for k, item := range items {
				if got := fetchOne(c, i, item); got != first[i][k] {
					t.Errorf("%s, %s: %s: %.300q, first %.300q", c.name, files[i].name, item, got, first[i][k])
				}
			}
		}
	}
	again(c)
	c.do("LOGOUT")
	again(startTalker(t, dialogue.Ours(bin), box))
}

func fetchOne(c *talker, i int, item string) string {
	c.t.Helper()
	all := c.do(fmt.Sprintf("FETCH %d (%s)", i+1, item))
	if len(all) != 1 {
		c.t.Fatalf("FETCH %d (%s): %d responses: %.200q", i+1, item, len(all), all)
	}
	return all[0]
}
