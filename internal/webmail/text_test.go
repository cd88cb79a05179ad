package webmail

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"fantail/internal/locale"
	"fantail/internal/message"
)

// show writes blocks as "depth:text", with S for signatures.
func show(bs []block) string {
	var out []string
	for _, b := range bs {
		var text strings.Builder
		for _, s := range b.Text {
			text.WriteString(s.Text)
		}
		sig := ""
		if b.Signature {
			sig = "S"
		}
		out = append(out, fmt.Sprintf("%d%s:%s", b.Depth, sig, text.String()))
	}
	return strings.Join(out, "|")
}

func TestPlainText(t *testing.T) {
	for _, c := range []struct {
		name, in      string
		flowed, delsp bool
		want          string
	}{
		{"empty", "", false, false, ""},
		{"lines", "a\r\nb\n\nc\n", false, false, "0:a\nb\n\nc"},
		{"quotes", "> a\n>> b\n> > c\n>d\ne", false, false, "1:a|2:b\nc|1:d|0:e"},
		{"not a quote", "a > b\n >c", false, false, "0:a > b\n >c"},
		{"deep", strings.Repeat(">", 40) + "x", false, false, "6:x"},
		{"signature", "a\n-- \nb\nc", false, false, "0:a|0S:-- \nb\nc"},
		{"signature in a quote", "> a\n> -- \n> b\nc", false, false, "1:a\n-- \nb|0:c"},
		{"flowed", "a \nb \nc\nd", true, false, "0:a b c\nd"},
		{"flowed quotes", "> a \n> b\n>> c \n> d", true, false, "1:a b|2:c|1:d"},
		{"flowed, stuffed", " >a\n  b\n From", true, false, "0:>a\n b\nFrom"},
		{"flowed, no spaces in quotes", "> > a", true, false, "1:> a"},
		{"flowed signature", "a \n-- \nb", true, false, "0:a|0S:-- \nb"},
		{"delsp", "a \nb", true, true, "0:ab"},
		{"blank lines around", "\n\n  \na\n\n", false, false, "0:a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(plainText(c.in, c.flowed, c.delsp, true)); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func FuzzPlainText(f *testing.F) {
	f.Add("> a \n>> b\n-- \nx", true, true)
	f.Add("a\r\n\r\n >b http://x.example", false, false)
	f.Fuzz(func(t *testing.T, in string, flowed, delsp bool) {
		letters := func(s string) string {
			return strings.Map(func(r rune) rune {
				if unicode.IsLetter(r) || unicode.IsDigit(r) {
					return r
				}
				return -1
			}, s)
		}
		var got strings.Builder
		for _, b := range plainText(in, flowed, delsp, true) {
			if b.Depth < 0 || b.Depth > maxQuote {
				t.Fatalf("depth %d", b.Depth)
			}
			for _, s := range b.Text {
				got.WriteString(s.Text)
			}
		}
		if letters(got.String()) != letters(in) {
			t.Fatalf("%q became %q", in, got.String())
		}
	})
}

func TestPlainTextLinearTime(t *testing.T) {
	for _, unit := range []string{"x \n", "> \n", ">", "\n", "-- \n", " ", "> x \n>> y \n"} {
		start := time.Now()
		plainText(strings.Repeat(unit, maxText/len(unit)), true, false, true)
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%q repeated took %v", unit, d)
		}
	}
}

func TestWhen(t *testing.T) {
	r := &request{lang: locale.Match("en", ""), now: now.In(time.FixedZone("x", 2*3600))}
	at := time.Date(2026, 11, 11, 22, 30, 0, 0, time.UTC)
	if got, want := r.when(at), (moment{"00:30", "Thursday, 12 November 2026, 00:30", "2026-11-12T00:30:00+02:00"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if m := r.when(time.Time{}); m.ISO != "" || m.Short != "no date" {
		t.Errorf("no time: %+v", m)
	}
}

func TestSafeName(t *testing.T) {
	for in, want := range map[string]string{
		"a.txt": "a.txt", "../../etc/passwd": "_.._etc_passwd", `C:\x.exe`: "C__x.exe", `a<b>"c"|d?*`: "a_b__c__d__", "a\u202egpj.exe": "agpj.exe", "a\r\nb": "ab", "...": "", " x ": "x",
		"ä\u00a0ö": "ä ö", strings.Repeat("ü", 200) + ".pdf": strings.Repeat("ü", 73) + ".pdf", "\xff\xfea": "a",
		"a.exe.": "a.exe", "a.exe. . ": "a.exe", "a.pdf\u3164\u2800\u115f.exe": "a.pdf.exe", ". .": "", "nul\x00": "nul",
	} {
		if got := safeName(in); got != want {
			t.Errorf("safeName(%.30q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	f.Add("../a\x00b")
	f.Add(strings.Repeat("é", 100) + ".x")
	f.Fuzz(func(t *testing.T, in string) {
		got := safeName(in)
		if len(got) > 160 || !utf8.ValidString(got) || strings.ContainsAny(got, "/\\:\x00\r\n\u202e") || strings.HasPrefix(got, ".") {
			t.Errorf("safeName(%q) = %q", in, got)
		}
		if d := disposition(got); strings.ContainsAny(d, "\r\n") || strings.Count(d, `"`) != 2 {
			t.Errorf("disposition(%q) = %q", got, d)
		}
	})
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\n b": "a b", "\u202ea\u2066b": "ab", "a\u200bb": "ab", "  ": "", "x\xffy": "x\uFFFDy",
	} {
		if got := oneLine(in); got != want {
			t.Errorf("oneLine(%q) = %q", in, got)
		}
	}
}

func TestDangerous(t *testing.T) {
	for name, want := range map[string]bool{"a.exe": true, "a.pdf.EXE": true, "a.html": true, "a.svg": true, "a.pdf": false, "exe": false, "a.": false, "": false} {
		if dangerous(name) != want {
			t.Errorf("dangerous(%q) = %v", name, !want)
		}
	}
}

// parse reads a message.
func parse(t *testing.T, text string) *message.Part {
	t.Helper()
	p, err := message.Parse(strings.NewReader(text), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestContents(t *testing.T) {
	multi := func(kind string, parts ...string) string {
		b := "b" + fmt.Sprint(len(kind)+len(strings.Join(parts, "")))
		out := "Content-Type: multipart/" + kind + "; boundary=" + b + "\n\n"
		for _, p := range parts {
			out += "--" + b + "\n" + p + "\n"
		}
		return out + "--" + b + "--\n"
	}
	text, html := "Content-Type: text/plain\n\nwords\n", "Content-Type: text/html\n\n<p>words\n"
	image := "Content-Type: image/png\nContent-ID: <a>\n\nx\n"
	pdf := "Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\nx\n"
	ics := "Content-Type: text/calendar\n\nx\n"
	for _, c := range []struct{ name, in, rich, plain string }{
		{"no MIME", "Subject: x\n\nwords\n", "1", "1"},
		{"only HTML", html, "1h", "1h"},
		{"alternative", multi("alternative", text, html), "2h", "1"},
		{"HTML first", multi("alternative", html, text), "1h", "2"},
		{"alternative with an invitation", multi("alternative", text, html, ics), "2h;3", "1;3"},
		{"only an invitation", multi("alternative", ics), ";1", ";1"},
		{"related", multi("related", html, image, pdf), "1h;3", "1h;3"},
		{"related in alternative", multi("alternative", text, multi("related", html, image)), "2.1h", "1"},
		{"alternative in mixed", multi("mixed", multi("alternative", text, html), pdf), "1.2h;2", "1.1;2"},
		{"list footer", multi("mixed", text, pdf, text), "1,3;2", "1,3;2"},
		{"only an attachment", pdf, ";1", ";1"},
		{"text as a file", "Content-Type: text/plain; name=a.txt\n\nx\n", ";1", ";1"},
		{"text as an inline file", "Content-Type: text/plain; name=a.txt\nContent-Disposition: inline\n\nx\n", "1", "1"},
		{"message", multi("mixed", text, "Content-Type: message/rfc822\n\n"+text), "1;2", "1;2"},
		{"signed", multi("signed", text, "Content-Type: application/pgp-signature\n\nx\n"), "1;2", "1;2"},
		{"unknown multipart", multi("strange", text, html), "1,2h", "1,2h"},
		{"nothing", "Subject: x\n\n", "", ""},
		{"empty text", multi("mixed", "Content-Type: text/plain\n\n", pdf), ";2", ";2"},
		{"image without a root", multi("related", image), ";1", ";1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := parse(t, c.in)
			for i, want := range []string{c.rich, c.plain} {
				got := contents(root, nil, i == 1)
				var shown, files []string
				for _, s := range got.shown {
					kind := ""
					if s.html {
						kind = "h"
					}
					at, ok := parseSection(s.section)
					if !ok || root.Find(at) != s.part {
						t.Errorf("section %s is not that part", s.section)
					}
					shown = append(shown, s.section+kind)
				}
				for _, f := range got.files {
					at, ok := parseSection(f.section)
					if !ok || root.Find(at) != f.part {
						t.Errorf("section %s is not that file", f.section)
					}
					files = append(files, f.section)
				}
				all := strings.Join(shown, ",")
				if len(files) > 0 {
					all += ";" + strings.Join(files, ",")
				}
				if all != want {
					t.Errorf("plain %v: got %q, want %q", i == 1, all, want)
				}
			}
		})
	}
}
