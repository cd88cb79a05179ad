package fault

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Verdict is what shall become of a call.
type Verdict struct {
	do    action
	errno unix.Errno
}

type action uint8

const (
	allow action = iota
	kill
	fail
	tear
	short
)

// The verdicts: the call happens; the process is killed before it; half of the
// write happens, and the process is killed; half of it happens, which the process
// is told. Torn and Short are Killed and Allowed for calls that write no data.
var (
	Allowed = Verdict{do: allow}
	Killed  = Verdict{do: kill}
	Torn    = Verdict{do: tear}
	Short   = Verdict{do: short}
)

// Failed answers the call with an error.
func Failed(errno unix.Errno) Verdict { return Verdict{fail, errno} }

// Plan decides on call i, counted from 0.
type Plan func(i int, c Call) Verdict

// Run starts cmd, whose process calls Guard, and carries the plan out for its
// writes below tree until it ends. It returns the calls in their order and the
// error of Wait: being killed by the plan is none.
func Run(cmd *exec.Cmd, tree string, plan Plan) ([]Call, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	far := os.NewFile(uintptr(fds[1]), "guard")
	defer unix.Close(fds[0])
	cmd.ExtraFiles = []*os.File{far}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, Environment)
	err = cmd.Start()
	far.Close()
	if err != nil {
		return nil, err
	}
	listener, err := receive(fds[0])
	if err != nil {
		// It has said why.
		return nil, errors.Join(fmt.Errorf("no listener: %w", err), cmd.Process.Kill(), cmd.Wait())
	}
	s := &supervisor{listener: listener, process: cmd.Process, tree: tree, plan: plan}
	err = s.watch()
	unix.Close(listener)
	if err != nil {
		cmd.Process.Kill() // it waits for an answer
	}
	werr := cmd.Wait()
	if s.killed && err == nil {
		return s.calls, nil
	}
	return s.calls, errors.Join(err, werr)
}

// receive gets the listener of a guarded process.
func receive(socket int) (int, error) {
	octet, control := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, octet, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return -1, errors.Join(ErrUnsupported, err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, errors.Join(ErrUnsupported, err)
	}
	return fds[0], nil
}

// supervisor answers the calls of one process.
type supervisor struct {
	listener int
	process  *os.Process
	tree     string
	plan     Plan
	calls    []Call
	killed   bool
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	val   int64
	error int32
	flags uint32
}

// flagContinue is SECCOMP_USER_NOTIF_FLAG_CONTINUE.
const flagContinue = 1

// watch answers calls until the process ends.
func (s *supervisor) watch() error {
	for {
		p := []unix.PollFd{{Fd: int32(s.listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(p, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for calls: %w", err)
		}
		if p[0].Revents&unix.POLLIN == 0 {
			if p[0].Revents != 0 {
				return nil // everybody has ended
			}
			continue
		}
		var n notification
		err := ioctl(s.listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n))
		runtime.KeepAlive(&n)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINTR) {
			continue // killed while it waited
		}
		if err == nil {
			err = s.answer(&n)
		}
		if err != nil {
			return err
		}
	}
}

func (s *supervisor) answer(n *notification) error {
	c, f, ok, err := n.look(s.tree)
	if err != nil && !s.killed {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	r := response{id: n.id, flags: flagContinue}
	if ok && !s.killed {
		v := s.plan(len(s.calls), c)
		s.calls = append(s.calls, c)
		if err := s.carryOut(v, n, f, c, &r); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	if s.killed {
		return nil // what waits is killed while it waits
	}
	err = ioctl(s.listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
	runtime.KeepAlive(&r)
	if errors.Is(err, unix.ENOENT) { // the process has ended
		return nil
	}
	return err
}

// carryOut does what a verdict says, or makes r the answer that does it.
func (s *supervisor) carryOut(v Verdict, n *notification, f form, c Call, r *response) error {
	if (v.do == tear || v.do == short) && f.data && c.Octets > 1 {
		half, err := n.writeHalf(s.process.Pid, f)
		if err != nil {
			return fmt.Errorf("write half: %w", err)
		}
		*r = response{id: n.id, val: int64(half)}
	}
	switch v.do {
	case kill, tear:
		s.killed = true
		return s.process.Kill()
	case fail:
		*r = response{id: n.id, error: -int32(v.errno)}
	}
	return nil
}

// writeHalf does the first half of a write in the place of the process.
func (n *notification) writeHalf(pid int, f form) (int, error) {
	data := make([]byte, n.args[2]/2)
	if _, err := n.memory(data, n.args[1]); err != nil {
		return 0, err
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, int(n.args[f.fd]), 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if f.nr == unix.SYS_PWRITE64 {
		return unix.Pwrite(fd, data, int64(n.args[3]))
	}
	return unix.Write(fd, data)
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}
