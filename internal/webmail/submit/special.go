package submit

import (
	"context"
	"slices"

	"fantail/internal/store"
)

// names are those of mailboxes with a special use that are made, as webmail makes them.
var names = map[string]string{`\Drafts`: "Drafts", `\Sent`: "Sent"}

// Special returns the name of the mailbox with a special use (RFC 6154 section 2), of those
// that sending needs. There is one afterwards, and it is subscribed.
func Special(ctx context.Context, a *store.Account, use string) (string, error) {
	all, err := a.List(ctx)
	if err != nil {
		return "", err
	}
	for _, info := range all {
		if slices.Contains(info.SpecialUse, use) && !info.NoSelect {
			return info.Name, nil
		}
	}
	name := names[use]
	err = a.Create(ctx, name, use)
	if store.KindOf(err) == store.Exists && err != nil {
		return name, nil
	}
	if err != nil {
		return "", err
	}
	return name, a.Subscribe(ctx, name, true)
}
