package webmail

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/webmail/outbox"
	"fantail/internal/webmail/submit"
)

var every = flag.Bool("every", false, "kill before every call that changes anything, not only those that are the steps of the outbox")

// calls are the system calls before which webmail-submit is killed: those of which each is a
// step of the outbox or of the transport, and all that change a file or a name, start a
// program, or send.
var (
	steps = []string{"renameat", "renameat2", "waitid", "connect"}
	calls = append([]string{"fsync", "fdatasync", "unlinkat", "mkdirat", "write", "clone", "clone3", "wait4", "flock"}, steps...)
)

// TestKilledAtEachCall kills webmail-submit before the first of its system calls of each
// kind that matters, before the second, and so on; then another one runs to its end.
// strace counts calls by threads, so the same number is another place when the scheduler
// wants it so: what has to be true is true everywhere.
func TestKilledAtEachCall(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed")
	}
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(bin, "webmail-submit")
	t.Run("sendmail", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "sendmail")
		if err := os.WriteFile(path, fmt.Appendf(nil, sendmail, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		killAtEachCall(t, program, fmt.Sprintf("webmail.sendmail = %q\n", path), func() int {
			list, err := filepath.Glob(filepath.Join(dir, "*.taken"))
			for _, file := range list {
				err = errors.Join(err, os.Remove(file))
			}
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		})
	})
	t.Run("SMTP", func(t *testing.T) {
		s := newSink(t)
		killAtEachCall(t, program, fmt.Sprintf("webmail.transport = \"smtp\"\nwebmail.smtp_tls = \"none\"\nwebmail.smtp_server = %q\n", s.address), func() int { return len(s.take()) })
	})
}

// killAtEachCall returns after a run that nobody has killed. left returns how often the
// message has left.
func killAtEachCall(t *testing.T, program, settings string, left func() int) {
	t.Helper()
	count := make(map[string]int)
	kills := 0
	each := make(map[string]int)
	list, times := steps, 1
	if *every {
		list, times = calls, 2 // in another thread there may be more
	}
	for _, call := range list {
		for n, whole := 1, 0; whole < times; n++ {
			dir := t.TempDir()
			config := filepath.Join(dir, "fantail.toml")
			if err := os.WriteFile(config, []byte(settings+"webmail.addresses = [\"ann: ann@example.org\"]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			maildir := filepath.Join(dir, "Maildir")
			queued(t, maildir)
			run := []string{program, "-c", config, "-m", maildir, "-u", "ann"}
			strace := []string{"strace", "-f", "--detach-on=execve", "-qq", "-o", os.DevNull, "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n)}
			if err := runs(append(strace, run...)); err == nil {
				whole++
			} else {
				whole = 0
				kills++
				each[call]++
			}
			if err := runs(run); err != nil {
				t.Fatal(err)
			}
			is := became(t, maildir, left())
			if strings.HasPrefix(is, "lost") {
				t.Errorf("killed before %s %d: %s", call, n, is)
			}
			count[is]++
		}
	}
	t.Logf("%d kills: %v %v", kills, count, each)
	if kills < len(list) {
		t.Errorf("there are only %d kills", kills)
	}
}

func runs(args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	var says bytes.Buffer
	cmd.Stderr = &says
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, &says)
	}
	return err
}

const (
	head   = "From: ann@example.org\nTo: bob@example.org\nBcc: carol@example.org\nSubject: Once\nMessage-ID: <once@example.org>\n\n"
	letter = "From: ann@example.org\nTo: bob@example.org\nSubject: Once\nMessage-ID: <once@example.org>\n\nHello.\n"
)

// queued makes an account that has a message to be sent, as the session leaves it.
func queued(t *testing.T, maildir string) {
	t.Helper()
	a, err := store.OpenAccount(maildir, store.Options{Host: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	name, err := submit.Special(t.Context(), a, `\Drafts`)
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.NewAppend()
	if err != nil {
		t.Fatal(err)
	}
	w, err := b.Add(store.FlagSet{Flags: mail.Draft | mail.Seen, Keywords: []mail.Keyword{submit.Pending}}, time.Time{})
	if err == nil {
		_, err = io.WriteString(w, head+"Hello.\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Commit(t.Context())
	if err = errors.Join(err, m.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	_, err = outbox.Open(maildir).Add(outbox.Job{
		Kind: outbox.Message, From: "ann@example.org", To: []string{"bob@example.org", "carol@example.org"}, Subject: "Once", MessageID: "<once@example.org>", Copy: true,
		Draft: outbox.Place{Mailbox: name, Validity: uint32(got.UIDValidity), UID: uint32(got.UIDs[0])},
	}, text(letter), text(head))
	if err != nil {
		t.Fatal(err)
	}
}

// became says what has become of the message, which begins with "lost" if that may not be.
func became(t *testing.T, maildir string, left int) string {
	t.Helper()
	box := outbox.Open(maildir)
	jobs, err := box.List()
	if err != nil {
		t.Fatal(err)
	}
	notices, err := box.Notices()
	if err != nil {
		t.Fatal(err)
	}
	// Names of files end with their flags; a is the keyword.
	count := func(folder, flags string) int {
		list, err := filepath.Glob(filepath.Join(maildir, folder, "*", "*:2,"+flags))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	sent, drafts, unread := count(".Sent", "S"), count(".Drafts", "DS"), count(".Sent", "")
	pending := count(".Drafts", "DS?*")
	is := fmt.Sprintf("it has left %d times, %d copies, %d unread, %d drafts, %d that wait, %d jobs, notices %+v", left, sent, unread, drafts, pending, len(jobs), notices)
	switch {
	case len(jobs) == 0 && unread+pending == 0 && left == 1 && sent == 1 && drafts == 0 && len(notices) == 0:
		return "sent"
	case len(jobs) == 0 && unread+pending == 0 && left <= 1 && sent == 0 && drafts == 1 && len(notices) == 1 && notices[0].Reason == outbox.Unknown:
		return "unknown, and told so"
	}
	return "lost or twice: " + is
}
