package imapd_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadAhead: FETCH of many messages answers what FETCH of each alone does, in
// order, also where some are long and some are gone.
func TestReadAhead(t *testing.T) {
	const n = 120
	dir := realMailbox(t, n)
	long := filepath.Join(dir, "cur", "1800000000.M1P1Q1.host:2,S")
	text := "Subject: long\n\n" + strings.Repeat("more\n", 80_000)
	if err := os.WriteFile(long, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	answers := func(commands string) string {
		t.Helper()
		conn := &feed{in: strings.NewReader("a EXAMINE INBOX\r\n" + commands)}
		if err := serve(t, dir, conn, quiet); err != nil {
			t.Fatal(err)
		}
		_, out, _ := bytes.Cut(conn.out.Bytes(), []byte("a OK"))
		_, out, _ = bytes.Cut(out, []byte("\r\n"))
		return strings.ReplaceAll(string(out), "b OK FETCH completed.\r\n", "")
	}
	for _, items := range []string{
		"BODY.PEEK[]",
		"(RFC822.SIZE BODY.PEEK[]<5.100> BODY.PEEK[1] BINARY.PEEK[1] INTERNALDATE)",
		"(ENVELOPE BODYSTRUCTURE PREVIEW BODY.PEEK[HEADER.FIELDS (Subject)] EMAILID)",
		"(UID BODY.PEEK[HEADER] PREVIEW (LAZY) SAVEDATE)",
	} {
		all := answers("b FETCH 1:* " + items + "\r\n")
		var each strings.Builder
		for i := range n + 1 {
			fmt.Fprintf(&each, "b FETCH %d %s\r\n", i+1, items)
		}
		if want := answers(each.String()); all != want {
			t.Errorf("%s: %d octets of answers together, %d one by one", items, len(all), len(want))
		}
		if strings.Count(all, " FETCH (") != n+1 {
			t.Errorf("%s: %d answers", items, strings.Count(all, " FETCH ("))
		}
	}
}

// TestReadAheadGone: what is gone when it is read is left out, and said to be.
func TestReadAheadGone(t *testing.T) {
	const n = 60
	dir := realMailbox(t, n)
	removed := false
	conn := &feed{in: strings.NewReader("")}
	lines := []string{"a EXAMINE INBOX\r\n", "b FETCH 1:* BODY.PEEK[TEXT]\r\n"}
	conn.each = func() {
		if len(lines) == 0 {
			return
		}
		if len(lines) == 1 && !removed {
			removed = true
			files, err := os.ReadDir(filepath.Join(dir, "cur"))
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(files); i += 3 {
				if err := os.Remove(filepath.Join(dir, "cur", files[i].Name())); err != nil {
					t.Fatal(err)
				}
			}
		}
		conn.in = strings.NewReader(lines[0])
		lines = lines[1:]
	}
	if err := serve(t, dir, conn, quiet); err != nil {
		t.Fatal(err)
	}
	out := conn.out.String()
	if got := strings.Count(out, " FETCH (BODY[TEXT]"); got != n-n/3 || !strings.Contains(out, "b NO [EXPUNGEISSUED]") {
		t.Errorf("%d answers: %.300q", got, out[max(0, len(out)-300):])
	}
}
