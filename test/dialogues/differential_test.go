package dialogues

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fantail/test/dialogue"
	"fantail/test/samplemail"
)

// mailFile is a message that both servers are given.
type mailFile struct {
	name  string // for reports
	flags string // letters of the file name
	date  time.Time
	data  []byte
}

// TestDifferential serves one Maildir from our session program and from
// Dovecot, with the same UIDs, and compares what they tell about every message
// and what they find. Where they may differ, explained says why.
func TestDifferential(t *testing.T) {
	if !dialogue.HasDovecot(dialogue.IMAP) {
		t.Skip("there is no Dovecot here")
	}
	bin := program(t, dialogue.IMAP)
	n := 300
	if testing.Short() {
		n = 60
	}
	files := nastyMail()
	for m := range samplemail.Generate(n, 1) {
		files = append(files, mailFile{m.Class, flagLetters(m), m.Date, m.Data})
	}
	ours := startPeer(t, dialogue.Ours(bin), files)
	theirs := startPeer(t, dialogue.Dovecot(), files)
	d := &differ{t: t, files: files, ours: ours, theirs: theirs, used: map[string]int{}}
	for i := range files {
		d.message(i)
	}
	d.searches()
	d.orders()
	d.results()
	for _, e := range explained {
		d.report(e.item, e.reason)
	}
	for _, e := range searchExplained {
		d.report("SEARCH "+e.query, e.reason)
	}
	for _, e := range orderExplained {
		d.report("answers", e.key+": "+e.reason)
	}
}

func flagLetters(m samplemail.Message) string {
	var b strings.Builder
	for i, s := range []string{"D", "F", "R", "S", "T"} {
		if m.Flags.Has(letterFlags[i]) {
			b.WriteString(s)
		}
	}
	return b.String()
}

// startPeer fills a Maildir with the files and opens it read-only.
func startPeer(t *testing.T, p dialogue.Peer, files []mailFile) *talker {
	t.Helper()
	box, err := dialogue.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(box.Home); err != nil {
			t.Error(err)
		}
	})
	if err := fill(box, files); err != nil {
		t.Fatal(err)
	}
	return startTalker(t, p, box)
}

// startTalker starts a session that has INBOX open read-only.
func startTalker(t *testing.T, p dialogue.Peer, box dialogue.Box) *talker {
	t.Helper()
	script, err := dialogue.Parse(p.Name, dialogue.IMAP, []byte("C: a NOOP\n"))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := p.Start(script, box)
	if err != nil {
		t.Fatal(err)
	}
	c := newTalker(t, p.Name, srv)
	c.do("EXAMINE INBOX")
	return c
}

// fill writes the files, with UIDs in their order.
func fill(box dialogue.Box, files []mailFile) error {
	dir := box.Maildir()
	for _, d := range []string{"", "cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	var list strings.Builder
	fmt.Fprintf(&list, "3 V1000000000 N%d G0123456789abcdef0123456789abcdef\n", len(files)+1)
	for i, f := range files {
		base := fmt.Sprintf("%d.M%dP1.h", 1000000000+i, i)
		fmt.Fprintf(&list, "%d :%s\n", i+1, base)
		path := filepath.Join(dir, "cur", base+":2,"+f.flags)
		if err := os.WriteFile(path, f.data, 0o600); err != nil {
			return err
		}
		if err := os.Chtimes(path, f.date, f.date); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "dovecot-uidlist"), []byte(list.String()), 0o600); err != nil {
		return err
	}
	if box.UID < 0 {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, box.UID, box.GID)
	})
}

// differ compares two sessions.
type differ struct {
	t            *testing.T
	files        []mailFile
	ours, theirs *talker
	used         map[string]int // explanations
}

// message compares everything there is to ask about message i.
func (d *differ) message(i int) {
	seq := i + 1
	for _, item := range []string{"ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE", "INTERNALDATE", "FLAGS", "RFC822.HEADER"} {
		d.fetch(i, fmt.Sprintf("FETCH %d (%s)", seq, item), item)
	}
	sections := []string{"", "HEADER", "TEXT", "HEADER.FIELDS (From Subject X-None Received)",
		"HEADER.FIELDS.NOT (To Subject Content-Type)"}
	body := d.ours.do(fmt.Sprintf("FETCH %d BODY", seq))
	if len(body) == 1 {
		sections = append(sections, sectionsOf(fetched(body[0]), "")...)
	}
	for _, s := range sections {
		d.fetch(i, fmt.Sprintf("FETCH %d (BODY.PEEK[%s])", seq, s), "BODY["+s+"]")
		if isLeaf(sections, s) && d.files[i].name != "unknown encoding" { // fetch_binary_unknown.txtar
			d.fetch(i, fmt.Sprintf("FETCH %d (BINARY.PEEK[%s])", seq, s), "BINARY["+s+"]")
			d.fetch(i, fmt.Sprintf("FETCH %d (BINARY.PEEK[%s]<3.20>)", seq, s), "BINARY["+s+"]")
			d.fetch(i, fmt.Sprintf("FETCH %d (BINARY.SIZE[%s])", seq, s), "BINARY.SIZE["+s+"]")
			d.sizeOfBinary(i, s)
		}
	}
	d.fetch(i, fmt.Sprintf("FETCH %d (BODY.PEEK[]<17.40>)", seq), "BODY[]<>")
}

