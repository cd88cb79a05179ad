package clients

import (
	"embed"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"fantail/internal/mail"
)

//go:embed testdata/*.py
var scripts embed.FS

// python runs a script of testdata with Debian's Python, whose modules imaplib
// and poplib are the clients.
func (in *installation) python(t *testing.T, script string, args ...string) []byte {
	t.Helper()
	needs(t, "/usr/bin/python3")
	text, err := scripts.ReadFile("testdata/" + script)
	if err != nil {
		t.Fatal(err)
	}
	return in.run(t, "/usr/bin/python3", append([]string{"-c", string(text)}, args...)...)
}

// ports are the arguments of scripts that use all services.
func (in *installation) ports() []string {
	return []string{port(in.imap), port(in.imaps), port(in.pop3), port(in.pop3s), in.certificate()}
}

// fetched is a message as read.py got it.
type fetched struct {
	UID   uint32
	Flags []string
	Date  int64
	Data  []byte
}

// maildrop is the INBOX as read.py got it over POP3.
type maildrop struct {
	Count, Size int
	UIDL        []string
	Data        [][]byte
}

// letters are the flags as IMAP has them, by the letter in a file name.
var letters = map[rune]string{'D': `\Draft`, 'F': `\Flagged`, 'R': `\Answered`, 'S': `\Seen`, 'T': `\Deleted`}

// flagsOf gives the flags of a file name as IMAP has them, sorted.
func flagsOf(name string) []string {
	list := []string{}
	for _, r := range name {
		list = append(list, letters[r])
	}
	slices.Sort(list)
	return list
}

// All of IMAP, STARTTLS, POP3 and STLS give the octets of the files, with CRLF.
func TestPythonReads(t *testing.T) {
	t.Parallel()
	in := install(t)
	var got struct {
		IMAP []map[string][]fetched
		POP3 []maildrop
	}
	all := in.mailboxes(t)
	if err := json.Unmarshal(in.python(t, "read.py", in.ports()...), &got); err != nil {
		t.Fatal(err)
	}
	for _, boxes := range got.IMAP {
		if len(boxes) != len(all) {
			t.Errorf("%d mailboxes, there are %d", len(boxes), len(all))
		}
		for name, files := range all {
			compareFetched(t, name, boxes[name], files)
		}
	}
	if len(got.IMAP) != 2 || len(got.POP3) != 2 {
		t.Fatalf("%d results of IMAP, %d of POP3", len(got.IMAP), len(got.POP3))
	}
	for _, drop := range got.POP3 {
		compareMaildrop(t, drop, all[mail.Inbox])
	}
	if !slices.Equal(got.POP3[0].UIDL, got.POP3[1].UIDL) {
		t.Error("UIDL has changed")
	}
	for i, m := range read(t, in.Home()) {
		// What POP3 has read is read.
		if want := all[mail.Inbox][i].flags; m.flags != want && m.flags != want+"S" || !strings.Contains(m.flags, "S") {
			t.Errorf("%s had flags %q before", m.file, want)
		}
	}
}

// compareFetched compares what IMAP gave of a mailbox that nobody had opened
// before with its files.
func compareFetched(t *testing.T, name string, got []fetched, files []stored) {
	t.Helper()
	if len(got) != len(files) {
		t.Errorf("%s: %d messages, there are %d", name, len(got), len(files))
		return
	}
	for i, m := range got {
		f := files[i]
		if m.UID != uint32(i+1) || string(m.Data) != wire(f.data) || m.Date != f.date.Unix() || !slices.Equal(m.Flags, flagsOf(f.flags)) {
			t.Errorf("%s: UID %d, flags %q, date %d, %d octets is not %s", name, m.UID, m.Flags, m.Date, len(m.Data), f.file)
		}
	}
}

func compareMaildrop(t *testing.T, got maildrop, files []stored) {
	t.Helper()
	if got.Count != len(files) || len(got.Data) != len(files) || len(got.UIDL) != len(files) {
		t.Errorf("%d messages in STAT, %d in UIDL, there are %d", got.Count, len(got.UIDL), len(files))
		return
	}
	size := 0
	for i, f := range files {
		data := wire(f.data)
		size += len(data)
		if !strings.HasSuffix(data, "\r\n") {
			data += "\r\n" // RFC 1939 section 3: the response ends with a line of its own
		}
		if string(got.Data[i]) != data {
			t.Errorf("message %d is not %s", i+1, f.file)
		}
	}
	if got.Size != size {
		t.Errorf("STAT says %d octets, the messages have %d", got.Size, size)
	}
	ids := slices.Clone(got.UIDL)
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(files) {
		t.Error("unique-ids are not unique")
	}
}

