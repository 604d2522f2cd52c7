package gateway

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// crossing is one request of a visitor session on its way through the application. It is not cut off when its visitor goes away or
// logs in: an application goes on running what was cut off (mod_php also runs a form that came in half), and would run it as the user who
// signs in meanwhile. So its body is whole before it goes up, its visitor is cut off instead, and the answer is read to its end.
type crossing struct {
	id      string // of the visitor session
	curtain *curtain
}

// patience is how long a request is waited for that nobody reads any more, and a login for the requests before it.
const patience = 10 * time.Second

// curtain stands between an answer and its visitor. Once it is drawn nothing more gets through, and nobody who writes is told.
type curtain struct {
	http.ResponseWriter
	drawn    atomic.Bool
	once     sync.Once
	patience time.Duration
	giveUp   context.CancelFunc // ends the request at the application
	timer    atomic.Pointer[time.Timer]
}

// Unwrap lets http.ResponseController reach Flush.
func (c *curtain) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Write is http.ResponseWriter's. A visitor who is gone is no reason to stop reading.
func (c *curtain) Write(p []byte) (int, error) {
	if !c.drawn.Load() {
		if n, err := c.ResponseWriter.Write(p); err == nil {
			return n, nil
		}
		c.draw()
	}
	return len(p), nil
}

// WriteHeader is http.ResponseWriter's.
func (c *curtain) WriteHeader(status int) {
	if !c.drawn.Load() {
		c.ResponseWriter.WriteHeader(status)
	}
}

// draw cuts the visitor off, at once where a write waits for him, and lets the application have some time to come to its end.
func (c *curtain) draw() {
	c.once.Do(func() {
		c.drawn.Store(true)
		_ = http.NewResponseController(c.ResponseWriter).SetWriteDeadline(time.Unix(1, 0)) // where there is none to set, nobody waits: a test
		c.timer.Store(time.AfterFunc(c.patience, c.giveUp))
	})
}

// close is called when the request is over.
func (c *curtain) close() {
	if t := c.timer.Load(); t != nil {
		t.Stop()
	}
}
