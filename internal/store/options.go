package store

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/internal/store/quota"
	"fantail/internal/store/watch"
)

// Options are what an Account takes from its surroundings.
type Options struct {
	Clock func() time.Time // nil: time.Now
	Host  string           // this machine's name, part of unique file names
	Log   *slog.Logger     // nil: nothing is logged
	// Coexist says that a Dovecot works on the same files at the same time: its
	// lock is taken as well, and modseqs are not shown, since it has its own.
	Coexist bool
	Layout  maildir.Layout // how folders lie in directories
	// BelowInbox says that the names of all mailboxes but INBOX begin with INBOX and the
	// separator, also in Extra, Ignored and Folders. On disk nothing is different.
	BelowInbox bool
	Limits     Limits // of the account; none: those in its maildirsize
	// Extra are how far mail may go beyond the limits that is for the mailbox of the name;
	// Grace is how far one message may that is delivered.
	Extra map[string]quota.Margin
	Grace quota.Margin
	// Ignored are the names of mailboxes that have no limits, and whose mail does not count.
	Ignored map[string]bool
	// Owner is the account's name, to whom messages of the store's own go, and Warnings is
	// when that is, and what they say.
	Owner    string
	Warnings conf.WarningSettings
	// Crossed is called when a crossing of a percentage waits for the program of
	// Warnings.Command (quota.Take). It does not wait; nil: nobody is told.
	Crossed func()
	// Unlimited says that the account has no limits, whatever its maildirsize says.
	Unlimited bool
	Folders   []Folder // that a new account gets
	// Watcher is one that several accounts share, since the kernel gives a user few; it
	// is not closed with an account. nil: the account has one of its own.
	Watcher *watch.Watcher
}

var layouts = map[conf.Layout]maildir.Layout{
	conf.LayoutPlusPlus: maildir.PlusPlus,
	conf.LayoutFS:       maildir.FS,
}

var folderUses = map[string]string{
	"archive": `\Archive`, "drafts": `\Drafts`, "junk": `\Junk`, "sent": `\Sent`, "trash": `\Trash`,
}

// Configured returns the options that the configuration asks for, for the account called
// owner.
func Configured(c *conf.MailSettings, owner string, log *slog.Logger) (Options, error) {
	host, err := os.Hostname()
	if err != nil {
		return Options{}, fmt.Errorf("find the host name: %w", err)
	}
	names := naming{layouts[c.Layout], c.BelowInbox}
	folders := make([]Folder, len(c.Folders))
	for i, f := range c.Folders {
		folders[i] = Folder{Use: folderUses[f.Use], Name: names.prefix() + f.Name}
	}
	extra, ignored := make(map[string]quota.Margin), make(map[string]bool)
	for _, m := range c.QuotaExtra {
		name, err := naming{layout: names.layout}.canonical(m.Mailbox)
		if err != nil {
			return Options{}, fmt.Errorf("mailbox %q of mail.quota_extra: %w", m.Mailbox, err)
		}
		if name != mail.Inbox {
			name = names.prefix() + name
		}
		if m.Ignore {
			ignored[name] = true
		} else {
			extra[name] = margin(m.Margin)
		}
	}
	return Options{
		Extra:   extra,
		Ignored: ignored,
		Grace:   margin(c.QuotaGrace),
		Host:    host,
		Log:     log,
		Coexist: c.Coexist == conf.CoexistDovecot,
		Layout:  layouts[c.Layout],

		BelowInbox: c.BelowInbox,

		Limits:    Limits(c.Quota),
		Owner:     owner,
		Warnings:  c.Warnings,
		Unlimited: c.Unlimited,
		Folders:   folders,
	}, nil
}

func margin(m conf.Margin) quota.Margin {
	return quota.Margin{Percent: m.Percent, Amount: Usage(m.Quota)}
}
