package webmail

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// label is a keyword of people's, as the sidebar and the list's menu show it.
type label struct {
	Name    string
	Keyword mail.Keyword
	Path    string // of the messages that have it
}

// labelled is which labels the messages of a mailbox have, and of which state of it that
// is said. Where modseqs are not shown nobody knows, and it is found out each time.
type labelled struct {
	modseq   mail.ModSeq
	next     mail.UID
	total    int
	keywords []mail.Keyword
}

// The most labels that are shown, and how many mailboxes are looked at for them before one
// page: those that nobody has opened yet.
const (
	mostLabels   = 50
	mostUnlooked = 20
)

// noteLabels remembers which labels a mailbox has.
func (m *mailboxes) noteLabels(v view) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.about(v)
	now := labelled{modseq: v.snap.HighestModSeq(), next: v.snap.UIDNext(), total: v.snap.Len()}
	if was := k.labels; was != nil && was.modseq == now.modseq && was.next == now.next && was.total == now.total && now.modseq != 0 {
		return
	}
	now.keywords = labelsOf(v.snap)
	k.labels = &now
}

// labelsOf returns the labels that messages of a snapshot have.
func labelsOf(snap *store.Snapshot) []mail.Keyword {
	if !slices.ContainsFunc(snap.MailboxKeywords(), func(k mail.Keyword) bool { return labelName(k) != "" }) {
		return nil
	}
	sets := make(map[uint32]bool)
	var list []mail.Keyword
	for _, row := range snap.Rows() {
		if set := row.Set(); !sets[set] {
			sets[set] = true
			for _, k := range snap.KeywordSet(set) {
				if labelName(k) != "" && labelOf(string(k)) == k && !slices.Contains(list, k) {
					list = append(list, k)
				}
			}
		}
	}
	return list
}

// labels returns those of the account, by name. A mailbox that no page has shown yet is
// looked at once; what other programs do there is seen when somebody opens it.
func (m *mailboxes) labels(ctx context.Context, folders []folder) []label {
	var unknown []string
	all := make(map[string]mail.Keyword)
	m.mu.Lock()
	for _, f := range folders {
		k := m.known[f.Mailbox]
		if k != nil && k.labels != nil {
			add(all, k.labels.keywords)
		} else if f.Path != "" && len(unknown) < mostUnlooked {
			unknown = append(unknown, f.Mailbox)
		}
	}
	m.mu.Unlock()
	for _, name := range unknown {
		v, err := m.open(ctx, name)
		if err != nil {
			continue // its own page says why
		}
		add(all, labelsOf(v.snap))
		v.Close()
	}
	var out []label
	for _, k := range all {
		out = append(out, label{labelName(k), k, "/search?" + url.Values{"q": {"label:" + string(k)}}.Encode()})
	}
	slices.SortFunc(out, func(a, b label) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return out[:min(len(out), mostLabels)]
}

// add adds keywords, which are the same in whatever case (RFC 9051 section 2.3.2).
func add(all map[string]mail.Keyword, list []mail.Keyword) {
	for _, k := range list {
		if key := strings.ToLower(string(k)); all[key] == "" {
			all[key] = k
		}
	}
}
