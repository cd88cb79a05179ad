package store

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"fantail/internal/mail"
	"fantail/internal/mutf7"
	"fantail/internal/store/maildir"
)

// naming is how names of mailboxes and folders on disk belong together, which the
// layout decides. A mailbox name is UTF-8, with the layout's separator between its
// levels; a folder's name is the same in modified UTF-7. Other programs (Courier
// since 5.0, Dovecot with mailbox_list_utf8) have UTF-8 in directory names: where
// such a directory exists and none in modified UTF-7, it is the mailbox's.
//
// Where belowInbox is set, the names of all mailboxes but INBOX begin with it and a
// separator, as Courier has them; on disk nothing is different.
type naming struct {
	layout     maildir.Layout
	belowInbox bool
}

func (n naming) separator() string { return string(n.layout.Separator()) }

// maxName is the longest name of a directory that holds a whole mailbox name, in
// octets: NAME_MAX less the leading dot and room for the name that a mailbox has
// while it is deleted.
const maxName = 200

// canonical returns the one spelling of a mailbox name: INBOX in capitals
// whatever case the client used (RFC 9051 section 5.1), Unicode in NFC (RFC 5198
// section 2), and refuses what could not be a directory or would not be found
// again.
func (n naming) canonical(name string) (string, error) {
	if strings.EqualFold(name, mail.Inbox) {
		return mail.Inbox, nil
	}
	if n.belowInbox {
		return n.canonicalBelow(name)
	}
	if !utf8.ValidString(name) {
		return "", errors.New("name is not UTF-8")
	}
	name = norm.NFC.String(name)
	if strings.ContainsFunc(name, forbidden) {
		return "", errors.New("name has a character that mailboxes cannot have")
	}
	encoded := mutf7.Encode(name)
	if !n.layout.Nested() && len(encoded) > maxName {
		return "", errors.New("name is too long")
	}
	if !n.layout.Valid(encoded) {
		return "", errors.New("name is too long, or has a level that no directory can have")
	}
	// "inbox.x" and "INBOX.x" are one mailbox: clients mix the spellings.
	if len(name) > len(mail.Inbox) && name[len(mail.Inbox)] == n.layout.Separator() &&
		strings.EqualFold(name[:len(mail.Inbox)], mail.Inbox) {
		name = mail.Inbox + name[len(mail.Inbox):]
	}
	return name, nil
}

// canonicalBelow is canonical of a name with the prefix. "INBOX.INBOX" is none: on disk
// it would be what no name without the prefix could say.
func (n naming) canonicalBelow(name string) (string, error) {
	prefix := n.prefix()
	if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return "", errors.New("all mailboxes are below INBOX")
	}
	c, err := naming{layout: n.layout}.canonical(name[len(prefix):])
	if err == nil && c == mail.Inbox {
		err = errors.New("INBOX is not below INBOX")
	}
	if err != nil {
		return "", err
	}
	return prefix + c, nil
}

// prefix is what all names begin with but that of INBOX; "" if there is nothing.
func (n naming) prefix() string {
	if !n.belowInbox {
		return ""
	}
	return mail.Inbox + n.separator()
}

// plain returns a mailbox name without the prefix.
func (n naming) plain(name string) string { return strings.TrimPrefix(name, n.prefix()) }

// forbidden are the characters that no mailbox name has: controls and the separators
// of lines and paragraphs (RFC 6855 section 3), and what stands for an octet that is
// not UTF-8.
func forbidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}

// Canonical returns the name that a mailbox is listed by, or would be once it is
// created: another spelling of INBOX or of Unicode is the same mailbox, and so is a
// trailing delimiter. The error is Invalid if no mailbox can have the name.
func (a *Account) Canonical(name string) (string, error) {
	c, err := a.canonical(strings.TrimSuffix(name, a.separator()))
	if err != nil {
		return "", &Error{Op: "name", Mailbox: name, Kind: Invalid, Err: err}
	}
	return c, nil
}

// parent returns the name one level up, or "".
func (n naming) parent(name string) string {
	if i := strings.LastIndexByte(name, n.layout.Separator()); i >= 0 {
		return name[:i]
	}
	return ""
}

// below reports whether a mailbox is somewhere below another.
func (n naming) below(name, above string) bool {
	return strings.HasPrefix(name, above+n.separator())
}

// directories returns what a mailbox name, without the prefix, is made of on disk: a
// directory for each level, or one.
func (n naming) directories(name string) []string {
	if n.layout.Nested() {
		return strings.Split(name, n.separator())
	}
	return []string{name}
}

// mailbox returns the name of the mailbox that a folder is, in whatever spelling;
// false if no client could name it.
func (n naming) mailbox(folder string) (string, bool) {
	if n.belowInbox && strings.EqualFold(folder, mail.Inbox) { // as a list has it, of subscriptions
		return mail.Inbox, true
	}
	dirs := n.directories(folder)
	for i, dir := range dirs {
		name, err := mutf7.Decode(dir)
		if err != nil {
			name = dir
		}
		dirs[i] = norm.NFC.String(name)
	}
	name := n.prefix() + strings.Join(dirs, n.separator())
	c, err := n.canonical(name)
	return c, err == nil && c == name
}

// reachable is mailbox for a folder that is there, and false if folder would not
// find it. A directory called INBOX is not the INBOX.
func (n naming) reachable(folder string) (string, bool) {
	name, ok := n.mailbox(folder)
	if !ok || name == mail.Inbox {
		return "", false
	}
	found := n.directories(folder)
	for i, dir := range n.directories(n.plain(name)) {
		if !slices.Contains(spellings(dir), found[i]) {
			return "", false
		}
	}
	return name, true
}

// spellings are the names that the directory of a name in NFC can have, the first
// of which is the one that we give. Other programs do not normalize. UTF-8 that is
// modified UTF-7 too ("A&AOk-") is the directory of another mailbox.
func spellings(name string) []string {
	first := mutf7.Encode(name)
	if first == name {
		return []string{name}
	}
	all := []string{first}
	nfd := norm.NFD.String(name)
	if nfd != name {
		all = append(all, mutf7.Encode(nfd))
	}
	for _, s := range []string{name, nfd} {
		if _, err := mutf7.Decode(s); err != nil && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// folder returns the folder of a mailbox: the one that is there, or that it will
// have. That of INBOX is "".
func (a *Account) folder(name string) string {
	if name == mail.Inbox {
		return ""
	}
	path := ""
	for i, dir := range a.directories(a.plain(name)) {
		if i > 0 {
			path += a.separator()
		}
		path += a.spelled(path, spellings(dir))
	}
	return path
}

// spelled returns the spelling of a directory that is there behind a prefix, or the
// first.
func (a *Account) spelled(prefix string, all []string) string {
	if len(all) > 1 {
		for _, s := range all {
			if a.tree.Has(prefix + s) {
				return s
			}
		}
	}
	return all[0]
}

// Delimiter separates the levels of mailbox names in this account: '.', or '/'
// where folders lie in each other.
func (a *Account) Delimiter() byte { return a.layout.Separator() }

// Prefix is what the names of all mailboxes of this account begin with but that of
// INBOX: nothing, or INBOX and the delimiter (Options.BelowInbox).
func (a *Account) Prefix() string { return a.prefix() }
