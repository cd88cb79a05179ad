package quota

import (
	"context"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// disk is the mail of one Maildir, counted from its files.
type disk struct{ root string }

func (d disk) each(visit func(path string, e os.DirEntry) error) error {
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(d.root, sub))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := visit(filepath.Join(d.root, sub, e.Name()), e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d disk) Stamp(context.Context) (uint64, error) {
	h := fnv.New64a()
	err := d.each(func(path string, _ os.DirEntry) error {
		_, err := io.WriteString(h, path+"\n")
		return err
	})
	return h.Sum64(), err
}

func (d disk) Count(context.Context) (Usage, error) {
	var u Usage
	err := d.each(func(_ string, e os.DirEntry) error {
		_, size, _ := strings.Cut(e.Name(), ",S=")
		size = strings.FieldsFunc(size, func(r rune) bool { return r == ',' || r == ':' })[0]
		n, err := strconv.ParseInt(size, 10, 64)
		u.Octets += n
		u.Messages++
		return err
	})
	return u, err
}
