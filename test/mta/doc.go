// Package mta tests Fantail as what Debian's own mail servers deliver to, each in a
// container with a real systemd, and each configured by the lines that the man pages give
// for it; and webmail as what sends by one of them.
package mta
