// Package self answers whose mail a program works on when nobody has said it: that of the
// user who runs it.
package self

import (
	"fmt"
	"os/user"

	"fantail/internal/daemon/conf"
)

// Complete fills in what is empty: the name of the account, and the path of its Maildir as
// mail.path says it for the home directory of the user who runs the program.
func Complete(cfg *conf.Config, account, maildir *string) error {
	if *account != "" && *maildir != "" {
		return nil
	}
	u, err := user.Current()
	if err != nil {
		return fmt.Errorf("find out whose mail it is: %w", err)
	}
	if *account == "" {
		*account = u.Username
	}
	if *maildir == "" {
		*maildir, err = cfg.MailPath(u.HomeDir)
	}
	return err
}
