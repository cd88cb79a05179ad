// Package loglines puts what another program says on its standard error into a log.
//
// A program of ours says records, in the form of slog.TextHandler; they become records of
// this log, with their level, their message and what they have besides. The program need
// not be trusted: what is known of it stands in the log that Copy is given, and is not the
// program's to say; it tells of no event that is this daemon's alone (journal.MaySay); and
// its number, in the field FANTAIL_PID, tells its records from others. Everything else it
// says is text.
package loglines

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"fantail/internal/daemon/journal"
)

const (
	// max is the longest line that is logged in one piece, in octets.
	max = 4 << 10
	// mostAttributes is how many a record may have.
	mostAttributes = 32
)

// Program is one that says something.
type Program struct {
	// Log has what is known of the program.
	Log *slog.Logger
	// Message is that of lines which are no records.
	Message string
	// Foreign says that none is: the program is not one of ours.
	Foreign bool
	// Says reports whether the program may say an attribute; what it may not is left out.
	// Of its own time, and its number (pid), nothing is taken in any case. nil: all others
	// may be.
	Says func(key, value string) bool
}

// Copy logs each line until the program has closed its standard error. What is longer than
// a line may be is logged in pieces.
func (p Program) Copy(r io.Reader) {
	b := bufio.NewReaderSize(r, max)
	for whole := true; ; {
		line, err := b.ReadSlice('\n')
		cut := errors.Is(err, bufio.ErrBufferFull)
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			p.log(text, whole && !cut)
		}
		whole = !cut
		if err != nil && !cut {
			return // the end, or nothing that would come after it
		}
	}
}

// log logs a line, or a piece of one.
func (p Program) log(text string, whole bool) {
	var list [mostAttributes]slog.Attr
	record, attrs, ok := parse(text, list[:0])
	if p.Foreign || !whole || !ok || !journal.MaySay(record.message) {
		p.Log.Info(p.Message, "text", text)
		return
	}
	kept := attrs[:0]
	for _, a := range attrs {
		if a.Key != "pid" && (p.Says == nil || p.Says(a.Key, a.Value.String())) {
			kept = append(kept, a)
		}
	}
	p.Log.LogAttrs(context.Background(), record.level, record.message, kept...)
}
