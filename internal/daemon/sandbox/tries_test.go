package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// try is something that a process may want to do, and its result in each role; ""
// is any.
type try struct {
	name     string
	harmless bool // it is also tried without a sandbox, where it must succeed
	want     results
	try      func(p place) error
}

// results are by role.
type results [len(roles)]string

// Results of tries that many have in common.
var (
	reading  = results{Session: "EACCES", Delivery: "EACCES", Rootless: "ok", Front: "EACCES", Checker: "ok", Foreign: "ok", Starter: "ok"}
	opening  = results{Session: "EACCES", Delivery: "EACCES", Rootless: "ok", Front: "EPERM", Checker: "EACCES", Foreign: "ok", Starter: "ok"}
	crossing = results{Session: "EXDEV", Delivery: "EXDEV", Rootless: "ok", Front: "EPERM", Checker: "EXDEV", Foreign: "ok", Starter: "ok"}
	changing = results{Session: "EPERM", Delivery: "EPERM", Rootless: "ok", Front: "EPERM", Checker: "EACCES", Foreign: "ok", Starter: "ok"}
	filtered = results{Session: "EPERM", Delivery: "EPERM", Rootless: "ok", Front: "EPERM", Checker: "ok", Foreign: "ok", Starter: "ok"}
	locally  = results{Session: "EPERM", Delivery: "EPERM", Rootless: "ok", Front: "ok", Checker: "ok", Foreign: "ok", Starter: "ok"}
	online   = results{Session: "EPERM", Delivery: "EPERM", Rootless: "ok", Front: "EPERM", Checker: "EPERM", Foreign: "ok", Starter: "EPERM"}
	starting = results{Session: "EPERM", Delivery: "EPERM", Rootless: "ok", Front: "EPERM", Checker: "EACCES", Foreign: "ok", Starter: "EACCES"}
	scoped   = results{Session: "EPERM", Delivery: "EPERM", Rootless: "ok", Front: "EPERM", Checker: "EPERM", Foreign: "ok", Starter: "EPERM"}
	stopped  = results{Session: "EPERM", Delivery: "EPERM", Front: "EPERM"} // the others: what a user or root may
	hostile  = all("EPERM")
	mailed   = results{Session: "ok", Delivery: "ok", Rootless: "ok", Front: "EPERM", Checker: "ok", Foreign: "ok", Starter: "ok"}
	readable = results{Session: "ok", Delivery: "ok", Rootless: "ok", Front: "EACCES", Checker: "ok", Foreign: "ok", Starter: "ok"}
	works    = all("ok")
)

func (r results) but(role Role, result string) results {
	r[role] = result
	return r
}

func all(result string) (r results) {
	for i := range r {
		r[i] = result
	}
	return r
}

// tries are made in this order, in one process.
func tries() []try {
	all := slices.Concat(fileTries, otherTries, allowedTries)
	for i := range all {
		if t := &all[i]; t.want[Examiner] == "" { // it differs where that is said
			t.want[Examiner] = t.want[Session]
		}
	}
	return all
}

