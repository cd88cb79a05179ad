package webmail

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"fantail/internal/locale"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// folder is a row of the sidebar.
type folder struct {
	Name    string // as people call it: the last level
	Path    string // of its page; "" if it only holds others
	Icon    string
	Depth   int // levels above it
	Unread  int
	Current bool
	Mailbox string // its name in the store
}

// Indent is what stands before its name in a list of choices.
func (f folder) Indent() string { return strings.Repeat("\u2003", f.Depth) }

// special are the folders that have a fixed place and picture (RFC 6154).
var special = map[string]struct {
	rank int
	icon string
}{
	mail.Inbox: {1, "inbox"}, `\Drafts`: {2, "draft"}, `\Sent`: {3, "sent"}, `\Archive`: {4, "archive"},
	`\Junk`: {5, "junk"}, `\Trash`: {6, "trash"}, `\Flagged`: {7, "star"}, `\All`: {8, "archive"},
}

// folders lists the mailboxes for the sidebar: those with a special use first,
// the rest by name, each behind its parent.
func (m *mailboxes) folders(ctx context.Context, current string, l *locale.Language) ([]folder, error) {
	all, err := m.account.List(ctx)
	if err != nil {
		return nil, err
	}
	delimiter := string(m.account.Delimiter())
	ranks := make(map[string]int) // of the names of the first level
	for _, i := range all {
		if i.Name == mail.Inbox {
			ranks[i.Name] = special[mail.Inbox].rank
		} else if len(i.SpecialUse) > 0 {
			ranks[i.Name] = special[i.SpecialUse[0]].rank
		}
	}
	slices.SortStableFunc(all, func(x, y store.Info) int {
		a, b := strings.Split(x.Name, delimiter), strings.Split(y.Name, delimiter)
		return cmp.Or(cmp.Compare(rank(ranks, a[0]), rank(ranks, b[0])), compareLevels(a, b))
	})
	out := make([]folder, 0, len(all))
	for _, info := range all {
		f := newFolder(info, delimiter, l)
		f.Current = info.Name == current
		if f.Path != "" {
			if f.Unread, err = m.unread(ctx, info.Name); err != nil {
				return nil, err
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// newFolder describes a mailbox.
func newFolder(info store.Info, delimiter string, l *locale.Language) folder {
	levels := strings.Split(info.Name, delimiter)
	f := folder{Mailbox: info.Name, Name: levels[len(levels)-1], Depth: min(len(levels)-1, 5), Icon: "folder"}
	if len(info.SpecialUse) > 0 {
		f.Icon = special[info.SpecialUse[0]].icon
		if info.Name == namesOf[info.SpecialUse[0]] { // the name that programs give it
			f.Name = l.Text("base." + f.Icon)
		}
	}
	if info.Name == mail.Inbox {
		f.Name, f.Icon = l.Text("base.inbox"), special[mail.Inbox].icon
	}
	if !info.NoSelect {
		f.Path = mailboxPath(info.Name)
	}
	return f
}

func rank(ranks map[string]int, first string) int {
	if n, ok := ranks[first]; ok {
		return n
	}
	return 100
}

// compareLevels orders names level by level, without regard to case.
func compareLevels(a, b []string) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		return cmp.Or(strings.Compare(strings.ToLower(x), strings.ToLower(y)), strings.Compare(x, y))
	})
}
