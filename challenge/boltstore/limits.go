package boltstore

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"doorcode/challenge"
)

func (t tx) wrongs(u challenge.Username) (challenge.Wrongs, error) {
	w, _, err := get[challenge.Wrongs](t, wrongsBucket, u.String())
	return w, err
}

func (t tx) putWrongs(u challenge.Username, w challenge.Wrongs) error {
	if len(w) == 0 {
		return t.delete(wrongsBucket, u.String())
	}
	return put(t, wrongsBucket, u.String(), w)
}

// alarm returns n when n wrong codes are a number to be told of and nobody was told in the last AlarmPause, else 0. It is written in the
// transaction that counts, so of a hundred wrong codes at once one alarms. The time of it stands among the limits, where the sweep
// finds it: a right code that clears the wrong ones does not clear it.
func (t tx) alarm(u challenge.Username, n int, now time.Time) (int, error) {
	if !slices.Contains(challenge.Alarms(), n) {
		return 0, nil
	}
	tat, _, err := get[time.Time](t, ratesBucket, alarmKey(u, n))
	if err != nil {
		return 0, err
	}
	next, until := challenge.Rate{Count: 1, Per: challenge.AlarmPause}.Take(tat, 1, now)
	if !until.IsZero() {
		return 0, nil
	}
	return n, put(t, ratesBucket, alarmKey(u, n), next)
}

func alarmKey(u challenge.Username, n int) string {
	return "alarm" + nul + strconv.Itoa(n) + nul + u.String()
}

// mayTry refuses while the user's wrong codes make a wait, and once they reached the limit.
func (t tx) mayTry(u challenge.Username, now time.Time) (refusal, trouble error) {
	wrongs, err := t.wrongs(u)
	if err != nil {
		return nil, err
	}
	until, locked := wrongs.Wait(now)
	switch {
	case locked:
		return challenge.ErrLocked, nil
	case until.After(now):
		return challenge.ErrWait{Until: until, Why: challenge.WaitWrongCodes}, nil
	}
	return nil, nil
}

// charge counts one send against all its limits, or against none and says which one refuses. Only who knows a password gets here,
// so strangers cannot fill the table, and entries of limits that are unused again are swept.
func (t tx) charge(c challenge.SendCharge) (refusal, trouble error) {
	limits := []struct {
		key  string
		rate challenge.Rate
		why  challenge.Wait
	}{
		{"user" + nul + c.User.String(), c.UserRate, challenge.WaitUserSends},
		{"address" + nul + network(c.Address), c.AddressRate, challenge.WaitAddressSends},
		{"day" + nul, c.DayRate, challenge.WaitDaySends},
	}
	n := c.Messages
	if n == 0 { // who has a password must not fill the file with challenges that cost nothing (E7)
		n = 1
		for i := range limits {
			limits[i].key = "choosing" + nul + limits[i].key
		}
	}
	if refusal, trouble = t.maySpend(c.Spend); refusal != nil || trouble != nil {
		return refusal, trouble
	}
	next := make([]time.Time, len(limits))
	for i, l := range limits {
		tat, _, err := get[time.Time](t, ratesBucket, l.key)
		if err != nil {
			return nil, err
		}
		var until time.Time
		if next[i], until = l.rate.Take(tat, n, c.Now); !until.IsZero() {
			return challenge.ErrWait{Until: until, Why: l.why}, nil
		}
	}
	for i, l := range limits {
		if next[i].IsZero() {
			continue // no limit
		}
		if err := put(t, ratesBucket, l.key, next[i]); err != nil {
			return nil, err
		}
	}
	return nil, t.spend(c.Spend)
}

// network names what one client can be expected to hold: an IPv4 address, or an IPv6 /64, within which it picks addresses at will.
func network(a netip.Addr) string {
	a = a.Unmap()
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits) // drops the zone too
	if err != nil {
		return "unknown" // no address at all: all such share one limit
	}
	return p.String()
}

// Unlock is challenge.Store's.
func (s *Store) Unlock(ctx context.Context, u challenge.Username) error {
	_, err := write(ctx, s, func(t tx) (none struct{}, refusal, trouble error) {
		for _, n := range challenge.Alarms() {
			if err := t.delete(ratesBucket, alarmKey(u, n)); err != nil {
				return none, nil, err
			}
		}
		return none, nil, t.putWrongs(u, nil)
	})
	return err
}
