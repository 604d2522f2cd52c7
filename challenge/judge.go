package challenge

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"
)

// Judgement is what the policy says of one login. Either Refusal is set, or Exempt is, or a code is asked for.
type Judgement struct {
	Username Username
	User     User // complete; of a user that is not listed, what unlisted and defaults make of it
	Listed   bool
	Exempt   Way     // ByOff, ByUnlisted, ByNetwork or ByDate: no code is asked for
	Refusal  Refusal // "" when the login may go on
	Policy   string  // fingerprint of what decided; sessions, challenges and trusts keep it
	Reason   string  // the line of the policy that decided, for logs and explain

	Typed  string // the typed name, where it is another user's than the one that holds; sessions keep it
	Hidden bool   // networks.no_code was not applied, since Asked.Hidden

	policies []string // Policy, and the same under older keys
}

// source says who named a user.
type source string

const (
	typed     source = "typed"
	confirmed source = "confirmed"
)

// Asked is a login as the policy is asked about it.
type Asked struct {
	Typed     string     // the name as the visitor wrote it
	Confirmed string     // the name that the upstream's confirm page read; "" where it reads nothing
	Address   netip.Addr // of the client; the zero Addr is in no network
	Hidden    bool       // a proxy that nobody named stands before the client: Address may be the proxy's
	At        time.Time
}

// Judge says what holds for a login. Of two names that the policy knows as two users the stricter holds: whoever can make himself look like
// another on either side must not gain by it (threats B4, D12). Of two equally strict ones the confirmed one holds, since that is
// whose session it is.
func (p *Policy) Judge(a Asked) Judgement {
	t := p.judge(a.Typed, typed, a)
	if a.Confirmed == "" || t.Username.IsZero() {
		return t // a name that cannot be compared is refused, whatever the other one says
	}
	c := p.judge(a.Confirmed, confirmed, a)
	if c.Username.IsZero() || !t.Listed || t.Username == c.Username {
		return c
	}
	return stricter(t, c)
}

func (p *Policy) judge(name string, by source, a Asked) Judgement {
	u, err := p.config.Fold.Username(name)
	if err != nil {
		return Judgement{Refusal: RefusedUnlisted, Reason: fmt.Sprintf("%s name: %v", by, err)}
	}
	return p.here(p.look(u, name, by), by, a)
}

// look judges a folded name as it is judged anywhere and at any time; name is how to call a user that is not listed.
func (p *Policy) look(u Username, name string, by source) Judgement {
	if e, ok := p.listed[u]; ok {
		return e.judge(p)
	}
	return p.judgeUnlisted(u, name, by)
}

func (l *listed) judge(p *Policy) Judgement {
	j := Judgement{Username: l.username, User: l.user, Listed: true}
	j.set(p.fingerprints(l.user))
	j.settle(ByOff)
	return j
}

// settle fills in Exempt or Refusal from User.
func (j *Judgement) settle(exempt Way) {
	j.Reason = j.User.line(j.User.Places.Code, "code: "+string(j.User.Code))
	if j.User.Disabled {
		j.Refusal, j.Reason = RefusedDisabled, j.User.line(j.User.Places.Disabled, "disabled: true")
		return
	}
	if j.User.Code == CodeOff {
		j.Exempt = exempt
		return
	}
	channels := j.User.Channels()
	for _, c := range channels {
		if j.User.destination(c).Empty() {
			channels = nil
			j.Reason += fmt.Sprintf(", and no destination for %s", c)
			break
		}
	}
	if len(channels) == 0 {
		j.Refusal = RefusedNoDestination
	}
}

func (p *Policy) judgeUnlisted(u Username, name string, by source) Judgement {
	line := fmt.Sprintf("%s: unlisted: %s", p.config.Place, p.config.Unlisted)
	j := Judgement{Username: u, User: User{Name: name, Place: p.config.Place, Code: CodeOff}}
	switch p.config.Unlisted {
	case UnlistedOff:
	case UnlistedDefaults:
		j.User = p.config.Defaults
		j.User.Name, j.User.Place, j.User.Aliases, j.User.Admin = name, p.config.Place, nil, false
	default:
		j.Refusal, j.Reason = RefusedUnlisted, line
		return j
	}
	fingerprints := p.fingerprints(j.User)
	j.set(fingerprints)
	j.settle(ByUnlisted)
	if j.Refusal == "" {
		j.Reason = line
	}
	if j.Exempt == "" {
		return j
	}
	// By password alone, on the word of a name: one that only the visitor wrote may be another spelling of a listed user that the
	// application knows and login.fold does not (invariant 7, threat B7). The fingerprint keeps whose word it was.
	for i, f := range fingerprints {
		fingerprints[i] = string(by) + " " + f
	}
	j.set(fingerprints)
	p.wantName(&j, by)
	return j
}

