package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fantail/test/storm/witness"
)

// drifter is a program that knows nothing of us: it looks at the directories as
// most mail programs do, and renames, delivers and removes what it believes to
// have seen.
type drifter struct {
	dir    string
	log    *witness.Log
	rand   *rand.Rand
	letter string // the flag that is its own
	want   int    // messages in the mailbox
	name   string
	count  int

	looked time.Time
	files  []string // "cur/base:2,S"
}

// foreign is the role of a drifter.
func foreign(ctx context.Context, args []string) error {
	var (
		fl     = flag.NewFlagSet("foreign", flag.ContinueOnError)
		log    = fl.String("log", "", "log")
		dir    = fl.String("dir", "", "Maildir")
		does   = fl.String("does", "", "flags, mail or moves")
		letter = fl.String("letter", "", "the flag that it changes")
		rate   = fl.Int("rate", 0, "deeds a second")
		want   = fl.Int("messages", 0, "messages to keep in the mailbox")
		seed   = fl.Uint64("seed", 0, "of its choices")
	)
	if err := fl.Parse(args); err != nil {
		return err
	}
	return withLog(*log, func(l *witness.Log) error {
		d := &drifter{
			dir: *dir, log: l, letter: *letter, want: *want, rand: rand.New(rand.NewPCG(*seed, 1)),
			name: fmt.Sprintf("f%d", *seed),
		}
		deeds := map[string]func() error{"flags": d.toggle, "mail": d.mail, "moves": d.move}
		return pace(ctx, *rate, deeds[*does])
	})
}

// refresh looks at the directories if the last look is older than age.
func (d *drifter) refresh(age time.Duration) error {
	if time.Since(d.looked) < age {
		return nil
	}
	d.files = d.files[:0]
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(d.dir, sub))
		if err != nil {
			return err
		}
		for _, e := range entries {
			d.files = append(d.files, sub+"/"+e.Name())
		}
	}
	d.looked = time.Now()
	return nil
}

func baseOf(file string) string {
	base, _, _ := strings.Cut(filepath.Base(file), ":")
	return base
}

// pick returns a file that was there at the last look.
func (d *drifter) pick() (i int, file string, ok bool) {
	if len(d.files) == 0 {
		d.looked = time.Time{}
		return 0, "", false
	}
	i = d.rand.IntN(len(d.files))
	return i, d.files[i], true
}

// drop forgets a file that is not where it was.
func (d *drifter) drop(i int) {
	d.files[i] = d.files[len(d.files)-1]
	d.files = d.files[:len(d.files)-1]
}

// rename renames a file and reports whether it was there.
func (d *drifter) rename(i int, to string) (from int64, ok bool, err error) {
	from = witness.Now()
	err = os.Rename(filepath.Join(d.dir, d.files[i]), filepath.Join(d.dir, to))
	if errors.Is(err, fs.ErrNotExist) {
		d.drop(i)
		return from, false, nil
	}
	if err == nil {
		d.files[i] = to
	}
	return from, err == nil, err
}

// toggle sets or clears the drifter's flag on some message.
func (d *drifter) toggle() error {
	if err := d.refresh(20 * time.Millisecond); err != nil {
		return err
	}
	i, file, ok := d.pick()
	if !ok {
		return nil
	}
	base, info, _ := strings.Cut(filepath.Base(file), ":2,")
	flags := []byte(info)
	on := !strings.Contains(info, d.letter)
	if on {
		flags = append(flags, d.letter...)
		slices.Sort(flags)
	} else {
		flags = []byte(strings.Replace(info, d.letter, "", 1))
	}
	from, ok, err := d.rename(i, "cur/"+base+":2,"+string(flags))
	if ok {
		d.log.Note("rename", from, base, d.letter, bit(on))
	}
	return err
}

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}

// mail delivers a message, or removes one when there are enough.
func (d *drifter) mail() error {
	if err := d.refresh(20 * time.Millisecond); err != nil {
		return err
	}
	if len(d.files) < d.want || d.rand.IntN(2) == 0 && len(d.files) < d.want+d.want/10 {
		return d.deliver()
	}
	i, file, ok := d.pick()
	if !ok {
		return nil
	}
	from := witness.Now()
	err := os.Remove(filepath.Join(d.dir, file))
	if err == nil {
		d.log.Note("unlink", from, baseOf(file))
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		d.drop(i)
		return nil
	}
	return err
}

// deliver puts a message into new, or with flags of nobody's into cur.
func (d *drifter) deliver() error {
	d.count++
	token := fmt.Sprintf("%s-%d", d.name, d.count)
	from := witness.Now()
	file, err := put(d.dir, token, d.rand.IntN(4) > 0)
	if err != nil {
		return err
	}
	d.log.Note("deliver", from, baseOf(file), token)
	d.files = append(d.files, file)
	return nil
}

// put makes a message whose content is token, as delivery agents do, and returns
// where it lies.
func put(dir, token string, fresh bool) (file string, err error) {
	now := time.Now()
	base := fmt.Sprintf("%d.M%dP%d_%s.storm", now.Unix(), now.Nanosecond()/1000, os.Getpid(), token)
	tmp := filepath.Join(dir, "tmp", base)
	if err := os.WriteFile(tmp, []byte(text(token)), 0o600); err != nil {
		return "", err
	}
	file = "new/" + base
	if !fresh {
		file = "cur/" + base + ":2,"
	}
	return file, os.Rename(tmp, filepath.Join(dir, file))
}

// text is the message whose content is token.
func text(token string) string {
	return "Subject: " + token + "\n\nThis is " + token + ".\n"
}

// move takes a message from new to cur as a mail reader does, or, seldom, puts
// one without flags back as some can.
func (d *drifter) move() error {
	if err := d.refresh(20 * time.Millisecond); err != nil {
		return err
	}
	i, file, ok := d.pick()
	if !ok {
		return nil
	}
	base := baseOf(file)
	switch {
	case strings.HasPrefix(file, "new/"):
		from, ok, err := d.rename(i, "cur/"+base+":2,")
		if ok {
			d.log.Note("take", from, base)
		}
		return err
	case strings.HasSuffix(file, ":2,") && d.rand.IntN(4) == 0:
		from, ok, err := d.rename(i, "new/"+base)
		if ok {
			d.log.Note("back", from, base)
		}
		return err
	}
	return nil
}
