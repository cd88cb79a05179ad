package launch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/roster"
)

func options(t *testing.T) *Options {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "imap-session"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return &Options{
		Programs: dir, ConfigFile: "/etc/fantail/fantail.toml", ConfigStamp: func() string { return "stamp" },
		Become: true, FirstUID: 500, FirstGID: 100,
	}
}

func ann() *wire.Account {
	return &wire.Account{Name: "ann", UID: 1000, GID: 100, Groups: []uint32{8}, Home: "/home/ann", Mail: "/home/ann/Maildir"}
}

func TestWanted(t *testing.T) {
	o := options(t)
	w, err := o.Wanted(wire.IMAP, ann())
	if err != nil {
		t.Fatal(err)
	}
	cmd := w.Command()
	args := []string{filepath.Join(o.Programs, "imap-session"), "-front", "-c", "/etc/fantail/fantail.toml", "-u", "ann", "-m", "/home/ann/Maildir"}
	who := cmd.SysProcAttr.Credential
	if w.Service != "imap" || w.Account != "ann" || !slices.Equal(cmd.Args, args) || cmd.Dir != "/" || !cmd.SysProcAttr.Setpgid {
		t.Errorf("%+v, %+v", w, cmd)
	}
	if who == nil || who.Uid != 1000 || who.Gid != 100 || !slices.Equal(who.Groups, []uint32{8}) || who.NoSetGroups {
		t.Errorf("it runs as %+v", who)
	}
	if len(cmd.Env) != 3 || !strings.HasPrefix(cmd.Env[0], "PATH=") || cmd.Env[1] != "HOME=/home/ann" || cmd.Env[2] != "GOMAXPROCS=1" {
		t.Errorf("environment %q", cmd.Env)
	}
}

// TestEdition: whatever a running program was told at its start makes another one.
func TestEdition(t *testing.T) {
	o := options(t)
	edition := func(a *wire.Account) string {
		t.Helper()
		w, err := o.Wanted(wire.IMAP, a)
		if err != nil {
			t.Fatal(err)
		}
		return w.Edition
	}
	first := edition(ann())
	if edition(ann()) != first {
		t.Error("it changes although nothing has changed")
	}
	for name, change := range map[string]func(*wire.Account){
		"uid":    func(a *wire.Account) { a.UID++ },
		"gid":    func(a *wire.Account) { a.GID++ },
		"groups": func(a *wire.Account) { a.Groups = nil },
		"home":   func(a *wire.Account) { a.Home = "" },
		"mail":   func(a *wire.Account) { a.Mail = "/m" },
	} {
		a := ann()
		if change(a); edition(a) == first {
			t.Errorf("another %s is the same edition", name)
		}
	}
	now := time.Now()
	o.files.clock = func() time.Time { return now }
	o.ConfigStamp = func() string { return "other" }
	if now = now.Add(lookEvery); edition(ann()) == first {
		t.Error("another configuration is the same edition")
	}
	first = edition(ann())
	program := filepath.Join(o.Programs, "imap-session")
	if err := os.Rename(program, program+".old"); err != nil {
		t.Fatal(err)
	}
	if edition(ann()) != first {
		t.Error("files are looked at for each login")
	}
	if now = now.Add(lookEvery); edition(ann()) == first {
		t.Error("no program is the same edition")
	}
	first = edition(ann())
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if now = now.Add(lookEvery); edition(ann()) == first {
		t.Error("another program is the same edition")
	}
}

