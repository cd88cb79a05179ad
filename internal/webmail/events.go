package webmail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// Windows that are open hear of what happens to mail, whoever does it: GET /events is a
// stream of server-sent events (HTML Standard, section 9.2), one for each window.
//
//	event: mailbox  {"mailbox":"INBOX","unread":3,"total":160,"new":1}
//	event: folders  {}    there are other mailboxes now, or they have other names
//	: comment             nothing happened for a while
//
// An event says that it is worth looking, and what a window needs for its counts; the list
// itself comes from its page. So a window that was away misses nothing by missing events:
// it looks once when it is back.
//
// All streams of an account share one watch of its directories (watcher), which lives as
// long as there are streams.

const (
	maxStreams = 32                     // of one account at once
	maxWatched = 300                    // mailboxes; those beyond show their counts with the next page
	heartbeat  = 25 * time.Second       // shorter than what proxies wait for
	calm       = 100 * time.Millisecond // between two looks; longer if looking takes long
	backlog    = 64                     // events that a stream may be behind
)

// event is one that a stream gets.
type event struct {
	name string
	data any
}

// changed is the data of an event "mailbox".
type changed struct {
	Mailbox string `json:"mailbox"`
	Unread  int    `json:"unread"`
	Total   int    `json:"total"`
	New     int    `json:"new"` // how many have come, at most
}

// watcher tells streams what changes in an account.
type watcher struct {
	s *Site

	mu      sync.Mutex
	streams map[chan event]bool
	stop    context.CancelFunc // nil: nothing is watched
	watched chan struct{}      // closed when everything is
	done    chan struct{}
}

// join adds a stream, which misses nothing once watched is closed. Its channel is closed if it
// falls behind, or if nothing can be watched any more.
func (w *watcher) join() (c chan event, watched chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.streams) >= maxStreams {
		return nil, nil, &problem{http.StatusTooManyRequests, "error.limit"}
	}
	if w.streams == nil {
		w.streams = make(map[chan event]bool)
	}
	if w.stop == nil {
		o, err := w.s.boxes.account.Observe()
		if err != nil {
			return nil, nil, err
		}
		ctx, stop := context.WithCancel(context.Background())
		w.stop, w.watched, w.done = stop, make(chan struct{}), make(chan struct{})
		go w.run(ctx, o, w.watched, w.done)
	}
	c = make(chan event, backlog)
	w.streams[c] = true
	return c, w.watched, nil
}

// leave takes a stream away. After the last one nothing is watched when it returns.
func (w *watcher) leave(c chan event) {
	w.mu.Lock()
	delete(w.streams, c)
	var done chan struct{}
	if len(w.streams) == 0 && w.stop != nil {
		w.stop()
		w.stop, done = nil, w.done
	}
	w.mu.Unlock()
	if done != nil {
		<-done
	}
}

// tell gives an event to all streams.
func (w *watcher) tell(e event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.streams {
		select {
		case c <- e:
		default: // its window connects again, and looks
			delete(w.streams, c)
			close(c)
		}
	}
}

// run watches until ctx ends, or until that is not possible any more.
func (w *watcher) run(ctx context.Context, o *store.Observer, watched, done chan struct{}) {
	defer close(done)
	known := make(map[string]store.Status)
	err := w.add(ctx, o, known)
	close(watched)
	ready := newReadiness(w.s.boxes)
	defer ready.stop()
	for err == nil {
		select {
		case <-ctx.Done():
			err = ctx.Err()
			continue
		case <-ready.next():
			ready.step(ctx)
			continue
		case <-o.C:
		}
		begun := time.Now()
		err = w.look(ctx, o, known)
		pause := max(calm, 4*time.Since(begun)) // a storm of changes gets a fifth of our time
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	if err = errors.Join(err, o.Close()); ctx.Err() == nil {
		w.s.log.Error("watch mailboxes", "err", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done != done {
		return // others have begun anew
	}
	for c := range w.streams {
		close(c)
	}
	clear(w.streams)
	w.stop = nil
}

// add watches the mailboxes that are not watched yet.
func (w *watcher) add(ctx context.Context, o *store.Observer, known map[string]store.Status) error {
	all, err := w.s.boxes.account.List(ctx)
	if err != nil {
		return err
	}
	there := make(map[string]bool)
	for _, info := range all {
		if info.NoSelect || len(there) == maxWatched {
			continue
		}
		there[info.Name] = true
		// Again also where it is known: the name may be that of another directory now.
		if err := o.Add(info.Name); err != nil && !missing(err) {
			return err
		}
		st, err := w.s.boxes.account.Status(ctx, info.Name, store.StatusNeeds{HighestModSeq: true})
		if err != nil && !missing(err) {
			return err
		}
		known[info.Name] = st
	}
	for name := range known {
		if !there[name] {
			delete(known, name)
			if err := o.Drop(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// look finds out what has changed and tells it.
func (w *watcher) look(ctx context.Context, o *store.Observer, known map[string]store.Status) error {
	tree, boxes, err := o.Take()
	if err != nil {
		return err
	}
	if tree {
		if err := w.add(ctx, o, known); err != nil {
			return err
		}
		w.tell(event{"folders", struct{}{}})
	}
	for _, name := range boxes {
		now, err := w.s.boxes.account.Status(ctx, name, store.StatusNeeds{HighestModSeq: true})
		if missing(err) {
			continue // the tree tells
		}
		if err != nil {
			return err
		}
		was := known[name]
		if now == was && now.HighestModSeq != 0 {
			continue // without modseqs it does not tell all: a flag may be another one
		}
		known[name] = now
		e := changed{Mailbox: name, Unread: now.Unseen, Total: now.Messages}
		if now.UIDValidity == was.UIDValidity && now.UIDNext > was.UIDNext {
			e.New = arrivals(was.UIDNext, now)
		}
		w.tell(event{"mailbox", e})
	}
	return nil
}

// arrivals counts what has come since a UID was the next one. UIDs may have been skipped.
func arrivals(since mail.UID, now store.Status) int {
	return min(int(now.UIDNext-since), now.Messages)
}

// events is the stream.
func (s *Site) events(w http.ResponseWriter, r *request) error {
	c, watched, err := s.watch.join()
	if err != nil {
		return err
	}
	defer s.watch.leave(c)
	select {
	case <-watched: // a window that looks from now on misses nothing
	case <-r.Context().Done():
		return nil
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	out := http.NewResponseController(w)
	// The window comes back after 2 seconds if the stream breaks.
	if _, err := io.WriteString(w, "retry: 2000\n\n"); err != nil || out.Flush() != nil {
		return nil // nobody listens any more; so below
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return nil
		case e, ok := <-c:
			if !ok {
				return nil
			}
			err = writeEvent(w, e)
		case <-beat.C:
			_, err = io.WriteString(w, ":\n\n")
		}
		if err != nil || out.Flush() != nil {
			return nil
		}
	}
}

func writeEvent(w io.Writer, e event) error {
	data, err := json.Marshal(e.data) // a line: JSON has no line breaks
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.name, data)
	return err
}
