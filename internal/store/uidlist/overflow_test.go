package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

type changes = map[string][]mail.Keyword

func set(t *testing.T, o *Overflow, c changes) {
	t.Helper()
	if err := o.Set(c); err != nil {
		t.Fatal(err)
	}
}

// further returns everything that the file says, as text.
func further(t *testing.T, o *Overflow) string {
	t.Helper()
	if err := o.Load(); err != nil {
		t.Fatal(err)
	}
	return allOf(o)
}

func allOf(o *Overflow) string {
	sets := maps.Collect(o.All())
	var b strings.Builder
	for _, base := range slices.Sorted(maps.Keys(sets)) {
		if !slices.Equal(o.Of(base), sets[base]) {
			fmt.Fprintf(&b, "%s has %v and %v\n", base, o.Of(base), sets[base])
		}
		fmt.Fprintf(&b, "%s %s\n", base, sets[base])
	}
	return b.String()
}

func overflowIn(t *testing.T, dir, text string) *Overflow {
	t.Helper()
	o := OpenOverflow(dir)
	if err := os.WriteFile(o.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOverflow(t *testing.T) {
	dir := t.TempDir()
	o, other := OpenOverflow(dir), OpenOverflow(dir)
	if got := further(t, o); got != "" || o.Of("a") != nil || o.Names() != nil || o.Damage() != nil || o.Loaded() != (FileID{}) {
		t.Errorf("without a file: %q", got)
	}
	set(t, o, changes{"a": nil, "b": {}})
	if _, err := os.Lstat(o.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file for nothing: %v", err)
	}
	set(t, o, changes{"b": {"Zoo", "$x"}, "a b": {"ZOO", "m:n", ":", "zoo"}, "c": nil})
	want := "a b [: m:n ZOO]\nb [$x ZOO]\n"
	if got := get(t, o.path); got != overflowHeader+": m:n ZOO :a b\n$x ZOO :b\n" {
		t.Errorf("%q", got)
	}
	for _, o := range []*Overflow{o, other, OpenOverflow(dir)} {
		if got := further(t, o); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	set(t, other, changes{"b": {"new"}, "a b": {":", "Zoo", "M:N"}})
	set(t, o, changes{"a b": nil})
	if got := get(t, o.path); got != overflowHeader+": m:n ZOO :a b\n$x ZOO :b\nnew :b\n:a b\n" {
		t.Errorf("%q", got)
	}
	for _, o := range []*Overflow{o, other, OpenOverflow(dir)} {
		if got := further(t, o); got != "b [new]\n" {
			t.Errorf("%q", got)
		}
		if diff := cmp.Diff([]mail.Keyword{":", "m:n", "ZOO", "$x", "new"}, o.Names()); diff != "" {
			t.Error(diff)
		}
		if id, err := o.Stat(); err != nil || id != o.Loaded() || id.Ino == 0 {
			t.Errorf("%v, %v, %v", id, o.Loaded(), err)
		}
	}
	if err := os.Remove(o.path); err != nil {
		t.Fatal(err)
	}
	if got := further(t, o); got != "" || o.Names() != nil {
		t.Errorf("removed, but %q", got)
	}
	noTemp(t, dir)
}

// TestReadOverflow is the table of the package comment.
func TestReadOverflow(t *testing.T) {
	long := strings.Repeat("k", mail.MaxKeyword)
	for _, tt := range []struct {
		name, text, want string
		problems         []Kind
		after            string // Set of new [n]
		kept             bool
	}{
		{name: "empty file", text: "", problems: []Kind{Empty}},
		{name: "no lines", text: overflowHeader},
		{name: "unfinished line", text: overflowHeader + "x :a\ny :bb", want: "a [x]\n", after: overflowHeader + "x :a\nn :new\n"},
		{name: "unfinished header", text: "fantail-keywords 1", problems: []Kind{BadVersion}, kept: true},
		{name: "another version", text: "fantail-keywords 2\nx :a\n", problems: []Kind{BadVersion}, kept: true},
		{name: "version with a tail", text: "fantail-keywords 1 \nx :a\n", problems: []Kind{BadVersion}, kept: true},
		{name: "header lost", text: "x :a\ny :b\n", want: "a [x]\nb [y]\n", problems: []Kind{BadHeader}, kept: true,
			after: overflowHeader + "x :a\ny :b\nn :new\n"},
		{name: "header is garbage", text: "\x00\x00\nx :a\n", want: "a [x]\n", problems: []Kind{BadHeader, BadLine}, kept: true,
			after: overflowHeader + "x :a\nn :new\n"},
		{name: "garbage", text: "\x01\x02\x03", problems: []Kind{BadHeader}, kept: true},
		{name: "later line counts", text: overflowHeader + "x :a\ny :b\nz x :a\n:b\n:c\n", want: "a [x z]\n"},
		{name: "damaged lines", want: "a [x]\nc [ok]\n", problems: slices.Repeat([]Kind{BadLine}, maxProblems),
			text: overflowHeader + "x :a\n" + // counts
				"garbage\n" + // no name
				"\n" +
				" :b\n" + // empty keyword
				"x  y :b\n" +
				"x y:b\n" + // no space before the name
				"x(y :b\n" + // no atom
				"x\x00 :b\n" +
				"x\r :b\n" +
				"x\u00fc :b\n" +
				long + "k :b\n" +
				"x :\n" + // no name
				"x :b/c\n" +
				"x :" + strings.Repeat("b", MaxBase+1) + "\n" +
				strings.Repeat(long+" ", 70) + ":b\n" +
				"\x00\x00\x00\x00y :a\n" + // as after a power cut
				"ok :c\n",
		},
		{name: "longest line", text: overflowHeader + long + " x :" + strings.Repeat("b", MaxBase) + "\n",
			want: strings.Repeat("b", MaxBase) + " [" + long + " x]\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			o := overflowIn(t, dir, tt.text)
			o.now = func() time.Time { return time.Unix(1000, 0) }
			if got := further(t, o); got != tt.want {
				t.Errorf("read %q\nwant %q", got, tt.want)
			}
			var kinds []Kind
			if d := o.Damage(); d != nil {
				for _, p := range d.Problems {
					kinds = append(kinds, p.Kind)
				}
				if d.Path != o.path || d.Count < len(d.Problems) || d.Error() == "" {
					t.Errorf("%+v", d)
				}
			}
			if diff := cmp.Diff(tt.problems, kinds); diff != "" {
				t.Error(diff)
			}
			if get(t, o.path) != tt.text {
				t.Error("Load changed the file")
			}
			set(t, o, changes{"new": {"n"}})
			for _, o := range []*Overflow{o, OpenOverflow(dir)} {
				if got := further(t, o); got != allSorted(tt.want+"new [n]\n") {
					t.Errorf("then %q", got)
				}
			}
			if got := get(t, o.path); tt.after != "" && got != tt.after {
				t.Errorf("wrote %q, want %q", got, tt.after)
			}
			kept, _ := filepath.Glob(filepath.Join(dir, "*.broken-*"))
			if !tt.kept && len(kept) > 0 || tt.kept && (len(kept) != 1 || get(t, kept[0]) != tt.text) {
				t.Errorf("kept %v", kept)
			}
			noTemp(t, dir)
		})
	}
}

func allSorted(s string) string {
	return strings.Join(slices.Sorted(strings.Lines(s)), "")
}

func TestOverflowTail(t *testing.T) {
	dir := t.TempDir()
	o := overflowIn(t, dir, overflowHeader+"x :a\n")
	if got := further(t, o); got != "a [x]\n" {
		t.Fatalf("%q", got)
	}
	for _, step := range []struct{ text, want string }{
		{"y :", "a [x]\n"},
		{"b\n", "a [x]\nb [y]\n"},
		{"garb\nX :b\nz", "a [x]\nb [x]\n"},
		{" :a\n:b\n", "a [z]\n"},
	} {
		appendText(t, o.path, step.text)
		if got := further(t, o); got != step.want {
			t.Errorf("after %q: %q, want %q", step.text, got, step.want)
		}
	}
	if d := o.Damage(); d == nil || d.Count != 1 || d.Problems[0].Line != 4 {
		t.Errorf("%v", d)
	}
	// Another file of the same inode is read as a whole.
	for _, text := range []string{overflowHeader + "q :r\n", overflowHeader + "q :r\nx :aa\n" + strings.Repeat("y :b\n", 20), "x"} {
		o = overflowIn(t, dir, overflowHeader+"x :a\ny :b\n")
		further(t, o)
		overflowIn(t, dir, text)
		if got, want := further(t, o), further(t, OpenOverflow(dir)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestOverflowRefuses(t *testing.T) {
	dir := t.TempDir()
	o := OpenOverflow(dir)
	set(t, o, changes{"a": {"x"}})
	before := get(t, o.path)
	var many []mail.Keyword
	for i := range 200 {
		many = append(many, mail.Keyword(fmt.Sprintf("%s%d", strings.Repeat("k", 100), i)))
	}
	for name, tt := range map[string]struct {
		c    changes
		want error
	}{
		"no atom":             {changes{"a": nil, "b": {"x y"}}, ErrKeyword},
		"empty":               {changes{"b": {""}}, ErrKeyword},
		"too long":            {changes{"b": {mail.Keyword(strings.Repeat("x", mail.MaxKeyword+1))}}, ErrKeyword},
		"8-bit":               {changes{"b": {"\u00fc"}}, ErrKeyword},
		"base":                {changes{"b:2,S": {"y"}}, ErrBase},
		"base with LF":        {changes{"b\n": nil}, ErrBase},
		"too many for a line": {changes{"b": many}, ErrTooManyKeywords},
	} {
		if err := o.Set(tt.c); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := get(t, o.path); got != before {
		t.Errorf("changed: %q", got)
	}
	if err := os.Truncate(o.path, maxOverflowFile+1); err != nil {
		t.Fatal(err)
	}
	if err := o.Load(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if err := o.Set(changes{"b": {"y"}}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	for name, make := range map[string]func(path string) error{
		"symbolic link": func(p string) error { return os.Symlink("/etc/passwd", p) },
		"directory":     func(p string) error { return os.Mkdir(p, 0o700) },
		"FIFO":          func(p string) error { return unix.Mkfifo(p, 0o600) },
	} {
		o := OpenOverflow(t.TempDir())
		if err := make(o.path); err != nil {
			t.Fatal(err)
		}
		if err := o.Load(); err == nil {
			t.Errorf("loaded a %s", name)
		}
	}
}

func TestOverflowNamesLimit(t *testing.T) {
	o := OpenOverflow(t.TempDir())
	c := changes{}
	for i := range MaxOverflow {
		c[fmt.Sprintf("m%d", i)] = []mail.Keyword{mail.Keyword(fmt.Sprintf("k%d", i))}
	}
	set(t, o, c)
	if err := o.Set(changes{"m": {"one-too-many"}}); !errors.Is(err, ErrTooManyKeywords) {
		t.Errorf("%v", err)
	}
	set(t, o, changes{"m": {"K5"}}) // not a new one
	set(t, o, changes{"m7": nil})
	// k7 is nobody's any more and makes room, at the price of a rewrite.
	if len(o.Names()) != MaxOverflow {
		t.Fatal(len(o.Names()))
	}
	set(t, o, changes{"m": {"no-more"}})
	if slices.Contains(o.Names(), "k7") || !slices.Contains(o.Names(), "no-more") || len(o.Names()) != MaxOverflow {
		t.Errorf("%d names", len(o.Names()))
	}
	// A file that somebody else filled can be emptied.
	over := overflowHeader
	for i := range MaxOverflow + 5 {
		over += fmt.Sprintf("k%d :m%d\n", i, i)
	}
	o = overflowIn(t, t.TempDir(), over)
	set(t, o, changes{"m1": nil})
	if err := o.Set(changes{"m": {"more"}}); !errors.Is(err, ErrTooManyKeywords) {
		t.Errorf("%v", err)
	}
}

func TestOverflowCompact(t *testing.T) {
	dir := t.TempDir()
	o := OpenOverflow(dir)
	c := changes{}
	for i := range 200 {
		c[fmt.Sprintf("m%03d", i)] = []mail.Keyword{"x"}
	}
	set(t, o, c)
	before := inode(t, o.path)
	compact := func(keep func(base string) bool) {
		t.Helper()
		if err := o.Compact(keep); err != nil {
			t.Fatal(err)
		}
	}
	compact(func(base string) bool { return base >= "m050" })
	if inode(t, o.path) != before {
		t.Error("rewrote the file for too little")
	}
	compact(func(base string) bool { return base >= "m150" })
	if got := get(t, o.path); inode(t, o.path) == before || strings.Count(got, "\n") != 51 || !strings.HasPrefix(got, overflowHeader+"x :m150\n") {
		t.Errorf("%q", got)
	}
	// Changes alone also make the file shrink now and then.
	for i := range 1000 {
		set(t, o, changes{"m160": {mail.Keyword(fmt.Sprintf("y%d", i%3))}})
	}
	if n := strings.Count(get(t, o.path), "\n"); n > 200 {
		t.Errorf("%d lines for 50 messages", n)
	}
	if got := further(t, OpenOverflow(dir)); got != further(t, o) || !strings.Contains(got, "m160 [y0]\n") {
		t.Errorf("%q", got)
	}
}

func memOverflow(m *memFS) *Overflow {
	o := openOverflow(m, "mem")
	o.now = func() time.Time { return time.Unix(0, m.clock) }
	return o
}

// overflowWork changes keywords in every way; done gets what was completed.
func overflowWork(o *Overflow, done *[]string) error {
	for i := range 40 {
		c := changes{"a": {mail.Keyword(fmt.Sprintf("k%d", i))}}
		if i%10 == 0 {
			c = changes{fmt.Sprintf("b%d", i): {"x", "y"}}
		}
		if err := o.Set(c); err != nil {
			return err
		}
		*done = append(*done, allOf(o))
	}
	for i := range 2 * overflowSlack {
		if err := o.Set(changes{fmt.Sprintf("c%d", i%20): {mail.Keyword(fmt.Sprintf("k%d", i%7))}}); err != nil {
			return err
		}
	}
	*done = append(*done, allOf(o))
	if err := o.Compact(func(base string) bool { return base < "c" }); err != nil {
		return err
	}
	*done = append(*done, allOf(o))
	return nil
}

// TestOverflowCrash ends the process at every step: what was completed is there,
// or what was being done.
func TestOverflowCrash(t *testing.T) {
	var all []string
	if err := overflowWork(memOverflow(newMemFS()), &all); err != nil {
		t.Fatal(err)
	}
	for step := 1; ; step++ {
		for _, octets := range []int{0, 3, 9, 1 << 20} {
			m := newMemFS()
			m.before = stopAt(step, octets)
			var done []string
			err := overflowWork(memOverflow(m), &done)
			m.before = nil
			if err == nil {
				if step < 40 {
					t.Fatalf("only %d steps", step)
				}
				return
			}
			if !errors.Is(err, errDead) {
				t.Fatal(err)
			}
			o := memOverflow(m)
			got := further(t, o)
			if d := o.Damage(); d != nil {
				t.Fatalf("step %d: %v", step, d)
			}
			// Within the many small changes every state between two is right.
			if n := len(done); n < 40 && got != all[n] && (n == 0 && got != "" || n > 0 && got != all[n-1]) {
				t.Fatalf("step %d, %d octets: %q\nwant %q", step, octets, got, all[n])
			}
			if err := o.Set(changes{"z": {"k"}}); err != nil {
				t.Fatal(err)
			}
			if again := further(t, memOverflow(m)); again != allSorted(got+"z [k]\n") {
				t.Fatalf("step %d: %q and then %q", step, got, again)
			}
		}
	}
}

// TestOverflowPowerCut: a rewrite loses nothing that was on disk.
func TestOverflowPowerCut(t *testing.T) {
	for step := 1; ; step++ {
		m := newMemFS()
		o := memOverflow(m)
		if err := o.Set(changes{"a": {"x"}, "b": {"y"}}); err != nil {
			t.Fatal(err)
		}
		m.names["mem/fantail-keywords"].data += "torn"
		m.before = stopAt(step, 5)
		err := o.Set(changes{"c": {"z"}})
		m.powerCut(step%2 == 0, false)
		got := further(t, memOverflow(m))
		if err == nil {
			if got != "a [x]\nb [y]\nc [z]\n" || step < 5 {
				t.Errorf("step %d: %q", step, got)
			}
			return
		}
		if !strings.HasPrefix(got, "a [x]\nb [y]\n") {
			t.Errorf("step %d: %q", step, got)
		}
	}
}

// An error leaves an Overflow that tells the truth afterwards.
func TestOverflowErrors(t *testing.T) {
	for _, fault := range []error{unix.ENOSPC, unix.EIO} {
		for octets := range 12 {
			m := newMemFS()
			o := memOverflow(m)
			if err := o.Set(changes{"a": {"x"}}); err != nil {
				t.Fatal(err)
			}
			m.before = func(_ string, n int) (int, error) { return min(octets, n), fault }
			if err := o.Set(changes{"b": {"y"}, "c": {"z"}}); !errors.Is(err, fault) {
				t.Fatal(err)
			}
			m.before = nil
			if got, want := further(t, o), further(t, memOverflow(m)); got != want || !strings.HasPrefix(got, "a [x]\n") {
				t.Errorf("%d octets: %q, the file has %q", octets, got, want)
			}
			if err := o.Set(changes{"b": {"y"}, "c": {"z"}}); err != nil {
				t.Fatal(err)
			}
			if got := further(t, memOverflow(m)); got != "a [x]\nb [y]\nc [z]\n" {
				t.Errorf("%d octets: %q", octets, got)
			}
		}
	}
}

// A program that writes without the lock is noticed.
func TestOverflowRaced(t *testing.T) {
	m := newMemFS()
	o := memOverflow(m)
	if err := o.Set(changes{"a": {"x"}}); err != nil {
		t.Fatal(err)
	}
	m.before = func(step string, n int) (int, error) {
		m.names["mem/fantail-keywords"].data += "f :f\n"
		m.before = nil
		return n, nil
	}
	if err := o.Set(changes{"b": {"y"}}); !errors.Is(err, ErrRaced) {
		t.Fatal(err)
	}
	if got := further(t, o); got != "a [x]\nb [y]\nf [f]\n" {
		t.Errorf("%q", got)
	}
}

func TestKeywordsIdentity(t *testing.T) {
	k := OpenKeywords(t.TempDir())
	if id, err := k.Stat(); err != nil || id != (FileID{}) || k.Loaded() != id {
		t.Errorf("without a file: %v, %v", id, err)
	}
	if _, err := k.Add("x"); err != nil {
		t.Fatal(err)
	}
	first, err := k.Stat()
	if err != nil || first.Ino == 0 || k.Loaded() != first {
		t.Errorf("%v, loaded %v, %v", first, k.Loaded(), err)
	}
	if _, err := OpenKeywords(k.dir).Add("y"); err != nil {
		t.Fatal(err)
	}
	if id, err := k.Stat(); err != nil || id == first || k.Loaded() != first {
		t.Errorf("%v, loaded %v, %v", id, k.Loaded(), err)
	}
}

func FuzzOverflow(f *testing.F) {
	f.Add(overflowHeader+"x :a\ny X :b\n:a\n", 24)
	f.Add(overflowHeader+": :a\n::b\n x :c\nx :d:e\n", 19)
	f.Add("x :a\n", 0)
	f.Add("fantail-keywords 2\nx :a\n", 20)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		whole := parseOverflow(text)
		again := parseOverflow(whole.encode(nil))
		if again.count > 0 || again.torn {
			t.Fatalf("wrote %q", whole.encode(nil))
		}
		if diff := cmp.Diff(whole.sets, again.sets); diff != "" {
			t.Fatal(diff)
		}
		for base, set := range whole.sets {
			if len(set) == 0 || checkBase(base) != nil || !slices.ContainsFunc(whole.names, set[0].Equal) {
				t.Fatalf("%q has %v", base, set)
			}
		}
		if cut < 0 || cut > len(text) {
			return
		}
		m := newMemFS()
		i := &memInode{ino: 9, data: text[:cut], mode: 0o600}
		m.names["mem/fantail-keywords"] = i
		o := memOverflow(m)
		further(t, o)
		i.data = text
		i.mtime++
		further(t, o)
		if diff := cmp.Diff(whole.sets, o.text.sets); diff != "" || !slices.Equal(whole.names, o.text.names) || whole.count != o.text.count || whole.torn != o.text.torn {
			t.Fatalf("in two goes %+v, at once %+v", o.text, whole)
		}
	})
}
