package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/userdb"
)

// userAdd is the verb user add.
type userAdd struct {
	uid, gid            int
	home, mail, without string
	expire              string
	hash                hashing
}

func (u *userAdd) flags(fs *flag.FlagSet) {
	u.uid, u.gid = -1, -1
	fs.Var((*identifier)(&u.uid), "uid", "its `number` as a user; else the system's user of that name, or auth.virtual_uid")
	fs.Var((*identifier)(&u.gid), "gid", "the `number` of its group")
	fs.StringVar(&u.home, "home", "", "its home `directory`; else the system's user's, or auth.virtual_home")
	fs.StringVar(&u.mail, "mail", "", "its Maildir, a `directory`; else mail.path")
	fs.StringVar(&u.expire, "expire", "", "after how many `days` mail goes that POP3 has left, or never; else pop3.expire")
	fs.StringVar(&u.without, "without", "", "IMAP `capabilities` that it is not offered, with commas between them")
	u.hash.flags(fs)
}

// identifier is a uid or gid; -1 if it is not said.
type identifier int

func (i *identifier) String() string { return "" }

func (i *identifier) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	*i = identifier(n)
	if err != nil {
		return errors.New("not a number")
	}
	return nil
}

func (u *userAdd) run(_ context.Context, t *tool, args []string) error {
	name := args[0]
	cfg, err := t.load()
	if err != nil {
		return err
	}
	if err := u.check(name); err != nil {
		return err
	}
	// Before somebody types a password.
	if there, err := hasAccount(cfg, name); err != nil {
		return err
	} else if there {
		return exists(cfg, name)
	}
	field, err := u.hash.field(t, cfg, name)
	if err != nil {
		return err
	}
	made := false
	err = t.changePasswdFile(cfg, func(p *passwdFile) error {
		made = p.made
		if _, _, there := p.find(name); there {
			return exists(cfg, name)
		}
		p.add(u.line(name, field))
		return u.verify(p, name, field)
	})
	if err != nil {
		return err
	}
	if made {
		t.say("made %s; if authd runs, it finds it when it is started again: systemctl restart fantail-authd", cfg.Auth.PasswdFile)
	}
	t.say("added %s to %s", printable(name), cfg.Auth.PasswdFile)
	t.warnUnasked(cfg)
	return nil
}

// check reports why there can be no such account.
func (u *userAdd) check(name string) error {
	wrong := func(err error, next string) error { return &failure{exitData, err, next} }
	lower := strings.ToLower(name)
	switch {
	case userdb.CheckName(name) != nil:
		return wrong(fmt.Errorf("%q cannot be the name of an account: it has 1 to %d octets of UTF-8, without control characters, \":\" and \"/\"", name, userdb.MaxName), "")
	case strings.HasPrefix(name, "#") || strings.HasPrefix(name, "-") || strings.TrimSpace(name) != name:
		return wrong(fmt.Errorf("%q cannot be the name of an account: it begins with \"#\" or \"-\", or has a space at an end", name), "")
	case lower != name:
		return wrong(fmt.Errorf("%q has capital letters: who types it in small ones would not find it; found in either case is %q", name, lower),
			"fantail user add "+argumentOf(lower))
	case u.home != "" && !filepath.IsAbs(u.home), u.mail != "" && !filepath.IsAbs(u.mail):
		return wrong(errors.New("-home and -mail take absolute paths"), "")
	case strings.ContainsAny(u.home, ":\n\r") || strings.ContainsAny(u.mail, ":%") || strings.ContainsFunc(u.mail, isSpace):
		return wrong(errors.New("a passwd-file cannot hold that path: \":\" and line ends, and for -mail spaces and \"%\", have a meaning in it"), "")
	}
	if u.expire != "" {
		if _, err := conf.ParseDays(u.expire); err != nil {
			return wrong(fmt.Errorf("-expire: %w", err), "")
		}
	}
	if u.without != "" {
		for c := range strings.SplitSeq(u.without, ",") {
			if err := conf.CheckCapability(c); err != nil {
				return wrong(fmt.Errorf("-without: %w", err), "")
			}
		}
	}
	return nil
}

