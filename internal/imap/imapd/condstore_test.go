package imapd_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fantail/internal/imap/imapd"
	"fantail/internal/store"
)

// claim makes a Maildir's new messages old ones.
func claim(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(dir, "new"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Rename(filepath.Join(dir, "new", f.Name()), filepath.Join(dir, "cur", f.Name()+":2,")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoModSeqs: where a Dovecot works on the mailbox too there are no
// mod-sequences to show (RFC 7162 section 3.1.2.2), and expunges are told by EXPUNGE.
func TestNoModSeqs(t *testing.T) {
	dir := newMaildir(t)
	claim(t, dir)
	acct, err := store.OpenAccount(dir, store.Options{Host: "test", Coexist: true})
	if err != nil {
		t.Fatal(err)
	}
	conn := &feed{in: strings.NewReader(strings.Join([]string{
		"a SELECT INBOX (CONDSTORE)",
		"b FETCH 1 (MODSEQ)",
		"c FETCH 1 (FLAGS) (CHANGEDSINCE 1)",
		"d STORE 1 (UNCHANGEDSINCE 1) FLAGS (\\Seen)",
		"e STORE 1 FLAGS (\\Deleted)",
		"f EXPUNGE",
		"",
	}, "\r\n"))}
	if err := imapd.New(acct, conn, imapd.Options{Log: quiet}).Serve(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := acct.Close(); err != nil {
		t.Error(err)
	}
	out := conn.out.String()
	if strings.Contains(out, "MODSEQ ") {
		t.Error("a mod-sequence is told")
	}
	for _, want := range []string{
		"\r\n* OK [NOMODSEQ] ", "\r\nb BAD ", "\r\nc BAD ", "\r\nd BAD ",
		"\r\n* 1 FETCH (UID 1 FLAGS (\\Deleted))\r\ne OK ", "\r\n* 1 EXPUNGE\r\nf OK EXPUNGE",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}
