package webmail

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/test/dovecot"
	"fantail/test/visitor"
)

// neighbour is what else works on ann's Maildir: a Dovecot, and by it mbsync, which keeps a
// copy.
type neighbour struct {
	*house
	dovecot *dovecot.Account
	mirror  string
}

// neighbours lets ann's Maildir be shared.
func neighbours(t *testing.T) *neighbour {
	t.Helper()
	if _, err := exec.LookPath("mbsync"); err != nil {
		t.Skip("mbsync is not installed")
	}
	n := &neighbour{house: buildAs(t, false, `mail.coexist = "dovecot"`)}
	user := syscall.Credential{Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid())}
	if user.Uid == 0 {
		user = syscall.Credential{Uid: annUID, Gid: gid}
	}
	n.dovecot = dovecot.On(t, n.maildir("ann"), user, "")
	n.mirror = n.path("mirror")
	n.own(0o700, annUID, "mirror")
	n.file(fmt.Sprintf(`
IMAPStore far
Tunnel "%s"

MaildirStore near
Path %[2]s/
Inbox %[2]s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Remove Near
Expunge Near
Sync Pull
SyncState *
`, n.dovecot.Tunnel(), n.mirror), 0o644, "mbsyncrc")
	return n
}

// deliver puts a message into ann's inbox as any delivery agent does.
func (n *neighbour) deliver(subject string) {
	n.Helper()
	name := fmt.Sprintf("%d.M%dP1.other", time.Now().Unix(), time.Now().Nanosecond())
	temporary := filepath.Join(n.maildir("ann"), "tmp", name)
	text := fmt.Sprintf("From: carol@example.org\nTo: ann@example.org\nSubject: %s\nDate: %s\nMessage-ID: <%s@example.org>\n\nHello.\n", subject, time.Now().Format(time.RFC1123Z), name)
	err := os.WriteFile(temporary, []byte(text), 0o600)
	if err == nil {
		err = n.give(temporary, annUID)
	}
	if err == nil {
		err = os.Rename(temporary, filepath.Join(n.maildir("ann"), "new", name))
	}
	if err != nil {
		n.Fatal(err)
	}
}

// seen are messages as somebody sees them: by subjects, the mailboxes with the flags.
type seen map[string][]string

var (
	listed  = regexp.MustCompile(`^\* LIST \(([^)]*)\) "\." (.*)$`)
	fetched = regexp.MustCompile(`^\* \d+ FETCH \(.*FLAGS \(([^)]*)\)`)
)

// asDovecot is what Dovecot shows.
func (n *neighbour) asDovecot() seen {
	n.Helper()
	out := make(seen)
	for _, line := range n.dovecot.IMAP(`LIST "" *`) {
		m := listed.FindStringSubmatch(line)
		if m == nil || strings.Contains(m[1], `\Noselect`) {
			continue
		}
		mailbox := strings.Trim(m[2], `"`)
		out["folder "+mailbox] = []string{""}
		flags := ""
		for _, line := range n.dovecot.IMAP("EXAMINE "+m[2], "UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])") {
			if m := fetched.FindStringSubmatch(line); m != nil {
				list := slices.DeleteFunc(strings.Fields(strings.Replace(m[1], `\Recent`, "", 1)), func(f string) bool { return f == "" })
				slices.Sort(list)
				flags = strings.Join(list, " ")
			}
			if subject, ok := strings.CutPrefix(line, "Subject: "); ok {
				out[subject] = append(out[subject], mailbox+" "+flags)
			}
		}
	}
	return out
}

// letters of Maildir, in the order of the flags' names.
var letters = []struct{ letter, flag string }{{"R", `\Answered`}, {"D", `\Draft`}, {"F", `\Flagged`}, {"S", `\Seen`}}

// asMbsync is what mbsync copies. It knows no keywords.
func (n *neighbour) asMbsync() seen {
	n.Helper()
	cmd := exec.CommandContext(n.Context(), "mbsync", "--config", n.path("mbsyncrc"), "--all")
	cmd.Env = []string{"HOME=" + n.mirror, "PATH=/usr/bin:/bin"}
	cmd.Dir = n.mirror
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: annUID, Gid: gid}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		n.Fatalf("mbsync: %v\n%s", err, out)
	}
	out := make(seen)
	boxes, err := filepath.Glob(filepath.Join(n.mirror, "*", "cur"))
	if err != nil {
		n.Fatal(err)
	}
	for _, box := range boxes {
		mailbox := filepath.Base(filepath.Dir(box))
		out["folder "+mailbox] = []string{""}
		for _, sub := range []string{"cur", "new"} {
			files, err := filepath.Glob(filepath.Join(n.mirror, mailbox, sub, "*"))
			if err != nil {
				n.Fatal(err)
			}
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					n.Fatal(err)
				}
				_, has, _ := strings.Cut(filepath.Base(file), ":2,")
				var flags []string
				for _, l := range letters {
					if strings.Contains(has, l.letter) {
						flags = append(flags, l.flag)
					}
				}
				subject := subjectOf(string(text))
				out[subject] = append(out[subject], mailbox+" "+strings.Join(flags, " "))
			}
		}
	}
	return out
}

