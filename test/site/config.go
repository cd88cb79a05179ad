package site

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// Ports are where the services listen on 127.0.0.1. With port 0 the system
// chooses a free one each time; Ready finds out which.
type Ports struct {
	IMAP, IMAPS, POP3, POP3S, Webmail int
}

// configText is the configuration; all its paths are relative to its
// directory. programs is where the session programs are.
func configText(p Ports, programs string) string {
	return fmt.Sprintf(`# The configuration of this site. It is written once; change it as you like.

[imap]
listen     = ["127.0.0.1:%d"]
listen_tls = ["127.0.0.1:%d"]

[pop3]
listen     = ["127.0.0.1:%d"]
listen_tls = ["127.0.0.1:%d"]

[webmail]
listen_tls = ["127.0.0.1:%d"]
submit_directory = "submit"

[tls]  # a self-signed pair is made if neither file exists
certificate = "tls/certificate.pem"
key         = "tls/key.pem"

[auth]
passwd_file = "users"
directory   = "auth"

[login]
drain = "1s"

[mail]
path = "~"  # the account's home directory in users is its Maildir

[programs]
directory = %q
`, p.IMAP, p.IMAPS, p.POP3, p.POP3S, p.Webmail, programs)
}

// writeUsers makes the passwd-file. In one that exists only the account's home
// directory is set right, since it is absolute and the site may have been
// moved.
func (s *Site) writeUsers() error {
	old, err := os.ReadFile(s.Users())
	if errors.Is(err, fs.ErrNotExist) {
		h, err := shacrypt.New(shacrypt.WithSHA512(), shacrypt.WithIterations(5000))
		if err != nil {
			return err
		}
		hash, err := h.Hash(Password)
		if err != nil {
			return err
		}
		uid, gid := os.Getuid(), os.Getgid()
		if s.Owner != nil {
			uid, gid = int(s.Owner.Uid), int(s.Owner.Gid)
		}
		line := fmt.Sprintf("%s:{SHA512-CRYPT}%s:%d:%d:Robin Demo:%s::\n", Account, hash.Encode(), uid, gid, s.Home())
		return createFile(s.Users(), []byte(line))
	}
	if err != nil {
		return err
	}
	text := withHome(string(old), s.Home())
	if text == string(old) {
		return nil
	}
	return os.WriteFile(s.Users(), []byte(text), 0o600)
}

// withHome sets the home directory of the account in a passwd-file.
func withHome(text, home string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		field := strings.Split(line, ":")
		if field[0] == Account && len(field) > 6 {
			field[5] = home
			line = strings.Join(field, ":")
		}
		b.WriteString(line)
	}
	return b.String()
}

// createFile writes a new file, whole or not at all; one that exists stays.
func createFile(path string, data []byte) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
