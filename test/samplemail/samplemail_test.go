package samplemail

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	gomail "github.com/emersion/go-message/mail"

	"fantail/internal/mail"
)

func digestOf(messages iter.Seq[Message]) string {
	h := sha256.New()
	for m := range messages {
		fmt.Fprintf(h, "%s\x00%d\x00%d\x00%d\x00%s", m.Folder, m.Flags, m.Date.Unix(), len(m.Data), m.Data)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

func TestGenerateIsTheSame(t *testing.T) {
	a, b := digestOf(Generate(400, 1)), digestOf(Generate(400, 1))
	if a != b {
		t.Errorf("two generations differ: %s, %s", a, b)
	}
	if c := digestOf(Generate(400, 2)); c == a {
		t.Error("another seed gives the same mail")
	}
	// Whoever changes what is generated changes this, knowingly.
	if want := "bd1a32cd24b7d680"; a != want {
		t.Errorf("the mail of seed 1 has become %s, was %s", a, want)
	}
	if a, b := digestOf(Large(200, 1)), digestOf(Large(200, 1)); a != b {
		t.Errorf("Large: two generations differ: %s, %s", a, b)
	}
}

func TestGenerateHasEverything(t *testing.T) {
	seen := map[string]int{}
	folders := map[string]int{}
	var date int64
	for m := range Generate(300, 1) {
		seen[m.Class]++
		folders[m.Folder]++
		if m.Date.Unix() < date || m.Date.Before(first) || m.Date.After(last) {
			t.Fatalf("message of %v out of order", m.Date)
		}
		date = m.Date.Unix()
		if (m.Folder == "Drafts") != m.Flags.Has(mail.Draft) {
			t.Errorf("%s in %s has flags %b", m.Class, m.Folder, m.Flags)
		}
	}
	for _, c := range Classes() {
		if seen[c] == 0 {
			t.Errorf("no message of class %s", c)
		}
	}
	for _, f := range []string{mail.Inbox, "Sent", "Drafts", "Trash", "Junk", "Archive", "Archive.2024", "Projects.Fantail", "Bücher & Musik"} {
		if folders[f] == 0 {
			t.Errorf("nothing in %s", f)
		}
	}
	if folders[mail.Inbox] < 60 {
		t.Errorf("only %d messages in the inbox", folders[mail.Inbox])
	}
}

// A second parser must be able to read every message.
func TestMessagesAreSound(t *testing.T) {
	for m := range Generate(500, 3) {
		if bytes.Contains(m.Data, []byte("\r\n")) && bytes.Count(m.Data, []byte("\r\n")) != bytes.Count(m.Data, []byte("\n")) && m.Class != "csv" {
			t.Errorf("%s: mixed line ends", m.Class)
		}
		head, _, ok := bytes.Cut(bytes.ReplaceAll(m.Data, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
		if !ok {
			t.Fatalf("%s: no end of the header", m.Class)
		}
		for line := range bytes.Lines(head) {
			if len(line) > 200 {
				t.Errorf("%s: header line of %d octets: %.60q", m.Class, len(line), line)
			}
			if len(bytes.TrimSpace(line)) == 0 {
				t.Errorf("%s: blank line in the header", m.Class)
			}
		}
		if _, err := leaves(t, m); err != nil {
			t.Errorf("%s: %v\n%.2000s", m.Class, err, m.Data)
		}
	}
}

// leaves parses a message with go-message and gives the parts without parts.
func leaves(t *testing.T, m Message) (types []string, err error) {
	t.Helper()
	e, err := message.Read(bytes.NewReader(m.Data))
	if err != nil && !message.IsUnknownCharset(err) {
		return nil, err
	}
	return types, e.Walk(func(path []int, e *message.Entity, err error) error {
		if err != nil && !message.IsUnknownCharset(err) {
			return err
		}
		typ, _, err := e.Header.ContentType()
		if err != nil && m.Class != "odd-mime" {
			return err
		}
		if strings.HasPrefix(typ, "multipart/") {
			return nil
		}
		types = append(types, typ)
		_, err = io.Copy(io.Discard, e.Body)
		if err != nil {
			return fmt.Errorf("part %v: %w", path, err)
		}
		return nil
	})
}

func TestContents(t *testing.T) {
	tests := []struct{ class, subject, body string }{
		{"latin1", "", "Schöne Grüße"},
		{"latin9", "", "Renée"},
		{"windows-1251", "", "Здравствуйте, Робин!"},
		{"koi8-r", "", "Дарья"},
		{"iso-2022-jp", "", "よろしくお願いいたします。"},
		{"gb18030", "", "罗宾，你好："},
		{"utf8-base64", "", "文静"},
		{"rtl-hebrew", "", "להתראות"},
		{"rtl-arabic", "", "ليلى"},
		{"emoji", "", "👨‍👩‍👧‍👦"},
		{"greek", "", "Ελένη"},
		{"turkish", "", "Görüşmek"},
	}
	for _, tt := range tests {
		t.Run(tt.class, func(t *testing.T) {
			n := 0
			for m := range Generate(400, 1) {
				if m.Class != tt.class {
					continue
				}
				n++
				e, err := message.Read(bytes.NewReader(m.Data))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(e.Body)
				if err != nil || !strings.Contains(string(body), tt.body) {
					t.Errorf("%v: no %q in\n%s", err, tt.body, body)
				}
				h := gomail.Header{Header: e.Header}
				subject, err := h.Subject()
				if err != nil || strings.Contains(subject, "=?") || strings.ContainsRune(subject, '\uFFFD') {
					t.Errorf("subject %q, %v", subject, err)
				}
				if from, err := h.AddressList("From"); err != nil || len(from) != 1 {
					t.Errorf("from %v, %v", from, err)
				}
			}
			if n == 0 {
				t.Error("none")
			}
		})
	}
}

func TestStructure(t *testing.T) {
	tests := []struct {
		class string
		want  []string
	}{
		{"plain", []string{"text/plain"}},
		{"newsletter", []string{"text/plain", "text/html"}},
		{"inline-picture", []string{"text/plain", "text/html", "image/png"}},
		{"pdf", []string{"text/plain", "application/pdf"}},
		{"csv", []string{"text/plain", "text/csv"}},
		{"forward", []string{"text/plain", "message/rfc822"}},
		{"invitation", []string{"text/plain", "text/calendar", "application/ics"}},
		{"delivery-report", []string{"text/plain", "message/delivery-status", "text/rfc822-headers"}},
		{"signed", []string{"text/plain", "application/pgp-signature"}},
	}
	for _, tt := range tests {
		for m := range Generate(200, 1) {
			if m.Class != tt.class {
				continue
			}
			got, err := leaves(t, m)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v, %v, want %v", tt.class, got, err, tt.want)
			}
		}
	}
}

func TestThreads(t *testing.T) {
	ids := map[string]bool{}
	answers, broken := 0, 0
	for m := range Generate(400, 1) {
		e, err := message.Read(bytes.NewReader(m.Data))
		if err != nil {
			continue
		}
		h := gomail.Header{Header: e.Header}
		id, err := h.MessageID()
		if err != nil || ids[id] {
			t.Errorf("%s: message id %q, %v: bad or not the first of its name", m.Class, id, err)
		}
		ids[id] = true
		refs, err := h.MsgIDList("References")
		if err != nil {
			t.Errorf("%s: %v", m.Class, err)
		}
		if len(refs) == 0 {
			continue
		}
		answers++
		for _, r := range refs {
			if !ids[r] {
				broken++
			}
		}
	}
	// A digest's messages go on in the thread, and are nowhere by themselves.
	if answers < 60 || broken > answers/2 {
		t.Errorf("%d answers, %d references to nothing", answers, broken)
	}
}

func TestExtendedFilename(t *testing.T) {
	for m := range Generate(200, 1) {
		if m.Class != "filename-2231" {
			continue
		}
		if !bytes.Contains(m.Data, []byte("filename*0*=utf-8''%C3%9Cbersicht%20")) || !bytes.Contains(m.Data, []byte("filename*=iso-8859-1''na%EFve%20caf%E9.png")) {
			t.Errorf("%s", m.Data)
		}
		return
	}
	t.Error("none")
}

func TestLarge(t *testing.T) {
	var sizes []int
	for m := range Large(2000, 1) {
		sizes = append(sizes, len(m.Data))
		if m.Folder != mail.Inbox {
			t.Fatalf("a message in %s", m.Folder)
		}
		if len(sizes)%50 == 0 {
			if _, err := leaves(t, m); err != nil {
				t.Error(err)
			}
		}
	}
	slices.Sort(sizes)
	sum := 0
	for _, s := range sizes {
		sum += s
	}
	median, largest := sizes[len(sizes)/2], sizes[len(sizes)-1]
	t.Logf("median %d, mean %d, smallest %d, largest %d", median, sum/len(sizes), sizes[0], largest)
	if median < LargeMedian*8/10 || median > LargeMedian*12/10 {
		t.Errorf("median %d, want about %d", median, LargeMedian)
	}
	if largest < 250<<10 {
		t.Errorf("the largest has %d octets", largest)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	folders, err := Write(dir, Generate(200, 1))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(folders, "Bücher & Musik") || slices.Contains(folders, mail.Inbox) {
		t.Errorf("folders %v", folders)
	}
	n := 0
	for m := range Generate(200, 1) {
		n++
		path := filepath.Join(dir, map[bool]string{true: ".B&APw-cher &- Musik"}[m.Folder == "Bücher & Musik"], "cur", m.fileName(n))
		if m.Folder != mail.Inbox && m.Folder != "Bücher & Musik" {
			path = filepath.Join(dir, "."+m.Folder, "cur", m.fileName(n))
		}
		st, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || st.Size() != int64(len(m.Data)) || !st.ModTime().Equal(m.Date) {
			t.Errorf("%s: %v, %v", path, st, err)
		}
	}
}

func TestFold(t *testing.T) {
	for _, s := range []string{
		"Subject: short",
		"Subject: " + strings.Repeat("word ", 40) + "end",
		"Message-ID: <" + strings.Repeat("x", 100) + ">",
		"References: <" + strings.Repeat("x", 90) + "> <" + strings.Repeat("y", 90) + ">",
	} {
		got := fold(s)
		if strings.ReplaceAll(got, "\n", "") != s {
			t.Errorf("unfolding gives %q", got)
		}
		for line := range strings.Lines(got) {
			if strings.TrimSpace(line) == "" || len(line) > 79 && strings.Count(strings.TrimSpace(line), " ") > 1 {
				t.Errorf("line %q of %q", line, got)
			}
		}
	}
}

func TestTornWords(t *testing.T) {
	for m := range Generate(300, 1) {
		if m.Class != "torn-words" {
			continue
		}
		_, rest, _ := strings.Cut(string(m.Data), "Subject: ")
		subject, _, _ := strings.Cut(rest, "Message-ID")
		torn := false
		for _, word := range strings.Fields(subject) {
			data, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(word, "=?utf-8?B?"), "?="))
			if err != nil {
				t.Fatal(err)
			}
			torn = torn || !utf8.Valid(data)
		}
		if !torn {
			t.Errorf("no word of %q is torn", subject)
		}
	}
}

func TestWords(t *testing.T) {
	s := strings.Repeat("Grüße ", 20) + "…"
	for _, w := range []wordStyle{bWords, qWords, tornWords, lowerWords} {
		for _, word := range strings.Fields(w.encode(s, utf8Set)) {
			if len(word) > 75 {
				t.Errorf("style %d: word of %d characters (RFC 2047 section 2)", w, len(word))
			}
		}
	}
	if got := bWords.encode("日本", iso2022jp); got != "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=" {
		t.Errorf("ISO-2022-JP: %s", got)
	}
}
