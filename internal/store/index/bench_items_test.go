package index

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/mail"
)

// benchItems are an envelope and a body structure as they are on average.
func benchItems() []Item {
	return []Item{{Envelope, bytes.Repeat([]byte("e"), 420)}, {BodyStructure, bytes.Repeat([]byte("b"), 280)}}
}

// BenchmarkSetItems puts the items of all messages into the cache at once.
func BenchmarkSetItems(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		b.SetBytes(int64(n) * 700)
		spent := processor(b)
		for b.Loop() {
			setBenchItems(b, f, n)
			b.StopTimer()
			if err := os.Remove(filepath.Join(dir, cacheName)); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		spent(n)
	})
}

func setBenchItems(b *testing.B, f *File, n int) *Index {
	items := benchItems()
	return commit(b, f, func(tx *Tx) error {
		for uid := mail.UID(1); uid <= mail.UID(n); uid++ {
			if err := tx.SetItems(uid, items...); err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkItems reads the cached items of all messages in order, and copies the
// cache, which is the limit.
func BenchmarkItems(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		x := setBenchItems(b, f, n)
		buf := make([]byte, 0, 4096)
		b.Run("append-each", func(b *testing.B) {
			spent := processor(b)
			defer func() { spent(n) }()
			b.SetBytes(int64(n) * 700)
			for b.Loop() {
				for i := range n {
					buf = buf[:0]
					for _, kind := range []ItemKind{Envelope, BodyStructure} {
						var ok bool
						if buf, ok, _ = f.AppendItem(buf, x, i, kind); !ok {
							b.Fatal(i)
						}
					}
				}
			}
		})
		b.Run("look-up-once", func(b *testing.B) {
			spent := processor(b)
			defer func() { spent(n) }()
			b.SetBytes(int64(n) * 700)
			for b.Loop() {
				for i := range n {
					it, err := f.Items(x, i)
					if err != nil {
						b.Fatal(err)
					}
					buf, _ = it.Append(buf[:0], Envelope)
					var ok bool
					if buf, ok = it.Append(buf, BodyStructure); !ok {
						b.Fatal(i)
					}
				}
			}
		})
		b.Run("limit-copy", func(b *testing.B) {
			spent := processor(b)
			defer func() { spent(n) }()
			b.SetBytes(int64(n) * 700)
			data := f.cache.Load().data
			for b.Loop() {
				for rest := data; len(rest) > 0; rest = rest[min(700, len(rest)):] {
					buf = append(buf[:0], rest[:min(700, len(rest))]...)
				}
			}
		})
	})
}
