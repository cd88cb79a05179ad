package crlf_test

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"fantail/internal/crlf"
)

func ExampleReader() {
	r := crlf.NewReader(strings.NewReader("STAT\r\nAAAAAAAAAAAAAAAA\r\nQUIT\r\n"), 8)
	for {
		line, err := r.ReadLine()
		switch {
		case err == nil:
			fmt.Printf("%s\n", line)
		case errors.Is(err, crlf.ErrLineTooLong):
			fmt.Println("too long, and the next one is fine")
		default:
			fmt.Println(err)
			return
		}
	}
	// Output:
	// STAT
	// too long, and the next one is fine
	// QUIT
	// EOF
}

func ExampleDotWriter() {
	w := crlf.NewDotWriter(os.Stdout)
	if _, err := w.Write([]byte("one\n.two\n")); err != nil {
		fmt.Println(err)
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// one
	// ..two
	// .
}
