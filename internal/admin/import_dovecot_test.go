package admin

import (
	"strings"
	"testing"
)

func TestImportDovecot(t *testing.T) {
	s := open(t, "")
	const plain = "# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\nmail_location = maildir:~/Mail\npop3_lock_session = yes\nsome_new_setting = 1\n"
	s.write("doveconf", plain)
	out, says := s.runs(exitOK, "", "import-dovecot", s.path("doveconf"))
	if out != "# What Dovecot 2.3.19.1 was told.\n[pop3]\nlock_session = true  # pop3_lock_session\n\n[mail]\npath = \"~/Mail\"  # mail_location\n" {
		t.Errorf("%s", out)
	}
	if !strings.Contains(says, "some_new_setting (line 4): there is nothing like it here") {
		t.Errorf("%s", says)
	}

	// Into a file, once; and what is in it is a configuration.
	s.runs(exitOK, "", "import-dovecot", "-o", s.path("new.toml"), s.path("doveconf"))
	if s.read("new.toml") != out {
		t.Errorf("%s", s.read("new.toml"))
	}
	if _, says := s.runs(exitData, "", "import-dovecot", "-o", s.path("new.toml"), s.path("doveconf")); !strings.Contains(says, "it is not overwritten") {
		t.Errorf("%s", says)
	}
	if shown, _ := s.runs(exitOK, "", "-c", s.path("new.toml"), "config", "mail.path"); !strings.Contains(shown, `mail.path = "~/Mail"`) {
		t.Errorf("%s", shown)
	}

	s.write("doveconf", plain+"mail_plugins = acl\n")
	if _, says := s.runs(exitFound, "", "import-dovecot", s.path("doveconf")); !strings.Contains(says, "! mail_plugins acl (line 5): ") || !strings.HasSuffix(says, "Then: fantail -c "+s.path("fantail.toml")+" doctor\n") {
		t.Errorf("%s", says)
	}
	s.write("doveconf", "mail_location maildir:~/Mail\n")
	s.runs(exitData, "", "import-dovecot", s.path("doveconf"))
	s.runs(exitData, "", "import-dovecot", s.path("nowhere"))
	// A value that cannot be is shown with the rest.
	s.write("doveconf", "first_valid_uid = 99999999999999999999\nmail_uid = a b\nmail_location = maildir:~/Mail\n")
	out, says = s.runs(exitFound, "", "import-dovecot", s.path("doveconf"))
	if !strings.Contains(out, "virtual_uid = \"a b\"") || !strings.Contains(says, "! what was made of it is no configuration") || !strings.Contains(says, "first_valid_uid (line 1): ") {
		t.Errorf("%s%s", out, says)
	}
}