// wantName refuses a user that is not listed and would be let in without a code on the word of the visitor alone.
func (p *Policy) wantName(j *Judgement, by source) {
	if by == typed && !p.config.AcceptTypedNames {
		j.Exempt, j.Refusal = "", RefusedUnlisted
		j.Reason = fmt.Sprintf("%s: unlisted: %s needs a name that login.confirm reads, or accept_typed_names: true", p.config.Place, p.config.Unlisted)
	}
}

func stricter(t, c Judgement) Judgement {
	held, other := c, t
	held.Typed = t.User.Name
	if t.strictness() > c.strictness() {
		held, other = t, c
	}
	held.Reason += fmt.Sprintf(" (typed %q, confirmed %q: two users, the stricter holds, not %s)", t.User.Name, c.User.Name, other.Reason)
	return held
}

// strictness ranks judgements. Every code ranks alike: either copy of a code that goes two ways works, so both is no stricter than sms,
// and an attacker who has both of his own would be sent the code for a session of another (threat B4).
func (j Judgement) strictness() int {
	switch {
	case j.Refusal != "":
		return 2
	case j.Exempt != "":
		return 0
	}
	return 1
}

// of judges a user that the store knows.
func (p *Policy) of(u Username) Judgement { return p.look(u, u.String(), confirmed) }

// Trusts reports whether a browser that this user trusts spares him the code.
func (j Judgement) Trusts() bool { return j.Refusal == "" && j.Exempt == "" && j.User.Remember > 0 }

// shut reports whether u comes in from nowhere and never. Who has no destination may still come in where no code is asked.
func (j Judgement) shut() bool {
	spared := j.Refusal == RefusedNoDestination && (!j.User.From.IsZero() || len(j.User.Networks.NoCode) > 0)
	return j.Refusal != "" && !spared
}

// holds judges anew a login of which names, place and fingerprint were kept, and reports whether p still says the same of u.
func (p *Policy) holds(u Username, fingerprint string, a Asked) (Judgement, bool) {
	j := p.Judge(a)
	refused := j.Refusal != "" && !(p.config.Observe && j.Refusal == RefusedNetwork)
	// A name that has become an alias of another user is that user's now; and where the typed name's policy was the stricter one, the
	// user whose session it is may have become as strict, or may not come in at all.
	return j, !refused && j.Username == u && j.kept(fingerprint)
}

// asks reports whether p still asks the code that c was begun for, of who is at from. Having come where none is asked changes nothing: the
// code is on its way.
func (p *Policy) asks(c Challenge, from netip.Addr) (Judgement, bool) {
	j, same := p.holds(c.User, c.Policy, Asked{Typed: cmp.Or(c.Typed, c.Name), Confirmed: c.Confirmed, Address: from, Hidden: true})
	return j, same && j.Exempt == "" && p.stands(c, j.User)
}

// bears reports whether p would still accept the way s came in (invariant 10), from where it came in.
func (p *Policy) bears(s Session, now time.Time) bool {
	if s.Way == ByObserve {
		return p.config.Observe
	}
	j, same := p.holds(s.User, s.Policy, Asked{Typed: cmp.Or(s.Typed, s.Name), Confirmed: s.Confirmed, Address: s.Address, At: now})
	return same && (!s.Trusted || j.User.Remember > 0) && (!s.Way.byPlace() || j.Exempt != "")
}

// changedSince lists the users for whom p says something else than old about their codes. For a user whose wrong codes reached the
// limit that is the admin's answer (invariant 8).
func (p *Policy) changedSince(old *Policy) (changed []Username) {
	for u, e := range p.listed {
		if u != e.username {
			continue // an alias
		}
		before, ok := old.listed[u]
		if ok && (before.user.Disabled != e.user.Disabled || before.user.Fingerprint() != e.user.Fingerprint()) {
			changed = append(changed, u)
		}
	}
	return changed
}
