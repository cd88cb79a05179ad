package imapd_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fantail/internal/imap/imapd"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// resyncer is a client that keeps what it was told from session to session, by the
// letter of RFC 7162 section 6.
type resyncer struct {
	t        *testing.T
	validity string
	modseq   uint64
	flags    map[uint32]string // by UID
	upTo     uint32            // all messages up to this UID are in flags
	uids     []uint32          // by number, in this session; 0: not known yet

	seen, said uint64 // in this command: the highest MODSEQ, and HIGHESTMODSEQ
}

var (
	reFetch    = regexp.MustCompile(`^\* (\d+) FETCH \(`)
	reUID      = regexp.MustCompile(`[( ]UID (\d+)`)
	reModSeq   = regexp.MustCompile(`MODSEQ \((\d+)\)`)
	reFlags    = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
	reHighest  = regexp.MustCompile(`OK \[HIGHESTMODSEQ (\d+)\]`)
	reValidity = regexp.MustCompile(`OK \[UIDVALIDITY (\d+)\]`)
	reExists   = regexp.MustCompile(`^\* (\d+) EXISTS`)
	reVanished = regexp.MustCompile(`^\* VANISHED (\(EARLIER\) )?([0-9:,]+)$`)
	reTagged   = regexp.MustCompile(`^[a-z]\d* (OK|NO) `)
)

func (c *resyncer) number(re *regexp.Regexp, line string) uint64 {
	c.t.Helper()
	m := re.FindStringSubmatch(line)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseUint(m[1], 10, 63)
	if err != nil {
		c.t.Fatal(line)
	}
	return n
}

// hear learns from one line.
func (c *resyncer) hear(line string) {
	c.t.Helper()
	if n := c.number(reHighest, line); n > 0 {
		c.said = n
	}
	switch {
	case reValidity.MatchString(line):
		if v := reValidity.FindStringSubmatch(line)[1]; v != c.validity {
			c.validity, c.modseq, c.upTo, c.flags = v, 0, 0, make(map[uint32]string)
		}
	case reExists.MatchString(line):
		n := int(c.number(reExists, line))
		if n < len(c.uids) {
			c.t.Fatalf("%s: the client counts %d", line, len(c.uids))
		}
		c.uids = append(c.uids, make([]uint32, n-len(c.uids))...)
	case reVanished.MatchString(line):
		m := reVanished.FindStringSubmatch(line)
		for _, uid := range uidsOf(m[2]) {
			c.vanished(uid, m[1] != "")
		}
	case reFetch.MatchString(line):
		c.fetched(line)
	case reTagged.MatchString(line):
		if c.said > 0 {
			c.modseq = c.said
		} else {
			c.modseq = max(c.modseq, c.seen)
		}
		c.seen, c.said = 0, 0
	}
}

func (c *resyncer) vanished(uid uint32, earlier bool) {
	c.t.Helper()
	delete(c.flags, uid)
	if earlier {
		return
	}
	i := slices.Index(c.uids, uid)
	if i < 0 {
		i = slices.Index(c.uids, 0)
	}
	if i < 0 {
		c.t.Fatalf("VANISHED %d, which the client does not count: %v", uid, c.uids)
	}
	c.uids = slices.Delete(c.uids, i, i+1)
}

func (c *resyncer) fetched(line string) {
	c.t.Helper()
	n, uid := int(c.number(reFetch, line)), uint32(c.number(reUID, line))
	if n > len(c.uids) || uid == 0 || c.uids[n-1] != 0 && c.uids[n-1] != uid {
		c.t.Fatalf("%s: the client thinks of %v", line, c.uids)
	}
	c.uids[n-1] = uid
	c.seen = max(c.seen, c.number(reModSeq, line))
	if m := reFlags.FindStringSubmatch(line); m != nil {
		words := slices.DeleteFunc(strings.Fields(m[1]), func(f string) bool { return f == `\Recent` })
		slices.Sort(words)
		c.flags[uid] = strings.Join(words, " ")
	}
}

func uidsOf(set string) (uids []uint32) {
	for part := range strings.SplitSeq(set, ",") {
		from, to, ok := strings.Cut(part, ":")
		if !ok {
			to = from
		}
		a, _ := strconv.ParseUint(from, 10, 32)
		b, _ := strconv.ParseUint(to, 10, 32)
		for ; a <= b; a++ {
			uids = append(uids, uint32(a))
		}
	}
	return uids
}

