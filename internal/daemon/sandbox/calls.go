//go:build amd64 || arm64

package sandbox

import "golang.org/x/sys/unix"

// The lists are functions, so that they are in memory only while a process enters its
// sandbox.

// calls makes rules without a test.
func calls(numbers ...uint32) []rule {
	list := make([]rule, len(numbers))
	for i, n := range numbers {
		list[i] = rule{call: n, then: allowed}
	}
	return list
}

// missingCalls are told not to exist, in every filter: a filter cannot see what
// clone3 is to make, and its callers have clone.
func missingCalls() []rule {
	return []rule{{call: unix.SYS_CLONE3, then: absent}}
}

// runtimeCalls are what a program in Go makes whatever it does, once its files are open.
func runtimeCalls() []rule {
	return append(calls(
		unix.SYS_READ, unix.SYS_WRITE, unix.SYS_CLOSE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PIPE2,
		unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_SPLICE, unix.SYS_SENDFILE,
		// Waiting.
		unix.SYS_FUTEX, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_CREATE1, unix.SYS_EVENTFD2,
		unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_SCHED_YIELD, unix.SYS_PPOLL, unix.SYS_PSELECT6,
		unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_RESTART_SYSCALL,
		// Memory.
		unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK, unix.SYS_MREMAP,
		// Threads and signals.
		unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
		unix.SYS_SCHED_GETAFFINITY, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MEMBARRIER,
		unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
		// Who and where we are.
		unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID,
		unix.SYS_GETEGID, unix.SYS_UNAME, unix.SYS_SYSINFO, unix.SYS_GETRUSAGE, unix.SYS_GETCPU, unix.SYS_GETRANDOM,
	), []rule{
		// A thread, not a process.
		{unix.SYS_CLONE, test{anyBit, 0, []uint32{unix.CLONE_THREAD}}, allowed},
		// No memory that could be executed.
		{unix.SYS_MMAP, test{noBit, 2, []uint32{unix.PROT_EXEC}}, allowed},
		{unix.SYS_MPROTECT, test{noBit, 2, []uint32{unix.PROT_EXEC}}, allowed},
		// The name of memory.
		{unix.SYS_PRCTL, test{oneOf, 0, []uint32{unix.PR_SET_VMA}}, allowed},
		// Limits are read.
		{unix.SYS_PRLIMIT64, test{null, 2, nil}, allowed},
		// A thread is interrupted; of other processes it is only asked if they exist.
		{unix.SYS_TGKILL, test{own, 0, nil}, allowed},
		{unix.SYS_KILL, test{oneOf, 1, []uint32{0}}, allowed},
		// Nobody else is sent a signal by what happens to a file.
		{unix.SYS_FCNTL, test{oneOf, 1, []uint32{
			unix.F_GETFL, unix.F_SETFL, unix.F_GETFD, unix.F_SETFD, unix.F_DUPFD, unix.F_DUPFD_CLOEXEC,
			unix.F_GETLK, unix.F_SETLK, unix.F_SETLKW, unix.F_OFD_GETLK, unix.F_OFD_SETLK, unix.F_OFD_SETLKW,
			unix.F_ADD_SEALS, unix.F_GET_SEALS, unix.F_GETPIPE_SZ, unix.F_SETPIPE_SZ,
		}}, allowed},
		// What of a file or terminal can be asked; nothing is typed into a terminal.
		{unix.SYS_IOCTL, test{oneOf, 1, []uint32{unix.TIOCINQ, unix.FS_IOC_GETFLAGS, unix.TCGETS, unix.TIOCGWINSZ}}, allowed},
	}...)
}

// lookCalls are for what is said of files, and for what is open.
func lookCalls() []rule {
	return calls(
		fstatat, unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_LSEEK, unix.SYS_PREAD64, unix.SYS_GETDENTS64, unix.SYS_READLINKAT,
	)
}

// mailCalls are for files, by Landlock's leave.
func mailCalls() []rule {
	return calls(
		unix.SYS_OPENAT, unix.SYS_PWRITE64, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT, unix.SYS_UNLINKAT,
		unix.SYS_MKDIRAT, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_UTIMENSAT,
		unix.SYS_STATFS, unix.SYS_FSTATFS, unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_FTRUNCATE,
		unix.SYS_FALLOCATE, unix.SYS_FADVISE64, unix.SYS_FCHMOD, unix.SYS_FCHOWN, unix.SYS_FLOCK, unix.SYS_MEMFD_CREATE,
		unix.SYS_COPY_FILE_RANGE, unix.SYS_INOTIFY_INIT1, unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_INOTIFY_RM_WATCH,
	)
}

// mendingCalls are for modes of files that cannot be opened.
func mendingCalls() []rule { return calls(unix.SYS_FCHMODAT) }

// readingCalls open files that are not to be changed.
func readingCalls() []rule {
	return []rule{
		{unix.SYS_OPENAT, test{noBit, 2, []uint32{unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC}}, allowed},
	}
}

// connectionCalls are for sockets that there are already.
func connectionCalls() []rule {
	return calls(
		unix.SYS_RECVMSG, unix.SYS_SENDMSG, unix.SYS_RECVFROM, unix.SYS_SENDTO, unix.SYS_SHUTDOWN,
		unix.SYS_GETSOCKOPT, unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME,
	)
}

// acceptingCalls are for sockets that listen already, for connecting to the machine's own,
// and for channels to sessions.
func acceptingCalls() []rule {
	return append(calls(unix.SYS_ACCEPT4, unix.SYS_CONNECT),
		rule{unix.SYS_SOCKET, test{oneOf, 0, []uint32{unix.AF_UNIX}}, allowed},
		rule{unix.SYS_SOCKETPAIR, test{oneOf, 0, []uint32{unix.AF_UNIX}}, allowed})
}

// networkCalls make sockets that are not of the machine itself.
func networkCalls() []rule {
	return []rule{{unix.SYS_SOCKET, test{noneOf, 0, []uint32{unix.AF_UNIX}}, allowed}}
}

// newNamespaces are the flags of clone that make any.
const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// hostileCalls are what no program does that a front would start, and what others
// break kernels or look into processes with.
func hostileCalls() []rule {
	return append(calls(
		// Other processes.
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
		unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_PERF_EVENT_OPEN,
		// Large interfaces.
		unix.SYS_BPF, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER,
		unix.SYS_IO_URING_REGISTER, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
		unix.SYS_FANOTIFY_INIT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_PERSONALITY,
		// Mounts and namespaces.
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT,
		unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_FSCONFIG, unix.SYS_FSPICK,
		unix.SYS_MOUNT_SETATTR, unix.SYS_UNSHARE, unix.SYS_SETNS,
		// The machine.
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD,
		unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT,
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME,
		unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
		unix.SYS_SYSLOG, unix.SYS_VHANGUP,
	), rule{unix.SYS_CLONE, test{anyBit, 0, []uint32{newNamespaces}}, allowed})
}
