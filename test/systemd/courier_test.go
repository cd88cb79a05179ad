package systemd

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/test/container"
)

// couriers is a machine with a real Courier, and with mail programs.
var couriers = container.Recipe{Name: "courier", Packages: slices.Concat(container.Systemd,
	[]string{"courier-imap", "courier-pop", "courier-authlib-userdb", "acl", "isync", "libsasl2-modules", "mpop"})}

// The accounts at Courier: one of the system, and one of userdb that has its uid and its
// Maildir there.
const (
	systemUser  = "ann"
	virtualUser = "bob@example.org"
)

// TestMoveFromCourier: a Courier is replaced by what import-courier makes of its
// configuration. Clients that have all mail, by IMAP and by POP3, notice nothing: not one
// message is downloaded again, and no flag, keyword or subscription is lost.
func TestMoveFromCourier(t *testing.T) {
	h := house{t, container.Start(t, couriers)}
	t.Cleanup(func() {
		if t.Failed() {
			log, err := h.Shell("systemctl --failed --no-legend; journalctl --no-pager --lines=200 --output=short-precise")
			t.Logf("%s%v", log, err)
		}
	})
	h.startCourier()
	ids, files := make(map[string][]string), make(map[string]string)
	for _, user := range owners {
		h.keepMail(user)
		if n := h.fetched(user); n != 12 {
			t.Fatalf("mpop has fetched %d of 12 messages of %s", n, user)
		}
		ids[user] = h.uniqueIDs(user)
		_, files[user] = h.mirrored(user)
	}
	h.deliver("after.pop") // which no POP3 client has seen
	for _, user := range owners {
		_, files[user] = h.mirrored(user)
		if n := strings.Count(files[user], "/cur/") + strings.Count(files[user], "/new/"); n != 12+1+6+2+2 {
			t.Fatalf("mbsync has %d messages of %s:\n%s", n, user, files[user])
		}
	}
	for user := range hashes {
		h.pop3(user).say("QUIT", "+OK")
	}

	h.replaceCourier()
	for _, user := range owners {
		h.unchanged(user, ids[user], files[user])
		h.kept(user)
	}
	h.certified("/etc/courier/imapd.pem")
	if out := h.sh("fantail quota -j " + virtualUser); !strings.Contains(out, `"octets_limit":10000000`) || !strings.Contains(out, `"messages_limit":5000`) {
		t.Errorf("the limits of %s: %s", virtualUser, out)
	}
	for line := range strings.Lines(h.sh("fantail doctor || test $? -le 2")) {
		// Exim, which came with Courier, has no part in this: mail is delivered by hand.
		if strings.HasPrefix(line, "error ") && !strings.Contains(line, "Exim delivers to /var/mail") && !strings.Contains(line, "webmail") {
			h.Errorf("doctor: %s", line)
		}
	}
	h.deliver("at.ours")
	for _, user := range owners {
		if n := h.fetched(user); n != 1 {
			t.Errorf("mpop fetches %d messages of %s, not the new one", n, user)
		}
	}
	for user := range hashes {
		h.pop3(user).say("QUIT", "+OK")
	}
}

// owners are whose mail is looked at.
var owners = []string{systemUser, virtualUser}

// hashes are further accounts of userdb, each with a hash of "secret" that is Courier's own.
var hashes = map[string]string{
	"md5":    "{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
	"md5raw": "{MD5RAW}5ebe2294ecd0e0f08eab7690d2a6ee69",
	"sha":    "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
	"sha256": "{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
	"old":    "$1$ab$dslkcXxVH.x8LwW1W/oAB/",
}

// pop3 logs in by POP3, a command after the answer to the last one: Courier takes no others.
func (h house) pop3(user string) *client {
	h.Helper()
	c := h.dial(pop3)
	for _, line := range []string{"", "USER " + user, "PASS secret"} {
		c.say(line, "+OK")
	}
	return c
}

// deliver brings a message to those whose mail is looked at.
func (h house) deliver(base string) {
	h.Helper()
	h.sh(`
		printf 'Message-ID: <%s@example.org>\nSubject: %s\n\nhello\n' "$1" "$1" >/home/ann/Maildir/new/1800000000.$1
		cp /home/ann/Maildir/new/1800000000.$1 /srv/mail/bob/Maildir/new
		chown ann:ann /home/ann/Maildir/new/*
		chown vmail:vmail /srv/mail/bob/Maildir/new/*`, base)
}

// uniqueIDs are those that POP3 clients are told.
func (h house) uniqueIDs(user string) (ids []string) {
	h.Helper()
	c := h.pop3(user)
	for _, id := range c.list("UIDL") {
		_, id, _ = strings.Cut(id, " ")
		ids = append(ids, id)
	}
	c.say("QUIT", "+OK")
	return ids
}

