package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"fantail/internal/mail"
)

// wreck is a file of INBOX that is to be damaged in every way.
type wreck struct {
	name    string
	file    string
	prepare func(dir string) error // completes the account, see furnish
	behind  func(dir string) error // what happened since the file was written
	// bare: everything derived is deleted, so that the file has to speak for itself.
	bare bool
	// truth: the file is no cache. Messages may get new UIDs, under the rules of
	// package uidlist.
	truth bool
	// large: too large to try every octet even in a long run.
	large bool
}

var wrecks = []wreck{
	{name: "journal", file: "fantail.log"},
	{name: "journal of yesterday", file: "fantail.log", behind: disturb},
	{name: "snapshot", file: "fantail.index", prepare: checkpointed, large: true},
	{name: "snapshot of yesterday", file: "fantail.index", prepare: checkpointed, behind: disturb, large: true},
	{name: "cache", file: "fantail.cache", prepare: withItems},
	{name: "list", file: "dovecot-uidlist", truth: true},
	{name: "list alone", file: "dovecot-uidlist", truth: true, bare: true},
}

// damage is a way to damage a file.
type damage struct {
	name  string
	do    func(text []byte, at int) []byte
	after bool // what comes before stands
}

var damages = []damage{
	{"cut off at", func(text []byte, at int) []byte { return text[:at] }, true},
	{"altered at", func(text []byte, at int) []byte { text[at] ^= 0xff; return text }, false},
	{"one bit altered at", func(text []byte, at int) []byte { text[at] ^= 1; return text }, false},
	{"zeros from", func(text []byte, at int) []byte { clear(text[at:]); return text }, true},
}

// tornOptions are what "storm torn" does.
type tornOptions struct {
	dir  string
	step int
}

func torn(args []string, out io.Writer) error {
	var o tornOptions
	fl := flag.NewFlagSet("storm torn", flag.ContinueOnError)
	fl.StringVar(&o.dir, "dir", "", "where the mailboxes are made; default a temporary directory")
	fl.IntVar(&o.step, "step", 1, "damage every so many octets")
	if err := fl.Parse(args); err != nil {
		return err
	}
	work, err := os.MkdirTemp(o.dir, "storm")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	bad := 0
	for i, w := range wrecks {
		n, err := w.batter(filepath.Join(work, fmt.Sprint(i)), damages, o.step, out)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		bad += n
	}
	if bad > 0 {
		return errBroken
	}
	return nil
}

// batter does every damage to every octet of the file, or to one in step.
func (w wreck) batter(dir string, damages []damage, step int, out io.Writer) (bad int, err error) {
	err = furnish(dir)
	if err == nil && w.prepare != nil {
		err = w.prepare(dir)
	}
	if err != nil {
		return 0, err
	}
	if w.large {
		step *= 61
	}
	intact, err := readDerived(dir)
	if err != nil {
		return 0, err
	}
	if w.behind != nil {
		if err := w.behind(dir); err != nil {
			return 0, err
		}
	}
	tried := 0
	for _, how := range damages {
		for at := 0; ; at += step {
			broken, end, err := w.damage(dir, at, intact, how)
			if err != nil || end {
				if err != nil {
					return bad, fmt.Errorf("%s %d: %w", how.name, at, err)
				}
				break
			}
			tried++
			if len(broken) > 0 {
				if bad++; bad > maxExamples {
					continue
				}
				fmt.Fprintf(out, "BROKEN %s, %s %d: %q\n", w.name, how.name, at, broken)
			}
		}
	}
	fmt.Fprintf(out, "torn %s: %d wrecks, %d broken\n", w.name, tried, bad)
	return bad, nil
}

