package disks

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lines of a message: about 20 kB.
const lines = 300

// mostSteps is how much room a delivery has at most until it must succeed, in blocks.
const mostSteps = 400

// TestFull: a disk on which there is a little more room each time, from none to enough, is
// full at each step of a delivery, in a new Maildir and in one that is there.
func TestFull(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			v := newVolume(t, k, scratch(t))
			agents(t, v, func(t *testing.T, a *agent) {
				for _, fresh := range []bool{true, false} {
					a.squeeze(v, v.fill, fresh)
				}
			})
		})
	}
}

// TestNoInodes is the same for inodes.
func TestNoInodes(t *testing.T) {
	v := newVolume(t, ext4, scratch(t))
	agents(t, v, func(t *testing.T, a *agent) {
		for _, fresh := range []bool{true, false} {
			a.squeeze(v, v.fillInodes, fresh)
		}
	})
}

// squeeze delivers with more room each time, as long as there is too little.
func (a *agent) squeeze(v *volume, fill func(left int), fresh bool) {
	a.t.Helper()
	refused := 0
	for left := 0; ; left += 1 + left/8 {
		if left > mostSteps {
			a.t.Fatal("it never succeeds")
		}
		v.free()
		if fresh {
			a.stop() // a session whose Maildir is gone makes none
			if err := os.RemoveAll(a.mailbox); err != nil {
				a.t.Fatal(err)
			}
			a.start()
		} else {
			a.succeed("first", 1)
			a.empty()
		}
		fill(left)
		ok, says := a.try("squeezed", lines)
		if ok {
			break
		}
		if refused++; !strings.Contains(says, "4.3.1 ") {
			a.t.Errorf("with room for %d: %q", left, says)
		}
		v.free()
		a.succeed("squeezed", lines)
	}
	if refused == 0 {
		a.t.Error("there was always room enough")
	}
	a.t.Logf("refused %d times", refused)
	v.free()
}

// TestReadOnly: a disk that is read-only for a while.
func TestReadOnly(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			v := newVolume(t, k, scratch(t))
			agents(t, v, func(t *testing.T, a *agent) {
				for _, id := range []string{"fresh", "known"} {
					v.remount(unix.MS_RDONLY)
					if ok, says := a.try(id, lines); ok || !strings.Contains(says, "4.3.5 ") {
						t.Errorf("%q", says)
					}
					v.remount(0)
					a.succeed(id, lines)
				}
			})
		})
	}
}

// TestQuota: the kernel's quota, which btrfs has for each subvolume.
func TestQuota(t *testing.T) {
	v := newVolume(t, btrfs, scratch(t))
	sub := filepath.Join(v.dir, "limited")
	for _, args := range [][]string{{"quota", "enable", v.dir}, {"subvolume", "create", sub}, {"qgroup", "limit", "1M", sub}} {
		if out, err := exec.Command("btrfs", args...).CombinedOutput(); err != nil {
			t.Skipf("no quota: %v: %s", err, out)
		}
	}
	for _, name := range []string{"deliver", "lmtpd"} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t, name, filepath.Join(sub, name, "Maildir"))
			refused := false
			for n := 0; n < 100 && !refused; n++ {
				ok, says := a.try(fmt.Sprint("quota", n), 3*lines)
				if refused = !ok; refused && !strings.Contains(says, "4.2.2 ") {
					t.Errorf("%q", says)
				}
			}
			if !refused {
				t.Fatal("there is no quota")
			}
			if err := os.RemoveAll(filepath.Join(a.mailbox, "new")); err != nil {
				t.Fatal(err)
			}
			v.sync()
			a.succeed("afterwards", lines)
			if err := os.RemoveAll(a.mailbox); err != nil {
				t.Fatal(err)
			}
			v.sync()
		})
	}
}

// ground is what a volume lies on, and how that fails and is repaired.
type ground struct {
	name string
	make func(t *testing.T) (dir string, fails, repair func())
}

// grounds: a thin one has promised more blocks than it has, and a broken one has I/O
// errors, since what it lies on has.
var grounds = []ground{{"thin", thin}, {"broken", broken}}

