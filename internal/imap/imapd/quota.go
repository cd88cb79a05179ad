package imapd

import (
	"context"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// quotaRoot is the name of the one quota root (RFC 9208 section 3.2), which all
// mailboxes of an account with limits have. Some clients show it to people. An
// account without limits has no quota root.
const quotaRoot = "User quota"

// getQuota is GETQUOTA (RFC 9208 section 4.1.1).
func (s *Session) getQuota(ctx context.Context) error {
	root, err := imap.ScanGetQuota(s.in)
	if err != nil {
		return err
	}
	used, limits, err := s.acct.Quota(ctx)
	if err != nil {
		return err
	}
	if root != quotaRoot || limits == (store.Limits{}) {
		return no(wire.CodeNonExistent, "There is no such quota root.")
	}
	s.writeQuota(used, limits)
	return s.ok(ctx, "GETQUOTA completed.")
}

// getQuotaRoot is GETQUOTAROOT (RFC 9208 section 4.1.2).
func (s *Session) getQuotaRoot(ctx context.Context) error {
	name, err := imap.ScanOneMailbox(s.in)
	if err != nil {
		return err
	}
	used, limits, err := s.acct.Quota(ctx)
	if err != nil {
		return err
	}
	s.out.Untagged(wire.RespQuotaRoot).SP()
	imap.WriteMailbox(s.out, name)
	if limits == (store.Limits{}) {
		s.out.CRLF()
		return s.ok(ctx, "GETQUOTAROOT completed.")
	}
	s.out.SP().AString(quotaRoot).CRLF()
	s.writeQuota(used, limits)
	return s.ok(ctx, "GETQUOTAROOT completed.")
}

// writeQuota writes the QUOTA response, with the resources that are limited. What is
// not a multiple of the unit is rounded up, the limit too: what fits is never shown as
// too much.
func (s *Session) writeQuota(used store.Usage, limits store.Limits) {
	s.out.Untagged(wire.RespQuota).SP().AString(quotaRoot).SP().ListStart()
	if limits.Octets > 0 {
		s.out.Atom(string(imap.ResourceStorage)).SP().Number64(kibi(used.Octets)).SP().Number64(kibi(limits.Octets))
	}
	if limits.Messages > 0 {
		if limits.Octets > 0 {
			s.out.SP()
		}
		s.out.Atom(string(imap.ResourceMessage)).SP().Number64(used.Messages).SP().Number64(limits.Messages)
	}
	s.out.ListEnd().CRLF()
}

// kibi returns how many units of 1024 octets hold n octets.
func kibi(n int64) int64 {
	if n%1024 == 0 {
		return n / 1024
	}
	return n/1024 + 1
}
