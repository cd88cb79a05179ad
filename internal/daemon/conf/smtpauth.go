package conf

import (
	"errors"
	"fmt"
	"strings"
)

// SMTPAuthSettings say where mail servers ask authd.
type SMTPAuthSettings struct {
	Sockets []string // absolute paths
}

// paths are paths of files that a program makes.
func paths(field func(*Config) *[]string) kind {
	return kind{
		words: "list of paths",
		set: func(c *Config, v value, dir string) error {
			texts, err := v.strings()
			if err != nil {
				return err
			}
			for i, t := range texts {
				switch {
				case t == "":
					err = errors.New("an empty path")
				case strings.HasPrefix(t, "~"):
					err = errTilde
				default:
					texts[i], err = resolve(t, dir)
				}
				if err == nil && len(texts[i]) > maxSocketPath {
					err = fmt.Errorf("the path of a socket has at most %d octets", maxSocketPath)
				}
				if err != nil {
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

// maxSocketPath is what fits the address of a unix socket (unix(7)).
const maxSocketPath = 107
