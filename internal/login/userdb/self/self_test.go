package self

import (
	"os/user"
	"path/filepath"
	"testing"

	"fantail/internal/daemon/conf"
)

func TestComplete(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	cfg := &conf.Config{}
	cfg.Mail.Path = "~/Mail"
	home := filepath.Join(me.HomeDir, "Mail")
	for _, c := range []struct{ account, maildir, wantAccount, wantMaildir string }{
		{"ann", "/m", "ann", "/m"},
		{"", "/m", me.Username, "/m"},
		{"ann", "", "ann", home},
		{"", "", me.Username, home},
	} {
		account, maildir := c.account, c.maildir
		if err := Complete(cfg, &account, &maildir); err != nil || account != c.wantAccount || maildir != c.wantMaildir {
			t.Errorf("%q %q: %q %q %v", c.account, c.maildir, account, maildir, err)
		}
	}
}
