package pop3d

import (
	"io"
	"slices"
	"strings"
	"testing"
)

// steps gives n octets at a time.
type steps struct {
	in string
	n  int
}

func (s *steps) Read(p []byte) (int, error) {
	if s.in == "" {
		return 0, io.EOF
	}
	n := copy(p, s.in[:min(s.n, len(s.in))])
	s.in = s.in[n:]
	return n, nil
}

// FuzzSession sends any octets to a session. Whatever they are: the session
// ends without an error of ours, every answer is a legal response, messages are
// removed only by DELE and QUIT, and how the octets were divided changes nothing.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"STAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 2 0\r\nDELE 1\r\nRSET\r\nDELE 2\r\nCAPA\r\nQUIT\r\n",
		"RETR 99999999999999999999\r\nLIST -1\r\nTOP 1\r\n\r\n \r\nUSER a\r\nDELE 1",
		"NOOP\nNOOP\r\r\nDELE 3\nQUIT\n",
		"LANG\r\nLANG *\r\nLANG x\r\nUTF8\r\nRETR 4\r\nTOP 4 1\r\n",
		strings.Repeat("XYZZY\r\n", 30),
	} {
		f.Add(s, uint8(7))
	}
	f.Fuzz(func(t *testing.T, in string, step uint8) {
		b := newFake(t, msg1, msg2, msg3, msg4)
		got := converseOn(t, b, &steps{in, int(step) + 1})
		if got.err != nil || strings.Contains(got.log, "level=ERROR") {
			t.Fatalf("%v, log %s", got.err, got.log)
		}
		checkResponses(t, got.out)
		quit := strings.Contains(got.out, "+OK Logging out.\r\n")
		if left := b.left(); !quit && len(left) != 4 {
			t.Errorf("left %v without QUIT", left)
		} else if n := strings.Count(got.out, "+OK Marked"); len(left) < 4-n {
			t.Errorf("left %v after %d DELE", left, n)
		}
		again := newFake(t, msg1, msg2, msg3, msg4)
		if whole := converseOn(t, again, strings.NewReader(in)); whole.out != got.out || !slices.Equal(again.left(), b.left()) {
			t.Errorf("in one piece %q, in parts %q", whole.out, got.out)
		}
	})
}

// checkResponses reads out as a client does that knows no commands. After "+OK"
// alone, which UIDL and TOP answer too, it takes lines that are no status lines
// for theirs.
func checkResponses(t *testing.T, out string) {
	t.Helper()
	for out != "" {
		line, rest, ok := strings.Cut(out, "\r\n")
		if !ok || !isStatus(line) || len(line) > 510 {
			t.Fatalf("no status line: %.100q", out)
		}
		out = rest
		next, _, _ := strings.Cut(out, "\r\n")
		multi := strings.HasSuffix(line, "octets)") || strings.HasSuffix(line, " octets") ||
			strings.HasPrefix(line, "+OK Capability") || strings.HasPrefix(line, "+OK Language") || strings.HasPrefix(line, "+OK The header") || line == "+OK" && next != "" && !isStatus(next)
		for multi && line != "." {
			if line, out, ok = strings.Cut(out, "\r\n"); !ok || len(line) > 1 && line[0] == '.' && line[1] != '.' {
				t.Fatalf("inside a multi-line response: %.100q", out)
			}
		}
	}
}

func isStatus(line string) bool {
	return strings.HasPrefix(line, "+OK") || strings.HasPrefix(line, "-ERR ")
}
