package lmtp

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseCommand(t *testing.T) {
	for line, want := range map[string]Command{
		"LHLO a":                {LHLO, "a"},
		"mail FROM:<a@b>  ":     {MAIL, "FROM:<a@b>"},
		"Quit\t":                {QUIT, ""},
		"":                      {},
		" MAIL":                 {"", "MAIL"},
		"RCPT TO:<\"a b\"@c> X": {RCPT, "TO:<\"a b\"@c> X"},
	} {
		if got := ParseCommand([]byte(line)); got != want {
			t.Errorf("%q: %+v, want %+v", line, got, want)
		}
	}
}

// codeOf is the code of a refusal, 0 if there is none.
func codeOf(t *testing.T, err error) int {
	t.Helper()
	var r *Reply
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &r):
		t.Fatalf("%v is no reply", err)
	}
	return r.Code
}

func TestScanMail(t *testing.T) {
	long := strings.Repeat("x", 300)
	for args, want := range map[string]struct {
		mail Mail
		code int
	}{
		"FROM:<>":                               {Mail{}, 0},
		"from:<ann@example.org>":                {Mail{From: Path{"ann@example.org", "ann", "example.org"}}, 0},
		"FROM: <ann@example.org>":               {Mail{From: Path{"ann@example.org", "ann", "example.org"}}, 0},
		"FROM:<@a,@b.c:ann@example.org>":        {Mail{From: Path{"ann@example.org", "ann", "example.org"}}, 0},
		`FROM:<"a \"b\"@c"@example.org>`:        {Mail{From: Path{`"a \"b\"@c"@example.org`, `a "b"@c`, "example.org"}}, 0},
		"FROM:<a..b.@[192.0.2.1]>":              {Mail{From: Path{"a..b.@[192.0.2.1]", "a..b.", "[192.0.2.1]"}}, 0},
		"FROM:<a@[IPv6:2001:db8::1]> SIZE=12":   {Mail{From: Path{"a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]"}, Size: 12}, 0},
		"FROM:<MAILER-DAEMON>":                  {Mail{From: Path{"MAILER-DAEMON", "MAILER-DAEMON", ""}}, 0},
		"FROM:<a@b> BODY=8bitmime SIZE=0":       {Mail{From: Path{"a@b", "a", "b"}, EightBit: true}, 0},
		"FROM:<a@b> body=7BIT":                  {Mail{From: Path{"a@b", "a", "b"}}, 0},
		"FROM:<ä@bücher.example> SMTPUTF8":      {Mail{From: Path{"ä@bücher.example", "ä", "bücher.example"}, SMTPUTF8: true}, 0},
		"FROM:<ä@example.org>":                  {code: 553},
		"FROM:<a@b> SMTPUTF8=1":                 {code: 501},
		"FROM:<a@b> BODY=BINARYMIME":            {code: 501},
		"FROM:<a@b> SIZE=":                      {code: 501},
		"FROM:<a@b> SIZE=-1":                    {code: 501},
		"FROM:<a@b> SIZE=1 SIZE=1":              {code: 501},
		"FROM:<a@b> SIZE=1234567890123456789":   {code: 501},
		"FROM:<a@b> RET=HDRS":                   {code: 555},
		"FROM:<a@b> -x":                         {code: 501},
		"FROM:<a@b> a=b=c":                      {code: 501},
		"FROM:<a@b>SIZE=1":                      {code: 553},
		"FROM:a@b":                              {code: 553},
		"FROM:<a@b":                             {code: 553},
		"FROM:<a@>":                             {code: 553},
		"FROM:<@a>":                             {code: 553},
		"FROM:<@a:>":                            {code: 553},
		"FROM:<a b@c>":                          {code: 553},
		"FROM:<a@b@c>":                          {code: 553},
		"FROM:<\"a@b>":                          {code: 553},
		"FROM:<\"a\x00\"@b>":                    {code: 553},
		"FROM:<\"a\\\r\"@b>":                    {code: 553},
		"FROM:<a\x7f@b>":                        {code: 553},
		"FROM:<\xff@b> SMTPUTF8":                {code: 553},
		"FROM:<a@" + long + ">":                 {code: 553},
		"TO:<a@b>":                              {code: 553},
		"":                                      {code: 553},
		"FROM:<a@b>" + strings.Repeat(" X", 30): {code: 555},
	} {
		got, err := ScanMail(args)
		if code := codeOf(t, err); code != want.code || err == nil && got != want.mail {
			t.Errorf("%q: %+v, %v, want %+v", args, got, err, want)
		}
	}
}

