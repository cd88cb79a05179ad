package admin

import (
	"context"
	"flag"
	"strconv"
	"strings"
)

// userShow is the verb user show.
type userShow struct{ json bool }

func (u *userShow) flags(fs *flag.FlagSet) {
	fs.BoolVar(&u.json, "j", false, "for scripts: a line of JSON")
}

func (u *userShow) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	a, err := account(ctx, cfg, args[0])
	if err != nil {
		return unknown(cfg, args[0], err)
	}
	if u.json {
		return t.object(a)
	}
	groups := make([]string, len(a.Groups))
	for i, g := range a.Groups {
		groups[i] = strconv.Itoa(int(g))
	}
	for _, line := range [][2]string{
		{"name", a.Name},
		{"source", a.Source},
		{"uid", strconv.Itoa(int(a.UID))},
		{"gid", strconv.Itoa(int(a.GID))},
		{"groups", strings.Join(groups, " ")},
		{"home", a.Home},
		{"mail", a.Mail},
		{"without", a.IMAPWithout},
		{"expire", a.POP3Expire},
		{"quota", a.Quota},
		{"refused", a.Refused},
	} {
		if line[1] != "" {
			t.say("%-8s %s", line[0], printable(line[1]))
		}
	}
	return nil
}
