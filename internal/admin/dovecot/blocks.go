package dovecot

import "strings"

// blocks translates the sections of a block.
func (t *translator) blocks(b *Block) {
	for _, s := range b.Blocks {
		from := Setting{strings.TrimSpace(s.Name + " " + s.Label), "", s.Line}
		switch s.Name {
		case "service":
			t.service(s)
		case "passdb":
			t.passdb(s, from)
		case "userdb":
			t.userdb(s, from)
		case "namespace":
			t.namespace(s, from)
		case "plugin":
			t.plugin(s)
		case "quota":
			t.quotaRoot(s, from)
		case "protocols": // of 2.4
			for _, p := range s.Settings {
				if p.Value == "yes" {
					t.protocol(p.Name, Setting{"protocols", "", p.Line})
				}
			}
		case "protocol":
			t.settings(s)
			t.blocks(s)
		case "mail_plugins":
			for _, p := range s.Settings {
				if p.Value == "yes" {
					plugins(t, Setting{"mail_plugins", p.Name, p.Line})
				}
			}
		case "local_name":
			t.note(from, "put the certificate and the key of this name into the directory tls.directory")
		case "local", "remote":
			t.grave(from, "settings for certain addresses are not kept")
		case "ssl_server", "ssl", "auth", "imap", "pop3", "lmtp", "lda":
			t.prefixed(s)
		case "dict", "dict_server":
			t.note(from, "there are no dictionaries of the server: quotas are kept in each Maildir")
		case "sieve_script", "sieve", "managesieve":
			t.grave(from, "rules in Sieve are not run: mail goes where its address says")
		case "acl", "acl_sharing_map":
			t.grave(from, sharing)
		case "metric", "event_exporter", "fts", "language", "stats", "import_environment", "layout_filter", "ssl_client", "doveadm":
		default:
			t.note(from, "there is nothing like it here")
		}
	}
}

// prefixed translates a section of 2.4 that is a way to write settings whose names begin
// with its name.
func (t *translator) prefixed(b *Block) {
	full := &Block{Line: b.Line}
	for _, s := range b.Settings {
		if !strings.HasPrefix(s.Name, b.Name+"_") {
			s.Name = b.Name + "_" + s.Name
		}
		full.Settings = append(full.Settings, s)
	}
	t.c.Settings = append(t.c.Settings, full.Settings...) // where Value looks for them
	t.settings(full)
}
