// Stranger is a session program that a stranger has taken over: to whoever logs in it
// says what it was able to do that it must not, a line for each try. It is put in the
// place of pop3-session.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"fantail/internal/login/session"
)

func main() {
	p := session.Program{Name: "pop3-session", Serve: func(_ context.Context, s *session.Session) error {
		for _, line := range tries(s) {
			fmt.Fprintln(s.Conn, line)
		}
		return nil
	}}
	os.Exit(p.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// others are accounts whose mail lies beside that of the stranger's.
var others = []string{"ann", "bob", "carol"}

// tries are what a session must not be able to do, and how it went.
func tries(s *session.Session) []string {
	var lines []string
	try := func(what string, err error) { lines = append(lines, fmt.Sprintf("%s: %v", what, err)) }
	acct, err := s.OpenAccount()
	if err != nil {
		return []string{err.Error()}
	}
	_, err = acct.List(context.Background())
	try("own mail", err)
	mail := filepath.Dir(filepath.Dir(flagOf("-m")))
	for _, other := range others {
		if other != s.User {
			_, err = os.ReadDir(filepath.Join(mail, other, "Maildir", "cur"))
			try("list mail of "+other, err)
			_, err = os.ReadFile(filepath.Join(mail, other, "Maildir", "cur", "1000000001.secret.host:2,"))
			try("read mail of "+other, err)
			try("write mail of "+other, os.WriteFile(filepath.Join(mail, other, "Maildir", "new", "x"), nil, 0o600))
			try("rename mail of "+other, os.Rename(filepath.Join(mail, other, "Maildir"), filepath.Join(flagOf("-m"), "theirs")))
		}
	}
	_, err = os.ReadFile("/etc/passwd")
	try("read a file of the system", err)
	_, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	try("open a socket", err)
	_, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	try("open a unix socket", err)
	try("run a program", exec.Command("/bin/true").Run())
	try("become root", unix.Setresuid(0, 0, 0))
	try("signal init", unix.Kill(1, 0))
	return lines
}

// flagOf returns the argument of a flag of this program.
func flagOf(name string) string {
	for i, a := range os.Args {
		if a == name {
			return os.Args[i+1]
		}
	}
	return ""
}
