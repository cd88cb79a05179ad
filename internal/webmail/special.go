package webmail

import (
	"context"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// namesOf are what mailboxes of a special use are called that webmail makes, as other
// programs call theirs: the name is shown in the person's language all the same.
var namesOf = map[string]string{`\Archive`: "Archive", `\Drafts`: "Drafts", `\Junk`: "Junk", `\Sent`: "Sent", `\Trash`: "Trash"}

// special returns the name of the mailbox with a special use (RFC 6154 section 2). There
// is one afterwards, and it is subscribed, so that other programs show it, too.
func (m *mailboxes) special(ctx context.Context, use string) (string, error) {
	all, err := m.account.List(ctx)
	if err != nil {
		return "", err
	}
	for _, info := range all {
		if slices.Contains(info.SpecialUse, use) && !info.NoSelect {
			return info.Name, nil
		}
	}
	name := namesOf[use]
	err = m.account.Create(ctx, name, use)
	if store.KindOf(err) == store.Exists {
		return name, nil
	}
	if err != nil {
		return "", err
	}
	return name, m.account.Subscribe(ctx, name, true)
}

// useOf returns the special use of a mailbox; "" if it has none.
func (m *mailboxes) useOf(ctx context.Context, name string) string {
	all, err := m.account.List(ctx)
	if err != nil {
		return ""
	}
	for _, info := range all {
		if info.Name == name && len(info.SpecialUse) > 0 {
			return info.SpecialUse[0]
		}
	}
	return ""
}

// labelOf makes a keyword of what somebody calls a label; "" if none can be made. Keywords
// are atoms (RFC 9051 section 2.3.2), so a space becomes an underscore; what starts with a
// dollar sign belongs to programs.
func labelOf(name string) mail.Keyword {
	name = strings.Join(strings.Fields(name), "_")
	legal := func(r rune) bool { return r > ' ' && r < 0x7f && !strings.ContainsRune(`(){%*"\]`, r) }
	if name == "" || len(name) > 50 || name[0] == '$' || strings.ContainsFunc(name, func(r rune) bool { return !legal(r) }) {
		return ""
	}
	return mail.Keyword(name)
}

// labelName is what a keyword is called in lists; "" if it is not a person's label.
func labelName(k mail.Keyword) string {
	if strings.HasPrefix(string(k), "$") || strings.EqualFold(string(k), "NonJunk") || strings.EqualFold(string(k), "Junk") || strings.EqualFold(string(k), "NotJunk") {
		return ""
	}
	return strings.ReplaceAll(string(k), "_", " ")
}

// folderName is what a mailbox is called where it stands alone.
func (s *Site) folderName(r *request, name string) string {
	all, err := s.boxes.account.List(r.Context())
	if err != nil {
		return name
	}
	i := slices.IndexFunc(all, func(info store.Info) bool { return info.Name == name })
	if i < 0 {
		return name
	}
	if f := newFolder(all[i], string(s.boxes.account.Delimiter()), r.lang); f.Depth == 0 {
		return f.Name
	}
	return name
}
