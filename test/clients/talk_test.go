package clients

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fantail/test/dialogue"
	"fantail/test/site"
)

// talk is an IMAP connection for what no client program shows: the very lines.
// It knows no literals.
type talk struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	n    int // commands sent
}

func newTalk(t *testing.T, conn net.Conn) *talk {
	t.Helper()
	k := &talk{t: t, conn: conn, r: bufio.NewReaderSize(conn, 1<<20)}
	t.Cleanup(func() { _ = conn.Close() }) // most tests have closed it
	if greeting := k.line(); !strings.HasPrefix(greeting, "* OK ") && !strings.HasPrefix(greeting, "* PREAUTH ") {
		t.Fatalf("greeting %q", greeting)
	}
	return k
}

// talk connects over TLS and logs in.
func (in *installation) talk(t *testing.T) *talk {
	t.Helper()
	pem, err := os.ReadFile(in.certificate())
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate in the file")
	}
	conn, err := tls.Dial("tcp", in.imaps, &tls.Config{RootCAs: trusted})
	if err != nil {
		t.Fatal(err)
	}
	k := newTalk(t, conn)
	k.do("LOGIN %s %s", site.Account, site.Password)
	return k
}

// dovecot starts Dovecot's imap on the account's Maildir.
func (in *installation) dovecot(t *testing.T) *talk {
	t.Helper()
	if !dialogue.HasDovecot(dialogue.IMAP) {
		t.Skip("dovecot has no imap here")
	}
	server, err := dialogue.Dovecot().Start(&dialogue.Script{Protocol: dialogue.IMAP}, in.dovecotHome(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if log, err := server.Wait(); err != nil || strings.Contains(log, "Error:") {
			t.Errorf("dovecot: %v\n%s", err, log)
		}
	})
	return newTalk(t, server.Conn)
}

// line reads one line.
func (k *talk) line() string {
	k.t.Helper()
	l, err := k.read()
	if err != nil {
		k.t.Fatal(err)
	}
	return l
}

// read is line for other goroutines than the test's.
func (k *talk) read() (string, error) {
	if err := k.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	l, err := k.r.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read a line: %w after %q", err, l)
	}
	return strings.TrimSuffix(l, "\r\n"), nil
}

func (k *talk) send(text string) {
	k.t.Helper()
	if _, err := io.WriteString(k.conn, text); err != nil {
		k.t.Fatal(err)
	}
}

// do sends a command, which must succeed, and gives the untagged responses
// and the tagged one, which is the last.
func (k *talk) do(format string, args ...any) []string {
	k.t.Helper()
	lines, err := k.try(format, args...)
	if err != nil {
		k.t.Fatal(err)
	}
	return lines
}

// try is do for other goroutines than the test's.
func (k *talk) try(format string, args ...any) ([]string, error) {
	k.n++
	tag := fmt.Sprintf("t%d ", k.n)
	command := fmt.Sprintf(format, args...)
	if _, err := io.WriteString(k.conn, tag+command+"\r\n"); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	var lines []string
	for {
		l, err := k.read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", command, err)
		}
		lines = append(lines, l)
		status, ok := strings.CutPrefix(l, tag)
		if ok && !strings.HasPrefix(status, "OK") {
			return nil, fmt.Errorf("%s: %s", command, l)
		} else if ok {
			return lines, nil
		}
	}
}

// logout ends the connection.
func (k *talk) logout() {
	k.t.Helper()
	k.do("LOGOUT")
	if err := k.conn.Close(); err != nil {
		k.t.Fatal(err)
	}
}

// box is what a server says of a mailbox.
type box struct {
	validity, next string
	flags          map[uint32]string // by UID: flags and keywords, sorted, without \Recent
}

var (
	validityCode = regexp.MustCompile(`\[UIDVALIDITY (\d+)\]`)
	nextCode     = regexp.MustCompile(`\[UIDNEXT (\d+)\]`)
	flagsItem    = regexp.MustCompile(`FLAGS \((.*?)\)`)
	uidItem      = regexp.MustCompile(`UID (\d+)`)
)

// box selects a mailbox (its name as on the wire) and reads all flags.
func (k *talk) box(name string) box {
	k.t.Helper()
	b := box{flags: map[uint32]string{}}
	for _, l := range k.do("SELECT %q", name) {
		if m := validityCode.FindStringSubmatch(l); m != nil {
			b.validity = m[1]
		}
		if m := nextCode.FindStringSubmatch(l); m != nil {
			b.next = m[1]
		}
	}
	for _, l := range k.do("UID FETCH 1:* (FLAGS)") {
		uid, flags := uidItem.FindStringSubmatch(l), flagsItem.FindStringSubmatch(l)
		if uid == nil || flags == nil {
			continue
		}
		n, err := strconv.ParseUint(uid[1], 10, 32)
		if err != nil {
			k.t.Fatal(err)
		}
		words := slices.DeleteFunc(strings.Fields(flags[1]), func(f string) bool { return f == `\Recent` })
		slices.Sort(words)
		b.flags[uint32(n)] = strings.Join(words, " ")
	}
	return b
}
