package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"fantail/internal/store"
	"fantail/test/storm/ondisk"
	"fantail/test/storm/witness"
)

// raceOptions are the size of a storm.
type raceOptions struct {
	dir      string
	logs     string
	time     time.Duration
	limit    time.Duration
	messages int
	readers  int
	users    int
	flaggers int
	mailers  int
	movers   int
	rate     int
	userRate int
	pause    time.Duration
	seed     uint64
	bad      bool
}

// letters are the flags that foreign programs change, one each.
const letters = "FRSDT"

func race(args []string, out io.Writer) error {
	var o raceOptions
	fl := flag.NewFlagSet("storm race", flag.ContinueOnError)
	fl.StringVar(&o.dir, "dir", "", "where the mailbox is made, on the file system to be tested; default a temporary directory")
	fl.StringVar(&o.logs, "logs", "", "empty directory for the logs, which are then kept")
	fl.DurationVar(&o.time, "time", 10*time.Second, "how long the storm lasts")
	fl.DurationVar(&o.limit, "limit", 5*time.Second, "how late a change may be shown")
	fl.IntVar(&o.messages, "messages", 1000, "messages in the mailbox")
	fl.IntVar(&o.readers, "readers", 3, "processes that sync and give UIDs")
	fl.IntVar(&o.users, "users", 2, "processes that store, append, copy and expunge through the store")
	fl.IntVar(&o.flaggers, "flaggers", 2, "foreign processes that change flags by rename, at most 5")
	fl.IntVar(&o.mailers, "mailers", 1, "foreign processes that deliver and remove")
	fl.IntVar(&o.movers, "movers", 1, "foreign processes that move between new and cur")
	fl.IntVar(&o.rate, "rate", 1500, "deeds a second of each foreign process; 0: as many as it can")
	fl.IntVar(&o.userRate, "user-rate", 100, "operations a second of each user; 0: as many as it can")
	fl.DurationVar(&o.pause, "pause", 0, "what a reader waits between syncs")
	fl.Uint64Var(&o.seed, "seed", 1, "of what the processes choose")
	fl.BoolVar(&o.bad, "bad", false, "the readers believe one scan of the directory; this must fail")
	if err := fl.Parse(args); err != nil {
		return err
	}
	if o.flaggers > len(letters) {
		return fmt.Errorf("at most %d flaggers: each has a flag of its own", len(letters))
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
func (o *raceOptions) run() (*witness.Report, error) {
	work, err := os.MkdirTemp(o.dir, "storm")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	if o.logs == "" {
		if o.logs, err = os.MkdirTemp("", "stormlogs"); err != nil {
			return nil, err
		}
		defer os.RemoveAll(o.logs)
	}
	dir := filepath.Join(work, "Maildir")
	if err := o.rage(dir); err != nil {
		return nil, err
	}
	c, err := witness.Logs(o.logs)
	if err != nil {
		return nil, err
	}
	return c.Judge(o.limit), nil
}

// rage is the storm itself, and the look around when it is over.
func (o *raceOptions) rage(dir string) error {
	l, err := witness.Create(filepath.Join(o.logs, "calm.log"))
	if err != nil {
		return err
	}
	if err := errors.Join(o.fill(dir, l), o.blow(dir), lookAround(dir, l, !o.bad)); err != nil {
		return errors.Join(err, l.Close())
	}
	return l.Close()
}

// fill makes the mailbox and the first messages in it.
func (o *raceOptions) fill(dir string, l *witness.Log) error {
	a, err := store.OpenAccount(dir, store.Options{Host: "storm"})
	if err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	for i := range o.messages {
		token := "f0-" + strconv.Itoa(i+1)
		from := witness.Now()
		file, err := put(dir, token, i%2 == 0)
		if err != nil {
			return err
		}
		l.Note("deliver", from, baseOf(file), token)
	}
	return nil
}

// blow runs the processes for the time of the storm. Who changes the mailbox is
// ended before those who look.
func (o *raceOptions) blow(dir string) error {
	c := &cast{logs: o.logs}
	defer c.kill()
	var writers, readers []*process
	begin := func(list *[]*process, name, role string, args ...string) error {
		p, err := c.start(name, role, append(args, "-dir", dir, "-seed", strconv.FormatUint(o.seed*100+uint64(len(c.all)), 10))...)
		*list = append(*list, p)
		return err
	}
	var errs []error
	for i := range o.readers {
		args := []string{"-bad=" + strconv.FormatBool(o.bad), "-pause", o.pause.String(),
			"-watch=" + strconv.FormatBool(i%3 == 1), "-claim=" + strconv.FormatBool(i%3 != 2)}
		errs = append(errs, begin(&readers, fmt.Sprintf("reader%d", i+1), "reader", args...))
	}
	sizes := []string{"-messages", strconv.Itoa(o.messages)}
	for i := range o.users {
		keyword := fmt.Sprintf("$storm%d", i+1)
		errs = append(errs, begin(&writers, fmt.Sprintf("user%d", i+1), "user", append(sizes, "-keyword", keyword, "-rate", strconv.Itoa(o.userRate))...))
	}
	for _, kind := range []struct {
		does string
		n    int
		rate int
	}{{"flags", o.flaggers, o.rate}, {"mail", o.mailers, o.rate / 4}, {"moves", o.movers, o.rate}} {
		for i := range kind.n {
			args := append(sizes, "-does", kind.does, "-rate", strconv.Itoa(kind.rate), "-letter", letters[i:i+1])
			errs = append(errs, begin(&writers, fmt.Sprintf("%s%d", kind.does, i+1), "foreign", args...))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	time.Sleep(o.time)
	return errors.Join(c.end(writers), c.end(readers))
}

// lookAround writes down what is there when all is quiet.
func lookAround(dir string, l *witness.Log, listed bool) error {
	names, err := ondisk.ReadKeywords(dir)
	if err != nil {
		return err
	}
	at := witness.Now()
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			return err
		}
		for _, e := range entries {
			l.Note("file", at, baseOf(e.Name()), witness.Flags(names.Flags(e.Name())))
		}
	}
	if !listed {
		return nil
	}
	list, err := ondisk.ReadUIDList(dir)
	if err != nil {
		l.Trouble(at, "dovecot-uidlist", err)
		return nil
	}
	for uid, base := range list.Base {
		l.Note("listed", at, uid, base)
	}
	return nil
}
