package courier

import (
	"path"
	"strings"

	"fantail/internal/admin/translation"
)

const ldapFile = "authldaprc"

// ldap translates a directory.
func (t *translator) ldap() {
	get := func(name string) string { return t.c.value("LDAP_"+name, ldapFile) }
	from := func(name string) translation.Origin { return t.from("LDAP_"+name, ldapFile) }
	uris := strings.FieldsFunc(get("URI"), func(r rune) bool { return r == ',' || r == ' ' })
	if server := get("SERVER"); len(uris) == 0 && server != "" { // as it was before version 0.59
		uris = []string{"ldap://" + strings.TrimSuffix(server+":"+get("PORT"), ":")}
	}
	if len(uris) == 0 {
		t.out.Grave(from("URI"), "nothing says where the directory is: set auth.ldap_uri")
		return
	}
	if len(uris) > 1 {
		t.out.Grave(from("URI"), "one server is asked: %s. What a list was for, a name with several addresses can do", translation.Short(uris[0]))
	}
	t.out.Set("auth.ldap_uri", translation.Quote(uris[0]), from("URI"))
	if strings.HasPrefix(uris[0], "ldap://") && get("TLS") != "1" {
		t.out.Set("auth.ldap_starttls", "false", from("TLS"))
		t.out.Note(from("TLS"), "passwords travel to the directory as they are")
	}
	if v, f := t.c.get("LDAPTLS_REQCERT", "authdaemonrc"); f != nil && v.Value != "" && v.Value != "demand" && v.Value != "hard" {
		t.out.Note(t.from("LDAPTLS_REQCERT", "authdaemonrc"), "the directory's certificate must be a good one here: set auth.ldap_ca_file where it is one of the house")
	}
	t.out.Set("auth.ldap_base", translation.Quote(get("BASEDN")), from("BASEDN"))
	if get("INITBIND") != "0" && get("BINDDN") != "" {
		t.out.Set("auth.ldap_bind_dn", translation.Quote(get("BINDDN")), from("BINDDN"))
		if get("BINDPW") != "" {
			t.out.Set("auth.ldap_bind_password_file", translation.Quote("/etc/fantail/ldap-password"), from("BINDPW"))
			t.out.Grave(from("BINDPW"), "put its password into /etc/fantail/ldap-password, which authd's user alone may read: install -m 600 -o _fantail-auth /dev/stdin /etc/fantail/ldap-password")
		}
	}
	t.filter(get, from)
	if get("AUTHBIND") != "1" {
		t.out.Grave(from("AUTHBIND"), "the directory is asked to check passwords (a bind as the account), not for their hashes: accounts must be able to bind")
	}
	if get("EMAILMAP") != "" {
		t.out.Grave(from("EMAILMAP"), "an account is found by one search here: set auth.ldap_filter so that it finds the entry by the address")
	}
	t.attributes(get, from)
}

// filter sets what finds an entry: the attribute with the name, and a filter beside it.
func (t *translator) filter(get func(string) string, from func(string) translation.Origin) {
	name := get("MAIL")
	if name == "" {
		name = "mail"
	}
	filter := "(" + name + "=%{user})"
	if domain := get("DOMAIN"); domain != "" {
		filter = "(|" + filter + "(" + name + "=%{user}@" + strings.ReplaceAll(domain, "%", "%%") + "))"
	}
	if more := get("FILTER"); more != "" {
		filter = "(&" + strings.ReplaceAll(more, "%", "%%") + filter + ")"
	}
	t.out.Set("auth.ldap_filter", translation.Quote(filter), from("MAIL"))
}

// attributes sets which attributes describe an account.
func (t *translator) attributes(get func(string) string, from func(string) translation.Origin) {
	name := get("MAIL")
	if name == "" {
		name = "mail"
	}
	list := []string{"user=" + name}
	add := func(field, theirs string) {
		if a := get(theirs); a != "" {
			list = append(list, field+"="+a)
		}
	}
	add("uid", "UID")
	add("gid", "GID")
	add("home", "HOMEDIR")
	if get("MAILDIR") != "" {
		add("mail", "MAILDIR")
		t.out.Grave(from("MAILDIR"), "the attribute %s must have an absolute path, or one that begins with \"~/\": where it is relative to the home, take it out of auth.ldap_attributes, or change it", translation.Short(get("MAILDIR")))
	}
	add("quota", "MAILDIRQUOTA")
	t.out.Set("auth.ldap_attributes", translation.Quote(strings.Join(list, ", ")), from("MAIL"))
	for _, g := range []struct{ theirs, ours string }{{"GLOB_UID", "auth.virtual_uid"}, {"GLOB_GID", "auth.virtual_gid"}} {
		if v := get(g.theirs); v != "" {
			t.out.Set(g.ours, translation.Quote(v), from(g.theirs))
		}
	}
	if root := get("MAILROOT"); root != "" {
		t.out.Grave(from("MAILROOT"), "homes in the directory must be absolute paths: put %s before those that are not", translation.Short(path.Clean(root)))
	}
	for pair := range strings.SplitSeq(get("AUXOPTIONS"), ",") {
		if _, option, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(option, "disable") && option != "disableshared" {
			t.out.Grave(from("AUXOPTIONS"), "the attribute for %s is not asked for: an account that can log in can do so everywhere", translation.Short(option))
		}
	}
}
