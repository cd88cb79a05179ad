package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"fantail/internal/mail"
	"fantail/test/storm/ondisk"
	"fantail/test/storm/witness"
)

// togetherOptions are the size of a storm beside Dovecot.
type togetherOptions struct {
	dir      string
	logs     string
	time     time.Duration
	limit    time.Duration
	messages int
	sessions int
	users    int
	readers  int
	rate     int
	seed     uint64
	alone    bool
}

// errNoDovecot says why there can be no storm with Dovecot.
var errNoDovecot = errors.New("dovecot-imapd of Debian is not installed")

func together(args []string, out io.Writer) error {
	var o togetherOptions
	fl := flag.NewFlagSet("storm together", flag.ContinueOnError)
	fl.StringVar(&o.dir, "dir", "", "where the mailbox is made; Dovecot's user must be able to get there; default a temporary directory")
	fl.StringVar(&o.logs, "logs", "", "empty directory for the logs, which are then kept")
	fl.DurationVar(&o.time, "time", 10*time.Second, "how long the storm lasts")
	fl.DurationVar(&o.limit, "limit", 10*time.Second, "how late a change may be shown")
	fl.IntVar(&o.messages, "messages", 200, "messages in the mailbox")
	fl.IntVar(&o.sessions, "sessions", 2, "sessions of Dovecot")
	fl.IntVar(&o.users, "users", 2, "processes of ours that store, append, copy and expunge")
	fl.IntVar(&o.readers, "readers", 2, "processes of ours that sync")
	fl.IntVar(&o.rate, "rate", 100, "operations a second of each session and user; 0: as many as it can")
	fl.Uint64Var(&o.seed, "seed", 1, "of what the processes choose")
	fl.BoolVar(&o.alone, "alone", false, "ours do not know of Dovecot; this must fail")
	if err := fl.Parse(args); err != nil {
		return err
	}
	report, err := o.run()
	if err != nil {
		return err
	}
	report.Write(out)
	if len(report.Broken) > 0 {
		return errBroken
	}
	return nil
}

// run holds the storm and has it judged.
func (o *togetherOptions) run() (*witness.Report, error) {
	if _, err := os.Stat(dovecotIMAP); err != nil {
		return nil, errNoDovecot
	}
	home, err := os.MkdirTemp(o.dir, "together")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)
	if o.logs == "" {
		o.logs = filepath.Join(home, "logs")
		if err := os.Mkdir(o.logs, 0o755); err != nil {
			return nil, err
		}
	}
	cred, err := dovecotUser(home, o.logs)
	if err != nil {
		return nil, err
	}
	self := filepath.Join(home, "storm")
	if err := copySelf(self); err != nil {
		return nil, err
	}
	s := &scene{togetherOptions: o, home: home, dir: filepath.Join(home, "Maildir"), cast: cast{logs: o.logs, cred: cred, self: self}}
	if err := s.play(); err != nil {
		return nil, err
	}
	c, err := witness.Logs(o.logs)
	if err != nil {
		return nil, err
	}
	return c.Judge(o.limit), nil
}

// nobody is the user whose mailbox it is when root calls: Dovecot refuses to
// serve root.
const nobody = 65534

// dovecotUser gives directories to the user that Dovecot runs as.
func dovecotUser(dirs ...string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, dir := range dirs {
		if err := errors.Join(os.Chown(dir, nobody, nobody), os.Chmod(dir, 0o755)); err != nil {
			return nil, err
		}
	}
	return &syscall.Credential{Uid: nobody, Gid: nobody}, nil
}

// copySelf puts this program where Dovecot's user can start it.
func copySelf(path string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	return os.WriteFile(path, program, 0o755)
}

// scene is one storm beside Dovecot.
type scene struct {
	*togetherOptions
	cast
	home, dir string
}

func (s *scene) play() error {
	defer s.kill()
	l, err := witness.Create(filepath.Join(s.cast.logs, "calm.log"))
	if err != nil {
		return err
	}
	if err := errors.Join(s.storm(), lookAround(s.dir, l, true), s.lookThere(l)); err != nil {
		return errors.Join(err, l.Close())
	}
	return l.Close()
}

