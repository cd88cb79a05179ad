package admin

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"strconv"

	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/userdb"
)

// userList is the verb user list.
type userList struct{ json bool }

func (u *userList) flags(fs *flag.FlagSet) {
	fs.BoolVar(&u.json, "j", false, "for scripts: a line of JSON for each account")
}

// listed is an account of the passwd-file as scripts see it. What the file does not say
// is not there.
type listed struct {
	Name        string `json:"name"`
	UID         *int   `json:"uid,omitempty"`
	GID         *int   `json:"gid,omitempty"`
	Home        string `json:"home,omitempty"`
	Mail        string `json:"mail,omitempty"`
	IMAPWithout string `json:"imap_without,omitempty"`
	POP3Expire  string `json:"pop3_expire,omitempty"`
	Quota       string `json:"quota,omitempty"`
	Problem     string `json:"problem,omitempty"` // why nobody can log in to it
}

func (u *userList) run(_ context.Context, t *tool, _ []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	records, problems, err := userdb.ReadFile(cfg.Auth.PasswdFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &failure{exitIO, err, "make it with its first account: fantail user add NAME"}
	}
	if err != nil {
		return err
	}
	var rows [][]string
	for _, r := range records {
		problem := ""
		if err := usable(r); err != nil {
			problem = err.Error()
		}
		if u.json {
			l := listed{Name: r.Name, Home: r.Home, Mail: r.Mail, IMAPWithout: r.IMAPWithout, POP3Expire: r.POP3Expire, Quota: r.Quota, Problem: problem}
			if r.UID >= 0 {
				l.UID = &r.UID
			}
			if r.GID >= 0 {
				l.GID = &r.GID
			}
			if err := t.object(l); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{r.Name, number(r.UID), number(r.GID), r.Home, r.Mail, problem})
	}
	if !u.json {
		t.columns([]string{"NAME", "UID", "GID", "HOME", "MAIL", "PROBLEM"}, rows)
	}
	for _, p := range problems {
		t.warn("%s:%d: %v", cfg.Auth.PasswdFile, p.Line, p.Err)
	}
	return nil
}

// usable says why nobody can log in to an account.
func usable(r userdb.Record) error {
	err := errors.Join(r.Broken(), r.Refused)
	if err == nil && r.Password == "" {
		err = errors.New("it has no password")
	}
	if err == nil {
		_, err = scheme.Parse(string(r.Password))
	}
	return err
}

func number(n int) string {
	if n < 0 {
		return ""
	}
	return strconv.Itoa(n)
}
