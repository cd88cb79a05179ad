package admin

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
)

// sessiondTime is how long sessiond may take to answer.
const sessiondTime = 10 * time.Second

// sockets is the option that says where sessiond is.
type sockets struct{ directory string }

func (s *sockets) flags(fs *flag.FlagSet) {
	fs.StringVar(&s.directory, "S", "/run/fantail", "the `directory` of sessiond's sockets")
}

// failure is why sessiond cannot be asked, and what to do about it.
func (s *sockets) failure(err error) error {
	path := filepath.Join(s.directory, broker.SocketAdmin)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &failure{exitUnavailable, fmt.Errorf("there is no socket %s: sessiond does not run, or elsewhere; without it each front keeps its sessions itself, and tells nobody", path),
			"elsewhere: -S directory; whether it runs: fantail doctor"}
	case errors.Is(err, fs.ErrPermission):
		return &failure{exitPermission, fmt.Errorf("the socket %s is root's", path), "as root: the same again"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &failure{exitUnavailable, fmt.Errorf("nobody listens on the socket %s: sessiond has ended", path), "start sessiond"}
	}
	return &failure{exitUnavailable, err, ""}
}

// who is the verb who.
type who struct {
	sockets
	json bool
}

func (w *who) flags(fs *flag.FlagSet) {
	w.sockets.flags(fs)
	fs.BoolVar(&w.json, "j", false, "for scripts: a line of JSON for each connection")
}

// connection is one as scripts see it.
type connection struct {
	User    string    `json:"user"`
	Service string    `json:"service"`
	PID     uint32    `json:"pid"`
	Number  uint32    `json:"connection"` // of the program's
	Since   time.Time `json:"since"`
	Remote  string    `json:"remote,omitempty"`
}

func (w *who) run(ctx context.Context, t *tool, args []string) error {
	account := ""
	if len(args) > 0 {
		account = args[0]
	}
	ctx, cancel := context.WithTimeout(ctx, sessiondTime)
	defer cancel()
	admin := broker.NewAdmin(broker.DialPath(filepath.Join(w.directory, broker.SocketAdmin)))
	defer admin.Close()
	list, err := admin.Sessions(ctx, account)
	if err != nil {
		return w.failure(err)
	}
	slices.SortStableFunc(list, func(a, b wire.Session) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Service, b.Service))
	})
	if !w.json {
		t.columns([]string{"USER", "SERVICE", "PID", "CONNECTIONS", "SINCE", "FROM"}, programs(list))
		return nil
	}
	for _, s := range list {
		c := connection{User: s.Account, Service: s.Service.String(), PID: s.PID, Number: s.Conn, Since: since(s)}
		if s.Remote.IsValid() {
			c.Remote = s.Remote.String()
		}
		if err := t.object(c); err != nil {
			return err
		}
	}
	return nil
}

func since(s wire.Session) time.Time { return time.Unix(int64(s.Since), 0) }

// programs makes a row for each account in a program.
func programs(list []wire.Session) (rows [][]string) {
	for len(list) > 0 {
		first, n := list[0], 0
		var from []netip.Addr
		for ; n < len(list) && list[n].Account == first.Account && list[n].PID == first.PID; n++ {
			first.Since = min(first.Since, list[n].Since)
			if list[n].Remote.IsValid() {
				from = append(from, list[n].Remote)
			}
		}
		rows = append(rows, []string{
			first.Account, first.Service.String(), strconv.Itoa(int(first.PID)), strconv.Itoa(n),
			since(first).Format("2006-01-02 15:04"), addresses(from),
		})
		list = list[n:]
	}
	return rows
}

// addresses are some, each once, with their number if there are more.
func addresses(list []netip.Addr) string {
	slices.SortFunc(list, netip.Addr.Compare)
	var words []string
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n] == list[0] {
			n++
		}
		word := list[0].String()
		if n > 1 {
			word = fmt.Sprintf("%s (%d)", word, n)
		}
		words = append(words, word)
		list = list[n:]
	}
	return strings.Join(words, ", ")
}
