// Package packaging tests the packages that "make deb rpm" makes: that they are the same
// octets wherever they are made, what lintian and rpmlint say of them, and what they do to
// a Debian with a real systemd. What takes longer than a minute runs with the flag -lab:
// "make lab".
package packaging
