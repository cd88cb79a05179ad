// Package inquiry asks authd whose an account is, for those who are no front of clients and
// need no password: an administrator's tool, and submitd. It starts an authd for the
// question, so that it can be asked where none runs.
package inquiry

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
	"fantail/internal/login/launch"
	"fantail/internal/login/userdb"
)

// Command returns a command that runs authd. Run by root it is the user that authd
// is: whose auth.directory is, with his groups, so that it can read what authd can and no
// more. Run by anybody else it is his own authd.
func Command(ctx context.Context, cfg *conf.Config, args ...string) (*exec.Cmd, error) {
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
	who, err := User(cfg)
	if who != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	}
	return cmd, err
}

// User is the user that authd is, if there is a directory of his; nil if that is
// root's, or there is none.
func User(cfg *conf.Config) (*syscall.Credential, error) {
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
		who, err = Credential(u)
	}
	if err != nil {
		return nil, fmt.Errorf("find out who authd is, the owner of %s: %w", cfg.Auth.Directory, err)
	}
	return who, nil
}

// Credential is a user of the system with his groups.
func Credential(u *user.User) (*syscall.Credential, error) {
	ids, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	numbers := make([]uint32, 0, len(ids)+2)
	for _, text := range append([]string{u.Uid, u.Gid}, ids...) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("the user %s: %w", u.Username, err)
		}
		numbers = append(numbers, uint32(n))
	}
	return &syscall.Credential{Uid: numbers[0], Gid: numbers[1], Groups: numbers[2:]}, nil
}

// Account asks for an account of any source, and reads authd's answer, JSON, into answer:
// see authd(8). The error wraps userdb.ErrUnknown or userdb.ErrUnavailable, if authd has
// said so.
func Account(ctx context.Context, cfg *conf.Config, name string, answer any) error {
	if err := userdb.CheckName(name); err != nil {
		return fmt.Errorf("%w: %w", userdb.ErrUnknown, err)
	}
	args := []string{"-q", name}
	if os.Geteuid() != 0 { // as where fronts start it
		args = append(args, "-i")
	}
	cmd, err := Command(ctx, cfg, args...)
	if err != nil {
		return err
	}
	var out, says bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &says
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		if err = json.Unmarshal(out.Bytes(), answer); err != nil {
			err = fmt.Errorf("authd says of %s what is no answer: %w", name, err)
		}
		return err
	case !errors.As(err, &exit):
		return fmt.Errorf("%w: run authd: %w", userdb.ErrUnavailable, err)
	case exit.ExitCode() == command.NoUser:
		return userdb.ErrUnknown
	}
	return fmt.Errorf("%w: %s", userdb.ErrUnavailable, Words(says.String()))
}

// Words is what authd says, without its name, its log and what the error begins with.
func Words(says string) string {
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
