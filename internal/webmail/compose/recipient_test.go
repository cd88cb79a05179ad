package compose

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseRecipients(t *testing.T) {
	for _, test := range []struct {
		in   string
		want string // addresses as String writes them, and errors in brackets
	}{
		{"", ""},
		{" , ;\n", ""},
		{"ann@x", "ann@x"},
		{"Ann Lee <ann@x>, bob@y; 'c, d' <e@f>, group: a@b;", `Ann Lee <ann@x>|bob@y|"c, d" <e@f>|a@b`},
		{`"Lee, Ann" <ann@x>`, `"Lee, Ann" <ann@x>`},
		{`"a \"b\" c" <ann@x>`, `"a \"b\" c" <ann@x>`},
		{"O'Neil <o'neil@x>, b@y", "O'Neil <o'neil@x>|b@y"},
		{"'o@x', b@y", "o@x|b@y"},
		{"ann@x bob@y", "ann@x|bob@y"},
		{"ann@x\nbob@y\r\ncarl@z\n", "ann@x|bob@y|carl@z"},
		{"Ann Lee ann@x", "Ann Lee <ann@x>"},
		{"ann@x (Ann Lee)", "Ann Lee <ann@x>"},
		{"ann@x (Lee, Ann)", `"Lee, Ann" <ann@x>`},
		{"<ann@x>", "ann@x"},
		{"Ann <ann@x", "Ann <ann@x>"},
		{"Ann <ann@x, bob@y", "Ann <ann@x>|bob@y"},
		{"mailto:ann@x", "ann@x"},
		{"team: ann@x, bob@y; carl@z", "ann@x|bob@y|carl@z"},
		{"team:;", ""},
		{"\u200bann@x\u200b, \u202abob@y\u202c", "ann@x|bob@y"},
		{"ann@x.", "ann@x"},
		{`"a b"@x`, `"a b"@x`},
		{"a..b@x", `"a..b"@x`},
		{"jörg@bücher.example", "jörg@bücher.example"},
		{"a@[IPv6:::1]", "a@[IPv6:::1]"},
		{"a@xn--bcher-kva.example", "a@bücher.example"},
		{"ann", "(0-3 no @ in it)"},
		{"bob@y, ann lee, carl@z", "bob@y|carl@z|(7-14 no @ in it)"},
		{"ann@", "(0-4 not the name of a host or domain)"},
		{"@x", "(0-2 not the name of a mailbox)"},
		{"a@b@c", `(0-5 not the name of a mailbox)`},
		{"ann@ex ample", "(0-12 something follows the address)"},
		{"Ann <ann@x> Lee", "(0-15 something follows the address)"},
		{"Ann <>", "(0-6 no address)"},
		{"a\u0001b <ann@x>", "(0-11 a control character)"},
		{"ann@x..y", "(0-8 not the name of a host or domain)"},
		{"ann@-x", "(0-6 not the name of a host or domain)"},
		{`"ann@x`, "(0-6 not the name of a mailbox)"},
		{"ä, b@c", "b@c|(0-2 no @ in it)"},
	} {
		good, bad := ParseRecipients(test.in)
		var got []string
		for _, a := range good {
			got = append(got, a.String())
		}
		for _, e := range bad {
			cause := e.Err
			for u := errors.Unwrap(cause); u != nil; u = errors.Unwrap(u) {
				cause = u
			}
			got = append(got, "("+itoa(e.Start)+"-"+itoa(e.End)+" "+cause.Error()+")")
			if test.in[e.Start:e.End] != e.Text {
				t.Errorf("%q: %d to %d is not %q", test.in, e.Start, e.End, e.Text)
			}
		}
		if s := strings.Join(got, "|"); s != test.want {
			t.Errorf("%q: %s, want %s", test.in, s, test.want)
		}
	}
	if _, bad := ParseRecipients(strings.Repeat("a@b,", maxRecipients/4+1)); len(bad) != 1 || !errors.Is(bad[0], ErrTooMany) {
		t.Errorf("too many: %v", bad)
	}
}

func itoa(n int) string {
	if n >= 10 {
		return itoa(n/10) + itoa(n%10)
	}
	return string(rune('0' + n))
}

