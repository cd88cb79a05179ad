package login

import (
	"crypto/tls"
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"fantail/internal/daemon/tlsconf/tlstest"
)

// TestKeyProcess: with a keyd that alone can read the key, fronts that cannot speak TLS,
// and when it is started anew, again.
func TestKeyProcess(t *testing.T) {
	ca := tlstest.New(t)
	h := build(t, func(h *house, config string) string {
		h.make("fantail/cmd/keyd")
		h.own(0o700, keydUID, "keys")
		pem, key := h.path("front", "c.pem"), h.path("keys", "k.pem")
		tlstest.Write(t, ca.Server(t, "mail.example.org"), pem, key)
		if err := errors.Join(os.Chown(pem, frontUID, gid), os.Chmod(pem, 0o644), os.Chown(key, keydUID, gid)); err != nil {
			t.Fatal(err)
		}
		config = strings.Replace(config, h.path("front", "k.pem"), key, 1)
		return strings.Replace(config, "[tls]\n", "[tls]\nkey_process = true\n", 1)
	})
	logIn := func() error {
		conn, err := tls.Dial("tcp", h.imaps, &tls.Config{RootCAs: ca.Pool(), ServerName: "mail.example.org"})
		if err != nil {
			return err
		}
		say := h.talk(conn)
		say(silent, "* OK")
		say("a LOGIN ann secret", "a OK")
		return nil
	}
	if err := logIn(); err != nil {
		t.Fatal(err)
	}
	// It is the front's process that cannot read the key, and keyd is enclosed.
	if err := becoming(frontUID, func() error { return open(h.path("keys", "k.pem")) }); !errors.Is(err, os.ErrPermission) {
		t.Errorf("the front's user can read the key: %v", err)
	}
	if status := h.status("keyd", "-S"); !strings.Contains(status, "Seccomp:\t2\n") || !strings.Contains(status, "NoNewPrivs:\t1\n") {
		t.Errorf("keyd is not in its sandbox:\n%s", status)
	}
	h.stop("keyd")
	h.start("keyd", keydUID, "key")
	if err := logIn(); err != nil {
		t.Error(err)
	}
}

func open(path string) error {
	f, err := os.Open(path)
	if err == nil {
		f.Close()
	}
	return err
}

// becoming calls f in a thread with another effective uid, for files.
func becoming(uid int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		// The thread goes on: daemons end with the thread that has started them.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETFSUID, uintptr(uid), 0, 0); e != 0 {
			done <- e
			return
		}
		err := f()
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0); e != 0 {
			panic(e) // it is somebody else's thread by now
		}
		done <- err
	}()
	return <-done
}
