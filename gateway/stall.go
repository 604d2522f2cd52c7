package gateway

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"doorcode/templates"
)

// stallLimit is how long the next bytes of a body may take that goes up as it comes in. Uploads may last for hours, but one that has
// stopped would hold one of the application's few workers for ever, for anybody who can reach the login page.
const stallLimit = time.Minute

// steadyBody ends a body that has stopped coming.
type steadyBody struct {
	io.ReadCloser
	control *http.ResponseController
	limit   time.Duration
	h2      bool // there the deadline runs also while nobody reads, and may not

	mu    sync.Mutex
	armed time.Time // when the deadline was last set
	over  bool      // the body has ended, or its handler has: the connection may be another request's
	stall error     // a *refusal: it stopped coming
}

func newSteadyBody(w http.ResponseWriter, r *http.Request, limit time.Duration) *steadyBody {
	return &steadyBody{ReadCloser: r.Body, control: http.NewResponseController(w), limit: cmp.Or(limit, stallLimit), h2: r.ProtoMajor == 2}
}

// Read is the body's, within the limit.
func (b *steadyBody) Read(p []byte) (int, error) {
	b.arm()
	n, err := b.ReadCloser.Read(p)
	if isTimeout(err) {
		err = refuse(templates.BadRequest, errors.Join(errors.New("the body stopped coming"), err))
	}
	b.disarm(err)
	return n, err
}

// arm sets the deadline, in HTTP/1.1 only when a good part of the last one is over: there it is a system call of a kind.
func (b *steadyBody) arm() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); !b.over && (b.h2 || now.Sub(b.armed) > b.limit/4) {
		b.armed = now
		_ = b.control.SetReadDeadline(now.Add(b.limit)) // where there is none to set, there is no connection under it: a test
	}
}

// disarm lifts the deadline when the body has ended: from then on net/http reads to see whether the browser goes away.
func (b *steadyBody) disarm(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over || err == nil && !b.h2 {
		return
	}
	b.over = err != nil
	if known, ok := errors.AsType[*refusal](err); ok {
		b.stall = known
	}
	_ = b.control.SetReadDeadline(time.Time{})
}

// end is called when the handler is through, and says whether the body stalled: net/http ends a request's context with a read that
// fails, so what comes of it may look as if the browser had gone. A deadline that still stands bounds what net/http reads of the rest,
// and goes with the next request.
func (b *steadyBody) end() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	return b.stall
}
