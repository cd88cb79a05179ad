// Package packaging tests the packages that "make deb rpm" makes: that they are the same
// octets wherever they are made, what lintian and rpmlint say of them, and what they do to
// a Debian with a real systemd: installed, reloaded, upgraded while clients come, and all
// the way to purged (debian_test.go, rpm_test.go); read in Chromium (chromium_test.go); in
// the place of the release's Dovecot, and back (move_test.go). What takes longer than a
// minute runs with the flag -lab: "make lab"; with -shots DIR it keeps what Chromium shows.
package packaging
