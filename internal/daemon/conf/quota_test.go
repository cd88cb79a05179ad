package conf

import (
	"strings"
	"testing"
)

func TestParseQuota(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Quota
		show string
	}{
		{"", Quota{}, ""},
		{" ", Quota{}, ""},
		{"2GB", Quota{Octets: 2e9}, "2GB"},
		{"2 gib", Quota{Octets: 2 << 30}, "2GiB"},
		{"1000kB", Quota{Octets: 1e6}, "1MB"},
		{"1025B", Quota{Octets: 1025}, "1025B"},
		{"100000 messages", Quota{Messages: 100000}, "100000 messages"},
		{"100000messages , 1TB", Quota{1e12, 100000}, "1TB, 100000 messages"},
		{"8388607TiB", Quota{Octets: 8388607 << 40}, "8388607TiB"},
	} {
		got, err := ParseQuota(tt.text)
		if err != nil || got != tt.want || got.String() != tt.show {
			t.Errorf("%q: %+v, %q, %v", tt.text, got, got, err)
		}
	}
	for text, want := range map[string]string{
		"2":                             "is no limit",
		"2G":                            "is no limit",
		"GB":                            "is no limit",
		"-2GB":                          "is no limit",
		"1.5GB":                         "is no limit",
		"2GB,":                          "is no limit",
		"2 Messages":                    "is no limit",
		"0GB":                           "is not between",
		"8388608TiB":                    "is not between",
		"99999999999999999999 messages": "is not between",
		"2GB, 3MB":                      "two limits of one kind",
		"2 messages,3 messages":         "two limits of one kind",
	} {
		if got, err := ParseQuota(text); err == nil || !strings.Contains(err.Error(), want) || got != (Quota{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func FuzzQuota(f *testing.F) {
	for _, text := range []string{"", "2GB", "2 GiB, 100000 messages", "1,2", "9223372036854775807B"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseQuota(text)
		if err != nil {
			return
		}
		if min(q.Octets, q.Messages) < 0 {
			t.Fatalf("%q is %+v", text, q)
		}
		if again, err := ParseQuota(q.String()); err != nil || again != q {
			t.Errorf("%q is %+v, shown as %q, which is %+v, %v", text, q, q, again, err)
		}
	})
}
