package gateway

import (
	"errors"
	"testing"
	"time"
)

// What is forgotten of spent visitor sessions opens none of them again: the rest of that age is void with them.
func TestVisitorsAreBounded(t *testing.T) {
	var s visitors
	start := time.Now()
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	early, spent := s.issue(at(0), ""), []string{}
	for n := range maxSpent + 10 {
		id := s.issue(at(n+1), "")
		if err := s.spend(t.Context(), id, at(n+1), time.Second); err != nil {
			t.Fatalf("spend %d: %v", n, err)
		}
		spent = append(spent, id)
	}
	late, now := s.issue(at(maxSpent+20), ""), at(maxSpent+20)
	if len(s.spent) > maxSpent {
		t.Errorf("%d spent ones are kept, want at most %d", len(s.spent), maxSpent)
	}
	for n, id := range spent {
		if s.live(id, now) {
			t.Fatalf("spent session %d opens again", n)
		}
	}
	if s.live(early, now) {
		t.Error("a session older than what was forgotten opens")
	}
	if !s.live(late, now) {
		t.Error("a new session does not open")
	}
}

func TestVisitorsEnd(t *testing.T) {
	var s, other visitors
	now := time.Now()
	other.issue(now, "")
	id := s.issue(now, "ahmad.saleh")
	if name := visitorName(id); name != "ahmad.saleh" {
		t.Errorf("the name is %q", name)
	}
	for what, live := range map[string]bool{
		"now": s.live(id, now), "a day later": !s.live(id, now.Add(visitorLife+time.Minute)), "another run": !other.live(id, now),
		"no id": !s.live("", now), "another name": s.live(id, now) && !s.live("x"+id, now), "a run not begun": !new(visitors).live("1...", now),
	} {
		if !live {
			t.Errorf("%s: wrong", what)
		}
	}
	if err := s.spend(t.Context(), id, now, time.Second); err != nil {
		t.Errorf("spend: %v", err)
	}
	if err := s.spend(t.Context(), id, now, time.Second); !errors.Is(err, errSpent) {
		t.Errorf("spend twice: %v, want %v", err, errSpent)
	}
	if s.begin(&crossing{id: id}, now) {
		t.Error("a request began in a spent session")
	}
}
