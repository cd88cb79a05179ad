package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"fantail/internal/daemon/metrics"
)

const (
	// requestTime is how long a client may take to ask.
	requestTime = 10 * time.Second
	// maxRequest is the longest head of a request, in octets.
	maxRequest = 16 << 10
)

// serve answers one request of HTTP/1.1 (RFC 9112) on standard input and closes: a program
// for each look of Prometheus, once in half a minute, so that nothing runs in between and
// no library for the web is linked. What it is asked with has no say in what it does.
func (s *stats) serve(ctx context.Context, t *tool) error {
	if t.in.SetReadDeadline(time.Now().Add(requestTime)) != nil {
		// A socket in blocking mode: the time of the program is bounded, then.
		time.AfterFunc(requestTime, func() { t.in.Close() })
	}
	method, path, err := readRequest(t.in)
	if err != nil {
		if err == io.EOF { // somebody has looked whether the port is open
			return nil
		}
		_, werr := io.WriteString(t.out, response("400 Bad Request", "text/plain; charset=utf-8", "That is no request.\n", true))
		return errors.Join(&failure{exitData, fmt.Errorf("read a request: %w", err), ""}, werr)
	}
	status, kind, text := "200 OK", metrics.Type, ""
	switch all, err := s.gather(ctx); {
	case method != "GET" && method != "HEAD":
		status, kind, text = "405 Method Not Allowed", "text/plain; charset=utf-8", "Numbers are to be had by GET.\n"
	case path != "/metrics" && path != "/":
		status, kind, text = "404 Not Found", "text/plain; charset=utf-8", "Numbers are at /metrics.\n"
	case err != nil:
		status, kind, text = "503 Service Unavailable", "text/plain; charset=utf-8", err.Error()+"\n"
	default:
		text = string(metrics.Append(nil, metrics.Merge(all)))
	}
	_, err = io.WriteString(t.out, response(status, kind, text, method != "HEAD"))
	return err
}

// response is an answer, after which the connection is closed.
func response(status, kind, text string, body bool) string {
	head := fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nCache-Control: no-store\r\nConnection: close\r\n", status, kind, len(text))
	if strings.HasPrefix(status, "405") {
		head += "Allow: GET, HEAD\r\n"
	}
	if !body {
		text = ""
	}
	return head + "\r\n" + text
}

var errRequest = errors.New("not a request of HTTP/1")

// readRequest reads the head of a request. The error is io.EOF if there is none.
func readRequest(r io.Reader) (method, path string, err error) {
	in := bufio.NewReader(io.LimitReader(r, maxRequest))
	line, err := in.ReadString('\n')
	if err == io.EOF && line == "" {
		return "", "", err
	}
	words := strings.Split(strings.TrimRight(line, "\r\n"), " ")
	if err != nil || len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/1.") {
		return "", "", errors.Join(errRequest, notEOF(err))
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", "", errors.Join(errRequest, notEOF(err))
		}
		if strings.TrimRight(line, "\r\n") == "" {
			path, _, _ = strings.Cut(words[1], "?")
			return words[0], path, nil
		}
	}
}

// notEOF is an error but for the end, which says no more than that there is one.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
