package contacts

import "strings"

// Group returns the recipients of a group: contacts of that category, and the members
// of groups of that name. Each has its preferred address.
func (b *Book) Group(name string) ([]Recipient, error) {
	list, err := b.Contacts()
	if err != nil {
		return nil, err
	}
	byUID := make(map[string]*Contact)
	for i := range list {
		byUID[bare(list[i].UID)] = &list[i]
	}
	var found []Recipient
	seen := make(map[string]bool)
	add := func(r Recipient) {
		if key := strings.ToLower(r.Addr); keepable(r.Addr) && !seen[key] && len(found) < maxValues {
			seen[key] = true
			found = append(found, r)
		}
	}
	folded := Fold(name)
	for i := range list {
		v := &list[i]
		for _, g := range v.Groups {
			if Fold(g) == folded {
				add(v.preferred())
			}
		}
		if !v.IsGroup || Fold(v.Name) != folded {
			continue
		}
		for _, m := range v.Members {
			if member := byUID[bare(m)]; member != nil {
				add(member.preferred())
			} else if len(m) > len("mailto:") && strings.EqualFold(m[:len("mailto:")], "mailto:") {
				add(Recipient{Addr: m[len("mailto:"):]})
			}
		}
	}
	return found, nil
}

// bare returns a UID without what some programs write before it and others do not.
func bare(uid string) string { return strings.TrimPrefix(strings.ToLower(uid), "urn:uuid:") }

// preferred returns the address to which people write.
func (v *Contact) preferred() Recipient {
	for _, e := range v.Emails {
		if e.Preferred {
			return Recipient{v.Name, e.Value}
		}
	}
	if len(v.Emails) > 0 {
		return Recipient{v.Name, v.Emails[0].Value}
	}
	return Recipient{}
}
