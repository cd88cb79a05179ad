package compose_test

import (
	"fmt"
	"os"
	"time"

	"fantail/internal/webmail/compose"
)

func ExampleMessage_Build() {
	to, bad := compose.ParseRecipients("Jörg Öhler <joerg@bücher.example>")
	if len(bad) > 0 {
		fmt.Println(bad)
	}
	m := &compose.Message{
		From:      compose.Address{Name: "Ann Lee", Local: "ann", Domain: "example.org"},
		To:        to,
		Subject:   "Grüße",
		Date:      time.Date(2026, 11, 23, 10, 20, 30, 0, time.UTC),
		MessageID: "<26letters@example.org>",
		Text:      "From here, all is well.\n> quoted",
	}
	b, err := m.Build(compose.Output{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := b.WriteTo(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Date: Mon, 23 Nov 2026 10:20:30 +0000
	// From: Ann Lee <ann@example.org>
	// To: =?utf-8?Q?J=C3=B6rg_=C3=96hler?= <joerg@xn--bcher-kva.example>
	// Subject: =?utf-8?B?R3LDvMOfZQ==?=
	// Message-ID: <26letters@example.org>
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=utf-8; format=flowed; delsp=no
	// Content-Transfer-Encoding: 7bit
	//
	//  From here, all is well.
	// > quoted
}

func ExampleParseRecipients() {
	good, bad := compose.ParseRecipients("Ann Lee <ann@x.example>, bob, 'Doe, C.' <c@z.example>")
	for _, a := range good {
		fmt.Println(a)
	}
	for _, e := range bad {
		fmt.Println(e.Start, e.End, e)
	}
	// Output:
	// Ann Lee <ann@x.example>
	// "Doe, C." <c@z.example>
	// 25 28 "bob": no @ in it
}
