package dialogues

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"fantail/internal/imap/imapd"
	"fantail/internal/store"
	"fantail/test/dialogue"
)

func scripts(t *testing.T, p dialogue.Protocol) []*dialogue.Script {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(string(p), "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues for %s: %v", p, err)
	}
	var all []*dialogue.Script
	for _, f := range files {
		s, err := dialogue.ReadFile(f, p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// TestManners holds the dialogues in which it can be done once more, with all that
// the client says in one packet, and within DEFLATE: what is answered is the same
// (RFC 9051 section 5.5, RFC 4978).
func TestManners(t *testing.T) {
	for _, m := range []dialogue.Manner{dialogue.Ahead, dialogue.Compressed} {
		t.Run(string(m), func(t *testing.T) {
			var able []*dialogue.Script
			for _, s := range scripts(t, dialogue.IMAP) {
				if s.Can(m) {
					able = append(able, s)
				}
			}
			if len(able) < 50 {
				t.Errorf("only %d dialogues", len(able))
			}
			testPeer(t, dialogue.Ours(program(t, dialogue.IMAP)).In(m), able)
		})
	}
}

// pieces is a Conn whose client's octets come from a reader. It knows no time.
type pieces struct {
	io.Reader
	bytes.Buffer
}

func (p *pieces) Read(b []byte) (int, error)     { return p.Reader.Read(b) }
func (*pieces) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (*pieces) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// answers gives what a session says to a client whose octets are read from in, of
// the mailbox of the script.
func answers(t *testing.T, s *dialogue.Script, in io.Reader) string {
	t.Helper()
	box := dialogue.Box{Home: t.TempDir(), UID: -1, GID: -1}
	if err := s.Fill(box); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	acct, err := store.OpenAccount(box.Maildir(), store.Options{Host: "test", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	conn := &pieces{Reader: in}
	err = imapd.New(acct, conn, imapd.Options{Log: log, Version: "test"}).Serve(context.Background())
	if err := errors.Join(err, acct.Close()); err != nil {
		t.Error(err)
	}
	return conn.String()
}

// varying is what differs from one mailbox to the next: UIDVALIDITY, mod-sequences,
// identifiers and today's date. A literal that is asked for asks once.
var varying = regexp.MustCompile(`\d{9,}|[0-9a-f]{16,}|"[ \d]\d-\w{3}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}"|\([A-Z][0-9a-zA-Z_-]{20,}\)`)

// TestSplit: wherever the network splits what a client says, and however fast it
// says it, the answers are the same to the octet.
func TestSplit(t *testing.T) {
	tried := 0
	for _, s := range scripts(t, dialogue.IMAP) {
		said, ok := s.Transcript()
		if !ok || len(said) > 100_000 || len(s.Args) > 0 {
			continue
		}
		tried++
		t.Run(strings.TrimSuffix(filepath.Base(s.File), ".txtar"), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(len(said)), 1))
			inPieces := readFunc(func(left *[]byte, p []byte) int {
				return copy(p[:min(len(p), 1+random.IntN(40))], *left)
			}, said)
			want := answers(t, s, bytes.NewReader(said))
			for name, in := range map[string]io.Reader{
				"octets": iotest.OneByteReader(bytes.NewReader(said)),
				"pieces": inPieces,
			} {
				if got := answers(t, s, in); varying.ReplaceAllString(got, "N") != varying.ReplaceAllString(want, "N") {
					t.Errorf("in %s:\n%s\nin one piece:\n%s", name, got, want)
				}
			}
			if strings.Contains(s.File, "compress") {
				return
			}
			got := answers(t, s, iotest.OneByteReader(bytes.NewReader(packed(t, said))))
			plain, rest, ok := strings.Cut(got, "pack OK DEFLATE active.\r\n")
			if !ok {
				t.Fatalf("%q", got)
			}
			unpacked, err := io.ReadAll(flate.NewReader(strings.NewReader(rest)))
			if !errors.Is(err, io.ErrUnexpectedEOF) { // the stream has no end
				t.Error(err)
			}
			if got := plain + string(unpacked); varying.ReplaceAllString(got, "N") != varying.ReplaceAllString(want, "N") {
				t.Errorf("in DEFLATE, octet by octet:\n%s\nin one piece:\n%s", got, want)
			}
		})
	}
	if tried < 40 {
		t.Errorf("only %d dialogues", tried)
	}
}

// packed gives COMPRESS and then what is said, compressed.
func packed(t *testing.T, said []byte) []byte {
	t.Helper()
	b := bytes.NewBufferString("pack COMPRESS DEFLATE\r\n")
	w, err := flate.NewWriter(b, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(said); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readFunc is a reader of data that takes as much as next says.
func readFunc(next func(left *[]byte, p []byte) int, data []byte) io.Reader {
	return reads(func(p []byte) (int, error) {
		if len(data) == 0 {
			return 0, io.EOF
		}
		n := next(&data, p)
		data = data[n:]
		return n, nil
	})
}

type reads func([]byte) (int, error)

func (f reads) Read(p []byte) (int, error) { return f(p) }
