package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-crypt/crypt/algorithm/shacrypt"

	"fantail/internal/mail"
	"fantail/internal/mutf7"
	"fantail/internal/store/uidlist"
	"fantail/test/samplemail"
)

const (
	account  = "demo"
	password = "demo"

	// messages and seed settle what mail the account has.
	messages = 420
	seed     = 1
)

// site is the demo's directory.
type site struct {
	dir, bin string // absolute
	shown    string // dir as the caller named it
	shownBin string
}

func newSite(dir, bin string) (*site, error) {
	d, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	return &site{dir: d, bin: b, shown: dir, shownBin: bin}, nil
}

func (s *site) config() string { return filepath.Join(s.dir, "fantail.toml") }
func (s *site) users() string  { return filepath.Join(s.dir, "users") }
func (s *site) home() string   { return filepath.Join(s.dir, "mail", account) }

// prepare makes what is missing in the directory, and says so.
func (s *site) prepare(out io.Writer) error {
	if err := os.MkdirAll(filepath.Join(s.dir, "mail"), 0o700); err != nil {
		return err
	}
	programs, err := filepath.Rel(s.dir, s.bin)
	if err != nil {
		return fmt.Errorf("find %s from %s: %w", s.bin, s.dir, err)
	}
	if err := createFile(s.config(), []byte(configText(programs))); err != nil {
		return err
	}
	if err := s.writeUsers(); err != nil {
		return err
	}
	if _, err := os.Stat(s.home()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fmt.Fprintf(out, "writing %d sample messages to %s\n", messages, filepath.Join(s.shown, "mail", account))
	return s.writeMail()
}

// configText is the configuration; all its paths are relative to its
// directory. programs is where the session programs are.
func configText(programs string) string {
	return fmt.Sprintf(`# The configuration of the demo. It is written once; change it as you like.

[imap]
listen     = ["127.0.0.1:1143"]
listen_tls = ["127.0.0.1:1993"]

[pop3]
listen     = ["127.0.0.1:1110"]
listen_tls = ["127.0.0.1:1995"]

[webmail]
listen_tls = ["127.0.0.1:8443"]

[tls]  # a self-signed pair is made if neither file exists
certificate = "tls/certificate.pem"
key         = "tls/key.pem"

[auth]
passwd_file = "users"

[login]
drain = "1s"

[mail]
path = "~"  # the account's home directory in users is its Maildir

[programs]
directory = %q
`, programs)
}

// writeUsers makes the passwd-file. In one that exists only the demo account's
// home directory is set right, since it is absolute and the directory may have
// been moved.
func (s *site) writeUsers() error {
	old, err := os.ReadFile(s.users())
	if errors.Is(err, fs.ErrNotExist) {
		h, err := shacrypt.New(shacrypt.WithSHA512(), shacrypt.WithIterations(5000))
		if err != nil {
			return err
		}
		hash, err := h.Hash(password)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s:{SHA512-CRYPT}%s:%d:%d:Robin Demo:%s::\n", account, hash.Encode(), os.Getuid(), os.Getgid(), s.home())
		return createFile(s.users(), []byte(line))
	}
	if err != nil {
		return err
	}
	text := withHome(string(old), s.home())
	if text == string(old) {
		return nil
	}
	return os.WriteFile(s.users(), []byte(text), 0o600)
}

// withHome sets the home directory of the demo account in a passwd-file.
func withHome(text, home string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		field := strings.Split(line, ":")
		if field[0] == account && len(field) > 6 {
			field[5] = home
			line = strings.Join(field, ":")
		}
		b.WriteString(line)
	}
	return b.String()
}

// writeMail makes the account's Maildir. It gets its name last, so that a
// Maildir that is there is whole.
func (s *site) writeMail() (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(s.home()), "new-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	folders, err := samplemail.Write(dir, samplemail.Generate(messages, seed))
	if err != nil {
		return fmt.Errorf("write the sample mail: %w", err)
	}
	subscriptions := uidlist.OpenSubscriptions(dir)
	for _, name := range append([]string{mail.Inbox}, folders...) {
		if err := subscriptions.Set(mutf7.Encode(name), true); err != nil {
			return err
		}
	}
	return os.Rename(dir, s.home())
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

// deliver hands one message to the delivery agent.
func (s *site) deliver(ctx context.Context, message []byte) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "deliver"), "-c", s.config(), "-d", account)
	cmd.Stdin = bytes.NewReader(message)
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("deliver a message with %s: %w\n%s", strings.Join(cmd.Args, " "), err, said)
	}
	return nil
}

// welcome is the message of each start.
func welcome(now time.Time) []byte {
	return fmt.Appendf(nil, `From: Fantail <postmaster@example.org>
To: Robin Demo <demo@example.org>
Subject: Fantail was started on %s
Date: %s
Message-ID: <%d.start@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Welcome!

This message came in through "deliver" a moment ago, as a mail server would
hand it over. It lies as one file in the Maildir of the account, and every
program shows the same: IMAP, POP3 and webmail.

Mark it as read in one of them and watch the others.
`, now.Format("2 January 2006 at 15:04:05"), now.Format(time.RFC1123Z), now.UnixNano())
}
