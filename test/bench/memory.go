package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"fantail/test/site"
)

// What accounts cost of memory whose clients wait: each has logged in, selected its
// inbox, fetched flags and envelopes of all messages, and is in IDLE. All processes of
// the server are counted, and divided by the accounts. Both servers have accounts with a
// uid each, or of one uid, where Fantail shares a process. Dovecot has its default
// settings; with those of its high-performance mode it takes as much.

const (
	fewWaiting  = 100 // accounts
	manyWaiting = 500
	perAccount  = 5 // connections
	waitingMail = 100
)

// waitingLines are the lines of one installation: of few and many accounts with one
// connection each, and of an account with several.
type waitingLines struct {
	few, many, several string
	oneUID             bool
}

var ofWaiting = []waitingLines{
	{few: memoryFew, many: memoryMany, several: memorySeveral},
	{few: memoryFewShared, many: memoryManyShared, oneUID: true},
}

// waiting measures them.
func waiting(subjects []*subject, only *regexp.Regexp, bin string) error {
	for _, l := range ofWaiting {
		names := []string{l.few, l.many}
		if l.several != "" {
			names = append(names, l.several)
		}
		if !slices.ContainsFunc(names, only.MatchString) {
			continue
		}
		if os.Geteuid() != 0 {
			fmt.Fprintln(os.Stderr, "bench: not root: no measurements of the memory of many accounts")
			return nil
		}
		for i, ours := range []bool{false, true} {
			if err := subjects[i].waiting(l, bin, ours); err != nil {
				return fmt.Errorf("%s: %s: %w", subjects[i].peer.Name, l.few, err)
			}
		}
	}
	return nil
}

// waiting measures the lines of one installation.
func (s *subject) waiting(l waitingLines, bin string, ours bool) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "mail"), 0o755)); err != nil {
		return err
	}
	c, err := makeKey(dir, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
	if err != nil {
		return err
	}
	a, err := makeAccounts(dir, manyWaiting, waitingMail, l.oneUID)
	if err != nil {
		return err
	}
	var d daemon
	if ours {
		d, err = startHouse(a, bin, c, l.settings(dir))
	} else {
		d, err = startPlainDovecot(a, c)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	return s.fill(l, d, a.names)
}

// settings are Fantail's beside those of every house.
func (l waitingLines) settings(dir string) string {
	text := "[login]\nconnections_per_source = 0\n"
	if l.oneUID {
		text += fmt.Sprintf("[session]\nscope = \"uid\"\nfence = %q\n", filepath.Join(dir, "mail"))
	}
	return text
}

// fill fills a server with clients that wait, and measures on the way.
func (s *subject) fill(l waitingLines, d daemon, names []string) error {
	var all []net.Conn
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	more := func(names []string) (sum int, err error) {
		for _, name := range names {
			c, err := wait(d.imap, name)
			if err != nil {
				return 0, err
			}
			all = append(all, c)
		}
		time.Sleep(atRest)
		return (&session{processes: d.pids}).memory()
	}
	few, err := more(names[:fewWaiting])
	if err != nil {
		return err
	}
	many, err := more(names[fewWaiting:])
	if err != nil {
		return err
	}
	s.noteMemory(l.few, few/fewWaiting)
	s.noteMemory(l.many, many/manyWaiting)
	if l.several == "" {
		return nil
	}
	several, err := more(slices.Repeat(names[:fewWaiting], perAccount-1))
	if err == nil {
		s.noteMemory(l.several, many/manyWaiting+(several-many)/fewWaiting)
	}
	return err
}

func (s *subject) noteMemory(line string, kB int) {
	s.figures(line).kB = append(s.figures(line).kB, kB)
}

// wait logs in and waits.
func wait(address, name string) (conn net.Conn, err error) {
	if conn, err = net.Dial("tcp", address); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", name, err), conn.Close())
		}
	}()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, 4096)
	for _, c := range []struct{ say, end string }{
		{"", "* OK"},
		{"a LOGIN " + name + " " + site.Password, "a OK"},
		{"a SELECT INBOX", "a OK"},
		{"a FETCH 1:* (FLAGS ENVELOPE)", "a OK"},
		{"a IDLE", "+"},
	} {
		if c.say != "" {
			if _, err := io.WriteString(conn, c.say+"\r\n"); err != nil {
				return nil, err
			}
		}
		for said := ""; !strings.HasPrefix(said, c.end); {
			if said, err = r.ReadString('\n'); err != nil {
				return nil, err
			}
			if strings.HasPrefix(said, "a NO") || strings.HasPrefix(said, "a BAD") {
				return nil, fmt.Errorf("%.20s: %s", c.say, said)
			}
		}
	}
	return conn, conn.SetDeadline(time.Time{})
}

// startPlainDovecot starts Dovecot with its own settings, but for limits.
func startPlainDovecot(a accounts, c certificates) (daemon, error) {
	return runDovecot(a.dir, c, fmt.Sprintf(`mail_location = maildir:~/Maildir
passdb {
  driver = passwd-file
  args = %[1]s
}
userdb {
  driver = passwd-file
  args = %[1]s
}
default_process_limit = %[2]d
default_client_limit = %[2]d
service imap {
  process_limit = %[2]d
}
`, a.passwd(), 4*manyWaiting))
}
