package imapd_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fantail/internal/imap/imapd"
)

// TestDamagedIndex breaks the index at every page. A session may end by it, or
// make it anew, but it says nothing that is not so and does nothing by halves; and
// the next one finds it repaired.
func TestDamagedIndex(t *testing.T) {
	const n, pageSize = 300, 4096
	dir := newMaildir(t)
	for i := range n {
		name := fmt.Sprintf("12%08d.M%dP1.h:2,%s", i, i, []string{"", "S", "FS"}[i%3])
		if err := os.WriteFile(filepath.Join(dir, "cur", name), []byte("Subject: x\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commands := []string{"a EXAMINE INBOX", "b FETCH 1:* (UID FLAGS)", "c UID SEARCH FLAGGED", "d SEARCH KEYWORD $x",
		"e UID FETCH 200:210 (INTERNALDATE)", "f UID COPY 290:299 Copy", "g SELECT INBOX", "h UID STORE 7:9 +FLAGS $x", "i EXPUNGE"}
	talk(t, dir, "a SELECT INBOX", "b UID STORE 7:9 +FLAGS $x", "c CREATE Copy")
	look := func() string {
		// An index that was made anew has new mod-sequences.
		return regexp.MustCompile(`(COPYUID|HIGHESTMODSEQ) [^]]*`).ReplaceAllString(talk(t, dir, commands...), "$1")
	}
	want := look()
	right := lineSet(want)
	imapd.Checkpoint(t, dir)
	sound, journal := readFile(t, dir, "fantail.index"), readFile(t, dir, "fantail.log")
	scribble := func(from, to int) {
		broken := bytes.Clone(sound)
		for i := from; i < min(to, len(broken)); i++ {
			broken[i] ^= 0x55
		}
		replaceFile(t, dir, "fantail.index", broken)
		replaceFile(t, dir, "fantail.log", journal)
	}
	byes := 0
	for off := 0; off < len(sound); off += pageSize {
		t.Run(fmt.Sprint(off/pageSize), func(t *testing.T) {
			scribble(off, off+pageSize)
			out := look()
			for line := range lineSet(out) {
				if !right[line] && !strings.HasPrefix(line, "* BYE [SERVERBUG] ") {
					t.Errorf("not so: %q", line)
				}
			}
			if strings.Contains(out, "\r\n* BYE [SERVERBUG] ") {
				byes++
			} else if out != want {
				t.Errorf("incomplete: %.200q", out)
			}
			copies, err := os.ReadDir(filepath.Join(dir, ".Copy", "cur"))
			if err != nil || len(copies)%10 != 0 {
				t.Errorf("%d copies, %v", len(copies), err)
			}
			if again := look(); again != want {
				t.Errorf("not repaired: %.2000s", again)
			}
		})
	}
	if byes == 0 {
		t.Error("no page was noticed under a session")
	}
}

func lineSet(out string) map[string]bool {
	set := make(map[string]bool)
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\r\n"), "\r\n") {
		set[line] = true
	}
	return set
}

func readFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// replaceFile makes a file what b is.
func replaceFile(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