var fileTries = []try{
	{"read another's mail", true, reading, func(p place) error { return p.open("other/cur/mail", unix.O_RDONLY) }},
	{"list another's mail", true, reading, func(p place) error { return p.open("other/cur", unix.O_RDONLY|unix.O_DIRECTORY) }},
	{"read another's mail by our path", true, reading, func(p place) error { return p.open("own/../other/cur/mail", unix.O_RDONLY) }},
	{"write into another's mail", true, opening, func(p place) error { return p.open("other/cur/mail", unix.O_WRONLY|unix.O_APPEND) }},
	{"cut off another's mail", true, opening, func(p place) error { return p.open("other/cur/mail", unix.O_WRONLY|unix.O_TRUNC) }},
	{"truncate another's mail", true, changing, func(p place) error { return unix.Truncate(p.at("other/cur/mail"), 0) }},
	{"link another's mail", true, crossing, func(p place) error { return p.link("other/cur/mail", "own/cur/stolen") }},
	{"move another's mail", true, opening, func(p place) error { return p.rename("other/cur/mail", "own/cur/stolen") }},
	{"move mail to another", true, opening, func(p place) error { return p.rename("own/cur/mail2", "other/cur/given") }},
	{"deliver to another", true, opening, func(p place) error { return p.open("other/cur/new", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL) }},
	{"remove another's mail", true, opening, func(p place) error { return unix.Unlink(p.at("other/cur/mail2")) }},
	{"remove a directory outside", true, opening, func(p place) error { return unix.Rmdir(p.at("outside/empty")) }},
	{"read the passwd", true, reading, func(p place) error { return p.open("/etc/passwd", unix.O_RDONLY) }},
	{"read the time zones", true, reading, func(p place) error { return p.open("/usr/share/zoneinfo", unix.O_RDONLY) }},
	{"list the root", true, reading, func(p place) error { return p.open("/", unix.O_RDONLY) }},
	{"write to the null device", true, results{Session: "EACCES", Delivery: "EACCES", Rootless: "ok", Front: "EPERM", Checker: "ok", Foreign: "ok", Starter: "ok"}, func(p place) error { return p.open("/dev/null", unix.O_WRONLY) }},
	{"make a file outside", true, opening, func(p place) error { return p.open("outside/new", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL) }},
	{"make an unnamed file outside", true, opening, func(p place) error { return p.open("/tmp", unix.O_TMPFILE|unix.O_RDWR) }},
	{"make a directory outside", true, opening, func(p place) error { return unix.Mkdir(p.at("outside/dir"), 0o700) }},
	{"chmod outside", true, filtered.but(Examiner, "ok"), func(p place) error { return unix.Fchmodat(unix.AT_FDCWD, p.at("outside/file"), 0o600, 0) }},
	{"chown outside", true, filtered, func(p place) error {
		return unix.Lchown(p.at("outside/file"), os.Geteuid(), os.Getegid())
	}},
	{"set attributes outside", false, filtered, func(p place) error {
		return unix.Setxattr(p.at("outside/file"), "user.x", []byte("y"), 0)
	}},
	{"make a symbolic link", true, changing, func(p place) error { return unix.Symlink("/etc", p.at("own/.link")) }},
	{"move a symbolic link", true, results{Session: "EACCES", Examiner: "ok", Delivery: "EACCES", Rootless: "ok", Front: "EPERM", Checker: "EACCES", Foreign: "ok", Starter: "ok"},
		func(p place) error { return p.rename("own/cur/dangling", "own/dangling") }},
	{"make a fifo", true, changing, func(p place) error { return unix.Mkfifo(p.at("own/fifo"), 0o600) }},
	{"change the directory", true, filtered, func(p place) error { return unix.Chdir(p.at("other")) }},
	{"read our memory", false, results{Session: "EACCES", Delivery: "EACCES", Front: "EACCES"}, func(p place) error { return p.open("/proc/self/mem", unix.O_RDONLY) }},
	{"read another process's memory", false, results{Session: "EACCES", Delivery: "EACCES", Front: "EACCES"}, func(p place) error {
		return p.open(fmt.Sprintf("/proc/%d/mem", peer), unix.O_RDONLY)
	}},
	{"threads that there were before", false, results{
		Session: "EACCES,EPERM", Delivery: "EACCES,EPERM", Rootless: "ok", Front: "EACCES,EPERM", Checker: "EPERM,ok", Foreign: "ok", Starter: "EPERM,ok",
	}, func(place) error {
		var came []string
		for range cap(earlier) * 2 {
			came = append(came, outcome(<-earlier))
		}
		slices.Sort(came)
		return errors.New(strings.Join(slices.Compact(came), ","))
	}},
}

