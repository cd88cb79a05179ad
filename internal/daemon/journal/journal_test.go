package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// listener is a journal.
func listener(t *testing.T) (*net.UnixConn, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, path
}

// next returns the fields of the next record.
func next(t *testing.T, c *net.UnixConn) map[string]string {
	t.Helper()
	buf := make([]byte, 1<<20)
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	fields, err := parse(buf[:n])
	if err != nil {
		t.Fatalf("%v: %q", err, buf[:n])
	}
	return fields
}

// parse reads the journal's native protocol.
func parse(b []byte) (map[string]string, error) {
	fields := make(map[string]string)
	for len(b) > 0 {
		i := bytes.IndexAny(b, "=\n")
		if i <= 0 {
			return nil, errors.New("a line that is no field")
		}
		name, value := string(b[:i]), []byte(nil)
		if b[i] == '=' {
			end := bytes.IndexByte(b, '\n')
			if end < 0 {
				return nil, errors.New("a line without an end")
			}
			value, b = b[i+1:end], b[end+1:]
		} else {
			if len(b) < i+9 {
				return nil, errors.New("no length")
			}
			n := binary.LittleEndian.Uint64(b[i+1:])
			if uint64(len(b)) < uint64(i)+9+n+1 || b[uint64(i)+9+n] != '\n' {
				return nil, errors.New("a wrong length")
			}
			value, b = b[i+9:uint64(i)+9+n], b[uint64(i)+9+n+1:]
		}
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("%s twice", name)
		}
		fields[name] = string(value)
	}
	return fields, nil
}

func TestRecords(t *testing.T) {
	c, path := listener(t)
	to, err := dial(path)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(newHandler(to, io.Discard, "imapd"))
	tests := []struct {
		write func()
		want  map[string]string
	}{
		{
			func() {
				log.With("sid", "0123", "proto", "imap", "remote", "192.0.2.1").Info("login", "user", "ann", "mech", "PLAIN", "tls", true)
			},
			map[string]string{
				"PRIORITY": "6", "MESSAGE": "level=INFO msg=login sid=0123 proto=imap remote=192.0.2.1 user=ann mech=PLAIN tls=true",
				"FANTAIL_EVENT": "login", "FANTAIL_SESSION": "0123", "FANTAIL_SERVICE": "imap", "FANTAIL_REMOTE": "192.0.2.1",
				"FANTAIL_USER": "ann", "FANTAIL_MECHANISM": "PLAIN", "FANTAIL_TLS": "true",
			},
		},
		{
			func() { log.Info("logout", "dur", 1500*time.Millisecond, "in", 12, "out", uint64(34)) },
			map[string]string{
				"PRIORITY": "6", "MESSAGE": "level=INFO msg=logout dur=1.5s in=12 out=34",
				"FANTAIL_EVENT": "logout", "FANTAIL_DURATION": "1.500", "FANTAIL_OCTETS_IN": "12", "FANTAIL_OCTETS_OUT": "34",
			},
		},
		{
			// What a client says begins no field, and no line.
			func() { log.Info("login failed", "user", "ann\nFANTAIL_EVENT=login\nPRIORITY=0") },
			map[string]string{
				"PRIORITY": "6", "MESSAGE": `level=INFO msg="login failed" user="ann\nFANTAIL_EVENT=login\nPRIORITY=0"`,
				"FANTAIL_EVENT": "login-failed", "FANTAIL_USER": "ann\nFANTAIL_EVENT=login\nPRIORITY=0",
			},
		},
		{
			func() { log.Error("accept", "err", errors.New("no\nmore"), "socket", "login") },
			map[string]string{"PRIORITY": "3", "MESSAGE": `level=ERROR msg=accept err="no\nmore" socket=login`, "FANTAIL_ERROR": "no\nmore"},
		},
		{
			func() { log.WithGroup("g").With("user", "eve").Warn("login", "user", "bob") },
			map[string]string{"PRIORITY": "4", "MESSAGE": "level=WARN msg=login g.user=eve g.user=bob", "FANTAIL_EVENT": "login"},
		},
	}
	for _, tt := range tests {
		tt.write()
		tt.want["SYSLOG_IDENTIFIER"] = "imapd"
		got := next(t, c)
		for name := range got {
			if got[name] != tt.want[name] {
				t.Errorf("%s: %q, want %q", name, got[name], tt.want[name])
			}
		}
		if len(got) != len(tt.want) {
			t.Errorf("%d fields, want %d: %q", len(got), len(tt.want), got)
		}
	}
}