// session runs a session of the client with some commands. meanwhile happens before
// each. The connection breaks after so many octets of the answers.
func (c *resyncer) session(acct *store.Account, commands []string, meanwhile func(), octets int) {
	c.t.Helper()
	sel := "b SELECT INBOX"
	if c.modseq > 0 {
		sel += fmt.Sprintf(" (QRESYNC (%s %d))", c.validity, c.modseq)
	}
	in := []string{"a ENABLE QRESYNC", sel, fmt.Sprintf("c UID FETCH %d:* (FLAGS)", c.upTo+1)}
	in = append(in, commands...)
	conn := &feed{in: &lines{[]byte(strings.Join(in, "\r\n") + "\r\n")}, each: meanwhile}
	if err := imapd.New(acct, conn, imapd.Options{Log: quiet}).Serve(context.Background()); err != nil {
		c.t.Fatal(err)
	}
	c.uids, c.seen, c.said = nil, 0, 0
	_, out, _ := strings.Cut(conn.out.String(), "\r\n") // the greeting
	out = out[:min(octets, len(out))]
	for line := range strings.SplitSeq(out[:max(0, strings.LastIndex(out, "\r\n"))], "\r\n") {
		c.hear(line)
		switch {
		case strings.HasPrefix(line, "b OK "):
			c.count()
		case strings.HasPrefix(line, "c OK "):
			c.upTo = max(c.upTo, slices.Max(append(c.uids, 0)))
		}
	}
}

// count gives numbers to the messages that the client knows from before.
func (c *resyncer) count() {
	c.t.Helper()
	i := 0
	for _, uid := range slices.Sorted(maps.Keys(c.flags)) {
		if uid > c.upTo {
			break
		}
		if i >= len(c.uids) || c.uids[i] != 0 && c.uids[i] != uid {
			c.t.Fatalf("message %d cannot be %d: %v", i+1, uid, c.uids)
		}
		c.uids[i] = uid
		i++
	}
}

// TestResync is about a client that comes and goes while others change the mailbox,
// whose connection breaks at any octet, and who never asks again for what it was
// told. It knows all in the end.
func TestResync(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { testResync(t, seed) })
	}
}

func testResync(t *testing.T, seed uint64) {
	dir := newMaildir(t)
	rnd := rand.New(rand.NewPCG(seed, 9))
	open := func() *store.Account {
		a, err := store.OpenAccount(dir, store.Options{Host: "test"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
		return a
	}
	acct, other := open(), open() // as two processes
	box, err := other.Open(context.Background(), mail.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	change := func() {
		if rnd.IntN(2) == 0 {
			changeBox(t, box, rnd)
		}
	}
	c := &resyncer{t: t, flags: make(map[uint32]string)}
	for range 12 {
		var commands []string
		for n := range rnd.IntN(8) {
			commands = append(commands, fmt.Sprintf("d%d %s", n, []string{
				"NOOP", "UID FETCH 1:* (UID)", "FETCH 1 (UID MODSEQ)", "UID STORE 1:* +FLAGS (k)", "UID STORE 2:9 FLAGS (\\Seen)",
				"UID STORE 4:5 +FLAGS (\\Deleted)", "EXPUNGE", "STORE 1 -FLAGS (k)", "UID STORE 1:20 (UNCHANGEDSINCE 1) FLAGS (j)",
			}[rnd.IntN(9)]))
		}
		octets := 1 << 20
		if rnd.IntN(2) == 0 {
			octets = 200 + rnd.IntN(3000)
		}
		c.session(acct, commands, change, octets)
	}
	c.session(acct, nil, nil, 1<<20)
	want := &resyncer{t: t, flags: make(map[uint32]string)}
	want.session(open(), nil, nil, 1<<20)
	if !maps.Equal(c.flags, want.flags) {
		t.Errorf("the client knows %v, but there is %v", c.flags, want.flags)
	}
}

// changeBox does one thing to a mailbox.
func changeBox(t *testing.T, box *store.Mailbox, rnd *rand.Rand) {
	t.Helper()
	ctx := context.Background()
	snap, err := box.Sync(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var some []mail.UID
	for _, uid := range snap.UIDs() {
		if rnd.IntN(3) == 0 {
			some = append(some, uid)
		}
	}
	switch rnd.IntN(4) {
	case 0:
		if snap.Len() > 8 {
			err = box.Expunge(ctx, some)
		}
	case 1:
		_, err = box.SetFlags(ctx, some, store.FlagChange{Op: mail.Op(rnd.IntN(3)), FlagSet: store.FlagSet{Flags: mail.Flags(rnd.IntN(16))}})
	default:
		var b *store.Append
		if b, err = box.NewAppend(); err != nil {
			break
		}
		var w io.Writer
		if w, err = b.Add(store.FlagSet{}, time.Time{}); err != nil {
			break
		}
		io.WriteString(w, "Subject: x\n\nbody\n")
		_, err = b.Commit(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
}
