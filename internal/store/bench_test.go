package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/mail"
)

// The benchmarks of this package measure a mailbox of every size beside what the
// machine needs for the same work at least. Where they make their files is up to
// TMPDIR; a tmpfs has no multigrain timestamps, so there directories are scanned
// again after changes. Each reports
//
//	ns/op        the fastest run: other programs can only make it slower
//	cpu-ns/op    the least processor time of a run, user and system, all threads
//	limit-ns/op  the fastest run of the bare work, and
//	x-limit      how many times that the fastest run takes
var large = flag.Bool("store.large", false, "benchmarks with mailboxes of 1,000,000 messages, too")

// atEachSize runs a benchmark for mailboxes of each size.
func atEachSize(b *testing.B, run func(b *testing.B, n int)) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		if n > 100_000 && !*large {
			continue
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) { run(b, n) })
	}
}

// operation is what a benchmark measures.
type operation struct {
	prepare func() // before each run, unmeasured; may be nil
	run     func()
	finish  func()               // after each run, unmeasured; may be nil
	limit   func() time.Duration // does the bare work once; may be nil
}

// measure runs an operation for as long as the framework wants, and three times at
// least unless it is a long one.
func measure(b *testing.B, o operation) {
	b.Helper()
	var wall, cpu, limit []time.Duration
	once := func() {
		if o.prepare != nil {
			o.prepare()
		}
		used, start := processorTime(b), time.Now()
		o.run()
		wall = append(wall, time.Since(start))
		cpu = append(cpu, processorTime(b)-used)
		if o.finish != nil {
			o.finish()
		}
		if o.limit != nil && len(limit) < 5 {
			limit = append(limit, o.limit())
		}
	}
	begun := time.Now()
	for b.Loop() {
		once()
	}
	for len(wall) < 3 && time.Since(begun) < 20*time.Second {
		once()
	}
	fastest := least(wall)
	b.ReportMetric(float64(fastest), "ns/op")
	b.ReportMetric(float64(least(cpu)), "cpu-ns/op")
	if o.limit != nil {
		b.ReportMetric(float64(least(limit)), "limit-ns/op")
		b.ReportMetric(float64(fastest)/float64(max(least(limit), 1)), "x-limit")
	}
}

func least(d []time.Duration) time.Duration {
	m := d[0]
	for _, x := range d {
		m = min(m, x)
	}
	return m
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// timed is how long f takes.
func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// sample is a message such as people get.
var sample = "From: Ada Miller <ada@example.org>\nTo: Ben Carter <ben@example.net>\nSubject: The gauge at the mill\n" +
	"Date: Mon, 2 Jun 2025 10:00:00 +0200\nMessage-ID: <20250602.1@example.org>\nMIME-Version: 1.0\n" +
	"Content-Type: text/plain; charset=utf-8\n\n" + strings.Repeat("The water stands two fingers higher than yesterday.\n", 60)

// maxLinks is less than what any file system allows for one file.
const maxLinks = 30_000

// baseOf is the base of the file of message i that fill makes.
func baseOf(i int) string {
	return fmt.Sprintf("%d.M%06dP1Q%d.host,S=%d,W=%d", 1700000000+i, i, i, len(sample), len(sample)+strings.Count(sample, "\n"))
}

// fill makes a Maildir of n messages as another program would have left it, half of
// them seen. Many share an inode, which nobody notices.
func fill(b *testing.B, n int) (dir string) {
	b.Helper()
	dir = filepath.Join(b.TempDir(), "Maildir")
	openAccount(b, dir)
	link(b, n, filepath.Join(dir, "cur"))
	return dir
}

func link(b *testing.B, n int, cur string) {
	b.Helper()
	seed := ""
	for i := range n {
		name := filepath.Join(cur, baseOf(i)+[]string{":2,", ":2,S"}[i%2])
		if i%maxLinks == 0 {
			seed = name
			must(b, os.WriteFile(name, []byte(sample), 0o600))
			continue
		}
		must(b, os.Link(seed, name))
	}
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

// process is an account as one process has it open.
type process struct {
	*Account
	box  *Mailbox
	snap *Snapshot
}

// start opens the inbox as a process does that starts.
func start(b *testing.B, dir string) process {
	b.Helper()
	a, err := OpenAccount(dir, Options{Host: "test"})
	must(b, err)
	m, err := a.Open(b.Context(), mail.Inbox)
	must(b, err)
	s, err := m.Sync(b.Context())
	must(b, err)
	return process{a, m, s}
}

func (p process) end(b *testing.B) {
	must(b, errors.Join(p.box.Close(), p.Account.Close()))
}

// run is start for a process that stays for the benchmark.
func run(b *testing.B, dir string) process {
	p := start(b, dir)
	b.Cleanup(func() { p.end(b) })
	return p
}

// settle opens the mailbox until the index is proven, as it is a while after the
// last change.
func settle(b *testing.B, dir string) {
	b.Helper()
	for try := 1; ; try++ {
		p := start(b, dir)
		hard := p.snap.x.Stamps().Hard
		p.end(b)
		if hard {
			return
		}
		if try == 100 {
			b.Fatal("the index is never proven")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// forgetAll removes what servers have written beside the messages.
func forgetAll(b *testing.B, dir string, names ...string) {
	b.Helper()
	for _, name := range append(names, "fantail.index", "fantail.log", "fantail.cache") {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			b.Fatal(err)
		}
	}
}

// flagSwitch is another program that sets and clears a flag of one message.
type flagSwitch struct {
	b   *testing.B
	cur string
	on  bool
}

const switched = 501 // the message that it does this to

func (f *flagSwitch) flip() {
	from, to := filepath.Join(f.cur, baseOf(switched)+":2,S"), filepath.Join(f.cur, baseOf(switched)+":2,FS")
	if f.on {
		from, to = to, from
	}
	must(f.b, os.Rename(from, to))
	f.on = !f.on
}

// deliverForeign delivers a message as another program does.
func deliverForeign(b *testing.B, dir string, i int) {
	name := fmt.Sprintf("%d.M%06dP2Q%d.other", time.Now().Unix(), i%1000000, i)
	must(b, os.WriteFile(filepath.Join(dir, "tmp", name), []byte(sample), 0o600))
	must(b, os.Rename(filepath.Join(dir, "tmp", name), filepath.Join(dir, "new", name)))
}

var background = context.Background()
