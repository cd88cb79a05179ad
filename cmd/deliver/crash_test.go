package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/store/quota"
)

// place is a Maildir and a deliver of its own for it.
type place struct {
	dir     string
	message string
	program string
}

// newPlace makes one in a directory.
func newPlace(t *testing.T, dir string) *place {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &place{dir: dir, program: filepath.Join(t.TempDir(), "deliver")}
	p.message = "Subject: a\n\n" + strings.Repeat("a line of text\n", 5000)
	users := fmt.Sprintf("ann:{PLAIN}x::::::userdb_mail=maildir:%s\n", p.mail())
	err = errors.Join(
		os.Symlink(self, p.program), // by its name the program knows what it is
		os.WriteFile(p.file("users"), []byte(users), 0o644),
		os.WriteFile(p.file("fantail.toml"), []byte("[auth]\npasswd_file = \"users\"\n"), 0o644),
	)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) file(name string) string { return filepath.Join(p.dir, name) }
func (p *place) mail() string            { return p.file("Maildir") }

// deliver runs the program by another one, and returns its exit status, -1 if it was
// killed, and what it says.
func (p *place) deliver(t *testing.T, by ...string) (status int, says string) {
	t.Helper()
	args := append(by, p.program, "-c", p.file("fantail.toml"), "-d", "ann")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(p.message)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stderr.String()
}

// count returns how many messages are in the mailbox, all of which must be whole.
func (p *place) count(t *testing.T) (n int) {
	t.Helper()
	for _, dir := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(p.mail(), dir))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(p.mail(), dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if string(b) != p.message {
				t.Errorf("%s is torn: %d octets of %d", e.Name(), len(b), len(p.message))
			}
			n++
		}
	}
	return n
}

// strace returns the command that injects into the n-th of some system calls.
func strace(t *testing.T, calls, what string, n int) []string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	return []string{path, "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + calls,
		"-e", fmt.Sprintf("inject=%s:%s:when=%d", calls, what, n)}
}

// TestKilled kills the program at each system call by which a delivery is made: a message
// for which it said 0 is there once, and one for which it could say nothing is there or
// is not, but never in part.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	for _, call := range []string{"write", "fsync", "renameat2", "mkdirat,mkdir", "close"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, t.TempDir())
			n := 1
			for killed := true; killed; n++ {
				if n > 100 {
					t.Fatal("it never comes to an end")
				}
				before := p.count(t)
				status, says := p.deliver(t, strace(t, call, "signal=KILL", n)...)
				killed = status != 0
				switch got := p.count(t) - before; {
				case status == 0 && got != 1:
					t.Errorf("call %d: it said 0, and %d messages are there", n, got)
				case killed && (got < 0 || got > 1):
					t.Errorf("call %d: %d messages are there", n, got)
				case killed && status != -1 && status != 137:
					t.Errorf("call %d: status %d, %q", n, status, says)
				}
			}
			if n == 2 {
				t.Error("nothing was killed")
			}
		})
	}
}

// TestKilledOnce kills the program where duplicates are dropped, and then the MTA tries
// again: the message is there, whatever was written of it.
func TestKilledOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	for _, call := range []string{"write", "fsync", "renameat2", "flock", "openat", "unlinkat,unlink"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			n := 1
			for killed := true; killed; n++ {
				p := newPlace(t, t.TempDir())
				p.message = "Message-ID: <1@example.org>\n" + p.message
				config := "[auth]\npasswd_file = \"users\"\n[deliver]\nduplicates = \"1h\"\n"
				if err := os.WriteFile(p.file("fantail.toml"), []byte(config), 0o644); err != nil {
					t.Fatal(err)
				}
				status, _ := p.deliver(t, strace(t, call, "signal=KILL", n)...)
				killed = status != 0
				there := p.count(t)
				if status, says := p.deliver(t); status != 0 {
					t.Fatalf("call %d: and again: %d, %q", n, status, says)
				}
				if got := p.count(t); got < 1 || got > there+1 || !killed && got != 1 {
					t.Errorf("call %d: %d messages, then %d", n, there, got)
				}
			}
			if n == 2 && !strings.HasPrefix(call, "unlink") { // a file system has other ways
				t.Error("nothing was killed")
			}
		})
	}
}

