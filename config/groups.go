package config

import (
	"fmt"
	"net/netip"
	"time"

	"go.yaml.in/yaml/v3"

	"doorcode/challenge"
)

// common reads the keys that defaults, groups and users share. What in does not say is otherwise's, with the line that said it there.
func (u *users) common(in *section, otherwise challenge.User) challenge.User {
	user, at := otherwise, &otherwise.Places
	user.Code = challenge.Code(in.choice("code", string(otherwise.Code), "off", "sms", "email", "both", "choose"))
	user.Places.Code = in.placeOr("code", at.Code)
	user.Remember = get(in, "remember", otherwise.Remember, remember)
	user.Places.Remember = in.placeOr("remember", at.Remember)
	user.Language = get(in, "language", otherwise.Language, u.language)
	user.From = get(in, "from", otherwise.From, u.day)
	user.Places.From = in.placeOr("from", at.From)
	networks := in.sub("networks")
	user.Networks.Only = networks.networks("only", otherwise.Networks.Only)
	user.Places.Only = networks.placeOr("only", at.Only)
	user.Networks.NoCode = networks.networks("no_code", otherwise.Networks.NoCode)
	user.Places.NoCode = networks.placeOr("no_code", at.NoCode)
	networks.done()
	u.seen(networks)
	return user
}

// placeOr is the place of a key, or otherwise where in does not have it.
func (s *section) placeOr(key, otherwise string) string {
	if !s.wrote(key) {
		return otherwise
	}
	return s.place(key)
}

// networks reads a list of networks that stands over otherwise. An empty one is taken for what it says only where it takes something away:
// whoever has not filled in his only yet must not stand open.
func (s *section) networks(key string, otherwise []netip.Prefix) []netip.Prefix {
	all := each(s, key, network)
	switch n := s.keys[key].value; {
	case n == nil:
		return otherwise
	case isNull(n) || n.Kind == yaml.SequenceNode && len(n.Content) == 0 && len(otherwise) == 0:
		s.problem(key, key+" names no network", "write networks, such as [10.0.0.0/8], or take the key out")
	}
	for _, p := range all {
		if p.Bits() == 0 {
			s.warn(key, fmt.Sprintf("%s has %s in it, which is every address", key, p), "write the networks that are meant")
		}
	}
	return all
}

// seen warns once where networks are written but every request will come from one proxy.
func (u *users) seen(networks *section) {
	behind := u.s.Listen.Insecure && !u.s.Gateway.Insecure // plain HTTP here, TLS before it
	if networks.node == nil || u.warned || !behind || len(u.s.Gateway.TrustedProxies) > 0 {
		return
	}
	u.warned = true
	networks.r.warn(networks.node, "networks are written, and a proxy that ends TLS stands in front of the gateway",
		"name it under trusted_proxies in gateway.yaml: all users seem to come from its address otherwise")
}

// groups reads what groups of users have in common.
func (u *users) groups(top *section) {
	u.grouped = map[string]challenge.User{}
	for _, n := range top.items("groups") {
		in := u.r.section(n, "groups[]")
		group := u.common(in, u.defaults)
		if in.node == nil {
			continue
		}
		name := in.needed("name", "write a name, which users have under group:")
		if _, twice := u.grouped[name]; twice && name != "" {
			in.problem("name", fmt.Sprintf("the group %q stands here twice", name), "keep one")
		}
		u.grouped[name] = group
		in.done()
	}
}

// fallback is what holds for a user who says nothing else: his group's keys over the defaults.
func (u *users) fallback(in *section) challenge.User {
	v, ok := in.scalar("group")
	if !ok {
		return u.defaults
	}
	group, ok := u.grouped[v.text]
	if !ok {
		names := make([]string, 0, len(u.grouped))
		for name := range u.grouped {
			names = append(names, name)
		}
		v.problem(fmt.Sprintf("group is %.40q", v.text), suggest(v.text, names)+", under groups:")
		return u.defaults
	}
	return group
}

// day reads 2026-11-29: the first moment of that day where the users are.
func (u *users) day(t string) (time.Time, *fault) {
	zone := u.s.zone()
	at, err := time.ParseInLocation(time.DateOnly, t, zone)
	if err != nil {
		return time.Time{}, &fault{fmt.Sprintf("is %.40q", t), "write a day as year-month-day, such as 2026-11-29"}
	}
	if y := at.Year(); y < 2000 || y > 2200 {
		return time.Time{}, &fault{"is " + t, "from the year 2000 to 2200"}
	}
	// Where summer time begins at midnight there is no midnight, and what stands for it may be of the day before.
	for at.Format(time.DateOnly) != t {
		at = at.Add(time.Hour)
	}
	return at, nil
}

// zone is where the users are.
func (s *Settings) zone() *time.Location {
	if s.Challenge.Zone == nil {
		return time.Local
	}
	return s.Challenge.Zone
}

// timezone reads Asia/Hebron.
func timezone(t string) (*time.Location, *fault) {
	zone, err := time.LoadLocation(t)
	if err != nil || t == "" || t == "Local" {
		return nil, &fault{fmt.Sprintf("is %.60q", t), "write the name of a time zone, such as Asia/Hebron or Europe/Berlin"}
	}
	return zone, nil
}
