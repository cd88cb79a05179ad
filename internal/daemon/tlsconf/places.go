package tlsconf

import (
	"path/filepath"
	"slices"
)

// Places are the directories in which the files are that a Server reads again, those
// included into which links lead, as certbot makes them. A program that gives up
// other files keeps these.
func (o Options) Places() []string {
	files := []string{o.Certificate}
	if o.Sign == nil {
		files = append(files, o.Key)
	}
	if o.ClientCA != "" {
		files = append(files, o.ClientCA)
	}
	var list []string
	if o.Directory != "" {
		list = append(list, o.Directory)
		pairs, _ := findPairs(o.Directory) // one that cannot be read has no links
		for _, p := range pairs {
			if files = append(files, p.certificate); o.Sign == nil {
				files = append(files, p.key)
			}
		}
	}
	for _, path := range files {
		list = append(list, filepath.Dir(path))
		if target, err := filepath.EvalSymlinks(path); err == nil { // a link into nowhere is of no use
			list = append(list, placeOf(path, target))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// placeOf is the directory of a link's target. Where each name has a directory for its
// links and one of the same name for their targets, live/NAME and archive/NAME, it is
// the one for all names: there may be further ones tomorrow.
func placeOf(link, target string) string {
	place := filepath.Dir(target)
	if place != filepath.Dir(link) && filepath.Base(place) == filepath.Base(filepath.Dir(link)) {
		return filepath.Dir(place)
	}
	return place
}
