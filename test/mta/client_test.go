package mta

import (
	"bufio"
	"fmt"
	"strings"
	"time"
)

// mail returns the messages of an account whose subject has a text, read by IMAP.
func (h house) mail(account, subject string) []string {
	h.Helper()
	return h.imap(account, subject, "FETCH %s BODY.PEEK[]")
}

// remove removes the messages of an account whose subject has a text.
func (h house) remove(account, subject string) {
	h.Helper()
	h.imap(account, subject, `STORE %s +FLAGS.SILENT (\Deleted)`, "EXPUNGE")
}

// imap gives commands for each message of an account whose subject has a text, and returns
// for each what the first one is answered.
func (h house) imap(account, subject, command string, then ...string) []string {
	h.Helper()
	conn, err := h.Dial("127.0.0.1:143")
	if err != nil {
		h.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		h.Fatal(err)
	}
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 4<<20)
	ask := func(tag, command string) []string {
		if _, err := fmt.Fprintf(conn, "%s %s\r\n", tag, command); err != nil {
			h.Fatal(err)
		}
		var answer []string
		for lines.Scan() {
			if status, done := strings.CutPrefix(lines.Text(), tag+" "); done {
				if !strings.HasPrefix(status, "OK") {
					h.Fatalf("%s: %s", command, status)
				}
				return answer
			}
			answer = append(answer, lines.Text())
		}
		h.Fatalf("%s: the connection ended: %v, %q", command, lines.Err(), answer)
		return nil
	}
	ask("a", fmt.Sprintf("LOGIN %s secret", account))
	ask("b", "SELECT INBOX")
	var messages []string
	for _, line := range ask("c", fmt.Sprintf("SEARCH TEXT %q", subject)) {
		numbers, ok := strings.CutPrefix(line, "* SEARCH")
		if !ok {
			continue
		}
		for _, n := range strings.Fields(numbers) {
			messages = append(messages, strings.Join(ask("d", fmt.Sprintf(command, n)), "\n"))
		}
	}
	for _, c := range then {
		ask("t", c)
	}
	ask("e", "LOGOUT")
	return messages
}
