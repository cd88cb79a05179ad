package packaging

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// finding is what "fantail doctor -j" writes.
type finding struct {
	Level, About, Text, Why string
	Commands                []string
}

// doctor returns what it finds wrong.
func (h house) doctor() []finding {
	h.Helper()
	out := h.sh("fantail doctor -j -q -offline || test $? -le 2")
	var list []finding
	for line := range strings.Lines(out) {
		var f finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			h.Fatalf("%v: %s", err, line)
		}
		if f.Why == "" || len(f.Commands) == 0 {
			h.Errorf("it says neither why nor what to type: %s", line)
		}
		list = append(list, f)
	}
	return list
}

// fault is something that goes wrong with a machine.
type fault struct {
	name  string
	plant string // a script
	level string
	text  string // part of what is found
	// mends says that the commands are all that it takes. Otherwise typed is part of
	// them, and mend is what an administrator does then.
	mends bool
	typed string
	mend  string
	short bool // it is planted in every test, and not in the laboratory alone
}

func (f fault) String() string { return f.level + ": " + f.text }

// found is what has been found of a fault, if it has.
func (f fault) found(list []finding) *finding {
	for i := range list {
		if list[i].Level == f.level && strings.Contains(list[i].Text, f.text) {
			return &list[i]
		}
	}
	return nil
}

// TestDoctor: nothing is wrong with a machine on which all is well. Faults are planted
// there, one after the other: each is found, and when what it says has been typed, nothing
// is wrong again. With -lab all of them.
func TestDoctor(t *testing.T) {
	h := newHouse(t, suites[0])
	h.install(first)
	h.well()
	began := time.Now()
	h.nothingWrong()
	t.Logf("doctor takes %v", time.Since(began))
	for _, f := range faults {
		if f.short || *lab {
			t.Run(f.name, func(t *testing.T) { h.with(t).suffers(f) })
		}
	}
}

// nothingWrong wants the doctor to find nothing.
func (h house) nothingWrong() {
	h.Helper()
	if list := h.doctor(); list != nil {
		h.Errorf("found:\n%s", told(list))
	}
}

func told(list []finding) string {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "%s %s: %s\n  %s\n    %s\n", f.Level, f.About, f.Text, f.Why, strings.Join(f.Commands, "\n    "))
	}
	return b.String()
}

// well makes a machine on which all is well: it has a name, a certificate that is trusted
// here, and a mail server that delivers to Fantail.
func (h house) well() {
	h.Helper()
	h.sh(`hostname mail.example.org
		echo mail.example.org >/etc/hostname
		echo '127.0.1.1 mail.example.org mail' >>/etc/hosts
		echo example.org >/etc/mailname
		touch /etc/fantail/fantail.toml
		cd /root
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 900 -subj "/CN=Test Authority" -keyout ca.key -out ca.pem 2>/dev/null
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Test Intermediate" -keyout sub.key -out sub.csr 2>/dev/null
		printf 'basicConstraints=critical,CA:true\nkeyUsage=keyCertSign\n' >sub.ext
		openssl x509 -req -in sub.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 800 -extfile sub.ext -out sub.pem 2>/dev/null
		cp ca.pem /etc/ssl/certs/test-authority.pem
		install -d /etc/mailcert
		printf '%s\n' 'tls.certificate = "/etc/mailcert/fullchain.pem"' 'tls.key = "/etc/mailcert/privkey.pem"' >/etc/fantail/conf.d/10-tls.toml
		postconf -e myhostname=mail.example.org "mydestination=mail.example.org, example.org, localhost" inet_interfaces=loopback-only
		newaliases
		systemctl enable --quiet --now postfix`)
	h.certify("mail.example.org", 90)
	h.sh(recipe(h.T, "mailbox_transport") + "\nsystemctl reload postfix\nsystemctl restart fantail-imapd fantail-pop3d fantail-webmaild fantail-authd fantail-sessiond fantail-submitd")
}

// certify gives the machine a certificate for a name, for some days.
func (h house) certify(name string, days int) {
	h.Helper()
	h.sh(certifying, name, fmt.Sprint(days))
}

const certifying = `cd /root
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout server.key -out server.csr 2>/dev/null
	printf "subjectAltName=DNS:$1\n" >server.ext
	openssl x509 -req -in server.csr -CA sub.pem -CAkey sub.key -CAcreateserial -days "$2" -extfile server.ext -out server.pem 2>/dev/null
	cp server.pem /etc/mailcert/cert.pem
	cat server.pem sub.pem >/etc/mailcert/fullchain.pem
	install -m 640 -g _fantail server.key /etc/mailcert/privkey.pem`

// suffers plants a fault, and has it mended.
func (h house) suffers(f fault) {
	if _, err := h.Shell(f.plant); err != nil {
		h.Error(err) // and it is mended nevertheless, for those that follow
	}
	list := h.doctor()
	is := f.found(list)
	if is == nil {
		h.Errorf("%s is not found. Found:\n%s", f, told(list))
	} else {
		h.Logf("%s", told([]finding{*is}))
	}
	if f.mends && is != nil {
		if _, err := h.Shell(strings.Join(is.Commands, "\n")); err != nil {
			h.Errorf("what is to be typed fails: %v", err)
		}
	} else if is != nil && !strings.Contains(strings.Join(is.Commands, "\n"), f.typed) {
		h.Errorf("nobody is told to type %q: %q", f.typed, is.Commands)
	}
	if _, err := h.Shell(f.mend); err != nil {
		h.Error(err)
	}
	h.nothingWrong()
}