// TestFailing has system calls fail: that is temporary, the first line says so, and no
// message is there.
func TestFailing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	for _, tt := range []struct{ calls, err, says string }{
		{"fsync", "EIO", "4.3.0 The message cannot be delivered now.\n"},
		{"fsync", "ENOSPC", "4.3.1 There is no space on the disk of the mailbox.\n"},
		{"fsync", "EDQUOT", "4.2.2 The mailbox is full.\n"},
		{"renameat2", "EACCES", "4.3.5 The mailbox cannot be written by who delivers.\n"},
		{"renameat2", "EROFS", "4.3.5 The mailbox cannot be written by who delivers.\n"},
		{"renameat2", "EDQUOT", "4.2.2 The mailbox is full.\n"},
		{"renameat2", "EIO", "4.3.0 The message cannot be delivered now.\n"},
		{"read", "EIO", ""},
	} {
		t.Run(tt.calls+" "+tt.err, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, t.TempDir())
			if status, says := p.deliver(t); status != 0 {
				t.Fatal(says)
			}
			status, says := p.deliver(t, strace(t, tt.calls, "error="+tt.err, 1)...)
			if status != 75 && tt.calls != "read" || !strings.HasPrefix(says, tt.says) {
				t.Errorf("status %d, %q", status, says)
			}
			want := 1
			if status == 0 { // that read was of something that it can do without
				want = 2
			}
			if n := p.count(t); n != want {
				t.Errorf("%d messages, want %d", n, want)
			}
			if left, err := os.ReadDir(filepath.Join(p.mail(), "tmp")); err != nil || len(left) > 0 {
				t.Errorf("in tmp: %v, %v", left, err)
			}
		})
	}
}

// On a full disk nothing is left behind, and it goes on when there is room.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=200k"); err != nil {
		t.Skip("mounting a small file system needs root: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	p := newPlace(t, dir)
	good := 0
	for ; good < 10; good++ {
		status, says := p.deliver(t)
		if status == 0 {
			continue
		}
		if status != 75 || !strings.HasPrefix(says, "4.3.1 ") {
			t.Errorf("status %d, %q", status, says)
		}
		break
	}
	if good == 0 || good == 10 {
		t.Fatalf("%d messages have gone in", good)
	}
	if n := p.count(t); n != good {
		t.Errorf("%d messages, want %d", n, good)
	}
	left, err := os.ReadDir(filepath.Join(p.mail(), "tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("in tmp: %v, %v", left, err)
	}
	for _, name := range []string{"new"} {
		if err := os.RemoveAll(filepath.Join(p.mail(), name)); err != nil {
			t.Fatal(err)
		}
	}
	if status, says := p.deliver(t); status != 0 {
		t.Errorf("with room again: %d, %q", status, says)
	}
}

// A limit on the size of files, as Postfix sets one, is no crash.
func TestFileSizeLimit(t *testing.T) {
	p := newPlace(t, t.TempDir())
	if status, says := p.deliver(t); status != 0 {
		t.Fatal(says)
	}
	status, says := p.deliver(t, "sh", "-c", `ulimit -f 8; exec "$@"`, "sh")
	if status != 75 || !strings.HasPrefix(says, "4.") {
		t.Errorf("status %d, %q", status, says)
	}
	if n := p.count(t); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// What stands in the way of a Maildir can be mended: nothing is permanent.
func TestNoMaildir(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(p *place) error
	}{
		{"a file in its place", func(p *place) error { return os.WriteFile(p.mail(), nil, 0o600) }},
		{"a file in the place of new", func(p *place) error {
			return errors.Join(os.MkdirAll(filepath.Join(p.mail(), "cur"), 0o700), os.Mkdir(filepath.Join(p.mail(), "tmp"), 0o700),
				os.WriteFile(filepath.Join(p.mail(), "new"), nil, 0o600))
		}},
		{"a link to nothing", func(p *place) error { return os.Symlink("/nonexistent/home", p.mail()) }},
		{"a loop of links", func(p *place) error { return os.Symlink("Maildir", p.mail()) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t, t.TempDir())
			if err := tt.make(p); err != nil {
				t.Fatal(err)
			}
			status, says := p.deliver(t)
			if status != 75 || !strings.HasPrefix(says, "4.") {
				t.Errorf("status %d, %q", status, says)
			}
		})
	}
}