// sizeOfBinary checks that our BINARY.SIZE is the size of our BINARY (RFC 9051 section
// 7.5.2).
func (d *differ) sizeOfBinary(i int, section string) {
	data := d.ours.do(fmt.Sprintf("FETCH %d (BINARY.PEEK[%s])", i+1, section))
	size := d.ours.do(fmt.Sprintf("FETCH %d (BINARY.SIZE[%s])", i+1, section))
	if want, got := strconv.Itoa(len(fetched(data[0]).text)), fetched(size[0]).text; got != want {
		d.t.Errorf("BINARY.SIZE[%s] of %s is %s, and BINARY has %s octets", section, d.files[i].name, got, want)
	}
}

// isLeaf reports whether a section is a part in which no other of the sections is:
// RFC 9051 section 6.4.5 lets clients ask for BINARY of these only.
func isLeaf(sections []string, s string) bool {
	return strings.Trim(s, ".0123456789") == "" && s != "" && !slices.ContainsFunc(sections, func(other string) bool {
		rest, inside := strings.CutPrefix(other, s+".")
		return inside && rest != "MIME"
	})
}

// report tells how often an explanation was needed, and fails if never: it is
// out of date then.
func (d *differ) report(item, reason string) {
	n := d.used[reason]
	d.t.Logf("%4d x %s: %s", n, item, reason)
	if n == 0 && !testing.Short() {
		d.t.Errorf("nothing differs any more in %s because %s", item, reason)
	}
}

// fetch sends a FETCH of one item to both and compares the values.
func (d *differ) fetch(i int, command, item string) {
	a, b := d.ours.do(command), d.theirs.do(command)
	if len(a) != 1 || len(b) != 1 {
		d.t.Errorf("%s (%s): %d and %d responses: %.200q %.200q", command, d.files[i].name, len(a), len(b), a, b)
		return
	}
	x, y := fetched(a[0]), fetched(b[0])
	if item == "BODYSTRUCTURE" || item == "BODY" {
		x, y = lower(x), lower(y)
	}
	if item == "INTERNALDATE" {
		// RFC 3501 section 9, date-day-fixed: a day of one digit has a space or a 0.
		y.text = strings.TrimPrefix(y.text, "0")
		x.text = strings.TrimPrefix(x.text, " ")
	}
	if x.String() == y.String() {
		return
	}
	for _, e := range explained {
		if strings.HasPrefix(item, e.item) && e.holds(d.files[i], x, y) {
			d.used[e.reason]++
			return
		}
	}
	d.t.Errorf("%s (%s)\n  ours    %.900s\n  theirs  %.900s", command, d.files[i].name, x, y)
}

// searches compares the results of many queries.
func (d *differ) searches() {
	for _, q := range queries {
		a, b := hits(d.ours.do("SEARCH "+q)), hits(d.theirs.do("SEARCH "+q))
		if slices.Equal(a, b) {
			continue
		}
		more, less := d.names(without(a, b)), d.names(without(b, a))
		for _, e := range searchExplained {
			if e.query == q {
				d.used[e.reason]++
				more, less = without(more, e.more), without(less, e.less)
				break
			}
		}
		if len(more)+len(less) > 0 {
			d.t.Errorf("SEARCH %s\n  only ours    %q\n  only theirs  %q", q, more, less)
		}
	}
}

// hits gives the words of the SEARCH response. Dovecot sends FLAGS with it when a
// keyword is asked for that it did not know.
func hits(responses []string) []string {
	for _, r := range responses {
		if strings.HasPrefix(r, "* SEARCH") {
			return strings.Fields(r)[2:]
		}
	}
	return responses
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// names are what the messages of these numbers are called.
func (d *differ) names(numbers []string) []string {
	var all []string
	for _, n := range numbers {
		if i, err := strconv.Atoi(n); err == nil && i >= 1 && i <= len(d.files) {
			n = d.files[i-1].name
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// orders compares what SORT and THREAD answer about many messages: about all of
// them, and where that differs and may, about those that nothing is to be said of.
func (d *differ) orders() {
	for _, c := range orders {
		if a, b := d.answers(c + " ALL"); a == b {
			continue
		}
		var without []string
		for _, e := range orderExplained {
			if strings.Contains(c, e.key) {
				d.used[e.key+": "+e.reason]++
				without = append(without, e.names...)
			}
		}
		if a, b := d.answers(c + " " + d.without(without)); a != b {
			at := 0
			for at < min(len(a), len(b)) && a[at] == b[at] {
				at++
			}
			at = max(0, at-40)
			d.t.Errorf("%s differs\n  ours    ...%.300s\n  theirs  ...%.300s", c, a[at:], b[at:])
		}
	}
}

// answers are the responses of both to a command, without its tag.
func (d *differ) answers(command string) (ours, theirs string) {
	tag := regexp.MustCompile(`TAG "t[0-9]+"`)
	show := func(c *talker) string { return tag.ReplaceAllString(strings.Join(c.do(command), "\n"), "TAG") }
	return show(d.ours), show(d.theirs)
}

// without is a sequence set of all messages but those of some names.
func (d *differ) without(names []string) string {
	var set []string
	for i, f := range d.files {
		if !slices.Contains(names, f.name) {
			set = append(set, strconv.Itoa(i+1))
		}
	}
	return strings.Join(set, ",")
}

// results compares the answers to commands that stand for themselves.
func (d *differ) results() {
	for _, c := range results {
		if a, b := d.answers(c); a != b {
			d.t.Errorf("%s\n  ours    %.500s\n  theirs  %.500s", c, a, b)
		}
	}
}
