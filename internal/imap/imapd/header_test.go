package imapd

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/message"
)

func TestListFields(t *testing.T) {
	if !slices.IsSorted(listFields) {
		t.Error("listFields are not sorted")
	}
	for _, name := range listFields {
		if !isListField(strings.ToUpper(name)) {
			t.Errorf("%s is not found", name)
		}
	}
	for _, c := range []struct {
		sec  imap.Section
		want bool
	}{
		{imap.Section{Kind: imap.SectionFields, Fields: []string{"SUBJECT", "date"}}, true},
		{imap.Section{Kind: imap.SectionFields, Fields: []string{"Subject", "Received"}}, false},
		{imap.Section{Kind: imap.SectionNot, Fields: []string{"Subject"}}, false},
		{imap.Section{Kind: imap.SectionFields, Fields: []string{"Subject"}, Path: []int{1}}, false},
		{imap.Section{Kind: imap.SectionHeader}, false},
		{imap.Section{}, false},
	} {
		if got := fromListFields(c.sec); got != c.want {
			t.Errorf("%+v: %v", c.sec, got)
		}
	}
}

// FuzzHeaderFields: what is kept of a header gives the fields that the message
// has, and a header read alone is the one that the whole message begins with.
func FuzzHeaderFields(f *testing.F) {
	for _, seed := range []string{
		"Subject: a\n b\r\n\tc\nTo: x\n\nbody\n", "Subject : x\n\tTo: y\n\n", "\nbody", "Subject: x", "subject:\x00\rx\r\r\n y\r\n\r\n",
		"From me\nSubject: a\nnothing\nSUBJECT:b\n\r\nx", " Subject: a\n", "Content-Type: multipart/mixed; boundary=b\n--b\nSubject: x\n\n--b--\n",
	} {
		f.Add([]byte(seed))
	}
	sec := imap.Section{Kind: imap.SectionFields, Fields: []string{"subject", "TO", "Content-Type"}}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "m")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		m := &fetched{file: file}
		defer m.close()
		whole, err := message.Parse(bytes.NewReader(text), message.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		head, err := m.headers.scan(file)
		if err != nil {
			t.Fatal(err)
		}
		if head == nil {
			return // longer than maxHeader
		}
		if head.Header != whole.Header || head.HeaderSize != whole.HeaderSize || len(head.Fields) != len(whole.Fields) || hasEmptyLine(head) != hasEmptyLine(whole) {
			t.Fatalf("%q: read alone %+v, whole %+v", text, head, whole)
		}
		want, err := m.fieldsOf(whole, sec)
		if err != nil {
			t.Fatal(err)
		}
		replaceNUL(want)
		want = bytes.Clone(want)
		m.head = head
		if err := m.appendListFields(); err != nil {
			t.Fatal(err)
		}
		if got := m.keptFields(m.kept, sec); !bytes.Equal(got, want) {
			t.Fatalf("%q: kept %q, want %q", text, got, want)
		}
	})
}
