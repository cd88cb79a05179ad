package pop3

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestParseCommand(t *testing.T) {
	tests := []struct {
		line, keyword, rest string
		err                 error
	}{
		{"NOOP", "NOOP", "", nil},
		{"noop", "NOOP", "", nil},
		{"retr 1", "RETR", "1", nil},
		{"LIST ", "LIST", "", nil},
		{"PASS  two spaces ", "PASS", " two spaces ", nil},
		{"XCLIENT:A b", "XCLIENT:A", "b", nil},
		{"", "", "", ErrKeyword},
		{" NOOP", "", "", ErrKeyword},
		{"NO\x00OP", "", "", ErrKeyword},
		{"NOOP\r", "", "", ErrKeyword},
		{"\tNOOP", "", "", ErrKeyword},
		{"GR\xc3\x9cN", "", "", ErrKeyword},
	}
	for _, tt := range tests {
		got, err := ParseCommand([]byte(tt.line))
		if got.Keyword != tt.keyword || got.Args.rest != tt.rest || !errors.Is(err, tt.err) {
			t.Errorf("%q: got %q, %q, %v", tt.line, got.Keyword, got.Args.rest, err)
		}
	}
}

func TestCommandHidesSecrets(t *testing.T) {
	cmd, err := ParseCommand([]byte("pass secret"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %+v %s", cmd, cmd, cmd); got != "PASS PASS PASS" {
		t.Errorf("printed %q", got)
	}
}

// Each test reads the arguments of one form, and names what it got.
func TestArgs(t *testing.T) {
	number := func(a *Args) string { return strconv.Itoa(a.Number()) }
	optional := func(a *Args) string {
		if !a.More() {
			return "none"
		}
		return number(a)
	}
	two := func(a *Args) string { return number(a) + "," + number(a) }
	tests := []struct {
		form func(*Args) string
		rest string
		want string
		err  error
	}{
		{number, "1", "1", nil},
		{number, "0", "0", nil},
		{number, "007", "7", nil},
		{number, " 1 ", "1", nil},
		{number, "4294967296", "4294967296", nil},
		{number, "9223372036854775806", "9223372036854775806", nil},
		{number, "9223372036854775807", strconv.Itoa(math.MaxInt), nil},
		{number, "9223372036854775808", strconv.Itoa(math.MaxInt), nil},
		{number, strings.Repeat("9", 900), strconv.Itoa(math.MaxInt), nil},
		{number, strings.Repeat("9", 900) + "x", "0", ErrNumber},
		{number, "", "0", ErrMissing},
		{number, "-1", "0", ErrNumber},
		{number, "+1", "0", ErrNumber},
		{number, "1x", "0", ErrNumber},
		{number, "1\x002", "0", ErrOctet},
		{number, "1 2", "1", ErrTooMany},
		{optional, "", "none", nil},
		{optional, "  ", "none", nil},
		{optional, "5", "5", nil},
		{two, "1 0", "1,0", nil},
		{two, "1", "1,0", ErrMissing},
		{two, "x", "0,0", ErrNumber},
		{two, "1 -1", "1,0", ErrNumber},
		{(*Args).Word, "PLAIN", "PLAIN", nil},
		{(*Args).Word, "PL\x7fIN", "", ErrOctet},
		{(*Args).Name, "jane", "jane", nil},
		{(*Args).Name, "jane@example.org ", "jane@example.org", nil},
		{(*Args).Name, "Jane Doe", "Jane Doe", nil},
		{(*Args).Name, "j\xc3\xbcrgen", "j\u00fcrgen", nil},
		{(*Args).Name, "j\xfcrgen", "", ErrOctet},
		{(*Args).Name, "a\tb", "", ErrOctet},
		{(*Args).Name, "a\x00b", "", ErrOctet},
		{(*Args).Name, " ", "", ErrMissing},
		{(*Args).Secret, " a b ", " a b ", nil},
		{(*Args).Secret, "p\xe4ss\tword", "p\xe4ss\tword", nil},
		{(*Args).Secret, "", "", ErrMissing},
		{(*Args).Secret, "a\x00", "", ErrOctet},
		{(*Args).Secret, "a\rb", "", ErrOctet},
	}
	for _, tt := range tests {
		a := Args{rest: tt.rest}
		got := tt.form(&a)
		if err := a.End(); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%q: got %q, %v, want %q, %v", tt.rest, got, err, tt.want, tt.err)
		}
	}
}

