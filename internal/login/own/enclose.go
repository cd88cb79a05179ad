package own

import (
	"log/slog"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/sandbox"
)

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
