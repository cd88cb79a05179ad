package dovecot

import (
	"path"
	"slices"
	"strings"

	"fantail/internal/admin/translation"
	"fantail/internal/daemon/conf"
)

// location is where the mail of accounts is.
type location struct {
	driver  string // such as "maildir"
	path    string // in our variables; "~" at the beginning is the home
	inbox   string
	control string
	fs      bool // folders are directories within each other
	from    Setting
}

// oldLocation reads mail_location of 2.3, such as "maildir:~/Maildir:LAYOUT=fs".
func (t *translator) oldLocation(s Setting) *location {
	driver, rest, ok := strings.Cut(s.Value, ":")
	if !ok || strings.ContainsAny(driver, "/~%") {
		t.grave(s, "%q says nothing about its format: where it is a Maildir, set mail.path", translation.Short(s.Value))
		return nil
	}
	parts := strings.Split(rest, ":")
	l := &location{driver: driver, path: t.expand(parts[0], s), from: s}
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(p, "=")
		switch name {
		case "LAYOUT":
			l.fs = t.layout(value, s)
		case "INBOX":
			l.inbox = t.expand(value, s)
		case "CONTROL":
			l.control = t.expand(value, s)
		case "INDEX", "INDEXPVT", "INDEXCACHE", "VOLATILEDIR", "ITERINDEX": // caches, made anew
		case "UTF-8":
			t.grave(s, "folders have names in UTF-8 on disk, which are read as modified UTF-7: rename those with letters beyond ASCII")
		default:
			t.grave(s, "there is nothing like %s= here", translation.Short(name))
		}
	}
	return l
}

// newLocation reads the settings of 2.4.
func (t *translator) newLocation() *location {
	driver := t.last("mail_driver")
	if driver.Value == "" {
		return nil
	}
	l := &location{driver: driver.Value, from: driver}
	for _, f := range []struct {
		name string
		to   *string
	}{{"mail_path", &l.path}, {"mail_inbox_path", &l.inbox}, {"mail_control_path", &l.control}} {
		if s := t.last(f.name); s.Value != "" {
			*f.to = t.expand(s.Value, s)
		}
	}
	if s := t.last("mailbox_list_layout"); s.Value != "" {
		l.fs = t.layout(s.Value, s)
	}
	if s := t.last("mailbox_list_utf8"); s.Value == "yes" {
		t.grave(s, "folders have names in UTF-8 on disk, which are read as modified UTF-7: rename those with letters beyond ASCII")
	}
	return l
}

// last is the setting that counts of a name.
func (t *translator) last(name string) Setting {
	for i := len(t.c.Settings) - 1; i >= 0; i-- {
		if t.c.Settings[i].Name == name {
			return t.c.Settings[i]
		}
	}
	return Setting{Name: name}
}

func (t *translator) layout(name string, s Setting) (fs bool) {
	if !strings.EqualFold(name, "fs") && !strings.EqualFold(name, "maildir++") {
		t.grave(s, "there is no layout %q: Dovecot can convert it (doveadm backup -u USER maildir:~/Maildir)", translation.Short(name))
	}
	return strings.EqualFold(name, "fs")
}

// expand says a path in our variables; "" if that cannot be done.
func (t *translator) expand(s string, from Setting) string {
	ours, err := variables(s)
	if err != nil {
		t.grave(from, "%q has %v: set mail.path or auth.virtual_home", translation.Short(s), err)
		return ""
	}
	return ours
}

// setHome notes the template of homes.
func (t *translator) setHome(value string, from Setting) {
	if ours := t.expand(value, from); ours != "" {
		t.home, t.homeFrom = ours, from
	}
}

// mail sets where mail is.
func (t *translator) mail() {
	if t.location == nil {
		t.location = t.newLocation()
	}
	l := t.location
	separator := "."
	if l != nil && l.driver == "maildir" && l.fs {
		separator = "/"
	}
	t.belowInbox(separator)
	switch {
	case l == nil:
		t.grave(Setting{Name: "mail_location"}, "Dovecot looks for itself where mail is: set mail.path if it is not ~/Maildir")
		return
	case l.driver != "maildir":
		t.grave(l.from, "mail is kept as %s, which is not read here. With Dovecot running, for each account: doveadm backup -u USER maildir:~/Maildir (its UIDs and flags stay), then mail.path = \"~/Maildir\"", translation.Short(l.driver))
		t.path("~/Maildir", l.from)
		return
	}
	if l.fs {
		t.set("mail.layout", translation.Quote("fs"), l.from)
	}
	if l.inbox != "" && path.Clean(l.inbox) != path.Clean(l.path) {
		t.grave(l.from, "the INBOX is elsewhere (%s) than the folders (%s): move it to where the folders are", translation.Short(l.inbox), translation.Short(l.path))
	}
	if l.control != "" && path.Clean(l.control) != path.Clean(l.path) {
		t.grave(l.from, "UIDs and subscriptions are kept in %s: before the first login copy the files dovecot-uidlist, dovecot-keywords, dovecot-uidvalidity* and subscriptions "+
			"from there into each Maildir and its folders, or clients download all mail again", translation.Short(l.control))
	}
	t.path(l.path, l.from)
}