// damage does one thing to the file and looks at the account.
func (w wreck) damage(dir string, at int, intact derived, how damage) (broken []string, end bool, err error) {
	var before *state
	for range 2 { // the second time for the file to be as it was when it was looked at
		if !w.truth {
			err = intact.restore(dir)
		}
		if err == nil && before == nil {
			before, err = observe(dir)
		}
		if err != nil {
			return nil, false, err
		}
	}
	if w.bare {
		if err := removeDerived(dir); err != nil {
			return nil, false, err
		}
	}
	path := filepath.Join(dir, w.file)
	whole, err := os.ReadFile(path)
	if err != nil || at >= len(whole) {
		return nil, err == nil, err
	}
	if err := os.WriteFile(path, how.do(slices.Clone(whole), at), 0o600); err != nil {
		return nil, false, err
	}
	after, err := observe(dir)
	if err == nil {
		err = checkLists(dir, true)
	}
	switch {
	case err != nil:
		broken = append(broken, err.Error())
	case w.truth:
		kept := keptLines(whole, at)
		if !how.after && len(kept) > 0 {
			kept = kept[:1] // a UID that two lines have after it was altered is nobody's
		}
		broken = w.compare(before.boxes[mail.Inbox], after.boxes[mail.Inbox], kept)
	default:
		broken = before.differences(after)
	}
	if w.truth {
		// Whatever was made of it since knows nothing of the list that comes back.
		err = errors.Join(removeDerived(dir), removeKept(path), os.WriteFile(path, whole, 0o600))
	} else {
		err = nil
	}
	return broken, false, err
}

// removeKept deletes the damaged lists that repairs have kept: there would be more
// of them in a second than there are names.
func removeKept(path string) error {
	kept, err := filepath.Glob(path + ".broken-*")
	for _, p := range kept {
		err = errors.Join(err, os.Remove(p))
	}
	return err
}

// derived are the derived files of INBOX as they were, by name. As long as no
// message is touched they are true.
type derived map[string][]byte

func readDerived(dir string) (derived, error) {
	if _, err := observe(dir); err != nil {
		return nil, err
	}
	d := make(derived)
	for _, name := range derivedFiles {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil {
			d[name] = text
		}
	}
	return d, nil
}

func (d derived) restore(dir string) error {
	errs := []error{removeDerived(dir)}
	for name, text := range d {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	return errors.Join(errs...)
}

// keptLines returns the UIDs of the lines of a UID list before an octet.
func keptLines(list []byte, at int) (uids []mail.UID) {
	for line := range bytes.Lines(list[:at]) {
		number, _, _ := bytes.Cut(line, []byte(" "))
		if uid, err := strconv.ParseUint(string(number), 10, 32); err == nil && bytes.HasSuffix(line, []byte("\n")) {
			uids = append(uids, mail.UID(uid))
		}
	}
	return uids[min(1, len(uids)):] // the header looks like a line of UID 3
}

// compare holds a mailbox whose list was damaged against the rules: every message
// is there once, and those whose lines come before the damage have their UIDs.
// Where the index can tell, no UID becomes another message's. (Without it nobody
// knows what stood in a line that is lost.)
func (w wreck) compare(before, after *boxState, kept []mail.UID) (broken []string) {
	if len(after.messages) != len(before.messages) {
		broken = append(broken, fmt.Sprintf("%d messages were there, now %d", len(before.messages), len(after.messages)))
	}
	if after.validity != before.validity {
		if len(kept) == 0 { // it stood in the header, and the list counts
			return broken
		}
		return append(broken, fmt.Sprintf("UIDVALIDITY was %d and is %d", before.validity, after.validity))
	}
	for _, uid := range kept {
		if was, ok := before.messages[uid]; ok && after.messages[uid] != was {
			broken = append(broken, fmt.Sprintf("UID %d was %s and is %s, though its line was whole", uid, was.token, after.messages[uid].token))
		}
	}
	for uid, m := range after.messages {
		was, ok := before.messages[uid]
		switch {
		case w.bare:
		case ok && was.token != m.token:
			broken = append(broken, fmt.Sprintf("UID %d was %s and is %s", uid, was.token, m.token))
		case !ok && uid < before.next:
			broken = append(broken, fmt.Sprintf("UID %d was expunged and is %s", uid, m.token))
		}
	}
	return broken
}

// checkpointed makes a mailbox whose index has a snapshot.
func checkpointed(dir string) error {
	if err := fillJournal(dir); err != nil {
		return err
	}
	return inAccount(dir, inbox(overflow))
}

// withItems fills the cache of items.
func withItems(dir string) error {
	return inAccount(dir, inbox(keepItems))
}
