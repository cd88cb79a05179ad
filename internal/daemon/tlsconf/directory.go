package tlsconf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A directory of pairs is what programs that get certificates leave behind: in it and in
// the directories directly below, these files belong together.
//
//	fullchain.pem  privkey.pem   certbot, dehydrated
//	NAME.crt       NAME.key      lego, and by hand
//	NAME.pem       NAME.key
//
// A file without its other half is none of ours.

// findPairs returns the paths of the pairs, in their order.
func findPairs(directory string) ([]pair, error) {
	list, err := pairsIn(directory)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(directory, e.Name())
		if strings.HasPrefix(e.Name(), ".") || !isDirectory(path) {
			continue
		}
		more, err := pairsIn(path)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// isDirectory is true also of a link to one.
func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// pairsIn returns the pairs of one directory.
func pairsIn(directory string) ([]pair, error) {
	d, err := os.Open(directory)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var list []pair
	for _, name := range names {
		if key := keyOf(name); key != "" && slices.Contains(names, key) {
			list = append(list, pair{certificate: filepath.Join(directory, name), key: filepath.Join(directory, key)})
		}
	}
	return list, nil
}

// keyOf is the name of the key that belongs to a certificate; "" if name is none.
func keyOf(name string) string {
	if name == "fullchain.pem" {
		return "privkey.pem"
	}
	for _, ext := range []string{".crt", ".pem"} {
		if base, ok := strings.CutSuffix(name, ext); ok && base != "" && base[0] != '.' {
			return base + ".key"
		}
	}
	return ""
}