// belowInbox sets whether folders are shown below INBOX. Another prefix there is not.
func (t *translator) belowInbox(separator string) {
	switch t.prefix {
	case "":
	case "INBOX" + separator:
		t.set("imap.inbox_prefix", "true", t.prefixFrom)
	default:
		t.grave(t.prefixFrom, "folders are shown without the prefix %q: programs that know it as \"IMAP path prefix\" must forget it", translation.Short(t.prefix))
	}
}

// path sets mail.path and auth.virtual_home, of a path in our variables.
func (t *translator) path(p string, from Setting) {
	inHome := strings.HasPrefix(p, "~")
	switch {
	case p == "":
		return
	case inHome || !strings.Contains(p, "%{"):
	case t.home != "" && p == t.home:
		p = "~"
	case t.home != "" && strings.HasPrefix(p, t.home+"/"):
		p = "~" + strings.TrimPrefix(p, t.home)
	default:
		if t.home != "" {
			t.note(from, "accounts get the home %s, in place of %s", p, t.home)
		}
		t.home, t.homeFrom = p, from
		p = "~"
		t.note(from, "where an account's source says its home, mail is looked for there: users of the system have theirs in /etc/passwd")
	}
	if p = strings.TrimRight(p, "/"); p == "~" || !inHome || p != "" {
		t.set("mail.path", translation.Quote(p), from)
	}
	if t.home != "" && !strings.HasPrefix(t.home, "~") {
		if _, err := conf.ParseTemplate(t.home); err != nil {
			t.grave(t.homeFrom, "auth.virtual_home cannot be %s: %v", translation.Quote(t.home), err)
			return
		}
		t.set("auth.virtual_home", translation.Quote(t.home), t.homeFrom)
	}
}

// uses are special uses, and what mail.folders calls them.
var uses = map[string]string{`\Drafts`: "drafts", `\Sent`: "sent", `\Junk`: "junk", `\Trash`: "trash", `\Archive`: "archive"}

// namespace notes what is elsewhere than in the one namespace that there is here.
func (t *translator) namespace(b *Block, from Setting) {
	prefix := b.Value("prefix")
	kind := b.Value("type")
	switch {
	case kind == "shared" || kind == "public":
		t.grave(from, "mail that several accounts share is not shown")
		return
	case b.Value("inbox") != "yes" && b.Value("disabled") != "yes":
		t.grave(from, "there is one namespace: mail of this one (prefix %q) is not shown", translation.Short(prefix))
		return
	}
	t.prefix, t.prefixFrom = prefix, from
	if l := b.Value("location"); l != "" {
		t.location = t.oldLocation(Setting{"location", l, b.Line})
	}
	var folders conf.Folders
	for _, m := range b.Blocks {
		if m.Name == "mailbox" {
			folders = t.mailbox(m, folders)
		}
	}
	if len(folders) > 0 {
		t.set("mail.folders", translation.Quote(folders.String()), from)
	}
}

// mailbox translates a mailbox of a namespace.
func (t *translator) mailbox(m *Block, list conf.Folders) conf.Folders {
	from := Setting{"mailbox " + m.Label, "", m.Line}
	if m.has("autoexpunge") || m.has("mailbox_autoexpunge") {
		t.note(from, "mail in it does not go by itself when it is old")
	}
	t.quotaOf(m, from)
	for _, word := range strings.Fields(m.Value("special_use") + " " + m.Value("mailbox_special_use")) {
		use, known := uses[strings.Trim(word, `"{}`)]
		if !known {
			t.note(from, "there is no use %s here", translation.Short(word))
			continue
		}
		auto := m.Value("auto") + m.Value("mailbox_auto")
		f := conf.Folder{Use: use, Name: m.Label}
		i := slices.IndexFunc(list, func(f conf.Folder) bool { return f.Use == use })
		switch {
		case i < 0:
			list = append(list, f)
		case auto == "subscribe" || auto == "create":
			t.note(from, "new accounts get it as %s, not %q", use, translation.Short(list[i].Name))
			list[i] = f
		default:
			t.note(from, "new accounts get %q as %s", translation.Short(list[i].Name), use)
		}
	}
	return list
}