var otherTries = []try{
	{"open an internet socket", true, online, func(place) error { return second(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)) }},
	{"open an internet socket of version 6", false, online, func(place) error {
		return second(unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0))
	}},
	{"open a local socket", true, locally, func(place) error { return second(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)) }},
	{"open a netlink socket", true, online, func(place) error { return second(unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)) }},
	{"connect", false, stopped.but(Front, "ENOENT"), func(place) error {
		return unix.Connect(0, &unix.SockaddrUnix{Name: "/run/dbus/system_bus_socket"})
	}},
	{"bind", false, stopped, func(place) error { return unix.Bind(0, &unix.SockaddrUnix{Name: "@x"}) }},
	{"listen", false, stopped, func(place) error { return unix.Listen(0, 1) }},
	{"accept", false, stopped.but(Front, "EINVAL"), func(place) error {
		_, _, err := unix.Accept4(0, unix.SOCK_CLOEXEC)
		return err
	}},
	{"execute", false, results{Session: "EPERM", Delivery: "EPERM", Rootless: "ENOENT", Front: "EPERM", Checker: "ENOENT", Foreign: "ENOENT", Starter: "ENOENT"}, func(place) error { return unix.Exec("/bin/nonexistent", []string{"x"}, nil) }},
	{"start a program", true, starting, func(place) error { return second(syscall.ForkExec("/bin/true", []string{"true"}, nil)) }},
	{"fork", false, stopped, func(place) error {
		// The same thread would go on twice: with flags that fail if they are let through.
		return call(unix.SYS_CLONE, unix.CLONE_SIGHAND)
	}},
	{"clone3", false, all("ENOSYS"), func(place) error { return call(unix.SYS_CLONE3) }},
	{"signal another process", true, scoped, func(place) error { return unix.Kill(peer, unix.SIGURG) }},
	{"signal a thread of another process", true, scoped, func(place) error {
		return unix.Tgkill(peer, peer, unix.SIGURG)
	}},
	{"have another signalled", false, stopped, func(place) error {
		return second(unix.FcntlInt(0, unix.F_SETOWN, peer))
	}},
	{"type into the terminal", false, stopped, func(place) error { return unix.IoctlSetPointerInt(0, unix.TIOCSTI, 'x') }},
	{"trace another process", false, hostile, func(place) error { return unix.PtraceAttach(peer) }},
	{"let us be traced", false, hostile, func(place) error { return call(unix.SYS_PTRACE, unix.PTRACE_TRACEME) }},
	{"read a process", true, hostile, func(place) error {
		var from, to [8]byte
		local, remote := []unix.Iovec{{Base: &to[0], Len: 8}}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&from)), Len: 8}}
		return second(unix.ProcessVMReadv(os.Getpid(), local, remote, 0))
	}},
	{"take a descriptor of a process", false, hostile, func(place) error { return second(unix.PidfdGetfd(0, 0, 0)) }},
	{"open a process", true, filtered, func(place) error { return second(unix.PidfdOpen(peer, 0)) }},
	{"limit another process", false, stopped, func(place) error {
		return unix.Prlimit(peer, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
	}},
	{"bpf", false, hostile, func(place) error { return call(unix.SYS_BPF, 1<<20) }},
	{"perf_event_open", false, hostile, func(place) error { return call(unix.SYS_PERF_EVENT_OPEN) }},
	{"userfaultfd", false, hostile, func(place) error { return call(unix.SYS_USERFAULTFD, 1<<20) }},
	{"io_uring", false, hostile, func(place) error { return call(unix.SYS_IO_URING_SETUP, 1) }},
	{"keyctl", false, hostile, func(place) error { return second(unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)) }},
	{"unshare", true, hostile, func(place) error { return unix.Unshare(unix.CLONE_FS) }},
	{"setns", false, hostile, func(place) error { return unix.Setns(0, 0) }},
	{"a process in a new user namespace", false, hostile, func(place) error {
		return call(unix.SYS_CLONE, unix.CLONE_NEWUSER|unix.CLONE_SIGHAND)
	}},
	{"mount", false, hostile, func(p place) error { return unix.Mount("none", p.at("outside"), "nonexistent", 0, "") }},
	{"unmount", false, hostile, func(p place) error { return unix.Unmount(p.at("outside"), 0) }},
	{"chroot", false, hostile, func(p place) error { return unix.Chroot(p.at("nonexistent")) }},
	{"open by handle", false, hostile, func(place) error { return call(unix.SYS_OPEN_BY_HANDLE_AT) }},
	{"load a module", false, hostile, func(place) error { return unix.FinitModule(-1, "", 0) }},
	{"reboot", false, hostile, func(place) error { return unix.Reboot(1) }},
	{"set the clock", false, stopped, func(place) error { return unix.Settimeofday(&unix.Timeval{Usec: -1}) }},
	{"call by another number", false, hostile, func(place) error { return call(x32 | unix.SYS_GETPID) }},
	{"make executable memory", true, filtered, func(place) error {
		b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			return err
		}
		return unix.Munmap(b)
	}},
	{"make memory executable", true, filtered, func(place) error {
		b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			return err
		}
		return errors.Join(unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC), unix.Munmap(b))
	}},
	{"be dumpable again", true, filtered, func(place) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }},
	{"change the user", true, filtered, func(place) error { return call(unix.SYS_SETUID, uintptr(os.Geteuid())) }},
	{"raise a limit", true, filtered, func(place) error {
		return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	}},
}

