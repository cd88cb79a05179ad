package conf

import "testing"

func TestParseAccountQuota(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "",
		"none":                            "none",
		"2GB,1000messages":                "2GB, 1000 messages",
		"*:storage=1G":                    "1GiB",
		"*:storage=10":                    "10KiB",
		"*:storage=0":                     "none",
		"*:bytes=1000000":                 "1MB",
		"*:bytes=10m:messages=5":          "10MiB, 5 messages",
		"*:messages=7":                    "7 messages",
		"*:storage=0:messages=7":          "7 messages",
		"*:ignore":                        "none",
		"*:bytes=9223372036854775807":     "9223372036854775807B",
		"*:bytes=9223372036854775808":     "!",
		"*:storage=9223372036854775807":   "!",
		"*:storage=1G:bytes=5":            "!",
		"*:storage=0:storage=5":           "!",
		"*:storage=+10%":                  "!",
		"*:storage=-1":                    "!",
		"*:storage=1GB":                   "!",
		"*:messages=1k":                   "!",
		"*:":                              "!",
		"*:storage=1G:":                   "!",
		"*:noenforcing":                   "!",
		"10000000S,5000C":                 "10MB, 5000 messages",
		"5000C":                           "5000 messages",
		"0S,5000C":                        "5000 messages",
		"0S":                              "none",
		"0S,0C":                           "none",
		"5S,5S":                           "!",
		"5S,5":                            "!",
		"S":                               "!",
		"5,5S":                            "!",
		"-5S":                             "!",
		"99999999999999999999C":           "!",
		"Trash:storage=1G":                "!",
		"1000":                            "!",
		"0B":                              "!",
		"2GB, 2GB":                        "!",
		"*:storage=99999999999999999999T": "!",
	} {
		got, err := ParseAccountQuota(text)
		if want == "!" {
			if err == nil {
				t.Errorf("%q is read as %q", text, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%q is read as %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestForAccount(t *testing.T) {
	all := MailSettings{Quota: Quota{Octets: 5, Messages: 6}}
	for own, want := range map[string]MailSettings{
		"":           all,
		"none":       {Unlimited: true},
		"2KiB":       {Quota: Quota{Octets: 2 << 10}},
		"9 messages": {Quota: Quota{Messages: 9}},
	} {
		got, err := all.ForAccount(own)
		if err != nil || got.Quota != want.Quota || got.Unlimited != want.Unlimited {
			t.Errorf("%q: %+v, %v", own, got, err)
		}
	}
	if _, err := all.ForAccount("much"); err == nil {
		t.Error("much is a limit")
	}
}

// What is read can be read by ForAccount, and is its own form.
func FuzzParseAccountQuota(f *testing.F) {
	for _, s := range []string{"", "none", "2GB, 5 messages", "*:storage=1G:messages=5", "*:bytes=0", "*:ignore", "*:storage=1%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		own, err := ParseAccountQuota(text)
		if err != nil {
			return
		}
		s, err := MailSettings{}.ForAccount(own)
		if err != nil || s.Quota.Octets < 0 || s.Quota.Messages < 0 {
			t.Errorf("%q is read as %q: %+v, %v", text, own, s, err)
		}
		if again, err := ParseAccountQuota(own); err != nil || again != own {
			t.Errorf("%q is read as %q, and that as %q, %v", text, own, again, err)
		}
	})
}
