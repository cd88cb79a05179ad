package dialogues

import (
	"fmt"
	"strings"
	"time"

	"fantail/internal/mail"
)

// letterFlags are the flags of the letters D, F, R, S and T.
var letterFlags = []mail.Flags{mail.Draft, mail.Flagged, mail.Answered, mail.Seen, mail.Deleted}

// nastyMail is mail that programs misread.
func nastyMail() []mailFile {
	many := strings.Repeat
	deep := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		b.WriteString("\nleaf\n")
		for i := n - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "--b%d--\n", i)
		}
		return b.String()
	}
	var files []mailFile
	for i, m := range [][2]string{
		{"header only", "Subject: x\n"},
		{"header without end", "Subject: x"},
		{"body without header", "\nbody\n"},
		{"mbox line", "From someone Mon Jan 1 00:00:00 2024\nSubject: x\n\nbody\n"},
		{"line without colon", "Subject: x\nno colon here\nFrom: a@example\n\nbody\n"},
		{"no final line end", "Subject: x\n\nbody without end"},
		{"CRLF", "Subject: x\r\nTo: a@example\r\n\r\nbody\r\n"},
		{"mixed line ends", "Subject: x\r\nTo: a@example\n\r\nbody\nmore\r\nend\n"},
		{"lone CR", "Subject: a\rb\n\nbo\rdy\n"},
		{"8-bit header", "Subject: gr\xc3\xbc\xc3\x9fe\nFrom: J\xfcrgen <j@example>\n\nx\n"},
		{"empty fields", "Subject:\nFrom:\nTo: \nDate:\nMessage-ID:\nIn-Reply-To: \n\nx\n"},
		{"twice", "Subject: one\nSubject: two\nFrom: a@example\nFrom: b@example\nTo: c@example\nTo: d@example\nContent-Type: text/html\nContent-Type: text/plain\n\nx\n"},
		{"folded", "Subject: a\n b\n\tc\n  d\nTo: a@example,\n\tb@example\n\nx\n"},
		{"space before colon", "Subject : x\nTo\t: a@example\n\nx\n"},
		{"groups", "From: a@example\nTo: g: a@example, B <b@example>;, c@example\nCc: undisclosed-recipients:;\n\nx\n"},
		{"routes", "From: <@one,@two:user@three>\nTo: (comment) a@example (name)\nCc: \"a b\"@example\n\nx\n"},
		{"no domain", "From: root\nTo: a@, @b, <>, \"Name\" <>\nCc: ,,, a@example,,\n\nx\n"},
		{"quoted", "From: \"A \\\"B\\\" \\\\C\" <a@example>\nTo: A.B. C <c@example>\nCc: =?utf-8?q?J=C3=BCrgen?= <j@example>\n\nx\n"},
		{"unended quote", "From: \"A <a@example>\nTo: b@example\n\nx\n"},
		{"unended comment", "From: a@example (comment\nTo: b@example\n\nx\n"},
		{"sender", "From: a@example\nSender: s@example\nReply-To: r@example, q@example\nBcc: b@example\n\nx\n"},
		{"long line", "Subject: " + many("x", 3000) + "\n\n" + many("y", 10000) + "\n"},
		{"empty multipart", "Content-Type: multipart/mixed; boundary=b\n\n"},
		{"multipart of no parts", "Content-Type: multipart/mixed; boundary=b\n\n--b--\n"},
		{"multipart without boundary", "Content-Type: multipart/mixed\n\n--b\n\nx\n--b--\n"},
		{"boundary that is not there", "Content-Type: multipart/mixed; boundary=c\n\n--b\n\nx\n--b--\n"},
		{"multipart without end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: text/html\n\ny"},
		{"preamble and epilogue", "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\nx\n--b--\nepilogue\n"},
		{"boundary with space", "Content-Type: multipart/mixed; boundary=\"b \"\n\n--b \n\nx\n--b --\n"},
		{"boundary that begins another", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\nx\n--bb--\n\n--b\n\ny\n--b--\n"},
		{"same boundary inside", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b--\n"},
		{"empty part", "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b--\n"},
		{"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\nx\n--b\n\nSubject: two\n\ny\n--b--\n"},
		{"message in message", "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\nSubject: a\n\nSubject: b\n\nx\n"},
		{"message in base64", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKYm9keQo=\n"},
		{"message of multipart", "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\nx\n--i\nContent-Type: text/html\n\ny\n--i--\n--o--\n"},
		{"empty message in message", "Content-Type: message/rfc822\n\n"},
		{"partial", "Content-Type: message/partial; id=x; number=1; total=2\n\nx\n"},
		{"type with comments", "Content-Type: text/plain (comment); charset=\"utf-8\" (another)\n\nx\n"},
		{"type without subtype", "Content-Type: text\n\nx\n"},
		{"type of nothing", "Content-Type:\n\nx\n"},
		{"type with spaces", "Content-Type: text / html ; charset = utf-8\n\nx\n"},
		{"params without value", "Content-Type: text/plain; charset; name=; format=flowed;;\n\nx\n"},
		{"RFC 2231", "Content-Type: application/pdf; name*0*=utf-8''a%20; name*1=b; name*2*=%C3%BC\nContent-Disposition: attachment; filename*=utf-8''%e2%82%ac.pdf\n\nx\n"},
		{"RFC 2231 in disorder", "Content-Type: application/pdf; name*1=b; name*0=a; name*3=d\n\nx\n"},
		{"disposition alone", "Content-Disposition: INLINE\nContent-Language: en, de\nContent-Location: http://example/\nContent-MD5: Q2hlY2s=\nContent-ID: <a@b>\nContent-Description: a thing\n\nx\n"},
		{"unknown encoding", "Content-Transfer-Encoding: X-Strange (really)\n\nx\n"},
		{"uppercase", "CONTENT-TYPE: TEXT/HTML; CHARSET=UTF-8\nCONTENT-TRANSFER-ENCODING: BASE64\n\nPGI+eDwvYj4=\n"},
		{"many parts", "Content-Type: multipart/mixed; boundary=b\n\n" + many("--b\n\nx\n", 50) + "--b--\n"},
		{"deep", deep(20)},
		{"many recipients", "To: " + many("a@example, ", 300) + "z@example\n\nx\n"},
		{"dates", "Date: Sat, 01 Jan 2000 23:30:00 -0800\n\nx\n"},
		{"odd date", "Date: 1 Jan 00 12:00 GMT (comment)\n\nx\n"},
		{"no date", "Date: yesterday\n\nx\n"},
		{"text in latin1", "Subject: =?iso-8859-1?q?M=FCller?=\nContent-Type: text/plain; charset=iso-8859-1\n\nM\xfcller\n"},
		{"text in quoted-printable", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nM=C3=BC=\nller\n"},
	} {
		files = append(files, mailFile{m[0], "", time.Unix(1_000_000_000+int64(i)*86_400, 0), []byte(m[1])})
	}
	return files
}

// queries are SEARCH keys.
var queries = []string{
	"ALL", "SEEN", "UNSEEN", "ANSWERED", "DELETED", "DRAFT", "FLAGGED", "NEW", "OLD", "RECENT", "UNDELETED",
	"KEYWORD $Junk", "UNKEYWORD $Junk", "1:10", "*", "10:*", "UID 5:7,9", "NOT 1:100", "OR 1 2", "(1:5 SEEN)",
	"SUBJECT x", "SUBJECT re:", "SUBJECT \"\"", "FROM example", "FROM \"\"", "TO a@example", "CC example", "BCC example",
	"FROM anna", "TO \"b@example\"", "HEADER Message-ID \"\"", "HEADER X-Mailer \"\"", "HEADER List-Id list",
	"HEADER Content-Type multipart", "HEADER Received from", "HEADER Subject two", "HEADER References \"\"",
	"BODY body", "BODY the", "BODY \"you are\"", "BODY unsubscribe", "TEXT example", "TEXT \"Subject: x\"", "TEXT html",
	"TEXT meeting", "BODY <b>", "NOT BODY e", "OR BODY body SUBJECT x",
	"LARGER 1000", "SMALLER 1000", "LARGER 100000", "SMALLER 10", "LARGER 5000 SMALLER 50000",
	"BEFORE 1-Jan-2024", "SINCE 1-Jan-2024", "ON 9-Sep-2001", "ON 10-Sep-2001", "SENTBEFORE 1-Jan-2024",
	"SENTSINCE 1-Jan-2024", "SENTON 1-Jan-2000", "SENTON 2-Jan-2000", "SENTSINCE 1-Jan-2025 SENTBEFORE 1-Jan-2026",
	"CHARSET UTF-8 SUBJECT \"\xc3\xbc\"", "CHARSET UTF-8 BODY \"\xc3\xbc\"", "CHARSET UTF-8 TEXT \"M\xc3\x9cLLER\"",
	"CHARSET UTF-8 FROM \"\xc3\xb6\"", "CHARSET UTF-8 BODY \"\xe2\x82\xac\"", "SUBJECT {3+}\r\nre:", "OR (SEEN FLAGGED) (UNSEEN NOT FLAGGED)",
	"NOT (SUBJECT re FROM anna)", "OR BODY meeting FROM anna", "UNSEEN BODY the NOT SUBJECT re", "OR (BODY the SEEN) OR TEXT anna HEADER To org",
	"NOT OR FROM anna SUBJECT re", "FROM anna FROM example", "HEADER Message-ID example", "HEADER In-Reply-To \"\"", "HEADER Date 2025",
	"HEADER MIME-Version 1.0", "HEADER X-Nothing \"\"", "HEADER Return-Path example", "HEADER List-Unsubscribe http", "HEADER \"content-transfer-encoding\" base64",
	"SAVEDSINCE 1-Jan-2020", "SAVEDBEFORE 1-Jan-2020", "SENTSINCE 1-Jul-2025", "SENTBEFORE 1-Jul-2025 SENTSINCE 1-May-2025", "NOT SENTSINCE 1-Jul-2025",
	"SENTON 15-Jan-2025", "SENTON 3-Mar-2025", "OR SENTON 20-Oct-2025 ON 20-Oct-2025", "SINCE 1-Jul-2025 BEFORE 1-Aug-2025",
	"OR 5:3,*:90 UID 1,2,300:*", "NOT UID 1:300", "SMALLER 2000 LARGER 1999", "(((SEEN)) (NOT (FLAGGED)))", "UNKEYWORD a NOT NOT ANSWERED",
}

// orders are the commands whose order TestDifferential compares; the keys follow.
var orders = []string{
	"SORT (ARRIVAL) UTF-8", "SORT (REVERSE ARRIVAL) UTF-8", "SORT (CC) UTF-8", "SORT (REVERSE CC) UTF-8",
	"SORT (DATE) UTF-8", "SORT (REVERSE DATE) UTF-8", "SORT (FROM) UTF-8", "SORT (SIZE) UTF-8", "SORT (REVERSE SIZE) UTF-8",
	"SORT (SUBJECT) UTF-8", "SORT (TO) UTF-8", "SORT (DISPLAYFROM) UTF-8", "SORT (REVERSE DISPLAYTO) UTF-8",
	"SORT (SUBJECT REVERSE DATE) UTF-8", "SORT (REVERSE FROM SUBJECT SIZE) UTF-8", "UID SORT (TO CC ARRIVAL) US-ASCII",
	"SORT RETURN (MIN MAX COUNT ALL) (SUBJECT) UTF-8", "UID SORT RETURN () (REVERSE DATE) UTF-8",
	"THREAD ORDEREDSUBJECT UTF-8", "THREAD REFERENCES UTF-8", "THREAD REFS UTF-8", "UID THREAD REFERENCES UTF-8",
	"THREAD REFERENCES UTF-8 UNSEEN", "UID THREAD REFS US-ASCII SINCE 1-Jan-2025",
}

// results are further commands about the mailbox.
var results = []string{
	"SEARCH RETURN () SEEN", "SEARCH RETURN (MIN) SEEN", "UID SEARCH RETURN (MAX COUNT) UNSEEN", "SEARCH RETURN (ALL MIN MAX COUNT) ALL",
	"SEARCH RETURN (MIN MAX ALL) SUBJECT no-such-subject", "UID SEARCH RETURN (COUNT) SUBJECT re", "SEARCH RETURN (PARTIAL 3:9) ALL",
	"SEARCH OLDER 1", "SEARCH YOUNGER 1", "SEARCH OLDER 4000000000", "SEARCH RETURN (SAVE) FLAGGED", "SEARCH $", "UID SEARCH NOT $",
	"SEARCH RETURN (SAVE COUNT) OR $ ANSWERED", "FETCH $ (UID FLAGS)", "SEARCH UID $ UNSEEN",
}
