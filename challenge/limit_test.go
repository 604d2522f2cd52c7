package challenge

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var monday = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

const (
	aDay  = 24 * time.Hour
	aYear = 365 * aDay
)

func TestWait(t *testing.T) {
	for n, want := range map[int]time.Duration{
		0: 0, 1: 0, 4: 0, 5: 30 * time.Second, 6: time.Minute, 7: 2 * time.Minute, 8: 4 * time.Minute, 9: 8 * time.Minute,
		10: 16 * time.Minute, 11: 32 * time.Minute, 12: time.Hour, 13: time.Hour, 99: time.Hour,
	} {
		var w Wrongs
		for range n {
			w = w.Add(monday, "t")
		}
		until, locked := w.Wait(monday)
		if got := max(0, until.Sub(monday)); got != want || locked {
			t.Errorf("after %d wrong codes: got a wait of %v, locked %v; want %v", n, got, locked, want)
		}
		if until, _ := w.Wait(monday.Add(want)); until.After(monday.Add(want)) {
			t.Errorf("after %d wrong codes and their wait: still waiting until %v", n, until)
		}
	}
}

func TestLock(t *testing.T) {
	var w Wrongs
	for i := range 100 {
		if _, locked := w.Wait(monday.Add(time.Duration(i) * time.Hour)); locked {
			t.Fatalf("locked after %d wrong codes, want 100", i)
		}
		w = w.Add(monday.Add(time.Duration(i)*time.Hour), "t")
	}
	now := monday.Add(100 * time.Hour)
	until, locked := w.Wait(now)
	if want := monday.Add(90 * aDay); !locked || !until.Equal(want) {
		t.Errorf("got locked %v until %v, want locked until %v", locked, until, want)
	}
	if _, locked := w.Wait(until.Add(-1)); !locked {
		t.Error("unlocked too early")
	}
	if _, locked := w.Wait(until); locked {
		t.Error("still locked when the first has faded")
	}
}

func TestClear(t *testing.T) {
	w := Wrongs{}.Add(monday, "mine").Add(monday, "theirs").Add(monday, "").Add(monday, "mine")
	for trail, want := range map[string]int{"mine": 2, "theirs": 3, "nobody's": 4, "": 4} {
		if got := len(w.Clear(trail)); got != want {
			t.Errorf("Clear(%q) leaves %d, want %d", trail, got, want)
		}
	}
	if len(w) != 4 {
		t.Errorf("Clear changed its receiver: %v", w)
	}
}

// A list is handed from transaction to transaction, and one may run twice: no method may change what it was called on.
func TestWrongsUnchanged(t *testing.T) {
	w := make(Wrongs, 0, 8).Add(monday, "a").Add(monday, "b")
	one, two := w.Add(monday, "c"), w.Add(monday, "d")
	if one[2].Trail != "c" || two[2].Trail != "d" {
		t.Errorf("two lists share their end: %v %v", one, two)
	}
	if got := w.Fade(monday.Add(-aYear)); !got[0].At.Equal(monday.Add(-aYear)) || !w[0].At.Equal(monday) {
		t.Errorf("Fade changed its receiver: %v", w)
	}
}

// The clock was a year ahead, and is set right. Nobody waits for a year; what was counted still counts.
func TestWrongsClockBack(t *testing.T) {
	var w Wrongs
	for range 20 {
		w = w.Add(monday.Add(aYear), "t")
	}
	if until, locked := w.Wait(monday); until.After(monday) || locked {
		t.Errorf("got a wait until %v, locked %v; want none", until, locked)
	}
	w = w.Add(monday, "t")
	if until, _ := w.Wait(monday); !until.Equal(monday.Add(time.Hour)) || len(w) != 21 {
		t.Errorf("after the next wrong code: got %d and a wait until %v, want 21 and an hour", len(w), until)
	}
	if got := len(w.Fade(monday.Add(90 * aDay))); got != 0 {
		t.Errorf("after 90 days got %d, want 0", got)
	}
	// A small step back keeps the wait.
	w = nil
	for range 12 {
		w = w.Add(monday, "t")
	}
	if until, _ := w.Wait(monday.Add(-time.Minute)); !until.Equal(monday.Add(time.Hour)) {
		t.Errorf("a minute back: got a wait until %v, want %v", until, monday.Add(time.Hour))
	}
}

// guess tries codes from monday on, each as soon as it is let and after pause, and returns when.
func guess(end time.Time, pause func() time.Duration) (tries []time.Time) {
	var w Wrongs
	now := monday
	for {
		until, _ := w.Wait(now)
		if until.After(now) {
			now = until
			continue
		}
		if now = now.Add(pause()); !now.Before(end) {
			return tries
		}
		if until, locked := w.Wait(now); locked || until.After(now) {
			continue
		}
		tries = append(tries, now)
		w = w.Add(now, "the thief's")
	}
}

// TestYearOfGuessing plays the attacker who has the password, any number of browsers and addresses, and wastes no second, against
// the arithmetic that the store uses.
func TestYearOfGuessing(t *testing.T) {
	tries := guess(monday.Add(aYear), func() time.Duration { return 0 })
	if got := len(tries); got != 500 {
		t.Errorf("got %d tries in a year, want 500: the odds in the comment of Wrongs are others now", got)
	}
	if odds := float64(len(tries)) / 1e6; odds >= 1.0/1000 {
		t.Errorf("a year of guessing at six digits succeeds with %v, want less than 1 in 1,000", odds)
	}
	spread(t, tries)
}

