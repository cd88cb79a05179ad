package conf

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// kind is a type of setting: how a value of the file becomes a field of Config
// and how the field is written again.
type kind struct {
	words string
	set   func(c *Config, v value, dir string) error // dir: relative paths begin here
	show  func(c *Config) string
}

// addresses is a list of host:port strings.
func addresses(field func(*Config) *[]string) kind {
	return kind{
		words: "list of addresses",
		set: func(c *Config, v value, _ string) error {
			texts, err := v.strings()
			if err != nil {
				return err
			}
			for i, t := range texts {
				if err := checkAddress(t); err != nil {
					return v.at(i, err)
				}
			}
			*field(c) = texts
			return nil
		},
		show: func(c *Config) string {
			return quoteList(*field(c))
		},
	}
}

// checkAddress accepts what net.Listen would, with a numeric port. The host
// may be empty: all addresses of the machine.
func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("address %q: want host:port", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("address %q: port %q is not a number up to 65535", s, port)
	}
	return nil
}

// file is a path; empty where the default is.
func file(field func(*Config) *string) kind {
	return kind{
		words: "path",
		set: func(c *Config, v value, dir string) error {
			text, err := v.text()
			if err != nil {
				return err
			}
			if strings.HasPrefix(text, "~") {
				return errTilde
			}
			*field(c), err = resolve(text, dir)
			return err
		},
		show: func(c *Config) string { return quote(*field(c)) },
	}
}

// mailPath is a path that may begin with "~/".
func mailPath(field func(*Config) *string) kind {
	return kind{
		words: "path, ~ is the home directory",
		set: func(c *Config, v value, dir string) error {
			text, err := v.text()
			switch {
			case err != nil:
				return err
			case text == "":
				return errors.New("mail.path is empty")
			case text == "~" || strings.HasPrefix(text, "~/"):
				*field(c) = text
				return nil
			case text[0] == '~':
				return fmt.Errorf("mail.path %q: only ~ alone and ~/ are known", text)
			}
			*field(c), err = resolve(text, dir)
			return err
		},
		show: func(c *Config) string { return quote(*field(c)) },
	}
}

func resolve(path, dir string) (string, error) {
	switch {
	case strings.ContainsRune(path, 0):
		return "", fmt.Errorf("path %q has a NUL", path)
	case path == "" || filepath.IsAbs(path):
		return path, nil
	}
	return filepath.Join(dir, path), nil
}

// choice is one of a few words.
func choice[S ~string](field func(*Config) *S, words ...S) kind {
	return kind{
		words: "word",
		set: func(c *Config, v value, _ string) error {
			text, err := v.text()
			if err != nil {
				return err
			}
			list := make([]string, len(words))
			for i, w := range words {
				if text == string(w) {
					*field(c) = w
					return nil
				}
				list[i] = string(w)
			}
			return fmt.Errorf("%q is none of %s", text, strings.Join(list, ", "))
		},
		show: func(c *Config) string { return quote(string(*field(c))) },
	}
}

// number is a whole number from 0 to a million.
func number(field func(*Config) *int) kind {
	const most = 1_000_000
	return kind{
		words: "number",
		set: func(c *Config, v value, _ string) error {
			n, err := v.integer()
			if err != nil {
				return err
			}
			if n < 0 || n > most {
				return fmt.Errorf("%d is not between 0 and %d", n, most)
			}
			*field(c) = int(n)
			return nil
		},
		show: func(c *Config) string { return strconv.Itoa(*field(c)) },
	}
}

// parsed is a string that has more to it than its octets, which parse reads. It is
// shown as its String method writes it.
func parsed[T fmt.Stringer](words string, field func(*Config) *T, parse func(string) (T, error)) kind {
	return kind{
		words: words,
		set: func(c *Config, v value, _ string) error {
			text, err := v.text()
			if err != nil {
				return err
			}
			*field(c), err = parse(text)
			return err
		},
		show: func(c *Config) string { return quote((*field(c)).String()) },
	}
}

// text is any string of one line.
func text(field func(*Config) *string) kind {
	return kind{
		words: "string",
		set: func(c *Config, v value, _ string) error {
			text, err := v.text()
			if err == nil && strings.ContainsFunc(text, unicode.IsControl) {
				err = errors.New("control characters in a string of one line")
			}
			*field(c) = text
			return err
		},
		show: func(c *Config) string { return quote(*field(c)) },
	}
}

// lines is any string, also of several lines.
func lines(field func(*Config) *string) kind {
	return kind{
		words: "string",
		set: func(c *Config, v value, _ string) (err error) {
			*field(c), err = v.text()
			if err == nil && strings.ContainsRune(*field(c), 0) {
				err = errors.New("a NUL in a string")
			}
			return err
		},
		show: func(c *Config) string { return quote(*field(c)) },
	}
}

// truth is true or false.
func truth(field func(*Config) *bool) kind {
	return kind{
		words: "true or false",
		set: func(c *Config, v value, _ string) (err error) {
			*field(c), err = v.boolean()
			return err
		},
		show: func(c *Config) string { return strconv.FormatBool(*field(c)) },
	}
}

// duration is a string such as "10s" or "1h30m".
func duration(field func(*Config) *time.Duration) kind {
	return parsed("duration", field, func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return 0, fmt.Errorf(`%q is not a duration such as "10s" or "5m"`, text)
		}
		return d, nil
	})
}

// quoteList is a list of texts as the configuration has it.
func quoteList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
