// Package sandbox is what a process gives up before it meets the bytes of a
// stranger, so that a mistake in a parser is not the machine's, nor another
// account's.
//
// A program has a Role; the table of roles says what is left of the world in it:
//
//	            files                     system calls        programs, sockets
//	Session     its account's mail        those of a list     none, of any kind
//	Delivery    its account's mail        those of a list     none, of any kind
//	Rootless    what its user may         all but a list      starts session programs
//
// Every role also loses core dumps, and attaching to it with ptrace or through
// /proc, for all but root (PR_SET_DUMPABLE); and what executing a program could
// give it (no_new_privs), which the programs that it starts inherit, and lasts.
//
// Files are fenced by Landlock. In the trees that Enter is given, files can be
// read, written, made, removed and renamed from one directory to another, but
// nothing can be executed there, and no link, socket or device made; other files
// can be read if Enter is told so. What is open already stays usable. Landlock
// also keeps signals from processes outside (Linux 6.12), so that the session of
// a virtual user has no power over others of the same uid.
//
// System calls are filtered by seccomp. What is not allowed fails with EPERM and
// is told to the kernel's audit log; clone3 with ENOSYS, so that there is clone
// in its place. The lists in calls.go were found by running the dialogues, the
// IMAP storm, webmail and deliveries under strace, with what Go's runtime calls
// seldom added from its sources. A system call that is missing there fails when
// it is used: the tests run the programs as they are, sandboxed.
//
// What is left to somebody who has taken over a session, because nothing above
// fences it: the size, times and existence of files, and what happens in
// directories (inotify), where its uid may look and the path is known; setting
// the times of files of its uid. Between accounts that have a uid each, the
// kernel's permissions forbid that.
//
// A kernel that lacks some of this gives the rest (Missing). Whatever else goes
// wrong is an error, and the process must not go on to serve.
package sandbox

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Role is what a process is to the rest of the world.
type Role int

// The roles.
const (
	// Session serves an account's mail on descriptors that it has or is passed.
	Session Role = iota
	// Delivery puts a message from its standard input into an account's mail.
	Delivery
	// Rootless is a front that starts session programs itself, which inherit all
	// that it gives up.
	Rootless
)

// role is a row of the table.
type role struct {
	name   string
	files  bool   // only those of Options
	filter filter // of system calls
}

var roles = [...]role{
	Session:  {"session", true, only(mailCalls, connectionCalls)},
	Delivery: {"delivery", true, only(mailCalls)},
	Rootless: {"rootless front", false, except(hostileCalls)},
}

func (r Role) String() string { return roles[r].name }

// Options are what a role keeps that its table cannot know.
type Options struct {
	Trees []string // directories with what is below them, where mail is
	Files []string // files that may be read; those that do not exist are left out
}

// Enter makes the whole process a sandbox, for good: every thread of it and all
// that it will start. What the kernel cannot do is left out.
func Enter(r Role, o Options) error {
	// Go's library reads the file of the time zone when it first shows a local time.
	_, _ = time.Now().Zone()
	if err := enter(roles[r], o); err != nil {
		return fmt.Errorf("enter the sandbox of a %s: %w", r, err)
	}
	return nil
}

func enter(r role, o Options) error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("turn core dumps off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("keep debuggers away: %w", err)
	}
	if r.files {
		if err := fence(o); err != nil {
			return err
		}
	}
	return r.filter.load()
}

// Missing names what this kernel lacks, or does not let this process have; nil if
// nothing.
func Missing() []string {
	list := missingOfLandlock(landlockVersion())
	if !filters() {
		list = append(list, "seccomp")
	}
	return list
}
