package challenge

import (
	"context"
	"net/netip"
	"time"
)

// Resend sends the same code once more to where it went before: messages overtake each other, so each one that arrives must
// work (invariant 8). Tries and expiry are not renewed. It waits for delivery as Decide does. ErrNotFound as Pending;
// ErrWait and ErrLocked: nothing was sent.
func (d *Door) Resend(ctx context.Context, id string, from netip.Addr) (Challenge, error) {
	return d.sendAgain(ctx, id, from, lastWays)
}

func (d *Door) sendAgain(ctx context.Context, id string, from netip.Addr, ways func(Challenge, User) []Channel) (Challenge, error) {
	c, sending, err := d.resend(ctx, id, from, ways)
	if err != nil {
		return Challenge{}, err
	}
	c.Routes = sending.wait(ctx, d.setup.Load().DeliveryWait)
	return c, nil
}

func (d *Door) resend(ctx context.Context, id string, from netip.Addr, ways func(Challenge, User) []Channel) (Challenge, *sending, error) {
	d.gate.RLock()
	defer d.gate.RUnlock()
	set := d.setup.Load()
	c, j, err := d.live(ctx, id, from)
	if err != nil {
		return Challenge{}, nil, err
	}
	by := ways(c, j.User)
	if len(by) == 0 {
		return Challenge{}, nil, ErrNotOffered
	}
	messages, err := d.charged(set, c, j, d.routes(j.User, by), func(to []Route) (err error) {
		c, err = d.store.Resend(ctx, id, to, set.charge(c, to, from, d.now()), set.Rules)
		return err
	})
	if err != nil {
		return Challenge{}, nil, err
	}
	return c, d.deliver(set, c, messages), nil
}

// charge is what one send of c counts against.
func (s *setup) charge(c Challenge, to []Route, from netip.Addr, now time.Time) SendCharge {
	return SendCharge{
		User: c.User, Address: from, UserRate: s.UserSends, AddressRate: s.AddressSends, DayRate: s.DaySends,
		Messages: len(to), Spend: s.spend(c.User, to, now), Now: now,
	}
}

func channelsOf(routes []Route) (cs []Channel) {
	for _, r := range routes {
		cs = append(cs, r.Channel)
	}
	return cs
}