func TestScanRcpt(t *testing.T) {
	for args, want := range map[string]struct {
		path Path
		code int
	}{
		"TO:<ann@example.org>":                   {Path{"ann@example.org", "ann", "example.org"}, 0},
		"TO:<Postmaster>":                        {Path{"Postmaster", "Postmaster", ""}, 0},
		"to: <a+b@c>":                            {Path{"a+b@c", "a+b", "c"}, 0},
		"TO:<>":                                  {code: 553},
		`TO:<""@b>`:                              {code: 553},
		"TO:<ü@b>":                               {code: 553},
		"TO:<a@b> NOTIFY=NEVER":                  {code: 555},
		"TO:<a@b> ORCPT=rfc822;a@b NOTIFY=NEVER": {code: 555},
		"FROM:<a@b>":                             {code: 553},
	} {
		got, err := ScanRcpt(args, false)
		if code := codeOf(t, err); code != want.code || err == nil && got != want.path {
			t.Errorf("%q: %+v, %v, want %+v", args, got, err, want)
		}
	}
	if p, err := ScanRcpt("TO:<ü@b>", true); err != nil || p.Local != "ü" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestScanBDAT(t *testing.T) {
	for args, want := range map[string]struct {
		chunk Chunk
		code  int
	}{
		"0":                   {Chunk{0, false}, 0},
		"12 LAST":             {Chunk{12, true}, 0},
		"0 last":              {Chunk{0, true}, 0},
		"12 ":                 {Chunk{12, false}, 0},
		"":                    {code: 501},
		"LAST":                {code: 501},
		"12 FIRST":            {code: 501},
		"12 LAST 3":           {code: 501},
		"-1":                  {code: 501},
		"+1":                  {code: 501},
		"0x10":                {code: 501},
		"9999999999999999999": {code: 501},
	} {
		got, err := ScanBDAT(args)
		if code := codeOf(t, err); code != want.code || err == nil && got != want.chunk {
			t.Errorf("%q: %+v, %v, want %+v", args, got, err, want)
		}
	}
}

func TestScanXCLIENT(t *testing.T) {
	x, err := ScanXCLIENT("NAME=mail.example.org addr=IPV6:2001:db8::7 PORT=25 HELO=a+20b PROTO=esmtp LOGIN=[UNAVAILABLE]")
	if err != nil || *x.Name != "mail.example.org" || x.Addr.String() != "2001:db8::7" || *x.HELO != "a b" || *x.Proto != "ESMTP" || *x.Login != "" {
		t.Errorf("%+v, %v", x, err)
	}
	if x, err := ScanXCLIENT("ADDR=[TEMPUNAVAIL]"); err != nil || x.Addr.IsValid() || x.Name != nil {
		t.Errorf("%+v, %v", x, err)
	}
	for _, args := range []string{"", " ", "ADDR=mail", "ADDR=fe80::1%1", "PORT=x", "PORT=65536", "WHO=1", "NAME=a+0A", "NAME=a+0", "NAME=+zz", "NAME", "NAME=+FF", "NAME=a NAME=b"} {
		x, err := ScanXCLIENT(args)
		if args == "NAME" { // a value of nothing is none
			if err != nil || *x.Name != "" {
				t.Errorf("%+v, %v", x, err)
			}
			continue
		}
		if codeOf(t, err) != 501 {
			t.Errorf("%q: %+v, %v", args, x, err)
		}
	}
}

func TestScanDomain(t *testing.T) {
	for args, want := range map[string]string{"example.org": "example.org", "[192.0.2.1] ": "[192.0.2.1]", "a_b": "a_b"} {
		if got, err := ScanDomain(args); got != want || err != nil {
			t.Errorf("%q: %q, %v", args, got, err)
		}
	}
	for _, args := range []string{"", " ", "a b", "a(b)", "a\x00", strings.Repeat("x", 256), "<a>"} {
		if _, err := ScanDomain(args); codeOf(t, err) != 501 {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		reply Reply
		want  string
	}{
		{Reply{250, Status{2, 1, 5}, "It is kept."}, "250 2.1.5 It is kept.\r\n"},
		{Reply{250, Status{}, "a\nSIZE 1\nX"}, "250-a\r\n250-SIZE 1\r\n250 X\r\n"},
		{Reply{550, Status{5, 1, 1}, "a\nb"}, "550-5.1.1 a\r\n550 5.1.1 b\r\n"},
		{Reply{550, Status{5, 1, 1}, "a\r\x00ü"}, "550 5.1.1 a????\r\n"},
	} {
		if got := string(c.reply.Append(nil)); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	long := Reply{Code: 250, Text: strings.Repeat("x", 1000)}
	if got := long.Append(nil); len(got) > 512 {
		t.Errorf("a line of %d octets", len(got))
	}
}

// FuzzScan: no input panics, and nothing comes out that could break a header field.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		"FROM:<@a,@b:\"x\\\"y\"@[IPv6:::1]> SIZE=1 BODY=8BITMIME SMTPUTF8", "TO:<ä@b>", "12 LAST",
		"NAME=a+20b ADDR=IPV6:::1", "example.org",
	} {
		f.Add(s)
	}
	clean := func(t *testing.T, what, text string) {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%s: %q", what, text)
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		command := ParseCommand([]byte(line))
		for _, args := range []string{line, command.Args} {
			if m, err := ScanMail(args); err == nil {
				clean(t, "from", m.From.Text)
				clean(t, "local", m.From.Local)
				// What was written is read back.
				if again, err := ScanMail("FROM:<" + m.From.Text + "> SMTPUTF8"); err != nil || again.From != m.From {
					t.Errorf("%q is read back as %+v, %v", m.From.Text, again, err)
				}
			} else {
				codeOf(t, err)
			}
			if p, err := ScanRcpt(args, true); err == nil {
				clean(t, "to", p.Text)
				clean(t, "domain", p.Domain)
			} else {
				codeOf(t, err)
			}
			if c, err := ScanBDAT(args); err == nil && c.Size < 0 {
				t.Errorf("%+v", c)
			}
			if x, err := ScanXCLIENT(args); err == nil {
				for _, s := range []*string{x.Name, x.HELO, x.Proto, x.Login} {
					if s != nil {
						clean(t, "xclient", *s)
					}
				}
			}
			if d, err := ScanDomain(args); err == nil {
				clean(t, "domain", d)
			}
		}
	})
}
