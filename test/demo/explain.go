package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// explain says how to reach what runs.
func explain(out io.Writer, s *site, services []service) {
	fmt.Fprintf(out, "\nFantail runs. The account is %q, its password %q.\n\n", account, password)
	first := map[string]string{}
	for _, v := range services {
		where := v.address
		if v.greets == "" {
			where = "https://" + v.address + "/"
		}
		note := ""
		if v.name == "IMAP" {
			note = "  (STARTTLS)"
		} else if v.name == "POP3" {
			note = "  (STLS)"
		}
		fmt.Fprintf(out, "  %-8s %s%s\n", v.name, where, note)
		if first[v.name] == "" {
			first[v.name] = v.address
		}
	}
	fmt.Fprintf(out, "\nThe certificate is self-signed: mail programs and browsers ask once, curl wants -k.\n")
	fmt.Fprintf(out, "Mail lies in %s, logs in %s, the configuration is %s.\n", s.show("mail", account), s.show("*.log"), s.show("fantail.toml"))
	fmt.Fprintf(out, "\nTry:\n\n")
	for _, c := range commands(s, first) {
		fmt.Fprintf(out, "  %s\n", c)
	}
	fmt.Fprintln(out)
}

// commands are examples for the services that there are.
func commands(s *site, first map[string]string) []string {
	var list []string
	user := fmt.Sprintf("-u %s:%s", account, password)
	if a := first["IMAPS"]; a != "" {
		list = append(list, fmt.Sprintf("curl -k imaps://%s/INBOX %s", a, user),
			fmt.Sprintf("curl -k 'imaps://%s/INBOX;MAILINDEX=1' %s", a, user))
	}
	if a := first["POP3S"]; a != "" {
		list = append(list, fmt.Sprintf("curl -k pop3s://%s/ %s", a, user))
	}
	deliver := filepath.Join(s.shownBin, "deliver")
	return append(list, fmt.Sprintf(`printf 'Subject: hello\n\nIt works.\n' | %s -c %s -d %s`,
		quoteArg(deliver), quoteArg(s.show("fantail.toml")), account))
}

// show names a file in the directory as the caller would.
func (s *site) show(elem ...string) string {
	return filepath.Join(append([]string{s.shown}, elem...)...)
}

// quoteArg quotes a word for the shell where it needs that.
func quoteArg(s string) string {
	if strings.ContainsAny(s, " \t\n'\"\\$`*?[]{}()<>|&;~#!") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
