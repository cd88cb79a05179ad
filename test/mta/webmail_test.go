package mta

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"fantail/test/visitor"
)

// TestPostfixWebmail: what is written in webmail goes by Postfix to other accounts, octet by
// octet, by its sendmail and by SMTP with STARTTLS and a password that Fantail's authd
// checks; what Postfix refuses and what it cannot take now comes to where its author sees
// it.
func TestPostfixWebmail(t *testing.T) {
	h := build(t, "postfix")
	h.sh(`postconf -e myhostname=mail.example.org mydestination=mail.example.org,localhost inet_interfaces=loopback-only alias_maps= maillog_file=`)
	h.file("/etc/postfix/main.more", recipe(t, "lmtpd.8", "lmtp:unix")+recipe(t, "authd.8", "smtpd_sasl_path")+
		"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = /etc/fantail/tls/certificate.pem\nsmtpd_tls_key_file = /etc/fantail/tls/key.pem\nlocal_recipient_maps = proxy:unix:passwd.byname\n")
	h.file("/etc/postfix/master.more", recipe(t, "lmtpd.8", "lmtp unix")+
		"submission inet n - y - - smtpd\n  -o smtpd_tls_security_level=encrypt\n  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject\n")
	h.file("/etc/systemd/system/fantail-smtp.socket", strings.ReplaceAll(recipe(t, "authd.8", "FileDescriptorName=smtp"), "=authd.service", "=fantail-authd.service"))
	h.file("/etc/fantail/relay", "vera@example.net\nsecret\n")
	h.bySendmail()
	h.sh(`install -d /etc/fantail/tls
		cd /etc/fantail/tls
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.example.org -addext subjectAltName=DNS:mail.example.org -keyout key.pem -out certificate.pem 2>/dev/null
		chgrp _fantail key.pem
		chmod 640 key.pem
		cp certificate.pem /etc/ssl/certs/ca-certificates.crt
		for user in ann bob; do
			install -d -o $user -g $user -m 700 /home/$user/Maildir /home/$user/Maildir/fantail-webmail
			echo '{"grouping":"messages","undoSend":0}' >/home/$user/Maildir/fantail-webmail/settings.json
		done
		cd /etc/postfix
		cat main.more >>main.cf
		cat master.more >>master.cf
		postfix check
		systemctl restart postfix
		systemctl daemon-reload
		systemctl stop fantail-authd
		systemctl enable --quiet --now fantail-smtp.socket fantail-https.socket fantail-submitd.socket fantail-submitd.service`)
	for _, way := range []struct {
		name      string
		configure func()
		refused   bool // who is nobody is refused at once
	}{{"sendmail", h.bySendmail, false}, {"submission", h.bySubmission, true}} {
		t.Run(way.name, func(t *testing.T) {
			h := h.with(t)
			way.configure()
			ann, bob, vera := h.visit("ann"), h.visit("bob"), h.visit("vera@example.net")
			h.written(way.name, ann, bob, vera)
			h.toNobody(way.name, way.refused, ann)
			h.postponed(way.name, ann, bob)
		})
	}
}

// bySendmail and bySubmission say how webmail sends.
func (h house) bySendmail() {
	h.file("/etc/fantail/fantail.toml", "tls.certificate = \"/etc/fantail/tls/certificate.pem\"\ntls.key = \"/etc/fantail/tls/key.pem\"\n")
}

func (h house) bySubmission() {
	h.bySendmail()
	h.sh(`cat >>/etc/fantail/fantail.toml <<-end
		webmail.transport = "smtp"
		webmail.smtp_server = "mail.example.org:587"
		webmail.smtp_credentials = "/etc/fantail/relay"
		end`)
}

// visit returns somebody who has logged in to webmail.
func (h house) visit(name string) *visitor.Visitor {
	h.Helper()
	v := visitor.New("https://127.0.0.1:443", func(_ context.Context, _, address string) (net.Conn, error) { return h.Dial(address) })
	h.Cleanup(v.Close)
	if err := v.Login(h.Context(), name, "secret"); err != nil {
		h.Fatal(err)
	}
	return v
}

// reads waits for the one message with a subject in somebody's folder.
func (h house) reads(v *visitor.Visitor, folder, subject string) (visitor.Row, string) {
	h.Helper()
	var rows []visitor.Row
	h.until(fmt.Sprintf("%q is in %s", subject, folder), func() bool {
		var err error
		rows, err = v.Find(h.Context(), folder, subject)
		return err == nil && len(rows) > 0
	})
	if len(rows) != 1 {
		h.Errorf("%q is in %s %d times", subject, folder, len(rows))
	}
	text, err := v.Raw(h.Context(), rows[0])
	if err != nil {
		h.Fatal(err)
	}
	return rows[0], strings.ReplaceAll(text, "\r\n", "\n")
}

