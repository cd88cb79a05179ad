// Package rootless puts together how a front checks logins and starts sessions
// where there is no other daemon to ask: passwords are checked in the front's own
// process, from the passwd-file, and session programs run under its own uid.
//
// Fronts themselves may link no password source, so their main functions bring
// this to them.
package rootless

import (
	"log/slog"
	"strings"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/sandbox"
	"fantail/internal/login/broker"
	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

// failureDelay is how long the answer to a wrong password takes, at least.
const failureDelay = 2 * time.Second

// New returns the broker of a front with this configuration, whose session
// programs are in the directory programs.
func New(cfg *conf.Config, programs string, log *slog.Logger) *broker.Local {
	return broker.NewLocal(broker.LocalOptions{
		Verifier:     passdb.New(userdb.Open(cfg.Auth.PasswdFile, log)),
		MailPath:     cfg.MailPath,
		Programs:     programs,
		ConfigFile:   cfg.File,
		ConfigStamp:  func() string { return conf.Stamp(cfg.File) },
		FailureDelay: failureDelay,
		Log:          log,
	})
}

// Enclose has the front give up what neither it nor session programs need, before
// it accepts connections. If the kernel lacks something of what they will give up
// themselves, it is told here, once for all of them.
func Enclose(cfg *conf.Config, log *slog.Logger) error {
	if cfg.Programs.Sandbox == conf.SandboxOff {
		return nil
	}
	if missing := sandbox.Missing(); missing != nil {
		log.Warn("the kernel's part of the sandbox is incomplete", "missing", strings.Join(missing, ", "))
	}
	return sandbox.Enter(sandbox.Rootless, sandbox.Options{})
}