// FuzzRecipients: what is read as an address can be typed again, and sent.
func FuzzRecipients(f *testing.F) {
	for _, s := range []string{
		"Ann Lee <ann@x>, bob@y; 'c, d' <e@f>, group: a@b;", `"a \"b" <"x y"@z>`, "a@b (c (d))", "'<", "<<a@b>", `"`, "a:b:c@d", "ä@ü", "a@[1]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		good, bad := ParseRecipients(s)
		for _, e := range bad {
			if e.Start < 0 || e.End > len(s) || s[e.Start:e.End] != e.Text && !errors.Is(e, ErrTooMany) {
				t.Fatalf("%q: %+v", s, e)
			}
		}
		for _, a := range good {
			checked, err := a.checked()
			if err != nil || checked != a {
				t.Fatalf("%q: %+v is not in its normal form: %v", s, a, err)
			}
			if strings.Contains(a.Name, `'`) || strings.Contains(a.Name, "=?") {
				continue // quotes of either kind are taken off
			}
			again, bad := ParseRecipients(a.String())
			if len(again) != 1 || len(bad) > 0 || again[0] != a {
				t.Fatalf("%q: %+v is typed as %q and read as %+v, %v", s, a, a.String(), again, bad)
			}
			m := small()
			m.To = []Address{a}
			octets, _ := build(t, m, Output{})
			if back := read(t, octets); !reflect.DeepEqual(back.To, m.To) {
				t.Fatalf("%q: %+v is sent as %+v", s, m.To, back.To)
			}
		}
	})
}

