package challenge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"doorcode/challenge/secret"
)

// SendLimit is how long one message is given, at however many providers; the code page says what became of it after that.
const SendLimit = 10 * time.Second

const recordLimit = 5 * time.Second // the outcome of a message to the store

// Outcomes of messages that no Sender was given.
var (
	errNoSender = fmt.Errorf("no sender is configured for this channel: %w", ErrNotAccepted)
	errClosed   = fmt.Errorf("the gateway is stopping: %w", ErrNotAccepted)
	errResting  = fmt.Errorf("rests after failures: %w", ErrNotAccepted)
)

// errUnfinished is what Close returns when messages were still on their way.
var errUnfinished = errors.New("messages were still on their way")

// post owns the goroutines that carry messages. They hang on the Door and not on a request: a browser that gave up waiting does
// not stop the code of the person who holds it.
type post struct {
	ctx  context.Context
	stop context.CancelFunc

	mu     sync.Mutex
	closed bool
	under  sync.WaitGroup
}

func newPost() *post {
	p := &post{}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p
}

// run starts carry, unless the post is closed: then it returns false.
func (p *post) run(carry func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.under.Go(carry)
	return true
}

// Close waits until messages on their way have arrived or failed and their outcome is in the store, at most 15 s, then cancels
// what is left and says so. Nothing is sent any more. What was found is written. Store and senders are not Door's to close: close them afterwards.
func (d *Door) Close() error {
	d.post.mu.Lock()
	d.post.closed = true
	d.post.mu.Unlock()
	defer d.post.stop()
	if err := d.WriteFindings(context.Background()); err != nil {
		d.log.Error().Err(err).Msg("findings were not written")
	}
	done := make(chan struct{})
	go func() { d.post.under.Wait(); close(done) }()
	limit := time.NewTimer(SendLimit + recordLimit)
	defer limit.Stop()
	select {
	case <-done:
		return nil
	case <-limit.C:
		return fmt.Errorf("close door: %w", errUnfinished)
	}
}

// sending is one send of a challenge on its way.
type sending struct {
	done chan struct{} // closed when every route has its outcome and the store has it

	mu     sync.Mutex
	routes []Route
	open   int
}

// wait returns what is known of the routes when all have their outcome, the limit is over or ctx ends, whatever comes first.
func (s *sending) wait(ctx context.Context, limit time.Duration) []Route {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.routes)
}

func (s *sending) settle(i int, by string, err error, at time.Time) Route {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.routes[i]
	r.State, r.At = outcome(err), at
	if by != "" {
		r.Provider = by
	}
	return *r
}

// outcome is what a Sender's error means to who waits for the message.
func outcome(err error) RouteState {
	switch {
	case err == nil:
		return RouteSent
	case errors.Is(err, ErrNotAccepted):
		return RouteFailed
	}
	return RouteUnsure
}

// recorded says that the store has one more outcome: the code page, which asks the store, then shows what the login was told.
func (s *sending) recorded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open--; s.open == 0 {
		close(s.done)
	}
}

// deliver posts messages, one for each channel of c.Last, all at once. Called once the store has c, and never twice for one send.
func (d *Door) deliver(set *setup, c Challenge, messages []Message) *sending {
	s := &sending{done: make(chan struct{}), routes: slices.Clone(c.Routes), open: len(c.Last)}
	if s.open == 0 {
		close(s.done)
	}
	for n, m := range messages {
		i := slices.IndexFunc(c.Routes, func(r Route) bool { return r.Channel == c.Last[n] })
		if !d.post.run(func() { d.carry(set, s, i, c, m) }) {
			d.arrived(c, s.settle(i, "", errClosed, d.now()), m, errClosed)
			s.recorded()
		}
	}
	return s
}

// carry sends one message and records its outcome, also when it comes after the login has gone on.
func (d *Door) carry(set *setup, s *sending, i int, c Challenge, m Message) {
	ctx, cancel := context.WithTimeout(d.post.ctx, SendLimit)
	by, err := d.send(ctx, set, c.Routes[i].Channel, c.Routes[i].Provider, m)
	cancel()
	d.arrived(c, s.settle(i, by, err, d.now()), m, err)
	s.recorded()
	if c.Routes[i].Channel == SMS && err == nil {
		d.warnOfBudget(set, set.spend(c.User, c.Routes[i:i+1], c.SentAt))
	}
}

// arrived writes what became of one message: the audit line, then the store.
func (d *Door) arrived(c Challenge, r Route, m Message, err error) {
	d.told(c, r, m, err)
	// Not under post.ctx: an outcome that Close overtook is still worth writing.
	ctx, cancel := context.WithTimeout(context.Background(), recordLimit)
	defer cancel()
	if err := d.store.Delivered(ctx, c.ID, []Route{r}); err != nil {
		d.log.Error().Err(err).Str("send", m.ID).Msg("outcome of a send was not recorded")
	}
}

// told writes the audit line of one send: never the code, the text or the whole destination.
func (d *Door) told(c Challenge, r Route, m Message, err error) {
	line := d.log.Info()
	if err != nil {
		line = d.log.Warn().Str("error", scrub(err.Error(), m.To.Reveal()))
	}
	line.Str("event", "code sent").Str("user", c.Name).Str("channel", string(r.Channel)).Str("to", r.Masked).
		Str("outcome", string(r.State)).Str("provider", r.Provider).Str("send", m.ID).Int("sends", c.Sends).
		Stringer("address", c.Address).Msg("code " + string(r.State))
}

// digitRun is the length from which digits in an error text may be a code or a number.
const digitRun = minDigits

// scrub takes out of a sender's error what might be the destination or a code. Senders promise to keep these out, but providers
// quote what they were sent in ever new ways: as 00970…, 059…, or the whole text (threat C12).
func scrub(text, to string) string {
	if to != "" {
		text = strings.ReplaceAll(text, to, secret.Redacted)
	}
	var b strings.Builder
	for len(text) > 0 {
		run := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		if run < 0 {
			run = len(text)
		}
		switch {
		case run >= digitRun:
			b.WriteString(secret.Redacted)
		case run > 0:
			b.WriteString(text[:run])
		default:
			run = 1
			b.WriteByte(text[0])
		}
		text = text[run:]
	}
	return b.String()
}

// routes lists where the code goes by these channels.
func (d *Door) routes(u User, by []Channel) (rs []Route) {
	for _, c := range by {
		rs = append(rs, d.route(u, c))
	}
	return rs
}

// newSendID names one message in logs and at providers. It is drawn for that alone and opens nothing.
func newSendID() string { return rand.Text() }