// withoutKeywords is what mbsync can see of something.
func (s seen) withoutKeywords() seen {
	out := make(seen)
	for subject, places := range s {
		for _, p := range places {
			mailbox, flags, _ := strings.Cut(p, " ")
			list := slices.DeleteFunc(strings.Fields(flags), func(f string) bool { return !strings.HasPrefix(f, `\`) })
			out[subject] = append(out[subject], mailbox+" "+strings.Join(list, " "))
		}
	}
	return out
}

// is compares; only what is named is asked.
func (n *neighbour) is(after, who string, got, want seen) {
	n.Helper()
	for subject, places := range want {
		slices.Sort(got[subject])
		if strings.HasPrefix(subject, "folder ") && (len(got[subject]) > 0) == (len(places) > 0) {
			continue
		}
		if !slices.Equal(got[subject], places) {
			n.Errorf("after %s, %s sees %q in %q, want %q", after, who, subject, got[subject], places)
		}
	}
}

// TestOthersSee: what somebody does in webmail is what a Dovecot on the same Maildir shows,
// and what Debian's mbsync copies.
func TestOthersSee(t *testing.T) {
	n := neighbours(t)
	for i := range 9 {
		n.deliver(fmt.Sprintf("m%d", i))
	}
	ann, ctx := n.visit("ann"), t.Context()
	act := func(mailbox, subject, op string, set ...string) func() error {
		return func() error { _, err := ann.Act(ctx, mailbox, subject, op, set...); return err }
	}
	all := make(seen)
	for i := range 9 {
		all[fmt.Sprintf("m%d", i)] = []string{"INBOX "}
	}
	n.is("delivery", "Dovecot", n.asDovecot(), all)
	for _, step := range []struct {
		name string
		do   func() error
		want seen
	}{
		{"read", act("INBOX", "m1", "read"), seen{"m1": {`INBOX \Seen`}}},
		{"unread", act("INBOX", "m1", "unread"), seen{"m1": {`INBOX `}}},
		{"star", act("INBOX", "m2", "star"), seen{"m2": {`INBOX \Flagged`}}},
		{"label", act("INBOX", "m3", "label", "label", "Tax"), seen{"m3": {`INBOX Tax`}}},
		{"archive", act("INBOX", "m4", "archive"), seen{"m4": {`Archive `}, "folder Archive": {""}}},
		{"new folder", func() error { return ann.MakeFolder(ctx, "Projects") }, seen{"folder Projects": {""}}},
		{"move", act("INBOX", "m5", "move", "to", "Projects"), seen{"m5": {`Projects `}}},
		{"rename", func() error { return ann.RenameFolder(ctx, "Projects", "Plans") }, seen{"m5": {`Plans `}, "folder Projects": nil, "folder Plans": {""}}},
		{"trash", act("INBOX", "m6", "trash"), seen{"m6": {`Trash `}}},
		{"delete", act("Trash", "m6", "delete"), seen{"m6": nil}},
		{"spam", act("INBOX", "m7", "junk"), seen{"m7": {`Junk $Junk`}}},
		{"empty", func() error { return ann.EmptyFolder(ctx, "Junk") }, seen{"m7": nil}},
		{"undo", func() error {
			p, err := ann.Act(ctx, "INBOX", "m8", "archive")
			if err == nil {
				err = ann.Undo(ctx, p)
			}
			return err
		}, seen{"m8": {`INBOX `}}},
		{"draft", func() error {
			p, err := ann.Open(ctx, "/compose")
			if err != nil {
				return err
			}
			f, err := visitor.Fill(p, visitor.Letter{To: "bob@example.org", Subject: "a draft", Text: "Not yet.\n"})
			if err == nil {
				_, err = ann.Submit(ctx, f, "save")
			}
			return err
		}, seen{"a draft": {`Drafts \Draft \Seen`}}},
		{"send", func() error {
			err := ann.Send(ctx, visitor.Letter{To: "bob@example.org", Subject: "a letter", Text: "Now.\n"})
			n.settleOf(ann)
			return err
		}, seen{"a letter": {`Sent \Seen`}}},
		{"delete a folder", func() error { return ann.DeleteFolder(ctx, "Plans") }, seen{"folder Plans": nil}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		n.is(step.name, "Dovecot", n.asDovecot(), step.want)
		if mbsyncKeeps := step.name == "delete a folder" || step.name == "rename"; !mbsyncKeeps { // its own copy of a folder that is gone
			n.is(step.name, "mbsync", n.asMbsync(), step.want.withoutKeywords())
		}
		maps.Copy(all, step.want)
	}
	delete(all, "m5") // it was in the folder
	n.is("everything", "Dovecot", n.asDovecot(), all)
	n.is("everything", "mbsync", n.asMbsync(), all.withoutKeywords())
}

// TestOthersAreSeen: what others do on the Maildir webmail shows at once: a window hears of
// it, and the list has it.
func TestOthersAreSeen(t *testing.T) {
	n := neighbours(t)
	for i := range 6 {
		n.deliver(fmt.Sprintf("m%d", i))
	}
	n.dovecot.IMAP("CREATE Work", "SELECT INBOX") // which gives them their UIDs
	ann, ctx := n.visit("ann"), t.Context()
	windows, err := ann.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	maildir := n.maildir("ann")
	imap := func(mailbox string, commands ...string) func() {
		return func() { n.dovecot.IMAP(append([]string{"SELECT " + mailbox}, commands...)...) }
	}
	type list = []visitor.Row
	find := func(l list, subject string) *visitor.Row {
		for i := range l {
			if l[i].Subject == subject {
				return &l[i]
			}
		}
		return nil
	}
	letter := "Subject: appended\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nHello.\r\n"
	var heard, shown []time.Duration
	for _, step := range []struct {
		name    string
		do      func()
		event   string // its mailbox, or "folders"
		mailbox string // in which it shows
		there   func(l list) bool
	}{
		{"a delivery", func() { n.deliver("new") }, "INBOX", "INBOX", func(l list) bool { r := find(l, "new"); return r != nil && r.Unread }},
		{"a flag by rename", func() { n.renamed(maildir, "m0", "S") }, "INBOX", "INBOX", func(l list) bool { return !find(l, "m0").Unread }},
		{"Dovecot's APPEND", imap("INBOX", dovecot.Append(letter)), "INBOX", "INBOX", func(l list) bool { return find(l, "appended") != nil }},
		{"Dovecot's \\Seen", imap("INBOX", `STORE 2 +FLAGS (\Seen)`), "INBOX", "INBOX", func(l list) bool { return !find(l, "m1").Unread }},
		{"Dovecot's \\Flagged", imap("INBOX", `STORE 3 +FLAGS (\Flagged)`), "INBOX", "INBOX", func(l list) bool { return find(l, "m2").Starred }},
		{"Dovecot's keyword", imap("INBOX", `STORE 3 +FLAGS (Urgent)`), "INBOX", "INBOX", func(l list) bool { return slices.Contains(find(l, "m2").Labels, "Urgent") }},
		{"Dovecot's COPY", imap("INBOX", `COPY 4 Work`), "Work", "Work", func(l list) bool { return find(l, "m3") != nil }},
		{"Dovecot's MOVE", imap("INBOX", `MOVE 5 Work`), "Work", "Work", func(l list) bool { return find(l, "m4") != nil }},
		{"and in INBOX", func() {}, "", "INBOX", func(l list) bool { return find(l, "m4") == nil }},
		{"Dovecot's EXPUNGE", imap("INBOX", `STORE 5 +FLAGS (\Deleted)`, "EXPUNGE"), "INBOX", "INBOX", func(l list) bool { return find(l, "m5") == nil }},
		{"Dovecot's CREATE", imap("INBOX", `CREATE Made`), "folders", "Made", func(l list) bool { return l != nil }},
		{"Dovecot's RENAME", imap("INBOX", `RENAME Made Renamed`), "folders", "Renamed", func(l list) bool { return l != nil }},
		{"Dovecot's DELETE", imap("INBOX", `DELETE Renamed`), "folders", "Renamed", func(l list) bool { return l == nil }},
	} {
		for len(windows) > 0 { // what came late of the step before
			<-windows
		}
		step.do()
		began := time.Now()
		delay := time.Duration(0)
		for deadline := time.After(patience); step.event != ""; {
			var e visitor.Event
			select {
			case e = <-windows:
			case <-deadline:
				t.Fatalf("no window hears of %s", step.name)
			}
			if e.Name == "" {
				t.Fatal("the stream has ended")
			}
			if e.Mailbox == step.event || e.Name == step.event {
				delay = max(0, e.At.Sub(began)) // it may have come before Dovecot had ended
				heard = append(heard, delay)
				break
			}
		}
		first := time.Duration(-1)
		n.until("the list shows "+step.name, func() error {
			l, err := ann.List(ctx, step.mailbox)
			if err != nil {
				l = nil
			} else if l == nil {
				l = list{}
			}
			if !step.there(l) {
				return fmt.Errorf("%+v, %v", l, err)
			}
			first = time.Since(began)
			return nil
		})
		shown = append(shown, first)
		t.Logf("%-20s heard after %4d ms, shown after %4d ms", step.name, delay.Milliseconds(), first.Milliseconds())
	}
	slices.Sort(heard)
	slices.Sort(shown)
	t.Logf("heard: median %v, longest %v; shown: median %v, longest %v", heard[len(heard)/2], heard[len(heard)-1], shown[len(shown)/2], shown[len(shown)-1])
}

// renamed gives a message other flags, as any program does that knows Maildir.
func (n *neighbour) renamed(maildir, subject, flags string) {
	n.Helper()
	files, err := filepath.Glob(filepath.Join(maildir, "cur", "*"))
	if err != nil {
		n.Fatal(err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err != nil || subjectOf(string(text)) != subject {
			continue
		}
		base, _, _ := strings.Cut(filepath.Base(file), ":")
		if err := os.Rename(file, filepath.Join(maildir, "cur", base+":2,"+flags)); err != nil {
			n.Fatal(err)
		}
		return
	}
	n.Fatalf("%q is not in cur: %q", subject, files)
}
