package gateway

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"doorcode/challenge"
)

// maxMeters bounds the memory of one rule's limits: a network may hold millions of addresses. What comes beyond shares one meter.
const maxMeters = 4096

// meters limit the calls of one `clients:` rule, each caller's for itself.
type meters struct {
	rate     challenge.Rate
	parallel int

	mu sync.Mutex
	by map[string]*meter
}

// meter is a bucket of tokens and the calls under way. Under meters.mu.
type meter struct {
	tokens  *rate.Limiter
	running int
}

func newMeters(r challenge.Rate, parallel int) *meters {
	return &meters{rate: r, parallel: parallel, by: map[string]*meter{}}
}

// take counts a call of who. A wait that is not zero refuses it; otherwise release is called when it is over.
func (m *meters) take(who string, now time.Time) (release func(), wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one := m.of(who, now)
	if one.running >= m.parallel {
		return nil, time.Second
	}
	token := one.tokens.ReserveN(now, 1)
	if wait = token.DelayFrom(now); wait > 0 {
		token.CancelAt(now)
		return nil, wait
	}
	one.running++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		one.running--
	}, 0
}

// of finds or makes the meter of who.
func (m *meters) of(who string, now time.Time) *meter {
	if one := m.by[who]; one != nil {
		return one
	}
	if len(m.by) >= maxMeters {
		m.sweep(now)
	}
	if len(m.by) >= maxMeters {
		who = "" // who comes now shares with the others that found no room: limited rather too much than not at all
		if one := m.by[who]; one != nil {
			return one
		}
	}
	one := &meter{tokens: rate.NewLimiter(rate.Limit(float64(m.rate.Count)/m.rate.Per.Seconds()), m.rate.Count)}
	m.by[who] = one
	return one
}

// sweep forgets who may call as if he had never called.
func (m *meters) sweep(now time.Time) {
	for who, one := range m.by {
		if one.running == 0 && one.tokens.TokensAt(now) >= float64(one.tokens.Burst()) {
			delete(m.by, who)
		}
	}
}
