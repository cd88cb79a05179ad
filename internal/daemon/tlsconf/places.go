package tlsconf

import (
	"path/filepath"
	"slices"
)

// Places are the directories in which the files are that a Server reads again, those
// included that they are links into, as certbot makes them. A program that gives up
// other files keeps these.
func (o Options) Places() []string {
	var list []string
	for _, path := range []string{o.Certificate, o.Key} {
		list = append(list, filepath.Dir(path))
		if target, err := filepath.EvalSymlinks(path); err == nil { // a link into nowhere is of no use
			list = append(list, filepath.Dir(target))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
