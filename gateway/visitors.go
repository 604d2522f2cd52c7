package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// visitors are the visitor sessions of `login.isolation: carry`: what a visitor's upstream cookies are sealed to, so that a captcha, a
// number for a script, or the name of the page before belong to the login that follows (invariant 3, threat A14).
//
// A visitor session lives in the browser alone: its id stands in the gateway cookie, sealed, and says when and by which run of the
// program it was made. Kept here are only those that were spent, for as long as something sealed to one could still be opened, and the
// requests under way. After a restart, or on another instance, no id is one of this run's: none opens, and whoever has one loads the
// login page again. The zero visitors work.
type visitors struct {
	mu    sync.Mutex
	run   string           // names this run of the program
	floor int64            // what was made up to then is void; unix nanoseconds
	spent map[string]int64 // the random part of an id → when it was made
	under map[string]*underWay
}

const (
	// visitorLife is how long a visitor session lasts; applications forget theirs sooner.
	visitorLife = 24 * time.Hour
	// maxSpent bounds what strangers can fill with logins: about 8 MB. Over it the older half of the visitor sessions that were made
	// since is void: who has such a login page open loads it again.
	maxSpent = 1 << 16
)

var (
	errSpent    = errors.New("the login page's session was used by another login, has ended, or is of another run of the gateway")
	errUnderWay = errors.New("a request of the login page's session did not end at the application in time")
)

// underWay are the requests of one visitor session that are on their way through the application.
type underWay struct {
	crossings map[*crossing]struct{}
	cut       bool          // one was given up before the application had answered it whole: it may still be running there
	ended     chan struct{} // closed with the last one; nil while the session is not spent
}

// issue makes a visitor session. name is the user's, where a first page asked for it; the seal over the id binds it.
func (s *visitors) issue(now time.Time, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == "" {
		s.run = rand.Text()
	}
	return strings.Join([]string{strconv.FormatInt(now.UnixNano(), 36), s.run, rand.Text(), name}, ".")
}

// visitorName is the name that a first page's form brought; "" for none.
func visitorName(id string) string {
	if parts := strings.SplitN(id, ".", 4); len(parts) == 4 {
		return parts[3]
	}
	return ""
}

// live reports whether what was sealed to a visitor session opens.
func (s *visitors) live(id string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _, ok := s.readLocked(id, now)
	return ok
}

// readLocked returns the random part of a live visitor session's id, and when it was made.
func (s *visitors) readLocked(id string, now time.Time) (key string, made int64, ok bool) {
	parts := strings.SplitN(id, ".", 4)
	if len(parts) != 4 || s.run == "" || parts[1] != s.run {
		return "", 0, false
	}
	made, err := strconv.ParseInt(parts[0], 36, 64)
	if _, gone := s.spent[parts[2]]; err != nil || gone || made <= s.floor || now.Sub(time.Unix(0, made)) > visitorLife {
		return "", 0, false
	}
	return parts[2], made, true
}

// begin notes a request that goes up in a visitor session; false when that is over.
func (s *visitors) begin(c *crossing, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, _, ok := s.readLocked(c.id, now); !ok {
		return false
	}
	if s.under == nil {
		s.under = map[string]*underWay{}
	}
	u := s.under[c.id]
	if u == nil {
		u = &underWay{crossings: map[*crossing]struct{}{}}
		s.under[c.id] = u
	}
	u.crossings[c] = struct{}{}
	return true
}

// end takes a request off the list. whole says that the application's answer was read to its end: otherwise its script may go on
// running, and would run as whoever signs in to this session next. So the session is spent, and nobody does.
func (s *visitors) end(c *crossing, whole bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.under[c.id]
	if u == nil {
		return
	}
	if !whole {
		u.cut = true
		s.spendLocked(c.id, now)
	}
	delete(u.crossings, c)
	if len(u.crossings) > 0 {
		return
	}
	delete(s.under, c.id)
	if u.ended != nil {
		close(u.ended)
	}
}

// spend ends a visitor session for good: nothing that it sealed opens again, its visitor gets none of the answers under way, and spend
// returns when the application has given them. errSpent: it was no live one. errUnderWay: one of them did not end, and
// what is signed in to this session now could answer it. Two logins at once in one session: one gets errSpent.
func (s *visitors) spend(ctx context.Context, id string, now time.Time, patience time.Duration) error {
	u, under, err := s.mark(id, now)
	if err != nil || u == nil {
		return err
	}
	for _, c := range under {
		c.curtain.draw()
	}
	wait := time.NewTimer(2 * patience) // each of them gives up after one
	defer wait.Stop()
	select {
	case <-u.ended:
	case <-wait.C:
		return errUnderWay
	case <-ctx.Done():
		return ctx.Err()
	}
	if u.cut { // written before ended was closed
		return errUnderWay
	}
	return nil
}

// mark is spend without the waiting; nil where nothing is under way.
func (s *visitors) mark(id string, now time.Time) (*underWay, []*crossing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.spendLocked(id, now) {
		return nil, nil, errSpent
	}
	u := s.under[id]
	if u == nil {
		return nil, nil, nil
	}
	u.ended = make(chan struct{})
	return u, slices.Collect(maps.Keys(u.crossings)), nil
}

func (s *visitors) spendLocked(id string, now time.Time) bool {
	key, made, ok := s.readLocked(id, now)
	if !ok {
		return false
	}
	if len(s.spent) >= maxSpent {
		s.forgetLocked(now)
	}
	if s.spent == nil {
		s.spent = map[string]int64{}
	}
	s.spent[strings.Clone(key)] = made
	return true
}

// forgetLocked makes room: what is past its life opens no more anyway, and where that is not enough the older half is void from here on.
func (s *visitors) forgetLocked(now time.Time) {
	s.floor = max(s.floor, now.Add(-visitorLife).UnixNano())
	for range 2 {
		for id, made := range s.spent {
			if made <= s.floor {
				delete(s.spent, id)
			}
		}
		if len(s.spent) < maxSpent {
			return
		}
		all := make([]int64, 0, len(s.spent))
		for _, made := range s.spent {
			all = append(all, made)
		}
		slices.Sort(all)
		s.floor = all[len(all)/2]
	}
}
