package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fantail/internal/mail"
	"fantail/test/storm/witness"
)

// dovecotIMAP is Dovecot's session program. It speaks IMAP on its standard input
// and output without a running master.
const dovecotIMAP = "/usr/lib/dovecot/imap"

// session is one session of Dovecot and what a client does in it.
type session struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
	log      *witness.Log
	rand     *rand.Rand
	name     string
	validity mail.UIDValidity
	tag      int
	count    int
	uids     []mail.UID // as of the last search
	on       map[mail.UID]bool
}

// session starts a session of Dovecot and selects INBOX.
func (s *scene) session(name string, seed uint64) (*session, error) {
	cmd := exec.Command(dovecotIMAP, "-c", filepath.Join(s.home, "conf"))
	cmd.Dir = "/"
	cmd.Env = []string{"USER=nobody", "HOME=" + s.home, "PATH=/usr/bin:/bin"}
	if s.cred != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	l, err3 := witness.Create(filepath.Join(s.cast.logs, name+".log"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	d := &session{
		cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<16), log: l, name: name,
		rand: rand.New(rand.NewPCG(s.seed, seed)), on: make(map[mail.UID]bool),
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if _, err := d.read(); err != nil { // the greeting
		return nil, errors.Join(err, d.end())
	}
	lines, err := d.do("SELECT INBOX")
	if err != nil {
		return nil, errors.Join(err, d.end())
	}
	v, err := strconv.ParseUint(code(lines, "UIDVALIDITY"), 10, 32)
	d.validity = mail.UIDValidity(v)
	return d, err
}

// end logs out.
func (d *session) end() error {
	_, err := d.do("LOGOUT")
	return errors.Join(err, d.in.Close(), d.cmd.Wait(), d.log.Close())
}

// literal ends a line that octets follow.
var literal = regexp.MustCompile(`\{([0-9]+)\}\r\n$`)

// read reads a line with the literals in it.
func (d *session) read() (string, error) {
	var b strings.Builder
	for {
		line, err := d.out.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return b.String(), fmt.Errorf("read from Dovecot: %w", err)
		}
		m := literal.FindStringSubmatch(line)
		if m == nil {
			return strings.TrimSuffix(b.String(), "\r\n"), nil
		}
		n, err := strconv.Atoi(m[1])
		if err == nil {
			_, err = io.CopyN(&b, d.out, int64(n))
		}
		if err != nil {
			return b.String(), err
		}
	}
}

// errRefused is an answer that is not OK.
var errRefused = errors.New("refused")

// do sends a command and returns the answer with its untagged responses.
func (d *session) do(format string, args ...any) (lines []string, err error) {
	d.tag++
	command := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintf(d.in, "a%d %s\r\n", d.tag, command); err != nil {
		return nil, err
	}
	for {
		line, err := d.read()
		if err != nil {
			return lines, fmt.Errorf("%.60q: %w", command, err)
		}
		lines = append(lines, line)
		if answer, ok := strings.CutPrefix(line, fmt.Sprintf("a%d ", d.tag)); ok {
			if !strings.HasPrefix(answer, "OK") {
				return lines, fmt.Errorf("%.60q: %w: %s", command, errRefused, answer)
			}
			return lines, nil
		}
	}
}

// code returns what stands in a response code.
func code(lines []string, name string) string {
	for _, l := range lines {
		if _, rest, ok := strings.Cut(l, "["+name+" "); ok {
			value, _, _ := strings.Cut(rest, "]")
			return value
		}
	}
	return ""
}

// work is what a client does with the mailbox.
func (d *session) work(long time.Duration, rate, want int) error {
	begin := time.Now()
	for n := 0; time.Since(begin) < long; n++ {
		if rate > 0 {
			time.Sleep(time.Until(begin.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		}
		if n%5 == 0 {
			if err := d.search(); err != nil {
				return err
			}
		}
		if err := d.act(want); err != nil {
			return err
		}
	}
	return nil
}

func (d *session) search() error {
	lines, err := d.do("UID SEARCH ALL")
	d.uids = d.uids[:0]
	for _, l := range lines {
		rest, ok := strings.CutPrefix(l, "* SEARCH")
		if !ok {
			continue
		}
		for f := range strings.FieldsSeq(rest) {
			uid, err := strconv.ParseUint(f, 10, 32)
			if err != nil {
				return err
			}
			d.uids = append(d.uids, mail.UID(uid))
		}
	}
	return err
}

func (d *session) act(want int) error {
	more := len(d.uids) < want
	n := d.rand.IntN(10)
	if len(d.uids) == 0 || n == 0 && more {
		return d.append()
	}
	uid := d.uids[d.rand.IntN(len(d.uids))]
	switch {
	case n == 1 && !more:
		return d.expunge(uid)
	case n < 4:
		return d.open(uid)
	}
	return d.toggle(uid)
}

func (d *session) append() error {
	d.count++
	token := fmt.Sprintf("%s-%d", d.name, d.count)
	body := strings.ReplaceAll(text(token), "\n", "\r\n")
	from := witness.Now()
	lines, err := d.do("APPEND INBOX {%d+}\r\n%s", len(body), body)
	if err != nil {
		return err
	}
	_, uid, _ := strings.Cut(code(lines, "APPENDUID"), " ")
	if uid == "" {
		return fmt.Errorf("APPEND: no UID in %q", lines)
	}
	d.log.Note("append", from, uid, token)
	return nil
}

// toggle sets or clears the session's keyword. If the answer does not show the
// message, nobody knows.
func (d *session) toggle(uid mail.UID) error {
	keyword, on := "$"+d.name, !d.on[uid]
	from := witness.Now()
	lines, err := d.do("UID STORE %d %cFLAGS (%s)", uid, "-+"[bit(on)], keyword)
	if err != nil && !errors.Is(err, errRefused) {
		return err
	}
	for _, l := range lines {
		if got, flags, _, ok := fetched(l); ok && got == uid && strings.Contains(flags, keyword) == on {
			d.on[uid] = on
			d.log.Note("store", from, uid, keyword, bit(on))
			return nil
		}
	}
	d.log.Note("unsure", from, uid, keyword)
	return nil
}

func (d *session) expunge(uid mail.UID) error {
	from := witness.Now()
	_, err := d.do("UID STORE %d +FLAGS.SILENT (\\Deleted)", uid)
	if err == nil {
		_, err = d.do("UID EXPUNGE %d", uid)
	}
	kind := "expunge"
	if errors.Is(err, errRefused) {
		kind, err = "attempt", nil
	}
	d.log.Note(kind, from, uid, "?")
	return err
}

// open looks whether a message is what it always was.
func (d *session) open(uid mail.UID) error {
	from := witness.Now()
	lines, err := d.do("UID FETCH %d (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])", uid)
	if err != nil && !errors.Is(err, errRefused) {
		return err
	}
	for _, l := range lines {
		if got, _, subject, ok := fetched(l); ok && got == uid && subject != "" {
			d.log.Note("content", from, uid, subject)
		}
	}
	return nil
}