func isSpace(r rune) bool { return strings.TrimSpace(string(r)) == "" }

// line is the account's line.
func (u *userAdd) line(name, field string) string {
	number := func(n int) string {
		if n < 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	var extra []string
	if u.mail != "" {
		extra = append(extra, "userdb_mail=maildir:"+u.mail)
	}
	if u.without != "" {
		extra = append(extra, "userdb_imap_without="+u.without)
	}
	if u.expire != "" {
		extra = append(extra, "userdb_pop3_expire="+u.expire)
	}
	fields := []string{name, field, number(u.uid), number(u.gid), "", u.home, "", strings.Join(extra, " ")}
	return strings.TrimRight(strings.Join(fields, ":"), ":")
}

// verify wants the parser to read back what was written.
func (u *userAdd) verify(p *passwdFile, name, field string) error {
	r, err := p.record(name)
	if err == nil {
		err = errors.Join(r.Broken(), r.Refused)
	}
	mail := u.mail
	if mail != "" {
		mail = filepath.Clean(mail)
	}
	want := userdb.User{Name: name, UID: u.uid, GID: u.gid, Home: u.home, Mail: mail, IMAPWithout: u.without, POP3Expire: u.expire}
	if err == nil && (r.User != want || string(r.Password) != field) {
		err = errors.New("the file would say something else")
	}
	if err != nil {
		return &failure{exitData, fmt.Errorf("%s cannot be written to a passwd-file: %w", name, err), ""}
	}
	return nil
}

// hasAccount reports whether the passwd-file has a line of that name.
func hasAccount(cfg *conf.Config, name string) (bool, error) {
	text, err := os.ReadFile(cfg.Auth.PasswdFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	p := &passwdFile{lines: strings.SplitAfter(string(text), "\n")}
	_, _, there := p.find(name)
	return there, err
}

func exists(cfg *conf.Config, name string) error {
	return &failure{exitData, fmt.Errorf("%s has the account %s already", cfg.Auth.PasswdFile, name),
		"another password for it: fantail passwd " + argumentOf(name)}
}

// warnUnasked says if nobody asks the passwd-file.
func (t *tool) warnUnasked(cfg *conf.Config) {
	if s := cfg.Auth.Sources; len(s) > 0 && !slices.Contains(s, "passwd-file") {
		t.warn("auth.sources does not have passwd-file: nobody asks %s", cfg.Auth.PasswdFile)
		t.warn("    where it is set: %s", t.typed("fantail config auth.sources"))
	}
}

// hashing makes the field of a new password.
type hashing struct {
	scheme string
	stdin  bool
}

func (h *hashing) flags(fs *flag.FlagSet) {
	fs.StringVar(&h.scheme, "s", "", "hash the password by this `scheme`: "+strings.Join(scheme.Names(), ", "))
	fs.BoolVar(&h.stdin, "stdin", false, "read the password from a line of standard input")
}

// field asks for a password and hashes it.
func (h *hashing) field(t *tool, cfg *conf.Config, name string) (string, error) {
	by := strings.ToUpper(h.scheme)
	if by == "" {
		by = bestScheme(cfg.Auth.Mechanisms)
	}
	if !slices.Contains(scheme.Names(), by) {
		return "", &failure{exitUsage, fmt.Errorf("passwords are not hashed by %q", h.scheme),
			"one of: " + strings.Join(scheme.Names(), " ")}
	}
	password, err := t.newPassword(name, h.stdin)
	if err != nil {
		return "", err
	}
	field, err := scheme.Make(by, string(password))
	if err == nil { // a login would be the first to notice
		_, err = scheme.Parse(field)
	}
	return field, err
}

// bestScheme is the scheme for the mechanisms that clients may use. A field has one
// hash: the keys of SCRAM, where they are wanted, do for passwords that are sent, too.
func bestScheme(mechanisms []string) string {
	for _, m := range []string{"SCRAM-SHA-256", "SCRAM-SHA-1"} {
		if slices.Contains(mechanisms, m) || slices.Contains(mechanisms, m+"-PLUS") {
			return m
		}
	}
	return scheme.Default
}
