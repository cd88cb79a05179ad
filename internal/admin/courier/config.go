package courier

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Directories are where Courier's files are, as Debian and Courier's own packages have them.
var Directories = []string{"/etc/courier", "/etc/authlib", "/usr/lib/courier-imap/etc", "/usr/local/etc/courier", "/usr/local/etc/authlib", "/usr/lib/courier/etc"}

// ErrNotCourier says that there is none of Courier's files.
var ErrNotCourier = errors.New("there is no configuration of Courier")

// fileNames are the files that are read, in the order in which Courier does where two say the
// same.
var fileNames = []struct {
	name  string
	parse func(text string) parsed
}{
	{"imapd", parseShell}, {"imapd-ssl", parseShell}, {"pop3d", parseShell}, {"pop3d-ssl", parseShell}, {"authdaemonrc", parseShell},
	{"authldaprc", parseFields}, {"authmysqlrc", parseFields}, {"authpgsqlrc", parseFields}, {"authsqliterc", parseFields},
	{"courierd", parseShell},
}

// file is one of them.
type file struct {
	name, path string
	parsed
}

// Config is what Courier was told.
type Config struct {
	root  fs.FS // the machine's
	dirs  []string
	files []*file
}

// Read reads the files of directories, which have absolute paths; of two files with one name
// the first counts. root is the file system at "/".
func Read(root fs.FS, directories []string) (*Config, error) {
	c := &Config{root: root, dirs: directories}
	for _, f := range fileNames {
		for _, dir := range directories {
			at := path.Join(dir, f.name)
			text, err := c.read(at)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", at, err)
			}
			c.files = append(c.files, &file{f.name, at, f.parse(text)})
			break
		}
	}
	if c.file("imapd") == nil && c.file("pop3d") == nil && c.file("authdaemonrc") == nil {
		return nil, fmt.Errorf("%w in %s", ErrNotCourier, strings.Join(directories, ", "))
	}
	return c, nil
}

// read returns the text of a file with an absolute path.
func (c *Config) read(at string) (string, error) {
	f, err := c.root.Open(strings.TrimPrefix(path.Clean(at), "/"))
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fs.ErrNotExist
	case info.Size() > maxFile:
		return "", fmt.Errorf("it has more than %d octets", maxFile)
	}
	text, err := fs.ReadFile(c.root, strings.TrimPrefix(path.Clean(at), "/"))
	return string(text), err
}

// list returns the names in a directory with an absolute path, sorted; none if it cannot be
// read.
func (c *Config) list(at string) (names []string) {
	entries, err := fs.ReadDir(c.root, strings.TrimPrefix(path.Clean(at), "/"))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// exists reports whether there is something at an absolute path, as far as that can be seen.
func (c *Config) exists(at string) bool {
	_, err := fs.Stat(c.root, strings.TrimPrefix(path.Clean(at), "/"))
	return err == nil
}

// find returns the path of what has a name in one of the directories; "" if there is nothing.
func (c *Config) find(name string) string {
	for _, dir := range c.dirs {
		if at := path.Join(dir, name); c.exists(at) {
			return at
		}
	}
	return ""
}

// file returns the file of a name, or nil.
func (c *Config) file(name string) *file {
	for _, f := range c.files {
		if f.name == name {
			return f
		}
	}
	return nil
}

// get is what a variable has in the last of the files that has it.
func (c *Config) get(name string, files ...string) (v Variable, in *file) {
	for _, n := range files {
		f := c.file(n)
		if f == nil {
			continue
		}
		for _, x := range f.variables {
			if x.Name == name {
				v, in = x, f
			}
		}
	}
	return v, in
}

// value is the same, without where it stands.
func (c *Config) value(name string, files ...string) string {
	v, _ := c.get(name, files...)
	return v.Value
}
