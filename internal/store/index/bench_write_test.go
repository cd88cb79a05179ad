package index

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/mail"

	"golang.org/x/sys/unix"
)

// BenchmarkFlag changes the flags of one message: lock, append, unlock.
func BenchmarkFlag(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		uid := 0
		commit(b, f, flag(1))
		for b.Loop() {
			uid = (uid + 7919) % n
			name := base(mail.UID(uid+1)) + ":2,F"
			if _, err := tryCommit(f, func(tx *Tx) error {
				return tx.SetFlags(mail.UID(uid+1), name, false, mail.Flagged, nil)
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// names returns the file names of n messages, so that benchmarks need not make
// them.
func names(n int, info string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = base(mail.UID(i+1)) + info
	}
	return list
}

// BenchmarkFlagAll changes the flags of all messages at once: the operations
// alone, and with the commit.
func BenchmarkFlagAll(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		list := names(n, ":2,F")
		words := []mail.Keyword{"$Forwarded", "work"}
		set := func(tx *Tx) error {
			for i, name := range list {
				if err := tx.SetFlags(mail.UID(i+1), name, false, mail.Flagged, words); err != nil {
					return err
				}
			}
			return nil
		}
		benchTx(b, f, n, set)
	})
}

// BenchmarkExpungeAll expunges all messages at once. Each run has a File of its
// own, which reads the snapshot anew.
func BenchmarkExpungeAll(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		all := func(tx *Tx) error {
			for uid := mail.UID(1); uid <= mail.UID(n); uid++ {
				if err := tx.Expunge(uid); err != nil {
					return err
				}
			}
			return nil
		}
		b.Run("operations", func(b *testing.B) { benchAborted(b, f, n, all) })
		b.Run("committed", func(b *testing.B) {
			spent := processor(b)
			log := readFile(b, dir, journalName)
			for b.Loop() {
				put(b, dir, journalName, log) // what it was, in another file
				if x := commit(b, f, all); x.Len() != 0 {
					b.Fatal(x.Len())
				}
			}
			spent(n)
		})
	})
}

// BenchmarkAddAll makes the index of a mailbox of which nothing is known.
func BenchmarkAddAll(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := open(b, b.TempDir())
			list := make([]Message, n)
			for i := range list {
				list[i] = message(mail.UID(i + 1))
			}
			add := func(tx *Tx) error {
				for i := range list {
					if err := tx.Add(list[i]); err != nil {
						return err
					}
				}
				return nil
			}
			for _, commit := range []bool{false, true} {
				b.Run(map[bool]string{false: "operations", true: "committed"}[commit], func(b *testing.B) {
					spent := processor(b)
					for b.Loop() {
						l := lock(b, f)
						tx, err := l.Reset(77)
						if err != nil {
							b.Fatal(err)
						}
						if err := add(tx); err != nil {
							b.Fatal(err)
						}
						if commit {
							if _, err := tx.Commit(); err != nil {
								b.Fatal(err)
							}
						}
						tx.Abort()
						l.Unlock()
					}
					spent(n)
				})
			}
		})
	}
}

// benchTx measures a transaction on n messages, without and with its commit.
func benchTx(b *testing.B, f *File, n int, do func(*Tx) error) {
	b.Run("operations", func(b *testing.B) { benchAborted(b, f, n, do) })
	b.Run("committed", func(b *testing.B) {
		spent := processor(b)
		for b.Loop() {
			commit(b, f, do)
		}
		spent(n)
	})
}

// processor returns a function that reports the processor time since then, which
// other programs on the machine change less than that of the clock, for each of n
// messages.
func processor(b *testing.B) func(n int) {
	used := func() int64 {
		var r unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return r.Utime.Nano() + r.Stime.Nano()
	}
	before := used()
	return func(n int) { b.ReportMetric(float64(used()-before)/float64(b.N)/float64(n), "cpu-ns/message") }
}

func benchAborted(b *testing.B, f *File, n int, do func(*Tx) error) {
	l := lock(b, f)
	defer l.Unlock()
	spent := processor(b)
	for b.Loop() {
		tx, err := l.Begin()
		if err != nil {
			b.Fatal(err)
		}
		if err := do(tx); err != nil {
			b.Fatal(err)
		}
		tx.Abort()
	}
	spent(n)
}

func BenchmarkCheckpoint(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		load(b, f)
		st, err := os.Stat(filepath.Join(dir, snapshotName))
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(st.Size())
		spent := processor(b)
		for b.Loop() {
			l := lock(b, f)
			if _, err := l.Checkpoint(); err != nil {
				b.Fatal(err)
			}
			l.Unlock()
		}
		spent(n)
	})
}
