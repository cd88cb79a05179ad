package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// release is what is packed.
type release struct {
	version    string    // such as 0.2, or 0.2~20270131.1200 on the way there; for Debian and rpm alike
	time       time.Time // of everything in a package
	maintainer string    // whom packages name, "Ann Example <ann@example.org>"
	changes    []change  // the newest first
}

// change is a release in CHANGES.
type change struct {
	version string
	day     time.Time // zero: it is not released
}

// newRelease finds out what is in a repository. Between two releases the version is that
// of the next one, with the time of the commit: such versions follow each other, and the
// release follows them.
func newRelease(root, version, maintainer string) (release, error) {
	text, err := os.ReadFile(filepath.Join(root, "CHANGES"))
	if err != nil {
		return release{}, err
	}
	r := release{version: version}
	if r.changes, err = parseChanges(string(text)); err != nil {
		return release{}, err
	}
	if r.time, err = commitTime(root); err != nil {
		return release{}, err
	}
	if r.maintainer, err = maintainerOf(root, maintainer); err != nil {
		return release{}, err
	}
	if r.version != "" {
		return r, nil
	}
	r.version = r.changes[0].version
	if r.changes[0].day.IsZero() {
		r.version += "~" + r.time.UTC().Format("20060102.150405")
	}
	return r, nil
}

// commitTime is SOURCE_DATE_EPOCH, if somebody has said, or when the last commit was.
func commitTime(root string) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := command(root, nil, "git", "log", "-1", "--format=%ct")
		if err != nil {
			return time.Time{}, fmt.Errorf("find out of when this is (SOURCE_DATE_EPOCH says it where there is no git): %w", err)
		}
		text = strings.TrimSpace(out)
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("the time of the source: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// person is a name and an address, as the fields of packages have them.
var person = regexp.MustCompile(`^[^<>@,\n]+ <[^<>@\s]+@[^<>@\s]+>$`)

// maintainerOf is who has been named, or the author of the last commit: not who makes the
// package, which would differ with everybody who does.
func maintainerOf(root, named string) (string, error) {
	if named == "" {
		out, err := command(root, nil, "git", "log", "-1", "--format=%an <%ae>")
		if err != nil {
			return "", fmt.Errorf("find out whom packages name (MAINTAINER says it where there is no git): %w", err)
		}
		named = strings.TrimSpace(out)
	}
	if !person.MatchString(named) {
		return "", fmt.Errorf("packages cannot name %q as their maintainer: MAINTAINER='Ann Example <ann@example.org>'", named)
	}
	return named, nil
}

// epoch is the time as tools want it in their environment.
func (r release) epoch() string { return fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.time.Unix()) }

// parseChanges reads the lines that begin a release: "0.1 (2027-01-31)", "0.2 (not
// released)".
func parseChanges(text string) ([]change, error) {
	var list []change
	for line := range strings.Lines(text) {
		version, rest, ok := strings.Cut(strings.TrimSpace(line), " (")
		if !ok || line[0] < '0' || line[0] > '9' {
			continue
		}
		c := change{version: version}
		if when := strings.TrimSuffix(rest, ")"); when != "not released" {
			var err error
			if c.day, err = time.Parse(time.DateOnly, when); err != nil {
				return nil, fmt.Errorf("CHANGES, of %s: %w", version, err)
			}
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, errors.New("CHANGES has no release")
	}
	return list, nil
}

// debianChangelog is debian/changelog, whose entries say where the changes are.
func (r release) debianChangelog() string {
	var b strings.Builder
	for i, c := range r.changes {
		version, day := c.version, c.day
		if i == 0 {
			version = r.version
		}
		if day.IsZero() {
			day = r.time
		}
		fmt.Fprintf(&b, "fantail (%s-1) unstable; urgency=medium\n\n", version)
		if i == len(r.changes)-1 {
			b.WriteString("  * The first package.\n")
		} else {
			b.WriteString("  * A new version; changelog.gz has what is new in it.\n")
		}
		fmt.Fprintf(&b, "\n -- %s  %s\n\n", r.maintainer, day.Format(time.RFC1123Z))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// rpmChangelog is the part %changelog of a specification.
func (r release) rpmChangelog() string {
	var b strings.Builder
	for i, c := range r.changes {
		version, day := c.version, c.day
		if i == 0 {
			version = r.version
		}
		if day.IsZero() {
			day = r.time
		}
		fmt.Fprintf(&b, "* %s %s - %s-1\n- Version %s; CHANGES has what is new in it.\n\n", day.Format("Mon Jan 02 2006"), r.maintainer, version, version)
	}
	return b.String()
}
