package broker

import "sync"

// mostIdle is how many goroutines of a crew wait for more to do. Work that does not wait
// for anybody needs no more of them.
const mostIdle = 2

// crew are the goroutines that answer the questions of a connection: a few are used
// again, since their stacks have grown to what an answer needs. Work waits for no other:
// where nobody is idle there is one more. Its zero value is ready.
type crew struct {
	busy sync.WaitGroup // one for each work

	mu   sync.Mutex // guards what follows
	idle []chan func()
	over bool
}

// Go runs f.
func (c *crew) Go(f func()) {
	c.busy.Add(1)
	c.mu.Lock()
	n := len(c.idle)
	if n == 0 {
		c.mu.Unlock()
		go c.work(f)
		return
	}
	next := c.idle[n-1]
	c.idle = c.idle[:n-1]
	c.mu.Unlock()
	next <- f // it has room for one
}

// work is the life of a goroutine.
func (c *crew) work(f func()) {
	more := make(chan func(), 1)
	for ok := true; ok; f, ok = <-more {
		f()
		c.busy.Done()
		if !c.wait(more) {
			return
		}
	}
}

// wait has a goroutine wait for more, and reports false if it is not wanted any more.
func (c *crew) wait(more chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || len(c.idle) >= mostIdle {
		return false
	}
	c.idle = append(c.idle, more)
	return true
}

// Wait waits until all that was begun is done. Meanwhile there may be more.
func (c *crew) Wait() { c.busy.Wait() }

// End waits, and lets everybody go. Nothing may be begun any more.
func (c *crew) End() {
	c.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for _, more := range c.idle {
		close(more)
	}
	c.idle = nil
}
