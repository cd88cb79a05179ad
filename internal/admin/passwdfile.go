package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/userdb"
)

// passwdFile is the text of a passwd-file while nobody else changes it. All that a verb
// does not change stays as it is, octet for octet.
type passwdFile struct {
	path  string // with symbolic links resolved
	lines []string
	made  bool // there was none
}

// changePasswdFile has do change the passwd-file, and replaces it unless do fails: a new
// file is written beside it, with the same owner, mode and access list, synced, and takes
// its name.
//
// The file is locked meanwhile (flock(2)): of two who change it at once one waits. What
// is waited for is the file that has the name then.
func (t *tool) changePasswdFile(cfg *conf.Config, do func(*passwdFile) error) error {
	path := cfg.Auth.PasswdFile
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	old, made, err := lockFile(path, cfg.Auth.Directory)
	if err != nil {
		return err
	}
	defer old.Close()
	text, err := io.ReadAll(old)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	p := &passwdFile{path: path, lines: strings.SplitAfter(string(text), "\n"), made: made}
	if err = do(p); err == nil {
		err = p.replace(old)
	}
	if err != nil && made {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// lockFile opens and locks the file, and makes it if there is none: with the group of the
// directory that is authd's.
func lockFile(path, authd string) (f *os.File, made bool, err error) {
	for {
		made = false
		f, err = os.OpenFile(path, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = makeFile(path, authd)
			made = err == nil
			if errors.Is(err, fs.ErrExist) {
				continue
			}
		}
		if err != nil {
			return nil, false, err
		}
		for err = unix.EINTR; errors.Is(err, unix.EINTR); {
			err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		}
		if err != nil {
			return nil, false, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		mine, err := f.Stat()
		named, errNamed := os.Stat(path)
		if err == nil && errNamed == nil && os.SameFile(mine, named) {
			return f, made, nil
		}
		f.Close() // somebody has replaced it; nothing was written
	}
}

// makeFile makes an empty file that authd may read, and the directory for it if there is
// none.
func makeFile(path, authd string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, err
	}
	err = f.Chmod(0o640)
	if info, errStat := os.Stat(authd); err == nil && errStat == nil && os.Geteuid() == 0 {
		err = f.Chown(-1, int(info.Sys().(*syscall.Stat_t).Gid))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

// replace writes the file anew. old is the locked one.
func (p *passwdFile) replace(old *os.File) error {
	info, err := old.Stat()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(p.path), "."+filepath.Base(p.path)+".new-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(p.lines, ""))
	err = errors.Join(err, likewise(f, old, info), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), p.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", p.path, err), os.Remove(f.Name()))
	}
	d, err := os.Open(filepath.Dir(p.path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// attributes are what a file has beside owner and mode that decides who may read it.
var attributes = []string{"system.posix_acl_access", "security.selinux"}

// likewise gives f the owner, the mode and the access list of old.
func likewise(f, old *os.File, info fs.FileInfo) error {
	st := info.Sys().(*syscall.Stat_t)
	if now, err := f.Stat(); err != nil {
		return err
	} else if n := now.Sys().(*syscall.Stat_t); n.Uid != st.Uid || n.Gid != st.Gid {
		if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	if err := f.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	var value [8 << 10]byte
	for _, name := range attributes {
		n, err := unix.Fgetxattr(int(old.Fd()), name, value[:])
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
			continue
		}
		if err == nil {
			err = unix.Fsetxattr(int(f.Fd()), name, value[:n], 0)
		}
		if err != nil {
			return fmt.Errorf("keep its %s: %w", name, err)
		}
	}
	return nil
}

// cutEnd parts a line from its end, which the parser does not see: LF, or CR and LF.
func cutEnd(line string) (text, end string) {
	text = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	return text, line[len(text):]
}

// is reports whether a line is of the account called name, as the parser has it.
func is(line, name string) bool {
	text, _ := cutEnd(line)
	first, _, _ := strings.Cut(text, ":")
	return text != "" && first == name && text[0] != '#'
}

// find returns the account's name as the file spells it, and the number of its first
// line, from 0. A name that is not there as it is spelled is looked for in lower case.
func (p *passwdFile) find(name string) (string, int, bool) {
	for _, name := range []string{name, strings.ToLower(name)} {
		for i, line := range p.lines {
			if is(line, name) {
				return name, i, true
			}
		}
	}
	return "", 0, false
}

// add adds a line to the end.
func (p *passwdFile) add(line string) {
	if last := len(p.lines) - 1; last >= 0 && p.lines[last] == "" {
		p.lines = p.lines[:last]
	}
	if last := len(p.lines) - 1; last >= 0 && !strings.HasSuffix(p.lines[last], "\n") {
		p.lines[last] += "\n"
	}
	p.lines = append(p.lines, line+"\n")
}

// remove removes every line of an account: only the first counts, but without it the
// next would.
func (p *passwdFile) remove(name string) (n int) {
	var kept []string
	for _, line := range p.lines {
		if is(line, name) {
			n++
		} else {
			kept = append(kept, line)
		}
	}
	p.lines = kept
	return n
}

// setPassword replaces the second field of a line.
func (p *passwdFile) setPassword(i int, field string) {
	text, end := cutEnd(p.lines[i])
	fields := strings.SplitN(text, ":", 3)
	if len(fields) < 2 {
		fields = append(fields, "")
	}
	fields[1] = field
	p.lines[i] = strings.Join(fields, ":") + end
}

// record returns what the parser reads of an account now.
func (p *passwdFile) record(name string) (userdb.Record, error) {
	records, problems, err := userdb.Scan(bytes.NewBufferString(strings.Join(p.lines, "")))
	if err != nil {
		return userdb.Record{}, err
	}
	for _, r := range records {
		if r.Name == name {
			return r, nil
		}
	}
	for _, problem := range problems {
		if is(p.lines[problem.Line-1], name) {
			return userdb.Record{}, problem.Err
		}
	}
	return userdb.Record{}, userdb.ErrUnknown
}