// A program that is told to end while it reads delivers nothing, and says so.
func TestTold(t *testing.T) {
	p := newPlace(t, t.TempDir())
	if status, says := p.deliver(t); status != 0 {
		t.Fatal(says)
	}
	cmd := exec.Command(p.program, "-c", p.file("fantail.toml"), "-d", "ann")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte(p.message)); err != nil {
		t.Fatal(err)
	}
	// What is in tmp says that signals are waited for.
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if begun, err := os.ReadDir(filepath.Join(p.mail(), "tmp")); err == nil && len(begun) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it does not begin")
		}
	}
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the signal may come after the end of the message, which is too late
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 75 || !strings.HasPrefix(stderr.String(), "4.3.0 ") {
		t.Errorf("%v: %q", err, stderr.String())
	}
	if n := p.count(t); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// Run by root, the program becomes the account's user.
func TestBecome(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const uid, gid = 54321, 54322
	dir, err := os.MkdirTemp("", "deliver") // which he can reach
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := newPlace(t, dir)
	users := fmt.Sprintf("ann:{PLAIN}x:%d:%d::::userdb_mail=maildir:%s\n", uid, gid, p.mail())
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(p.file("users"), []byte(users), 0o644), os.Mkdir(p.mail(), 0o700), os.Chown(p.mail(), uid, gid)); err != nil {
		t.Fatal(err)
	}
	if status, says := p.deliver(t); status != 0 {
		t.Fatal(says)
	}
	if n := p.count(t); n != 1 {
		t.Errorf("%d messages", n)
	}
	err = filepath.Walk(p.mail(), func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != uid || st.Gid != gid {
			t.Errorf("%s is of %d and %d", path, st.Uid, st.Gid)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	// Another one's account is nobody's, for who is not root.
	by, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip("setpriv is not installed")
	}
	if p.program, err = copied(p.program, p.file("deliver")); err != nil {
		t.Fatal(err)
	}
	status, says := p.deliver(t, by, "--reuid", "54320", "--regid", "54320", "--clear-groups")
	if status != 75 || !strings.Contains(says, "wrong user") {
		t.Errorf("status %d, %q", status, says)
	}
}

// copied copies a program to where everybody can run it.
func copied(from, to string) (string, error) {
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o755)
	}
	return to, err
}

// TestKilledFull kills the program at each system call by which it could note that the
// account has become full: with the next message at the latest that is noted, once, and
// somebody is told of it.
func TestKilledFull(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	for _, call := range []string{"write,pwrite64", "fsync", "renameat,renameat2", "flock", "ftruncate"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			n := 1
			for killed := true; killed; n++ {
				p := newPlace(t, t.TempDir())
				config := fmt.Sprintf("[auth]\npasswd_file = \"users\"\n[mail]\nquota = \"5 messages\"\nquota_warnings = [80]\nquota_warning_message = false\nquota_warning_command = [\"/bin/true\"]\nquota_warning_directory = %q\n", p.file("crossed"))
				if err := errors.Join(os.WriteFile(p.file("fantail.toml"), []byte(config), 0o644), os.Mkdir(p.file("crossed"), 0o700)); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if status, says := p.deliver(t); status != 0 {
						t.Fatal(says)
					}
				}
				status, _ := p.deliver(t, strace(t, call, "signal=KILL", n)...)
				killed = status != 0
				if status, says := p.deliver(t); status != 0 {
					t.Fatalf("call %d: and again: %d, %q", n, status, says)
				}
				c, ok, more, err := quota.Take(t.Context(), p.mail())
				if err != nil || !ok || more || c.Before != 0 || c.Now != 80 {
					t.Errorf("call %d: %+v waits: %t, and more: %t, %v", n, c, ok, more, err)
				}
				told, err := filepath.Glob(p.file("crossed/*"))
				if err != nil || !killed && len(told) != 1 || len(told) > 1 {
					t.Errorf("call %d: told by %v, %v", n, told, err)
				}
			}
			if n == 2 && call != "ftruncate" { // what grows need not be cut
				t.Error("nothing was killed")
			}
		})
	}
}
