package dovecot

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/admin/translation"
	"fantail/internal/daemon/conf"
)

// quotas is what is known of limits until all is read.
type quotas struct {
	extra     []string // of mailboxes
	extraFrom Setting
	percents  []int
	warnFrom  Setting
}

// plugin translates the section plugin of 2.3.
func (t *translator) plugin(b *Block) {
	for _, s := range b.Settings {
		base := strings.TrimRight(s.Name, "0123456789")
		switch {
		case base == "quota":
			if s.Name != "quota" {
				t.note(s, "an account has one set of limits")
			}
		case base == "quota_rule":
			t.quotaRule(s)
		case base == "quota_warning":
			t.quotaWarning(s)
		case base == "quota_grace":
			t.grace(s.Value, s)
		case s.Name == "quota_max_mail_size":
			t.note(s, "how large a message may be is lmtp.size and imap.append_limit, for all accounts")
		case strings.HasPrefix(s.Name, "quota_status_"):
			t.grave(s, "mail servers ask lmtpd whether there is room, at lmtp.policy_listen (lmtpd(8))")
		case strings.HasPrefix(s.Name, "quota"):
			t.note(s, "there is nothing like it here")
		case strings.HasPrefix(s.Name, "sieve"):
			t.grave(s, "rules in Sieve are not run: mail goes where its address says")
		case strings.HasPrefix(s.Name, "acl"):
			t.grave(s, sharing)
		case strings.HasPrefix(s.Name, "mail_crypt"):
			t.grave(s, "mail that Dovecot has encrypted cannot be read")
		case strings.HasPrefix(s.Name, "mail_log") || strings.HasPrefix(s.Name, "fts") || strings.HasPrefix(s.Name, "zlib") || strings.HasPrefix(s.Name, "stats"):
		default:
			t.note(s, "there is nothing like it here")
		}
	}
}

// quotaRule is a rule "mailbox:limits".
func (t *translator) quotaRule(s Setting) {
	value := strings.ReplaceAll(s.Value, "%%", "%")
	mailbox, rule, ok := strings.Cut(value, ":")
	switch {
	case !ok:
		t.grave(s, "%q is no rule", translation.Short(s.Value))
	case mailbox == "*":
		limits, err := conf.ParseAccountQuota(value)
		if err != nil {
			t.grave(s, "set mail.quota: %v", err)
			return
		}
		if limits == conf.NoQuota {
			limits = ""
		}
		t.set("mail.quota", translation.Quote(limits), s)
	case rule == "ignore":
		t.addExtra(mailbox+": ignore", s)
	default:
		var margins []string
		for part := range strings.SplitSeq(rule, ":") {
			name, amount, _ := strings.Cut(part, "=")
			plus, found := strings.CutPrefix(amount, "+")
			switch {
			case !found || name != "storage" && name != "bytes" && name != "messages":
				t.grave(s, "a mailbox can have more than the account, or not count, but no limits of its own: set mail.quota_extra")
				return
			case name == "messages" && !strings.HasSuffix(plus, "%"):
				margins = append(margins, plus+" messages")
			case name == "storage" && plus != "" && plus[len(plus)-1] >= '0' && plus[len(plus)-1] <= '9':
				margins = append(margins, plus+"KiB")
			default:
				margins = append(margins, units(plus))
			}
		}
		t.addExtra(mailbox+": +"+strings.Join(margins, ", "), s)
	}
}

var dovecotSize = regexp.MustCompile(`^([0-9]+) *([bBkKmMgGtT])$`)

// units says a size such as "100M", whose units are of 1024, as ours.
func units(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "%%", "%")
	if m := dovecotSize.FindStringSubmatch(s); m != nil {
		if unit := strings.ToUpper(m[2]); unit != "B" {
			return m[1] + unit + "iB"
		}
		return m[1] + "B"
	}
	return s
}

func (t *translator) addExtra(text string, from Setting) {
	t.quota.extra = append(t.quota.extra, text)
	t.quota.extraFrom = from
	t.set("mail.quota_extra", translation.QuoteAll(t.quota.extra), from)
}

func (t *translator) grace(value string, s Setting) {
	m, err := conf.ParseMargin(units(value))
	if err != nil {
		t.grave(s, "set mail.quota_grace: %v", err)
		return
	}
	t.set("mail.quota_grace", translation.Quote(m.String()), s)
}

