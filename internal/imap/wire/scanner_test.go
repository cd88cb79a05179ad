package wire_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"fantail/internal/imap/wire"
)

var limits = wire.Limits{Line: 1000, Literal: 100, Literals: 4, Depth: 5, StreamLiteral: 10_000, Skip: 20_000}

// newScanner returns a Scanner over input and the count of continuations.
func newScanner(input string, lim wire.Limits) (*wire.Scanner, *int) {
	sent := new(int)
	r := bufio.NewReaderSize(strings.NewReader(input), 16) // small: every path of readLine
	return wire.NewScanner(r, lim, func() error { *sent++; return nil }), sent
}

func TestTokens(t *testing.T) {
	str := func(f func(*wire.Scanner) string) func(*wire.Scanner) any {
		return func(s *wire.Scanner) any { return f(s) }
	}
	nstring := func(s *wire.Scanner) any {
		v, ok := s.NString()
		return fmt.Sprint(v, " ", ok)
	}
	number := func(s *wire.Scanner) any { return s.Number() }
	nz := func(s *wire.Scanner) any { return s.NzNumber() }
	number64 := func(s *wire.Scanner) any { return s.Number64() }
	for _, c := range []struct {
		rule string
		scan func(*wire.Scanner) any
		in   string
		want any // nil: refused
	}{
		{"tag", str((*wire.Scanner).Tag), "a]1", "a]1"},
		{"tag", str((*wire.Scanner).Tag), "a+1", nil},
		{"tag", str((*wire.Scanner).Tag), `"a"`, nil},
		{"atom", str((*wire.Scanner).Atom), "BODY[", "BODY["},
		{"atom", str((*wire.Scanner).Atom), "a]", nil},
		{"atom", str((*wire.Scanner).Atom), "a%", nil},
		{"atom", str((*wire.Scanner).Atom), "a\tb", nil},
		{"atom", str((*wire.Scanner).Atom), "\xc3\xa4", nil},
		{"name", str((*wire.Scanner).Name), "header.Fields", "HEADER.FIELDS"},
		{"flag", str((*wire.Scanner).Flag), `\Seen`, `\Seen`},
		{"flag", str((*wire.Scanner).Flag), `$Junk`, `$Junk`},
		{"flag", str((*wire.Scanner).Flag), `NIL`, `NIL`},
		{"flag", str((*wire.Scanner).Flag), `\*`, nil},
		{"flag", str((*wire.Scanner).Flag), `\`, nil},
		{"flag", str((*wire.Scanner).Flag), `a\b`, nil},
		{"astring", str((*wire.Scanner).AString), "a]b", "a]b"},
		{"astring", str((*wire.Scanner).AString), "nil", "nil"},
		{"astring", str((*wire.Scanner).AString), `""`, ""},
		{"astring", str((*wire.Scanner).AString), `"a \"b\\"`, `a "b\`},
		{"astring", str((*wire.Scanner).AString), `"\a"`, nil},
		{"astring", str((*wire.Scanner).AString), `"a`, nil},
		{"astring", str((*wire.Scanner).AString), "\"a\rb\"", nil},
		{"astring", str((*wire.Scanner).AString), "\"a\x00b\"", nil},
		{"astring", str((*wire.Scanner).AString), "\"\xc3\xa4\t\"", "ä\t"},
		{"astring", str((*wire.Scanner).AString), "\"\xe4\"", nil},
		{"astring", str((*wire.Scanner).AString), "{3}\r\na\r\n", "a\r\n"},
		{"astring", str((*wire.Scanner).AString), "{0+}\r\n", ""},
		{"astring", str((*wire.Scanner).AString), "{3}\r\na\x00\n", nil},
		{"astring", str((*wire.Scanner).AString), "{3} x", nil},
		{"astring", str((*wire.Scanner).AString), "{+}\r\n", nil},
		{"astring", str((*wire.Scanner).AString), "~{3}\r\nabc", nil},
		{"astring", str((*wire.Scanner).AString), "", nil},
		{"list-mailbox", str((*wire.Scanner).ListMailbox), "%/*]", "%/*]"},
		{"nstring", nstring, "nil", " false"},
		{"nstring", nstring, `"NIL"`, "NIL true"},
		{"nstring", nstring, "NILS", nil},
		{"number", number, "4294967295", uint32(4294967295)},
		{"number", number, "4294967296", nil},
		{"number", number, "007", uint32(7)},
		{"number", number, "-1", nil},
		{"nz-number", nz, "0", nil},
		{"nz-number", nz, "01", nil},
		{"nz-number", nz, "10", uint32(10)},
		{"number64", number64, "9223372036854775807", int64(9223372036854775807)},
		{"number64", number64, "9223372036854775808", nil},
	} {
		s, _ := newScanner("x "+c.in+"\r\nNEXT\r\n", limits)
		if err := s.Next(); err != nil {
			t.Fatal(err)
		}
		s.Byte('x')
		s.SP()
		got := c.scan(s)
		s.CRLF()
		var syntax *wire.SyntaxError
		switch err := s.Err(); {
		case c.want == nil && !errors.As(err, &syntax):
			t.Errorf("%s %q = %#v, %v; want a SyntaxError", c.rule, c.in, got, err)
		case c.want != nil && (err != nil || got != c.want):
			t.Errorf("%s %q = %#v, %v; want %#v", c.rule, c.in, got, err, c.want)
		}
		if strings.Contains(c.in, "\r\n") && c.want == nil {
			continue // a synchronizing literal ends the command where it is refused
		}
		if err := s.Next(); err != nil || s.Tag() != "NEXT" {
			t.Errorf("%s %q: out of step: %v", c.rule, c.in, s.Err())
		}
	}
}

func TestListAndWords(t *testing.T) {
	s, _ := newScanner("(A b () (c))\r\n()\r\n(a\r\n(a )\r\n((((((\r\n", limits)
	var words []string
	var item func()
	item = func() {
		if s.Peek() == '(' {
			words = append(words, fmt.Sprint("list of ", s.List(item)))
			return
		}
		words = append(words, s.Name())
	}
	s.Next()
	if n := s.List(item); n != 4 {
		t.Errorf("List = %d", n)
	}
	s.CRLF()
	if got := strings.Join(words, ","); got != "A,B,list of 0,C,list of 1" || s.Err() != nil {
		t.Errorf("words %s, %v", got, s.Err())
	}
	for i, want := range []string{"<nil>", `expected ")" at octet 2`, "expected a name at octet 3", "nesting exceeds the limit of 5"} {
		s.Next()
		s.List(item)
		if got := fmt.Sprint(s.Err()); got != want {
			t.Errorf("list %d: %s, want %s", i, got, want)
		}
	}
}

func TestTryName(t *testing.T) {
	for _, c := range []struct {
		in   string
		want bool
	}{{"body[", true}, {"BODY", true}, {"BODY.PEEK", false}, {"BODYSTRUCTURE", false}, {"BOD", false}, {"BODY)", true}} {
		s, _ := newScanner(c.in+"\r\n", limits)
		s.Next()
		if got := s.TryName("BODY"); got != c.want {
			t.Errorf("TryName in %q = %v", c.in, got)
		}
	}
}

func TestTryList(t *testing.T) {
	for _, c := range []struct {
		in   string
		want bool
	}{{" (LAZY)", true}, {" (lazy x)", true}, {" (LAZYX)", false}, {" (LAZ", false}, {"(LAZY)", false}, {" LAZY", false}, {" (", false}, {"", false}} {
		s, _ := newScanner(c.in+"\r\n", limits)
		s.Next()
		if got := s.TryList("LAZY"); got != c.want || !got && s.Peek() != (c.in + "\x00")[0] {
			t.Errorf("TryList in %q = %v, then %q", c.in, got, s.Peek())
		}
	}
}

// TestSkip: whatever is wrong with the first command, and wherever in it, the
// second is read as it was sent.
func TestSkip(t *testing.T) {
	long := strings.Repeat("x", 2000)
	for _, c := range []struct{ name, in string }{
		{"nothing wrong", "a NOOP\r\n"},
		{"bare LF", "a NOOP\n"},
		{"leading empty lines", "\r\n\r\na NOOP\r\n"},
		{"non-synchronizing literal", "a {3+}\r\nb (\r\n"},
		{"two of them", "a {3+}\r\nb ( {2+}\r\n\r\n\r\n"},
		{"announced in a quoted string", "a \"{6+}\r\nZ OK\r\n\r\n"},
		{"announced behind garbage", "a \x00\xff{6+}\r\nZ OK\r\n\r\n"},
		{"literal8", "a ~{3+}\r\nZ\r\n\r\n"},
		{"synchronizing, never sent", "a {300}\r\n"},
		{"line too long", "a " + long + "\r\n"},
		{"line too long, with a literal", "a " + long + "{4+}\r\nZ\r\n\r\n"},
		{"no plus digits", "a {+}\r\n"},
		{"brace alone", "a 5+}\r\n"},
	} {
		for _, tokens := range []int{0, 1, 2} {
			s, sent := newScanner(c.in+"NEXT x\r\n", limits)
			if err := s.Next(); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if tokens > 0 {
				s.Tag()
			}
			if tokens > 1 {
				s.SP()
				s.Atom()
			}
			if err := s.Skip(); err != nil {
				t.Fatalf("%s: skip: %v", c.name, err)
			}
			if err := s.Next(); err != nil {
				t.Fatalf("%s: next: %v", c.name, err)
			}
			if tag := s.Tag(); tag != "NEXT" {
				t.Errorf("%s, %d tokens: next tag %q", c.name, tokens, tag)
			}
			if *sent != 0 {
				t.Errorf("%s: %d continuations", c.name, *sent)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	arg := func(s *wire.Scanner) { s.Tag(); s.SP(); s.AString(); s.CRLF() }
	for _, c := range []struct {
		name, in string
		scan     func(*wire.Scanner)
		budget   string
		sync     bool
	}{
		{"line", "a " + strings.Repeat("x", 999) + "\r\n", arg, wire.BudgetLine, false},
		{"lines of one command", "a {1+}\r\nx" + strings.Repeat("x", 995) + "\r\n", arg, wire.BudgetLine, false},
		{"literal", "a {101}\r\n", arg, wire.BudgetLiteral, true},
		{"non-synchronizing", "a {101+}\r\n" + strings.Repeat("x", 101) + "\r\n", arg, wire.BudgetLiteral, false},
		{"stream", "a {10001}\r\n", func(s *wire.Scanner) { s.Tag(); s.SP(); s.Literal() }, wire.BudgetStreamLiteral, true},
		{"count", "a {0+}\r\n{0+}\r\n{0+}\r\n{0+}\r\n{0}\r\n", func(s *wire.Scanner) {
			s.Tag()
			s.SP()
			for range 5 {
				s.AString()
			}
		}, wire.BudgetLiterals, true},
	} {
		s, sent := newScanner(c.in+"NEXT\r\n", limits)
		s.Next()
		c.scan(s)
		var limit *wire.LimitError
		if !errors.As(s.Err(), &limit) || limit.Budget != c.budget || limit.Sync != c.sync || wire.IsFatal(s.Err()) {
			t.Errorf("%s: %#v", c.name, s.Err())
		}
		if *sent != 0 {
			t.Errorf("%s: %d continuations", c.name, *sent)
		}
		if s.Next() != nil || s.Tag() != "NEXT" {
			t.Errorf("%s: out of step: %v", c.name, s.Err())
		}
	}
	// Exactly the budget is allowed.
	s, _ := newScanner("a "+strings.Repeat("x", 998)+"\r\n", limits)
	s.Next()
	if arg(s); s.Err() != nil {
		t.Errorf("line of the exact size: %v", s.Err())
	}
}

// TestTagBeforeLimit: a line that is too long has a tag all the same.
func TestTagBeforeLimit(t *testing.T) {
	s, _ := newScanner("tag "+strings.Repeat("x", 5000)+"\r\n", limits)
	s.Next()
	if tag := s.Tag(); tag != "tag" || s.Err() == nil {
		t.Errorf("tag %q, %v", tag, s.Err())
	}
}

func TestFatal(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     error
	}{
		{"end between commands", "a NOOP\r\n", io.EOF},
		{"end in a line", "a NOOP\r\nb NO", io.ErrUnexpectedEOF},
		{"end in a literal", "a {10+}\r\nx", io.ErrUnexpectedEOF},
		{"end behind a literal", "a {1+}\r\nx", io.ErrUnexpectedEOF},
		{"literal beyond what is skipped", "a {30000+}\r\n", nil},
		{"literal of no size", "a {99999999999999999999999999999999999999999999+}\r\n", nil},
		{"many literals", "a " + strings.Repeat("{0+}\r\n", 5000), nil},
		{"endless line", strings.Repeat("x", 30000), nil},
		{"endless empty lines", strings.Repeat("\r\n", 30000), nil},
	} {
		s, _ := newScanner(c.in, limits)
		var err error
		for range 3 {
			if err = s.Next(); err != nil {
				break
			}
		}
		if !wire.IsFatal(err) {
			t.Errorf("%s: %v", c.name, err)
		}
		var limit *wire.LimitError
		if c.want == nil && !errors.As(err, &limit) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if again := s.Next(); !wire.IsFatal(again) {
			t.Errorf("%s: afterwards %v", c.name, again)
		}
	}
}

func TestProceedFails(t *testing.T) {
	gone := os.ErrDeadlineExceeded
	s := wire.NewScanner(bufio.NewReader(strings.NewReader("a {1}\r\nx\r\n")), limits, func() error { return gone })
	s.Next()
	s.Tag()
	s.SP()
	s.AString()
	if !wire.IsFatal(s.Err()) || !errors.Is(s.Err(), gone) {
		t.Errorf("error %v", s.Err())
	}
}

func TestStreamedLiteral(t *testing.T) {
	body := strings.Repeat("0123456789", 300)
	for _, plus := range []string{"", "+"} {
		in := fmt.Sprintf("a {%d%s}\r\n%s b\r\nNEXT\r\n", len(body), plus, body)
		for _, read := range []int{0, 5, len(body)} {
			s, sent := newScanner(in, limits)
			s.Next()
			s.Tag()
			s.SP()
			l := s.Literal()
			if *sent != 0 {
				t.Error("continuation before the first Read")
			}
			got := make([]byte, read)
			if _, err := io.ReadFull(l, got); err != nil || string(got) != body[:read] {
				t.Errorf("read %d: %v", read, err)
			}
			s.SP()
			if tok := s.Atom(); tok != "b" {
				t.Errorf("behind the literal: %q", tok)
			}
			s.CRLF()
			if s.Err() != nil || s.Next() != nil || s.Tag() != "NEXT" {
				t.Errorf("read %d: %v", read, s.Err())
			}
			if want := 1 - len(plus); *sent != want {
				t.Errorf("%d continuations, want %d", *sent, want)
			}
		}
	}
}

// TestRefusedLiteral: a command refused before its literal is read.
func TestRefusedLiteral(t *testing.T) {
	for _, c := range []struct{ in string }{
		{"a {3000}\r\nNEXT\r\n"},
		{"a {3000+}\r\n" + strings.Repeat("x", 3000) + "\r\nNEXT\r\n"},
	} {
		s, sent := newScanner(c.in, limits)
		s.Next()
		s.Tag()
		s.SP()
		s.Literal()
		if s.Next() != nil || s.Tag() != "NEXT" || *sent != 0 {
			t.Errorf("%.20q: %v", c.in, s.Err())
		}
	}
}

func TestLiteral8(t *testing.T) {
	for _, c := range []struct {
		in string
		ok bool
	}{{"~{3+}\r\na\x00b", true}, {"{3+}\r\na\x00b", false}} {
		s, _ := newScanner(c.in+"\r\nNEXT\r\n", limits)
		s.Next()
		l := s.Literal8()
		b, err := io.ReadAll(l)
		s.CRLF()
		if ok := err == nil && string(b) == "a\x00b" && s.Err() == nil; ok != c.ok {
			t.Errorf("%q: %q, %v", c.in, b, err)
		}
		if s.Next() != nil || s.Tag() != "NEXT" {
			t.Errorf("%q: out of step: %v", c.in, s.Err())
		}
	}
}

func TestLineAndBuffered(t *testing.T) {
	in := "a IDLE\r\nDONE\r\n" + strings.Repeat("x", 1001) + "\r\nb NOOP\r\n"
	s := wire.NewScanner(bufio.NewReader(strings.NewReader(in)), limits, nil)
	s.Next()
	s.Tag()
	s.SP()
	s.Name()
	s.CRLF()
	if n := s.Buffered(); n != len(in)-len("a IDLE\r\n") {
		t.Errorf("Buffered = %d", n)
	}
	if line, err := s.Line(); err != nil || string(line) != "DONE" {
		t.Errorf("Line = %q, %v", line, err)
	}
	if _, err := s.Line(); err == nil || wire.IsFatal(err) {
		t.Errorf("long Line: %v", err)
	}
	if err := s.Next(); err != nil || s.Tag() != "b" {
		t.Errorf("Next: %v", err)
	}
	s.Skip()
	if n := s.Buffered(); n != 0 {
		t.Errorf("Buffered at the end = %d", n)
	}
}

func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		"a LOGIN {3+}\r\nabc {2}\r\nxy\r\nb NOOP\r\n", "\r\n\na (x (y \"z\\\"\" NIL) \\Seen 12)\n",
		"a ~{3+}\r\n\x00\x00\x00\r\n", "a \"{5+}\r\nhello\r\n", "a {999999999999999999999999+}\r\n",
	} {
		f.Add(seed, []byte("tsalfn8()wq"))
	}
	lim := wire.Limits{Line: 100, Literal: 20, Literals: 3, Depth: 3, StreamLiteral: 50, Skip: 200}
	f.Fuzz(func(t *testing.T, in string, program []byte) {
		s, _ := newScanner(in, lim)
		for range 20 {
			if err := s.Next(); err != nil {
				if !wire.IsFatal(err) {
					t.Fatalf("Next: %v is not fatal", err)
				}
				return
			}
			for _, op := range program {
				step(t, s, op, lim)
			}
		}
	})
}

// step takes the token that op names, and checks its budget.
func step(t *testing.T, s *wire.Scanner, op byte, lim wire.Limits) {
	var got string
	switch op {
	case 't':
		got = s.Tag()
	case 's':
		s.SP()
	case 'a':
		got = s.AString()
	case 'l':
		if l := s.Literal8(); l != nil {
			b, err := io.ReadAll(l)
			if err == nil && int64(len(b)) != l.Size || int64(len(b)) > lim.StreamLiteral {
				t.Fatalf("literal of %d octets: %d, %v", l.Size, len(b), err)
			}
		}
	case 'L':
		s.Literal()
	case 'f':
		got = s.Flag()
	case 'n':
		got, _ = s.NString()
	case '8':
		s.Number64()
	case '(':
		s.ListStart()
	case ')':
		s.ListEnd()
	case 'w':
		got = s.Name()
	case 'c':
		if s.CRLF(); s.Err() == nil {
			return
		}
	case 'q':
		got = s.QuotedString()
	}
	if len(got) > lim.Line {
		t.Fatalf("%q: token of %d octets", op, len(got))
	}
}
