package sandbox

import (
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// loaders are the loaders of those of the programs that are dynamic: they are executed
// with them. Of a directory, the programs in it count. What cannot be read or is no
// program has none.
func loaders(programs []string) []string {
	var list []string
	for _, path := range programs {
		files := []string{path}
		if entries, err := os.ReadDir(path); err == nil {
			files = nil
			for _, e := range entries {
				files = append(files, filepath.Join(path, e.Name()))
			}
		}
		for _, file := range files {
			if l := loader(file); l != "" && !slices.Contains(list, l) {
				list = append(list, l)
			}
		}
	}
	return list
}

// loader returns what a program names as its loader, "" if nothing.
func loader(path string) string {
	f, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > maxPath {
			continue
		}
		if name, err := io.ReadAll(p.Open()); err == nil {
			return strings.TrimRight(string(name), "\x00")
		}
	}
	return ""
}

// maxPath is the longest path that the kernel takes.
const maxPath = 4096
