package imapd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/imap/imapd"
	"fantail/test/samplemail"
)

// talk says lines in a session of its own and returns the answers, without the
// greeting.
func talk(t *testing.T, dir string, lines ...string) string {
	t.Helper()
	conn := &feed{in: strings.NewReader(strings.Join(lines, "\r\n") + "\r\n")}
	if err := serve(t, dir, conn, quiet); err != nil {
		t.Fatal(err)
	}
	_, out, _ := strings.Cut(conn.out.String(), "\r\n")
	return out
}

// fetchOf returns what a session says to a command after it has selected INBOX.
func fetchOf(t *testing.T, dir, command string) string {
	t.Helper()
	out := talk(t, dir, "a EXAMINE INBOX", "b "+command)
	_, out, ok := strings.Cut(out, "a OK [READ-ONLY] EXAMINE completed.\r\n")
	if !ok {
		t.Fatalf("EXAMINE: %q", out)
	}
	return out
}

// sampleMaildir makes a Maildir of n messages of all kinds.
func sampleMaildir(t *testing.T, n int) string {
	t.Helper()
	dir := newMaildir(t)
	i := 0
	for m := range samplemail.Generate(n, 3) {
		deliver(t, dir, fmt.Sprintf("12%08d.M%dP1.h", i, i), string(m.Data))
		i++
	}
	return dir
}

// empty takes the contents of all messages away, and leaves their names.
func empty(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "1*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if err := os.Truncate(f, 0); err != nil {
			t.Fatal(err)
		}
	}
}

const thunderbird = "BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)]"

// TestKept: what one session has found out about messages another one says too,
// octet for octet, without a look at their files: they are empty by then.
func TestKept(t *testing.T) {
	const n = 150
	dir := sampleMaildir(t, n)
	for _, items := range []string{
		"(ENVELOPE)",
		"(BODYSTRUCTURE RFC822.SIZE INTERNALDATE)",
		"(ENVELOPE BODYSTRUCTURE BODY FLAGS UID)", // one is new
		"(" + thunderbird + ")",
		"(BODY.PEEK[HEADER.FIELDS (subject)]<2.9> BODY.PEEK[HEADER.FIELDS (DATE)] ENVELOPE)",
	} {
		fetchOf(t, dir, "FETCH 1:* "+items)
	}
	all := "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY " + thunderbird +
		" BODY.PEEK[HEADER.FIELDS (Subject From)] BODY.PEEK[HEADER.FIELDS (Subject)]<3.8>)"
	kept := fetchOf(t, dir, all)
	if got := strings.Count(kept, "\r\n* "); got != n+3-1 {
		t.Fatalf("%d messages", got)
	}
	empty(t, dir)
	if again := fetchOf(t, dir, all); again != kept {
		t.Errorf("without files: %s", cmp.Diff(kept, again))
	}
	for _, f := range []string{"fantail.index", "fantail.log", "fantail.cache"} {
		if err := os.Remove(filepath.Join(dir, f)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if fetchOf(t, dir, all) == kept {
		t.Error("the files that are looked at are not those emptied")
	}
}

// TestKeptIsComputed: what is kept is what would be computed.
func TestKeptIsComputed(t *testing.T) {
	dir := sampleMaildir(t, 150)
	const all = "FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY)"
	computed := fetchOf(t, dir, all)
	if kept := fetchOf(t, dir, all); kept != computed {
		t.Error(cmp.Diff(computed, kept))
	}
	// A name that is not in the list makes a session look into the file.
	fields := "BODY.PEEK[HEADER.FIELDS (Subject To Content-Type References%s)]"
	fetchOf(t, dir, "FETCH 1:* ("+fmt.Sprintf(fields, "")+")")
	kept := fetchOf(t, dir, "FETCH 1:* ("+fmt.Sprintf(fields, "")+")")
	computed = fetchOf(t, dir, "FETCH 1:* ("+fmt.Sprintf(fields, " X-Nowhere")+")")
	if kept != strings.ReplaceAll(computed, " X-Nowhere", "") {
		t.Error(cmp.Diff(computed, kept))
	}
}

// TestIndexAnswers: what the index knows is answered from it: the messages of
// this mailbox have no files.
func TestIndexAnswers(t *testing.T) {
	dir := imapd.ClaimedMailbox(t, 20)
	for _, c := range []struct{ command, want string }{
		{"FETCH 8 FAST", `^\* 8 FETCH \(FLAGS \(\\Seen \$Label1\) INTERNALDATE "1[234]-Sep-2020 ..:33:40 .{5}" RFC822.SIZE 4100\)\r\nb OK `},
		{"UID FETCH 20 (UID FLAGS)", `^\* 20 FETCH \(UID 20 FLAGS \(\\Seen\)\)\r\nb OK `},
		{"SEARCH UNSEEN", `^\* SEARCH\r\nb OK `},
		{"SEARCH NOT KEYWORD $label1 1:9", `^\* SEARCH 2 3 4 5 6 7 9\r\nb OK `},
		{"SEARCH OR KEYWORD $label1 UID 20", `^\* SEARCH 1 8 15 20\r\nb OK `},
		{"SEARCH LARGER 4099 SMALLER 4101 *", `^\* SEARCH 20\r\nb OK `},
		{"SEARCH LARGER 4100", `^\* SEARCH\r\nb OK `},
		{"SEARCH SINCE 12-Sep-2020 BEFORE 15-Sep-2020 1", `^\* SEARCH 1\r\nb OK `},
		{"SEARCH SINCE 15-Sep-2020", `^\* SEARCH\r\nb OK `},
		{"SEARCH UID 5:7 RECENT", `^\* SEARCH\r\nb OK `},
	} {
		if got := fetchOf(t, dir, c.command); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s: %q", c.command, got)
		}
	}
	if got := fetchOf(t, dir, "FETCH 1 ENVELOPE"); !strings.HasPrefix(got, "b NO [EXPUNGEISSUED] ") {
		t.Errorf("a message without a file: %q", got)
	}
}
