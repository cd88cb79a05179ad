package scheme

import (
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
		if ratio := float64(took) / float64(h.Cost().Time); took > 10*time.Millisecond && (ratio < 0.1 || ratio > 10) {
			t.Errorf("%-12.12s took %v of %v", field, took, h.Cost().Time)
		}
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
