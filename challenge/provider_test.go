package challenge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
)

var (
	errDown    = fmt.Errorf("dial sms.example.com: connection refused: %w", challenge.ErrNotAccepted)
	errNumber  = fmt.Errorf("no such number: %w: %w", challenge.ErrNotAccepted, challenge.ErrRefused)
	errNoReply = errors.New("no answer within 10s")
)

// asked counts what a peer was asked to send, accepted or not.
func (p *peer) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.began
}

func (p *peer) set(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// withSecond gives the house another SMS provider behind the first.
func (h *house) withSecond() *peer {
	h.t.Helper()
	second := &peer{}
	h.second = second
	h.start()
	return second
}

func (h *house) provider(name string) challenge.ProviderState {
	h.t.Helper()
	for _, p := range h.door.Providers() {
		if p.Channel == challenge.SMS && p.Name == name {
			return p
		}
	}
	h.t.Fatalf("no provider %s", name)
	return challenge.ProviderState{}
}

func TestNextProvider(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second error
		want          string
		asked         int // of the second
	}{
		{"the first accepts", nil, nil, "sms sent", 0},
		{"the first is down", errDown, nil, "sms sent", 1},
		{"the first refuses the message", errNumber, nil, "sms sent", 1},
		{"nobody knows what the first did", errNoReply, nil, "sms unsure", 0},
		{"both are down", errDown, errDown, "sms failed", 1},
		{"the second does not answer", errDown, errNoReply, "sms unsure", 1},
	} {
		run(t, c.name, func(h *house) {
			second := h.withSecond()
			h.sms.err, second.err = c.first, c.second
			got := h.challenged(h.login("ahmad"))
			if states(got.Routes) != c.want || h.sms.asked() != 1 || second.asked() != c.asked {
				h.t.Errorf("%s, asked %d and %d times, want %s, 1 and %d", states(got.Routes), h.sms.asked(), second.asked(), c.want, c.asked)
			}
			if h.sms.count()+second.count() > 1 {
				h.t.Error("two messages for one send")
			}
			if line := h.log.String(); c.want == "sms sent" && !strings.Contains(line, `"outcome":"sent"`) {
				h.t.Errorf("no audit line of it:\n%s", line)
			}
		})
	}
	run(t, "a slow one leaves the next what is left of ten seconds", func(h *house) {
		second := h.withSecond()
		h.sms.delay, h.sms.err, second.delay = 6*time.Second, errDown, 6*time.Second
		c := h.challenged(h.login("ahmad"))
		time.Sleep(8 * time.Second)
		if got := h.stored(c.ID); got != "sms unsure" || second.asked() != 1 {
			h.t.Errorf("after 11s: %s, the second asked %d times", got, second.asked())
		}
		if p := h.provider("second"); !p.FailedAt.IsZero() {
			h.t.Errorf("the time that the first took is held against the second: %+v", p)
		}
	})
	run(t, "a resend begins behind the one that was used", func(h *house) {
		second := h.withSecond()
		h.sms.err = errNoReply
		c := h.challenged(h.login("ahmad"))
		for i, want := range [][2]int{{1, 1}, {2, 1}, {2, 2}} {
			time.Sleep(31 * time.Second)
			if _, err := h.door.Resend(h.t.Context(), c.ID, c.Address); err != nil {
				h.t.Fatal(err)
			}
			if got := [2]int{h.sms.asked(), second.asked()}; got != want {
				h.t.Errorf("resend %d: asked %v times, want %v", i+1, got, want)
			}
			h.sms.set(nil)
		}
		if h.sms.code() != second.code() {
			h.t.Error("the resend has another code")
		}
	})
}

