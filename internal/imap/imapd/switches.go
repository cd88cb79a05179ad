package imapd

import (
	"strings"

	"fantail/internal/imap/wire"
)

// switches are the capabilities that are turned off for a session: by the
// configuration, for the account, or for clients that say a certain name. Such a
// capability is not told, not enabled, and its commands are unknown. What a client
// has begun to use before it says its name stays.
type switches struct {
	capabilities map[string]bool // by upper-case name
	commands     map[string]bool
}

// without turns capabilities off, and those that cannot be without them.
func (w *switches) without(names ...string) {
	for name := range wire.Without(names...) {
		if w.capabilities == nil {
			w.capabilities, w.commands = make(map[string]bool), make(map[string]bool)
		}
		w.capabilities[name] = true
		for _, c := range commandsOf[name] {
			w.commands[c] = true
		}
	}
}

// has reports whether the capability is turned off.
func (w *switches) has(capability string) bool { return w.capabilities[strings.ToUpper(capability)] }

// hasCommand reports whether the command belongs to one that is.
func (w *switches) hasCommand(name string) bool { return w.commands[name] }

// commandsOf are the commands that capabilities consist of. The names of all of these
// are in upper case.
var commandsOf = map[string][]string{
	wire.CapCompressDeflate: {"COMPRESS"},
	wire.CapEnable:          {"ENABLE"},
	wire.CapID:              {"ID"},
	wire.CapIdle:            {"IDLE"},
	wire.CapMove:            {"MOVE", "UID MOVE"},
	wire.CapNamespace:       {"NAMESPACE"},
	wire.CapNotify:          {"NOTIFY"},
	wire.CapQuota:           {"GETQUOTA", "GETQUOTAROOT"},
	wire.CapSort:            {"SORT", "UID SORT"},
	wire.CapUIDPlus:         {"UID EXPUNGE"},
	wire.CapUnselect:        {"UNSELECT"},
}
