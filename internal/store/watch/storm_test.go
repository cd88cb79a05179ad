package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// role is the environment variable that makes the test program something else.
const role = "FANTAIL_WATCH_ROLE"

func TestMain(m *testing.M) {
	what, arg, _ := strings.Cut(os.Getenv(role), " ")
	var err error
	switch what {
	case "":
		os.Exit(m.Run())
	case "move", "mix", "slow":
		err = writeStorm(what, arg)
	case "starve":
		err = starve(arg)
	default:
		err = errors.New("no such role: " + what)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child runs the test program in a role. What it writes fails the test.
func child(t testing.TB, what string, prepare func(*exec.Cmd)) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), role+"="+what)
	cmd.Stderr = t.Output()
	if prepare != nil {
		prepare(cmd)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// storm starts two writers in the Maildir, which stop when the returned function is
// called.
func storm(t *testing.T, what, dir string) (stop func()) {
	t.Helper()
	var writers []*exec.Cmd
	if err := os.Remove(filepath.Join(dir, "stop")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for id := range 2 {
		writers = append(writers, child(t, fmt.Sprintf("%s %d %s", what, id, dir), nil))
	}
	return func() {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "stop"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, w := range writers {
			if err := w.Wait(); err != nil {
				t.Errorf("writer: %v", err)
			}
		}
	}
}

// writer changes a Maildir until a file "stop" is in it. Its messages are its own:
// "0.0" to "0.39" of writer 0.
type writer struct {
	dir   string
	at    map[string]string // message: where it is, from dir; "" if it does not exist
	names []string
}

func writeStorm(what, arg string) error {
	id, dir, _ := strings.Cut(arg, " ")
	w := &writer{dir: dir, at: make(map[string]string)}
	for i := range 40 {
		w.names = append(w.names, id+"."+strconv.Itoa(i))
		w.at[w.names[i]] = ""
	}
	for _, sub := range []string{"new/", "cur/"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			return err
		}
		for _, e := range entries {
			name, _, _ := strings.Cut(e.Name(), ":")
			if _, own := w.at[name]; own {
				w.at[name] = sub + e.Name()
			}
		}
	}
	for n := 0; ; n++ {
		if n%256 == 0 {
			if _, err := os.Lstat(filepath.Join(dir, "stop")); err == nil {
				return nil
			}
		}
		name := w.names[rand.IntN(len(w.names))]
		do := w.move
		if what == "mix" && rand.IntN(2) == 0 {
			do = w.remake
		}
		if err := do(name); err != nil {
			return err
		}
		if what != "move" && rand.IntN(20) == 0 || what == "slow" {
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		}
	}
}

// move renames a message within and between new and cur.
func (w *writer) move(name string) error {
	from := w.at[name]
	if from == "" {
		return w.remake(name)
	}
	places := []string{"new/" + name, "cur/" + name + ":2,", "cur/" + name + ":2,S", "cur/" + name + ":2,RS"}
	to := places[rand.IntN(len(places))]
	w.at[name] = to
	return os.Rename(filepath.Join(w.dir, from), filepath.Join(w.dir, to))
}

// remake deletes a message in one of the ways there are, or makes it in one.
func (w *writer) remake(name string) error {
	now, tmp, next := w.at[name], filepath.Join(w.dir, "tmp", name), "new/"+name
	if rand.IntN(2) == 0 {
		next = "cur/" + name + ":2,F"
	}
	path := filepath.Join(w.dir, now)
	kind := rand.IntN(3)
	switch {
	case now != "" && kind == 0: // moved to another mailbox
		w.at[name] = ""
		return errors.Join(os.Rename(path, tmp), os.Remove(tmp))
	case now != "" && kind == 1: // replaced
		w.at[name] = next
		return errors.Join(os.WriteFile(tmp, nil, 0o600), os.Rename(tmp, path), os.Rename(path, filepath.Join(w.dir, next)))
	case now != "":
		w.at[name] = ""
		return os.Remove(path)
	}
	path = filepath.Join(w.dir, next)
	w.at[name] = next
	switch kind {
	case 0:
		return errors.Join(os.WriteFile(tmp, nil, 0o600), os.Rename(tmp, path))
	case 1:
		return errors.Join(os.WriteFile(tmp, nil, 0o600), os.Link(tmp, path), os.Remove(tmp))
	}
	return os.WriteFile(path, nil, 0o600)
}

// onEach runs a test on the file system of temporary files and on a tmpfs.
func onEach(t *testing.T, test func(t *testing.T, dir string)) {
	for _, root := range []string{os.TempDir(), "/dev/shm"} {
		t.Run(strings.Trim(root, "/"), func(t *testing.T) {
			root, err := os.MkdirTemp(root, "fantail-watch")
			if errors.Is(err, fs.ErrNotExist) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(root) })
			for _, sub := range []string{"tmp", "new", "cur"} {
				if err := os.Mkdir(filepath.Join(root, sub), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 80 {
				write(t, filepath.Join(root, "cur", fmt.Sprintf("%d.%d:2,", i%2, i/2)))
			}
			test(t, root)
		})
	}
}

// stormTime is how long each storm lasts.
func stormTime() time.Duration {
	if testing.Short() {
		return 200 * time.Millisecond
	}
	return 600 * time.Millisecond
}

// model is the content of a Maildir, by "new/name" and "cur/name".
type model map[string]bool

func (m model) apply(changes []Change) {
	for _, c := range changes {
		path := "cur/" + c.File
		if c.New {
			path = "new/" + c.File
		}
		if c.There {
			m[path] = true
		} else {
			delete(m, path)
		}
	}
}

func list(t *testing.T, dir string) model {
	t.Helper()
	m := make(model)
	for _, sub := range []string{"new/", "cur/"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			m[sub+e.Name()] = true
		}
	}
	return m
}

