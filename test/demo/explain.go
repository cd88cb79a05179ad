package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"fantail/test/site"
)

// explain says how to reach what runs.
func explain(out io.Writer, d *demo, services []site.Service) {
	fmt.Fprintf(out, "\nFantail runs. The account is %q, its password %q.\n\n", site.Account, site.Password)
	first := map[string]string{}
	for _, v := range services {
		where := v.Address
		if v.Greets == "" {
			where = "https://" + v.Address + "/"
		}
		note := ""
		if v.Name == "IMAP" {
			note = "  (STARTTLS)"
		} else if v.Name == "POP3" {
			note = "  (STLS)"
		}
		fmt.Fprintf(out, "  %-8s %s%s\n", v.Name, where, note)
		if first[v.Name] == "" {
			first[v.Name] = v.Address
		}
	}
	fmt.Fprintf(out, "\nThe certificate is self-signed: mail programs and browsers ask once, curl wants -k.\n")
	fmt.Fprintf(out, "Mail lies in %s, logs in %s, the configuration is %s.\n", d.show("mail", site.Account), d.show("*.log"), d.show("fantail.toml"))
	fmt.Fprintf(out, "\nTry:\n\n")
	for _, c := range commands(d, first) {
		fmt.Fprintf(out, "  %s\n", c)
	}
	fmt.Fprintln(out)
}

// commands are examples for the services that there are.
func commands(d *demo, first map[string]string) []string {
	var list []string
	user := fmt.Sprintf("-u %s:%s", site.Account, site.Password)
	if a := first["IMAPS"]; a != "" {
		list = append(list, fmt.Sprintf("curl -k imaps://%s/INBOX %s", a, user),
			fmt.Sprintf("curl -k 'imaps://%s/INBOX;MAILINDEX=1' %s", a, user))
	}
	if a := first["POP3S"]; a != "" {
		list = append(list, fmt.Sprintf("curl -k pop3s://%s/ %s", a, user))
	}
	deliver := filepath.Join(d.shownBin, "deliver")
	return append(list, fmt.Sprintf(`printf 'Subject: hello\n\nIt works.\n' | %s -c %s -d %s`,
		quoteArg(deliver), quoteArg(d.show("fantail.toml")), site.Account))
}

// show names a file in the directory as the caller would.
func (d *demo) show(elem ...string) string {
	return filepath.Join(append([]string{d.shown}, elem...)...)
}

// quoteArg quotes a word for the shell where it needs that.
func quoteArg(s string) string {
	if strings.ContainsAny(s, " \t\n'\"\\$`*?[]{}()<>|&;~#!") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
