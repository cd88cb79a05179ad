package metrics

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Process has the Set tell of the process, too, which began just now, and of its version.
// It is called before the process enters its sandbox, in which it could not open what it
// reads. What cannot be found out is not told.
func (s *Set) Process(version string) {
	began := float64(time.Now().UnixMilli()) / 1000
	s.Ask(Build, func() (float64, bool) { return 1, isVersion(version) }, version)
	s.Ask(StartTime, func() (float64, bool) { return began, true })
	s.Ask(CPU, cpuTime)
	s.Ask(MaxFiles, func() (float64, bool) {
		var l unix.Rlimit
		err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l)
		return float64(l.Cur), err == nil
	})
	if f, err := os.Open("/proc/self/statm"); err == nil {
		s.Ask(Memory, func() (float64, bool) { return resident(f) })
	}
	if f, err := os.Open("/proc/self/fd"); err == nil {
		s.Ask(OpenFiles, func() (float64, bool) { return entries(int(f.Fd())) })
	}
}

func cpuTime() (float64, bool) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, false
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9, true
}

// resident reads the second number of statm, of pages.
func resident(statm *os.File) (float64, bool) {
	var buf [128]byte
	n, _ := statm.ReadAt(buf[:], 0)
	fields := bytes.Fields(buf[:n])
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	return float64(pages) * float64(os.Getpagesize()), err == nil
}

// entries counts those of an open directory.
func entries(dir int) (n float64, ok bool) {
	if _, err := unix.Seek(dir, 0, unix.SEEK_SET); err != nil {
		return 0, false
	}
	buf := make([]byte, 32<<10)
	for {
		k, err := unix.Getdents(dir, buf)
		switch {
		case err != nil:
			return 0, false
		case k == 0:
			return n, true
		}
		_, count, _ := unix.ParseDirent(buf[:k], -1, nil) // without . and ..
		n += float64(count)
	}
}