// TestShared: accounts of one user whose mail is in the fence share a program, and a
// program is told nothing of any of them when it is started.
func TestShared(t *testing.T) {
	o := options(t)
	o.Fence = "/home"
	wanted := func(change func(*wire.Account)) roster.Wanted {
		t.Helper()
		a := ann()
		change(a)
		w, err := o.Wanted(wire.IMAP, a)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	first := wanted(func(*wire.Account) {})
	cmd := first.Command()
	args := []string{filepath.Join(o.Programs, "imap-session"), "-front", "-c", "/etc/fantail/fantail.toml", "-fence", "/home"}
	if !slices.Equal(cmd.Args, args) || len(cmd.Env) != 1 || cmd.SysProcAttr.Credential.Uid != 1000 {
		t.Errorf("%q, %q, %+v", cmd.Args, cmd.Env, cmd.SysProcAttr.Credential)
	}
	if first.Account != "ann" || first.Mail != "/home/ann/Maildir" || first.Shared == "" {
		t.Errorf("%+v", first)
	}
	bob := wanted(func(a *wire.Account) {
		a.Name, a.Home, a.Mail, a.Quota = "bob", "/home/bob", "/home/bob/Maildir", "1GiB"
	})
	if bob.Shared != first.Shared || bob.Edition != first.Edition || bob.Account != "bob" || bob.Mail != "/home/bob/Maildir" || bob.Quota != "1GiB" {
		t.Errorf("%+v does not share with %+v", bob, first)
	}
	for name, change := range map[string]func(*wire.Account){
		"another uid":    func(a *wire.Account) { a.UID++ },
		"another gid":    func(a *wire.Account) { a.GID++ },
		"another group":  func(a *wire.Account) { a.Groups = []uint32{9} },
		"mail elsewhere": func(a *wire.Account) { a.Mail = "/homes/ann" },
		"all mail":       func(a *wire.Account) { a.Mail = "/home" },
	} {
		if w := wanted(change); w.Shared == first.Shared {
			t.Errorf("%s: it shares with others", name)
		}
	}
	o.Fence = ""
	if w := wanted(func(*wire.Account) {}); w.Shared != "" {
		t.Errorf("%+v shares without a fence", w)
	}
}

func TestPermit(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Options, *wire.Account)
		want   string // of the error; "" if it is permitted
	}{
		"as it is":           {func(*Options, *wire.Account) {}, ""},
		"root":               {func(_ *Options, a *wire.Account) { a.UID = 0 }, "superuser"},
		"root, if asked for": {func(o *Options, a *wire.Account) { a.UID, o.FirstUID = 0, 0 }, "superuser"},
		"root's group":       {func(o *Options, a *wire.Account) { a.GID, o.FirstGID = 0, 0 }, "superuser"},
		"in root's group":    {func(_ *Options, a *wire.Account) { a.Groups = []uint32{8, 0} }, "superuser"},
		"system user":        {func(_ *Options, a *wire.Account) { a.UID = 499 }, "uid 499"},
		"system group":       {func(_ *Options, a *wire.Account) { a.GID = 99 }, "gid 99"},
		"an option":          {func(_ *Options, a *wire.Account) { a.Name = "-c" }, "option"},
		"no name":            {func(_ *Options, a *wire.Account) { a.Name = "a/b" }, "name"},
		"relative":           {func(_ *Options, a *wire.Account) { a.Mail = "Maildir" }, "mail"},
		"not clean":          {func(_ *Options, a *wire.Account) { a.Mail = "/home/ann/../bob" }, "mail"},
		"everything":         {func(_ *Options, a *wire.Account) { a.Mail = "/" }, "mail"},
		"no mail":            {func(_ *Options, a *wire.Account) { a.Mail = "" }, "mail"},
		"another's uid":      {func(o *Options, _ *wire.Account) { o.Become, o.OwnUID = false, 1001 }, "uid 1000"},
		"one's own":          {func(o *Options, _ *wire.Account) { o.Become, o.OwnUID = false, 1000 }, ""},
	} {
		o, a := options(t), ann()
		c.change(o, a)
		w, err := o.Wanted(wire.IMAP, a)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		case c.want == "" && !o.Become && w.Command().SysProcAttr.Credential != nil:
			t.Errorf("%s: it would change its user", name)
		}
	}
	o := options(t)
	if _, err := o.Wanted(wire.SMTP, ann()); err == nil {
		t.Error("a session of SMTP")
	}
	if err := o.Check(wire.IMAP); err != nil {
		t.Error(err)
	}
	for _, s := range []wire.Service{wire.POP3, wire.SMTP} {
		if err := o.Check(s); err == nil {
			t.Errorf("%s has a program", s)
		}
	}
}

// TestTogether: one program for several accounts, of one user and for mail that comes in.
func TestTogether(t *testing.T) {
	o := options(t)
	bob := ann()
	bob.Name, bob.Mail = "bob", "/home/bob/Maildir"
	w, err := o.Wanted(wire.LMTP, ann(), bob)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{filepath.Join(o.Programs, "deliver-session"), "-front", "-c", "/etc/fantail/fantail.toml",
		"-u", "ann", "-m", "/home/ann/Maildir", "-u", "bob", "-m", "/home/bob/Maildir"}
	if cmd := w.Command(); !slices.Equal(cmd.Args, args) || w.Account != "ann" || w.With != "bob\n" || w.Shared != "" {
		t.Errorf("%+v, %q", w, cmd.Args)
	}
	limited := ann()
	limited.Quota, bob.Quota = "1GiB", "none"
	if w, err = o.Wanted(wire.LMTP, limited, bob); err != nil {
		t.Fatal(err)
	}
	args = append(args[:8:8], "-quota", "1GiB", "-u", "bob", "-m", "/home/bob/Maildir", "-quota", "none")
	if cmd := w.Command(); !slices.Equal(cmd.Args, args) {
		t.Errorf("with limits: %q", cmd.Args)
	}
	if _, err := o.Wanted(wire.IMAP, ann(), bob); err == nil {
		t.Error("a program of IMAP for two accounts")
	}
	for name, change := range map[string]func(*wire.Account){
		"uid":    func(a *wire.Account) { a.UID++ },
		"gid":    func(a *wire.Account) { a.GID++ },
		"groups": func(a *wire.Account) { a.Groups = nil },
		"mail":   func(a *wire.Account) { a.Mail = "/" },
		"name":   func(a *wire.Account) { a.Name = "-x" },
	} {
		other := *bob
		change(&other)
		if _, err := o.Wanted(wire.LMTP, ann(), &other); err == nil {
			t.Errorf("together with another %s", name)
		}
	}
	root := ann()
	root.UID = 0
	if _, err := o.Wanted(wire.LMTP, root, root); err == nil {
		t.Error("together as root")
	}
}
