package wire_test

import (
	"bufio"
	"fmt"
	"strings"

	"fantail/internal/imap/wire"
)

func ExampleScanner() {
	in := bufio.NewReader(strings.NewReader("a1 LOGIN fred {11}\r\nsecret word\r\na2 LOGIN\r\n"))
	lim := wire.Limits{Line: 8192, Literal: 1024, Literals: 2, Depth: 1, Skip: 65536}
	s := wire.NewScanner(in, lim, func() error {
		fmt.Println("+ go ahead")
		return nil
	})
	for s.Next() == nil {
		tag := s.Tag()
		s.SP()
		name := s.Name()
		s.SP()
		user := s.AString()
		s.SP()
		password := s.AString()
		s.CRLF()
		if err := s.Err(); err != nil {
			fmt.Println(tag, "BAD", err)
			continue
		}
		fmt.Println(tag, name, user, password)
	}
	// Output:
	// + go ahead
	// a1 LOGIN fred secret word
	// a2 BAD expected a space at octet 8
}

func ExampleEncoder() {
	var out strings.Builder
	e := wire.NewEncoder(bufio.NewWriter(&out))
	e.Numbered(2, "FETCH").SP().List(func() {
		e.Atom("UID").SP().Number(7).SP()
		e.Atom("FLAGS").SP().List(func() { e.Flag(`\Seen`).SP().Flag("$Forwarded") })
	}).CRLF()
	e.Tagged("a1", "OK").SP().Text("done").CRLF()
	if err := e.Flush(); err != nil {
		fmt.Println(err)
	}
	fmt.Print(strings.ReplaceAll(out.String(), "\r\n", "\n"))
	// Output:
	// * 2 FETCH (UID 7 FLAGS (\Seen $Forwarded))
	// a1 OK done
}
