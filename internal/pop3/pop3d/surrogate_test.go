package pop3d

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSurrogate: without UTF8 no header in UTF-8 is sent (RFC 6856 section 2.1), and with
// it every message is as it is.
func TestSurrogate(t *testing.T) {
	long := strings.Repeat("x\n", chunkSize)
	for _, c := range []struct{ text, want string }{
		{"Subject: ä\n\nä\n", "+OK The header in ASCII.\r\nSubject: =?utf-8?b?w6Q=?=\r\n\r\nä\r\n.\r\n"},
		{"Subject: ä\r\n\r\n.ä\r\n", "+OK The header in ASCII.\r\nSubject: =?utf-8?b?w6Q=?=\r\n\r\n..ä\r\n.\r\n"},
		{"Subject: a\n\nä\n", "+OK 18 octets\r\nSubject: a\r\n\r\nä\r\n.\r\n"},
		{"Subject: \xe4\n\nx\n", "+OK 17 octets\r\nSubject: \xe4\r\n\r\nx\r\n.\r\n"},
		{"Subject: ä\n\n" + long + "ä\n", "+OK The header in ASCII.\r\nSubject: =?utf-8?b?w6Q=?=\r\n\r\n" + strings.ReplaceAll(long, "\n", "\r\n") + "ä\r\n.\r\n"},
		{"Subject: a\n\n" + long + "ä", "+OK 98320 octets\r\nSubject: a\r\n\r\n" + strings.ReplaceAll(long, "\n", "\r\n") + "ä\r\n.\r\n"},
		{"Subject: a\n\n" + long, "+OK 98318 octets\r\nSubject: a\r\n\r\n" + strings.ReplaceAll(long, "\n", "\r\n") + ".\r\n"},
		{"X: " + long + "\nSubject: a\n", ""},
	} {
		b := newFake(t, c.text)
		got := converse(t, b, "RETR 1")
		if c.want != "" && got.out != c.want {
			t.Errorf("%.30q: got %.200q, want %.200q", c.text, got.out, c.want)
		}
		plain := converseWith(t, b, strings.NewReader("RETR 1\r\n"), func(o *Options) { o.UTF8 = true })
		_, body, _ := strings.Cut(plain.out, "\r\n")
		want := strings.ReplaceAll(strings.ReplaceAll(c.text, "\r\n", "\n"), "\n.", "\n..")
		if !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if body != strings.ReplaceAll(want, "\n", "\r\n")+".\r\n" {
			t.Errorf("%.30q: with UTF8 %.100q", c.text, plain.out)
		}
	}
	b := newFake(t, "Subject: ä\n\n1\n2\n")
	if got := converse(t, b, "TOP 1 1"); got.out != "+OK\r\nSubject: =?utf-8?b?w6Q=?=\r\n\r\n1\r\n.\r\n" {
		t.Errorf("%q", got.out)
	}
}

// TestSourceFails: what cannot be read is told, not sent in part.
func TestSourceFails(t *testing.T) {
	b := newFake(t, msg1)
	b.messages[0].file = filepath.Join(b.dir, "directory")
	if err := os.Mkdir(b.messages[0].file, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := converse(t, b, "RETR 1", "TOP 1 0", "NOOP"); !strings.HasPrefix(got.out, "-ERR [SYS/TEMP] ") || strings.Count(got.out, "-ERR") != 2 || !strings.HasSuffix(got.out, "+OK\r\n") {
		t.Errorf("%q", got.out)
	}
}
