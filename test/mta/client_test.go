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
			messages = append(messages, strings.Join(ask("d", "FETCH "+n+" BODY.PEEK[]"), "\n"))
		}
	}
	ask("e", "LOGOUT")
	return messages
}