// typed is a text with all that a way could change: letters of all kinds, long lines, lines
// that mean something to mbox, to SMTP, to quoting and to format=flowed.
var typed = "Grüße aus Köln 📬, שלום\n\nFrom here on it is text.\n.\n..two\n.x\n\n" + strings.Repeat("a long line of words ", 40) + "end\n indented\n-- \nAnn\n"

// written: every recipient has what was written, and the author's copy is like it.
func (h house) written(way string, ann, bob, vera *visitor.Visitor) {
	h.Helper()
	files := []visitor.File{{Name: "Überblick №1.bin", Type: "application/octet-stream", Data: make([]byte, 200_000)}, {Name: "a;b\"c.txt", Type: "text/plain", Data: []byte("line\r\nFrom me\n.\n\x00\xff")}}
	_, _ = rand.Read(files[0].Data) // it never fails
	subject := way + ": Übergrößenträger & ein langer Betreff, der in mehrere Zeilen gehört, wenn er im Kopf steht"
	began := time.Now().Add(-time.Second)
	err := ann.Send(h.Context(), visitor.Letter{To: "Bob Öçal <bob@mail.example.org>", Cc: "ann@mail.example.org", Bcc: "vera@example.net", Subject: subject, Text: typed, Files: files})
	if err != nil {
		h.Fatal(err)
	}
	row, copied := h.reads(ann, "Sent", subject)
	if row.Unread {
		h.Error("the copy is unread")
	}
	own := h.parse(copied)
	if own.Header.Get("Bcc") != "vera@example.net" {
		h.Errorf("the copy's Bcc is %q", own.Header.Get("Bcc"))
	}
	id := own.Header.Get("Message-Id")
	for _, x := range []struct {
		v  *visitor.Visitor
		to string
	}{{bob, "bob@mail.example.org"}, {ann, "ann@mail.example.org"}, {vera, "vera@example.net"}} {
		_, text := h.reads(x.v, "INBOX", subject)
		m := h.parse(text)
		date, err := m.Header.Date()
		if err != nil || date.Before(began) || date.After(time.Now().Add(time.Second)) {
			h.Errorf("%s: the date is %q, %v", x.to, m.Header.Get("Date"), err)
		}
		for name, want := range map[string]string{
			"Message-Id": id, "From": "ann@mail.example.org", "Cc": "ann@mail.example.org", "Bcc": "", "Return-Path": "<ann@mail.example.org>", "Delivered-To": x.to,
		} {
			if got := strings.Trim(m.Header.Get(name), "<>"); got != strings.Trim(want, "<>") {
				h.Errorf("%s: %s is %q, want %q", x.to, name, got, want)
			}
		}
		if to, err := m.Header.AddressList("To"); err != nil || len(to) != 1 || to[0].Name != "Bob Öçal" || to[0].Address != "bob@mail.example.org" {
			h.Errorf("%s: To is %q, %v", x.to, m.Header.Get("To"), err)
		}
		if got := decoded(m.Header.Get("Subject")); got != subject {
			h.Errorf("%s: the subject is %q", x.to, got)
		}
		if got := m.Header["Message-Id"]; len(got) != 1 || id == "" || strings.Contains(text, "vera@") != (x.v == vera) {
			h.Errorf("%s: Message-ID %q, or the name of who is hidden in\n%.2000s", x.to, got, text)
		}
		h.contains(x.to, m, files)
	}
	h.contains("the copy", own, files)
	if rows, err := ann.List(h.Context(), "Drafts"); err != nil || len(rows) != 0 {
		h.Errorf("%d drafts, %v", len(rows), err)
	}
}

func (h house) parse(text string) *mail.Message {
	h.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		h.Fatal(err)
	}
	return m
}

func decoded(header string) string {
	text, err := new(mime.WordDecoder).DecodeHeader(header)
	if err != nil {
		return header
	}
	return text
}

