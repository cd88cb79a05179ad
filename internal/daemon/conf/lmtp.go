package conf

import (
	"fmt"
	"path/filepath"
	"strings"
)

// sockets is a list of addresses as host:port, and of local sockets as absolute paths.
func sockets(field func(*Config) *[]string) kind {
	return list("list of addresses and sockets", field, parseSocket, func(s string) string { return s })
}

func parseSocket(text string) (string, error) {
	if !strings.HasPrefix(text, "/") {
		return text, checkAddress(text)
	}
	if filepath.Clean(text) != text || len(text) > maxSocket || strings.ContainsRune(text, 0) {
		return "", fmt.Errorf("%q is no path of a socket: it is clean, and has at most %d octets", text, maxSocket)
	}
	return text, nil
}

// maxSocket is the length of the longest path of a socket, in octets (unix(7)).
const maxSocket = 107

// parseDomain reads a domain, or "*".
func parseDomain(text string) (string, error) {
	if text == "*" {
		return text, nil
	}
	if text == "" || len(text) > 255 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || strings.ContainsRune("@*,<>", r) }) {
		return "", fmt.Errorf("%q is no domain such as example.org", text)
	}
	return strings.ToLower(text), nil
}
