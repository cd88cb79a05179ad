package admin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/userdb"
)

// newPassword asks for a new password, twice, on the terminal, or reads it from a line
// of standard input.
func (t *tool) newPassword(name string, stdin bool) (userdb.Secret, error) {
	if stdin {
		return readPassword(t.in)
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", &failure{exitUsage, errors.New("there is no terminal to ask for the password"),
			"give it on standard input, in one line, with -stdin"}
	}
	defer tty.Close()
	first, err := ask(tty, fmt.Sprintf("New password for %s: ", name))
	if err != nil {
		return "", err
	}
	second, err := ask(tty, "Once more: ")
	switch {
	case err != nil:
		return "", err
	case first != second:
		return "", &failure{exitData, errors.New("the two passwords are not the same; nothing has changed"), ""}
	}
	return checkPassword(first)
}

// maxInput is the longest line that is read as a password, in octets.
const maxInput = 4096

// readPassword reads a line.
func readPassword(in io.Reader) (userdb.Secret, error) {
	line, err := bufio.NewReaderSize(io.LimitReader(in, maxInput), maxInput).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return checkPassword(userdb.Secret(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")))
}

func checkPassword(password userdb.Secret) (userdb.Secret, error) {
	wrong := ""
	switch {
	case password == "":
		wrong = "the password is empty"
	case len(password) > scheme.MaxPassword:
		wrong = fmt.Sprintf("the password is longer than %d octets", scheme.MaxPassword)
	case strings.ContainsRune(string(password), 0):
		wrong = "the password has a NUL in it"
	default:
		return password, nil
	}
	return "", &failure{exitData, errors.New(wrong + "; nothing has changed"), ""}
}

// ask asks a question on a terminal, which does not show the answer. Whatever ends the
// program meanwhile leaves the terminal as it was.
func ask(tty *os.File, question string) (userdb.Secret, error) {
	fd := int(tty.Fd())
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return "", fmt.Errorf("ask for the password: %w", err)
	}
	quiet := *old
	quiet.Lflag = quiet.Lflag&^unix.ECHO | unix.ICANON | unix.ISIG
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case s := <-signals:
			_ = unix.IoctlSetTermios(fd, unix.TCSETS, old) // there is nobody left to tell
			signal.Reset(s)
			_ = unix.Kill(os.Getpid(), s.(syscall.Signal))
		case <-done:
		}
	}()
	if err := unix.IoctlSetTermios(fd, unix.TCSETSF, &quiet); err != nil {
		return "", fmt.Errorf("ask for the password: %w", err)
	}
	_, err = tty.WriteString(question)
	var line string
	if err == nil {
		line, err = bufio.NewReaderSize(io.LimitReader(tty, maxInput), maxInput).ReadString('\n')
		if errors.Is(err, io.EOF) { // Ctrl-D
			err = nil
		}
	}
	err = errors.Join(err, unix.IoctlSetTermios(fd, unix.TCSETS, old))
	if err == nil {
		_, err = tty.WriteString("\n")
	}
	if err != nil {
		return "", fmt.Errorf("ask for the password: %w", err)
	}
	return userdb.Secret(strings.TrimSuffix(line, "\n")), nil
}
