package packaging

// faults are planted one after the other.
var faults = []fault{
	// Configuration.
	{name: "syntax", short: true, level: "error", text: "broken.toml:1",
		plant: `echo 'imap.listen = [' >/etc/fantail/conf.d/broken.toml`,
		typed: `"${EDITOR:-vi}" +1 /etc/fantail/conf.d/broken.toml`, mend: `rm /etc/fantail/conf.d/broken.toml`},
	{name: "unknown setting", level: "error", text: "mistake.toml:2",
		plant: `printf '\nimap.lisen = []\n' >/etc/fantail/conf.d/mistake.toml`,
		typed: `+2 /etc/fantail/conf.d/mistake.toml`, mend: `rm /etc/fantail/conf.d/mistake.toml`},
	{name: "value out of range", level: "error", text: "login.drain",
		plant: `echo 'login.drain = "long"' >/etc/fantail/conf.d/mistake.toml`,
		typed: `+1 /etc/fantail/conf.d/mistake.toml`, mend: `rm /etc/fantail/conf.d/mistake.toml`},
	{name: "override", short: true, level: "warning", text: "login.drain is set at /etc/fantail/fantail.toml:", mends: true,
		plant: `echo 'login.drain = "3s"' >>/etc/fantail/fantail.toml
			echo 'login.drain = "4s"' >/etc/fantail/conf.d/20-drain.toml
			` + reloadAll,
		mend: `rm /etc/fantail/conf.d/20-drain.toml; ` + reloadAll},
	{name: "ignored", level: "warning", text: "/etc/fantail/conf.d/20-pop3.conf is not read", mends: true,
		plant: `echo 'pop3.login_delay = "1s"' >/etc/fantail/conf.d/20-pop3.conf`,
		mend:  `rm /etc/fantail/conf.d/20-pop3.toml`},
	{name: "not read since", short: true, level: "warning", text: "what runs has not read it since", mends: true,
		plant: `sleep 1.1; echo '# changed' >>/etc/fantail/fantail.toml`},
	{name: "closed configuration", level: "error", text: "not everybody can read the configuration", mends: true,
		plant: `chmod 640 /etc/fantail/fantail.toml`},
	{name: "closed directory", level: "error", text: "not everybody can read the configuration", mends: true,
		plant: `chmod 700 /etc/fantail`},
	{name: "open secret", level: "error", text: "everybody on this machine can read /etc/fantail/smtp", mends: true,
		plant: `printf 'ann\nsecret\n' >/etc/fantail/smtp; chmod 644 /etc/fantail/smtp
			echo 'webmail.smtp_credentials = "/etc/fantail/smtp"' >/etc/fantail/conf.d/20-smtp.toml
			` + reloadAll,
		mend: `rm /etc/fantail/smtp /etc/fantail/conf.d/20-smtp.toml; ` + reloadAll},
	{name: "listens nowhere", level: "error", text: "imap.listen is set, and fantail-imapd.service has no network",
		plant: `echo 'imap.listen = ["127.0.0.1:1143"]' >/etc/fantail/conf.d/20-listen.toml; ` + reloadAll, mends: true,
		mend: `rm -r /etc/fantail/conf.d/20-listen.toml /etc/systemd/system/fantail-imapd.service.d
			systemctl daemon-reload; ` + reloadAll},

	// Files of the package.
	{name: "changed program", level: "warning", text: "/usr/share/bash-completion/completions/fantail has been changed",
		plant: `cp -a /usr/share/bash-completion/completions/fantail /root/kept; echo >>/usr/share/bash-completion/completions/fantail`,
		typed: "apt-get install --reinstall fantail", mend: "cp -a /root/kept /usr/share/bash-completion/completions/fantail"},
	{name: "missing program", level: "error", text: "programs are missing: /usr/libexec/fantail/webmail-session",
		plant: `mv /usr/libexec/fantail/webmail-session /root/kept`,
		typed: "apt-get install --reinstall fantail", mend: "mv /root/kept /usr/libexec/fantail/webmail-session"},
	{name: "program without its mode", level: "error", text: "/usr/libexec/fantail/imap-session cannot be run", mends: true,
		plant: `chmod 700 /usr/libexec/fantail/imap-session; chown _fantail /usr/libexec/fantail/imap-session`,
		mend:  `chown root /usr/libexec/fantail/imap-session`},
	{name: "old program runs", level: "warning", text: "programs have been replaced, and the old ones still run: fantail-imapd.service", mends: true,
		plant: `cp -a /usr/sbin/imapd /usr/sbin/imapd.new; mv /usr/sbin/imapd.new /usr/sbin/imapd`},
	{name: "no user", level: "error", text: "there is no user _fantail-key", mends: true,
		plant: `deluser --quiet _fantail-key 2>/dev/null || userdel _fantail-key`},
	{name: "state of another mode", level: "error", text: "/var/lib/fantail/crossed is of root with the mode 0755", mends: true,
		plant: `chmod 755 /var/lib/fantail/crossed`},
	{name: "state of another owner", short: true, level: "error", text: "/var/lib/fantail/auth is not _fantail-auth's", mends: true,
		plant: `chown -R root:root /var/lib/fantail/auth`},

	// Certificates.
	{name: "expires", short: true, level: "warning", text: "/etc/mailcert/fullchain.pem expires in 8 days",
		plant: certify("mail.example.org", "9"), typed: "certbot certonly --standalone --domain mail.example.org", mend: certify("mail.example.org", "90")},
	{name: "expired", level: "error", text: "/etc/mailcert/fullchain.pem has expired",
		plant: certify("mail.example.org", "-1"), typed: "certbot certonly", mend: certify("mail.example.org", "90")},
	{name: "other name", level: "warning", text: "no certificate is for imap.example.org",
		plant: `echo 'autoconfig.imap = "imap.example.org:993"' >/etc/fantail/conf.d/20-name.toml; ` + reloadAll,
		typed: "certbot certonly --standalone --domain imap.example.org", mend: `rm /etc/fantail/conf.d/20-name.toml; ` + reloadAll},
	{name: "half a chain", short: true, level: "warning", text: "/etc/mailcert/cert.pem has not the certificate of who has signed it, Test Intermediate", mends: true,
		plant: `sed -i s/fullchain.pem/cert.pem/ /etc/fantail/conf.d/10-tls.toml; ` + reloadAll, mend: reloadAll},
	{name: "self-signed", level: "warning", text: "is self-signed",
		plant: `mv /etc/fantail/conf.d/10-tls.toml /root/kept; ` + reloadAll + `; systemctl restart fantail-imapd; sleep 0.3`,
		typed: "80-tls.toml", mend: `mv /root/kept /etc/fantail/conf.d/10-tls.toml; ` + reloadAll},
	{name: "key of another", level: "error", text: "private key does not match",
		plant: `cp -a /etc/mailcert/privkey.pem /root/kept; cat /root/ca.key >/etc/mailcert/privkey.pem`,
		typed: "openssl pkey -pubout -in /etc/mailcert/privkey.pem", mend: `cp -a /root/kept /etc/mailcert/privkey.pem`},
	{name: "open key", short: true, level: "error", text: "everybody on this machine can read the key /etc/mailcert/privkey.pem", mends: true,
		plant: `chmod 644 /etc/mailcert/privkey.pem`},
	{name: "closed key", short: true, level: "error", text: "_fantail cannot read /etc/mailcert/privkey.pem", mends: true,
		plant: `chgrp root /etc/mailcert/privkey.pem`},
	{name: "key behind a closed directory", level: "error", text: "_fantail cannot read /etc/mailcert/fullchain.pem", mends: true,
		plant: `chmod 700 /etc/mailcert`, mend: `chgrp root /etc/mailcert; chmod 755 /etc/mailcert`},

	// Accounts.
	{name: "PAM", short: true, level: "error", text: "/etc/pam.d/fantail is not there", mends: true,
		plant: `mv /etc/pam.d/fantail /root/kept`, mend: `mv /root/kept /etc/pam.d/fantail`},
	{name: "PAM includes nothing", level: "error", text: "/etc/pam.d/fantail:2 includes password-auth, which is not there", mends: true,
		plant: `cp -a /etc/pam.d/fantail /root/kept; printf '# RedHat\nauth include password-auth\naccount include password-auth\n' >/etc/pam.d/fantail`,
		mend:  `mv /root/kept /etc/pam.d/fantail`},
	{name: "shadow", level: "error", text: "/etc/shadow", mends: true,
		plant: `gpasswd --delete _fantail-auth shadow >/dev/null; echo 'auth.sources = ["shadow"]' >/etc/fantail/conf.d/20-shadow.toml; ` + reloadAll,
		mend:  `rm /etc/fantail/conf.d/20-shadow.toml; ` + reloadAll},
	{name: "open passwd-file", level: "error", text: "everybody on this machine can read the hashes in /etc/fantail/passwd", mends: true,
		plant: passwdFile + `chmod 644 /etc/fantail/passwd`, mend: noPasswdFile},
	{name: "closed passwd-file", level: "error", text: "authd cannot read /etc/fantail/passwd", mends: true,
		plant: passwdFile + `chmod 600 /etc/fantail/passwd`, mend: noPasswdFile},
	{name: "twice in the passwd-file", level: "error", text: "/etc/fantail/passwd:2: account ann exists already",
		plant: passwdFile + `echo "$line" >>/etc/fantail/passwd`, typed: "+2 /etc/fantail/passwd", mend: noPasswdFile},
	{name: "weak hash", level: "warning", text: "the password of bob is kept in a way that is no protection: PLAIN",
		plant: passwdFile + `echo 'bob:{PLAIN}secret:1000:1000::/home/ann' >>/etc/fantail/passwd`, typed: "fantail passwd bob", mend: noPasswdFile},

	// Units and ports.
	{name: "port taken", short: true, level: "error", text: "port 993 is taken by ", mends: true,
		plant: `systemctl stop fantail-imaps.socket fantail-imapd; ` + dovecot + `; systemctl start fantail-imaps.socket 2>/dev/null || true`},
	{name: "port of another", level: "warning", text: "and fantail-imaps.socket is disabled", mends: true,
		plant: `systemctl disable --quiet --now fantail-imaps.socket fantail-imapd 2>/dev/null; ` + dovecot},
	{name: "port of no unit", level: "error", text: "port 443 is taken by perl (process ", mends: true,
		plant: `systemctl stop fantail-https.socket fantail-webmaild
			systemd-run --quiet --unit=squatter perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 443, Listen => 5, ReuseAddr => 1) or die; sleep 600'
			sleep 0.5; systemctl start fantail-https.socket 2>/dev/null || true`},
	{name: "masked socket", short: true, level: "error", text: "fantail-imaps.socket is masked, and ", mends: true,
		plant: `systemctl mask --quiet --now fantail-imaps.socket`},
	{name: "LMTP gone after a start", level: "warning", text: "fantail-lmtp.socket listens, and is disabled", mends: true,
		plant: `systemctl disable --quiet fantail-lmtp.socket`},
	{name: "private socket disabled", level: "error", text: "fantail-authd.socket does not listen: it is inactive and disabled", mends: true,
		plant: `systemctl disable --quiet --now fantail-authd.socket fantail-authd.service 2>/dev/null; systemctl stop fantail-authd.socket fantail-authd`},
	{name: "private socket stopped", level: "error", text: "fantail-sessiond.socket does not listen", mends: true,
		plant: `systemctl stop fantail-sessiond fantail-sessiond.socket`},
	{name: "socket gone after a start", level: "warning", text: "fantail-pop3s.socket listens, and is disabled", mends: true,
		plant: `systemctl disable --quiet fantail-pop3s.socket`},
	{name: "socket of another mode", level: "error", text: "/run/fantail/session is of root:root", mends: true,
		plant: `chgrp root /run/fantail/session`},
	{name: "service fails", level: "error", text: "fantail-imapd.service is ",
		plant: `mkdir -p /etc/systemd/system/fantail-imapd.service.d
			printf '[Service]\nExecStart=\nExecStart=/usr/sbin/imapd -c /nowhere\n' >/etc/systemd/system/fantail-imapd.service.d/wrong.conf
			systemctl daemon-reload; systemctl restart fantail-imapd || true; sleep 3`,
		typed: "journalctl -u fantail-imapd.service -n 20",
		mend:  `rm -r /etc/systemd/system/fantail-imapd.service.d; systemctl daemon-reload; systemctl restart fantail-imapd`},
	{name: "masked service", level: "error", text: "fantail-authd.service is masked", mends: true,
		plant: `systemctl mask --quiet --now fantail-authd.service`},
	{name: "unit not read", level: "warning", text: "the file of fantail-imapd.service has been changed", mends: true,
		plant: `mkdir -p /etc/systemd/system/fantail-imapd.service.d
			printf '[Service]\nNice=1\n' >/etc/systemd/system/fantail-imapd.service.d/nice.conf
			systemctl daemon-reload; systemctl start fantail-imapd; sleep 1.1
			printf '[Service]\nNice=2\n' >/etc/systemd/system/fantail-imapd.service.d/nice.conf`,
		mend: `rm -r /etc/systemd/system/fantail-imapd.service.d; systemctl daemon-reload`},
	{name: "timer", level: "warning", text: "pop3.expire is set, and fantail-expire.timer is inactive and disabled", mends: true,
		plant: `echo 'pop3.expire = 30' >/etc/fantail/conf.d/20-expire.toml; systemctl disable --quiet --now fantail-expire.timer; ` + reloadAll,
		mend:  `rm /etc/fantail/conf.d/20-expire.toml; ` + reloadAll},

	// Mail servers.
	{name: "Postfix delivers elsewhere", short: true, level: "error", text: "Postfix delivers to /var/mail/USER", mends: true,
		plant: `postconf -X mailbox_transport; postconf -F lmtp/unix/chroot=y; systemctl reload postfix`},
	{name: "Postfix delivers to Dovecot", level: "warning", text: "Postfix has Dovecot's program deliver", mends: true,
		plant: `postconf -X mailbox_transport; postconf -e 'mailbox_command=/usr/lib/dovecot/deliver'; systemctl reload postfix`,
		mend:  `postconf -X mailbox_command; systemctl reload postfix`},
	{name: "Postfix in a chroot", short: true, level: "error", text: "Postfix runs its client for LMTP in a chroot", mends: true,
		plant: `postconf -F lmtp/unix/chroot=y; systemctl reload postfix`},
	{name: "Postfix does not take the domain", level: "error", text: "Postfix does not take mail for example.org", mends: true,
		plant: `postconf -e 'mydestination=mail.example.org, localhost'; systemctl reload postfix`},
	{name: "lmtpd does not take the domain", level: "error", text: "Postfix takes mail for example.net, and lmtpd does not", mends: true,
		plant: `postconf -e 'mydestination=mail.example.org, example.org, example.net, localhost'; systemctl reload postfix`,
		mend:  `rm /etc/fantail/conf.d/80-lmtp.toml; postconf -e 'mydestination=mail.example.org, example.org, localhost'; systemctl reload postfix; ` + reloadAll},
	{name: "Postfix may not connect", level: "error", text: "postfix cannot connect to /run/fantail/lmtp", mends: true,
		plant: `chmod 600 /run/fantail/lmtp`},
	{name: "SASL", level: "error", text: "/var/spool/postfix/private/fantail, of smtpd_sasl_path, is not there", mends: true,
		plant: `postconf -e smtpd_sasl_auth_enable=yes smtpd_sasl_type=dovecot smtpd_sasl_path=private/fantail; systemctl reload postfix`,
		mend:  `postconf -X smtpd_sasl_auth_enable smtpd_sasl_type smtpd_sasl_path; systemctl reload postfix`},
	{name: "Postfix is stopped", level: "error", text: "postfix is to run, and does not", mends: true,
		plant: `systemctl stop postfix`},
	{name: "no server for webmail", level: "error", text: "webmail.smtp_server does not answer", typed: "fantail config webmail.smtp_server",
		plant: `echo 'webmail.smtp_server = "/run/nobody"
webmail.transport = "smtp"' >/etc/fantail/conf.d/20-smtp.toml; ` + reloadAll,
		mend: `rm /etc/fantail/conf.d/20-smtp.toml; ` + reloadAll},

	// Mail.
	{name: "mbox", short: true, level: "error", text: "/home/gone/Maildir, where the Maildir of gone is to be, is a file", mends: true,
		plant: `printf 'From ann\nSubject: x\n\n' >/home/gone/Maildir`, mend: `rm /home/gone/Maildir.mbox`},
	{name: "mail of root", short: true, level: "error", text: "is not ann's but root's", mends: true,
		plant: `printf 'Subject: restored\n\n' >/home/ann/Maildir/new/1000000002.restored.host; chmod 600 /home/ann/Maildir/new/1000000002.restored.host`},
	{name: "Maildir of root", level: "error", text: "ann cannot use /home/ann/Maildir: permission denied", mends: true,
		plant: `chown root:root /home/ann/Maildir`},
	{name: "closed home", level: "error", text: "there is no mail at /home/gone/Maildir, and gone:gone cannot make it", mends: true,
		plant: `chown root:root /home/gone; chmod 755 /home/gone`},
	{name: "no home", level: "error", text: "there is no mail at /home/gone/Maildir", mends: true,
		plant: `mv /home/gone /root/kept`, mend: `rm -r /home/gone; mv /root/kept /home/gone`},
	{name: "open Maildir", level: "warning", text: "everybody on this machine can list the mail of ann", mends: true,
		plant: `chmod 755 /home/ann /home/ann/Maildir /home/ann/Maildir/cur`},

	// Disks and the kernel.
	{name: "full disk", short: true, level: "error", text: "/home/gone, with mail, is full",
		plant: `mount -t tmpfs -o size=2m,mode=700,uid=$(id -u gone),gid=$(id -g gone) tmpfs /home/gone; head -c 3m /dev/zero >/home/gone/big 2>/dev/null || true`,
		typed: "du -xh --max-depth=3 /home/gone", mend: "umount /home/gone"},
	{name: "no inodes", level: "error", text: "/home/gone, with mail, has no inodes left",
		plant: `mount -t tmpfs -o size=2m,nr_inodes=20,mode=700,uid=$(id -u gone),gid=$(id -g gone) tmpfs /home/gone; for i in $(seq 30); do touch /home/gone/$i 2>/dev/null || true; done`,
		typed: "du -x --inodes --max-depth=3 /home/gone", mend: "umount /home/gone"},
	{name: "read-only disk", level: "error", text: "/home/gone, with mail, is mounted read-only",
		plant: `mount -t tmpfs -o size=2m,mode=700,uid=$(id -u gone),gid=$(id -g gone) tmpfs /home/gone; mount -o remount,ro /home/gone`,
		typed: "mount -o remount,rw /home/gone", mend: "umount /home/gone"},
	{name: "sandbox off", level: "warning", text: "programs.sandbox is off", mends: true,
		plant: `echo 'programs.sandbox = "off"' >/etc/fantail/conf.d/20-sandbox.toml; ` + reloadAll, mend: reloadAll},
	{name: "few files", level: "warning", text: "imapd may have 512 files open", mends: true,
		plant: `mkdir -p /etc/systemd/system/fantail-imapd.service.d
			printf '[Service]\nLimitNOFILE=512\n' >/etc/systemd/system/fantail-imapd.service.d/few.conf
			systemctl daemon-reload; systemctl restart fantail-imapd`,
		mend: `rm -r /etc/systemd/system/fantail-imapd.service.d; systemctl daemon-reload; systemctl restart fantail-imapd`},
	{name: "no name", short: true, level: "warning", text: "does not know the address of its own name", mends: true,
		plant: `sed -i '/mail.example.org/d' /etc/hosts`},
}

const (
	// dovecot has Dovecot take the port of IMAPS, and no other.
	dovecot      = `printf 'protocols = imap\nservice imap-login {\n  inet_listener imap {\n    port = 0\n  }\n}\n' >/etc/dovecot/local.conf; systemctl enable --quiet --now dovecot.service 2>/dev/null; sleep 0.5`
	reloadAll    = `systemctl restart fantail-imapd fantail-pop3d fantail-webmaild fantail-authd fantail-sessiond fantail-submitd || true; systemctl try-restart fantail-lmtpd fantail-keyd || true`
	passwdFile   = `line=ann:$(getent shadow ann | cut -d: -f2):1000:1000::/home/ann; echo "$line" >/etc/fantail/passwd; chown root:_fantail-auth /etc/fantail/passwd; chmod 640 /etc/fantail/passwd; systemctl restart fantail-authd; `
	noPasswdFile = `rm /etc/fantail/passwd; systemctl restart fantail-authd`
)

// certify is the script that gives the machine a certificate for a name, for some days.
func certify(name, days string) string {
	return "set -- " + name + " " + days + "\n" + certifying
}
