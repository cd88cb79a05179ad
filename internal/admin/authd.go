package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/launch"
	"fantail/internal/login/userdb"
)

// authdCommand returns a command that runs authd. Run by root it is the user that authd
// is: whose auth.directory is, with his groups, so that it can read what authd can and no
// more. Run by anybody else it is his own authd.
func authdCommand(ctx context.Context, cfg *conf.Config, args ...string) (*exec.Cmd, error) {
	directory, err := launch.Programs(cfg.Programs.Directory, "authd")
	if err != nil {
		return nil, err
	}
	if cfg.File != "" {
		args = append(args, "-c", cfg.File)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(directory, "authd"), args...)
	cmd.Dir = "/"
	if os.Geteuid() != 0 {
		return cmd, nil
	}
	who, err := authdUser(cfg)
	if who != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	}
	return cmd, err
}

// authdUser is the user that authd is, if there is a directory of his; nil if that is
// root's, or there is none.
func authdUser(cfg *conf.Config) (*syscall.Credential, error) {
	info, err := os.Stat(cfg.Auth.Directory)
	if errors.Is(err, fs.ErrNotExist) { // it is made when something is to be kept there
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	st := info.Sys().(*syscall.Stat_t)
	if st.Uid == 0 {
		return nil, nil
	}
	u, err := user.LookupId(strconv.Itoa(int(st.Uid)))
	if errors.As(err, new(user.UnknownUserIdError)) { // he has a number and no name
		return &syscall.Credential{Uid: st.Uid, Gid: st.Gid}, nil
	}
	var who *syscall.Credential
	if err == nil {
		who, err = credentialOf(u)
	}
	if err != nil {
		return nil, fmt.Errorf("find out who authd is, the owner of %s: %w", cfg.Auth.Directory, err)
	}
	return who, nil
}

// account asks authd for an account of any source. The error wraps userdb.ErrUnknown or
// userdb.ErrUnavailable, if authd has said so.
func account(ctx context.Context, cfg *conf.Config, name string) (a authd.Answer, err error) {
	if err := userdb.CheckName(name); err != nil {
		return a, fmt.Errorf("%w: %w", userdb.ErrUnknown, err)
	}
	args := []string{"-q", name}
	if os.Geteuid() != 0 { // as where fronts start it
		args = append(args, "-i")
	}
	cmd, err := authdCommand(ctx, cfg, args...)
	if err != nil {
		return a, err
	}
	var out, says bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &says
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		if err = json.Unmarshal(out.Bytes(), &a); err != nil {
			err = fmt.Errorf("authd says of %s what is no answer: %w", name, err)
		}
		return a, err
	case !errors.As(err, &exit):
		return a, fmt.Errorf("%w: run authd: %w", userdb.ErrUnavailable, err)
	case exit.ExitCode() == command.NoUser:
		return a, userdb.ErrUnknown
	}
	return a, fmt.Errorf("%w: %s", userdb.ErrUnavailable, words(says.String()))
}

// words is what authd says, without its name, its log and what the error begins with.
func words(says string) string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(says), "\n") {
		if strings.HasPrefix(line, "time=") {
			continue
		}
		line = strings.TrimPrefix(line, "authd: ")
		lines = append(lines, strings.TrimPrefix(line, userdb.ErrUnavailable.Error()+": "))
	}
	return strings.Join(lines, "\n")
}

// unknown is the failure of a verb for an account that no source knows, or that could
// not be asked for.
func unknown(cfg *conf.Config, name string, err error) error {
	if !errors.Is(err, userdb.ErrUnknown) {
		return &failure{exitUnavailable, err, "more: fantail check"}
	}
	f := &failure{exitNoUser, fmt.Errorf("no source of accounts knows %s", printable(name)),
		"make it in " + cfg.Auth.PasswdFile + ": fantail user add " + argumentOf(name)}
	u, err := user.Lookup(name)
	if err != nil {
		return f // whether it is a user of the system would only be a hint
	}
	if uid, err := strconv.Atoi(u.Uid); err == nil && (uid == 0 || uid < cfg.Session.FirstUID) {
		f.err = fmt.Errorf("%w: it is a user of the system with the uid %d, and accounts begin at %d", f.err, uid, max(1, cfg.Session.FirstUID))
		f.next = "where that is set: fantail config session.first_uid"
	} else {
		f.err = fmt.Errorf("%w, but it is a user of the system: is one of the sources pam, or shadow?", f.err)
		f.next = "where they are set: fantail config auth.sources"
	}
	return f
}

// argumentOf is a name as it is typed to a shell.
func argumentOf(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._+=-/") == "" {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
