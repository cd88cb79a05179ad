package watch

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkDrain measures a Drain after so many renames of one's own, without
// these.
func BenchmarkDrain(b *testing.B) {
	for _, root := range []string{os.TempDir(), "/dev/shm"} {
		for _, renames := range []int{0, 1, 100} {
			b.Run(filepath.Base(root)+"/"+strconv.Itoa(renames), func(b *testing.B) {
				dir, err := os.MkdirTemp(root, "fantail-watch")
				if err != nil {
					b.Skip(err)
				}
				b.Cleanup(func() { os.RemoveAll(dir) })
				for _, sub := range []string{"new", "cur"} {
					if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
						b.Fatal(err)
					}
				}
				steps(b, dir, "+cur/a")
				w := New()
				defer w.Close()
				tail := newTail(b, w, dir)
				names := [2]string{"cur/a", "cur/b"}
				b.ReportAllocs()
				for i := 0; b.Loop(); {
					if renames > 0 {
						b.StopTimer()
						for range renames {
							steps(b, dir, names[i%2]+">"+names[(i+1)%2])
							i++
						}
						b.StartTimer()
					}
					if _, exact, err := tail.Drain(); err != nil || !exact {
						b.Fatal(exact, err)
					}
				}
			})
		}
	}
}

// BenchmarkWatch measures beginning and ending to watch.
func BenchmarkWatch(b *testing.B) {
	dir := b.TempDir()
	for _, sub := range []string{"new", "cur"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	w := New()
	defer w.Close()
	b.Run("Watch", func(b *testing.B) {
		for b.Loop() {
			a, err := w.Add(dir)
			if err != nil {
				b.Fatal(err)
			}
			if err := a.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Tail", func(b *testing.B) {
		for b.Loop() {
			if err := newTailOnly(w, dir); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Watcher", func(b *testing.B) {
		for b.Loop() {
			w := New()
			if err := newTailOnly(w, dir); err != nil {
				b.Fatal(err)
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func newTailOnly(w *Watcher, dir string) error {
	tail, err := w.Tail(dir)
	if err != nil {
		return err
	}
	return tail.Close()
}