// Flags that a client sets are in the names of the files, and nothing else is
// changed.
func TestPythonStores(t *testing.T) {
	t.Parallel()
	in := install(t)
	before := in.mailboxes(t)
	in.python(t, "store.py", port(in.imaps), in.certificate())
	after := in.mailboxes(t)
	inbox := before[mail.Inbox]
	want := map[int]string{0: "DF", 1: "Sb", 2: "FS", 5: inbox[5].flags + "T"}
	var expected []stored
	for i, m := range inbox {
		if f, ok := want[i]; ok {
			m.flags = f
		}
		if i != 3 {
			expected = append(expected, m)
		}
	}
	if len(after[mail.Inbox]) != len(expected) {
		t.Fatalf("%d messages in INBOX, want %d", len(after[mail.Inbox]), len(expected))
	}
	for i, m := range after[mail.Inbox] {
		m.file, expected[i].file = "", ""
		if m != expected[i] {
			t.Errorf("%s has flags %q, want %q", m.base, m.flags, expected[i].flags)
		}
	}
	// The keywords were given letters in the order in which they came.
	if words := allFiles(t, in.Home())["dovecot-keywords"]; words != "0 $Important\n1 Work\n" {
		t.Errorf("dovecot-keywords: %q", words)
	}
	for _, m := range inbox[3:5] {
		c := only(t, newIn(before["Archive"], after["Archive"]), "like "+m.file, func(c stored) bool { return c.data == m.data })
		if c.flags != m.flags || !c.date.Equal(m.date) {
			t.Errorf("copy of %s: %s, date %v for %v", m.file, c.file, c.date, m.date)
		}
	}
	if n := len(newIn(before["Archive"], after["Archive"])); n != 2 {
		t.Errorf("%d new messages in Archive", n)
	}
	draft := only(t, newIn(before["Drafts"], after["Drafts"]), "appended", withText("Subject: appended\n"))
	if draft.flags != "DSa" || draft.date.Unix() != 1700000000 || draft.data != "Subject: appended\n\nbody\n" {
		t.Errorf("appended: %+v", draft)
	}
	if _, ok := after["Other.Made"]; !ok || len(after) != len(before)+1 {
		t.Errorf("%d mailboxes", len(after))
	}
}

// newIn gives what is in after and not in before, by name without flags.
func newIn(before, after []stored) []stored {
	var list []stored
	for _, m := range after {
		if !slices.ContainsFunc(before, func(b stored) bool { return b.base == m.base }) {
			list = append(list, m)
		}
	}
	return list
}

// What POP3 deletes is gone from IMAP, and nothing else is.
func TestPOP3Deletes(t *testing.T) {
	t.Parallel()
	in := install(t)
	before := in.mailboxes(t)
	in.python(t, "dele.py", port(in.pop3s), in.certificate(), "2", "7")
	after := in.mailboxes(t)
	left := slices.Concat(before[mail.Inbox][:1], before[mail.Inbox][2:6], before[mail.Inbox][7:])
	if len(left) != len(after[mail.Inbox]) {
		t.Fatalf("%d messages are left, want %d", len(after[mail.Inbox]), len(left))
	}
	for name, files := range before {
		if name == mail.Inbox {
			files = left
		}
		if !slices.Equal(files, after[name]) {
			t.Errorf("%s was changed", name)
		}
	}
	var got struct{ IMAP []map[string][]fetched }
	if err := json.Unmarshal(in.python(t, "read.py", in.ports()...), &got); err != nil {
		t.Fatal(err)
	}
	var uids []uint32
	for _, m := range got.IMAP[0][mail.Inbox] {
		uids = append(uids, m.UID)
	}
	var want []uint32
	for i := range before[mail.Inbox] {
		if i != 1 && i != 6 {
			want = append(want, uint32(i+1))
		}
	}
	if !slices.Equal(uids, want) {
		t.Errorf("UIDs %d, want %d", uids, want)
	}
}

// RFC 8314 section 3: without TLS no password is asked for, where the site
// says so.
func TestCleartextRefused(t *testing.T) {
	t.Parallel()
	in := install(t, func(config string) string {
		return strings.Replace(config, "[login]\n", "[login]\nplaintext = \"tls\"\n", 1)
	})
	var said map[string]string
	if err := json.Unmarshal(in.python(t, "refused.py", in.ports()...), &said); err != nil {
		t.Fatal(err)
	}
	contains := func(key string, want, never string) {
		t.Helper()
		for _, w := range strings.Fields(want) {
			if !strings.Contains(said[key], w) {
				t.Errorf("%s: %q without %s", key, said[key], w)
			}
		}
		for _, w := range strings.Fields(never) {
			if strings.Contains(said[key], w) {
				t.Errorf("%s: %q with %s", key, said[key], w)
			}
		}
	}
	contains("capabilities", "IMAP4REV1 STARTTLS LOGINDISABLED", "AUTH=PLAIN")
	contains("LOGIN", "[PRIVACYREQUIRED]", "ACCEPTED")
	contains("AUTHENTICATE", "[PRIVACYREQUIRED]", "ACCEPTED")
	contains("capabilities with TLS", "IMAP4REV1 AUTH=PLAIN", "STARTTLS LOGINDISABLED")
	contains("LOGIN with TLS", "OK", "")
	contains("LOGIN wrong", "[AUTHENTICATIONFAILED]", "ACCEPTED")
	contains("LOGIN after", "OK", "")
	contains("capa", "STLS UIDL", "USER SASL")
	contains("USER", "-ERR", "ACCEPTED")
	contains("capa with STLS", "USER SASL", "STLS")
	contains("PASS wrong", "-ERR [AUTH]", "ACCEPTED")
	contains("PASS after", "+OK", "")
	if t.Failed() {
		t.Logf("%q", said)
	}
}
