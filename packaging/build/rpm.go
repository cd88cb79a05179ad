package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sections are the scripts that rpm runs, from packaging/rpm.
var sections = []string{"post", "preun", "postun", "posttrans"}

// rpm makes a package for the family of Red Hat.
func (j *job) rpm() error {
	top, err := os.MkdirTemp("", "fantail-rpm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(top) // what is made is moved out of it
	dir := filepath.Join(top, "tree")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := j.tree(dir); err != nil {
		return err
	}
	if err := j.redHat(dir); err != nil {
		return err
	}
	if err := j.settle(dir); err != nil {
		return err
	}
	spec, err := j.spec(dir)
	if err != nil {
		return err
	}
	path := filepath.Join(top, "fantail.spec")
	if err := write(path, []byte(spec), 0o644); err != nil {
		return err
	}
	args := []string{"-bb", "--quiet"}
	for name, value := range map[string]string{
		"_topdir":                            top,
		"_rpmdir":                            j.out,
		"_buildhost":                         "fantail",
		"_binary_payload":                    fmt.Sprintf("w%d.xzdio", max(j.level, 1)),
		"_build_name_fmt":                    "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
		"use_source_date_epoch_as_buildtime": "1",
		"clamp_mtime_to_source_date_epoch":   "1",
		"source_date_epoch_from_changelog":   "0",
		"_build_id_links":                    "none",
		"_unpackaged_files_terminate_build":  "1",
		"_missing_doc_files_terminate_build": "1",
	} {
		args = append(args, "--define", name+" "+value)
	}
	if _, err := command(top, []string{j.epoch(), "LC_ALL=C.UTF-8"}, "rpmbuild", append(args, path)...); err != nil {
		return err
	}
	made, err := filepath.Glob(filepath.Join(j.out, "fantail-"+j.version+"-1.*.rpm"))
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(made, "\n"))
	return nil
}

// redHat makes a tree what that family expects: no group shadow, PAM's stacks by their
// names there, licences in a directory of their own.
func (j *job) redHat(dir string) error {
	own := filepath.Join(j.root, "packaging/rpm")
	for from, to := range map[string]string{
		filepath.Join(own, "pam"):          "etc/pam.d/fantail",
		filepath.Join(own, "authd.conf"):   "usr/lib/systemd/system/fantail-authd.service.d/shadow.conf",
		filepath.Join(j.root, "CHANGES"):   "usr/share/doc/fantail/CHANGES",
		filepath.Join(j.root, "README.md"): "usr/share/doc/fantail/README.md",
		filepath.Join(j.root, "LICENSE"):   "usr/share/licenses/fantail/LICENSE",
	} {
		if err := copyFile(from, filepath.Join(dir, to)); err != nil {
			return err
		}
	}
	// SELinux does there what AppArmor does in Debian, and firewalld, which knows the ports,
	// what ufw does.
	for _, other := range []string{"etc/apparmor.d", "etc/ufw"} {
		if err := os.RemoveAll(filepath.Join(dir, other)); err != nil {
			return err
		}
	}
	if err := os.Rename(filepath.Join(dir, "usr/share/doc/fantail/copyright"), filepath.Join(dir, "usr/share/licenses/fantail/MODULES")); err != nil {
		return err
	}
	users := filepath.Join(dir, "usr/lib/sysusers.d/fantail.conf")
	text, err := os.ReadFile(users)
	if err != nil {
		return err
	}
	lines := strings.ReplaceAll(string(text), "m _fantail-auth shadow\n", "")
	if lines == string(text) {
		return fmt.Errorf("%s has no line about the group shadow", users)
	}
	return write(users, []byte(lines), 0o644)
}

// owned are the directories that are the package's.
var owned = []string{"/etc/fantail", "/etc/fantail/conf.d", "/usr/libexec/fantail", "/usr/lib/systemd/system/fantail-authd.service.d",
	"/usr/share/doc/fantail", "/usr/share/licenses/fantail"}

// directories are those that are owned, and those of the paths that are in one of them.
func directories(paths []string) []string {
	list := slices.Clone(owned)
	for _, path := range paths {
		for dir := filepath.Dir(path); dir != "/" && !slices.Contains(list, dir); dir = filepath.Dir(dir) {
			if slices.ContainsFunc(owned, func(top string) bool { return strings.HasPrefix(dir, top+"/") }) {
				list = append(list, dir)
			}
		}
	}
	slices.Sort(list)
	return list
}

// spec is the specification for rpmbuild.
func (j *job) spec(dir string) (string, error) {
	list, err := readUnits(filepath.Join(dir, "usr/lib/systemd/system"))
	if err != nil {
		return "", err
	}
	paths, err := files(dir)
	if err != nil {
		return "", err
	}
	var lines strings.Builder
	for _, path := range directories(paths) {
		fmt.Fprintf(&lines, "%%dir %%attr(0755,root,root) %s\n", path)
	}
	for _, path := range paths {
		kind := ""
		switch {
		case strings.HasPrefix(path, "/etc/"):
			kind = "%config(noreplace) "
		case strings.HasPrefix(path, "/usr/share/doc/"), strings.HasPrefix(path, "/usr/share/man/"):
			kind = "%doc "
		case strings.HasPrefix(path, "/usr/share/licenses/"):
			kind = "%license "
		}
		fmt.Fprintf(&lines, "%s%%attr(-,root,root) %s\n", kind, path)
	}
	var scripts strings.Builder
	for _, name := range sections {
		text, err := os.ReadFile(filepath.Join(j.root, "packaging/rpm", name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&scripts, "%%%s\n%s\n", name, text)
	}
	text, err := os.ReadFile(filepath.Join(j.root, "packaging/rpm/fantail.spec"))
	if err != nil {
		return "", err
	}
	// Scripts first: they have names to fill in, too.
	return fill(strings.ReplaceAll(string(text), "@SCRIPTS@", scripts.String()), map[string]string{
		"VERSION":   j.version,
		"PACKAGER":  j.maintainer,
		"TREE":      dir,
		"FILES":     lines.String(),
		"CHANGELOG": j.rpmChangelog(),
		"PORTS":     strings.Join(list.ports(), " "),
		"ENABLED":   strings.Join(list.enabled(), " "),
		"DAEMONS":   strings.Join(list.daemons(), " "),
		"UNITS":     strings.Join(list.all(), " "),
	})
}
