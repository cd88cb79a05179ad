package conf

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseFolders(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Folders
		show string
	}{
		{"", nil, ""},
		{" ", nil, ""},
		{"sent=Sent", Folders{{"sent", "Sent"}}, "sent=Sent"},
		{" sent = Gesendete Objekte ,trash=Müll=weg", Folders{{"sent", "Gesendete Objekte"}, {"trash", "Müll=weg"}},
			"sent=Gesendete Objekte, trash=Müll=weg"},
	} {
		got, err := ParseFolders(tt.text)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" || got.String() != tt.show {
			t.Errorf("%q: %+v, %q, %v", tt.text, got, got, err)
		}
	}
	for text, want := range map[string]string{
		"Sent":            "is no folder",
		"sent=":           "is no folder",
		"sent=A,":         "is no folder",
		"Sent=A":          "is none of",
		"all=A":           "is none of",
		"sent=A\x01":      "cannot be the name",
		"sent=A\xff":      "cannot be the name",
		"sent=A, sent=B":  "two folders",
		"sent=A, trash=A": "two folders",
	} {
		if _, err := ParseFolders(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
