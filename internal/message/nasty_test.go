package message

import (
	"fmt"
	"strings"
)

// nasty is a way to waste time or memory. make returns a message of about n
// octets; it is generated, for most are of no use when they are small.
type nasty struct {
	name string
	make func(n int) string
}

// fill returns a message of the same octets again and again between before and
// after.
func fill(before, again, after string) func(int) string {
	return func(n int) string {
		return before + strings.Repeat(again, max(1, (n-len(before)-len(after))/len(again))) + after
	}
}

// nastyMail is all the bad mail that we know of.
var nastyMail = []nasty{
	// Headers.
	{"fields", fill("", "a: b\n", "\n")},
	{"subjects", fill("", "Subject: b\n", "\n")},
	{"content types", fill("", "Content-Type: text/html; a=b\n", "\n")},
	{"references fields", fill("", "References: <a@b>\n", "\n")},
	{"address fields", fill("", "To: a@b\n", "\n")},
	{"continuations", fill("a: b", "\n c", "\n\n")},
	{"blank continuations", fill("Subject: b", "\n ", "\n\n")},
	{"no colons", fill("", "x\n", "\n")},
	{"long field", fill("Subject: ", "x", "\n\n")},
	{"long name", fill("", "x", ": y\n\n")},
	{"8-bit header", fill("Subject: ", "\xe4", "\n\n")},
	{"8-bit field", fill("", "\xe4\xf6: \xfc\n", "\n")},
	{"NULs", fill("", "\x00", "")},
	{"NULs in header", fill("Subject: \x00\nTo: ", "\x00", "\n\n\x00")},
	{"CRs", fill("", "a: b\r", "")},
	{"blank", fill("", " \n", "")},

	// Addresses.
	{"addresses", fill("To: ", "a@b,", "\n\n")},
	{"long local part", fill("To: ", "a", "@b\n\n")},
	{"long quoted local part", fill("To: \"", `\a`, "\"@b\n\n")},
	{"dotted local part", fill("To: ", "a . ", "@b\n\n")},
	{"long domain", fill("To: a@", "b.", "\n\n")},
	{"loose domain", fill("To: a@", "b .", "\n\n")},
	{"domain literal", fill("To: a@[", "b", "\n\n")},
	{"long display name", fill("From: \"", "a", "\" <b@c>\n\n")},
	{"words in name", fill("From: ", "a ", "<b@c>\n\n")},
	{"encoded names", fill("From: ", "=?x,", "\n\n")},
	{"quotes", fill("To: ", `"`, "\n\n")},
	{"quotes in brackets", fill("To: ", `<"`, "\n\n")},
	{"open comments", fill("To: ", "(", "\n\n")},
	{"nested comments", func(n int) string {
		return "To: a@b " + strings.Repeat("(", n/2) + strings.Repeat(")", n/2) + "\n\n"
	}},
	{"escaped comments", func(n int) string { return "To: " + strings.Repeat("(", n/3) + strings.Repeat(`\)`, n/3) + "\n\n" }},
	{"angles", fill("To: ", "<", "\n\n")},
	{"routes", fill("To: <", "@a,", ":b@c>\n\n")},
	{"groups", fill("To: ", "a:", "\n\n")},
	{"empty groups", fill("To: ", ":;", "\n\n")},
	{"many lists", fill("From: a@b\n", "Cc: g: \"a\" <b@c>;\n", "\n")},

	// Subjects, dates, ids.
	{"open encoded-words", fill("Subject: ", "=?a?q?", "\n\n")},
	{"late end of words", fill("Subject: ", "=?a?q?", "?=\n\n")},
	{"encoded-words", fill("Subject: ", "=?utf-8?q?=C3=A4?= ", "\n\n")},
	{"many charsets", fill("Subject: ", "=?utf-7?q?a?= =?gbk?q?b?=", "\n\n")},
	{"long encoded-word", fill("Subject: =?iso-2022-jp?b?", "GyRC", "?=\n\n")},
	{"wide characters", fill("Subject: ", "\ufdfa", "\n\n")},
	{"combining marks", fill("Subject: ", "\u0301\u0327", "\n\n")},
	{"re", fill("Subject: ", "re: ", "\n\n")},
	{"re blobs", fill("Subject: ", "re[a]:", "\n\n")},
	{"re without colon", fill("Subject: ", "re[a]", "\n\n")},
	{"blobs", fill("Subject: ", "[a]", "x\n\n")},
	{"open blobs", fill("Subject: ", "[", "\n\n")},
	{"forwards", func(n int) string {
		return "Subject: " + strings.Repeat("[fwd:", n/6) + strings.Repeat("]", n/6) + "\n\n"
	}},
	{"forwarded blobs", func(n int) string {
		return "Subject: " + strings.Repeat("[fwd:[a]", n/9) + strings.Repeat("]", n/9) + "\n\n"
	}},
	{"trailers", fill("Subject: ", "(fwd)", "\n\n")},
	{"date", fill("Date: ", "1 ", "\n\n")},
	{"date comments", fill("Date: ", "(", "\n\n")},
	{"references", fill("References: ", "<a@b>", "\n\n")},
	{"long id", fill("Message-ID: <", "a", "@b>\n\n")},
	{"quoted id", fill("Message-ID: <\"", "a", "\"@b>\n\n")},
	{"open quotes in ids", fill("References: ", `<"a@b>`, "\n\n")},
	{"open comments in ids", fill("References: ", `<(a@b>`, "\n\n")},
	{"spaces in ids", fill("References: ", "< a @ b >", "\n\n")},
	{"open ids", fill("In-Reply-To: ", "<", "\n\n")},

	// Parameters.
	{"parameters", fill("Content-Type: text/plain", "; a=b", "\n\n")},
	{"pieces", fill("Content-Type: text/plain", "; a*1=b", "\n\n")},
	{"long parameter", fill("Content-Type: text/plain; a=\"", "b", "\"\n\n")},
	{"long charset", fill("Content-Type: text/plain; charset=\"", "b", "\"\n\nx")},
	{"long file name", fill("Content-Disposition: attachment; filename*=utf-8''", "%41", "\n\n")},
	{"long boundary", fill("Content-Type: multipart/mixed; boundary=\"", "b", "\"\n\n--b")},
	{"words in parameter", fill("Content-Type: text/plain; a=", "b ", "\n\n")},
	{"comments in parameter", fill("Content-Type: text/plain; a=", "(", "\n\n")},
	{"comments between words", fill("Content-Type: text/plain; a=", "b(c)", "\n\n")},
	{"quoted pairs", fill("Content-Type: text/plain; a=\"", `\"`, "\n\n")},
	{"languages", fill("Content-Language: ", "a,", "\n\n")},

	// Structure.
	{"parts", fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n", "")},
	{"bare parts", fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n", "")},
	{"html parts", fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: text/html\n\n<p>\n", "")},
	{"base64 parts", fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Transfer-Encoding: base64\n\nYQ\n", "")},
	{"charset parts", fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: text/plain; charset=gbk\n\nx\n", "")},
	{"digest", fill("Content-Type: multipart/digest; boundary=b\n\n", "--b\n\n", "")},
	{"nested multiparts", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%060d\n\n--%060d\n", i, i)
		}
		return b.String()
	}},
	{"nested messages", fill("", "Content-Type: message/rfc822\n\n", "")},
	{"messages with envelopes", fill("", "From: a@b\nSubject: re: c\nContent-Type: message/rfc822\n\n", "")},
	{"alternating", fill("", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n", "")},
	{"overlapping boundaries", fill(prefixes, "--\n--"+strings.Repeat("x", 30)+"\n--"+strings.Repeat("x", 59)+"\n", "")},
	{"near boundaries", fill(prefixes, "--"+strings.Repeat("x", 30)+"y\n", "")},
	{"no boundaries", fill(prefixes, "--"+strings.Repeat("y", 59)+"\n", "")},
	{"absent boundary", fill("Content-Type: multipart/mixed\n\n", "--b\n\nx\n", "")},
	{"boundary without text", fill("Content-Type: multipart/mixed; boundary=\" \"\n\n", "--\n\nx\n", "")},
	{"boundaries in headers", fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\nSubject: x\n", "")},
	{"repeated last boundary", fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b--\n", "")},

	// Lines and bodies.
	{"long line", fill("\n", "x", "")},
	{"long boundary line", fill("Content-Type: multipart/mixed; boundary=b\n\n--b", "x", "\n\ny")},
	{"CR only", fill("Subject: a\r\rb\r", "line\r", "")},
	{"lone CRs", fill("\n", "\r", "")},
	{"mixed line ends", fill("\n", "a\nb\r\nc\rd\r\r\n\n\r", "")},
	{"8-bit body", fill("\n", "\xff\xfe\x00\x80", "")},
	{"NUL body", fill("Content-Type: text/plain; charset=utf-16\n\n", "\x00", "")},
	{"quoted lines", fill("\n", "> x\n", "")},
	{"blank lines", fill("\n", "\n", "")},
	{"rules", fill("\n", "-----\n----x---\n", "")},
	{"attributions", fill("\n", "a:\n>\n", "")},
	{"html angles", fill("Content-Type: text/html\n\n", "<", "")},
	{"html tags", fill("Content-Type: text/html\n\n", "<a ", "")},
	{"html attributes", fill("Content-Type: text/html\n\n<blockquote", " a=b", ">")},
	{"html comments", fill("Content-Type: text/html\n\n", "<!--", "")},
	{"html entities", fill("Content-Type: text/html\n\n", "&", "")},
	{"html hidden", fill("Content-Type: text/html\n\n", "<svg>", "")},
	{"html cells", fill("Content-Type: text/html\n\n", "<td>", "")},
	{"base64 junk", fill("Content-Transfer-Encoding: base64\n\n", "!?\n", "")},
	{"base64 padding", fill("Content-Transfer-Encoding: base64\n\n", "=\n", "")},
	{"base64 blanks", fill("Content-Transfer-Encoding: base64\n\n", "I C A g\n", "")},
	{"soft breaks", fill("Content-Transfer-Encoding: quoted-printable\n\n", "= ", "")},
	{"qp blanks", fill("Content-Transfer-Encoding: quoted-printable\n\n", " ", "")},
	{"qp equals", fill("Content-Transfer-Encoding: quoted-printable\n\n", "=", "")},
	{"uu", fill("Content-Transfer-Encoding: x-uuencode\n\nbegin \n", "M", "")},
	{"uu lines", fill("Content-Transfer-Encoding: x-uuencode\n\nbegin \n", "\n", "")},
	{"utf-7", fill("Content-Type: text/plain; charset=utf-7\n\n", "+-+AOQ", "")},
	{"iso-2022-jp", fill("Content-Type: text/plain; charset=iso-2022-jp\n\n", "\x1b$B\x1b(B", "")},
	{"hz", fill("Content-Type: text/plain; charset=hz-gb-2312\n\n", "~{~~", "")},
}

// prefixes opens 60 multiparts, the boundary of each the beginning of the next.
var prefixes = func() string {
	var b strings.Builder
	for i := range 60 {
		x := strings.Repeat("x", i+1)
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%s\n\n--%s\n", x, x)
	}
	return b.String() + "\n"
}()
