package mta

import (
	"strings"
	"testing"
)

func TestPostfix(t *testing.T) {
	h := build(t, "postfix")
	h.sh(`postconf -e myhostname=mail.example.org mydestination=mail.example.org,localhost inet_interfaces=loopback-only \
		alias_maps= maillog_file=
		cp /etc/postfix/main.cf /etc/postfix/main.cf.first
		cp /etc/postfix/master.cf /etc/postfix/master.cf.first`)
	// configure has the recipes at the end of the files, where the last line of a name counts.
	configure := func(main, master string) func(house) {
		return func(h house) {
			h.file("/etc/postfix/main.more", main)
			h.file("/etc/postfix/master.more", master)
			h.sh(`cd /etc/postfix
				for f in main master; do cat $f.cf.first $f.more >$f.cf; done
				postfix check
				systemctl restart postfix`)
		}
	}
	commands := recipe(t, "deliver.8", "mailbox_command") + recipe(t, "deliver.8", "virtual_transport")
	lmtp := recipe(t, "lmtpd.8", "virtual_transport")
	server{
		ways: []way{
			{"pipe", configure(commands, recipe(t, "deliver.8", "flags=u")), []account{ann, vera}, takes, gives, false},
			{"lmtp", configure(lmtp, recipe(t, "lmtpd.8", "lmtp unix")), []account{ann, vera}, stops, starts, false},
		},
		queue: "postqueue -p",
		run:   "postqueue -f",
	}.deliver(h)
}

func TestExim(t *testing.T) {
	h := build(t, "exim4-daemon-light")
	configure := func(debian string, files map[string]string) func(house) {
		return func(h house) {
			for path, text := range files {
				h.file("/etc/exim4/conf.d/"+path, text)
			}
			lines := []string{"dc_eximconfig_configtype='local'", "dc_other_hostnames='mail.example.org'", "dc_local_interfaces='127.0.0.1'"}
			h.file("/etc/exim4/update-exim4.conf.conf", strings.Join(lines, "\n")+"\n"+debian)
			h.sh("systemctl restart exim4")
		}
	}
	server{
		ways: []way{
			{"pipe", configure(recipe(t, "deliver.8", "dc_local"), map[string]string{
				"transport/40_fantail": recipe(t, "deliver.8", "driver = pipe"),
			}), []account{ann}, takes, gives, false},
			{"lmtp", configure(recipe(t, "lmtpd.8", "dc_local"), map[string]string{
				"transport/40_fantail": recipe(t, "lmtpd.8", "driver = lmtp"),
				"router/120_fantail":   recipe(t, "lmtpd.8", "driver = accept"),
			}), []account{ann, vera}, stops, starts, false},
		},
		queue: "exim4 -bp",
		run:   "exim4 -qff",
	}.deliver(h)
}

func TestOpenSMTPD(t *testing.T) {
	h := build(t, "opensmtpd")
	configure := func(actions string) func(house) {
		return func(h house) {
			h.file("/etc/smtpd.conf", "table aliases file:/etc/aliases\nlisten on lo\n"+actions+
				`match from any for domain "mail.example.org" action "local"`+"\n")
			h.sh("touch /etc/aliases; smtpd -n; systemctl restart opensmtpd")
			h.until("OpenSMTPD listens", func() bool { return h.Container.Run("smtpctl", "show", "stats") == nil })
		}
	}
	server{
		ways: []way{
			{"pipe", configure(recipe(t, "deliver.8", "mda")), []account{ann}, takes, gives, false},
			{"lmtp", configure(recipe(t, "lmtpd.8", "rcpt-to")), []account{ann, vera}, stops, starts, true},
		},
		queue:   "smtpctl show queue",
		run:     "smtpctl schedule all",
		refuses: true,
	}.deliver(h)
}
