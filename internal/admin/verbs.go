package admin

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"strings"
)

// verb is one thing that the tool does.
type verb struct {
	name string // of one word or two
	args string // of which those in brackets may be left out, and "..." stands for any number
	doc  string
	make func() action
}

// action is a call of a verb.
type action interface {
	flags(fs *flag.FlagSet)
	run(ctx context.Context, t *tool, args []string) error
}

// stated is an action with exit statuses of its own: status translates the tool's.
type stated interface {
	status(tool int, err error) int
}

// verbs is the table, in the order of the usage and the manual.
var verbs = []verb{
	{"doctor", "[name]", "find out what is wrong with this installation, or with an account, and say what to type", func() action { return new(doctor) }},
	{"config", "[setting ...]", "show settings, and where each is set", func() action { return new(config) }},
	{"user add", "name", "make an account in the passwd-file", func() action { return new(userAdd) }},
	{"user del", "name", "delete an account from the passwd-file; its mail stays", func() action { return new(userDel) }},
	{"user list", "", "list the accounts of the passwd-file", func() action { return new(userList) }},
	{"user show", "name", "show an account of any source, as the daemons see it", func() action { return new(userShow) }},
	{"passwd", "name", "set the password of an account of the passwd-file", func() action { return new(passwd) }},
	{"apppw add", "name [label]", "make a password for one program of an account", func() action { return new(apppwAdd) }},
	{"apppw del", "name label", "revoke an app password, by its label or number", func() action { return new(apppwDel) }},
	{"apppw list", "name", "list the app passwords of an account", func() action { return new(apppwList) }},
	{"totp add", "name", "give an account a second factor: codes of an authenticator app", func() action { return new(totpAdd) }},
	{"totp codes", "name", "make new recovery codes in place of those that an account has", func() action { return new(totpCodes) }},
	{"totp del", "name", "end the authenticator app of an account", func() action { return new(totpDel) }},
	{"totp show", "name", "say whether an account has an authenticator app", func() action { return new(totpShow) }},
	{"seckey del", "name label", "remove a security key of an account, by its name or number", func() action { return new(seckeyDel) }},
	{"seckey list", "name", "list the security keys and passkeys of an account", func() action { return new(seckeyList) }},
	{"who", "[name]", "list the sessions that there are", func() action { return new(who) }},
	{"stats", "", "say how much the daemons do, for people, scripts and Prometheus", func() action { return new(stats) }},
	{"kick", "name", "end the sessions of an account", func() action { return new(kick) }},
	{"expire", "[name ...]", "remove mail that POP3 has retrieved and left on the server, when its days are over", func() action { return new(expire) }},
	{"dns", "[domain ...]", "print the records of DNS by which mail programs set themselves up", func() action { return new(dns) }},
	{"quota", "[name ...]", "say how much mail accounts have, and may have", func() action { return new(quota) }},
	{"fsck", "[name ...]", "examine mail and what is kept beside it, and mend it", func() action { return new(fsckVerb) }},
	{"import-courier", "[directory ...]", "say in our settings what Courier was told, and what does not come along", func() action { return new(importCourier) }},
	{"import-dovecot", "[file]", "say in our settings what Dovecot was told, and what does not come along", func() action { return new(importDovecot) }},
	{"help", "[verb ...]", "show how a verb is used", nil},
}

// find returns the verb that args begin with, and its own arguments.
func find(args []string) (verb, []string, error) {
	var near []string
	for _, v := range verbs {
		words := strings.Fields(v.name)
		switch {
		case len(args) >= len(words) && strings.Join(args[:len(words)], " ") == v.name:
			return v, args[len(words):], nil
		case words[0] == args[0]:
			near = append(near, v.name)
		}
	}
	if near != nil {
		return verb{}, nil, &failure{exitUsage, fmt.Errorf("%s what?", args[0]), "one of: fantail " + strings.Join(near, ", fantail ")}
	}
	return verb{}, nil, &failure{exitUsage, fmt.Errorf("there is no verb %q", args[0]), "the verbs: fantail help"}
}

// arguments are how few and how many a verb takes.
func (v verb) arguments() (least, most int) {
	for _, word := range strings.Fields(v.args) {
		if !strings.HasPrefix(word, "[") && !strings.HasSuffix(word, "]") {
			least++
		}
		if most++; strings.HasSuffix(word, "...]") {
			return least, math.MaxInt
		}
	}
	return least, most
}

// usage says how the tool is used.
func usage(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprintln(w, "usage: fantail [-v] [-c file] verb [argument ...]")
	fs.PrintDefaults()
	fmt.Fprintln(w, "\nThe verbs:")
	for _, v := range verbs {
		fmt.Fprintf(w, "    %-22s %s\n", strings.TrimSpace(v.name+" "+v.args), v.doc)
	}
	fmt.Fprintln(w, "\nMore of one: fantail help VERB. All of them: man fantail.")
}

// usage says how a verb is used.
func (v verb) usage(w io.Writer, fs *flag.FlagSet) {
	line := "usage: fantail " + v.name
	fs.VisitAll(func(f *flag.Flag) {
		line += " [" + strings.TrimSpace("-"+f.Name+" "+argument(f)) + "]"
	})
	fmt.Fprintln(w, strings.TrimSpace(line+" "+v.args))
	fmt.Fprintf(w, "%s.\n", strings.ToUpper(v.doc[:1])+v.doc[1:])
	fs.PrintDefaults()
}

// argument is the name of what an option takes; "" if it takes nothing.
func argument(f *flag.Flag) string {
	name, _ := flag.UnquoteUsage(f)
	return name
}

// help shows how the tool is used, or a verb.
func (t *tool) help(fs *flag.FlagSet, args []string) error {
	if len(args) == 0 {
		usage(t.out, withOutput(fs, t.out))
		return nil
	}
	var shown bool
	for _, v := range verbs {
		if v.make != nil && strings.HasPrefix(v.name+" ", strings.Join(args, " ")+" ") {
			fs := t.flags(v.name)
			fs.SetOutput(t.out)
			v.make().flags(fs)
			if shown {
				t.say("")
			}
			v.usage(t.out, fs)
			shown = true
		}
	}
	if !shown {
		return &failure{exitUsage, fmt.Errorf("there is no verb %q", strings.Join(args, " ")), "the verbs: fantail help"}
	}
	return nil
}

func withOutput(fs *flag.FlagSet, w io.Writer) *flag.FlagSet {
	fs.SetOutput(w)
	return fs
}

// Verb is a row of the table, as the manual has it.
type Verb struct {
	Name, Arguments, Doc string
	Options              []string // such as "s scheme", without those of every verb
}

// Verbs returns the table.
func Verbs() []Verb {
	list := make([]Verb, len(verbs))
	for i, v := range verbs {
		list[i] = Verb{Name: v.name, Arguments: v.args, Doc: v.doc}
		if v.make == nil {
			continue
		}
		fs := flag.NewFlagSet(v.name, flag.ContinueOnError)
		v.make().flags(fs)
		fs.VisitAll(func(f *flag.Flag) {
			list[i].Options = append(list[i].Options, strings.TrimSpace(f.Name+" "+argument(f)))
		})
	}
	return list
}