func TestInitial(t *testing.T) {
	tests := []struct {
		rest, want string
		given      bool
		err        error
	}{
		{"PLAIN", "", false, nil},
		{"PLAIN ", "", false, nil},
		{"PLAIN =", "", true, nil},
		{"PLAIN AGEAYg==", "\x00a\x00b", true, nil},
		{"PLAIN AGEAYg", "", false, ErrBase64},
		{"PLAIN =AAA", "", false, ErrBase64},
		{"PLAIN AAA=BBB=", "", false, ErrBase64},
		{"PLAIN *", "", false, ErrBase64},
		{"PLAIN AGEA\rYg==", "", false, ErrOctet},
		{"PLAIN AGEAYg== x", "\x00a\x00b", true, ErrTooMany},
	}
	for _, tt := range tests {
		a := Args{rest: tt.rest}
		if mech := a.Word(); mech != "PLAIN" {
			t.Fatalf("%q: mechanism %q", tt.rest, mech)
		}
		got, given := a.Initial()
		if err := a.End(); string(got) != tt.want || given != tt.given || !errors.Is(err, tt.err) {
			t.Errorf("%q: got %q, %v, %v", tt.rest, got, given, err)
		}
	}
}

func TestDecodeResponse(t *testing.T) {
	tests := []struct {
		line, want string
		err        error
	}{
		{"AGEAYg==", "\x00a\x00b", nil},
		{"", "", nil},
		{"*", "", ErrCanceled},
		{"**", "", ErrBase64},
		{"=", "", ErrBase64},
		{"AGEA\rYg==", "", ErrBase64},
		{"AGEAYg== ", "", ErrBase64},
		{"A-_A", "", ErrBase64},
	}
	for _, tt := range tests {
		got, err := DecodeResponse([]byte(tt.line))
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%q: got %q, %v", tt.line, got, err)
		}
	}
}

func TestStatesOf(t *testing.T) {
	for keyword, want := range map[string]State{
		RETR: Transaction, PASS: Authorization, QUIT: Authorization | Transaction, "LAST": 0, "retr": 0,
	} {
		if got := StatesOf(keyword); got != want {
			t.Errorf("%s: got %b, want %b", keyword, got, want)
		}
	}
}

// Whatever a line holds, its parts are what they claim to be, and a command
// written from them is read as the same command.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{"LIST", "top 1 0", "RETR 99999999999999999999", "AUTH PLAIN AGEAYg==", "USER j\xc3\xbcrgen ", "PASS  x "} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		cmd, err := ParseCommand(line)
		if err != nil {
			if _, ok := errors.AsType[SyntaxError](err); !ok {
				t.Errorf("%q: %T", line, err)
			}
			return
		}
		if cmd.Keyword == "" || strings.ContainsAny(cmd.Keyword, " \r\n\x00") || cmd.Keyword != strings.ToUpper(cmd.Keyword) {
			t.Errorf("%q: keyword %q", line, cmd.Keyword)
		}
		number, secret, auth := cmd.Args, cmd.Args, cmd.Args
		if n := number.Number(); n < 0 || number.err != nil && n != 0 {
			t.Errorf("%q: number %d, %v", line, n, number.err)
		}
		if s := secret.Secret(); secret.End() == nil {
			again, err := ParseCommand([]byte(cmd.Keyword + " " + s))
			if err != nil || again != cmd {
				t.Errorf("%q: read again as %q, %v", line, again.Args.rest, err)
			}
		}
		mech := auth.Word()
		response, given := auth.Initial()
		if auth.End() == nil && given {
			same := Args{rest: mech + " " + base64.StdEncoding.EncodeToString(response)}
			if len(response) == 0 {
				same.rest = mech + " ="
			}
			same.Word()
			if r, ok := same.Initial(); !ok || !bytes.Equal(r, response) || same.End() != nil {
				t.Errorf("%q: initial response %q is not stable", line, response)
			}
		}
	})
}
