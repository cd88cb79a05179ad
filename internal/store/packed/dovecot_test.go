package packed

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fantail/test/dovecot"
)

// TestDovecotPacks reads what Dovecot's plugin writes, in all formats and at the
// levels that make a difference.
func TestDovecotPacks(t *testing.T) {
	messages := []string{
		"Subject: short\r\n\r\nx\r\n",
		letter(300 << 10),
		"Subject: noise\r\n\r\n" + noise(200<<10) + "\r\n",
	}
	for _, tt := range []struct {
		save   string
		level  int // 0: Dovecot's choice
		format Format
	}{
		{"gz", 0, Gzip},
		{"bz2", 0, Bzip2},
		{"bz2", 1, Bzip2},
		{"lz4", 0, LZ4},
		{"zstd", 0, Zstd},
		{"zstd", 22, Zstd},
	} {
		t.Run(fmt.Sprint(tt.save, tt.level), func(t *testing.T) {
			settings := "mail_plugins = zlib\nmaildir_stat_dirs = yes\nmail_save_crlf = yes\nplugin {\n zlib_save = " + tt.save + "\n"
			if tt.level != 0 {
				settings += fmt.Sprintf(" zlib_save_level = %d\n", tt.level)
			}
			a := dovecot.New(t, "", settings+"}\n")
			for _, m := range messages {
				a.IMAP(dovecot.Append(m))
			}
			names, err := filepath.Glob(filepath.Join(a.Maildir, "*", "*,S=*"))
			if err != nil || len(names) != len(messages) {
				t.Fatalf("%d files, %v", len(names), err)
			}
			left := messages
			for _, name := range names {
				left = without(left, readPacked(t, name, tt.format))
			}
			if len(left) != 0 {
				t.Errorf("%d of %d messages have not come back", len(left), len(messages))
			}
		})
	}
}

// readPacked reads a file of Dovecot with the size in its name.
func readPacked(t *testing.T, name string, want Format) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := Detect(b[:min(Head, len(b))]); got != want {
		t.Errorf("%s is taken for %s", filepath.Base(name), got)
	}
	var size int64
	_, field, _ := strings.Cut(name, ",S=")
	if _, err := fmt.Sscan(strings.FieldsFunc(field, func(r rune) bool { return r < '0' || r > '9' })[0], &size); err != nil {
		t.Fatal(err)
	}
	plain, err := openBytes(t, b, Options{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(plain)) != size {
		t.Errorf("%d octets, the name says %d", len(plain), size)
	}
	return plain
}

func without(all []string, s string) []string {
	var rest []string
	for _, a := range all {
		if a != s {
			rest = append(rest, a)
		}
	}
	return rest
}
