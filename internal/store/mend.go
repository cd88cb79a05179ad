package store

import (
	"context"
	"errors"

	"fantail/internal/mail"
	"fantail/internal/store/quota"
	"fantail/internal/store/uidlist"
)

// Options returns what the account was opened with.
func (a *Account) Options() Options { return a.opt }

// MailboxOf returns the mailbox whose folder on disk has that name, and false if none
// has: nobody can open it. "" is the root.
func (a *Account) MailboxOf(folder string) (string, bool) {
	if folder == "" {
		return mail.Inbox, true
	}
	return a.reachable(folder)
}

// Exclusive calls f while the mailbox's lock is held, and Dovecot's where that is wanted:
// nobody gives UIDs or letters to keywords, or writes the files beside the Maildir. It is
// for those who mend these files; what is known of them is read again afterwards.
// Deliveries, and programs that know no lock, go on.
func (m *Mailbox) Exclusive(ctx context.Context, f func() error) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, err := m.lock(ctx)
	if err != nil {
		return fail("lock", m.name, err)
	}
	defer func() {
		path := m.dir.Path()
		m.uids, m.kw, m.more = uidlist.Open(path), uidlist.OpenKeywords(path), uidlist.OpenOverflow(path)
		m.names, m.snap, m.aside = nil, nil, nil
		m.anchor(false)
		err = errors.Join(err, l.unlock())
	}()
	return f()
}

// AuditQuota compares what the account's maildirsize says with what there is.
func (a *Account) AuditQuota(ctx context.Context) (quota.Audit, error) {
	audit, err := a.quota.Audit(ctx)
	return audit, fail("audit quota", "", err)
}

// RecountQuota writes maildirsize anew.
func (a *Account) RecountQuota(ctx context.Context) (Usage, error) {
	u, err := a.quota.Recount(ctx)
	return u, fail("recount quota", "", err)
}

// Unfurnished says that a new account gets no mailboxes and no subscriptions from this
// Account: whoever examines it wants it as it is.
func (a *Account) Unfurnished() { a.furnished.Do(func() {}) }
