package userdb

import (
	"fmt"
	"io"
	"os"
)

// Problem is what is wrong with a line of a passwd-file.
type Problem struct {
	Line int // from 1
	Err  error
}

// Scan reads all of a passwd-file: its accounts in the order of the file, with those
// that cannot be used, and what is wrong. The error is of reading only.
func Scan(r io.Reader) ([]Record, []Problem, error) {
	var problems []Problem
	p, err := parse(io.LimitReader(r, maxFile), func(line int, err error) { problems = append(problems, Problem{line, err}) })
	if err != nil {
		return nil, nil, err
	}
	records := make([]Record, len(p.names))
	for i, name := range p.names {
		records[i] = p.records[name]
	}
	return records, problems, nil
}

// ReadFile is Scan of the file at path.
func ReadFile(path string) ([]Record, []Problem, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the passwd-file: %w", err)
	}
	defer f.Close()
	records, problems, err := Scan(f)
	if err != nil {
		err = fmt.Errorf("read %s: %w", path, err)
	}
	return records, problems, err
}

// Broken says why the account cannot be used at all; nil if it can.
func (r Record) Broken() error { return r.broken }
