package admin

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/userdb"
)

// kickTime is longer than sessiond's patience with a session program.
const kickTime = 40 * time.Second

// kick is the verb kick. It returns when the connections have ended that there were.
type kick struct{ sockets }

func (k *kick) flags(fs *flag.FlagSet) { k.sockets.flags(fs) }

func (k *kick) run(ctx context.Context, t *tool, args []string) error {
	name := args[0]
	if userdb.CheckName(name) != nil {
		return &failure{exitNoUser, fmt.Errorf("%q cannot be the name of an account", name), ""}
	}
	ctx, cancel := context.WithTimeout(ctx, kickTime)
	defer cancel()
	admin := broker.NewAdmin(broker.DialPath(filepath.Join(k.directory, broker.SocketAdmin)))
	defer admin.Close()
	before, err := admin.Sessions(ctx, name)
	if err != nil {
		return k.failure(err)
	}
	if _, err := admin.Kick(ctx, name); err != nil { // also a program without a connection
		return k.failure(err)
	}
	if len(before) == 0 {
		return &failure{exitNoUser, fmt.Errorf("%s has no session", name), "who has: fantail who"}
	}
	for left := before; ; {
		left, err = admin.Sessions(ctx, name)
		if err != nil {
			return k.failure(err)
		}
		left = slices.DeleteFunc(left, func(s wire.Session) bool { return !slices.Contains(before, s) })
		if len(left) == 0 {
			t.say("ended %d of %s", len(before), printable(name))
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return &failure{exitTemporary, fmt.Errorf("%d of %d connections of %s go on", len(left), len(before), name), "which: fantail who " + argumentOf(name)}
		}
	}
}
