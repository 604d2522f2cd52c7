package challenge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// SetPolicy puts p in force at once and then ends what p no longer allows (invariant 10, threat D7): everything of users that are
// now disabled, unlisted and refused, or have their codes sent another way or elsewhere, and the trusts of users who may no longer be
// remembered, with the sessions that these let in. Users whose entry changed are unlocked. Everything that ended comes back, also with an
// error: then p is in force, the comparison is not complete, and SetPolicy must be called again with the same policy.
func (d *Door) SetPolicy(ctx context.Context, p *Policy) (Revoked, error) {
	d.changing.Lock()
	defer d.changing.Unlock()
	p = p.under(d.keys)
	d.gate.Lock() // waits for entries that the old policy allowed to be written, so that the look into the store finds them
	d.policy.Store(p)
	d.gate.Unlock()
	revoked, err := d.enforce(ctx, p)
	if err != nil {
		return revoked, fmt.Errorf("hold sessions against the new policy: %w", err)
	}
	d.settled = p
	return revoked, nil
}

func (d *Door) enforce(ctx context.Context, p *Policy) (all Revoked, err error) {
	ends, err := d.fallen(ctx, p)
	if err != nil {
		return all, err
	}
	for m, why := range ends {
		if m.Trusts.IsZero() { // those of users who have none are looked for as well, at every change
			d.log.Info().Str("user", why.user).Str("reason", why.reason).Msg("ended by the policy")
		}
		if all, err = d.revokeInto(ctx, all, m); err != nil {
			return all, err
		}
	}
	for _, u := range p.changedSince(d.settled) {
		if err := d.store.Unlock(ctx, u); err != nil {
			return all, err
		}
	}
	return all, nil
}

// fall says whose it is and why it ends.
type fall struct{ user, reason string }

// fallen lists what p does not bear: all of some users, the trusts of others, and single sessions.
func (d *Door) fallen(ctx context.Context, p *Policy) (map[Match]fall, error) {
	ends := map[Match]fall{}
	users, err := d.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		j, before := p.of(u), d.settled.of(u)
		switch {
		case p.config.Observe && (j.shut() || j.Policy != before.Policy):
			ends[Match{Trusts: u}] = fall{u.String(), j.Reason} // they are for the time after; who is in stays in
		case j.shut() || j.Policy != before.Policy:
			ends[Match{User: u}] = fall{u.String(), j.Reason}
		case j.User.Remember <= 0:
			// Whenever a policy is taken up: trusts that only lie dormant would come back with the next remember: 30d.
			ends[Match{Trusts: u}] = fall{u.String(), j.User.Place + ": remember: never"}
		}
	}
	sessions, err := d.store.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	now := d.now()
	for _, s := range sessions {
		own := p.of(s.User)
		switch {
		case p.bears(s, now):
		case s.Way == ByObserve: // codes are asked from now on
			ends[Match{Session: s.ID}] = fall{s.Name, "mode: observe is over"}
		case own.shut() || own.Username != s.User || !own.kept(s.Policy):
			// It has changed for the whole user, also while the gateway was down: a challenge and a trust go with it.
			ends[Match{User: s.User}] = fall{s.Name, own.Reason}
		default: // for this session alone: its way in is closed, or the name that the upstream read has become another matter
			ends[Match{Session: s.ID}] = fall{s.Name, "its way in is closed: " + string(s.Way)}
		}
	}
	return ends, nil
}

func (d *Door) revokeInto(ctx context.Context, all Revoked, m Match) (Revoked, error) {
	r, err := d.store.Revoke(ctx, m)
	return all.and(r), err
}

// Cancel forgets a pending challenge. An unknown one is fine.
func (d *Door) Cancel(ctx context.Context, id string) (Revoked, error) {
	return d.store.Cancel(ctx, id)
}

// Revoke ends what m matches, for the caller to end in memory and upstream.
func (d *Door) Revoke(ctx context.Context, m Match) (Revoked, error) { return d.store.Revoke(ctx, m) }

// Sessions returns every member session, for the allow-list in memory at start.
func (d *Door) Sessions(ctx context.Context) ([]Session, error) { return d.store.Sessions(ctx) }

// touchLimit bounds one transaction of Touch, which holds the pages that it changes in memory.
const touchLimit = 200

// Touch writes last uses, by session id: in their order, so that one transaction changes few pages of a store that keeps them in order.
// With an error those before it are written.
func (d *Door) Touch(ctx context.Context, used map[string]time.Time) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(used)), touchLimit) {
		some := make(map[string]time.Time, len(ids))
		for _, id := range ids {
			some[id] = used[id]
		}
		if err := d.store.Touch(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// sweepLimit bounds one transaction of a sweep, so that logins need not wait long behind it.
const sweepLimit = 200

// Sweep removes what has expired, in small transactions until nothing is left. What it swept comes back, also with an error.
func (d *Door) Sweep(ctx context.Context) (Revoked, error) {
	all := Revoked{Challenges: d.takeLeft()}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		var r Revoked
		var err error
		r, more, err = d.store.Sweep(ctx, d.now(), d.setup.Load().Session, sweepLimit)
		all = all.and(r)
		if err != nil {
			return all, fmt.Errorf("sweep: %w", err)
		}
	}
	return all, nil
}

// maxLeft bounds left between two sweeps: each entry is a login that the upstream had accepted. What does not fit is signed
// out by nobody and ends with the upstream's own limits.
const maxLeft = 1000

// leave keeps challenges that ended where no Revoked could be returned, so that Sweep hands them back to be signed out.
func (d *Door) leave(ended []Challenge) {
	d.leftMu.Lock()
	defer d.leftMu.Unlock()
	if len(d.left)+len(ended) <= maxLeft {
		d.left = append(d.left, ended...)
	}
}

func (d *Door) takeLeft() []Challenge {
	d.leftMu.Lock()
	defer d.leftMu.Unlock()
	left := d.left
	d.left = nil
	return left
}
