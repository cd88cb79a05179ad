package clients

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/test/dialogue"
)

// uidl gives the unique-ids that a server has for the INBOX (RFC 1939 section
// 7), as the lines of its answer, and has it delete the numbers given.
func (in *installation) uidl(t *testing.T, peer dialogue.Peer, deletes ...int) []string {
	t.Helper()
	server, err := peer.Start(&dialogue.Script{Protocol: dialogue.POP3}, in.dovecotHome(t))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Conn.Close()
	if err := server.Conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewScanner(server.Conn)
	ok := func(command string) {
		t.Helper()
		if _, err := io.WriteString(server.Conn, command); err != nil {
			t.Fatal(err)
		}
		if !r.Scan() || !strings.HasPrefix(r.Text(), "+OK") {
			t.Fatalf("%s: %q answered with %q, %v", peer.Name, command, r.Text(), r.Err())
		}
	}
	if !server.Silent {
		ok("")
	}
	ok("UIDL\r\n")
	var lines []string
	for r.Scan() && r.Text() != "." {
		lines = append(lines, r.Text())
	}
	for _, n := range deletes {
		ok(fmt.Sprintf("DELE %d\r\n", n))
	}
	ok("QUIT\r\n")
	if log, err := server.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", peer.Name, err, log)
	}
	return lines
}

// A POP3 client that leaves its mail on the server downloads nothing again when
// Dovecot and we change places: the unique-ids are the same.
func TestDovecotUIDL(t *testing.T) {
	if !dialogue.HasDovecot(dialogue.POP3) {
		t.Skip("dovecot has no pop3 here")
	}
	t.Parallel()
	in := install(t)
	n := len(read(t, in.Home()))
	var before []string
	for round, peer := range []dialogue.Peer{dialogue.Dovecot(), dialogue.Ours(bin), dialogue.Dovecot(), dialogue.Ours(bin)} {
		got := in.uidl(t, peer, 2, n) // gone for the next one
		if len(got) != n {
			t.Fatalf("%s: %d unique-ids for %d messages", peer.Name, len(got), n)
		}
		for i, l := range got {
			number, id, _ := strings.Cut(l, " ")
			if number != fmt.Sprint(i+1) {
				t.Errorf("%s: line %d is %q", peer.Name, i+1, l)
			}
			got[i] = id
		}
		if round > 0 && !slices.Equal(got, before) {
			t.Errorf("%s: unique-ids are now\n%q\nand were\n%q", peer.Name, got, before)
		}
		before = slices.Concat(got[:1], got[2:n-1])
		n -= 2
	}
}
