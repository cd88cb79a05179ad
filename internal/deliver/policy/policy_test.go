package policy

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"fantail/internal/crlf"
	"fantail/internal/deliver/lmtp"
)

// asked is what Postfix 3.7 sends at RCPT.
const asked = `request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
helo_name=some.domain.tld
queue_id=8045F2AB23
sender=foo=bar@bar.tld
recipient=bar@foo.tld
recipient_count=0
client_address=1.2.3.4
client_name=another.domain.tld
size=12345
ccert_subject=
policy_context=
server_port=54321

`

func TestRead(t *testing.T) {
	for _, text := range []string{asked, strings.ReplaceAll(asked, "\n", "\r\n")} {
		in := crlf.NewReader(iotest.OneByteReader(strings.NewReader(text+text)), MaxLine)
		for range 2 {
			r, err := Read(in)
			if want := (Request{AccessPolicy, "RCPT", "bar@foo.tld", 12345}); err != nil || r != want {
				t.Errorf("%+v, %v", r, err)
			}
		}
		if _, err := Read(in); err != io.EOF {
			t.Error(err)
		}
	}
	for text, want := range map[string]error{
		"":                                       io.EOF,
		"size=1":                                 io.ErrUnexpectedEOF,
		"size=1\n":                               io.ErrUnexpectedEOF,
		"size\n\n":                               ErrAttribute,
		"=x\n\n":                                 ErrAttribute,
		"recipient=a\x00b\n\n":                   ErrAttribute,
		strings.Repeat("a=b\n", maxLines+1):      ErrEndless,
		"a=" + strings.Repeat("x", MaxLine):      io.ErrUnexpectedEOF,
		"a=" + strings.Repeat("x", 5e3) + "\n\n": crlf.ErrLineTooLong,
	} {
		if r, err := Read(crlf.NewReader(strings.NewReader(text), MaxLine)); !errors.Is(err, want) || r != (Request{}) {
			t.Errorf("%.30q: %+v, %v; want %v", text, r, err, want)
		}
	}
	for text, want := range map[string]Request{
		"\n":                             {},
		"size=-1\n\n":                    {},
		"size=1e9\n\n":                   {},
		"size=99999999999999999999\n\n":  {Size: 1<<63 - 1},
		"recipient=a\nrecipient=b=c\n\n": {Recipient: "b=c"},
	} {
		if r, err := Read(crlf.NewReader(strings.NewReader(text), MaxLine)); err != nil || r != want {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
}

func TestRefuse(t *testing.T) {
	r := lmtp.Reply{Code: 552, Status: lmtp.Status{Class: 5, Subject: 2, Detail: 2}, Text: "Full\nand\r\n\x01more."}
	if got := Refuse(r); got != "action=552 5.2.2 Full\n\n" {
		t.Errorf("%q", got)
	}
	r.Text = "The mailbox is full."
	if got := Refuse(r); got != "action=552 5.2.2 The mailbox is full.\n\n" {
		t.Errorf("%q", got)
	}
}

// Whatever comes is a request, an error, or the end, and no line of it is in an answer.
func FuzzRead(f *testing.F) {
	for _, s := range []string{asked, "size=1\n\n", "\n\n", "a\n", "recipient=\x00\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in := crlf.NewReader(strings.NewReader(text), MaxLine)
		for range len(text) + 2 {
			r, err := Read(in)
			if err != nil {
				return
			}
			if strings.ContainsAny(r.Type+r.State+r.Recipient, "\n\x00") || r.Size < 0 {
				t.Fatalf("%q: %+v", text, r)
			}
		}
		t.Fatalf("%q: no end", text)
	})
}
