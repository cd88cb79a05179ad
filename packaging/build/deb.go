package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// scripts are what dpkg runs, from packaging/debian.
var scripts = []string{"postinst", "prerm", "postrm"}

// deb makes a package for Debian and what comes from it.
func (j *job) deb() error {
	dir, err := os.MkdirTemp("", "fantail-deb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // it is a copy
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := j.tree(dir); err != nil {
		return err
	}
	debian := filepath.Join(j.root, "packaging/debian")
	for from, to := range map[string]string{
		"README.Debian":     "usr/share/doc/fantail/README.Debian",
		"lintian-overrides": "usr/share/lintian/overrides/fantail",
	} {
		if err := copyFile(filepath.Join(debian, from), filepath.Join(dir, to)); err != nil {
			return err
		}
	}
	changes, err := os.ReadFile(filepath.Join(j.root, "CHANGES"))
	if err != nil {
		return err
	}
	doc := filepath.Join(dir, "usr/share/doc/fantail")
	if err := writeCompressed(filepath.Join(doc, "changelog.gz"), changes); err != nil {
		return err
	}
	if err := writeCompressed(filepath.Join(doc, "changelog.Debian.gz"), []byte(j.debianChangelog())); err != nil {
		return err
	}
	if err := j.control(dir, debian); err != nil {
		return err
	}
	if err := j.settle(dir); err != nil {
		return err
	}
	arch, err := command(j.root, nil, "dpkg", "--print-architecture")
	if err != nil {
		return err
	}
	// One thread: with several it depends on their number what is made.
	path := filepath.Join(j.out, fmt.Sprintf("fantail_%s-1_%s.deb", j.version, strings.TrimSpace(arch)))
	if _, err := command(j.root, []string{j.epoch()}, "dpkg-deb", "--root-owner-group", "-Zxz", "--threads-max=1",
		fmt.Sprintf("-z%d", j.level), "--build", dir, path); err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// control makes the directory DEBIAN of a tree.
func (j *job) control(dir, debian string) error {
	list, err := files(dir)
	if err != nil {
		return err
	}
	var conffiles, sums strings.Builder
	for _, path := range list {
		if strings.HasPrefix(path, "/etc/") {
			conffiles.WriteString(path + "\n")
			continue
		}
		sum, err := command(dir, nil, "md5sum", path[1:])
		if err != nil {
			return err
		}
		sums.WriteString(sum)
	}
	values, err := j.values(dir)
	if err != nil {
		return err
	}
	text := map[string]string{"conffiles": conffiles.String(), "md5sums": sums.String()}
	for _, name := range append([]string{"control"}, scripts...) {
		source, err := os.ReadFile(filepath.Join(debian, name))
		if err != nil {
			return err
		}
		if text[name], err = fill(string(source), values); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, text := range text {
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := write(filepath.Join(dir, "DEBIAN", name), []byte(text), mode); err != nil {
			return err
		}
	}
	return nil
}

// values are what stands for the names in control and the scripts.
func (j *job) values(dir string) (map[string]string, error) {
	list, err := readUnits(filepath.Join(dir, "usr/lib/systemd/system"))
	if err != nil {
		return nil, err
	}
	arch, err := command(dir, nil, "dpkg", "--print-architecture")
	if err != nil {
		return nil, err
	}
	depends, err := sharedLibraries(filepath.Join(dir, "usr/libexec/fantail/pam-helper"))
	if err != nil {
		return nil, err
	}
	size, err := kilobytes(dir)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"VERSION":    j.version + "-1",
		"MAINTAINER": j.maintainer,
		"ARCH":       strings.TrimSpace(arch),
		"SIZE":       fmt.Sprint(size),
		"LIBRARIES":  depends,
		"PORTS":      strings.Join(list.ports(), " "),
		"PRIVATE":    strings.Join(list.private(), " "),
		"ENABLED":    strings.Join(list.enabled(), " "),
		"DAEMONS":    strings.Join(list.daemons(), " "),
		"UNITS":      strings.Join(list.all(), " "),
	}, nil
}

// sharedLibraries are the packages that a program needs of the C library and PAM.
func sharedLibraries(program string) (string, error) {
	dir, err := os.MkdirTemp("", "fantail-shlibs-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) // it is empty but for what the tool wants
	if err := write(filepath.Join(dir, "debian/control"), nil, 0o644); err != nil {
		return "", err
	}
	out, err := command(dir, nil, "dpkg-shlibdeps", "-O", "-e"+program)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(strings.TrimSpace(out), "shlibs:Depends="), nil
}

// kilobytes is the size of a tree, as control has it.
func kilobytes(dir string) (int64, error) {
	var size int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().IsRegular() {
			size += (info.Size() + 1023) / 1024
		} else {
			size++
		}
		return err
	})
	return size, err
}
