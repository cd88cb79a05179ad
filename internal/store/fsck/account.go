package fsck

import (
	"context"
	"fmt"

	"fantail/internal/mail"
)

// subscriptions notes those to what is no mailbox. RFC 9051 section 6.3.7: a server must
// not remove a name from the list because the mailbox is gone.
func (c *check) subscriptions(ctx context.Context) {
	names, err := c.account.Subscriptions(ctx)
	if err != nil {
		c.unexamined("", "subscriptions", err)
		return
	}
	infos, err := c.account.List(ctx)
	if err != nil {
		c.unexamined("", ".", err)
		return
	}
	there := map[string]bool{mail.Inbox: true}
	for _, i := range infos {
		there[i.Name] = true
	}
	for _, name := range names {
		if !there[name] {
			c.Report(Finding{Kind: Subscription, State: Note, Path: "subscriptions", Problem: fmt.Sprintf("%q is subscribed to, and is no mailbox", name)})
		}
	}
	c.lockFile("", "subscriptions")
	c.lockFile("", "fantail-specialuse")
}

// quota compares maildirsize with what there is.
func (c *check) quota(ctx context.Context) {
	audit, err := c.account.AuditQuota(ctx)
	if err != nil {
		c.unexamined("", "maildirsize", err)
		return
	}
	if !audit.Wrong() {
		return
	}
	says, is := audit.Says, audit.Counted
	c.report(Finding{Kind: Quota, Path: "maildirsize", Problem: fmt.Sprintf("it says %d octets in %d messages, there are %d in %d",
		says.Octets, says.Messages, is.Octets, is.Messages)}, func() (string, error) {
		u, err := c.account.RecountQuota(ctx)
		return fmt.Sprintf("counted anew: %d octets in %d messages", u.Octets, u.Messages), err
	})
}
