package login

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShared: with session.scope "uid" accounts of one uid are served by one process, each
// its own mail; who has another uid, or mail elsewhere, has a process of his own. An admin
// ends the sessions of one account only.
func TestShared(t *testing.T) {
	h := build(t, func(h *house, config string) string {
		return config + fmt.Sprintf("[session]\nscope = \"uid\"\nfence = %q\n", h.path("mail"))
	})
	names := []string{"ann", "bob", "carol"}
	say := make(map[string]func(line, prefix string) string)
	for _, name := range names {
		s := h.dial(h.imap)
		s("a LOGIN "+name+" secret", "a OK")
		s("b SELECT INBOX", "* 1 EXISTS")
		if got := s("c FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "Subject"); got != "Subject: of "+name {
			t.Errorf("%s reads %q", name, got)
		}
		s("c LIST \"\" *", "c OK")
		say[name] = s
	}
	byUID := make(map[string]int)
	for _, dir := range must(filepath.Glob("/proc/[0-9]*")) {
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // it may have ended
		if !strings.HasPrefix(string(args), h.path("bin", "imap-session")+"\x00") {
			continue
		}
		if want := "\x00-fence\x00" + h.path("mail") + "\x00"; !strings.Contains(string(args), want) || strings.Contains(string(args), "\x00-u\x00") {
			t.Errorf("a program with %q", args)
		}
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
			if !strings.Contains(string(status), want) {
				t.Errorf("a program has not %q:\n%s", want, status)
			}
		}
		_, uid, _ := strings.Cut(string(status), "\nUid:\t")
		uid, _, _ = strings.Cut(uid, "\t")
		byUID[uid]++
	}
	if want := map[string]int{fmt.Sprint(virtualUID): 1, fmt.Sprint(carolUID): 1}; fmt.Sprint(byUID) != fmt.Sprint(want) {
		t.Errorf("programs by uid: %v, want %v", byUID, want)
	}
	// What one does, others do not see.
	say["ann"]("d CREATE Secret", "d OK")
	say["ann"](`d STORE 1 +FLAGS (\Deleted)`, "d OK")
	say["ann"]("d EXPUNGE", "d OK")
	say["bob"]("d NOOP", "d OK")
	say["bob"]("d STATUS Secret (MESSAGES)", "d NO [NONEXISTENT]")
	say["bob"]("d STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 1)")
	say["ann"]("e LOGOUT", "e OK")
	say["bob"]("e NOOP", "e OK")
	for _, name := range names {
		text, err := os.ReadFile(h.path("log-sessiond", "sessiond.log"))
		if err != nil || strings.Contains(string(text), "user="+name) {
			t.Errorf("the log speaks of %s, %v:\n%s", name, err, text)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
