// Package sandbox is what a process gives up before it meets the bytes of a
// stranger, so that a mistake in a parser is not the machine's, nor another
// account's.
//
// A program has a Role; the table of roles says what is left of the world in it:
//
//	            files                     system calls        programs, sockets
//	Session     its account's mail        those of a list     none, of any kind
//	Examiner    its account's mail        those of a list     none, of any kind
//	Delivery    its account's mail        those of a list     none, of any kind
//	Front       certificates, read        those of a list     no programs; takes connections, asks authd and sessiond
//	Spooler     the same, and its spool   those of a list     the same
//	Checker     reads, writes its own     all but a list      starts what asks the system; no network unless it must
//	Foreign     what its user may         all but a list      whatever programs of others do
//	Starter     what root may             all but a list      starts session programs alone; no network
//	Rootless    what its user may         all but a list      starts session programs
//
// Checker and Foreign are authd: Foreign if it starts modules of PAM or a checkpassword,
// which may need anything, as those that use a network do, and have not what authd has
// given up. All that starts other programs hands on what it has given up, most of
// all no_new_privs: under authd no module gains anything by unix_chkpwd(8), so for
// the passwords of the system's users it is in the group that may read them.
// pam-helper itself gives up nothing further but limits and its being debugged, since
// nobody knows what modules do. Started by hand, by one user for himself, it can
// therefore ask unix_chkpwd for that user's password.
//
// To execute the loader of dynamic programs is to execute any program. So where a
// dynamic program may be executed, as getent(1) by Checker, the fence around programs
// stops what is not aimed at it, and no more. Session programs have no loader.
//
// Files are fenced by Landlock. In the trees that Enter is given, files can be
// read, written, made, removed and renamed from one directory to another, but
// nothing can be executed there, and no link, socket or device made; other files
// can be read if Enter is told so. What is open already stays usable. Landlock
// also keeps signals from processes outside (Linux 6.12), so that the session of
// a virtual user has no power over others of the same uid. A front has no file but
// those from which it reads its certificates again.
//
// An Examiner mends an account's mail: it may change modes, and move links, sockets and
// FIFOs that somebody has left among messages, but make none.
//
// System calls are filtered by seccomp. What is not allowed fails with EPERM and
// is told to the kernel's audit log; clone3 with ENOSYS, so that there is clone
// in its place. The lists in calls.go were found by running the dialogues, the
// IMAP storm, webmail, logins and deliveries under strace, with what Go's runtime
// calls seldom added from its sources. A system call that is missing there fails when
// it is used: the tests run the programs as they are, sandboxed.
//
// What is left to somebody who has taken over a session, because nothing above
// fences it: the size, times and existence of files, and what happens in
// directories (inotify), where its uid may look and the path is known; setting
// the times of files of its uid, or, for an Examiner, their modes. Between accounts that have a uid each, the
// kernel's permissions forbid that.
//
// A kernel that lacks some of this gives the rest (Missing). Whatever else goes
// wrong is an error, and the process must not go on to serve.
package sandbox

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
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
	// Front meets strangers, on sockets that listen already, and has others behind
	// it for everything else.
	Front
	// Spooler is a Front that keeps what is too large for memory in files, in a directory
	// of its Options.Trees.
	Spooler
	// Checker compares passwords, and starts programs that ask the system who its
	// users are.
	Checker
	// Foreign is a Checker that starts programs of others.
	Foreign
	// Starter is root, and starts session programs as their accounts' users. They
	// inherit all that it gives up.
	Starter
	// Examiner is a Session that serves nobody, and mends the mail.
	Examiner
)

// role is a row of the table.
type role struct {
	name       string
	fenced     bool                 // it has only the files of Options, and
	everywhere landlock.AccessFSSet // these rights to all
	filter     func() filter        // of system calls
	offline    bool                 // no sockets of a network, but by Options.Network
	trees      landlock.AccessFSSet // further rights to Options.Trees
}

var roles = [...]role{
	Session:  {"session", true, 0, only(runtimeCalls, lookCalls, mailCalls, connectionCalls), false, 0},
	Delivery: {"delivery", true, 0, only(runtimeCalls, lookCalls, mailCalls), false, 0},
	Rootless: {"rootless front", false, 0, except(hostileCalls), false, 0},
	Front:    {"front", true, 0, only(runtimeCalls, lookCalls, readingCalls, connectionCalls, acceptingCalls), false, 0},
	Spooler:  {"front with a spool", true, 0, only(runtimeCalls, lookCalls, mailCalls, connectionCalls, acceptingCalls), false, 0},
	Checker:  {"checker of passwords", true, ofReader, except(hostileCalls), true, 0},
	Foreign:  {"checker of passwords by others", false, 0, except(hostileCalls), false, 0},
	Starter:  {"starter of sessions", true, ofStarter, except(hostileCalls), true, 0},
	Examiner: {"examiner", true, 0, only(runtimeCalls, lookCalls, mailCalls, mendingCalls), false, ofMender},
}

func (r Role) String() string { return roles[r].name }

// Options are what a role keeps that its table cannot know.
type Options struct {
	Trees    []string // directories with what is below them, where mail is
	Files    []string // files that may be read
	Reading  []string // directories that may be read, with what is below them
	Programs []string // that may be executed, with their loaders, or directories of such
	Sockets  []string // local sockets, or directories of such, to which it may connect
	Network  bool     // a Checker may ask daemons on other machines
}

// Of what Options list, Trees must exist; the rest is left out where it does not.

// Begin is Enter for a daemon, which tells once what this kernel lacks.
func Begin(r Role, o Options, log *slog.Logger) error {
	if missing := Missing(); missing != nil {
		log.Warn("the kernel's part of the sandbox is incomplete", "missing", strings.Join(missing, ", "))
	}
	return Enter(r, o)
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
	if r.fenced {
		if err := fence(r.everywhere, r.trees, o); err != nil {
			return err
		}
	}
	f := r.filter()
	if r.offline && !o.Network {
		f = f.refusing(networkCalls)
	}
	return f.load()
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
