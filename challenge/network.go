package challenge

import (
	"cmp"
	"net/netip"
	"time"
)

// Networks say from where a user may come, and where no code is asked.
type Networks struct {
	Only   []netip.Prefix // outside them login and every later request are refused; none: from anywhere
	NoCode []netip.Prefix // inside them no code is asked
}

// within reports whether a is in one of the networks. The zero Addr, which stands for a client that nobody could name, is in none.
func within(networks []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap().WithZone("") // or a rule for IPv4 would not see the same address in IPv6
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

func (n Networks) allow(a netip.Addr) bool { return len(n.Only) == 0 || within(n.Only, a) }

// Allows reports whether the networks of the user who is called name let him in from a: it is asked before the password is, when nothing
// else is known.
func (p *Policy) Allows(name string, a netip.Addr) bool {
	return p.config.Observe || p.named(name).User.Networks.allow(a)
}

// here narrows what holds for a user anywhere and at any time to the place and time of a.
func (p *Policy) here(j Judgement, by source, a Asked) Judgement {
	if !j.User.Networks.allow(a.Address) {
		j.Exempt, j.Refusal = "", RefusedNetwork
		j.Reason = j.User.line(j.User.Places.Only, "networks.only") + ", which is not where this is from"
		return j
	}
	if j.Exempt != "" || j.Refusal != "" && j.Refusal != RefusedNoDestination {
		return j
	}
	way, reason := j.User.spared(a)
	if way == "" {
		j.Hidden = a.Hidden && within(j.User.Networks.NoCode, a.Address)
		return j
	}
	j.Exempt, j.Refusal, j.Reason = way, "", reason // where no code is sent, no destination is missing
	if !j.Listed {
		p.wantName(&j, by)
	}
	return j
}

// spared says by which way u is asked no code at this place and time; "" for none. Behind a proxy that nobody named the address is not
// the client's, and whoever is anywhere would be inside (threat D10). The zero time is before no date.
func (u User) spared(a Asked) (Way, string) {
	switch {
	case !a.At.IsZero() && a.At.Before(u.From):
		return ByDate, u.line(u.Places.From, "from: "+u.From.Format(time.DateOnly))
	case !a.Hidden && within(u.Networks.NoCode, a.Address):
		return ByNetwork, u.line(u.Places.NoCode, "networks.no_code")
	}
	return "", ""
}

// line names the line of the policy that decided; place is the key's own, "" where only the entry's is known.
func (u User) line(place, says string) string { return cmp.Or(place, u.Place) + ": " + says }

// byPlace reports whether w holds only at some place or time: what a fingerprint does not say and is asked at every request.
func (w Way) byPlace() bool { return w == ByNetwork || w == ByDate }

// exempt reports whether w let a login in without a code or a trusted browser.
func (w Way) exempt() bool {
	return w == ByOff || w == ByUnlisted || w == ByObserve || w.byPlace()
}

// Verdict is what the policy says of one request in a member session.
type Verdict int

const (
	Stays   Verdict = iota
	Outside         // networks.only does not allow it from here: refused, and the session waits for its user to come back
	Over            // the session was let in without a code, and here and now one would be asked: it ends
)

// Stay is what a policy says of every request of one member session, made ready once: the address of each is held against it. The zero Stay
// lets nobody stay.
type Stay struct {
	users  []User // of whom each must allow it: two names may be two users (invariant 7)
	spared bool   // no code was asked: only where none of them would be asked one
	free   bool
}

// Stay makes ready what p says of requests in s.
func (p *Policy) Stay(s Session) Stay {
	st := Stay{spared: s.Way.byPlace(), free: true}
	if p.config.Observe {
		return st // nobody is refused yet
	}
	if s.Way == ByObserve {
		return Stay{} // codes are asked from now on, also while the store that is to end it is in trouble
	}
	t := p.named(cmp.Or(s.Typed, s.Name))
	if s.Confirmed == "" || t.Listed {
		st.users = append(st.users, t.User)
	}
	if c := p.named(s.Confirmed); s.Confirmed != "" && (c.Username != t.Username || !t.Listed) {
		st.users = append(st.users, c.User)
	}
	st.free = !st.spared
	for _, u := range st.users {
		st.free = st.free && len(u.Networks.Only) == 0
	}
	return st
}

// named is what p says of a name that a session kept, anywhere and at any time.
func (p *Policy) named(name string) Judgement {
	u, err := p.config.Fold.Username(name)
	if err != nil {
		return Judgement{}
	}
	return p.look(u, name, confirmed)
}

// Free reports whether every request stays: most users are bound to no network, and their requests need no further look.
func (st Stay) Free() bool { return st.free }

// Judge says what becomes of one request; of a its place and time count. An address outside networks.only comes first: it says nothing of how
// the session was let in.
func (st Stay) Judge(a Asked) Verdict {
	switch {
	case st.free:
		return Stays
	case len(st.users) == 0:
		return Over
	}
	for _, u := range st.users {
		if !u.Networks.allow(a.Address) {
			return Outside
		}
	}
	if !st.spared {
		return Stays
	}
	for _, u := range st.users {
		if way, _ := u.spared(a); way == "" && u.Code != CodeOff {
			return Over
		}
	}
	return Stays
}
