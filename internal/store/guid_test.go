package store

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMadeUpGUID: mailboxes whose lists have no identity get one, each its own, that
// stays when the index is lost.
func TestMadeUpGUID(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	mkdirs(t, dir, "", ".a", ".b")
	for _, d := range []string{".a", ".b"} {
		list := "1 1000000000 2\n1 1000000001.x\n" // version 1
		if err := os.WriteFile(filepath.Join(dir, d, "dovecot-uidlist"), []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, d, "cur", "1000000001.x:2,"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ids := func() (a, b string) {
		acct := openAccount(t, dir)
		return syncBox(t, openBox(t, acct, "a")).GUID(), syncBox(t, openBox(t, acct, "b")).GUID()
	}
	a, b := ids()
	if a == b || a == "00000000000000000000000000000000" {
		t.Fatal(a, b)
	}
	for _, d := range []string{".a", ".b"} {
		for _, f := range []string{"fantail.index", "fantail.log"} {
			if err := os.RemoveAll(filepath.Join(dir, d, f)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if a2, b2 := ids(); a2 != a || b2 != b {
		t.Errorf("%s, %s; then %s, %s", a, b, a2, b2)
	}
}
