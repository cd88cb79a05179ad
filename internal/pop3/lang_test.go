package pop3

import (
	"errors"
	"testing"
)

func TestAppendLang(t *testing.T) {
	for in, want := range map[string]string{
		"LANG":    "+OK Language listing follows.\r\nen English\r\n.\r\n",
		"LANG ":   "+OK Language listing follows.\r\nen English\r\n.\r\n",
		"LANG en": "+OK en This is English.\r\n",
		"lang EN": "+OK en This is English.\r\n",
		"LANG *":  "+OK en This is English.\r\n",
	} {
		cmd, err := ParseCommand([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := AppendLang(nil, &cmd.Args); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
	for in, want := range map[string]error{"LANG de": ErrLanguage, "LANG en-US": ErrLanguage, "LANG e": ErrLanguage, "LANG en en": ErrTooMany, "LANG \x01": ErrOctet} {
		cmd, err := ParseCommand([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := AppendLang(nil, &cmd.Args); !errors.Is(err, want) || len(got) > 0 {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}