var allowedTries = []try{
	{"read our mail", true, readable, func(p place) error { return p.open("own/cur/mail", unix.O_RDONLY) }},
	{"list our mail", true, readable, func(p place) error { return second(os.ReadDir(p.at("own/cur"))) }},
	{"mail in a directory that is linked", true, mailed, func(p place) error {
		return errors.Join(p.open("linked/cur/mail", unix.O_RDWR), p.link("linked/cur/mail", "own/cur/from-link"))
	}},
	{"deliver", true, mailed, func(p place) error {
		f, err := os.OpenFile(p.at("own/tmp/1"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err != nil {
			return err
		}
		_, err = f.WriteString("Subject: y\n\n")
		return errors.Join(err, f.Chmod(0o600), f.Chown(-1, os.Getegid()), f.Truncate(3), f.Sync(), f.Close(),
			os.Chtimes(p.at("own/tmp/1"), time.Time{}, time.Unix(1e9, 0)), p.rename("own/tmp/1", "own/new/1"))
	}},
	{"move to another folder", true, mailed, func(p place) error { return p.rename("own/new/1", "own/.Folder/cur/1:2,S") }},
	{"copy to another folder", true, mailed, func(p place) error { return p.link("own/.Folder/cur/1:2,S", "own/cur/1:2,S") }},
	{"make, rename and remove folders", true, mailed, func(p place) error {
		return errors.Join(os.MkdirAll(p.at("own/.A.B/cur"), 0o700), p.rename("own/.A.B", "own/.C"),
			p.rename("own/.C/cur", "own/.Folder/new"), p.rename("own/.Folder/new", "own/.C/cur"), os.RemoveAll(p.at("own/.C")))
	}},
	{"an unnamed file among the mail", true, mailed, func(p place) error { return p.open("own/tmp", unix.O_TMPFILE|unix.O_RDWR) }},
	{"a file in memory", true, mailed, func(place) error {
		fd, err := unix.MemfdCreate("mail", unix.MFD_CLOEXEC)
		if err != nil {
			return err
		}
		return errors.Join(unix.Ftruncate(fd, 1<<20), unix.Close(fd))
	}},
	{"lock and map", true, mailed, func(p place) error {
		f, err := os.OpenFile(p.at("own/cur/mail"), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		b, err := unix.Mmap(int(f.Fd()), 0, 10, unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_EX), unix.Flock(int(f.Fd()), unix.LOCK_UN), unix.Munmap(b))
	}},
	{"watch a directory", true, mailed, watch},
	{"what a kernel and a volume are", true, mailed, func(p place) error {
		var u unix.Utsname
		var s unix.Statfs_t
		return errors.Join(unix.Uname(&u), unix.Statfs(p.at("own"), &s), second(os.Readlink("/proc/self/ns/pid")),
			second(os.ReadFile("/proc/sys/kernel/random/boot_id")))
	}},
	{"the time zone", false, works, func(place) error {
		if zone, _ := time.Unix(1784000000, 0).Zone(); zone != "CEST" {
			return fmt.Errorf("it is %s", zone)
		}
		return nil
	}},
	{"no core", false, works, func(place) error {
		var l unix.Rlimit
		if err := unix.Prlimit(0, unix.RLIMIT_CORE, nil, &l); err != nil || l != (unix.Rlimit{}) {
			return fmt.Errorf("%+v %w", l, err)
		}
		return nil
	}},
	{"threads, preemption and garbage", true, works, work},
	{"whether we are there", true, works, func(place) error { return unix.Kill(os.Getpid(), 0) }},
	{"whether another is there", true, scoped, func(place) error { return unix.Kill(peer, 0) }}, // Landlock's answer
	{"whether nobody is there", false, all("ESRCH"), func(place) error { return unix.Kill(1<<22+1, 0) }},
	{"use a passed connection", true, results{Session: "ok", Examiner: "EPERM", Delivery: "EPERM", Rootless: "ok", Front: "ok", Checker: "ok", Foreign: "ok", Starter: "ok"}, func(place) error { return received() }},
	{"read a certificate", false, results{Session: "EACCES", Delivery: "EACCES", Rootless: "ok", Front: "ok", Checker: "ok", Foreign: "ok", Starter: "ok"},
		func(p place) error {
			return errors.Join(p.open("certificates/mail.pem", unix.O_RDONLY), second(os.ReadDir(p.at("certificates"))))
		}},
	{"write a certificate", true, opening, func(p place) error { return p.open("certificates/mail.pem", unix.O_WRONLY) }},
	{"start a listed program", true, locally.but(Front, "EPERM"), func(place) error {
		pid, err := syscall.ForkExec(listed, []string{listed}, nil)
		if err != nil {
			return err
		}
		return second(unix.Wait4(pid, nil, 0, nil))
	}},
	{"connect to a daemon", true, locally, func(place) error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return errors.Join(unix.Connect(fd, daemon), unix.Close(fd))
	}},
	{"make a channel", true, locally, func(place) error {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return errors.Join(unix.Close(fds[0]), unix.Close(fds[1]))
	}},
	{"accept a connection", true, locally, func(place) error {
		fd, _, err := unix.Accept4(listening, unix.SOCK_CLOEXEC)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}},
	{"session in it", false, results{Rootless: "ok", Starter: "ok"}, func(p place) error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.Command(self, "tries", "session", p.dir)
		out, err := cmd.Output()
		if err != nil {
			return err
		}
		for _, want := range []string{"read our mail=ok\n", "watch a directory=ok\n", "deliver=ok\n", "move to another folder=ok\n", "list another's mail=EACCES\n", "start a program=EPERM\n"} {
			if !strings.Contains(string(out), want) {
				return fmt.Errorf("without %q", want)
			}
		}
		return nil
	}},
}

// watch sees what happens in a directory.
func watch(p place) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, p.at("own/cur"), unix.IN_CREATE); err != nil {
		return err
	}
	if err := unix.Unlink(p.at("own/cur/seen")); err != nil && err != unix.ENOENT {
		return err
	}
	if err := p.open("own/cur/seen", unix.O_WRONLY|unix.O_CREAT); err != nil {
		return err
	}
	return second(unix.Read(fd, make([]byte, 4096)))
}

// work is what keeps Go's runtime busy: new threads, loops that it must interrupt,
// and a full heap.
func work(place) error {
	var busy sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		busy.Go(func() {
			runtime.LockOSThread() // its end is a thread's
			for n := 0; n >= 0; n++ {
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	var heap [][]byte
	for range 100 {
		heap = append(heap, make([]byte, 1<<16))
	}
	runtime.GC()
	runtime.KeepAlive(heap)
	close(stop)
	busy.Wait()
	return nil
}
