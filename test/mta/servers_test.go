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
	lmtp, far := recipe(t, "lmtpd.8", "lmtp:unix"), strings.ReplaceAll(recipe(t, "lmtpd.8", "lmtp:inet"), "192.0.2.5", "127.0.0.1")
	s := server{
		ways: []way{
			{"pipe", configure(commands, recipe(t, "deliver.8", "flags=u")), []account{ann, vera}, takes, gives},
			{byLMTP, configure(lmtp, recipe(t, "lmtpd.8", "lmtp unix")), []account{ann, vera}, stops, starts},
		},
		queue: "postqueue -p",
		run:   "postqueue -f",
	}
	s.deliver(h)
	h.gather()
	s.fates(h, true)
	s.everybody(h)
	s.extensions(h, configure(far+"mailbox_transport = lmtp:unix:/run/fantail/lmtp\n", recipe(t, "lmtpd.8", "lmtp unix")), utf8|encrypted)
	s.reports(h)
	t.Run("policy", func(t *testing.T) {
		h := h.with(t)
		configure(lmtp+recipe(t, "lmtpd.8", "check_policy_service"), recipe(t, "lmtpd.8", "lmtp unix")+recipe(t, "lmtpd.8", "smtp inet"))(h)
		h.policy([]account{ann, vera})
	})
	passesOn(h, configure)
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
	s := server{
		ways: []way{
			{"pipe", configure(recipe(t, "deliver.8", "dc_local"), map[string]string{
				"transport/40_fantail": recipe(t, "deliver.8", "driver = pipe"),
			}), []account{ann}, takes, gives},
			{byLMTP, configure(recipe(t, "lmtpd.8", "dc_local"), map[string]string{
				"transport/40_fantail": recipe(t, "lmtpd.8", "driver = lmtp"),
				"router/120_fantail":   recipe(t, "lmtpd.8", "driver = accept"),
			}), []account{ann, vera}, stops, starts},
		},
		queue: "exim4 -bp",
		run:   "exim4 -qff",
	}
	s.deliver(h)
	h.gather()
	s.fates(h, true)
	s.extensions(h, configure(recipe(t, "lmtpd.8", "dc_local"), map[string]string{
		"main/000_fantail":     "MAIN_SMTPUTF8_ADVERTISE_HOSTS = *\ndsn_advertise_hosts = *\n",
		"transport/40_fantail": recipe(t, "lmtpd.8", "protocol = lmtp") + recipe(t, "lmtpd.8", "driver = lmtp"),
		// Here it is not another machine.
		"router/120_fantail": strings.ReplaceAll(recipe(t, "lmtpd.8", "driver = manualroute"), "192.0.2.5", "127.0.0.1") + "  self = send\n",
	}), utf8|encrypted|chunks)
	s.reports(h)
	t.Run("policy", func(t *testing.T) {
		h := h.with(t)
		configure(recipe(t, "lmtpd.8", "dc_local"), map[string]string{
			"transport/40_fantail": recipe(t, "lmtpd.8", "driver = lmtp"),
			"router/120_fantail":   recipe(t, "lmtpd.8", "driver = accept"),
			"acl/fantail":          recipe(t, "lmtpd.8", "readsocket"),
			"main/000_localmacros": "CHECK_RCPT_LOCAL_ACL_FILE = /etc/exim4/conf.d/acl/fantail\n",
		})(h)
		h.policy([]account{ann})
	})
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
	s := server{
		ways: []way{
			{"pipe", configure(recipe(t, "deliver.8", "mda")), []account{ann}, takes, gives},
			{byLMTP, configure(recipe(t, "lmtpd.8", "rcpt-to")), []account{ann, vera}, stops, starts},
		},
		queue:   "smtpctl show queue",
		run:     "smtpctl schedule all",
		refuses: true,
		keeps:   true,
	}
	s.deliver(h)
	h.gather()
	s.fates(h, false)
	s.extensions(h, func(house) {}, 0)
}