// TestOwnAttributes: two logs made of one do not write into each other's fields.
func TestOwnAttributes(t *testing.T) {
	c, path := listener(t)
	to, err := dial(path)
	if err != nil {
		t.Fatal(err)
	}
	base := slog.New(newHandler(to, io.Discard, "imapd")).With("proto", "imap")
	ann, bob := base.With("user", "ann"), base.With("user", "bob")
	ann.Info("login")
	if got := next(t, c)["FANTAIL_USER"]; got != "ann" {
		t.Errorf("%q", got)
	}
	bob.Info("login")
	if got := next(t, c)["FANTAIL_USER"]; got != "bob" {
		t.Errorf("%q", got)
	}
}

// TestElsewhere: what the journal does not take is on standard error.
func TestElsewhere(t *testing.T) {
	c, path := listener(t)
	to, err := dial(path)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	log := slog.New(newHandler(to, &stderr, "imapd"))
	log.Info("long", "text", strings.Repeat("x", 4<<20))
	if !strings.HasPrefix(stderr.String(), "level=INFO msg=long text=xxx") {
		t.Errorf("%.40q", &stderr)
	}
	stderr.Reset()
	log.Info("short")
	if got := next(t, c)["MESSAGE"]; got != "level=INFO msg=short" || stderr.Len() > 0 {
		t.Errorf("%q, %q", got, &stderr)
	}
	c.Close()
	log.Info("nobody")
	if stderr.String() != "level=INFO msg=nobody\n" {
		t.Errorf("%q", &stderr)
	}
}

func TestIsJournal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	info, err := w.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	for stream, want := range map[string]bool{
		fmt.Sprintf("%d:%d", st.Dev, st.Ino): true, "": false, "1:2": false, "x": false,
		fmt.Sprintf("%d:%d ", st.Dev, st.Ino): false,
	} {
		if got := isJournal(w, stream); got != want {
			t.Errorf("%q: %t", stream, got)
		}
	}
}

// TestText: without a journal there is text, with the time.
func TestText(t *testing.T) {
	var stderr bytes.Buffer
	New(&stderr, "imapd").Info("login", "user", "ann")
	if !strings.HasPrefix(stderr.String(), "time=") || !strings.HasSuffix(stderr.String(), " level=INFO msg=login user=ann\n") {
		t.Errorf("%q", &stderr)
	}
}

// TestManual holds the tables against the manual page.
func TestManual(t *testing.T) {
	page, err := os.ReadFile("../../../man/fantail-log.7")
	if err != nil {
		t.Fatal(err)
	}
	var names, told []string
	for line := range strings.Lines(string(page)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), ".It Va "); ok {
			names = append(names, name)
		}
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), ".It Cm "); ok {
			told = append(told, name)
		}
	}
	want := []string{"FANTAIL_EVENT"}
	for _, f := range fields {
		want = append(want, f.name)
	}
	if !slices.Equal(names, want) {
		t.Errorf("the page has the fields\n%q, the code\n%q", names, want)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.name)
	}
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	slices.Sort(told)
	if !slices.Equal(told, kinds) {
		t.Errorf("the page has the events\n%q, the code\n%q", told, kinds)
	}
}

func BenchmarkRecord(b *testing.B) {
	path := filepath.Join(b.TempDir(), "socket")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	go io.Copy(io.Discard, c)
	to, err := dial(path)
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(newHandler(to, io.Discard, "imapd")).With("sid", "0123456789abcdef", "proto", "imap", "remote", "192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		log.Info("login", "user", "ann", "mech", "PLAIN", "tls", true)
	}
}
