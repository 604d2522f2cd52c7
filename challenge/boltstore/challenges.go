package boltstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"doorcode/challenge"
)

// Begin is challenge.Store's.
func (s *Store) Begin(ctx context.Context, c challenge.Challenge, replaced string, charge challenge.SendCharge, _ challenge.CodeRules) (challenge.Revoked, error) {
	return write(ctx, s, func(t tx) (revoked challenge.Revoked, refusal, trouble error) {
		if refusal, trouble = t.mayTry(c.User, charge.Now); refusal != nil || trouble != nil {
			return revoked, refusal, trouble
		}
		if refusal, trouble = t.charge(charge); refusal != nil || trouble != nil {
			return revoked, refusal, trouble
		}
		if _, found, err := get[challenge.Challenge](t, challengesBucket, c.ID); found || err != nil || c.ID == "" {
			return revoked, nil, errors.Join(err, errors.New("a challenge needs an id of its own"))
		}
		c.Routes = counted(c.Routes, charge.Spend)
		return revoked, nil, errors.Join(t.endChallenge(replaced, &revoked), t.putChallenge(c))
	})
}

// Challenge is challenge.Store's.
func (s *Store) Challenge(ctx context.Context, id string, now time.Time) (challenge.Challenge, error) {
	c, err := read(ctx, s, func(t tx) (challenge.Challenge, error) {
		c, _, err := get[challenge.Challenge](t, challengesBucket, id)
		return c, err
	})
	if err != nil {
		return challenge.Challenge{}, err
	}
	if c.ID == "" || !c.Live(now) {
		return challenge.Challenge{}, challenge.ErrNotFound
	}
	return c, nil
}

// Resend is challenge.Store's.
func (s *Store) Resend(ctx context.Context, id string, to []challenge.Route, charge challenge.SendCharge, rules challenge.CodeRules) (challenge.Challenge, error) {
	return write(ctx, s, func(t tx) (c challenge.Challenge, refusal, trouble error) {
		c, found, err := get[challenge.Challenge](t, challengesBucket, id)
		if err != nil {
			return c, nil, err
		}
		if !found || !c.Live(charge.Now) {
			return challenge.Challenge{}, challenge.ErrNotFound, nil
		}
		refusal = mayResend(c, charge.Now, rules)
		if refusal == nil {
			refusal, trouble = t.charge(charge)
		}
		if refusal != nil || trouble != nil {
			return challenge.Challenge{}, refusal, trouble
		}
		c.Sends++
		c.SentAt, c.Last = charge.Now, nil
		for _, r := range counted(to, charge.Spend) {
			c.Last = append(c.Last, r.Channel)
			c.Routes = renewed(c.Routes, r, charge.Now)
		}
		return c, nil, t.putChallenge(c)
	})
}

// renewed is routes with r pending from now on.
func renewed(routes []challenge.Route, r challenge.Route, now time.Time) []challenge.Route {
	r.State, r.At = challenge.RoutePending, now
	i := slices.IndexFunc(routes, func(old challenge.Route) bool { return old.Channel == r.Channel })
	if i < 0 {
		return append(routes, r)
	}
	r.Provider = routes[i].Provider
	routes[i] = r
	return routes
}

func mayResend(c challenge.Challenge, now time.Time, rules challenge.CodeRules) error {
	if c.Sends > rules.Resends { // the first send is no resend
		return challenge.ErrWait{Until: c.ExpiresAt, Why: challenge.WaitResendsSpent}
	}
	if next := c.SentAt.Add(rules.ResendAfter); next.After(now) && !c.LastFailed() {
		return challenge.ErrWait{Until: next, Why: challenge.WaitResend}
	}
	return nil
}

// Delivered is challenge.Store's.
func (s *Store) Delivered(ctx context.Context, id string, routes []challenge.Route) error {
	_, err := write(ctx, s, func(t tx) (none struct{}, refusal, trouble error) {
		c, found, err := get[challenge.Challenge](t, challengesBucket, id)
		if err != nil {
			return none, nil, err
		}
		if !found {
			return none, nil, t.settleOwed(id, routes)
		}
		for _, r := range routes {
			for i := range c.Routes {
				if c.Routes[i].Channel == r.Channel {
					if err := t.uncount(c.User, &c.Routes[i], r); err != nil {
						return none, nil, err
					}
					c.Routes[i].State, c.Routes[i].At, c.Routes[i].Provider = r.State, r.At, r.Provider
				}
			}
		}
		return none, nil, t.putChallenge(c)
	})
	return err
}

// Cancel is challenge.Store's.
func (s *Store) Cancel(ctx context.Context, id string) (challenge.Revoked, error) {
	return write(ctx, s, func(t tx) (revoked challenge.Revoked, refusal, trouble error) {
		return revoked, nil, t.endChallenge(id, &revoked)
	})
}
