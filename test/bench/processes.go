package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// family is a process and all that descend from it.
func family(pid int) []int {
	all := []int{pid}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil // it has ended
	}
	for _, t := range tasks {
		for _, f := range strings.Fields(read(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))) {
			if child, err := strconv.Atoi(f); err == nil {
				all = append(all, family(child)...)
			}
		}
	}
	return all
}

// processorTime is what all threads of a process have used; 0 if it has ended.
func processorTime(pid int) time.Duration {
	const sched = 2 // CPUCLOCK_SCHED of the kernel
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|sched, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// reaped is what children of a process had used that have ended, in whole hundredths
// of a second.
func reaped(pid int) time.Duration {
	_, rest, _ := strings.Cut(read(fmt.Sprintf("/proc/%d/stat", pid)), ") ")
	fields := strings.Fields(rest)
	const cutime, cstime = 13, 14 // proc(5) counts from 1, with two before these
	if len(fields) <= cstime {
		return 0
	}
	user, _ := strconv.Atoi(fields[cutime])
	system, _ := strconv.Atoi(fields[cstime])
	return time.Duration(user+system) * 10 * time.Millisecond
}
