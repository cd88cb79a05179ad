package witness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/mail"
)

// span is when something happened: after from and before to.
type span struct{ from, to int64 }

// flag is a flag as its owner changed it.
type change struct {
	span
	on bool
}

// deed is a line that tells about one message, by base or by UID.
type deed struct {
	span
	kind  string
	base  string
	uid   mail.UID
	token string
	flag  string
	on    bool
}

// look is one sync of a reader.
type look struct {
	span
	validity mail.UIDValidity
	next     mail.UID
	came     []Row
	altered  []Row // base is ""
	went     []mail.UID
}

// testimony is one log.
type testimony struct {
	name  string
	deeds []deed
	looks []look
	end   []Row
}

// Logs reads every log in dir: the files whose names end in ".log".
func Logs(dir string) (*Case, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	c := newCase()
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return nil, err
		}
		err = c.Read(strings.TrimSuffix(filepath.Base(p), ".log"), f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("read %s: %w", p, err)
		}
	}
	return c, nil
}

// Read adds the log of one process to the case.
func (c *Case) Read(name string, r io.Reader) error {
	t := &testimony{name: name}
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), 1<<20)
	for n := 1; sc.Scan(); n++ {
		if err := c.line(t, sc.Text()); err != nil {
			return fmt.Errorf("line %d: %w: %q", n, err, sc.Text())
		}
	}
	c.logs = append(c.logs, t)
	return sc.Err()
}

var errMalformed = errors.New("no line of a log")

// kinds are the kinds of lines with times, and how their other fields are
// read, by letters: b base, t token or operation, u UID, f flag, o on.
var kinds = map[string]string{
	"deliver": "bt", "append": "ut", "copy": "ut", "unlink": "b", "expunge": "ub",
	"rename": "bfo", "store": "ufo", "take": "b", "back": "b", "claim": "u",
	"content": "ut", "missing": "u", "file": "bf", "listed": "ub",
	"unsure": "uf", "peer": "uf", "failed": "t", "attempt": "ub",
}

func (c *Case) line(t *testimony, text string) error {
	f := strings.Split(text, " ")
	if len(f[0]) == 1 {
		return t.row(f)
	}
	if len(f) < 4 {
		return errMalformed
	}
	from, err1 := strconv.ParseInt(f[1], 10, 64)
	to, err2 := strconv.ParseInt(f[2], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	d := deed{kind: f[0], span: span{from, to}}
	args := f[3:]
	switch d.kind {
	case "sync":
		return t.sync(d.span, args)
	case "end":
		r, err := row(args)
		t.end = append(t.end, r)
		return err
	case "busy":
		c.report.Busy[args[0]]++
		return nil
	case "trouble":
		c.blame(Trouble, "%s: %s", t.name, strings.Join(args, " "))
		return nil
	}
	if err := d.read(kinds[d.kind], args); err != nil {
		return err
	}
	c.report.Deeds[d.kind]++
	t.deeds = append(t.deeds, d)
	return nil
}

func (d *deed) read(fields string, args []string) error {
	if fields == "" || len(fields) != len(args) {
		return errMalformed
	}
	for i, a := range args {
		switch fields[i] {
		case 'b':
			d.base = a
		case 't':
			d.token = a
		case 'f':
			d.flag = a
		case 'o':
			d.on = a == "1"
		case 'u':
			uid, err := uidOf(a)
			if err != nil {
				return err
			}
			d.uid = uid
		}
	}
	return nil
}

func (t *testimony) sync(s span, args []string) error {
	if len(args) != 2 {
		return errMalformed
	}
	validity, err1 := strconv.ParseUint(args[0], 10, 32)
	next, err2 := strconv.ParseUint(args[1], 10, 32)
	t.looks = append(t.looks, look{span: s, validity: mail.UIDValidity(validity), next: mail.UID(next)})
	return errors.Join(err1, err2)
}

// row reads a line that belongs to the sync above it.
func (t *testimony) row(f []string) error {
	if len(t.looks) == 0 {
		return errMalformed
	}
	l := &t.looks[len(t.looks)-1]
	switch {
	case f[0] == "+":
		r, err := row(f[1:])
		l.came = append(l.came, r)
		return err
	case f[0] == "~" && len(f) == 3:
		uid, err := uidOf(f[1])
		l.altered = append(l.altered, Row{UID: uid, Flags: strings.Clone(f[2])})
		return err
	case f[0] == "-" && len(f) == 2:
		uid, err := uidOf(f[1])
		l.went = append(l.went, uid)
		return err
	}
	return errMalformed
}

func row(f []string) (Row, error) {
	if len(f) != 3 {
		return Row{}, errMalformed
	}
	uid, err := uidOf(f[0])
	return Row{UID: uid, Base: f[1], Flags: f[2]}, err
}

func uidOf(s string) (mail.UID, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return mail.UID(n), err
}
