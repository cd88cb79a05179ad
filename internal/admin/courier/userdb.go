package courier

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"fantail/internal/admin/translation"
	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/userdb"
)

// entry is a line of userdb: a name, a tab, and fields between "|".
type entry struct {
	name   string
	fields map[string]string
	line   int
}

// parseUserdb reads a file of makeuserdb(8). unread are lines that are none; those that tell
// the name of a uid ("uid=", a tab, and the name) say nothing about accounts.
func parseUserdb(text string) (entries []entry, unread []int) {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		name, rest, ok := strings.Cut(line, "\t")
		if strings.HasSuffix(name, "=") {
			continue
		}
		if !ok || name == "" || len(line) > maxValue {
			unread = append(unread, i+1)
			continue
		}
		e := entry{name, make(map[string]string), i + 1}
		for field := range strings.SplitSeq(rest, "|") {
			key, value, _ := strings.Cut(field, "=")
			if key != "" {
				e.fields[key] = value
			}
		}
		entries = append(entries, e)
	}
	return entries, unread
}

// Account is one of userdb, as a line of a passwd-file.
type Account struct {
	Name string
	Line string // with its hash: it is secret

	home, maildir string
	uid           int
}

// Accounts returns the accounts of userdb, in its order, and says in notes what of them does
// not come along. A path of a Maildir that is not said is that of every account.
func (c *Config) Accounts() (accounts []Account, notes []translation.Note) {
	a := accountReader{seen: make(map[string]bool), notes: make(map[string][]string), usual: c.maildir()}
	for _, at := range c.userdbFiles() {
		text, err := c.read(at)
		if err != nil {
			a.out.Grave(translation.Origin{File: at}, "its accounts cannot be read: %v", err)
			continue
		}
		entries, unread := parseUserdb(text)
		for _, line := range unread {
			a.out.Grave(translation.Origin{Name: "a line", File: at, Line: line}, "it is no account: a name, a tab, and fields")
		}
		for _, e := range entries {
			a.add(e, at)
		}
	}
	a.tell()
	return a.accounts, a.out.Notes
}

// userdbFiles are the files of which makeuserdb makes a database: one, or all in a directory.
func (c *Config) userdbFiles() (files []string) {
	at := c.find("userdb")
	if at == "" {
		return nil
	}
	names := c.list(at)
	for _, name := range names {
		if !strings.HasPrefix(name, ".") {
			files = append(files, c.userdbBelow(path.Join(at, name))...)
		}
	}
	if names == nil {
		files = []string{at}
	}
	return files
}

// userdbBelow is a file, or those in a directory, as makeuserdb descends.
func (c *Config) userdbBelow(at string) []string {
	names := c.list(at)
	if names == nil {
		return []string{at}
	}
	var files []string
	for _, name := range names {
		if !strings.HasPrefix(name, ".") && c.list(path.Join(at, name)) == nil {
			files = append(files, path.Join(at, name))
		}
	}
	return files
}

// accountReader makes accounts of entries.
type accountReader struct {
	accounts []Account
	seen     map[string]bool
	usual    string              // where the Maildir of an account is that does not say it, in its home
	notes    map[string][]string // what is said of accounts: whom
	order    []string
	out      translation.Result
}

// about notes the same of many accounts in one line.
func (a *accountReader) about(name, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if a.notes[text] == nil {
		a.order = append(a.order, text)
	}
	a.notes[text] = append(a.notes[text], name)
}

// tell writes these notes.
func (a *accountReader) tell() {
	for _, text := range a.order {
		a.out.Grave(translation.Origin{Name: "userdb"}, "%s: %s", some(a.notes[text]), text)
	}
}

