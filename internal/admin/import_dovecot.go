package admin

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"fantail/internal/admin/dovecot"
)

// importDovecot is the verb import-dovecot: what Dovecot's configuration is here. It
// changes nothing but the file that it is told to write.
type importDovecot struct{ output string }

func (i *importDovecot) flags(fs *flag.FlagSet) {
	fs.StringVar(&i.output, "o", "", "write the settings to this `file`, which must not exist; without it, to standard output")
}

func (i *importDovecot) run(ctx context.Context, t *tool, names []string) error {
	text, err := doveconf(ctx, t, names)
	if err != nil {
		return err
	}
	c, err := dovecot.Parse(bytes.NewReader(text))
	if err != nil {
		return &failure{exitData, err, "fantail import-dovecot FILE, with what doveconf -nP has printed"}
	}
	r := dovecot.Translate(c, readSettings)
	return t.imported(&r, fmt.Sprintf("What Dovecot %s was told.", c.Version), i.output)
}

// doveconf returns what it prints, or what is in a file; "-" is standard input.
func doveconf(ctx context.Context, t *tool, names []string) ([]byte, error) {
	const most = 4<<20 + 1 // of which the parser says that it is too much
	if len(names) == 1 {
		f := t.in
		if names[0] != "-" {
			var err error
			if f, err = os.Open(names[0]); err != nil {
				return nil, &failure{exitData, err, ""}
			}
			defer f.Close()
		}
		return io.ReadAll(io.LimitReader(f, most))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// -P shows the paths of keys, which -n hides.
	out, err := exec.CommandContext(ctx, "doveconf", "-nP").Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return nil, &failure{exitUnavailable, fmt.Errorf("doveconf: %w\n%s", err, bytes.TrimSpace(exit.Stderr)), ""}
	case err != nil:
		return nil, &failure{exitUnavailable, err, "where Dovecot is: doveconf -nP >FILE; here: fantail import-dovecot FILE"}
	}
	return out, nil
}

// readSettings reads a file that Dovecot's configuration names.
func readSettings(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}