func TestRecipientsLinear(t *testing.T) {
	for _, piece := range []string{"<", `"`, "(", "'", ":", "a:", "@", "a@b ", "<\"", "\\", "a <b", "(\"", "   :", "   '", `"\`} {
		cost := func(n int) time.Duration {
			s := strings.Repeat(piece, n)
			best := time.Hour
			for range 3 {
				begin := time.Now()
				ParseRecipients(s)
				ParseRecipients("@" + s)
				ParseRecipients(strings.Repeat(" ", n) + s)
				best = min(best, time.Since(begin))
			}
			return best
		}
		if small, big := cost(2000), cost(32000); big > 100*small && big > time.Second {
			t.Errorf("%q: %v, then %v", piece, small, big)
		}
	}
}

func TestParseMailto(t *testing.T) {
	for _, test := range []struct {
		in   string
		want Mailto
	}{
		{"mailto:", Mailto{}},
		{"MAILTO:bob@example.com", Mailto{To: []Address{bob}}},
		{"mailto:bob@example.com,ann@example.org?subject=Hi%20there", Mailto{To: []Address{bob, {Local: "ann", Domain: "example.org"}}, Subject: "Hi there"}},
		{"mailto:?to=bob@example.com&cc=a+b@x&bcc=c@x", Mailto{To: []Address{bob}, Cc: []Address{{Local: "a+b", Domain: "x"}}, Bcc: []Address{{Local: "c", Domain: "x"}}}},
		{"mailto:bob@example.com?body=a%0D%0Ab%00&attach=/etc/passwd&from=x@y&X-Y=z", Mailto{To: []Address{bob}, Body: "a\nb"}},
		{"mailto:bob@example.com?subject=a%0D%0ABcc:%20x@y", Mailto{To: []Address{bob}, Subject: "a Bcc: x@y"}},
		{"mailto:bob@example.com?In-Reply-To=%3C1@x%3E&subject==%3Futf-8%3FQ%3F=C3=A4%3F=", Mailto{To: []Address{bob}, InReplyTo: "<1@x>", Subject: "ä"}},
		{"mailto:?in-reply-to=1@x%0d%0aa:b", Mailto{}},
		{"mailto:%22not%40me%22@example.org", Mailto{To: []Address{{Local: "not@me", Domain: "example.org"}}}},
		{"mailto:bob@example.com#x?subject=y", Mailto{To: []Address{bob}}},
		{"mailto:?subject=100%", Mailto{Subject: "100%"}},
	} {
		got, err := ParseMailto(test.in)
		if err != nil || !reflect.DeepEqual(*got, test.want) {
			t.Errorf("%q: %+v, %v", test.in, got, err)
		}
	}
	if m, err := ParseMailto("mailto:nobody"); err != nil || len(m.Bad) != 1 || !errors.Is(m.Bad[0], ErrNoAt) {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range []string{"", "http://x", "mailto", "mailto:" + strings.Repeat("a", maxMailto)} {
		if _, err := ParseMailto(bad); !errors.Is(err, ErrMailto) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

// FuzzMailto: no URL brings more than one line into a field.
func FuzzMailto(f *testing.F) {
	f.Add("mailto:a@b?subject=%0a&body=%0d%0a&cc=c%40d&in-reply-to=%3Ca%40b%3E")
	f.Add("mailto:%2C%22,a@b?to=%zz")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseMailto(s)
		if err != nil {
			return
		}
		m := small()
		m.To, m.Cc, m.Bcc, m.Subject, m.Text, m.InReplyTo = got.To, got.Cc, got.Bcc, got.Subject, got.Body, got.InReplyTo
		octets, _ := build(t, m, Output{Form: ForDrafts})
		if back := read(t, octets); !reflect.DeepEqual(back.Bcc, got.Bcc) || back.InReplyTo != got.InReplyTo {
			t.Fatalf("%q: %+v", s, back)
		}
	})
}

func TestDoubts(t *testing.T) {
	sure := func() *Message {
		m := small()
		m.Text = "All is well."
		return m
	}
	many := make([]Address, 21)
	for _, test := range []struct {
		name   string
		change func(m *Message)
		want   []Doubt
	}{
		{"none", func(*Message) {}, nil},
		{"nobody", func(m *Message) { m.To = nil }, []Doubt{NoRecipients}},
		{"blind copy only", func(m *Message) { m.To, m.Bcc = nil, []Address{bob} }, nil},
		{"half typed", func(m *Message) { m.Draft.Cc = "ann" }, []Doubt{NotAddresses}},
		{"subject", func(m *Message) { m.Subject = " " }, []Doubt{NoSubject}},
		{"nothing", func(m *Message) { m.Text = "\n" }, []Doubt{NoText}},
		{"nothing, rich", func(m *Message) { m.Rich, m.HTML = true, emptyLine }, []Doubt{NoText}},
		{"only a file", func(m *Message) { m.Text, m.Files = "", []File{{}} }, nil},
		{"many", func(m *Message) { m.Cc = many[:20] }, []Doubt{ManyRecipients}},
		{"many blind", func(m *Message) { m.Bcc = many }, nil},
		{"en", func(m *Message) { m.Text = "see the attached file" }, []Doubt{NoFiles}},
		{"en, rich", func(m *Message) { m.Rich, m.HTML = true, "<p>I <b>attach</b> it" }, []Doubt{NoFiles}},
		{"subject says it", func(m *Message) { m.Subject = "Attachment" }, []Doubt{NoFiles}},
		{"subject of another", func(m *Message) { m.Subject, m.InReplyTo = "Re: Attachment", "<a@b>" }, nil},
		{"with a file", func(m *Message) { m.Text, m.Files = "attached", []File{{}} }, nil},
		{"quoted", func(m *Message) { m.Text = "no\n> attached" }, nil},
		{"signature", func(m *Message) { m.Text = "no\n-- \nmy attachment" }, nil},
		{"below signature and quotation", func(m *Message) { m.Text = "-- \nAnn\n\n> x\nattached" }, []Doubt{NoFiles}},
		{"forwarded", func(m *Message) { m.Text = "no\n---- Forwarded\nattached" }, nil},
		{"part of a word", func(m *Message) { m.Text = "reattached, unattached" }, nil},
		{"de", func(m *Message) { m.Text = "Im ANHANG finden Sie" }, []Doubt{NoFiles}},
		{"de, decomposed", func(m *Message) { m.Text = "angeha\u0308ngt" }, []Doubt{NoFiles}},
		{"fr", func(m *Message) { m.Text = "voir la pièce\njointe" }, []Doubt{NoFiles}},
		{"fr, short", func(m *Message) { m.Text = "en PJ." }, []Doubt{NoFiles}},
		{"es", func(m *Message) { m.Text = "Adjunto le envío" }, []Doubt{NoFiles}},
		{"it", func(m *Message) { m.Text = "in allegato" }, []Doubt{NoFiles}},
		{"nl", func(m *Message) { m.Text = "zie bijlage" }, []Doubt{NoFiles}},
		{"pl", func(m *Message) { m.Text = "w załączniku" }, []Doubt{NoFiles}},
		{"ar", func(m *Message) { m.Text = "تجدون في المرفقات" }, []Doubt{NoFiles}},
	} {
		m := sure()
		test.change(m)
		if got := m.Doubts("---- Forwarded"); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
