package courier

import (
	"strings"
	"testing"
	"testing/fstest"

	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/userdb"
)

// readBack wants a passwd-file of the accounts to have no line with an error.
func readBack(t *testing.T, accounts []Account) []userdb.Record {
	t.Helper()
	var text strings.Builder
	for _, a := range accounts {
		text.WriteString(a.Line + "\n")
	}
	records, problems, err := userdb.Scan(strings.NewReader(text.String()))
	if err != nil || len(problems) > 0 || len(records) != len(accounts) {
		t.Fatalf("%v, %v: %d of %d accounts in\n%s", err, problems, len(records), len(accounts), &text)
	}
	return records
}

// at makes a configuration of files in /etc/courier.
func at(t *testing.T, files map[string]string) *Config {
	t.Helper()
	root := fstest.MapFS{}
	for name, text := range files {
		path, absolute := strings.CutPrefix(name, "/")
		if !absolute {
			path = "etc/courier/" + name
		}
		root[path] = &fstest.MapFile{Data: []byte(text)}
	}
	c, err := Read(root, Directories)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAccounts(t *testing.T) {
	for _, c := range []struct{ entry, line, note string }{
		{"ann\tuid=5000|gid=5000|home=/srv/ann|systempw=$1$x$O.kIBScbzLDwi.hEjzGvm/|shell=/bin/sh", "ann:$1$x$O.kIBScbzLDwi.hEjzGvm/:5000:5000::/srv/ann", ""},
		{"ann\tuid=5000|gid=5000|home=/srv/ann|systempw={PLAIN}x|mail=/srv/ann/Maildir|quota=10000000S,5000C", "ann:{PLAIN}x:5000:5000::/srv/ann::userdb_quota=10000000S,5000C", ""},
		{"ann\tuid=5000|home=/srv/ann|systempw={PLAIN}x|mail=Mail/", "ann:{PLAIN}x:5000:::/srv/ann::userdb_mail=maildir:/srv/ann/Mail", ""},
		{"ann\thome=/srv/ann|systempw={PLAIN}x|mail=/srv/a b", "ann:{PLAIN}x::::/srv/ann", "its Maildir is where no passwd-file can say"},
		{"ann\tuid=x|gid=-1|home=srv|systempw={PLAIN}x", "ann:{PLAIN}x", "its gid is no number"},
		{"Ann\tsystempw={PLAIN}x", "ann:{PLAIN}x", "names have no capital letters"},
		{"a:b\tsystempw={PLAIN}x", "", "no account can have this name"},
		{"ann\timappw={PLAIN}x|pop3pw={PLAIN}x", "ann:{PLAIN}x", "it has a password for IMAP alone"},
		{"ann\tsystempw={PLAIN}x|pop3pw={PLAIN}y", "ann:{PLAIN}x", "it has another password for POP3"},
		{"ann\tsystempw={PLAIN}x|esmtppw={PLAIN}y", "ann:{PLAIN}x", "there is a password for sending alone"},
		{"ann\thmac-md5pw=abcdef", "ann", "it has no password that can be checked"},
		{"ann\tsystempw=xy0123456789a", "ann:xy0123456789a", "its password cannot be checked here"},
		{"ann\tsystempw={PLAIN}a:b", "ann", "no passwd-file can hold its password"},
		{"ann\tsystempw={PLAIN}x|quota=lots", "ann:{PLAIN}x", `its limits "lots" are none`},
		{"ann\tsystempw={PLAIN}x|quota=NOQUOTA", "ann:{PLAIN}x", ""},
		{"ann\tsystempw={PLAIN}x|options=disableimap=1,disableshared=1,disablepop3=0,sharedgroup=a", "ann:{PLAIN}x", "disableimap=1: an account that can log in"},
	} {
		accounts, notes := at(t, map[string]string{"authdaemonrc": "authmodulelist=authuserdb\n", "userdb": c.entry + "\n"}).Accounts()
		got := ""
		for _, a := range accounts {
			got += a.Line
		}
		if got != c.line {
			t.Errorf("%s: %s, want %s", c.entry, got, c.line)
		}
		readBack(t, accounts)
		text := ""
		for _, n := range notes {
			text += n.String() + "\n"
		}
		if (text == "") != (c.note == "") || !strings.Contains(text, c.note) {
			t.Errorf("%s: notes\n%swant %s", c.entry, text, c.note)
		}
		if strings.Contains(text, "PLAIN") || strings.Contains(text, "xy0123") {
			t.Errorf("a hash is in the notes: %s", text)
		}
	}
}

// Hashes as Courier has them of the password "secret", each a password here.
func TestHashes(t *testing.T) {
	for _, hash := range []string{
		"{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==", "{MD5RAW}5ebe2294ecd0e0f08eab7690d2a6ee69", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
		"{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=", "{CRYPT}$1$ab$dslkcXxVH.x8LwW1W/oAB/", "{md5raw}5ebe2294ecd0e0f08eab7690d2a6ee69",
	} {
		if ok, err := scheme.Verify(hashOf(hash), "secret"); !ok || err != nil {
			t.Errorf("%s as %s: %v, %v", hash, hashOf(hash), ok, err)
		}
	}
}

// Files of a directory count together, and what makeuserdb does not read does not.
func TestUserdbDirectory(t *testing.T) {
	c := at(t, map[string]string{
		"authdaemonrc": "authmodulelist=authuserdb\n", "userdb/a": "ann\tsystempw={PLAIN}x\n", "userdb/b/c": "bob\tsystempw={PLAIN}x\nann\tsystempw={PLAIN}y\n", "userdb/.x": "eve\tsystempw={PLAIN}x\n",
	})
	accounts, notes := c.Accounts()
	if len(accounts) != 2 || accounts[0].Line != "ann:{PLAIN}x" || accounts[1].Name != "bob" {
		t.Errorf("%+v", accounts)
	}
	if len(notes) != 1 || notes[0].From.Line != 2 || !strings.Contains(notes[0].Text, "above") {
		t.Errorf("%v", notes)
	}
}
