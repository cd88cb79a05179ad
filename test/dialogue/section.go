package dialogue

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// addSection files one section of the archive under what its name says.
func (s *Script) addSection(f file) error {
	name, opts, _ := strings.Cut(f.name, " | ")
	fixture := strings.HasPrefix(name, "Maildir/")
	list := name == "after" || name == "folders" || strings.HasPrefix(name, "after/")
	data, err := encode([]byte(f.data), opts, s.crlf && fixture || !fixture && !list)
	if err != nil {
		return err
	}
	switch {
	case fixture:
		s.fixture = append(s.fixture, section{name, data})
	case name == "after":
		s.after = lines(data)
	case name == "folders":
		s.folders = lines(data)
	case list:
		s.contents = append(s.contents, section{strings.TrimPrefix(name, "after/"), data})
	default:
		s.sections[name] = data
	}
	return nil
}

// encode applies the options of a section name to its text.
func encode(data []byte, opts string, crlf bool) ([]byte, error) {
	escaped := false
	noeol := false
	for _, o := range strings.Fields(opts) {
		switch o {
		case "crlf":
			crlf = true
		case "lf":
			crlf = false
		case "noeol":
			noeol = true
		case "go":
			escaped = true
		default:
			return nil, fmt.Errorf("unknown option %q", o)
		}
	}
	if noeol {
		data = bytes.TrimSuffix(data, []byte("\n"))
	}
	var out []byte
	for line := range bytes.Lines(data) {
		text, eol := bytes.CutSuffix(line, []byte("\n"))
		if escaped {
			var err error
			if text, err = unescape(string(text)); err != nil {
				return nil, err
			}
		}
		out = append(out, text...)
		if eol && crlf {
			out = append(out, '\r')
		}
		if eol {
			out = append(out, '\n')
		}
	}
	return out, nil
}

// lines splits a list into its lines; the result is not nil, also if empty.
func lines(data []byte) []string {
	out := []string{}
	for l := range strings.Lines(string(data)) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// sizes gives the variables $size_name.
func (s *Script) sizes() vars {
	v := vars{}
	for name, data := range s.sections {
		key := []byte("size_" + name)
		for i, c := range key {
			if !varByte(c) {
				key[i] = '_'
			}
		}
		v[string(key)] = strconv.Itoa(len(data))
	}
	return v
}

// addUIDLists adds the UID list of the inbox and of each folder, but for those
// that have one of their own.
func (s *Script) addUIDLists() {
	bases := map[string][]string{"Maildir": nil}
	for _, f := range s.fixture {
		elem := strings.Split(f.name, "/")
		folder := elem[0]
		if len(elem) > 2 && strings.HasPrefix(elem[1], ".") {
			folder += "/" + elem[1]
		}
		list := bases[folder]
		if path.Base(path.Dir(f.name)) == "cur" {
			base, _, _ := strings.Cut(path.Base(f.name), ":")
			list = append(list, base)
		}
		bases[folder] = list
	}
	for _, folder := range slices.Sorted(maps.Keys(bases)) {
		name := folder + "/dovecot-uidlist"
		if slices.ContainsFunc(s.fixture, func(f section) bool { return f.name == name }) {
			continue
		}
		slices.Sort(bases[folder])
		var b bytes.Buffer
		fmt.Fprintf(&b, "3 V%d N%d G%032x\n", s.validity, len(bases[folder])+1, s.validity)
		for i, base := range bases[folder] {
			fmt.Fprintf(&b, "%d :%s\n", i+1, base)
		}
		s.fixture = append(s.fixture, section{name, b.Bytes()})
	}
}
