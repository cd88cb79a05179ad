package store

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"fantail/internal/mail"
	"fantail/internal/mutf7"
)

// Delimiter separates the levels of mailbox names. Maildir++ has it in its
// directory names, so it can be part of no level.
const Delimiter = '.'

// maxName is the longest directory name, in octets: NAME_MAX less the leading
// dot and room for the name that a mailbox has while it is deleted.
const maxName = 200

// canonical returns the one spelling of a mailbox name: INBOX in capitals
// whatever case the client used (RFC 9051 section 5.1), Unicode in NFC (RFC 5198
// section 2), and refuses what could not be a directory or would not be found
// again.
func canonical(name string) (string, error) {
	if strings.EqualFold(name, mail.Inbox) {
		return mail.Inbox, nil
	}
	if !utf8.ValidString(name) {
		return "", errors.New("name is not UTF-8")
	}
	name = norm.NFC.String(name)
	for _, r := range name {
		if r == '/' || unicode.IsControl(r) || r == utf8.RuneError {
			return "", errors.New("name has a character that mailboxes cannot have")
		}
	}
	for level := range strings.SplitSeq(name, string(Delimiter)) {
		if level == "" {
			return "", errors.New("name has an empty level")
		}
	}
	if len(mutf7.Encode(name)) > maxName {
		return "", errors.New("name is too long")
	}
	// "inbox.x" and "INBOX.x" are one mailbox: clients mix the spellings.
	if len(name) > len(mail.Inbox) && name[len(mail.Inbox)] == Delimiter &&
		strings.EqualFold(name[:len(mail.Inbox)], mail.Inbox) {
		name = mail.Inbox + name[len(mail.Inbox):]
	}
	return name, nil
}

// folder returns the Maildir++ folder of a canonical name: "" for INBOX.
func folder(name string) string {
	if name == mail.Inbox {
		return ""
	}
	return mutf7.Encode(name)
}

// nameOf returns the mailbox name of a Maildir++ folder, and false for a folder
// that no client could name.
func nameOf(folder string) (string, bool) {
	name, err := mutf7.Decode(folder)
	if err != nil {
		return "", false
	}
	c, err := canonical(name)
	return c, err == nil && c == name && name != mail.Inbox
}

// parent returns the name one level up, or "".
func parent(name string) string {
	if i := strings.LastIndexByte(name, Delimiter); i >= 0 {
		return name[:i]
	}
	return ""
}

// specialUses maps the names under which clients create their special folders
// to the attribute that tells other clients (RFC 6154 section 2). Of several
// candidates for one use the first in this list that exists has it.
var specialUses = []struct{ use, name string }{
	{`\Drafts`, "Drafts"}, {`\Drafts`, "INBOX.Drafts"},
	{`\Sent`, "Sent"}, {`\Sent`, "INBOX.Sent"}, {`\Sent`, "Sent Messages"}, {`\Sent`, "Sent Items"},
	{`\Trash`, "Trash"}, {`\Trash`, "INBOX.Trash"}, {`\Trash`, "Deleted Messages"}, {`\Trash`, "Deleted Items"},
	{`\Junk`, "Junk"}, {`\Junk`, "INBOX.Junk"}, {`\Junk`, "Spam"}, {`\Junk`, "Junk E-mail"},
	{`\Archive`, "Archive"}, {`\Archive`, "INBOX.Archive"}, {`\Archive`, "Archives"},
}