// list asks for an answer of several lines.
func (c *client) list(line string) (lines []string) {
	c.t.Helper()
	c.say(line, "+OK")
	for c.lines.Scan() && c.lines.Text() != "." {
		lines = append(lines, c.lines.Text())
	}
	return lines
}

// replaceCourier removes Courier's packages, installs Fantail, and does what import-courier
// says.
func (h house) replaceCourier() {
	h.Helper()
	h.sh("dpkg --remove courier-imap courier-pop && ! ss -ltn | grep -qE ':(110|143|993|995) '")
	h.install("first")
	says := h.sh(`
		systemd-sysusers
		systemd-tmpfiles --create
		systemctl daemon-reload
		mkdir -p /etc/fantail/conf.d
		fantail import-courier -o /etc/fantail/conf.d/50-courier.toml -p /etc/fantail/passwd 2>&1 || test $? = 1`)
	h.Logf("%s\n%s", says, h.sh("cat /etc/fantail/conf.d/50-courier.toml"))
	if strings.Contains(says, "there is nothing like it here") || !strings.Contains(says, "wrote 6 accounts to /etc/fantail/passwd") {
		h.Errorf("of Debian's own configuration it says\n%s", says)
	}
	for line := range strings.Lines(says) {
		_, command, ok := strings.Cut(line, ": systemctl enable ")
		if ok {
			command, _, _ = strings.Cut("systemctl enable "+command, ", when")
		} else if _, command, ok = strings.Cut(line, ": setfacl "); ok {
			command, _, _ = strings.Cut("setfacl "+command, ";")
		}
		if ok {
			h.sh(command)
		}
	}
}

// unchanged wants clients that have all mail to have nothing to do, but to fetch by POP3 what
// none has seen.
func (h house) unchanged(user string, ids []string, files string) {
	h.Helper()
	if says, got := h.mirrored(user); strings.Contains(says, "UIDVALIDITY of") || got != files { // names of files have their flags
		h.Errorf("mbsync of %s says %s:\n%s\nwas\n%s", user, says, got, files)
	}
	if got := h.uniqueIDs(user); len(got) != len(ids)+1 || !slices.Equal(got[:len(ids)], ids) {
		h.Errorf("%s: unique-ids\n%q\nhave become\n%q", user, ids, got)
	}
	if n := h.fetched(user); n != 1 {
		h.Errorf("mpop fetches %d messages of %s, not the one that came last", n, user)
	}
}

// certified wants IMAPS to have the certificate of a file.
func (h house) certified(file string) {
	h.Helper()
	conn, ok := h.dial(imaps).conn.(*tls.Conn)
	if !ok {
		h.Fatal("IMAPS is without TLS")
	}
	rest := []byte(h.sh(`cat "$1"`, file))
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			h.Fatalf("there is no certificate in %s", file)
		}
		if block.Type == "CERTIFICATE" {
			if !bytes.Equal(block.Bytes, conn.ConnectionState().PeerCertificates[0].Raw) {
				h.Errorf("IMAPS has another certificate than %s", file)
			}
			return
		}
	}
}

// kept wants what keepMail has done to be there.
func (h house) kept(user string) {
	h.Helper()
	c := h.dial(imap)
	c.say("a LOGIN "+user+" secret", "a OK")
	c.say("b SELECT INBOX", "b OK")
	for _, s := range []struct{ search, found string }{
		{"FLAGGED", " 1 2 3 4"}, {"KEYWORD $Work", " 2 3 4 5"}, {"KEYWORD Later", " 2 3 4 5"}, {"ANSWERED SEEN", " 6"}, {"KEYWORD Done", ""},
	} {
		if got := c.say("c SEARCH "+s.search, "* SEARCH"); got != "* SEARCH"+s.found {
			h.Errorf("%s: %s: %s", user, s.search, got)
		}
	}
	c.say("d SELECT INBOX.Projects", "d OK")
	if got := c.say("e UID SEARCH ALL", "* SEARCH"); got != "* SEARCH 1 3" {
		h.Errorf("%s: the UIDs of Projects are %s", user, got)
	}
	if got := c.say("f UID SEARCH KEYWORD Done", "* SEARCH"); got != "* SEARCH 1" {
		h.Errorf("%s: Done is %s", user, got)
	}
	var names []string
	if _, err := fmt.Fprint(c.conn, "g LSUB \"\" *\r\n"); err != nil {
		h.Fatal(err)
	}
	for c.lines.Scan() && !strings.HasPrefix(c.lines.Text(), "g ") {
		names = append(names, c.lines.Text()[strings.LastIndexByte(c.lines.Text(), ' ')+1:])
	}
	for _, name := range []string{"INBOX.Projects.2026", "INBOX.Entw&APw-rfe"} {
		if !slices.Contains(names, name) {
			h.Errorf("%s: %s is not subscribed: %q", user, name, names)
		}
	}
	if slices.Contains(names, "INBOX.Projects") {
		h.Errorf("%s: Projects was not subscribed: %q", user, names)
	}
}

