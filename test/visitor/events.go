package visitor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Event is one that an open window hears of.
type Event struct {
	Name string
	At   time.Time // when it was heard

	Mailbox            string
	Unread, Total, New int
}

// Events opens the stream of a window. The channel is closed when the stream ends, or ctx.
func (v *Visitor) Events(ctx context.Context) (<-chan Event, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+"/events", nil)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Accept": "text/event-stream", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"} {
		req.Header.Set(name, value)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		return nil, err
	}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		resp.Body.Close()
		return nil, fmt.Errorf("/events: status %d, %s", resp.StatusCode, kind)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Scan() // what it begins with has come: from now on nothing is missed
	out := make(chan Event, 1000)
	go func() {
		defer close(out)
		defer resp.Body.Close() // it has ended, or nobody listens any more
		var e Event
		for lines.Scan() {
			switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
			case "event":
				e.Name = value
			case "data":
				if err := json.Unmarshal([]byte(value), &e); err != nil {
					e.Name = "not understood: " + value
				}
			case "":
				if e.Name != "" {
					e.At = time.Now()
					out <- e
				}
				e = Event{}
			}
		}
	}()
	return out, nil
}