func thin(t *testing.T) (dir string, fails, repair func()) {
	dir = scratch(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=80m"); err != nil {
		t.Skip("mounting needs root: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(dir, "filler")
	fails = func() {
		if err := os.WriteFile(filler, make([]byte, 80<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
			t.Fatal("it is not full: ", err)
		}
	}
	repair = func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
	return dir, fails, repair
}

func broken(t *testing.T) (dir string, fails, repair func()) {
	below := xfs
	below.size = 700 << 20
	v := newVolume(t, below, scratch(t))
	return v.dir, v.shutdown, func() { v.again() }
}

// TestBadDisk: a disk that cannot be written for a while. What had been answered with 250
// is there afterwards, though all below lost what was not synced.
func TestBadDisk(t *testing.T) {
	for _, g := range grounds {
		for _, k := range kinds {
			for _, name := range []string{"deliver", "lmtpd"} {
				t.Run(g.name+" "+k.name+" "+name, func(t *testing.T) {
					dir, fails, repair := g.make(t)
					v := newVolume(t, k, dir)
					a := newAgent(t, name, filepath.Join(v.dir, "Maildir"))
					a.succeed("before", lines)
					fails()
					told := []string{"before"}
					for n := range 20 { // into blocks that are there one may write
						id := fmt.Sprint("bad", n)
						ok, says := a.deliver(message(id, 10*lines))
						if !ok {
							t.Logf("%q", says)
							break
						}
						told = append(told, id)
					}
					if len(told) > 20 {
						t.Error("nothing failed")
					}
					a.crashed = true
					a.stop()
					v.again(repair)
					there := a.count()
					for _, id := range told {
						if there[id] != 1 {
							t.Errorf("%s was delivered, and is there %d times", id, there[id])
						}
					}
					a.start()
					a.succeed("after", lines)
				})
			}
		}
	}
}

// TestPowerCut: eight mail servers bring messages to one mailbox when the power fails.
// What was answered with 250 is there afterwards; also what is answered when the file
// system has given up already, which a real power cut leaves no time for.
func TestPowerCut(t *testing.T) {
	for _, k := range []kind{{"ext4", 64 << 20, []string{"mkfs.ext4", "-q"}, 4 << 10}, xfs} {
		t.Run(k.name, func(t *testing.T) {
			v := newVolume(t, k, scratch(t))
			a := newAgent(t, "lmtpd", filepath.Join(v.dir, "Maildir"))
			for cut := range 3 {
				var mu sync.Mutex
				told := make(map[string]bool)
				var all sync.WaitGroup
				for i := range 8 {
					all.Go(func() {
						c, err := dial(a.socket())
						if err != nil {
							t.Error(err)
							return
						}
						defer c.conn.Close()
						for n := 0; ; n++ {
							id := fmt.Sprintf("%d-%d-%d", cut, i, n)
							reply, err := c.send(message(id, 1+n%100))
							if err != nil || !strings.HasPrefix(reply, "250") {
								if err == nil && reply[0] != '4' {
									t.Errorf("%q", reply)
								}
								return
							}
							mu.Lock()
							told[id] = true
							mu.Unlock()
						}
					})
				}
				time.Sleep(time.Duration(200+150*cut) * time.Millisecond)
				v.shutdown()
				a.crashed = true
				all.Wait()
				a.stop()
				v.again()
				there := a.count()
				for id := range told {
					if there[id] != 1 {
						t.Errorf("%s was answered with 250, and is there %d times", id, there[id])
					}
				}
				if len(told) < 8 {
					t.Errorf("%d messages: that is no load", len(told))
				}
				t.Logf("%d messages were told of", len(told))
				a.start()
				a.succeed(fmt.Sprint("after", cut), lines)
			}
		})
	}
}

// TestFullSpool: a large message comes by LMTP where there is no room to keep it.
func TestFullSpool(t *testing.T) {
	v := newVolume(t, ext4, scratch(t))
	a := newAgent(t, "lmtpd", filepath.Join(scratch(t), "Maildir"))
	a.stop()
	config := filepath.Join(a.dir, "fantail.toml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(text), fmt.Sprintf("lmtp.spool = %q", a.dir), fmt.Sprintf("lmtp.spool = %q", v.dir), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	a.start()
	for left := range 4 {
		v.fill(left * 50)
		if ok, says := a.try("large", 10*lines); ok {
			t.Errorf("%q", says)
		}
	}
	a.succeed("small", 1)
	v.free()
	a.succeed("large", 10*lines)
}
