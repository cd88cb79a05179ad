package imapd_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fantail/internal/imap/imapd"
	"fantail/test/samplemail"
)

// again is a client that says some lines, and then a command as often as the
// benchmark wants.
type again struct {
	b       *testing.B
	first   string
	command string
	octets  int64 // of the answers
}

func (a *again) Read(p []byte) (int, error) {
	if a.first != "" {
		n := copy(p, a.first)
		a.first = a.first[n:]
		return n, nil
	}
	if !a.b.Loop() {
		return 0, io.EOF
	}
	return copy(p, a.command), nil
}

func (a *again) Write(p []byte) (int, error)    { a.octets += int64(len(p)); return len(p), nil }
func (*again) Close() error                     { return nil }
func (*again) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (*again) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// measure runs a command in a session on the Maildir and reports the time for
// each message.
func measure(b *testing.B, dir, first, command string, messages int) {
	b.Helper()
	conn := &again{b: b, first: first, command: command + "\r\n"}
	if err := serve(b, dir, conn, quiet); err != nil {
		b.Fatal(err)
	}
	if n := float64(b.N) * float64(messages); n > 0 {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/message")
		b.SetBytes(conn.octets / int64(b.N))
	}
}

// realMailbox makes a Maildir of n messages like those of a person.
func realMailbox(b testing.TB, n int) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "Maildir")
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	i := 0
	for m := range samplemail.Generate(n, 1) {
		name := fmt.Sprintf("%d.M%06dP1Q%d.host:2,S", 1700000000+i, i, i)
		if err := os.WriteFile(filepath.Join(dir, "cur", name), m.Data, 0o600); err != nil {
			b.Fatal(err)
		}
		i++
	}
	return dir
}

// BenchmarkSelect selects a mailbox in which nothing has changed.
func BenchmarkSelect(b *testing.B) {
	for _, n := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := imapd.ClaimedMailbox(b, n)
			measure(b, dir, "a SELECT INBOX\r\n", "b SELECT INBOX", 1)
		})
	}
}

// BenchmarkResync selects a mailbox in which nothing has changed since the client was
// there last.
func BenchmarkResync(b *testing.B) {
	for _, n := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := imapd.ClaimedMailbox(b, n)
			conn := &feed{in: strings.NewReader("a SELECT INBOX\r\n")}
			if err := serve(b, dir, conn, quiet); err != nil {
				b.Fatal(err)
			}
			modseq := regexp.MustCompile("HIGHESTMODSEQ ([0-9]+)").FindStringSubmatch(conn.out.String())
			if modseq == nil {
				b.Fatal(conn.out.String())
			}
			measure(b, dir, "a ENABLE QRESYNC\r\n", "b SELECT INBOX (QRESYNC (1000000000 "+modseq[1]+"))", 1)
		})
	}
}

// BenchmarkIdle takes a mail from its delivery to the client that waits for it.
func BenchmarkIdle(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := imapd.ClaimedMailbox(b, n)
			c := connect(b, dir)
			c.send("a EXAMINE INBOX\r\nb IDLE\r\n")
			c.until("+ ")
			for i := 1; b.Loop(); i++ {
				deliver(b, dir, fmt.Sprintf("18%08d.M1P1.h", i), "Subject: new\n\n")
				c.until(fmt.Sprintf("* %d EXISTS", n+i))
				c.until(fmt.Sprintf("* %d RECENT", i))
			}
		})
	}
}

// BenchmarkCommands measures what a client asks of a large mailbox and what the
// index alone can answer.
func BenchmarkCommands(b *testing.B) {
	const n = 100_000
	dir := imapd.ClaimedMailbox(b, n)
	for _, command := range []string{
		"NOOP",
		"FETCH 1:* (UID FLAGS)",
		"FETCH 1:* FAST",
		"UID FETCH 50000:* (FLAGS)",
		"SEARCH UNSEEN",
		"SEARCH KEYWORD $Label1",
		"SEARCH LARGER 5000",
		"SEARCH SINCE 1-Jan-2021",
		"UID SEARCH 1:*",
	} {
		b.Run(strings.ReplaceAll(command, " ", "_"), func(b *testing.B) {
			measure(b, dir, "a SELECT INBOX\r\n", "b "+command, n)
		})
	}
}

// BenchmarkFetch measures what clients ask when they fill a list of messages:
// of messages that nobody has looked at yet, and of those that somebody has.
func BenchmarkFetch(b *testing.B) {
	const n = 10_000
	dir := realMailbox(b, n)
	for _, items := range []string{
		"(FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
		"(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])",
	} {
		name, _, _ := strings.Cut(strings.ReplaceAll(items, " ", "_"), "_Cc")
		b.Run("first/"+name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				for _, name := range []string{"fantail.index", "fantail.log", "fantail.cache"} {
					if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				conn := &sink{in: strings.NewReader("a SELECT INBOX\r\nb FETCH 1:* " + items + "\r\n"), each: func() {}}
				if err := serve(b, dir, conn, quiet); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/message")
		})
		b.Run("again/"+name, func(b *testing.B) {
			measure(b, dir, "a SELECT INBOX\r\n", "b FETCH 1:* "+items, n)
		})
	}
}
