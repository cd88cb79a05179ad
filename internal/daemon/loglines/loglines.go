// Package loglines puts what another program says on its standard error into a log.
package loglines

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"strings"
)

// max is the longest line that is logged in one piece, in octets.
const max = 4 << 10

// Copy logs each line as the text of a message, until the program has closed its
// standard error. What is longer than a line may be is logged in pieces.
func Copy(r io.Reader, log *slog.Logger, message string) {
	b := bufio.NewReaderSize(r, max)
	for {
		line, err := b.ReadSlice('\n')
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			log.Info(message, "text", text)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return // the end, or nothing that would come after it
		}
	}
}
