package uidlist

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
)

func TestParseKeywords(t *testing.T) {
	text := "0 $Junk\nfoo\n1 \n26 far\n-1 x\n 3 x\n+4 x\n5 two words\n25 last\n6 old\n6 new\n7 torn"
	var got []string
	for i, name := range parseKeywords(text) {
		if name != "" {
			got = append(got, fmt.Sprint(i, "=", name))
		}
	}
	if want := "0=$Junk 5=two words 6=new 7=torn 25=last"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKeywords(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dovecot-keywords")
	k := OpenKeywords(dir)
	if err := k.Load(); err != nil {
		t.Fatal(err)
	}
	for i, kw := range []mail.Keyword{"$Junk", "work", "$JUNK"} {
		letter, err := k.Add(kw)
		if err != nil || letter != i%2 {
			t.Errorf("%s is letter %d, %v", kw, letter, err)
		}
	}
	if got := get(t, path); got != "0 $Junk\n1 work\n" {
		t.Errorf("wrote %q", got)
	}
	// Another process adds one.
	other := OpenKeywords(dir)
	if i, err := other.Add("third"); err != nil || i != 2 {
		t.Errorf("letter %d, %v", i, err)
	}
	if err := k.Load(); err != nil {
		t.Fatal(err)
	}
	if kw, ok := k.Name(2); kw != "third" || !ok {
		t.Errorf("letter 2 is %s, %v", kw, ok)
	}
	if i, ok := k.Letter("THIRD"); i != 2 || !ok {
		t.Errorf("THIRD is letter %d, %v", i, ok)
	}
	if _, ok := k.Letter("fourth"); ok {
		t.Error("fourth has a letter")
	}
	// Add looks at the file first.
	if i, err := other.Add("fourth"); err != nil || i != 3 {
		t.Fatalf("letter %d, %v", i, err)
	}
	if i, err := k.Add("fifth"); err != nil || i != 4 {
		t.Errorf("letter %d, %v", i, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := k.Load(); err != nil {
		t.Fatal(err)
	}
	if _, ok := k.Letter("work"); ok {
		t.Error("the file is gone and its names are not")
	}
	noTemp(t, dir)
}

func TestKeywordsFull(t *testing.T) {
	k := OpenKeywords(t.TempDir())
	for i := range MaxKeywords {
		if _, err := k.Add(mail.Keyword(fmt.Sprint("k", i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.Add("k26"); !errors.Is(err, ErrKeywordsFull) {
		t.Errorf("%v", err)
	}
	if i, err := k.Add("K25"); err != nil || i != 25 {
		t.Errorf("letter %d, %v", i, err)
	}
}

func TestAddAll(t *testing.T) {
	k := OpenKeywords(t.TempDir())
	if _, err := k.Add("old"); err != nil {
		t.Fatal(err)
	}
	k.Reserve(1 << 2)
	var kws []mail.Keyword
	var want []int
	for i := range MaxKeywords {
		kws = append(kws, mail.Keyword(fmt.Sprint("k", i)))
		if want = append(want, i+1); i > 0 {
			want[i]++ // the letter that is reserved
		}
	}
	kws, want[24], want[25] = append(kws, "OLD", "K0"), -1, -1
	want = append(want, 0, 1)
	got, err := k.AddAll(kws)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if again, err := k.AddAll(kws); err != nil || !slices.Equal(again, want) {
		t.Errorf("again %v, %v; want %v", again, err, want)
	}
	if _, err := k.AddAll([]mail.Keyword{"fine", "not fine"}); !errors.Is(err, ErrKeyword) {
		t.Errorf("%v", err)
	}
}

func TestLostKeywordNames(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dovecot-keywords")
	if err := os.WriteFile(path, []byte("0 unknown-1\n3 two words\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k := OpenKeywords(dir)
	if err := k.Load(); err != nil {
		t.Fatal(err)
	}
	k.Reserve(1<<1 | 1<<2)
	for letter, want := range map[int]mail.Keyword{1: "unknown-1?", 2: "unknown-2", 3: "unknown-3"} {
		if kw, ok := k.Name(letter); kw != want || ok {
			t.Errorf("letter %d is %s, %v; want %s", letter, kw, ok, want)
		}
		if i, ok := k.Letter(want); i != letter || !ok {
			t.Errorf("%s is letter %d, %v", want, i, ok)
		}
	}
	for _, letter := range []int{-1, 26} {
		if kw, ok := k.Name(letter); kw != "" || ok {
			t.Errorf("letter %d is %s, %v", letter, kw, ok)
		}
	}
	// b and c are on messages: a new keyword must not appear there.
	if i, err := k.Add("new"); err != nil || i != 4 {
		t.Errorf("letter %d, %v", i, err)
	}
	if i, err := k.Add("unknown-2"); err != nil || i != 2 {
		t.Errorf("letter %d, %v", i, err)
	}
	if got, want := get(t, path), "0 unknown-1\n2 unknown-2\n3 two words\n4 new\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

func TestIllegalKeywords(t *testing.T) {
	k := OpenKeywords(t.TempDir())
	for _, kw := range []mail.Keyword{"", "two words", "a\nb", "\\Seen", "a(b", "a)", "{", "%", "*", `"`, "]", "\x7f", "ä", mail.Keyword(strings.Repeat("k", mail.MaxKeyword+1))} {
		if _, err := k.Add(kw); !errors.Is(err, ErrKeyword) {
			t.Errorf("%q: %v", kw, err)
		}
	}
	if _, err := k.Add(mail.Keyword(strings.Repeat("k", mail.MaxKeyword))); err != nil {
		t.Error(err)
	}
}

// Dovecot sees a change by the seconds of the mtime only.
func TestKeywordsMtimeGrows(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dovecot-keywords")
	k := OpenKeywords(dir)
	mtime := func() int64 {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return fi.ModTime().Unix()
	}
	add := func(kw mail.Keyword) {
		if _, err := k.Add(kw); err != nil {
			t.Fatal(err)
		}
	}
	add("k")
	for i := range 5 {
		before := mtime()
		add(mail.Keyword(fmt.Sprint("k", i)))
		if now := mtime(); now <= before {
			t.Errorf("mtime went from %d to %d", before, now)
		}
	}
	future := time.Now().Add(24 * time.Hour)
	if err := os.Chtimes(path, future, future); err != nil {
		t.Fatal(err)
	}
	add("last")
	if now := mtime(); now != future.Unix()+1 {
		t.Errorf("mtime %d, want %d", now, future.Unix()+1)
	}
}

func TestKeywordsFileTooLarge(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dovecot-keywords"), make([]byte, maxKeywordsFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := OpenKeywords(dir).Load(); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// A keyword that was added is there after a power cut, at every step before the
// old file.
func TestKeywordsCrash(t *testing.T) {
	for step := 1; ; step++ {
		m := newMemFS()
		if _, err := openKeywords(m, "mem").Add("old"); err != nil {
			t.Fatal(err)
		}
		m.before = stopAt(step, 3)
		_, err := openKeywords(m, "mem").Add("new")
		m.powerCut(step%2 == 0, false)
		k := openKeywords(m, "mem")
		if err := k.Load(); err != nil {
			t.Fatal(err)
		}
		if i, ok := k.Letter("old"); i != 0 || !ok {
			t.Errorf("step %d: old is lost", step)
		}
		if _, ok := k.Letter("new"); err == nil && !ok {
			t.Error("new is lost")
		}
		if i, err := k.Add("newer"); err != nil || i < 1 {
			t.Errorf("step %d: letter %d, %v", step, i, err)
		}
		if err == nil {
			if step < 6 {
				t.Errorf("only %d steps", step)
			}
			return
		}
	}
}