func (m model) want(t *testing.T, dir model) {
	t.Helper()
	if !maps.Equal(m, dir) {
		t.Fatalf("the directory has\n%q\nthe drains made\n%q", slices.Sorted(maps.Keys(dir)), slices.Sorted(maps.Keys(m)))
	}
}

// mustDrain is Drain when nothing may be lost.
func mustDrain(t *testing.T, tail *Tail) []Change {
	t.Helper()
	changes, exact, err := tail.Drain()
	if err != nil || !exact {
		t.Fatalf("exact is %t, error %v", exact, err)
	}
	return changes
}

// TestFence wants a change that statx shows to be in the next Drain.
func TestFence(t *testing.T) {
	onEach(t, func(t *testing.T, dir string) {
		w := New()
		defer w.Close()
		tail := newTail(t, w, dir)
		defer storm(t, "slow", dir)()
		seen := 0
		for end := time.Now().Add(stormTime()); time.Now().Before(end); {
			before := look(dir, false)
			if len(mustDrain(t, tail)) > 0 {
				continue // some of these may be younger than the look
			}
			after := before
			for after == before && time.Now().Before(end) {
				after = look(dir, false)
			}
			if got := mustDrain(t, tail); after.dirs[1] != before.dirs[1] || after.dirs[2] != before.dirs[2] {
				seen++
				if len(got) == 0 {
					t.Fatalf("change %d was seen and not told", seen)
				}
			}
		}
		t.Logf("%d changes seen", seen)
		if seen == 0 {
			t.Error("no change was seen")
		}
	})
}

// run drains a storm and has each Drain checked. A machine that is so busy that the
// queue overflows begins a new storm.
func run(t *testing.T, what, dir string, check func(m model, changes []Change)) {
	w := New()
	defer w.Close()
	tail := newTail(t, w, dir)
	m := list(t, dir)
	stop := storm(t, what, dir)
	drains, lost, told := 0, 0, 0
	for end := time.Now().Add(stormTime()); time.Now().Before(end); drains++ {
		changes, exact, err := tail.Drain()
		if err != nil {
			t.Fatal(err)
		}
		if exact {
			told += len(changes)
			m.apply(changes)
			check(m, changes)
			continue
		}
		lost++
		stop()
		if _, _, err := tail.Drain(); err != nil {
			t.Fatal(err)
		}
		m = list(t, dir)
		stop = storm(t, what, dir)
	}
	stop()
	changes, exact, err := tail.Drain()
	if err != nil {
		t.Fatal(err)
	}
	if exact {
		m.apply(changes)
		m.want(t, list(t, dir))
	}
	t.Logf("%d drains, %d inexact, %d changes", drains, lost, told)
	if lost > drains/100 {
		t.Error("lost in a storm of 80 names")
	}
}

// TestConserved wants messages that are only renamed, at full speed, to have one
// name after every Drain.
func TestConserved(t *testing.T) {
	onEach(t, func(t *testing.T, dir string) {
		run(t, "move", dir, func(m model, changes []Change) {
			bases := make(map[string]string)
			for path := range m {
				base, _, _ := strings.Cut(path[len("cur/"):], ":")
				if other, ok := bases[base]; ok {
					t.Fatalf("both %s and %s after %v", path, other, changes)
				}
				bases[base] = path
			}
			if len(bases) != 80 {
				t.Fatalf("%d messages after %v", len(bases), changes)
			}
		})
	})
}

// TestModel wants what drains tell to be what listings show, for every way in which
// files come and go.
func TestModel(t *testing.T) {
	onEach(t, func(t *testing.T, dir string) {
		compared := 0
		var after lookStamp // the stamps before the Drain that is checked
		var listed model    // the directory then
		run(t, "mix", dir, func(m model, changes []Change) {
			before := after
			after = look(dir, false)
			// Where equal stamps prove nothing, an empty Drain does.
			if listed != nil && before == after && (multigrain(t, dir) || len(changes) == 0) {
				m.want(t, listed)
				compared++
			}
			listed = list(t, dir)
		})
		t.Logf("%d listings compared", compared)
		if compared == 0 {
			t.Error("no pause in which to compare")
		}
	})
}

// multigrain reports whether every change that follows a look makes another stamp.
func multigrain(t *testing.T, dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	if st.Type != unix.EXT4_SUPER_MAGIC && st.Type != unix.XFS_SUPER_MAGIC && st.Type != unix.BTRFS_SUPER_MAGIC {
		return false
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major > 6 || major == 6 && minor >= 13
}
