package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"

	"fantail/internal/deliver"
)

// report is what the program says on standard error, which the MTA logs and puts into a
// message that it returns. A failure begins with a line of its outcome, so the log is kept
// until that is known. Who gets a message back is told that line and no more: the rest is
// about this machine.
type report struct {
	to   io.Writer
	text bytes.Buffer // all but that line
}

// logger writes to the report. The MTA knows the time.
func (r *report) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(&r.text, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// failed is end, with why.
func (r *report) failed(o deliver.Outcome, err error) int {
	fmt.Fprintf(&r.text, "deliver: %v\n", err)
	return r.end(o)
}

// end says everything, and returns the exit status.
func (r *report) end(o deliver.Outcome) int {
	var all []byte
	if o.Exit != deliver.OK {
		all = append(all, o.Line()+"\n"...)
	}
	if !o.Permanent() {
		all = append(all, r.text.Bytes()...)
	}
	// Nobody listens if this fails, and the status says it.
	_, _ = r.to.Write(all)
	return o.Exit
}
