package dovecot

import (
	"slices"
	"strings"

	"fantail/internal/admin/translation"
)

// sourceOf are the sources of accounts by the name of their driver.
var sourceOf = map[string]string{
	"pam": "pam", "shadow": "shadow", "passwd": "shadow", "passwd-file": "passwd-file", "ldap": "ldap", "sql": "sql", "oauth2": "oauth", "checkpassword": "checkpassword",
}

// driver is what a passdb or userdb is: its label in 2.4 where nothing else says it.
func driver(b *Block) string {
	if d := b.Value("driver") + b.Value(b.Name+"_driver"); d != "" {
		return d
	}
	return b.Label
}

// args are the words of "args" of 2.3: pairs by their names, and the rest by "".
func args(b *Block) map[string]string {
	list := make(map[string]string)
	for _, word := range strings.Fields(b.Value("args")) {
		name, value, ok := strings.Cut(word, "=")
		if !ok || strings.HasPrefix(word, "/") {
			name, value = "", word
		}
		list[name] = value
	}
	return list
}

func (t *translator) source(name string) {
	if !slices.Contains(t.sources, name) {
		t.sources = append(t.sources, name)
	}
}

// passdb translates where passwords are.
func (t *translator) passdb(b *Block, from Setting) {
	d := driver(b)
	for _, name := range []string{"deny", "master", "pass", "result_success", "result_failure", "result_internalfail", "skip", "override_fields"} {
		if v := b.Value(name) + b.Value("passdb_"+name); v != "" && v != "no" {
			t.grave(Setting{from.Name, "", b.Line}, "%s = %s: sources are asked one after the other here, the first that knows an account decides", name, translation.Short(v))
		}
	}
	if b.Value("master") == "yes" || b.Value("passdb_master") == "yes" || b.Value("deny") == "yes" || b.Value("passdb_deny") == "yes" {
		return // its accounts must not become ones who may log in
	}
	source, known := sourceOf[d]
	if !known {
		t.grave(from, "there is no source of accounts %q here", translation.Short(d))
		return
	}
	a := args(b)
	switch source {
	case "passwd-file":
		t.passwdFile(b, a, from)
	case "ldap":
		t.ldap(b, a[""], from)
	case "sql":
		t.sql(b, a[""], from)
	case "oauth":
		t.grave(from, "set auth.oauth_issuer and auth.oauth_audience, or auth.oauth_introspection, as %s has them", translation.Short(a[""]+" "))
	case "checkpassword":
		t.set("auth.checkpassword", translation.QuoteAll(strings.Fields(b.Value("args")+b.Value("passdb_checkpassword_path"))), from)
	}
	t.source(source)
}

// passwdFile translates the file of accounts.
func (t *translator) passwdFile(b *Block, a map[string]string, from Setting) {
	file := b.Value("passwd_file_path")
	if file == "" {
		file = a[""]
	}
	scheme := a["scheme"] + b.Value("default_password_scheme") + b.Value("passdb_default_password_scheme")
	format := a["username_format"] + b.Value("auth_username_format") + b.Value("passdb_auth_username_format")
	if !strings.HasPrefix(file, "/") || strings.Contains(file, "%") {
		t.grave(from, "there is one file of accounts: make one of %q, and set auth.passwd_file", translation.Short(file))
		return
	}
	if slices.Contains(t.sources, "passwd-file") {
		t.grave(from, "there is one file of accounts: put those of %s into the first one", translation.Short(file))
		return
	}
	if s := strings.ToUpper(scheme); s != "" && s != "CRYPT" {
		t.grave(from, "passwords in %s that do not say their scheme are taken as CRYPT: put {%s} before them", translation.Short(file), translation.Short(s))
	}
	if f, err := variables(format); format != "" && (err != nil || f != "%{user}") {
		t.grave(from, "accounts are looked for by the whole name, not by %q", translation.Short(format))
	}
	t.set("auth.passwd_file", translation.Quote(file), from)
}

// userdb translates where accounts live.
func (t *translator) userdb(b *Block, from Setting) {
	a := args(b)
	for _, f := range b.Blocks { // of 2.4
		if f.Name == "fields" || f.Name == "userdb_fields" {
			for _, s := range f.Settings {
				a[s.Name] = s.Value
			}
		}
	}
	switch d := driver(b); d {
	case "passwd", "prefetch", "passwd-file":
		if file := b.Value("passwd_file_path") + a[""]; d == "passwd-file" && strings.HasPrefix(file, "/") && !slices.Contains(t.sources, "passwd-file") {
			t.grave(from, "accounts in %s have their passwords elsewhere: one source has all of an account here", translation.Short(file))
		}
	case "static":
		t.fields(a, from)
	case "ldap", "sql": // with the passwords
		if len(b.Blocks) > 0 || len(b.Settings) > 1 {
			t.fields(a, from)
		}
	default:
		t.grave(from, "there is no source of accounts %q here", translation.Short(d))
	}
}

// fields are what all accounts have.
func (t *translator) fields(a map[string]string, from Setting) {
	names := make([]string, 0, len(a))
	for name := range a {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := a[name]
		switch name {
		case "uid":
			t.ifPlain("auth.virtual_uid", value, from)
		case "gid":
			t.ifPlain("auth.virtual_gid", value, from)
		case "home":
			if !strings.Contains(value, "%{ldap:") && !strings.Contains(value, "%{sql:") && !strings.Contains(value, "%{passwd:") {
				t.setHome(value, from)
			}
		case "mail":
			t.location = t.oldLocation(Setting{from.Name, value, from.Line})
		case "mail_path":
			t.grave(from, "mail_path = %s: set mail.path", translation.Short(value))
		case "allow_all_users", "", "quota_storage_size":
		default:
			t.note(from, "%s = %s: there is nothing like it here", translation.Short(name), translation.Short(value))
		}
	}
}

// ifPlain sets what is the same for all accounts.
func (t *translator) ifPlain(name, value string, from Setting) {
	if !strings.Contains(value, "%") {
		t.set(name, translation.Quote(value), from)
	}
}

// pairs reads a file of settings of 2.3: "name = value" on each line, which goes on in the
// next one behind a backslash.
func pairs(text string) (list []Setting) {
	goesOn := false
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		more, continues := strings.CutSuffix(line, `\`)
		name, value, ok := strings.Cut(more, "=")
		switch {
		case goesOn:
			list[len(list)-1].Value = strings.TrimSpace(list[len(list)-1].Value + " " + strings.TrimSpace(more))
		case line == "" || line[0] == '#':
			continue
		case !ok:
			continue // !include and the like
		default:
			list = append(list, Setting{strings.TrimSpace(name), unquote(strings.TrimSpace(value)), n + 1})
		}
		goesOn = continues && len(list) > 0
	}
	return list
}

// file reads the settings of a directory or a database, of 2.3.
func (t *translator) file(path string, from Setting) map[string]string {
	text, err := t.read(path)
	if err != nil {
		t.grave(from, "its settings cannot be read (%v): set those of auth.ldap or auth.sql", err)
		return nil
	}
	list := make(map[string]string)
	for _, s := range pairs(string(text)) {
		list[s.Name] = s.Value
	}
	return list
}
