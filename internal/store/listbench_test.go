package store

import (
	"fmt"
	"path/filepath"
	"testing"

	"fantail/internal/store/maildir"
)

// BenchmarkFolders lists an account of 500 folders, and asks for the state of each,
// as a client does that polls.
func BenchmarkFolders(b *testing.B) {
	for _, l := range []struct {
		name   string
		layout maildir.Layout
		format string
	}{{"plusplus", maildir.PlusPlus, ".f%03d.sub"}, {"fs", maildir.FS, "f%03d/sub"}, {"utf8", maildir.PlusPlus, ".Füße%03d"}} {
		root := filepath.Join(b.TempDir(), "Maildir")
		mkdirs(b, root, "")
		for i := range 500 {
			mkdirs(b, root, fmt.Sprintf(l.format, i))
		}
		a := openLayout(b, root, l.layout)
		infos, err := a.List(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(l.name+"/list", func(b *testing.B) {
			for b.Loop() {
				if _, err := a.List(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		status := func(b *testing.B) {
			for _, i := range infos {
				if i.NoSelect {
					continue
				}
				if _, err := a.Status(b.Context(), i.Name, StatusNeeds{}); err != nil {
					b.Fatal(err)
				}
			}
		}
		status(b)
		b.Run(l.name+"/status", func(b *testing.B) {
			for b.Loop() {
				status(b)
			}
		})
		b.Run(l.name+"/delete", func(b *testing.B) {
			for b.Loop() {
				if err := a.Delete(b.Context(), "none"); KindOf(err) != NotFound {
					b.Fatal(err)
				}
			}
		})
	}
}
