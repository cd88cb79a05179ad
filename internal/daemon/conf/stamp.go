package conf

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
)

// Stamp identifies the state of the files that Load(path) would read: as long as
// it stays the same, so does the configuration. It opens none of them.
func Stamp(path string) string {
	return loader{standard: DefaultPath}.stamp(path)
}

func (l loader) stamp(path string) string {
	if path == "" {
		path = l.standard
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err.Error()
	}
	dropIns, err := l.dropIns(path)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, file := range append([]string{path}, dropIns...) {
		var st syscall.Stat_t
		err := syscall.Stat(file, &st) // that there is none is a state, too
		fmt.Fprintf(&b, "%q %v %d:%d %d %d.%09d\n", file, err, st.Dev, st.Ino, st.Size, st.Ctim.Sec, st.Ctim.Nsec)
	}
	return b.String()
}
