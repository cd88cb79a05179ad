package conf

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// WarningSettings are for who is told that a mailbox becomes full.
type WarningSettings struct {
	Percents []int // of the limits, from 1 to 100, rising; none: nobody is told
	Message  bool  // the owner is told, by a message
	// Command is a program with its arguments, which is run for each crossing of a
	// percentage; none: no program is. Directory is where those who deliver on a pipe
	// leave the names of accounts for which it is to be run; "": nowhere.
	Command   []string
	Directory string
	Language  Language
	From      string // an address with or without a name; "": postmaster
	Text      WarningText
}

// Language is one in which there are messages.
type Language string

// Languages are the values of mail.quota_warning_language.
var Languages = []Language{"en", "de", "es", "fr", "it", "nl", "pl"}

// percents is a list of whole numbers from 1 to 100, which are sorted.
func percents(field func(*Config) *[]int) kind {
	return kind{
		words: "list of percentages",
		set: func(c *Config, v value, _ string) error {
			if v.kind != unstable.Array {
				return fmt.Errorf("want a list such as [80, 95], not %s", v.words())
			}
			list := make([]int, len(v.items))
			for i, item := range v.items {
				n, err := item.integer()
				if err == nil && (n < 1 || n > 100) {
					err = fmt.Errorf("%d is not between 1 and 100", n)
				}
				if err != nil {
					return v.at(i, err)
				}
				list[i] = int(n)
			}
			slices.Sort(list)
			*field(c) = slices.Compact(list)
			return nil
		},
		show: func(c *Config) string {
			list := make([]string, len(*field(c)))
			for i, n := range *field(c) {
				list[i] = strconv.Itoa(n)
			}
			return "[" + strings.Join(list, ", ") + "]"
		},
	}
}

// address is a string with an address of mail, or an empty one.
func address(field func(*Config) *string) kind {
	k := text(field)
	set := k.set
	k.words = "address"
	k.set = func(c *Config, v value, dir string) error {
		if err := set(c, v, dir); err != nil || *field(c) == "" {
			return err
		}
		if _, err := mail.ParseAddress(*field(c)); err != nil {
			return fmt.Errorf(`%q is no address such as "Postmaster <postmaster@example.org>"`, *field(c))
		}
		return nil
	}
	return k
}

// WarningText is the text of the message to who owns a mailbox that becomes full: a line
// with its subject, an empty one, and the body, with variables:
//
//	%{user}     the account
//	%{percent}  how full it is
//	%{used}     how much mail there is, %{limit} how much there may be, in words
//	%%          a percent sign
//
// The zero WarningText is that of the language.
type WarningText string

// maxWarning is the size of the longest text, in octets.
const maxWarning = 16 << 10

const subjectField = "Subject:"

// ParseWarningText checks a text.
func ParseWarningText(text string) (WarningText, error) {
	t := WarningText(strings.ReplaceAll(text, "\r\n", "\n"))
	if t == "" {
		return "", nil
	}
	first, rest, _ := strings.Cut(string(t), "\n")
	subject, ok := strings.CutPrefix(first, subjectField)
	switch {
	case len(t) > maxWarning:
		return "", fmt.Errorf("a text of more than %d octets", maxWarning)
	case !ok || strings.TrimSpace(subject) == "" || !strings.HasPrefix(rest, "\n"):
		return "", errors.New(`the text has no first line "Subject: ..." with an empty line behind it`)
	case !utf8.ValidString(string(t)):
		return "", errors.New("the text is not UTF-8")
	case strings.ContainsFunc(string(t), func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return "", errors.New("a control character in the text")
	}
	_, _, err := t.Expand(func(string) string { return "" })
	return t, err
}

// Expand returns the subject and the body of a text that is not empty, with what value
// says of user, percent, used and limit.
func (t WarningText) Expand(value func(variable string) string) (subject, body string, err error) {
	text, err := substitute(string(t), func(variable string) (string, error) {
		if !slices.Contains([]string{"user", "percent", "used", "limit"}, variable) {
			return "", fmt.Errorf("%%{%.20s} is none of %%{user}, %%{percent}, %%{used}, %%{limit}", variable)
		}
		return value(variable), nil
	})
	first, rest, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(strings.TrimPrefix(first, subjectField)), strings.TrimPrefix(rest, "\n"), err
}

// String is the text as ParseWarningText reads it.
func (t WarningText) String() string { return string(t) }
