package challenge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"doorcode/challenge/secret"
)

// Provider is one way that the messages of a channel can leave by: a mail server, an account at an SMS provider. Those of a channel
// stand in the order in which they are asked.
type Provider struct {
	Name   string // as the configuration calls it, for logs; unique in its channel
	Sender Sender
}

// ProviderState is what is known of a provider since the program started.
type ProviderState struct {
	Channel   Channel   `json:"channel"`
	Name      string    `json:"name"`
	Resting   bool      `json:"resting"`            // not asked before Until, and then once, to see whether it works again
	Until     time.Time `json:"until,omitzero"`     // zero unless Resting
	SentToday int       `json:"sent_today"`         // messages that it accepted, by the calendar of the gateway
	SentAt    time.Time `json:"sent_at,omitzero"`   // the last of them; zero for none
	FailedAt  time.Time `json:"failed_at,omitzero"` // the last failure; zero for none
	Error     string    `json:"error,omitempty"`    // of that one
}

// When a provider rests. Waiting for one that is down costs every login seconds, and at some providers a lock-out grows with each
// refused attempt; after a rest one message tries whether it works again.
//
// sony/gobreaker was looked at: its rest is of one fixed length and its clock its own, so growing rests, and failures that are
// the message's and not the provider's, would have to be built around it; what is left of it is a counter.
const (
	failuresToRest = 3 // in a row
	firstRest      = 30 * time.Second
	longestRest    = 5 * time.Minute // each rest is twice the one before
)

// health is what became of the messages that one provider was given. Methods are safe to call together.
type health struct {
	mu       sync.Mutex
	failures int         // in a row
	refused  secret.Text // destination of the last message that was refused for what it was
	rest     time.Duration
	until    time.Time // end of the rest; zero while it works
	trying   bool      // one message is finding out whether the rest was enough

	sentAt, failedAt time.Time
	fault            string
	sent             int // on the day of sentAt
}

// ask reports whether the provider may be given a message now. Then learn, or pass, must follow.
func (h *health) ask(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until.IsZero() {
		return true
	}
	rests := now.Before(h.until) && h.until.Sub(now) <= longestRest // further ahead: the clock was set back
	if rests || h.trying {
		return false
	}
	h.trying = true
	return true
}

// pass says that nothing was learned of the provider: the gateway itself gave the message up.
func (h *health) pass() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trying = false
}

// worked takes note of an accepted message and reports whether a rest is over by it.
func (h *health) worked(now time.Time, in *time.Location) (recovered bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	recovered = !h.until.IsZero()
	if !sameDay(h.sentAt, now, in) {
		h.sent = 0
	}
	h.sent++
	h.sentAt = now
	h.failures, h.refused, h.rest, h.until, h.trying = 0, secret.Text{}, 0, time.Time{}, false
	return recovered
}

// failed takes note of a message that was not accepted, and returns the end of the rest that begins by it; zero for none.
//
// A message that the provider refused for what it is counts once for each destination: else one user with a number that nobody
// has, who goes on trying, would put the provider out of use for everybody.
func (h *health) failed(m Message, err error, now time.Time) (until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failedAt, h.fault = now, scrub(err.Error(), m.To.Reveal())
	tried := h.trying
	h.trying = false
	if errors.Is(err, ErrRefused) {
		again := h.refused.Reveal() == m.To.Reveal()
		h.refused = m.To
		if again {
			return time.Time{}
		}
	}
	h.failures++
	if !tried && h.failures < failuresToRest || !tried && !h.until.IsZero() {
		return time.Time{} // or it failed while others had put it to rest: that is the same trouble
	}
	h.rest = min(max(firstRest, 2*h.rest), longestRest)
	h.until = now.Add(h.rest)
	return h.until
}

func (h *health) state(now time.Time, in *time.Location) ProviderState {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := ProviderState{Resting: !h.until.IsZero(), Until: h.until, SentAt: h.sentAt, FailedAt: h.failedAt, Error: h.fault}
	if sameDay(h.sentAt, now, in) {
		s.SentToday = h.sent
	}
	return s
}

func sameDay(a, b time.Time, in *time.Location) bool {
	return !a.IsZero() && a.In(in).Format(time.DateOnly) == b.In(in).Format(time.DateOnly)
}

// ward holds the health of every provider by channel and name. It outlives reloads of the configuration.
type ward struct {
	mu sync.Mutex
	of map[string]*health
}

func (w *ward) health(c Channel, name string) *health {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[string]*health{}
	}
	key := string(c) + " " + name
	if w.of[key] == nil {
		w.of[key] = new(health)
	}
	return w.of[key]
}

// Providers lists the configured providers with what is known of them, for ops.
func (d *Door) Providers() []ProviderState {
	set, now := d.setup.Load(), d.now()
	var all []ProviderState
	for _, c := range []Channel{SMS, Email} {
		for _, p := range set.providers[c] {
			s := d.ward.health(c, p.Name).state(now, set.location())
			s.Channel, s.Name = c, p.Name
			all = append(all, s)
		}
	}
	return all
}

// send hands m to the providers of its channel, one after the other, until one accepts it or may have. Whoever asks for a code again
// says that the last provider's did not arrive: that one is then asked last. by is the provider whose word err is.
func (d *Door) send(ctx context.Context, set *setup, c Channel, last string, m Message) (by string, err error) {
	err = errNoSender
	for i, p := range startAfter(set.providers[c], last) {
		h := d.ward.health(c, p.Name)
		if !h.ask(d.now()) {
			if by == "" {
				err = fmt.Errorf("%s: %w", p.Name, errResting)
			}
			continue
		}
		by, err = p.Name, p.Sender.Send(ctx, m)
		if err != nil && (d.post.ctx.Err() != nil || i > 0 && ctx.Err() != nil) {
			h.pass() // the gateway stops, or those before had left it too little of the time
			return by, err
		}
		d.learn(set, c, p.Name, h, m, err)
		if err == nil || !errors.Is(err, ErrNotAccepted) || ctx.Err() != nil {
			return by, err
		}
	}
	return by, err
}

// learn keeps what became of m, and logs when a provider begins to rest and when it works again.
func (d *Door) learn(set *setup, c Channel, name string, h *health, m Message, err error) {
	now := d.now()
	if err == nil {
		if h.worked(now, set.location()) {
			d.log.Info().Str("event", "provider works").Str("channel", string(c)).Str("provider", name).Msg("provider works again")
		}
		return
	}
	fault := scrub(err.Error(), m.To.Reveal())
	d.log.Warn().Str("event", "provider failed").Str("channel", string(c)).Str("provider", name).Str("send", m.ID).Str("error", fault).
		Bool("accepted", !errors.Is(err, ErrNotAccepted)).Msg("provider did not accept a message")
	if until := h.failed(m, err, now); !until.IsZero() {
		d.log.Warn().Str("event", "provider rests").Str("channel", string(c)).Str("provider", name).Time("until", until).
			Msg("provider failed again and again: it is not asked until its rest is over")
	}
}

// startAfter puts the providers behind last first, and last itself at the end.
func startAfter(all []Provider, last string) []Provider {
	i := slices.IndexFunc(all, func(p Provider) bool { return p.Name == last })
	if i < 0 {
		return all
	}
	return append(slices.Clone(all[i+1:]), all[:i+1]...)
}
