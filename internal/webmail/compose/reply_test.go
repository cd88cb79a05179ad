package compose

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"fantail/internal/message"
)

// original reads a message for the tests: a header with LF.
func original(t testing.TB, header string) *Original {
	t.Helper()
	root, err := message.Parse(strings.NewReader(header+"\n\n"), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return ReadOriginal(root)
}

func answer() *Answer {
	return &Answer{
		Identities: []Identity{
			{Key: "main", Address: ann},
			{Key: "work", Address: Address{Name: "Ann", Local: "a.lee", Domain: "work.example"}},
			{Key: "shop", Address: Address{Local: "lee", Domain: "example.net"}, Subaddress: true},
		},
		Own:         []Address{{Local: "old", Domain: "example.org"}},
		Attribution: "On {date}, {name} <{address}> wrote:",
		Date:        "Monday",
		Labels:      Labels{Forwarded: "---- Forwarded ----", From: "From", Date: "Date", Subject: "Subject", To: "To", Cc: "Cc"},
	}
}

func addrs(list []Address) string {
	var out []string
	for _, a := range list {
		out = append(out, a.Addr())
	}
	return strings.Join(out, " ")
}

func TestRecipients(t *testing.T) {
	for _, test := range []struct {
		name, header string
		mode         Mode
		to, cc, from string
	}{
		{"reply", "From: b@x\nTo: ann@example.org, c@x\nCc: d@x", ToSender, "b@x", "", "ann@example.org"},
		{"reply all", "From: b@x\nTo: Ann <ANN@example.org>, c@x\nCc: d@x, c@x", ToAll, "b@x c@x", "d@x", "ann@example.org"},
		{"reply-to", "From: b@x\nReply-To: r@x, s@x\nTo: a.lee@work.example", ToSender, "r@x s@x", "", "a.lee@work.example"},
		{"own address elsewhere", "From: b@x\nTo: old@example.org, ann+tag@example.org\nCc: old+z@example.org", ToAll, "b@x", "", "ann@example.org"},
		{"own message", "From: ann@example.org\nTo: b@x\nCc: c@x", ToSender, "b@x", "", "ann@example.org"},
		{"own message, all", "From: a.lee@work.example\nReply-To: z@x\nTo: b@x, ann@example.org\nCc: c@x", ToAll, "b@x", "c@x", "a.lee@work.example"},
		{"to myself", "From: ann@example.org\nTo: ann@example.org", ToAll, "ann@example.org", "", "ann@example.org"},
		{"followup", "From: b@x\nMail-Followup-To: l@x\nTo: l@x\nCc: c@x", ToAll, "l@x", "", "ann@example.org"},
		{"followup is for all", "From: b@x\nMail-Followup-To: l@x\nTo: l@x", ToSender, "b@x", "", "ann@example.org"},
		{"list", "From: b@x\nList-Post: <mailto:l@x?subject=x> (moderated)\nTo: l@x", ToList, "l@x", "", "ann@example.org"},
		{"list, other URL first", "From: b@x\nList-Post: <https://x/>, <mailto:l@x>\nTo: l@x", ToList, "l@x", "", "ann@example.org"},
		{"list that takes nothing", "From: b@x\nList-Post: NO\nTo: l@x", ToList, "b@x", "", "ann@example.org"},
		{"list in Reply-To", "From: b@x\nReply-To: L <l@x>\nList-Post: <mailto:l@x>\nTo: l@x", ToSender, "b@x", "", "ann@example.org"},
		{"list in Reply-To, all", "From: b@x\nReply-To: l@x\nList-Post: <mailto:l@x>\nTo: l@x", ToAll, "b@x l@x", "", "ann@example.org"},
		{"list in From", "From: B via L <l@x>\nReply-To: b@y\nList-Post: <mailto:l@x>\nTo: l@x", ToSender, "b@y", "", "ann@example.org"},
		{"resent", "From: b@x\nResent-From: r@x\nResent-To: a.lee@work.example\nTo: c@x", ToAll, "b@x c@x", "", "ann@example.org"},
		{"delivered", "Delivered-To: a.lee@work.example\nFrom: b@x\nTo: ann@example.org", ToSender, "b@x", "", "a.lee@work.example"},
		{"subaddress", "X-Original-To: lee+books@example.net\nFrom: b@x\nTo: l@x", ToSender, "b@x", "", "lee+books@example.net"},
		{"subaddress of one that hides it", "X-Original-To: ann+books@example.org\nFrom: b@x\nTo: l@x", ToSender, "b@x", "", "ann@example.org"},
		{"exact first", "From: b@x\nTo: ann+x@example.org, a.lee@work.example", ToSender, "b@x", "", "a.lee@work.example"},
		{"groups", "From: b@x\nTo: g: c@x, d@x;", ToAll, "b@x c@x d@x", "", "ann@example.org"},
		{"no sender", "To: c@x", ToAll, "c@x", "", "ann@example.org"},
		{"broken", "From: b@@, <>, q@x\nTo: undisclosed-recipients:;", ToAll, "q@x", "", "ann@example.org"},
		{"only copies", "From: ann@example.org\nTo: ann@example.org\nCc: c@x", ToAll, "c@x", "", "ann@example.org"},
	} {
		b := Reply(original(t, test.header), test.mode, answer())
		if got := [3]string{addrs(b.To), addrs(b.Cc), b.From.Addr()}; got != [3]string{test.to, test.cc, test.from} {
			t.Errorf("%s: %q, want %q, %q, %q", test.name, got, test.to, test.cc, test.from)
		}
	}
}

func TestSubjects(t *testing.T) {
	for in, want := range map[string]string{
		"Hello": "Hello", "Re: Hello": "Hello", "RE: Re: re: Hello": "Hello", "AW: WG: Hello": "Hello", "Re[2]: Hello": "Hello",
		"Re^3: Hello": "Hello", "TR : Hello": "Hello", "Fwd: Hello": "Hello", "RV: RE: Hello": "Hello", "SV: VS: Odp: Hello": "Hello",
		"R: I: Hello": "Hello", "r: Hello": "r: Hello", "Antw: Hello": "Hello", "回复：Hello": "Hello", "رد: Hello": "Hello", "RÉF : Hello": "Hello",
		"[list] Re: Hello": "[list] Hello", "Re: [list] Hello": "[list] Hello", "Re: [list] Re: [list] Hello": "[list] Hello",
		"Report: Hello": "Report: Hello", "Hello Re: you": "Hello Re: you", ": x": ": x", "Re:": "", "": "", "[a] b": "[a] b",
		"a\r\n b": "a b", "Ref: 12": "Ref: 12", "Re Hello": "Re Hello", "[PATCH 1/2] re: x: y": "[PATCH 1/2] x: y",
	} {
		if got := BareSubject(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := answerSubject("Re:", "AW: Hello"); got != "Re: Hello" {
		t.Error(got)
	}
	if got := answerSubject("Fwd:", ""); got != "Fwd:" {
		t.Error(got)
	}
	if got := answerSubject("Re:", strings.Repeat("ä", 400)); len(got) > maxSubject+4 || checkLine(got) != nil {
		t.Errorf("%d octets", len(got))
	}
}

func TestThread(t *testing.T) {
	b := Reply(original(t, "From: b@x\nMessage-ID: <3@x>\nReferences: <1@x>\n\t<2@x>\nIn-Reply-To: <2@x>"), ToSender, answer())
	if b.InReplyTo != "<3@x>" || !reflect.DeepEqual(b.References, []string{"<1@x>", "<2@x>", "<3@x>"}) {
		t.Errorf("%q, %q", b.InReplyTo, b.References)
	}
	b = Reply(original(t, "From: b@x\nMessage-ID: <3@x>\nIn-Reply-To: Your message <2@x>"), ToSender, answer())
	if !reflect.DeepEqual(b.References, []string{"<2@x>", "<3@x>"}) {
		t.Errorf("from In-Reply-To: %q", b.References)
	}
	b = Reply(original(t, "From: b@x\nReferences: <1@x> junk <a b@x> <2@x"), ToSender, answer())
	if b.InReplyTo != "" || !reflect.DeepEqual(b.References, []string{"<1@x>"}) {
		t.Errorf("without an id: %q, %q", b.InReplyTo, b.References)
	}
	var long strings.Builder
	for i := range 50 {
		fmt.Fprintf(&long, " <%d@x>", i)
	}
	b = Reply(original(t, "From: b@x\nMessage-ID: <p@x>\nReferences:"+long.String()), ToSender, answer())
	if n := len(b.References); n != 21 || b.References[0] != "<0@x>" || b.References[1] != "<31@x>" || b.References[20] != "<p@x>" {
		t.Errorf("%d: %q", n, b.References)
	}
}

func TestReplyText(t *testing.T) {
	o := original(t, "From: Bob Ray <bob@example.com>\nSubject: x")
	o.Text = "Hi\n\n> old\n\nbye\n-- \nBob"
	const quote = "On Monday, Bob Ray <bob@example.com> wrote:\n> Hi\n>\n>> old\n>\n> bye"
	for _, test := range []struct {
		name          string
		change        func(a *Answer)
		above, behind string // the cursor
	}{
		{"above", func(*Answer) {}, "", "\n\n" + quote},
		{"above, signed", func(a *Answer) { a.Signature = "Ann\n" }, "", "\n\n-- \nAnn\n\n" + quote},
		{"below", func(a *Answer) { a.Below = true }, quote + "\n\n", ""},
		{"below, signed", func(a *Answer) { a.Below, a.Signature = true, "Ann" }, quote + "\n\n", "\n\n-- \nAnn"},
		{"no quote", func(a *Answer) { a.NoQuote = true }, "", ""},
		{"no quote, signed", func(a *Answer) { a.NoQuote, a.Signature = true, "Ann" }, "", "\n\n-- \nAnn"},
		{"no attribution", func(a *Answer) { a.Attribution = "" }, "", "\n\n" + quote[strings.Index(quote, "\n")+1:]},
	} {
		a := answer()
		test.change(a)
		b := Reply(o, ToSender, a)
		if b.Text != test.above+test.behind || b.Cursor != len(test.above) {
			t.Errorf("%s: cursor %d in %q", test.name, b.Cursor, b.Text)
		}
		if b.Draft.Action != Replied || b.Rich || b.HTML != "" {
			t.Errorf("%s: %+v", test.name, b.Message)
		}
	}
	o.Text, o.HTML = "", "<p>a</p><p>b</p>"
	if b := Reply(o, ToSender, answer()); !strings.HasSuffix(b.Text, "wrote:\n> a\n>\n> b") {
		t.Errorf("from HTML: %q", b.Text)
	}
}

// TestReplyFlowed: what was flowed is quoted as paragraphs, and flows again.
func TestReplyFlowed(t *testing.T) {
	octets := "From: b@x\nContent-Type: text/plain; format=flowed\n\n" + strings.Repeat("words that are wrapped \n", 6) + "end\n> old \n> quote\n"
	root, err := message.Parse(strings.NewReader(octets), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	o := ReadOriginal(root)
	if o.Text, err = PartText(root, strings.NewReader(octets)); err != nil {
		t.Fatal(err)
	}
	a := answer()
	a.Attribution = ""
	m := Reply(o, ToSender, a).Message
	if want := "\n\n> " + strings.Repeat("words that are wrapped ", 6) + "end\n>> old quote"; m.Text != want {
		t.Errorf("%q, want %q", m.Text, want)
	}
	m.Date, m.MessageID = when, "<r@example.org>"
	sent, _ := build(t, &m, Output{})
	if want := "\n> " + strings.Repeat("words that are wrapped ", 3) + "\n> "; !strings.Contains(sent, want) {
		t.Errorf("no %q in\n%s", want, sent)
	}
}

// TestReplyLimits: a hostile message makes no reply that nobody can handle.
func TestReplyLimits(t *testing.T) {
	octets := "From: b@x\nSubject: " + strings.Repeat("[a] Re: [b] Re: [c", 10_000) + "\nTo: " + strings.Repeat("a@b,", 500) + "\n\n" + strings.Repeat("line\n", 300_000)
	root, err := message.Parse(strings.NewReader(octets), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	o := ReadOriginal(root)
	if o.Text, err = PartText(root, strings.NewReader(octets)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(o.Text, "line\n[…]") || len(o.Text) > maxQuoted+10 {
		t.Errorf("%d octets, ending in %q", len(o.Text), o.Text[len(o.Text)-20:])
	}
	b := ForwardInline(o, answer())
	if len(b.Subject) > maxSubject+len("Fwd: ") || strings.Count(b.Text, "a@b") != maxNames {
		t.Errorf("subject of %d octets, %d names", len(b.Subject), strings.Count(b.Text, "a@b"))
	}
	o.From = nil
	if b := Reply(o, ToAll, answer()); strings.Contains(b.Text, "wrote") {
		t.Error("nobody wrote it")
	}
}

func TestReplyHTML(t *testing.T) {
	o := original(t, "From: \"<b>\" <bob@example.com>")
	o.HTML = "<p>hi</p>"
	o.Inline = []File{{ID: "p@x"}}
	a := answer()
	a.Rich, a.Attribution, a.Signature = true, "{name}:", "Ann & Co"
	b := Reply(o, ToSender, a)
	want := emptyLine + emptyLine + "<div>--&nbsp;</div><div>Ann &amp; Co</div>" + emptyLine + "<div>&lt;b&gt;:</div>" + openQuote + "<p>hi</p></blockquote>"
	if b.HTML != want || b.Cursor != 0 || len(b.Inline) != 1 || !b.Rich {
		t.Errorf("got\n%s\nwant\n%s", b.HTML, want)
	}
	a.Below, a.SignatureHTML = true, "<b>Ann</b>"
	b = Reply(o, ToSender, a)
	before := "<div>&lt;b&gt;:</div>" + openQuote + "<p>hi</p></blockquote>" + emptyLine
	if want := before + emptyLine + emptyLine + "<div>--&nbsp;</div><b>Ann</b>"; b.HTML != want || b.Cursor != len(before) {
		t.Errorf("below: %d in\n%s", b.Cursor, b.HTML)
	}
	o.HTML, o.Text = "", "a <b>\n> c"
	if b = Reply(o, ToSender, a); !strings.Contains(b.HTML, openQuote+"<div>a &lt;b&gt;</div>"+openQuote+"<div>c</div></blockquote></blockquote>") {
		t.Errorf("from text:\n%s", b.HTML)
	}
	a.NoQuote = true
	if b = Reply(o, ToSender, a); b.HTML != emptyLine+emptyLine+"<div>--&nbsp;</div><b>Ann</b>" {
		t.Errorf("no quote:\n%s", b.HTML)
	}
}

func TestForward(t *testing.T) {
	o := original(t, "From: Bob <bob@example.com>\nTo: ann@example.org, \"C, D\" <c@x>\nSubject: Re: news\nMessage-ID: <1@x>")
	o.Text, o.Files = "text\n-- \nBob", []File{file("a.txt", "text/plain", "a")}
	head := []string{"---- Forwarded ----", "From: Bob <bob@example.com>", "Date: Monday", "Subject: Re: news", "To: ann@example.org, \"C, D\" <c@x>"}
	b := ForwardInline(o, answer())
	if want := "\n\n" + strings.Join(head, "\n") + "\n\ntext\n-- \nBob"; b.Text != want || b.Cursor != 0 {
		t.Errorf("%d in %q, want %q", b.Cursor, b.Text, want)
	}
	if b.Subject != "Fwd: news" || b.InReplyTo != "" || b.Draft.Action != Forwarded || len(b.To) != 0 || len(b.Files) != 1 || !reflect.DeepEqual(b.References, []string{"<1@x>"}) {
		t.Errorf("%+v", b.Message)
	}
	a := answer()
	a.Rich, o.HTML, o.Inline = true, "<p>t</p>", []File{{ID: "p@x"}}
	b = ForwardInline(o, a)
	if !strings.HasSuffix(b.HTML, "<div>Subject: Re: news</div><div>To: ann@example.org, &#34;C, D&#34; &lt;c@x&gt;</div>"+emptyLine+"<div><p>t</p></div>") || len(b.Inline) != 1 {
		t.Errorf("rich:\n%s", b.HTML)
	}
	o.Subject = "Re: a/b: c"
	f := o.MessageFile(file("", "", forwarded))
	if f.Name != "a_b_ c.eml" || f.Type != "message/rfc822" {
		t.Errorf("%+v", f)
	}
	b = ForwardAttached(o, []File{f}, answer())
	if b.Text != "" || len(b.Files) != 1 || b.Draft.Action != Forwarded {
		t.Errorf("attached: %+v", b.Message)
	}
	o.Subject = "..."
	if f := o.MessageFile(File{}); f.Name != "message.eml" {
		t.Errorf("%q", f.Name)
	}
}

func TestNew(t *testing.T) {
	a := answer()
	a.Signature = "Ann"
	if b := New(a); b.Text != "\n\n-- \nAnn" || b.From != ann || b.Draft.Identity != "main" || b.Cursor != 0 {
		t.Errorf("%+v", b)
	}
	a.Rich = true
	if b := New(a); !b.Rich || !strings.HasPrefix(b.HTML, emptyLine) {
		t.Errorf("%+v", b)
	}
}

// FuzzReply: whatever message is answered, the answer can be sent, and says of itself
// that it is one.
func FuzzReply(f *testing.F) {
	f.Add("From: a@b\nSubject: x\nMessage-ID: <1@x>\n\ntext", true)
	f.Add("From: =?utf-8?b?DQo=?= <a@b>, c\nReply-To: g: d@e;\nReferences: <a@b\n <c@d>\nSubject: =?utf-8?q?a=0D=0AB:_c?=\nContent-Type: text/html\n\n<p>a", false)
	f.Add("List-Post: <mailto:a%0d%0a@b>\nDelivered-To: \xff@\xfe\nFrom: \"\x01\" <\"\r\"@x>\nContent-Type: text/plain; format=flowed\n\n-- \n> \x00", true)
	f.Fuzz(func(t *testing.T, octets string, rich bool) {
		root, err := message.Parse(strings.NewReader(octets), message.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		o := ReadOriginal(root)
		text, err := PartText(root, strings.NewReader(octets))
		if err != nil {
			t.Fatal(err)
		}
		if root.Is("text", "html") {
			o.HTML = text
		} else {
			o.Text = text
		}
		a := answer()
		a.Rich = rich
		for _, b := range []*Begun{Reply(o, ToSender, a), Reply(o, ToAll, a), Reply(o, ToList, a), ForwardInline(o, a), ForwardAttached(o, []File{o.MessageFile(file("", "", octets))}, a)} {
			m := b.Message
			m.Date, m.MessageID = when, "<r@example.org>"
			sent, _ := build(t, &m, Output{})
			if back := read(t, sent); !strings.HasPrefix(back.Subject, "Re:") && !strings.HasPrefix(back.Subject, "Fwd:") {
				t.Fatalf("subject %q", back.Subject)
			}
			if end := len(b.Text) + len(b.HTML); b.Cursor < 0 || b.Cursor > end {
				t.Fatalf("cursor %d of %d", b.Cursor, end)
			}
		}
	})
}
