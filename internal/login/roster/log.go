package roster

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"strings"
)

// maxLogLine is the longest line of a session program that is logged in one
// piece, in octets.
const maxLogLine = 4 << 10

// logLines copies lines to the log until the program has closed its standard
// error. What is longer than a line may be is logged in pieces.
func logLines(r io.Reader, log *slog.Logger) {
	b := bufio.NewReaderSize(r, maxLogLine)
	for {
		line, err := b.ReadSlice('\n')
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			log.Info("session says", "text", text)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return // the end, or nothing that would come after it
		}
	}
}