// startCourier gives a Courier its accounts, and mail to them.
func (h house) startCourier() {
	h.Helper()
	var further string
	for _, user := range slices.Sorted(maps.Keys(hashes)) {
		further += fmt.Sprintf("%s %[1]s '%s' ", user, hashes[user])
	}
	h.sh(strings.Replace(`
		adduser --quiet --disabled-password --gecos "" ann
		echo ann:secret | chpasswd
		maildir() { # user, home
			install -d -o "$1" -g "$1" -m 700 "$2" "$2/Maildir" "$2/Maildir/cur" "$2/Maildir/new" "$2/Maildir/tmp"
			for n in 01 02 03 04 05 06 07 08 09 10 11 12; do
				printf 'Message-ID: <%s@example.org>\nSubject: message %s\n\nhello\n' $n $n >"$2/Maildir/new/17000000$n.M$n.host"
			done
			chown "$1:$1" "$2/Maildir/new"/*
		}
		maildir ann /home/ann
		adduser --quiet --system --group --uid 5000 --home /srv/mail vmail
		maildir vmail /srv/mail/bob
		for user in md5 md5raw sha sha256 old; do maildir vmail /srv/mail/$user; done
		(umask 077; printf '%s\tuid=5000|gid=5000|home=/srv/mail/%s|systempw=%s\n' HASHES >/etc/courier/userdb; printf '%s\tuid=5000|gid=5000|home=/srv/mail/bob|systempw=%s|quota=10000000S,5000C\n' bob@example.org "$(openssl passwd -6 secret)" >>/etc/courier/userdb)
		makeuserdb
		sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb authpam"/' /etc/courier/authdaemonrc
		systemctl restart courier-authdaemon courier-imap courier-imap-ssl courier-pop courier-pop-ssl`, "HASHES", further, 1))
	for _, address := range []string{imap, imaps, pop3} {
		h.within(20*time.Second, "Courier at "+address, func() bool {
			c, err := h.connect(address)
			return err == nil && c.conn.Close() == nil
		})
	}
}

// keepMail is what somebody does with mail at Courier.
func (h house) keepMail(user string) {
	h.Helper()
	c := h.dial(imap)
	for i, line := range []string{
		"LOGIN " + user + " secret", "SELECT INBOX", `STORE 1:4 +FLAGS (\Flagged)`, `STORE 2:5 +FLAGS ($Work Later)`, `STORE 6 +FLAGS (\Answered \Seen)`,
		"CREATE INBOX.Projects", "CREATE INBOX.Projects.2026", "CREATE INBOX.Entw&APw-rfe", "CREATE INBOX.Trash",
		"SUBSCRIBE INBOX.Projects.2026", "SUBSCRIBE INBOX.Entw&APw-rfe",
		"COPY 1:6 INBOX.Projects.2026", "COPY 3:4 INBOX.Entw&APw-rfe", "COPY 7:9 INBOX.Projects",
		"SELECT INBOX.Projects", `STORE 2 +FLAGS (\Deleted)`, "EXPUNGE", "STORE 1 +FLAGS (Done)", "CLOSE", "LOGOUT",
	} {
		tag := fmt.Sprintf("a%d ", i)
		c.say(tag+line, tag+"OK")
	}
}

// fetched is how many messages a POP3 client fetches that leaves all on the server.
func (h house) fetched(user string) int {
	h.Helper()
	return strings.Count(h.sh(`
		mkdir -p "/root/pop/$1"
		rm -rf "/root/pop/$1/mail"
		mkdir -p "/root/pop/$1/mail/cur" "/root/pop/$1/mail/new" "/root/pop/$1/mail/tmp"
		mpop --host=127.0.0.1 --tls=off --user="$1" --passwordeval='echo secret' --auth=user --keep=on \
			--uidls-file="/root/pop/$1/uidls" --delivery="maildir,/root/pop/$1/mail" --quiet
		find "/root/pop/$1/mail" -type f`, user), "/root/pop/")
}

// mirrored lets mbsync make its copy that of the server, and returns the names of the
// files: a message that is downloaded again has another.
func (h house) mirrored(user string) (says, files string) {
	h.Helper()
	if err := h.Write("/root/"+user+".mbsyncrc", fmt.Sprintf(`IMAPStore far
Host 127.0.0.1
User %[1]s
Pass secret
SSLType None
AuthMechs LOGIN

MaildirStore near
Path /root/imap/%[1]s/
Inbox /root/imap/%[1]s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
Sync All
SyncState *
`, user), 0o600); err != nil {
		h.Fatal(err)
	}
	says = h.sh(`mkdir -p "/root/imap/$1"; mbsync -c "/root/$1.mbsyncrc" all 2>&1`, user)
	return says, h.sh(`cd "/root/imap/$1"; find . -type f ! -name '.*' | sort`, user)
}
