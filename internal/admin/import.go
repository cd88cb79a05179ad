package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"fantail/internal/admin/translation"
	"fantail/internal/daemon/conf"
)

// imported shows what another server's configuration is here, below a comment that says
// whose it was: the settings on standard output, or in a new file if output is not "", and
// on standard error what does not come along.
func (t *tool) imported(r *translation.Result, comment, output string) error {
	toml := "# " + comment + "\n" + r.TOML()
	wrong := loadable(toml)
	if output == "" {
		fmt.Fprint(t.out, toml)
	} else if err := writeNew(output, toml); err != nil {
		return err
	}
	for _, n := range r.Notes {
		t.warn("%s", n)
	}
	if wrong != nil {
		t.warn("! what was made of it is no configuration: %v", wrong)
	}
	if r.IsGrave() || wrong != nil {
		t.warn("What has a ! before it needs a hand. Then: %s", t.typed("fantail doctor"))
		return errFound
	}
	return nil
}

// loadable reports what is wrong with the text of a configuration.
func loadable(text string) (err error) {
	f, err := os.CreateTemp("", "fantail*.toml")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		_, err = conf.Load(f.Name())
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// writeNew writes a file that must not exist, for everybody to read: it has no secrets.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &failure{exitData, err, "it is not overwritten: another name"}
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