func TestProviderRests(t *testing.T) {
	run(t, "after three failures, longer each time, until it works", func(h *house) {
		second := h.withSecond()
		h.sms.err = errDown
		for range 5 {
			h.challenged(h.login("ahmad"))
		}
		if h.sms.asked() != 3 || second.count() != 5 {
			h.t.Fatalf("asked %d times, want 3 and then none; the second sent %d of 5", h.sms.asked(), second.count())
		}
		if p := h.provider("first"); !p.Resting || time.Until(p.Until).Round(time.Second) != 30*time.Second || !strings.Contains(p.Error, "refused") {
			h.t.Errorf("state %+v, want a rest of 30s", p)
		}
		for i, rest := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
			before := h.sms.asked()
			time.Sleep(rest - time.Second)
			h.challenged(h.login("ahmad"))
			if h.sms.asked() != before {
				h.t.Errorf("rest %d: asked before %s were over", i+1, rest)
			}
			time.Sleep(time.Second)
			for range 3 {
				h.challenged(h.login("ahmad"))
			}
			if h.sms.asked() != before+1 {
				h.t.Errorf("rest %d: tried %d times after it, want one", i+1, h.sms.asked()-before)
			}
		}
		time.Sleep(5 * time.Minute)
		h.sms.set(nil)
		h.challenged(h.login("ahmad"))
		h.sms.set(errDown)
		h.challenged(h.login("ahmad"))
		if p := h.provider("first"); p.Resting || p.SentToday != 1 || p.SentAt.IsZero() {
			h.t.Errorf("state %+v, want it at work with one message sent", p)
		}
		if got := h.provider("second").SentToday; got != second.count() {
			h.t.Errorf("the second is said to have sent %d of %d", got, second.count())
		}
		log := h.log.String()
		if strings.Count(log, `"event":"provider rests"`) != 7 || strings.Count(log, `"event":"provider works"`) != 1 {
			h.t.Errorf("changes of state in the log:\n%s", log)
		}
	})
	run(t, "one message at a time tries it", func(h *house) {
		second := h.withSecond()
		h.sms.err = errDown
		for range 3 {
			h.challenged(h.login("ahmad"))
		}
		time.Sleep(30 * time.Second)
		h.sms.delay = time.Second
		asked := h.sms.asked()
		go h.door.Decide(h.t.Context(), h.login("ahmad"))
		time.Sleep(100 * time.Millisecond)
		h.challenged(h.login("both"))
		if h.sms.asked() != asked+1 || second.count() != 4 {
			h.t.Errorf("%d tries at once, want one; the second sent %d", h.sms.asked()-asked, second.count())
		}
		time.Sleep(2 * time.Second)
	})
	run(t, "the only one rests too, and the page says so at once", func(h *house) {
		h.sms.err = errDown
		for range 3 {
			h.challenged(h.login("ahmad"))
		}
		h.sms.set(nil)
		if c := h.challenged(h.login("ahmad")); states(c.Routes) != "sms failed" {
			h.t.Errorf("%s, want failed", states(c.Routes))
		}
		time.Sleep(30 * time.Second)
		if c := h.challenged(h.login("ahmad")); states(c.Routes) != "sms sent" {
			h.t.Errorf("after the rest: %s, want sent", states(c.Routes))
		}
	})
	run(t, "a reload of the configuration forgets nothing", func(h *house) {
		h.sms.err = errDown
		for range 3 {
			h.challenged(h.login("ahmad"))
		}
		h.reload()
		h.challenged(h.login("ahmad"))
		if h.sms.asked() != 3 {
			h.t.Errorf("asked %d times, want 3", h.sms.asked())
		}
	})
}

// Whoever has one user's password, and that user a number that nobody has, must not stop everybody's messages (threat E8).
func TestThreat_E8_OneBadNumberRestsNoProvider(t *testing.T) {
	run(t, "one user's number", func(h *house) {
		h.sms.err = errNumber
		for range 20 {
			h.challenged(h.login("ahmad"))
		}
		h.sms.set(nil)
		if c := h.challenged(h.login("both")); states(c.Routes) != "sms sent, email sent" {
			h.t.Errorf("after the failures of another user: %s", states(c.Routes))
		}
	})
	run(t, "but everybody's do", func(h *house) {
		h.sms.err = errNumber // "no credit", as many a provider words it
		for range 3 {
			h.challenged(h.login("ahmad"))
			h.challenged(h.login("both"))
		}
		if h.sms.asked() != 3 {
			h.t.Errorf("asked %d times, want 3", h.sms.asked())
		}
	})
}