// storm lets both servers work on the mailbox, which Dovecot makes.
func (s *scene) storm() error {
	conf := fmt.Sprintf("mail_location = maildir:%s\nssl = no\nlog_path = %s\n", s.dir, s.log())
	if err := os.WriteFile(filepath.Join(s.home, "conf"), []byte(conf), 0o644); err != nil {
		return err
	}
	first, err := s.session("first", 0)
	if err != nil {
		return err
	}
	for first.count < s.messages/2 && err == nil {
		err = first.append()
	}
	if err := errors.Join(err, first.end()); err != nil {
		return err
	}
	var writers, readers []*process
	var errs []error
	args := []string{"-dir", s.dir, fmt.Sprintf("-coexist=%t", !s.alone)}
	begin := func(list *[]*process, name, role string, more ...string) {
		p, err := s.start(name, role, append(append(more, args...), "-seed", strconv.FormatUint(s.seed*100+uint64(len(s.all)), 10))...)
		*list = append(*list, p)
		errs = append(errs, err)
	}
	for i := range s.readers {
		begin(&readers, fmt.Sprintf("reader%d", i+1), "reader", "-pause", "5ms", fmt.Sprintf("-watch=%t", i%2 == 1))
	}
	for i := range s.users {
		begin(&writers, fmt.Sprintf("user%d", i+1), "user", "-keyword", fmt.Sprintf("$ours%d", i+1),
			"-messages", strconv.Itoa(s.messages), "-rate", strconv.Itoa(s.rate))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return errors.Join(s.converse(), s.end(writers), s.end(readers))
}

// converse has the sessions of Dovecot work for the time of the storm.
func (s *scene) converse() error {
	var wg sync.WaitGroup
	errs := make([]error, s.sessions)
	for i := range s.sessions {
		wg.Go(func() {
			d, err := s.session(fmt.Sprintf("dovecot%d", i+1), uint64(i+1))
			if err == nil {
				err = errors.Join(d.work(s.time, s.rate, s.messages), d.end())
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// lookThere writes down what Dovecot shows when all is quiet, and what it had to
// complain of.
func (s *scene) lookThere(l *witness.Log) error {
	at := witness.Now()
	d, err := s.session("last", 99)
	if err != nil {
		return err
	}
	lines, err := d.do("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
	if err := errors.Join(err, d.end()); err != nil {
		return err
	}
	for _, line := range lines {
		uid, flags, subject, ok := fetched(line)
		if ok {
			l.Note("peer", at, uid, flags)
			l.Note("content", at, uid, subject)
		}
	}
	list, err := ondisk.ReadUIDList(s.dir)
	if err != nil {
		return err
	}
	if d.validity != list.Validity {
		l.Trouble(at, "UIDVALIDITY", fmt.Errorf("to Dovecot %d, in the list %d", d.validity, list.Validity))
	}
	text, err := os.ReadFile(s.log())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(string(text)) {
		for _, level := range []string{"Warning:", "Error:", "Fatal:", "Panic:"} {
			if strings.Contains(line, level) {
				l.Trouble(at, "Dovecot", errors.New(strings.TrimSpace(line)))
			}
		}
	}
	return nil
}

func (s *scene) log() string { return filepath.Join(s.home, "dovecot.log") }

// fetched reads a FETCH response: UID, flags as a log has them, and subject.
func fetched(line string) (uid mail.UID, flags, subject string, ok bool) {
	_, rest, ok := strings.Cut(line, "UID ")
	if !ok {
		return 0, "", "", false
	}
	number, _, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(strings.TrimSuffix(number, ")"), 10, 32)
	_, list, ok := strings.Cut(line, "FLAGS (")
	list, _, closed := strings.Cut(list, ")")
	if err != nil || !ok || !closed {
		return 0, "", "", false
	}
	var set []string
	for f := range strings.FieldsSeq(list) {
		letter := map[string]string{`\Draft`: "D", `\Flagged`: "F", `\Answered`: "R", `\Seen`: "S", `\Deleted`: "T"}[f]
		switch {
		case letter != "":
			set = append(set, letter)
		case f[0] != '\\': // \Recent is nobody's flag
			set = append(set, f)
		}
	}
	_, subject, _ = strings.Cut(line, "Subject: ")
	subject, _, _ = strings.Cut(subject, "\r\n")
	return mail.UID(n), witness.Flags(set), subject, true
}
