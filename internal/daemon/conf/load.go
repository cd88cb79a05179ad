package conf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile is the largest configuration file that is read, in octets.
const maxFile = 1 << 20

// Load reads the configuration. path is what -c says; "" is DefaultPath. A
// missing file is an error unless it is DefaultPath. What is wrong inside a
// file is an *Error; several are joined, in the order of the lines.
func Load(path string) (*Config, error) {
	return loader{standard: DefaultPath}.load(path)
}

// loader knows which path is the standard one, for tests.
type loader struct {
	standard string
}

func (l loader) load(path string) (*Config, error) {
	if path == "" {
		path = l.standard
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the configuration file: %w", err)
	}
	c := defaults()
	found, err := c.read(path)
	if err != nil && (found || path != l.standard) {
		return nil, err
	}
	if found {
		c.File = path
	}
	dropIns, err := l.dropIns(path)
	if err != nil {
		return nil, err
	}
	for _, file := range dropIns {
		if _, err := c.read(file); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// dropIns are the files beside the standard one, in their order.
func (l loader) dropIns(path string) ([]string, error) {
	if path != l.standard {
		return nil, nil
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "conf.d", "*.toml")) // sorted
	if err != nil {
		return nil, fmt.Errorf("list conf.d: %w", err)
	}
	return slices.DeleteFunc(files, func(f string) bool { return strings.HasPrefix(filepath.Base(f), ".") }), nil
}

// read applies one file. found is false if there is none, which is an error too.
func (c *Config) read(path string) (found bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist), fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return true, fmt.Errorf("read configuration: %w", err)
	}
	if len(data) > maxFile {
		return true, &Error{File: path, Err: fmt.Errorf("larger than %d octets", maxFile)}
	}
	return true, c.apply(path, data)
}

// apply sets every setting of one file's text. All errors are reported, so
// that an admin does not find them one by one.
func (c *Config) apply(path string, data []byte) error {
	assignments, wrong := parse(data)
	for _, a := range assignments {
		was := c.show(a.name)
		if err := c.assign(a, filepath.Dir(path)); err != nil {
			wrong = append(wrong, err)
			continue
		}
		now := fmt.Sprintf("%s:%d", path, a.line)
		if before, ok := c.origin[a.name]; ok && !strings.HasPrefix(before, path+":") && c.show(a.name) != was {
			c.overridden = append(c.overridden, Override{Name: a.name, Origin: before, By: now})
		}
		c.origin[a.name] = now
	}
	slices.SortStableFunc(wrong, func(a, b *Error) int { return a.Line - b.Line })
	errs := make([]error, len(wrong))
	for i, e := range wrong {
		e.File = path
		errs[i] = e
	}
	return errors.Join(errs...)
}

func (c *Config) assign(a assignment, dir string) *Error {
	r, ok := find(a.name)
	if !ok {
		return &Error{Line: a.line, Err: unknown(a.name)}
	}
	err := r.kind.set(c, a.value, dir)
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e): // knows a better line than the name's
		return &Error{Line: e.Line, Err: fmt.Errorf("%s: %w", a.name, e.Err)}
	}
	return &Error{Line: a.line, Err: fmt.Errorf("%s: %w", a.name, err)}
}

// show is the value of a setting as it would be written; "" of one that there is not.
func (c *Config) show(name string) string {
	if r, ok := find(name); ok {
		return r.kind.show(c)
	}
	return ""
}

// Override is a value that does not hold, because a file that is read later has another
// one of the same setting.
type Override struct {
	Name       string
	Origin, By string // file:line
}

// Overridden are the values that do not hold, in the order in which they were replaced.
func (c *Config) Overridden() []Override { return slices.Clone(c.overridden) }

func find(name string) (row, bool) {
	for _, r := range settings {
		if r.name == name {
			return r, true
		}
	}
	return row{}, false
}

// defaults returns the configuration of an empty file. A default that does not
// parse is our own bug.
func defaults() *Config {
	c := &Config{origin: make(map[string]string)}
	for _, r := range settings {
		if v, ok := plain(r.def); ok {
			if err := r.kind.set(c, v, "/"); err != nil {
				panic(fmt.Sprintf("conf: default of %s: %v", r.name, err))
			}
			continue
		}
		list, wrong := parse([]byte(r.name + " = " + r.def))
		for _, a := range list {
			if err := c.assign(a, "/"); err != nil {
				wrong = append(wrong, err)
			}
		}
		if len(wrong) > 0 {
			panic(fmt.Sprintf("conf: default of %s: %v", r.name, wrong[0]))
		}
	}
	return c
}
