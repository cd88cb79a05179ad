package admin

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fantail/internal/admin/courier"
	"fantail/internal/login/userdb"
)

// importCourier is the verb import-courier: what Courier's configuration is here. It changes
// nothing but the files that it is told to write, and no mail: the store goes on with
// Courier's UIDs, keywords and subscriptions when it first opens a mailbox.
type importCourier struct {
	output, passwd string
	all            bool
}

func (i *importCourier) flags(fs *flag.FlagSet) {
	fs.BoolVar(&i.all, "a", false, "say also what needs nothing, and why")
	fs.StringVar(&i.output, "o", "", "write the settings to this `file`, which must not exist; without it, to standard output")
	fs.StringVar(&i.passwd, "p", "", "write the accounts of userdb, with their hashes, to this passwd-`file`, which must not exist")
}

func (i *importCourier) run(_ context.Context, t *tool, directories []string) error {
	if len(directories) == 0 {
		directories = courier.Directories
	}
	for n, dir := range directories {
		var err error
		if directories[n], err = filepath.Abs(dir); err != nil {
			return err
		}
	}
	c, err := courier.Read(os.DirFS("/"), directories)
	if errors.Is(err, courier.ErrNotCourier) {
		return &failure{exitData, err, "where its files are elsewhere: fantail import-courier DIRECTORY"}
	}
	if err != nil {
		return err
	}
	passwd := ""
	if i.passwd != "" {
		if passwd, err = filepath.Abs(i.passwd); err != nil {
			return err
		}
	}
	r := courier.Translate(c, passwd)
	if err := i.writeAccounts(t, c, passwd); err != nil {
		return err
	}
	if i.all {
		r.Notes = append(r.Notes, courier.Needless(c)...)
	}
	return t.imported(&r, "What Courier was told.", i.output)
}

// writeAccounts makes the passwd-file, and wants the parser to read back what is in it.
func (i *importCourier) writeAccounts(t *tool, c *courier.Config, path string) error {
	if path == "" {
		return nil
	}
	if !c.UsesUserdb() {
		return &failure{exitData, errors.New("no accounts of Courier's are in userdb"), "without -p: the same again"}
	}
	accounts, _ := c.Accounts() // the notes are in the result
	var text strings.Builder
	for _, a := range accounts {
		text.WriteString(a.Line + "\n")
	}
	if _, problems, err := userdb.Scan(bytes.NewBufferString(text.String())); err != nil || len(problems) > 0 {
		return &failure{exitData, fmt.Errorf("what was made of userdb is no passwd-file: %v %v", err, problems), ""}
	}
	cfg, err := t.load()
	if err != nil {
		return err
	}
	f, err := makeFile(path, cfg.Auth.Directory)
	if errors.Is(err, fs.ErrExist) {
		return &failure{exitData, err, "it is not overwritten: another name"}
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text.String())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(path))
	}
	t.warn("wrote %d accounts to %s", len(accounts), path)
	return nil
}
