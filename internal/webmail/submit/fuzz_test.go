package submit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"fantail/internal/daemon/conf"
	"fantail/internal/webmail/outbox"
)

// FuzzReplies has an SMTP server say anything, a line for each command. Nothing is sent
// without a yes to its end, which is asked for once and after commit; and what is kept of
// what the server says is a line.
func FuzzReplies(f *testing.F) {
	for _, s := range []string{
		"220 a\n250 b\n250 c\n250 d\n250 e\n354 f\n250 g\n221 h", "220 a\n250-b\r\n250 DSN\n250 c\n550 no\x1b[2J\x00", "220 a\n250 b\n250 c\n250 d\n250 e\n354 f\n251 g",
		"220-", "421 a", "\n\n\n", "220 a\n250 b\n250 c\n250 d\n250 e\n354 f\n999 g", "220 a\n250 b\n250 c\n250 d\n250 e\n354 f\n45", strings.Repeat("220-x\r\n", 1000),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, says []byte) {
		path := filepath.Join(t.TempDir(), "server")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ended, taken := make(chan bool), false
		go func() {
			defer close(ended)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			taken = babble(conn, bytes.Split(says, []byte("\n")))
		}()
		commits := 0
		err = SMTP{Server: path, TLS: conf.SubmitPlain}.Send(context.Background(), envelope, messageFile(t, "Subject: x\n\ny\n"), func() error { commits++; return nil })
		l.Close()
		<-ended
		if (err == nil) != (commits == 1 && taken) {
			t.Errorf("%v, committed %d times, the server said yes: %v", err, commits, taken)
		}
		var no *Refusal
		if errors.As(err, &no) && (no.Said == "" || len(no.Said) > 2*maxLine || strings.ContainsFunc(no.Said, unicode.IsControl)) {
			t.Errorf("it said %q", no.Said)
		}
	})
}

// yes is an answer of one line that is one.
var yes = regexp.MustCompile(`^2\d\d `)

// babble answers each command with the next line, and reports whether the end of a message
// was answered with a yes.
func babble(conn net.Conn, answers [][]byte) bool {
	in := bufio.NewReader(conn)
	said := func() []byte {
		if len(answers) == 0 {
			return nil
		}
		a := append(bytes.Clone(answers[0]), "\r\n"...)
		answers = answers[1:]
		if _, err := conn.Write(a); err != nil {
			return nil
		}
		return a
	}
	for answer := said(); answer != nil; {
		// Who waits for the rest of an answer says nothing.
		if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			return false
		}
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if answer = said(); line != "DATA\r\n" || answer == nil || !bytes.HasPrefix(answer, []byte("354")) {
			continue
		}
		for line != ".\r\n" {
			if line, err = in.ReadString('\n'); err != nil {
				return false
			}
		}
		return yes.Match(said())
	}
	return false
}

// FuzzJob has anything stand in job.json: only a message from one of the account's addresses
// leaves, to what are addresses, once; and nothing stops the worker.
func FuzzJob(f *testing.F) {
	for _, s := range []string{
		`{"kind":"message","from":"ann@example.org","to":["bob@example.org"],"copy":true,"mark":"answered","draft":{"mailbox":"Drafts","validity":1,"uid":1},"source":{"mailbox":"../../x","uid":7}}`,
		`{"kind":"message","from":"bob@example.org","to":["bob@example.org"]}`, `{"kind":"unsubscribe","url":"https://127.0.0.1/"}`, `{"kind":"x"}`, `null`, `[]`, `{"notBefore":"9999-12-31T23:59:59Z"}`,
		`{"kind":"message","from":"ann@example.org","to":["-oQ/tmp@x\n.","<>"],"attempts":-9223372036854775808}`, `{"kind":"message","from":"ann@example.org","to":[],"draft":{"mailbox":"\u0000"}}`, "",
		`{"kind":"message","from":"ann@example.org","to":["bob@example.org"],"attempts":99,"draft":{"mailbox":"INBOX.` + strings.Repeat("a", 300) + `"}}`,
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, sending bool) {
		p := newPlace(t)
		id, err := p.box.Add(outbox.Job{Kind: outbox.Message}, words(sentText), words(headText))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(p.dir, "fantail-webmail", "outbox")
		if err := os.WriteFile(filepath.Join(dir, "queued", id, "job.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if sending {
			if err := os.Rename(filepath.Join(dir, "queued", id), filepath.Join(dir, "sending", id)); err != nil {
				t.Fatal(err)
			}
		}
		sent := 0
		w := p.worker(judge(func(e Envelope) {
			sent++
			if e.From != "ann@example.org" || len(e.To) == 0 || sending {
				t.Errorf("sent: %+v", e)
			}
			for _, to := range e.To {
				if strings.ContainsFunc(to, unicode.IsSpace) || strings.ContainsAny(to, "<>") || !strings.Contains(to, "@") {
					t.Errorf("sent to %q", to)
				}
			}
		}))
		w.Unsubscriber = OneClick{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("not here") }}
		w.Clock = func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
		if _, err := w.Run(context.Background()); err != nil {
			t.Errorf("%v", err)
		}
		list, err := p.box.List()
		if err != nil || sent > 1 || len(list) > 1 || len(list) == 1 && (list[0].State != outbox.Queued || !list[0].Job.NotBefore.After(w.Clock())) {
			t.Errorf("sent %d times, %+v, %v", sent, list, err)
		}
		if _, err := p.box.Notices(); err != nil {
			t.Error(err)
		}
	})
}

// judge is a transport that takes everything and has it judged.
type judge func(e Envelope)

func (j judge) Send(_ context.Context, e Envelope, _ *os.File, commit func() error) error {
	j(e)
	return commit()
}

var words = text
