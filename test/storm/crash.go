package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// maxExamples is how many broken promises are told of each operation or file.
const maxExamples = 6

// crashOptions are what "storm crash" does.
type crashOptions struct {
	dir   string
	ops   string
	modes string
	all   bool
	few   bool // of calls that are alike only the first
}

func crash(args []string, out io.Writer) error {
	var o crashOptions
	fl := flag.NewFlagSet("storm crash", flag.ContinueOnError)
	fl.StringVar(&o.dir, "dir", "", "where the mailboxes are made; default a temporary directory")
	fl.StringVar(&o.ops, "op", "", "the one operation to interrupt; default all")
	fl.StringVar(&o.modes, "mode", "", "the ways to interrupt it, with commas between; default all")
	fl.BoolVar(&o.all, "all", false, "interrupt at every call, not at a sample of those that are alike")
	if err := fl.Parse(args); err != nil {
		return err
	}
	work, err := os.MkdirTemp(o.dir, "storm")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	o.dir = work
	bad, err := o.run(out)
	if err == nil && bad > 0 {
		err = errBroken
	}
	return err
}

// run interrupts the operations, as many at a time as there are processors, and
// returns how many interruptions broke a promise.
func (o *crashOptions) run(out io.Writer) (bad int, err error) {
	var (
		mu   sync.Mutex // guards out, bad and err
		wg   sync.WaitGroup
		todo = make(chan int)
	)
	for range runtime.NumCPU() {
		wg.Go(func() {
			for i := range todo {
				var b strings.Builder
				n, e := o.operation(i, &b)
				mu.Lock()
				io.WriteString(out, b.String())
				bad += n
				err = errors.Join(err, e)
				mu.Unlock()
			}
		})
	}
	for i, op := range operations {
		if o.ops == "" || o.ops == op.name {
			todo <- i
		}
	}
	close(todo)
	wg.Wait()
	return bad, err
}

// operation interrupts one operation in all ways.
func (o *crashOptions) operation(i int, out io.Writer) (bad int, err error) {
	op := operations[i]
	c, err := newCourse(filepath.Join(o.dir, fmt.Sprint(i)), op)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", op.name, err)
	}
	for _, m := range modes {
		if o.modes != "" && !slices.Contains(strings.Split(o.modes, ","), m.name) {
			continue
		}
		for _, n := range choose(c.calls, o.all, o.few) {
			if m.data && c.calls[n].Octets < 2 {
				continue
			}
			broken, _, err := c.interrupt(n, m)
			if err != nil {
				return bad, fmt.Errorf("%s, %s at call %d: %w", op.name, m.name, n, err)
			}
			if len(broken) > 0 {
				if bad++; bad > maxExamples {
					continue
				}
				fmt.Fprintf(out, "BROKEN %s, %s at call %d, %s\n\t%s\n", op.name, m.name, n, c.calls[n], strings.Join(broken, "\n\t"))
			}
		}
	}
	fmt.Fprintf(out, "%s: %d calls, %d interruptions, %d broken\n", op.name, len(c.calls), c.count, bad)
	return bad, nil
}
