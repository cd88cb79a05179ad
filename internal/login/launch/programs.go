package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// libexec is where an installation keeps the session programs, seen from the
// directory of the fronts.
const libexec = "../libexec/fantail"

// Programs returns the directory of the session programs: configured if that is
// not "", or else that of the running executable if session is in it, as in a
// build tree, or else libexec beside it, as in an installation.
func Programs(configured, session string) (string, error) {
	if configured != "" {
		return configured, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the session programs: %w", err)
	}
	return programsBeside(filepath.Dir(self), session)
}

func programsBeside(dir, session string) (string, error) {
	_, err := os.Stat(filepath.Join(dir, session))
	if errors.Is(err, fs.ErrNotExist) {
		return filepath.Join(dir, libexec), nil
	}
	return dir, err
}
