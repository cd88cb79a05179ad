package contacts

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// openBook opens a book in a directory of its own.
func openBook(t testing.TB) (*Book, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "contacts")
	b, err := Open(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, dir
}

func names(t *testing.T, b *Book) string {
	t.Helper()
	list, err := b.Contacts()
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, c := range list {
		s = append(s, c.Name)
	}
	return strings.Join(s, ", ")
}

func put(t *testing.T, b *Book, uid, name string, emails ...string) string {
	t.Helper()
	c := New(uid)
	v := Contact{Name: name}
	for _, e := range emails {
		v.Emails = append(v.Emails, Reach{Value: e})
	}
	c.Set(v, editTime)
	id, err := b.Put("", c)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestBook(t *testing.T) {
	b, dir := openBook(t)
	if got := names(t, b); got != "" {
		t.Errorf("a new book has %s", got)
	}
	id := put(t, b, "1", "Zoë")
	put(t, b, "urn:uuid:../../2", "Émile")
	put(t, b, "3", "bob")
	if got := names(t, b); got != "bob, Émile, Zoë" {
		t.Errorf("the book has %s", got)
	}
	// Another program writes.
	if err := os.WriteFile(filepath.Join(dir, "4.vcf"), []byte(apple), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "1.vcf"), []byte(card("UID:1", "FN:Zed")), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := names(t, b); got != "Ann Lee, bob, Émile, Zed" {
		t.Errorf("the book has %s", got)
	}
	if err := b.Delete(id); err != nil {
		t.Error(err)
	}
	if err := b.Delete(id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleted again: %v", err)
	}
	if got := names(t, b); got != "Ann Lee, bob, Émile" {
		t.Errorf("the book has %s", got)
	}
	var out bytes.Buffer
	if err := b.Export(&out); err != nil {
		t.Fatal(err)
	}
	if cards, bad := Parse(out.String()); len(cards) != 3 || bad != 0 || strings.Count(out.String(), "BEGIN:VCARD") != 3 {
		t.Errorf("exported %s", &out)
	}
}

func TestStrangeFiles(t *testing.T) {
	b, dir := openBook(t)
	outside := filepath.Join(filepath.Dir(dir), "outside.vcf")
	if err := os.WriteFile(outside, []byte(google), 0o600); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(dir, newPrefix+"OLD")
	for name, text := range map[string]string{"no.vcf": "hello", "two.vcf": google + apple, ".hidden.vcf": google, "x.txt": google, newPrefix + "OLD": google, newPrefix + "NOW": google, "big.vcf": strings.Repeat("x", maxCard+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink(outside, filepath.Join(dir, "link.vcf")), os.Mkdir(filepath.Join(dir, "dir.vcf"), 0o700), os.Chtimes(old, time.Time{}, time.Now().Add(-2*newAge))); err != nil {
		t.Fatal(err)
	}
	if got := names(t, b); got != "" {
		t.Errorf("the book has %s", got)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a crash has left is there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, newPrefix+"NOW")); err != nil {
		t.Errorf("what somebody writes is gone: %v", err)
	}
	for _, id := range []string{"", "../outside", "a/b", ".hidden", "link", "no", "missing"} {
		if _, err := b.Card(id); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNoCard) {
			t.Errorf("%q: %v", id, err)
		}
		if _, err := b.Put(id, one(t, google)); id != "missing" && id != "link" && id != "no" && err == nil {
			t.Errorf("%q was written", id)
		}
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != google {
		t.Errorf("the file outside is %q, %v", text, err)
	}
}

func TestImport(t *testing.T) {
	b, _ := openBook(t)
	for _, want := range []Imported{{Added: 3, Bad: 1}, {Replaced: 3, Bad: 1}} {
		got, err := b.Import(strings.NewReader(google + outlook + "noise\n" + apple + "BEGIN:VCARD\n"))
		if err != nil || got != want {
			t.Errorf("imported %+v, %v, want %+v", got, err, want)
		}
	}
	if got := names(t, b); got != "Ann Lee, Dr. Zoë van Dam, Jörg Müller; jr., Ulm" {
		t.Errorf("the book has %s", got)
	}
}

func TestImportMany(t *testing.T) {
	b, dir := openBook(t)
	var text strings.Builder
	for i := range 2*importBatch + 1 {
		fmt.Fprintf(&text, "BEGIN:VCARD\nFN:Name %d\nEND:VCARD\n", i)
	}
	got, err := b.Import(strings.NewReader(text.String()))
	if err != nil || got != (Imported{Added: 2*importBatch + 1}) {
		t.Errorf("imported %+v, %v", got, err)
	}
	list, err := b.Contacts()
	if err != nil || len(list) != 2*importBatch+1 {
		t.Errorf("%d contacts, %v", len(list), err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, newPrefix+"*")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %q, %v", left, err)
	}
	// What cannot be written leaves nothing.
	if err := commit(b.root, newFile{name: "a.vcf"}, newFile{name: "missing/b.vcf"}); err == nil {
		t.Error("wrote into a directory that is not there")
	}
	if left, err := filepath.Glob(filepath.Join(dir, newPrefix+"*")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %q, %v", left, err)
	}
}

func TestGroup(t *testing.T) {
	b, _ := openBook(t)
	put(t, b, "urn:uuid:A1", "Ann", "ann@example.org", "second@example.org")
	put(t, b, "b2", "Bob", "bob@example.org")
	put(t, b, "c3", "Nobody")
	for _, text := range []string{
		card("VERSION:4.0", "UID:g", "KIND:group", "FN:Crew", "MEMBER:urn:uuid:a1", "MEMBER:b2", "MEMBER:c3", "MEMBER:missing", "MEMBER:mailto:x@example.org", "MEMBER:mailto:ANN@example.org"),
		card("VERSION:3.0", "UID:z", "FN:Zoë", "CATEGORIES:crew", "EMAIL:z1@example.org", "EMAIL;TYPE=pref:z2@example.org"),
	} {
		if _, err := b.Put("", one(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := b.Group("CREW")
	var got []string
	for _, r := range list {
		got = append(got, r.Name+"<"+r.Addr+">")
	}
	if s := strings.Join(got, " "); err != nil || s != "Ann<ann@example.org> Bob<bob@example.org> <x@example.org> Zoë<z2@example.org>" {
		t.Errorf("%s, %v", s, err)
	}
}
