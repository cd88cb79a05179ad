package scheme

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The estimates are right within an order of magnitude: more than a busy machine
// makes of them.
func TestCost(t *testing.T) {
	for _, field := range []string{
		"$1$uCXKau6z$IUpoiHvqNK32MxVRElXPT1",
		"$5$8YcKAZhseYmI9.ME$xPuDUYrYD.2HRhBRKoGZDAlHucGmbbFWO94pKeHFbz8",
		"$6$qtv3pTG61I1G3ddw$vfMcPY3olWzSRGc0CCRUs8lHou83CSrXM2kFcYvTQ/b7bW8dDIOj9.YP3nXILFuuCnRDVjnMjCAl5zQAEdwU//",
		"$md5,rounds=53398$4tW99dqF$$uXIFHdIUoOdzAkiCGayct.",
		"$2b$08$SC6//fnoqHDYyMP3ml/Pfe9o2.oBmmMok5MacJhwWm68Ib.6d9896",
		"$sha1$24700$iWN6LDoB$nl7XQM5IwN4bLpf4b1AP8h1Fcmfm",
		"$y$j9T$eKojkvzJVcFYohzILCL5j1$GjJu7ftj5tiYt6WeVig.E6hmk2OiL4oizzo8PvNVWE6",
		"$7$CU..../....MKsIn/McA2piHR8oj0ik71$.dceoGEKGU7kxETdGx3iosHSZKkoaUCGXSmJpSrMUz4",
		"{PBKDF2}$1$YdaN8Msi/FGUN.TX$5000$d7a09d0a1712bb4f4b19a8504087b94505b086b1",
		"$pbkdf2-sha256$29000$9t7be09prZXyXotxzplzzg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha512$29000$9t7be09prZXyXotxzplzzg$" + strings.Repeat("A", 86),
		"$argon2id$v=19$m=65536,t=3,p=1$DJGvKZmWqYW5Klw3hy2M1Q$/f+cpEgIjGK5jdYBJORQcn7RO+MbCCxwCSAlhHeczSM",
	} {
		h, err := Parse(field)
		if err != nil {
			t.Errorf("%s: %v", field, err)
			continue
		}
		start := processorTime(t)
		h.Verify("wrong")
		took := processorTime(t) - start
		want := int64(0) // MiB
		switch {
		case strings.HasPrefix(field, "$y$"):
			want = 16
		case strings.HasPrefix(field, "$7$"), strings.HasPrefix(field, "$argon2id$"):
			want = 64
		}
		if c := h.Cost(); c.Memory>>20 != want || c.Time <= 0 || c.Time > MaxTime {
			t.Errorf("%-12.12s costs %d MiB and %v", field, c.Memory>>20, c.Time)
		}
		// How long it took decides nothing: machines differ, and are shared.
		t.Logf("%-12.12s took %8v of %8v: %.2f, %d MiB", field, took.Round(10*time.Microsecond), h.Cost().Time, float64(took)/float64(h.Cost().Time), h.Cost().Memory>>20)
	}
}

// processorTime is what this process has used: it depends little on what else the
// machine does.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// TestCostGrows: what a hash asks for is what it costs.
func TestCostGrows(t *testing.T) {
	const sha, md = "qtv3pTG61I1G3ddw$vfMcPY3olWzSRGc0CCRUs8lHou83CSrXM2kFcYvTQ/b7bW8dDIOj9.YP3nXILFuuCnRDVjnMjCAl5zQAEdwU//", "YdaN8Msi/FGUN.TX$%d$d7a09d0a1712bb4f4b19a8504087b94505b086b1"
	for _, c := range []struct {
		less, more string
		times      float64
	}{
		{"$6$rounds=5000$" + sha, "$6$rounds=50000$" + sha, 10},
		{"{PBKDF2}$1$" + fmt.Sprintf(md, 5000), "{PBKDF2}$1$" + fmt.Sprintf(md, 20000), 4},
		{"$2b$08$SC6//fnoqHDYyMP3ml/Pfe9o2.oBmmMok5MacJhwWm68Ib.6d9896", "$2b$10$SC6//fnoqHDYyMP3ml/Pfe9o2.oBmmMok5MacJhwWm68Ib.6d9896", 4},
	} {
		less, err := Parse(c.less)
		if err != nil {
			t.Fatal(err)
		}
		more, err := Parse(c.more)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(more.Cost().Time) / float64(less.Cost().Time); got < c.times*0.99 || got > c.times*1.01 {
			t.Errorf("%.20s costs %.2f times %.20s, want %v", c.more, got, c.less, c.times)
		}
	}
}