// some are a few of many names.
func some(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// services have passwords of their own in userdb, if they are not that of all.
var services = []string{"systempw", "imappw", "pop3pw"}

// add makes an account of an entry.
func (a *accountReader) add(e entry, file string) {
	name := strings.ToLower(e.name)
	shown := translation.Short(name)
	switch {
	case userdb.CheckName(name) != nil || strings.HasPrefix(name, "#") || strings.HasPrefix(name, "-") || strings.TrimSpace(name) != name:
		a.out.Grave(translation.Origin{Name: shown, File: file, Line: e.line}, "no account can have this name here: give it another")
		return
	case a.seen[name]:
		a.out.Grave(translation.Origin{Name: shown, File: file, Line: e.line}, "there is an account of this name above: that one counts")
		return
	case name != e.name:
		a.about(shown, "names have no capital letters here; who logs in with some is found all the same")
	}
	a.seen[name] = true
	uid, gid := a.id(shown, "uid", e), a.id(shown, "gid", e)
	home := e.fields["home"]
	if home != "" && !path.IsAbs(home) || strings.ContainsFunc(home, unwritable) {
		a.about(shown, "the home is none that a passwd-file can hold: set it with fantail user add")
		home = ""
	}
	acct := Account{Name: name, home: home, uid: -1}
	if uid != "" {
		acct.uid, _ = strconv.Atoi(uid) // id has looked
	}
	fields := []string{name, a.password(shown, e), uid, gid, "", home, "", strings.Join(a.extra(shown, e, &acct), " ")}
	acct.Line = strings.TrimRight(strings.Join(fields, ":"), ":")
	a.accounts = append(a.accounts, acct)
	for key, value := range e.fields {
		a.field(shown, key, value)
	}
}

// unwritable are characters that no field of a passwd-file has.
func unwritable(r rune) bool { return r == ':' || unicode.IsControl(r) }

// id is a uid or gid, "" if there is none.
func (a *accountReader) id(name, field string, e entry) string {
	value := e.fields[field]
	if _, err := strconv.ParseUint(value, 10, 31); err != nil && value != "" {
		a.about(name, "its %s is no number", field)
		return ""
	}
	return value
}

// extra are the further fields of an account.
func (a *accountReader) extra(name string, e entry, acct *Account) (list []string) {
	acct.maildir = path.Join(acct.home, a.usual)
	if mail := e.fields["mail"]; mail != "" {
		if !path.IsAbs(mail) {
			mail = path.Join(acct.home, mail)
		}
		acct.maildir = mail
		switch {
		case !path.IsAbs(mail) || strings.ContainsFunc(mail, unwritable) || strings.ContainsFunc(mail, unicode.IsSpace) || strings.Contains(mail, "%"):
			a.about(name, "its Maildir is where no passwd-file can say: \":\", spaces and \"%%\" have a meaning in it")
		case acct.home == "" || mail != path.Join(acct.home, a.usual):
			list = append(list, "userdb_mail=maildir:"+path.Clean(mail))
		}
	}
	if quota := e.fields["quota"]; quota != "" && quota != "NOQUOTA" {
		if _, err := conf.ParseAccountQuota(quota); err != nil || strings.ContainsAny(quota, ": \t") {
			a.about(name, "its limits %q are none that can be read here", translation.Short(quota))
		} else {
			list = append(list, "userdb_quota="+quota)
		}
	}
	return list
}

// field notes what else is said of an account.
func (a *accountReader) field(name, key, value string) {
	switch {
	case key == "options":
		for _, o := range disabled(value) {
			a.about(name, "%s: an account that can log in can do so everywhere", o)
		}
	case slices.Contains(services, key) || key == "esmtppw" && value != "":
		if key == "esmtppw" {
			a.about(name, "there is a password for sending alone: here it is the account's; fantail apppw add can make a further one")
		}
	}
}

// disabled are the options that keep an account from something.
func disabled(options string) (list []string) {
	for o := range strings.SplitSeq(options, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(o), "=")
		if strings.HasPrefix(name, "disable") && value != "" && value != "0" && name != "disableshared" {
			list = append(list, name+"="+value)
		}
	}
	return list
}

// password is the hash of an account in our spelling, "" if there is none.
func (a *accountReader) password(name string, e entry) string {
	found := ""
	for _, key := range services {
		value := e.fields[key]
		switch {
		case value == "":
		case found == "":
			if key != "systempw" {
				a.about(name, "it has a password for %s alone: here it is good for all services", strings.ToUpper(strings.TrimSuffix(key, "pw")))
			}
			found = value
		case value != found:
			a.about(name, "it has another password for %s: one counts here; fantail apppw add can make a further one", strings.ToUpper(strings.TrimSuffix(key, "pw")))
		}
	}
	if found == "" {
		a.about(name, "it has no password that can be checked here: fantail passwd NAME sets one")
		return ""
	}
	field := hashOf(found)
	if strings.ContainsFunc(field, unwritable) {
		a.about(name, "no passwd-file can hold its password: fantail passwd NAME sets one")
		return ""
	}
	if _, err := scheme.Parse(field); err != nil {
		a.about(name, "its password cannot be checked here (%v): fantail passwd NAME sets one", err)
	}
	return field
}

// hashOf is a hash of Courier's, whose {MD5} is a digest in base64, and {MD5RAW} one in
// hexadecimal digits.
func hashOf(field string) string {
	rest, braces := strings.CutPrefix(field, "{")
	name, hash, closed := strings.Cut(rest, "}")
	if !braces || !closed {
		return field
	}
	switch strings.ToUpper(name) {
	case "MD5":
		return "{LDAP-MD5}" + hash
	case "MD5RAW":
		return "{PLAIN-MD5}" + hash
	}
	return field
}
