# Fantail. "make run" and "make test" work on a fresh Debian machine with Go.

GO      ?= go
PREFIX  ?= /usr/local
DESTDIR ?=
BIN     ?= bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# Fronts, the delivery agent and the admin's tool are commands; what is started for
# them lives beside each other in libexec. pam-helper alone needs a C compiler, and PAM.
COMMANDS = fantail imapd pop3d webmaild deliver lmtpd
HELPERS  = authd sessiond keyd checkpassword-reply imap-session pop3-session webmail-session deliver-session submitd webmail-submit quota-command
PROGRAMS = $(COMMANDS) $(HELPERS)
PAGES    = $(wildcard man/*.[1578])
UNITS    = $(notdir $(wildcard packaging/systemd/*))

MAINTAINER ?=
FUZZTIME ?= 60s
SOAKTIME ?= 60s
BENCHARGS ?=

export CGO_ENABLED = 0

.PHONY: all build pam-helper run test check bench fuzz soak lab install deb rpm clean go packages

all: build

go:
	@command -v $(GO) >/dev/null || { \
	  echo "Fantail is built with Go 1.26 or later, which is not installed." >&2; \
	  echo "Get it from https://go.dev/dl/, or: apt-get install golang-1.26-go" >&2; \
	  exit 1; }

build: go pam-helper
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN)/ $(PROGRAMS:%=./cmd/%)

pam-helper: go
	@if echo '#include <security/pam_appl.h>' | $(CC) -E - >/dev/null 2>&1; then set -x; \
	  CGO_ENABLED=1 $(GO) build -tags pam -buildmode=pie -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN)/ ./cmd/pam-helper; \
	else rm -f $(BIN)/pam-helper; \
	  echo "pam-helper is not built: it needs a C compiler and PAM's headers (libpam0g-dev)"; fi

run: build
	@$(GO) build -trimpath -o bin/demo ./test/demo
	@exec bin/demo -dir run -bin bin

# What the tests use of Debian: real clients, a real Dovecot, a real browser.
packages:
	@test/packages

test: go packages build
	$(GO) vet ./...
	$(GO) test -timeout 25m ./...
	mandoc -Tlint -Wwarning $(PAGES)

check: go packages build
	@test -z "$$(gofmt -l cmd internal packaging test)" || { gofmt -l cmd internal packaging test; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	CGO_ENABLED=1 $(GO) test -race -shuffle=on ./...
	mandoc -Tlint -Wwarning $(PAGES)

# Beside Dovecot; bench.html has the figures with charts. And what the time of a refused
# login tells of accounts, which should be nothing: about 50 %-guessed.
bench: go packages build
	$(GO) run ./test/bench -bin bin $(BENCHARGS)
	$(GO) test -run '^$$' -bench '^BenchmarkGuess$$' -benchtime 1x ./internal/login/passdb/...

fuzz: go
	@test/fuzz $(FUZZTIME)

# What takes minutes and a systemd of its own: packages installed, upgraded and removed.
lab: go packages
	$(GO) test -count=1 -timeout 60m ./test/packaging -lab

# Races, crashes, full disks and damaged files, on every file system there is.
soak: go packages
	@test/soak $(SOAKTIME)

# The pictures of webmail in README.
pictures: go packages
	$(GO) test ./test/browser -count=1 -run '^TestReadme$$' -shots $(CURDIR)/doc/pictures

# Programs are replaced as a whole: those that run keep theirs, and none is started
# that is half written.
install: build
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/libexec/fantail
	set -e; for program in $(COMMANDS:%=sbin/%) $(HELPERS:%=libexec/fantail/%) libexec/fantail/pam-helper; do \
	  [ -e $(BIN)/$${program##*/} ] || continue; \
	  install -m 755 $(BIN)/$${program##*/} $(DESTDIR)$(PREFIX)/$$program.new; \
	  mv -f $(DESTDIR)$(PREFIX)/$$program.new $(DESTDIR)$(PREFIX)/$$program; \
	done
	for page in $(PAGES); do \
	  install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	for unit in $(UNITS); do \
	  sed 's,/usr/\(sbin\|libexec\)/,$(PREFIX)/\1/,' packaging/systemd/$$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit 1; \
	done
	install -m 644 packaging/sysusers.d/fantail.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -m 644 packaging/tmpfiles.d/fantail.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	for file in pam.d/fantail apparmor.d/fantail fail2ban/filter.d/fantail.conf fail2ban/jail.d/fantail.conf; do \
	  [ -e $(DESTDIR)/etc/$$file ] || install -D -m 644 packaging/$$file $(DESTDIR)/etc/$$file || exit 1; \
	done
	[ -e $(DESTDIR)/etc/ufw/applications.d/fantail ] || install -D -m 644 packaging/ufw/fantail $(DESTDIR)/etc/ufw/applications.d/fantail
	install -D -m 644 doc/admin.md $(DESTDIR)$(PREFIX)/share/doc/fantail/admin.md
	cd packaging/examples && for file in $$(find . -type f); do \
	  install -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/doc/fantail/examples/$$file || exit 1; \
	done
	$(GO) run ./packaging/build -o $(BIN)/generated generate
	install -D -m 644 $(BIN)/generated/50-fantail.preset $(DESTDIR)$(PREFIX)/lib/systemd/system-preset/50-fantail.preset
	install -D -m 644 $(BIN)/generated/fantail.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/fantail
	install -D -m 644 $(BIN)/generated/_fantail $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_fantail
	install -D -m 644 $(BIN)/generated/fantail.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/fantail.fish

# Packages, into bin/packages; the same octets for everyone who makes them of one commit.
# They name as their maintainer who has made the commit, or MAINTAINER.
deb rpm: go
	$(GO) run ./packaging/build $(if $(filter command line,$(origin VERSION)),-v $(VERSION)) $(if $(MAINTAINER),-m '$(MAINTAINER)') $@

clean:
	rm -rf bin
