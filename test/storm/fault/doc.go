// Package fault stops a process before any of its writes to a tree of files, or
// lets the write fail or be torn: a crash, a full disk, a broken one, at every
// point where there can be one.
//
// The process asks for it: Guard installs a seccomp filter for all its threads,
// which from then on hands every system call that can write to whoever started
// the process (Run) and waits. Run looks at the call in the process's memory, asks
// a Plan, and lets it happen, answers it with an error, or kills the process while
// it waits, so that the call never happens. No privilege is needed, nothing is
// traced, and calls outside the tree (the Go runtime waking its threads, output)
// do not count.
//
// This needs Linux 5.19 for SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: without it
// a signal would make a waiting call start, and count, again.
package fault
