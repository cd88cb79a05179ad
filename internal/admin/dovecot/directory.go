package dovecot

import (
	"strings"

	"fantail/internal/admin/translation"
)

// ldap translates a directory: file is that of its settings in 2.3.
func (t *translator) ldap(b *Block, file string, from Setting) {
	get := t.ldapSettings(b, file, from)
	if get == nil {
		return
	}
	uris := strings.Fields(get("uris"))
	if hosts := strings.Fields(get("hosts")); len(uris) == 0 && len(hosts) > 0 {
		uris = []string{"ldap://" + hosts[0]}
		if len(hosts) > 1 {
			t.grave(from, "one server is asked: %s. What a list was for, a name with several addresses can do", hosts[0])
		}
	}
	if len(uris) == 0 {
		t.grave(from, "nothing says where the directory is: set auth.ldap_uri")
		return
	}
	if len(uris) > 1 {
		t.grave(from, "one server is asked: %s", uris[0])
	}
	t.set("auth.ldap_uri", translation.Quote(uris[0]), from)
	if get("tls") != "yes" && get("starttls") != "yes" && strings.HasPrefix(uris[0], "ldap://") {
		t.set("auth.ldap_starttls", "false", from)
		t.note(from, "passwords travel to the directory as they are")
	}
	for _, f := range []struct{ theirs, ours string }{{"tls_ca_cert_file", "auth.ldap_ca_file"}, {"base", "auth.ldap_base"}, {"dn", "auth.ldap_bind_dn"}} {
		if v := get(f.theirs); v != "" {
			t.set(f.ours, translation.Quote(v), from)
		}
	}
	if get("dnpass") != "" {
		t.set("auth.ldap_bind_password_file", translation.Quote("/etc/fantail/ldap-password"), from)
		t.grave(from, "put its password, dnpass, into /etc/fantail/ldap-password, which authd's user alone may read: install -m 600 -o fantail-authd /dev/stdin /etc/fantail/ldap-password")
	}
	filter := get("pass_filter")
	if filter == "" {
		filter = get("user_filter")
	}
	if filter != "" {
		if ours, err := variables(filter); err != nil {
			t.grave(from, "the filter %q has %v: set auth.ldap_filter", translation.Short(filter), err)
		} else {
			t.set("auth.ldap_filter", translation.Quote(ours), from)
		}
	}
	if get("auth_bind") != "yes" {
		t.grave(from, "the directory is asked to check passwords (a bind as the account), not for their hashes: accounts must be able to bind")
	}
	t.attributes(get("user_attrs"), get("pass_attrs"), from)
}

// ldapSettings returns the settings by their names of 2.3.
func (t *translator) ldapSettings(b *Block, file string, from Setting) func(string) string {
	if !t.c.is24() {
		list := t.file(file, from)
		if list == nil {
			return nil
		}
		return func(name string) string { return list[name] }
	}
	names := map[string]string{
		"uris": "ldap_uris", "base": "ldap_base", "dn": "ldap_auth_dn", "dnpass": "ldap_auth_dn_password", "starttls": "ldap_starttls",
		"pass_filter": "ldap_filter", "auth_bind": "ldap_bind", "tls_ca_cert_file": "ssl_client_ca_file",
	}
	return func(name string) string {
		full, ok := names[name]
		if !ok {
			return ""
		}
		for _, v := range []string{b.Value(full), b.Value("passdb_" + full), b.Value(strings.TrimPrefix(full, "ldap_")), t.c.Value(full)} {
			if v != "" {
				return v
			}
		}
		return ""
	}
}

// attributes reads the lists of attributes of 2.3, such as "homeDirectory=home,uid=user".
func (t *translator) attributes(user, pass string, from Setting) {
	found := map[string]string{}
	for item := range strings.SplitSeq(user+","+pass, ",") {
		item = strings.TrimSpace(item)
		attribute, field, _ := strings.Cut(item, "=")
		field, _, _ = strings.Cut(strings.TrimPrefix(field, "userdb_"), "=")
		switch {
		case item == "" || field == "password" || field == "":
		case attribute == "": // a constant, such as "=home=/srv/%u"
			name, value, _ := strings.Cut(strings.TrimPrefix(item, "="), "=")
			if strings.Contains(value, "%{ldap:") {
				t.grave(from, "%s is made of an attribute by %q: set auth.ldap_attributes, or auth.virtual_home", translation.Short(name), translation.Short(value))
				continue
			}
			t.fields(map[string]string{name: value}, from)
		case field == "user" || field == "uid" || field == "gid" || field == "home" || field == "mail":
			found[field] = attribute
		case field == "quota_rule":
			found["quota"] = attribute
			t.note(from, "the attribute %s must have a limit such as \"2GB\", or a rule for all mailboxes", translation.Short(attribute))
		default:
			t.note(from, "the attribute for %q is not asked for", translation.Short(field))
		}
	}
	if len(found) == 0 {
		return
	}
	if found["user"] == "" {
		found["user"] = "uid"
	}
	var list []string
	for _, name := range []string{"user", "uid", "gid", "home", "mail", "quota"} {
		if found[name] != "" {
			list = append(list, name+"="+found[name])
		}
	}
	t.set("auth.ldap_attributes", translation.Quote(strings.Join(list, ", ")), from)
}
