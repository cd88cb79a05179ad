package message_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"fantail/internal/message"
)

const stored = `From: Ann <ann@example.com>
To: Friends: bob@example.com;
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Content-Type: multipart/mixed; boundary=sep

--sep
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe aus K=F6ln
--sep
Content-Type: image/png; name=dom.png
Content-Disposition: attachment

...
--sep--
`

func ExampleParse() {
	p, err := message.Parse(strings.NewReader(stored), message.DefaultLimits())
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Walk(func(p *message.Part) bool {
		fmt.Printf("%s/%s at %d, %d octets, %d lines\n", p.Type, p.Subtype, p.Body.Off, p.BodySize, p.BodyLines)
		return true
	})
	// Output:
	// multipart/mixed at 140, 217 octets, 11 lines
	// text/plain at 236, 20 octets, 0 lines
	// image/png at 334, 3 octets, 0 lines
}

func ExamplePart_Envelope() {
	p, err := message.Parse(strings.NewReader(stored), message.DefaultLimits())
	if err != nil {
		fmt.Println(err)
		return
	}
	e := p.Envelope()
	fmt.Println(*e.Subject, e.MessageID == nil)
	for _, a := range e.To {
		fmt.Printf("%d %q %q\n", a.Kind, a.Mailbox, a.Host)
	}
	// Output:
	// =?utf-8?q?Gr=C3=BC=C3=9Fe?= true
	// 1 "Friends" ""
	// 0 "bob" "example.com"
	// 2 "" ""
}

func ExamplePart_Text() {
	file := strings.NewReader(stored)
	p, err := message.Parse(file, message.DefaultLimits())
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := io.ReadAll(p.Find([]int{1}).Text(file, 1000))
	fmt.Println(string(text), err)
	fmt.Println(p.Find([]int{2}).Filename())
	// Output:
	// Grüße aus Köln <nil>
	// dom.png
}

func ExampleDecodeHeader() {
	fmt.Println(message.DecodeHeader("=?utf-8?q?Gr=C3=BC=C3?= =?utf-8?q?=9Fe?="))
	// Output: Grüße
}

func ExampleBaseSubject() {
	fmt.Println(message.BaseSubject("[list] Re: Fwd: [list] Plans (fwd)"))
	// Output: Plans
}

func ExampleParseAddresses() {
	for _, a := range message.ParseAddresses(`"Doe, Jane" <jane@example.com>, bob@example.com (Bob)`, 10) {
		fmt.Printf("%s: %s\n", a.Name, a.Addr())
	}
	// Output:
	// Doe, Jane: jane@example.com
	// Bob: bob@example.com
}

func ExampleEnvelope_SortKeys() {
	var keys [][]byte
	for _, subject := range []string{"Re: zebra", "=?utf-8?q?=C3=84pfel?=", "[list] apples"} {
		p, err := message.Parse(strings.NewReader("Subject: "+subject+"\n\n"), message.DefaultLimits())
		if err != nil {
			fmt.Println(err)
			return
		}
		keys = append(keys, p.Envelope().SortKeys().Subject)
	}
	slices.SortFunc(keys, bytes.Compare)
	fmt.Printf("%s\n", bytes.Join(keys, []byte("\n")))
	// Output:
	// APPLES
	// ÄPFEL
	// ZEBRA
}

func ExamplePart_ThreadKeys() {
	p, err := message.Parse(strings.NewReader("Message-ID: <\"3\"@x>\nReferences: <1@x> (first) < 2 @ x >\n\n"), message.DefaultLimits())
	if err != nil {
		fmt.Println(err)
		return
	}
	k := p.ThreadKeys()
	fmt.Printf("%s\n", k.ID)
	for ref := range k.References() {
		fmt.Printf("%s\n", ref)
	}
	// Output:
	// 3@x
	// 1@x
	// 2@x
}
