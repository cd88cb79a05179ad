package userdb

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret is the longest secret in a file of its own, in octets.
const maxSecret = 4096

// ReadSecret reads a file that holds a secret and nothing else; a line end after it is
// not part of it. The file must not be for everybody.
func ReadSecret(path string) (Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("%s is open to everybody: its mode is %#o", path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case secret == "":
		err = errors.New("is empty")
	case len(data) > maxSecret:
		err = fmt.Errorf("has more than %d octets", maxSecret)
	case strings.ContainsAny(secret, "\x00\n"):
		err = errors.New("has more than a line")
	}
	if err != nil {
		return "", fmt.Errorf("%s %w", path, err)
	}
	return Secret(secret), nil
}
