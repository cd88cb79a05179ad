// Package processors has a process use more than one processor only while there is work
// for them: each that Go's runtime may use costs a small process hundreds of kilobytes,
// in caches of memory that belong to it, whether it does anything or not; and one that
// wakes often, for little, pays for each with every wake-up.
//
// There are two kinds: a session, one of many, which says when it has much to do
// (Spare), and a daemon, which looks how much that is (Follow).
package processors

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// most is how many the process uses when there is much work; 0: Spare was not called.
// Like GOMAXPROCS, which it is about, there is one in a process.
var most atomic.Int32

// percent is GOGC of a process that spares memory while it waits: what a collection
// leaves behind in the collector costs most such processes more than what it frees.
const percent = 200

// muchWork is from how many items on, such as messages to be read, all processors are
// used.
const muchWork = 500

// Spare is for a process that waits most of its life, while there are many like it. It
// uses one processor until there is much work, and then limit at most. Who starts the
// process sets GOMAXPROCS to 1 in its environment, so that no other is used before.
func Spare(limit int) {
	most.Store(int32(min(runtime.NumCPU(), limit)))
	Rest()
	debug.SetGCPercent(percent)
}

// Workers returns how many goroutines are to share a work of so many items, of which
// one goroutine has to have so many to be worth it. It is 1 or more.
func Workers(items, each int) int {
	n := runtime.GOMAXPROCS(0)
	if limit := int(most.Load()); items >= muchWork && n < limit {
		runtime.GOMAXPROCS(limit)
		n = limit
	}
	return max(1, min(n, (items+each-1)/each))
}

// mostBlocked is how many processors a process of Spare uses while several of its
// goroutines wait for a disk, whatever the machine has: each keeps one for a while that
// others want.
const mostBlocked = 8

// blocked counts the goroutines within Blocking.
var blocked atomic.Int32

// Blocking is for work that waits for a disk most of its time, and calls it. Where there
// is several at once it does not wait for its turn on one processor, until Rest.
func Blocking(work func()) {
	if n := blocked.Add(1); n > 1 && most.Load() > 0 && runtime.GOMAXPROCS(0) < mostBlocked {
		runtime.GOMAXPROCS(mostBlocked)
	}
	defer blocked.Add(-1)
	work()
}

// Rest is for the process of Spare, or of Follow, when no work is left.
func Rest() {
	if f := daemon.Load(); f != nil {
		f.rest()
	}
	if most.Load() > 0 && runtime.GOMAXPROCS(0) > 1 {
		runtime.GOMAXPROCS(1)
	}
}
