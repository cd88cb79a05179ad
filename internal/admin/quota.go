package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"strconv"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/deliver/parcel"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/launch"
)

// quota is the verb quota. It reads no mail: for each account it starts deliver-session,
// as the account's user, which does.
type quota struct {
	json bool
	over uint
}

func (q *quota) flags(fs *flag.FlagSet) {
	fs.BoolVar(&q.json, "j", false, "for scripts: a line of JSON for each account")
	fs.UintVar(&q.over, "o", 0, "list those of which so many `percent` of a limit are in use, at least")
}

// fullness is an account as scripts see it.
type fullness struct {
	Name string `json:"name"`
	parcel.Usage
	Percent uint64 `json:"percent"`
}

func (q *quota) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	names := args
	if len(names) == 0 {
		users, err := listable(ctx, t, cfg)
		if err != nil {
			return err
		}
		for _, u := range users {
			names = append(names, u.Name)
		}
	}
	programs, err := launch.Programs(cfg.Programs.Directory, "deliver-session")
	if err != nil {
		return err
	}
	o := sessionOptions(cfg, programs)
	var rows [][]string
	var failed error
	shown := t.progress("accounts", len(names))
	defer shown.end()
	for i, name := range names {
		shown.at(i, name)
		f, err := fullnessOf(ctx, cfg, o, name)
		var known *failure
		switch {
		case err != nil && len(args) > 0 && errors.As(err, &known):
			return err
		case err != nil:
			t.warn("%s: %v", printable(name), err)
			failed = errFound
		case !f.limited() && (len(args) == 0 || q.over > 0) || f.Percent < uint64(q.over):
		case q.json:
			if err := t.object(f); err != nil {
				return err
			}
		default:
			rows = append(rows, f.row())
		}
	}
	shown.end()
	if !q.json {
		t.columns([]string{"NAME", "FULL", "OCTETS", "LIMIT", "MESSAGES", "LIMIT"}, rows)
	}
	return failed
}

// fullnessOf finds out how full an account is.
func fullnessOf(ctx context.Context, cfg *conf.Config, o *launch.Options, name string) (*fullness, error) {
	a, err := account(ctx, cfg, name)
	if err != nil {
		return nil, unknown(cfg, name, err)
	}
	f := &fullness{Name: a.Name}
	if _, err := os.Lstat(a.Mail); errors.Is(err, fs.ErrNotExist) {
		// The session would make the Maildir.
		s, err := cfg.Mail.ForAccount(a.Quota)
		f.OctetsLimit, f.MessagesLimit = s.Quota.Octets, s.Quota.Messages
		return f, err
	}
	if err := askUsage(o, &a, f); err != nil {
		return nil, err
	}
	f.Percent = max(share(f.Octets, f.OctetsLimit), share(f.Messages, f.MessagesLimit))
	return f, nil
}

// askUsage has the account's session program say it.
func askUsage(o *launch.Options, a *authd.Answer, f *fullness) error {
	w := accountOf(a)
	cmd, err := o.Once(wire.LMTP, &w, "-usage")
	if err != nil {
		return err
	}
	var out, says bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &says
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(says.String()))
	}
	if err := json.Unmarshal(out.Bytes(), &f.Usage); err != nil {
		return fmt.Errorf("understand deliver-session: %w", err)
	}
	return nil
}

func (f *fullness) limited() bool { return f.OctetsLimit != 0 || f.MessagesLimit != 0 }

// row is the account as people see it.
func (f *fullness) row() []string {
	if !f.limited() {
		return []string{f.Name, "", "", "", "", ""}
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	row := []string{f.Name, strconv.FormatUint(f.Percent, 10) + "%", number(f.Octets), "", number(f.Messages), ""}
	if f.OctetsLimit != 0 {
		row[3] = number(f.OctetsLimit)
	}
	if f.MessagesLimit != 0 {
		row[5] = number(f.MessagesLimit)
	}
	return row
}

// share is how much of a limit is used, in percent; 0 if there is none.
func share(used, limit int64) uint64 {
	const most = 9999
	if limit <= 0 || used <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(used), 100)
	if hi >= uint64(limit) {
		return most
	}
	percent, _ := bits.Div64(hi, lo, uint64(limit))
	return min(percent, most)
}
