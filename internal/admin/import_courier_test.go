package admin

import (
	"os"
	"strings"
	"testing"
)

func TestImportCourier(t *testing.T) {
	s := open(t, "")
	if err := os.Mkdir(s.path("courier"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write("courier/imapd", "PORT=143\nIMAPDSTART=YES\nMAILDIRPATH=Mail\nIMAP_IDLE_TIMEOUT=60\nNEWER=1\n")
	s.write("courier/authdaemonrc", "authmodulelist=\"authuserdb authpam\"\n")
	s.write("courier/userdb", "ann\tuid=5000|gid=5000|home=/srv/ann|systempw={PLAIN}hidden|quota=5000S\nbob\thome=/srv/bob\n")

	out, says := s.runs(exitFound, "", "import-courier", s.path("courier"))
	want := "# What Courier was told.\n[imap]\ninbox_prefix = true  # imapd\n\n[auth]\nsources = [\"passwd-file\", \"pam\"]  # authmodulelist\n\n[login]\nplaintext = \"always\"  # IMAP_TLS_REQUIRED\n\n[mail]\npath = \"~/Mail\"  # MAILDIRPATH\n"
	if out != want {
		t.Errorf("%s", out)
	}
	for _, line := range []string{"NEWER (imapd, line 5): there is nothing like it here", "! authmodulelist (authdaemonrc, line 1): the 2 accounts of userdb", "! userdb: bob: it has no password"} {
		if !strings.Contains(says, line) {
			t.Errorf("%q is not said:\n%s", line, says)
		}
	}
	if strings.Contains(says, "IMAP_IDLE_TIMEOUT") || strings.Contains(says+out, "hidden") {
		t.Errorf("%s", says)
	}

	// With its accounts, into files, once.
	passwd := s.path("accounts")
	_, says = s.runs(exitFound, "", "import-courier", "-a", "-o", s.path("new.toml"), "-p", passwd, s.path("courier"))
	if got := s.read("accounts"); got != "ann:{PLAIN}hidden:5000:5000::/srv/ann::userdb_quota=5000S\nbob:::::/srv/bob\n" {
		t.Errorf("%s", got)
	}
	if info, err := os.Stat(passwd); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if !strings.Contains(s.read("new.toml"), "passwd_file = \""+passwd+"\"") || !strings.Contains(says, "IMAP_IDLE_TIMEOUT (imapd, line 4): needs nothing: ") || !strings.Contains(says, "wrote 2 accounts") {
		t.Errorf("%s%s", s.read("new.toml"), says)
	}
	if list, _ := s.runs(exitOK, "", "-c", s.path("new.toml"), "user", "list"); !strings.Contains(list, "ann") {
		t.Errorf("%s", list)
	}
	for _, again := range [][]string{{"-p", passwd}, {"-o", s.path("new.toml")}} {
		if _, says := s.runs(exitData, "", append([]string{"import-courier", s.path("courier")}, again...)...); !strings.Contains(says, "it is not overwritten") {
			t.Errorf("%s", says)
		}
	}

	s.runs(exitData, "", "import-courier", s.path("nowhere"))
	s.write("courier/authdaemonrc", "authmodulelist=\"authpam\"\n")
	s.runs(exitData, "", "import-courier", "-p", s.path("none"), s.path("courier"))
	if _, err := os.Stat(s.path("none")); err == nil {
		t.Error("there are no accounts to write")
	}
}
