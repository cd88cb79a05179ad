package sessiontest

import (
	"bytes"
	"log/slog"
	"sync"
)

// Log is a log that several goroutines may write while a test reads it. The zero
// value is an empty one.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Logger writes records to the log, as lines of words such as msg=logout.
func (l *Log) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is what has been written up to now.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
