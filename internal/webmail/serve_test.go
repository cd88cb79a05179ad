package webmail

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestServeWaits: what a request has begun comes to its end before the connection counts as
// ended. Of a connection that has ended the starter is told nothing more: neither that
// something is in the outbox, nor anything that it would not end the program for.
func TestServeWaits(t *testing.T) {
	ours, theirs := net.Pipe()
	broken, goOn, ended := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			broken <- true
			<-goOn
		})
		if err := Serve(theirs, h, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
		close(ended)
	}()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &protocols, DialContext: func(context.Context, string, string) (net.Conn, error) { return ours, nil }}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://session/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.RoundTrip(req); err == nil {
		t.Error("there is an answer")
	}
	ours.Close()
	<-broken
	select {
	case <-ended:
		t.Error("it has ended before the request")
	case <-time.After(100 * time.Millisecond):
	}
	close(goOn)
	<-ended
}