// contains compares the text and the files of a message with what was written.
func (h house) contains(what string, m *mail.Message, files []visitor.File) {
	h.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		h.Fatalf("%s is %q, %v", what, kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for n := 0; ; n++ {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			if n != len(files)+1 {
				h.Errorf("%s has %d parts", what, n)
			}
			return
		}
		if err != nil {
			h.Fatalf("%s: %v", what, err)
		}
		data, err := io.ReadAll(body(p.Header, p))
		if err != nil {
			h.Fatalf("%s: part %d: %v", what, n, err)
		}
		if n == 0 {
			kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
			if err != nil || kind != "text/plain" || !strings.EqualFold(params["charset"], "utf-8") || params["format"] != "flowed" {
				h.Errorf("%s: the text is %q, %v", what, p.Header.Get("Content-Type"), err)
			}
			if got := unflowed(string(data), params["delsp"] == "yes"); strings.TrimRight(got, "\n") != strings.TrimRight(typed, "\n") {
				h.Errorf("%s: the text is\n%q\nwant\n%q", what, got, typed)
			}
			continue
		}
		if n > len(files) {
			continue
		}
		want := files[n-1]
		if sha256.Sum256(data) != sha256.Sum256(want.Data) {
			h.Errorf("%s: file %d has %d octets, or others: %.100q", what, n, len(data), data)
		}
		_, d, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		if name := decoded(d["filename"]); err != nil || name != want.Name && !strings.ContainsAny(want.Name, `;"`) {
			h.Errorf("%s: file %d is called %q, %v", what, n, name, err)
		}
	}
}

// body undoes the transfer encoding of a part.
func body(h textproto.MIMEHeader, r io.Reader) io.Reader {
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	}
	return r
}

// unflowed is a text as it was typed (RFC 3676 section 4.2).
func unflowed(text string, delsp bool) string {
	var out bytes.Buffer
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		line = strings.TrimPrefix(line, " ")
		switch {
		case line == "-- " || !strings.HasSuffix(line, " "):
			out.WriteString(line + "\n")
		case delsp:
			out.WriteString(strings.TrimSuffix(line, " "))
		default:
			out.WriteString(line)
		}
	}
	return out.String()
}

// toNobody: of who is nobody the author hears, from Postfix by a report or at once in
// webmail; then nobody gets the message, and it is a draft again.
func (h house) toNobody(way string, refused bool, ann *visitor.Visitor) {
	h.Helper()
	subject := way + " to nobody"
	if err := ann.Send(h.Context(), visitor.Letter{To: "nobody-here@mail.example.org, bob@mail.example.org", Subject: subject, Text: "Is anybody there?\n"}); err != nil {
		h.Fatal(err)
	}
	if !refused {
		h.reads(ann, "Sent", subject)
		h.arrives(account{name: "bob"}, subject)
		if report := h.arrives(account{name: "ann"}, "nobody-here"); !strings.Contains(report, "Return-Path: <>") {
			h.Errorf("no report:\n%s", report)
		}
		return
	}
	h.until("it is a draft", func() bool {
		rows, err := ann.Find(h.Context(), "Drafts", subject)
		return err == nil && len(rows) == 1
	})
	h.until("the outbox tells", func() bool {
		p, err := ann.Open(h.Context(), "/outbox")
		text := ""
		if err == nil {
			text = p.Text()
		}
		return strings.Contains(text, "nobody-here@mail.example.org: 550 5.1.1")
	})
	if got := h.mail("bob", subject); len(got) > 0 {
		h.Errorf("bob has what was refused for another:\n%s", got)
	}
	if rows, err := ann.Find(h.Context(), "Sent", subject); err != nil || len(rows) > 0 {
		h.Errorf("there are %d copies of what was refused, %v", len(rows), err)
	}
}

// postponed: what cannot be sent now waits, is tried again when its author says so, and
// arrives once.
func (h house) postponed(way string, ann, bob *visitor.Visitor) {
	h.Helper()
	subject := way + " is not there"
	h.sh(`systemctl stop postfix postfix@-; mv /usr/sbin/sendmail /usr/sbin/sendmail.away`)
	if err := ann.Send(h.Context(), visitor.Letter{To: "bob@mail.example.org", Subject: subject, Text: "Later.\n"}); err != nil {
		h.Fatal(err)
	}
	var f *visitor.Form
	h.until("it was tried", func() bool {
		page, err := ann.Open(h.Context(), "/outbox")
		if err == nil {
			f, err = waitingForm(page)
		}
		return err == nil
	})
	h.sh(`mv /usr/sbin/sendmail.away /usr/sbin/sendmail; systemctl start postfix`)
	if page, err := ann.Submit(h.Context(), f, "now"); err != nil || page.Status != 200 {
		h.Fatal(err)
	}
	h.reads(bob, "INBOX", subject)
	h.reads(ann, "Sent", subject)
}

// waitingForm is the form of the outbox in which a message can be sent now that was tried
// before. Notices that stand above have forms for their own address.
func waitingForm(p *visitor.Page) (*visitor.Form, error) {
	_, waiting, ok := strings.Cut(p.Body, `<ul class="waiting">`)
	if !ok || !strings.Contains(waiting, `class="said"`) {
		return nil, fmt.Errorf("nothing waits: %s", p.Text())
	}
	return (&visitor.Page{Status: p.Status, Path: p.Path, Body: waiting}).Form("/outbox/")
}
