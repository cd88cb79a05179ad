package dialogue

import (
	"fmt"
	"strings"
)

// file is one section of an archive.
type file struct {
	name string
	line int // of its marker
	data string
}

// splitArchive splits a txtar archive: what is before the first line
// "-- name --", then a file for each such line.
func splitArchive(data string) (comment string, files []file, err error) {
	var b strings.Builder
	seen := map[string]int{}
	end := func() {
		if n := len(files); n > 0 {
			files[n-1].data = b.String()
		} else {
			comment = b.String()
		}
		b.Reset()
	}
	n := 0
	for line := range strings.Lines(data) {
		n++
		name, ok := marker(strings.TrimRight(line, "\r\n"))
		if !ok {
			b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
			continue
		}
		end()
		if first := seen[name]; first > 0 {
			return "", nil, fmt.Errorf("%d: section %s: also in line %d", n, name, first)
		}
		seen[name] = n
		files = append(files, file{name: name, line: n})
	}
	end()
	return comment, files, nil
}

func marker(line string) (string, bool) {
	rest, ok := strings.CutPrefix(line, "-- ")
	if !ok {
		return "", false
	}
	name, ok := strings.CutSuffix(rest, " --")
	name = strings.TrimSpace(name)
	return name, ok && name != ""
}
