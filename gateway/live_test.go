package gateway

import (
	"testing"
	"time"

	"doorcode/challenge"
)

var day = challenge.SessionLife{Idle: 8 * time.Hour, Absolute: 24 * time.Hour}

// A session that was revoked between the store's transaction and the allow-list must not come to life (invariant 10).
func TestLiveEndedBeforeAdded(t *testing.T) {
	now := time.Now()
	l := new(Live)
	l.End("early")
	m := l.add(challenge.Session{ID: "early", CreatedAt: now, UsedAt: now})
	if l.find("early", day, now) != nil || !m.ended() {
		t.Error("a session that ended before it was added is live")
	}
}

func TestLive(t *testing.T) {
	start := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	l := new(Live)
	if l.find("nobody", day, start) != nil {
		t.Error("the zero Live let somebody in")
	}
	m := l.add(challenge.Session{ID: "a", CreatedAt: start, UsedAt: start})
	l.remember("text of its cookie", m)
	if l.known("text of its cookie", day, start.Add(time.Hour)) != m {
		t.Error("a live session was not found by its cookie")
	}
	if used := l.Used(); len(used) != 0 {
		t.Errorf("being found counted as a use: %v", used)
	}
	m.use(start.Add(time.Hour))
	if used := l.Used(); !used["a"].Equal(start.Add(time.Hour)) {
		t.Errorf("last use %v, want one hour after the start", used["a"])
	}
	if used := l.Used(); len(used) != 0 {
		t.Errorf("the same use was handed out twice: %v", used)
	}
	if l.known("text of its cookie", day, start.Add(10*time.Hour)) != nil || !m.ended() {
		t.Error("a session outlived its idle limit")
	}
	l.add(challenge.Session{ID: "b", CreatedAt: start, UsedAt: start})
	for hour := range 24 {
		at := start.Add(time.Duration(hour) * time.Hour)
		m := l.find("b", day, at)
		if m == nil {
			t.Fatalf("ended in hour %d although it was used", hour)
		}
		m.use(at)
	}
	if l.find("b", day, start.Add(24*time.Hour)) != nil {
		t.Error("a session outlived its absolute limit")
	}
}

// The texts that are remembered for one session are bounded, and go with it.
func TestLiveTexts(t *testing.T) {
	now := time.Now()
	l := new(Live)
	m := l.add(challenge.Session{ID: "a", CreatedAt: now, UsedAt: now})
	for i := range 100 {
		l.remember(string(rune('a'+i)), m)
	}
	l.End("a")
	n := 0
	l.byText.Range(func(any, any) bool { n++; return true })
	if len(m.texts) > maxTexts || n != 0 {
		t.Errorf("%d texts for one session, %d after its end", len(m.texts), n)
	}
}
