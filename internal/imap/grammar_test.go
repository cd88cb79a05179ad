package imap_test

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"testing"

	"fantail/internal/imap/wire"
)

var limits = wire.Limits{Line: 64 << 10, Literal: 4 << 10, Literals: 64, Depth: 50, StreamLiteral: 1 << 20, Skip: 1 << 20}

// newScanner returns a Scanner that stands before args, as behind the name of a
// command. Literals in args need not be the non-synchronizing ones.
func newScanner(t testing.TB, args string) *wire.Scanner {
	t.Helper()
	s := wire.NewScanner(bufio.NewReader(strings.NewReader("t"+args+"\r\nNEXT\r\n")), limits, func() error { return nil })
	if err := s.Next(); err != nil {
		t.Fatal(err)
	}
	s.Byte('t')
	return s
}

// encode returns what write writes.
func encode(t testing.TB, utf8 bool, write func(*wire.Encoder)) string {
	t.Helper()
	var b strings.Builder
	e := wire.NewEncoder(bufio.NewWriter(&b))
	e.UTF8 = utf8
	write(e)
	if err := e.Flush(); err != nil {
		t.Fatalf("%q: %v", b.String(), err)
	}
	return b.String()
}

// quoted writes v as the rule string.
func quoted(t testing.TB, v string) string {
	return encode(t, false, func(e *wire.Encoder) { e.String(v) })
}

// errorOf describes an error as the tables of the tests do: "syntax", the budget
// of a limit, or the error's own text.
func errorOf(err error) string {
	var syntax *wire.SyntaxError
	var limit *wire.LimitError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &syntax):
		return "syntax"
	case errors.As(err, &limit):
		return "limit: " + limit.Budget
	}
	return err.Error()
}

// inStep checks that behind a command, right or wrong, the next one is read.
func inStep(t testing.TB, s *wire.Scanner) {
	t.Helper()
	if err := s.Next(); err != nil || s.Tag() != "NEXT" {
		t.Fatalf("out of step: %v", err)
	}
}

// fuzzScan runs scan on args. If they are right, show must give arguments that
// scan to the same again.
func fuzzScan[A any](t *testing.T, args string, utf8 bool, scan func(*wire.Scanner) (A, error), show func(A) string) {
	s := wire.NewScanner(bufio.NewReader(strings.NewReader("t"+args+"\r\n")), limits, func() error { return nil })
	s.UTF8 = utf8
	if s.Next() != nil {
		return
	}
	if !s.Try('t') {
		return // an empty line, which is passed over
	}
	a, err := scan(s)
	if err != nil {
		if s.Err() == nil {
			t.Fatalf("%q: error %v is not the scanner's", args, err)
		}
		return
	}
	first := show(a)
	again := newScanner(t, first)
	again.UTF8 = utf8
	b, err := scan(again)
	if over := new(wire.LimitError); errors.As(err, &over) {
		return // as it is shown it is longer
	}
	if err != nil {
		t.Fatalf("%q was shown as %q: %v", args, first, err)
	}
	if second := show(b); second != first {
		t.Fatalf("%q was shown as %q, then %q", args, first, second)
	}
}

// list writes items in parentheses.
func list[T any](items []T, show func(T) string) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = show(item)
	}
	return fmt.Sprintf("(%s)", strings.Join(words, " "))
}
