// Package systemd tests Fantail installed in a Debian with a real systemd: its units and
// their sockets, PAM and users of the system, upgrades and crashes.
package systemd
