package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// unit is what packages want to know of one of systemd.
type unit struct {
	name    string
	enabled bool // it has a part [Install]: it is switched on by installing it
	port    int  // on which a socket listens, 0 if it is a path
	daemon  bool // a service that runs on, so that an upgrade starts it again
}

// units are those of the package, without templates, in the order of their names.
type units []unit

// last are the services that an upgrade starts again when all others have been: the fronts
// take leave of their clients before what has started those clients' sessions does.
var last = []string{"fantail-sessiond.service", "fantail-submitd.service"}

func readUnits(dir string) (units, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no units in %s: %w", dir, err)
	}
	var list units
	for _, path := range paths {
		if strings.Contains(path, "@.") || filepath.Ext(path) == ".d" {
			continue
		}
		u, err := readUnit(path)
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, nil
}

func readUnit(path string) (unit, error) {
	file, err := os.Open(path)
	if err != nil {
		return unit{}, err
	}
	defer file.Close()
	u := unit{name: filepath.Base(path)}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		switch key {
		case "[Install]":
			u.enabled = true
		case "Type":
			u.daemon = value == "notify"
		case "ListenStream":
			if n, err := strconv.Atoi(value); err == nil {
				u.port = n
			}
		}
	}
	return u, lines.Err()
}

// names are those of the units for which ok holds.
func (list units) names(ok func(u unit) bool) []string {
	var names []string
	for _, u := range list {
		if ok(u) {
			names = append(names, u.name)
		}
	}
	return names
}

// enabled are the units that are switched on.
func (list units) enabled() []string { return list.names(func(u unit) bool { return u.enabled }) }

// private are those of them that no port can be in the way of.
func (list units) private() []string {
	return list.names(func(u unit) bool { return u.enabled && u.port == 0 })
}

// daemons are the services that run on, in the order in which an upgrade starts them
// again.
func (list units) daemons() []string {
	names := list.names(func(u unit) bool { return u.daemon && !slices.Contains(last, u.name) })
	return append(names, last...)
}

// ports are the sockets that listen on ports: "unit:port".
func (list units) ports() []string {
	var ports []string
	for _, u := range list {
		if u.port != 0 {
			ports = append(ports, fmt.Sprintf("%s:%d", u.name, u.port))
		}
	}
	return ports
}

// all are the units in the order in which they are stopped: what listens, first.
func (list units) all() []string {
	return append(list.names(func(u unit) bool { return u.enabled }), list.names(func(u unit) bool { return !u.enabled })...)
}

// preset is a file of systemd.preset(5).
func (list units) preset() string {
	var b strings.Builder
	for _, name := range list.enabled() {
		fmt.Fprintf(&b, "enable %s\n", name)
	}
	return b.String()
}
