package uidlist

import "strings"

// HasFields reports whether any record of the list has fields (Record.Ext), which most
// lists have not. It is much faster than Load, for who wants nothing else.
func (f *File) HasFields() (bool, error) {
	text, _, err := readAll(f.sys, f.path, maxFile)
	return err == nil && hasFields(text), err
}

// hasFields is true for anything that it does not know.
func hasFields(text string) bool {
	header, rest, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(header, "3 ") {
		return !strings.HasPrefix(header, "1 ") // whose records have none
	}
	for len(rest) > 0 {
		i := 0
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		if !strings.HasPrefix(rest[i:], " :") {
			return true
		}
		end := strings.IndexByte(rest, '\n')
		if end < 0 {
			break
		}
		rest = rest[end+1:]
	}
	return false
}
