package challenge

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// shownAs builds the record of a browser whose last login was age ago: current secrets c0, c1 …, previous p.
func shownAs(currents int, previous bool, age time.Duration) Browser {
	b := Browser{ID: "browser"}
	for i := range currents {
		at := monday.Add(-age - time.Duration(currents-1-i)*time.Second)
		b.Current = append(b.Current, BrowserSecret{Hash: hashSecret(fmt.Sprint("c", i)), At: at})
	}
	if previous {
		b.Previous = hashSecret("p")
	}
	return b
}

// TestRotate holds every kind of record against every kind of shown secret.
func TestRotate(t *testing.T) {
	for _, test := range []struct {
		name     string
		b        Browser
		shown    string
		current  []string // afterwards, oldest first
		previous string
	}{
		{"first login after the first", shownAs(1, false, time.Hour), "c0", []string{"new"}, "c0"},
		{"current, right away", shownAs(1, true, 0), "c0", []string{"new"}, "c0"},
		{"current, later", shownAs(1, true, time.Hour), "c0", []string{"new"}, "c0"},
		{"a sibling comes back, the first", shownAs(3, true, time.Hour), "c0", []string{"new"}, "c0"},
		{"a sibling comes back, the last", shownAs(3, true, time.Second), "c2", []string{"new"}, "c2"},
		{"answer lost", shownAs(1, true, time.Hour), "p", []string{"new"}, "p"},
		{"answers of siblings lost", shownAs(3, true, time.Minute), "p", []string{"new"}, "p"},
		{"two logins at once", shownAs(1, true, 0), "p", []string{"c0", "new"}, "p"},
		{"two logins within a minute", shownAs(1, true, time.Minute-1), "p", []string{"c0", "new"}, "p"},
		{"a minute apart", shownAs(1, true, time.Minute), "p", []string{"new"}, "p"},
		{"the clock set back a little", shownAs(1, true, -30*time.Second), "p", []string{"c0", "new"}, "p"},
		{"the clock set back", shownAs(1, true, -time.Hour), "p", []string{"new"}, "p"},
		{"nine logins at once", shownAs(8, true, 0), "p", []string{"c1", "c2", "c3", "c4", "c5", "c6", "c7", "new"}, "p"},
		{"another", shownAs(1, true, 0), "x", nil, ""},
		{"another, later", shownAs(3, true, time.Hour), "x", nil, ""},
		{"one beyond the siblings", shownAs(2, true, 0), "c2", nil, ""},
		{"previous where there is none", shownAs(1, false, 0), "p", nil, ""},
		{"none", shownAs(1, true, 0), "", nil, ""},
		{"none where there is no previous", shownAs(1, false, 0), "", nil, ""},
		{"a hash for its secret", shownAs(1, true, 0), string(hashSecret("c0")), nil, ""},
		{"an empty record", Browser{ID: "browser"}, "", nil, ""},
		{"an empty record, something shown", Browser{ID: "browser"}, "c0", nil, ""},
	} {
		got, copied := test.b.Rotate(test.shown, "new", monday)
		if copied != (test.current == nil) || copied == test.b.Knows(test.shown) {
			t.Errorf("%s: got copied %v, known %v; want copied %v", test.name, copied, test.b.Knows(test.shown), test.current == nil)
			continue
		}
		if copied {
			continue
		}
		if len(got.Current) != len(test.current) {
			t.Errorf("%s: got %d current secrets, want %v", test.name, len(got.Current), test.current)
			continue
		}
		for i, want := range test.current {
			if !bytes.Equal(got.Current[i].Hash, hashSecret(want)) {
				t.Errorf("%s: current secret %d is not %s", test.name, i, want)
			}
		}
		if !bytes.Equal(got.Previous, hashSecret(test.previous)) || !got.UsedAt.Equal(monday) {
			t.Errorf("%s: previous is not %s, or last use not now: %+v", test.name, test.previous, got)
		}
	}
}

// Rotate may run twice on one record (a transaction that is run again): the record must not change under it.
func TestRotateUnchanged(t *testing.T) {
	b := shownAs(2, true, 0)
	b.Current = append(make([]BrowserSecret, 0, 8), b.Current...)
	one, _ := b.Rotate("p", "one", monday)
	two, _ := b.Rotate("p", "two", monday)
	if !one.Knows("one") || !two.Knows("two") || one.Knows("two") || len(b.Current) != 2 {
		t.Error("two rotations of one record share their secrets")
	}
}

// rotating is a browser record in a play, and the secrets that its store hands out.
type rotating struct {
	record Browser
	now    time.Time
	count  int
}

// login shows a secret and returns the answer's. copied: there is none.
func (r *rotating) login(shown string) (fresh string, copied bool) {
	r.count++
	fresh = fmt.Sprint("secret", r.count)
	r.record, copied = r.record.Rotate(shown, fresh, r.now)
	return fresh, copied
}

func (r *rotating) pass(t *rapid.T, longest time.Duration) {
	r.now = r.now.Add(time.Duration(rapid.Int64Range(0, int64(longest)).Draw(t, "time")))
}

func newRotating() (r *rotating, secret string) {
	return &rotating{record: NewBrowser("browser", "first", monday), now: monday}, "first"
}

// TestThreat_D1_HonestBrowser: a browser that loses any answers and logs in twice at once, in any order of answers, is never
// called a copy.
func TestThreat_D1_HonestBrowser(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, holds := newRotating()
		for range rapid.IntRange(1, 30).Draw(t, "logins") {
			r.pass(t, rapid.SampledFrom([]time.Duration{time.Second, 2 * time.Minute, 48 * time.Hour}).Draw(t, "pause"))
			shown := holds
			var answers []string
			for i := range rapid.IntRange(1, 2).Draw(t, "at once") {
				if i > 0 {
					r.pass(t, time.Minute-1)
				}
				fresh, copied := r.login(shown)
				if copied {
					t.Fatalf("an honest browser was called a copy: shows %s, %d secrets handed out", shown, r.count)
				}
				answers = append(answers, fresh)
			}
			// Any of the answers wins in the browser, or all are lost.
			if i := rapid.IntRange(-1, len(answers)-1).Draw(t, "wins"); i >= 0 {
				holds = answers[i]
			}
		}
	})
}

// TestThreat_D1_Copy: whoever copies the cookie, and however owner and thief then take turns: at the owner's second login after the
// thief's last one at the latest, a copy has been called or what the thief holds is dead, and calls it when shown.
func TestThreat_D1_Copy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, owner := newRotating()
		for range rapid.IntRange(0, 5).Draw(t, "logins before") {
			r.pass(t, 2*time.Minute)
			if fresh, _ := r.login(owner); rapid.Bool().Draw(t, "arrives") {
				owner = fresh
			}
		}
		thief, came, since := owner, false, 0
		for range rapid.IntRange(1, 20).Draw(t, "turns") {
			r.pass(t, 2*time.Minute)
			var copied bool
			if rapid.Bool().Draw(t, "thief's turn") {
				thief, copied = r.login(thief)
				came, since = true, 0
			} else {
				owner, copied = r.login(owner)
				since++
			}
			if copied {
				if !came {
					t.Fatal("called a copy before the thief came")
				}
				return
			}
			if came && since >= 2 {
				if r.record.Knows(thief) {
					t.Fatal("the thief's secret lives after the owner's second login")
				}
				if _, copied := r.login(thief); !copied {
					t.Fatal("the thief's dead secret was not called a copy")
				}
				return
			}
		}
	})
}
