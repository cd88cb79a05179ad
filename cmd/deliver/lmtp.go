package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"fantail/internal/deliver"
)

// lmtpd is what this program becomes by -lmtp: a front, with what it is to listen on and
// whoever started it. A program that delivers on a pipe links no TLS and no socket.
func lmtpd(args []string, stderr io.Writer) int {
	self, err := os.Executable()
	if err == nil {
		path := filepath.Join(filepath.Dir(self), "lmtpd")
		err = syscall.Exec(path, append([]string{path}, args...), os.Environ())
		if errors.Is(err, syscall.ENOENT) {
			err = fmt.Errorf("%s is not there", path)
		}
	}
	fmt.Fprintf(stderr, "deliver: become lmtpd: %v\n", err)
	return deliver.TempFail
}