// TestPatientGuessing: no pattern of pauses gets more than 100 tries into any 90 days.
func TestPatientGuessing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pauses := rapid.SliceOfN(rapid.Int64Range(0, int64(3*aDay)), 1, 8).Draw(t, "pauses")
		i := 0
		tries := guess(monday.Add(aYear), func() time.Duration { i++; return time.Duration(pauses[i%len(pauses)]) })
		spread(t, tries)
		if len(tries) > 500 {
			t.Errorf("got %d tries in a year, want at most 500", len(tries))
		}
	})
}

func spread(t interface{ Errorf(string, ...any) }, tries []time.Time) {
	for i := 100; i < len(tries); i++ {
		if span := tries[i].Sub(tries[i-100]); span < 90*aDay {
			t.Errorf("101 tries within %v (from %v)", span, tries[i-100])
			return
		}
	}
}

func TestRate(t *testing.T) {
	minute := Rate{Count: 3, Per: time.Minute}
	for _, test := range []struct {
		name  string
		rate  Rate
		tat   time.Duration // ahead of now; -1 is none
		n     int
		next  time.Duration
		until time.Duration
	}{
		{"first", minute, -1, 1, 20 * time.Second, 0},
		{"a burst", minute, -1, 3, time.Minute, 0},
		{"third", minute, 40 * time.Second, 1, time.Minute, 0},
		{"fourth", minute, time.Minute, 1, time.Minute, 20 * time.Second},
		{"two where one is left", minute, 40 * time.Second, 2, 40 * time.Second, 20 * time.Second},
		{"more than ever allowed counts as all", minute, -1, 9, time.Minute, 0},
		{"none", minute, 10 * time.Second, 0, 10 * time.Second, 0},
		{"clock back by seconds", minute, 61 * time.Second, 1, 61 * time.Second, 21 * time.Second},
		{"clock back by hours", minute, 5 * time.Hour, 1, 20 * time.Second, 0},
		{"no limit", Rate{}, 10 * time.Second, 1000, 10 * time.Second, 0},
		{"no limit below zero", Rate{Count: -1, Per: time.Hour}, 10 * time.Second, 1000, 10 * time.Second, 0},
	} {
		tat := monday.Add(test.tat)
		if test.tat == -1 {
			tat = time.Time{}
		}
		next, until := test.rate.Take(tat, test.n, monday)
		if !next.Equal(monday.Add(test.next)) {
			t.Errorf("%s: got %v to store, want %v", test.name, next.Sub(monday), test.next)
		}
		if until.IsZero() != (test.until == 0) || !until.IsZero() && !until.Equal(monday.Add(test.until)) {
			t.Errorf("%s: got until %v, want in %v", test.name, until, test.until)
		}
	}
}

// TestRateBounded: whatever the pattern, no Per sees more than 2*Count-1 events, and whoever waits as told is let.
func TestRateBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{Count: rapid.IntRange(1, 20).Draw(t, "count"), Per: time.Duration(rapid.IntRange(1, 100).Draw(t, "per")) * time.Minute}
		var tat time.Time
		var taken []time.Time
		now := monday
		for range rapid.IntRange(1, 100).Draw(t, "events") {
			next, until := r.Take(tat, 1, now)
			if until.IsZero() {
				tat, taken = next, append(taken, now)
			} else {
				if !next.Equal(tat) {
					t.Fatalf("a refusal counted: %v became %v", tat, next)
				}
				if _, again := r.Take(tat, 1, until); !again.IsZero() {
					t.Fatalf("told to come at %v and refused then", until)
				}
				if until.Sub(now) > r.Per {
					t.Fatalf("told to wait %v, longer than %v", until.Sub(now), r.Per)
				}
			}
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(r.Per/4)).Draw(t, "pause")))
		}
		for i := 2*r.Count - 1; i < len(taken); i++ {
			if span := taken[i].Sub(taken[i-2*r.Count+1]); span < r.Per-time.Duration(r.Count) { // intervals are cut to nanoseconds
				t.Fatalf("%d events within %v of %v", 2*r.Count, span, r.Per)
			}
		}
	})
}

// TestRateClock: a clock that jumps about neither opens a limit for good nor locks for longer than twice its time.
func TestRateClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{Count: 5, Per: time.Hour}
		tat := monday.Add(time.Duration(rapid.Int64Range(-int64(aYear), int64(aYear)).Draw(t, "stored")))
		now, taken := monday, 0
		for now.Sub(monday) < 3*r.Per {
			next, until := r.Take(tat, 1, now)
			if until.IsZero() {
				tat = next
				taken++
				continue
			}
			if until.Sub(now) > 2*r.Per {
				t.Fatalf("locked for %v", until.Sub(now))
			}
			now = until
		}
		if taken < 5 || taken > 20 { // a burst of five and five an hour
			t.Fatalf("got %d events in three hours, want 5 to 20", taken)
		}
	})
}