var percentOf = regexp.MustCompile(`^-?(?:storage|messages|bytes)=([0-9]+)%`)

// quotaWarning is "storage=95%% quota-warning 95 %u".
func (t *translator) quotaWarning(s Setting) {
	m := percentOf.FindStringSubmatch(s.Value)
	if m == nil {
		t.note(s, "%q is no share of the limits: see mail.quota_warnings", translation.Short(s.Value))
		return
	}
	if strings.HasPrefix(s.Value, "-") {
		return // told when there is room again, which the log tells here
	}
	t.warnAt(m[1], s)
}

func (t *translator) warnAt(percent string, from Setting) {
	n, err := strconv.Atoi(percent)
	if err != nil || n < 1 || n > 100 {
		t.note(from, "a warning at %q percent cannot be: see mail.quota_warnings", translation.Short(percent))
		return
	}
	if !slices.Contains(t.quota.percents, n) {
		t.quota.percents = append(t.quota.percents, n)
		slices.Sort(t.quota.percents)
	}
	t.quota.warnFrom = from
}

// warnings sets at what shares of their limits owners are warned, and by whom.
func (t *translator) warnings() {
	if len(t.quota.percents) == 0 {
		return
	}
	t.set("mail.quota_warnings", strings.ReplaceAll(fmt.Sprint(t.quota.percents), " ", ", "), t.quota.warnFrom)
	t.note(t.quota.warnFrom, "owners get a message of ours, in the language mail.quota_warning_language; a program for it is mail.quota_warning_command")
	if s := t.last("postmaster_address"); strings.Count(s.Value, "@") == 1 && !strings.Contains(s.Value, "%") {
		t.set("mail.quota_warning_from", translation.Quote(s.Value), s)
	}
}

// quotaRoot translates a section quota of 2.4.
func (t *translator) quotaRoot(b *Block, from Setting) {
	t.limits(b, from, func(limits string, s Setting) { t.set("mail.quota", translation.Quote(limits), s) })
	for _, w := range b.Blocks {
		if w.Name != "warning" {
			continue
		}
		s := Setting{"warning " + w.Label, "", w.Line}
		if w.Value("threshold") == "under" || w.Value("quota_threshold") == "under" {
			continue
		}
		percent := w.Value("quota_storage_percentage") + w.Value("storage_percentage")
		if percent == "" {
			percent = w.Value("quota_message_percentage") + w.Value("message_percentage")
		}
		t.warnAt(strings.TrimSuffix(percent, "%"), s)
	}
}

// limits reads the limits of a section of 2.4.
func (t *translator) limits(b *Block, from Setting, set func(limits string, s Setting)) {
	var list []string
	for _, s := range b.Settings {
		s.Name = strings.TrimPrefix(s.Name, "quota_")
		switch s.Name {
		case "storage_size":
			if s.Value != "unlimited" && s.Value != "0" {
				list = append(list, units(s.Value))
			}
		case "message_count":
			if s.Value != "unlimited" && s.Value != "0" {
				list = append(list, s.Value+" messages")
			}
		case "storage_grace":
			t.grace(s.Value, s)
		case "driver", "name", "enforce", "hidden", "ignore_unlimited":
		default:
			t.note(s, "there is nothing like it here")
		}
	}
	if len(list) == 0 {
		return
	}
	q, err := conf.ParseQuota(strings.Join(list, ", "))
	if err != nil {
		t.grave(from, "set mail.quota: %v", err)
		return
	}
	set(q.String(), from)
}

// quotaOf reads what a mailbox has of its own in 2.4.
func (t *translator) quotaOf(m *Block, from Setting) {
	if m.Value("quota_ignore") == "yes" {
		t.addExtra(m.Label+": ignore", from)
	}
	if extra := m.Value("quota_storage_extra"); extra != "" {
		t.addExtra(m.Label+": +"+units(extra), from)
	}
	if percent := m.Value("quota_storage_percentage"); percent != "" {
		n, err := strconv.Atoi(strings.TrimSuffix(percent, "%"))
		if err != nil || n <= 100 {
			t.grave(from, "a mailbox can have more than the account, or not count, but not less: set mail.quota_extra")
			return
		}
		t.addExtra(fmt.Sprintf("%s: +%d%%", m.Label, n-100), from)
	}
}
