package conf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// NoQuota is what an account says that has no limits, whatever mail.quota says.
const NoQuota = "none"

// ruleUnits are the units of limits in rules of Dovecot, in either case.
var ruleUnits = map[string]int64{"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

// ParseAccountQuota reads what an account says in place of mail.quota, and returns it as
// MailSettings.ForAccount wants it. It is one of
//
//	""                                  nothing: mail.quota counts
//	"none"                              no limits
//	"2GB, 100000 messages"              limits, as in mail.quota
//	"*:storage=2G:messages=100000"      a rule of Dovecot for all mailboxes
//	"2000000000S,100000C"               limits as in the first line of a maildirsize, 0 for none
func ParseAccountQuota(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == NoQuota {
		return NoQuota, nil
	}
	var q Quota
	var err error
	if rule, isRule := strings.CutPrefix(text, "*:"); isRule {
		q, err = parseQuotaRule(rule)
	} else if strings.HasSuffix(text, "S") || strings.HasSuffix(text, "C") {
		q, err = parseMaildirQuota(text)
	} else {
		q, err = ParseQuota(text)
		return q.String(), err
	}
	if err == nil && q == (Quota{}) {
		return NoQuota, nil
	}
	return q.String(), err
}

// parseMaildirQuota reads limits of maildirquota(7): octets with an "S" behind them, messages
// with a "C".
func parseMaildirQuota(text string) (Quota, error) {
	var q Quota
	found := make(map[*int64]bool)
	for part := range strings.SplitSeq(text, ",") {
		number, unit := splitLimit(part)
		to := &q.Octets
		if unit == "C" {
			to = &q.Messages
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || unit != "S" && unit != "C" || found[to] {
			return Quota{}, fmt.Errorf(`%q is no limits such as "10000000S,5000C"`, text)
		}
		*to, found[to] = n, true
	}
	return q, nil
}

// parseQuotaRule reads a rule behind its mailbox: limits, of which 0 is none, with ":" between
// them, or "ignore". Octets are "bytes", or "storage" in units of 1024 if none is given.
func parseQuotaRule(rule string) (Quota, error) {
	var q Quota
	if rule == "ignore" {
		return q, nil
	}
	found := make(map[*int64]bool)
	for part := range strings.SplitSeq(rule, ":") {
		name, value, _ := strings.Cut(part, "=")
		number, unit := splitLimit(value)
		to, factor := &q.Octets, ruleUnits[strings.ToUpper(unit)]
		switch {
		case name == "storage" && unit == "":
			factor = 1 << 10
		case name == "bytes" && unit == "":
			factor = 1
		case name == "messages" && unit == "":
			to, factor = &q.Messages, 1
		case name != "storage" && name != "bytes":
			factor = 0
		}
		n, err := strconv.ParseInt(number, 10, 64)
		switch {
		case factor == 0 || number == "":
			return Quota{}, fmt.Errorf(`%q is no limit such as "storage=2G" or "messages=100000"`, part)
		case err != nil || n > math.MaxInt64/factor:
			return Quota{}, fmt.Errorf("limit %q is larger than 2^63 - 1", part)
		case found[to]:
			return Quota{}, fmt.Errorf("%q has two limits of one kind", rule)
		}
		*to, found[to] = n*factor, true
	}
	return q, nil
}

// ForAccount returns the settings for an account that says own of its quota, in the form
// of ParseAccountQuota's result.
func (s MailSettings) ForAccount(own string) (MailSettings, error) {
	if own == "" {
		return s, nil
	}
	s.Unlimited = own == NoQuota
	if s.Unlimited {
		s.Quota = Quota{}
		return s, nil
	}
	q, err := ParseQuota(own)
	if err != nil {
		return s, fmt.Errorf("quota of the account: %w", err)
	}
	s.Quota = q
	return s, nil
}
