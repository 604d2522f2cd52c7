package challenge

import (
	"context"
	"errors"
	"net/netip"
	"slices"
)

// ErrNotOffered says that the policy offers the user no such way, or that one must be chosen first.
var ErrNotOffered = errors.New("this way is not offered")

// maxChoices bounds the users of one browser whose choice is remembered; of more, who chose longest ago chooses anew.
const maxChoices = 20

// Choice is the way that a user with code: choose took in a browser at the last login there.
type Choice struct {
	User    Username `json:"user"`
	Channel Channel  `json:"channel"`
}

// Chosen returns the way that u took in b; "" for none.
func (b Browser) Chosen(u Username) Channel {
	for _, c := range b.Choices {
		if c.User == u {
			return c.Channel
		}
	}
	return ""
}

// Choose returns b with u's choice in it, as the newest one.
func (b Browser) Choose(u Username, by Channel) Browser {
	choices := slices.DeleteFunc(slices.Clone(b.Choices), func(c Choice) bool { return c.User == u })
	choices = append(choices, Choice{u, by})
	b.Choices = choices[max(0, len(choices)-maxChoices):]
	return b
}

// firstWays lists where the code of a login goes at once. Who may choose and has not done so in this browser is asked first: nothing is
// sent, and nothing paid for, before.
func (d *Door) firstWays(ctx context.Context, l Login, j Judgement) ([]Channel, error) {
	ways := j.User.Channels()
	if j.User.Code != CodeChoose {
		return ways, nil
	}
	chosen, err := d.store.Choice(ctx, l.Browser, j.Username, d.now())
	if err != nil || !slices.Contains(ways, chosen) {
		return nil, err
	}
	return []Channel{chosen}, nil
}

// choice is what the browser is to remember of a challenge that was entered. What only stood in for another way, or did not
// arrive, is no choice.
func (c Challenge) choice(u User) Channel {
	if u.Code != CodeChoose || len(c.Last) != 1 {
		return ""
	}
	for _, r := range c.Routes {
		if r.Channel == c.Last[0] && !r.Instead && r.State != RouteFailed {
			return r.Channel
		}
	}
	return ""
}

// OtherWays lists the single ways by which c's user may have the code instead: all where none was chosen yet, else those that
// the last send did not go by alone.
func (d *Door) OtherWays(c Challenge) []Route {
	j, asked := d.Policy().asks(c, c.Address) // it is about the user: Pending has looked from where he asks
	if !asked {
		return nil
	}
	all := j.User.Channels()
	if len(all) < 2 {
		return nil
	}
	var ways []Route
	for _, by := range all {
		alone := len(c.Last) == 1 && c.Last[0] == by
		if !alone && !(by == SMS && c.withoutSMS()) {
			ways = append(ways, d.route(j.User, by))
		}
	}
	return ways
}

// withoutSMS reports that e-mail stood in because no SMS may leave: another try would only use up a send.
func (c Challenge) withoutSMS() bool {
	return slices.ContainsFunc(c.Routes, func(r Route) bool { return r.Instead })
}

// SendBy sends the code by one way that the policy offers: the first send of a challenge for which none was chosen, else as Resend,
// within the same limits. ErrNotOffered: the policy does not.
func (d *Door) SendBy(ctx context.Context, id string, by Channel, from netip.Addr) (Challenge, error) {
	return d.sendAgain(ctx, id, from, func(c Challenge, u User) []Channel {
		if slices.Contains(u.Channels(), by) {
			return []Channel{by}
		}
		return nil
	})
}

// lastWays lists where a resend goes when nothing else is said: where the policy sends codes, and for who may choose where the last
// one went.
func lastWays(c Challenge, u User) []Channel {
	if u.Code != CodeChoose {
		return u.Channels()
	}
	return slices.DeleteFunc(slices.Clone(c.Last), func(by Channel) bool { return !slices.Contains(u.Channels(), by) })
}
