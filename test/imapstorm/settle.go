package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/test/imapstorm/client"
	"fantail/test/storm/ondisk"
)

// directories reads what is there when all is quiet. Who looks first gives UIDs to
// what has none yet, so that is done before.
func (s *storm) directories() (map[string][]client.Found, client.World, error) {
	var w client.World
	a := s.actors[0]
	for _, box := range []string{inbox, second} {
		if a.nc == nil {
			if err := a.connect(); err != nil {
				return nil, w, err
			}
		}
		if err := a.open(box); err != nil {
			return nil, w, err
		}
	}
	boxes := make(map[string][]client.Found)
	for name, dir := range map[string]string{inbox: s.site.Home(), second: filepath.Join(s.site.Home(), "."+second)} {
		found, err := directory(dir)
		if err != nil {
			return nil, w, fmt.Errorf("%s: %w", dir, err)
		}
		boxes[name] = found
	}
	w, err := a.world()
	return boxes, w, err
}

// letters are the flags of Maildir.
var letters = map[string]string{"D": `\Draft`, "F": `\Flagged`, "R": `\Answered`, "S": `\Seen`, "T": `\Deleted`}

// directory reads a Maildir with its UID list.
func directory(dir string) ([]client.Found, error) {
	list, err := ondisk.ReadUIDList(dir)
	if err != nil {
		return nil, err
	}
	keywords, err := ondisk.ReadKeywords(dir)
	if err != nil {
		return nil, err
	}
	uids := make(map[string]mail.UID)
	for uid, base := range list.Base {
		uids[base] = uid
	}
	var found []client.Found
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			base, _, _ := strings.Cut(e.Name(), ":")
			if uids[base] == 0 {
				return nil, fmt.Errorf("%s has no UID", e.Name())
			}
			text, err := os.ReadFile(filepath.Join(dir, sub, e.Name()))
			if err != nil {
				return nil, err
			}
			_, rest, _ := strings.Cut(string(text), "\nSubject: ")
			token, _, _ := strings.Cut(rest, "\n")
			flags := keywords.Flags(e.Name())
			for i, f := range flags {
				if letters[f] != "" {
					flags[i] = letters[f]
				}
			}
			found = append(found, client.Found{UID: uint32(uids[base]), Token: strings.TrimSuffix(token, "\r"), Flags: client.Flags(flags)})
		}
	}
	slices.SortFunc(found, func(x, y client.Found) int { return int(x.UID) - int(y.UID) })
	return found, nil
}

// settle has the client hear what it was not told yet, and compares everything that
// it knows with the directories.
func (a *actor) settle(boxes map[string][]client.Found, w client.World) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: settle: %w\n%s", a.name, err, strings.Join(a.lines, "\n"))
		}
	}()
	if a.nc == nil {
		if err := a.connect(); err != nil {
			return err
		}
	}
	if a.view == nil {
		if err := a.open(inbox); err != nil {
			return err
		}
	}
	if err := a.settleNotify(w); err != nil {
		return err
	}
	if err := a.do(&command{name: "NOOP"}); err != nil {
		return err
	}
	items := "FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)]"
	if a.mode.CondStore && a.modSeqs() {
		items += " MODSEQ"
	}
	look := a.fetchAll("1:*", "("+items+")", nil)
	tell := look.hear
	look.hear = func(r *client.Response) {
		tell(r)
		flags, ok := r.Item("FLAGS")
		if !ok || r.Number < 1 || int(r.Number) > a.view.Len() {
			return
		}
		if m := a.view.Message(r.Number); m.Told && m.Flags != client.Flags(flags.Strings()) {
			a.blame(client.Untold, "%.200s: the client knew of (%s)", r.Raw, m.Flags)
		}
	}
	if err := a.do(look); err != nil {
		return err
	}
	a.compare(boxes[a.view.Box])
	a.ledger(boxes)
	if err := a.do(a.counted(boxes[a.view.Box])...); err != nil {
		return err
	}
	err = a.do(&command{name: "LOGOUT"})
	return errors.Join(err, a.nc.Close())
}

// compare holds the client's view against the directory.
func (a *actor) compare(found []client.Found) {
	if a.view.Len() != len(found) {
		a.blame(client.WrongCount, "%s: %d messages, there are %d", a.view.Box, a.view.Len(), len(found))
		return
	}
	for i, f := range found {
		m := a.view.Message(uint32(i) + 1)
		if m.UID != f.UID || m.Flags != f.Flags {
			a.blame(client.WrongCount, "%s: message %d is UID %d with (%s), and in the directory UID %d with (%s)", a.view.Box, i+1, m.UID, m.Flags, f.UID, f.Flags)
		}
		if token := a.truth.Token(a.view.Box, f.UID); token != "" && token != f.Token {
			a.blame(client.Changed, "%s: UID %d is %s, in the directory %s", a.view.Box, f.UID, token, f.Token)
		}
	}
}

// ledger checks that every change of the actor's own flag is there, and that what
// UNCHANGEDSINCE excepted had changed.
func (a *actor) ledger(boxes map[string][]client.Found) {
	for box, found := range boxes {
		for _, f := range found {
			if s := a.owner.of(box, f.UID); a.owner.owns(f.UID) && s.known && s.pending == 0 && s.on != client.Has(f.Flags, a.owner.flag) {
				a.blame(client.LostFlag, "%s: UID %d has (%s) in the end, and %s was set to %t", box, f.UID, f.Flags, a.owner.flag, s.on)
			}
		}
	}
	for _, c := range a.conditions {
		if n := a.truth.ModSeq(c.box, c.uid); n > 0 && n <= c.above {
			a.blame(client.Condition, "%s: UID %d was not changed since it had more than %d, and has %d", c.box, c.uid, c.above, n)
		}
	}
}

// counted asks what the server counts and finds, and compares it with the directory.
func (a *actor) counted(found []client.Found) []*command {
	var list []*command
	for _, key := range []struct {
		name, flag string
		has        bool
	}{{"UNSEEN", `\Seen`, false}, {"DELETED", `\Deleted`, true}, {"FLAGGED", `\Flagged`, true}, {"UNANSWERED", `\Answered`, false}, {"KEYWORD $Storm1", "$Storm1", true}} {
		var want []uint32
		for _, f := range found {
			if client.Has(f.Flags, key.flag) == key.has {
				want = append(want, f.UID)
			}
		}
		s := &search{a: a, byUID: true}
		m := s.command("SEARCH", "", key.name)
		hear := m.hear
		m.hear = func(r *client.Response) {
			hear(r)
			if r.Name == "SEARCH" || r.Name == "ESEARCH" {
				slices.Sort(s.list)
				if !slices.Equal(s.list, want) {
					a.blame(client.WrongFound, "%s: %d, there are %d", r.Raw, s.list, want)
				}
			}
		}
		s.exact = true
		list = append(list, m)
	}
	unseen := 0
	for _, f := range found {
		if !client.Has(f.Flags, `\Seen`) {
			unseen++
		}
	}
	want := fmt.Sprintf("(MESSAGES %d UNSEEN %d)", len(found), unseen)
	return append(list, &command{name: "STATUS", text: "STATUS " + a.view.Box + " (MESSAGES UNSEEN)", hear: func(r *client.Response) {
		if r.Name == "STATUS" && len(r.Args) > 0 && r.Args[0].Is(a.view.Box) && (len(r.Args) != 2 || r.Args[1].Raw != want) {
			a.blame(client.WrongCount, "%s, and there are %s", r.Raw, want)
		}
	}})
}
