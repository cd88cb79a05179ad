package courier

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/admin/translation"
)

// beside notes what stands beside the files that are read, and in the homes of accounts.
func (t *translator) beside() {
	for _, f := range []struct{ name, text string }{
		{"maildirshared", "folders that all accounts share are not shown"},
		{"maildirfilterconfig", "filters of Courier's webmail are maildrop's, which its mail server goes on running; there are none here"},
		{"sqwebmaild", "calendars and address books of Courier's webmail do not come along"},
	} {
		if at := t.c.find(f.name); at != "" {
			t.out.Grave(translation.Origin{File: at}, "%s", f.text)
		}
	}
	var filters, shared []string
	for _, a := range t.homes() {
		if a.home != "" && t.c.exists(path.Join(a.home, ".mailfilter")) {
			filters = append(filters, a.Name)
		}
		if a.maildir != "" && t.c.exists(path.Join(a.maildir, "shared-maildirs")) {
			shared = append(shared, a.Name)
		}
	}
	if len(filters) > 0 {
		t.out.Grave(translation.Origin{Name: ".mailfilter"}, "%s: maildrop's filters run as long as it delivers, and not when deliver(8) does", some(filters))
	}
	if len(shared) > 0 {
		t.out.Grave(translation.Origin{Name: "shared-maildirs"}, "%s: folders of others, which stand there, are not shown", some(shared))
	}
}

// firstUser is the lowest uid of people in /etc/passwd.
const firstUser = 500

// homes are the accounts of which it is known where they live: those of userdb, and the
// system's users.
func (t *translator) homes() (list []Account) {
	if t.c.UsesUserdb() {
		list, _ = t.c.Accounts() // what is wrong with them has been told
	}
	system := slices.ContainsFunc(t.c.modules(), func(m string) bool { return m == "authpam" || m == "authpwd" || m == "authshadow" })
	if !system {
		return list
	}
	text, err := t.c.read("/etc/passwd")
	if err != nil {
		return list
	}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 6 || !path.IsAbs(fields[5]) {
			continue
		}
		if uid, err := strconv.Atoi(fields[2]); err == nil && uid >= firstUser {
			list = append(list, Account{Name: fields[0], home: fields[5], maildir: path.Join(fields[5], t.c.maildir()), uid: uid})
		}
	}
	return list
}
