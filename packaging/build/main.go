// Build makes what Fantail is installed by:
//
//	go run ./packaging/build [-v version] [-m maintainer] [-o directory] [-z level] deb rpm
//	go run ./packaging/build -o directory generate
//
// Both packages begin as what "make install" makes, with /usr as its prefix: tree.go adds
// what packages have besides, units.go reads of the units what is switched on, deb.go and
// rpm.go have the tools of each family pack it. What follows from tables and modules is
// made by generate, for "make install" as well: completion of shells, the configuration
// with all defaults, presets, the licences of what is linked.
//
// A package is the same, octet by octet, wherever and whenever it is made of one commit:
// times are the commit's, users root, and no path of the machine is in it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

// job is a call of the program.
type job struct {
	root  string // of the repository
	out   string // where packages go
	level int    // how hard they are compressed, 0 to 9
	release
}

// kinds are what can be asked for.
var kinds = map[string]func(j *job) error{"deb": (*job).deb, "rpm": (*job).rpm, "generate": (*job).generate}

func run(args []string) error {
	fs := flag.NewFlagSet("build", flag.ContinueOnError)
	var j job
	version := fs.String("v", "", "`version` of the packages; otherwise it is that of CHANGES, or of the commit")
	maintainer := fs.String("m", "", "`maintainer` whom packages name, such as \"Ann Example <ann@example.org>\"; otherwise it is the author of the commit")
	fs.StringVar(&j.out, "o", "bin/packages", "`directory` for what is made")
	fs.IntVar(&j.level, "z", 6, "`level` of compression")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var err error
	if j.root, err = repository(); err != nil {
		return err
	}
	if j.out, err = filepath.Abs(j.out); err != nil {
		return err
	}
	if err := os.MkdirAll(j.out, 0o755); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return errors.New("what is to be made? deb, rpm or generate")
	}
	if !slices.Equal(fs.Args(), []string{"generate"}) { // which is for the source alone, too, without its history
		if j.release, err = newRelease(j.root, *version, *maintainer); err != nil {
			return err
		}
	}
	for _, name := range fs.Args() {
		make, ok := kinds[name]
		if !ok {
			return fmt.Errorf("%s cannot be made: deb, rpm or generate", name)
		}
		if err := make(&j); err != nil {
			return fmt.Errorf("make %s: %w", name, err)
		}
	}
	return nil
}

// repository is the directory with go.mod.
func repository() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("there is no go.mod above this directory")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// command runs a program in a directory. What it says is shown if it fails, and in the
// error.
func command(dir string, environment []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return "", fmt.Errorf("%s: %w\n%s%s", name, err, out, exit.Stderr)
		}
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return string(out), nil
}
