package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// LoadPolicy reads users.yaml, and holds it against what s can send. With a problem that is more than a warning
// (Problems.Err) the policy is nil.
func LoadPolicy(path string, s *Settings) (*challenge.Policy, Problems) {
	r := &reader{file: path}
	return r.policyFrom(r.open(), s)
}

func (r *reader) policyFrom(root *yaml.Node, s *Settings) (*challenge.Policy, Problems) {
	c := r.policy(root, s)
	if found := r.found.sorted(); found.Err() != nil {
		return nil, found
	}
	// What NewPolicy checks has been checked above, with better places; this says what only it knows.
	policy, wrong := challenge.NewPolicy(c)
	for _, err := range wrong {
		r.found = append(r.found, Problem{File: r.file, What: err.Error()})
	}
	if found := r.found.sorted(); found.Err() != nil {
		return nil, found
	}
	return policy, r.found.sorted()
}

// users reads users.yaml. It knows what every entry falls back to and which names are taken.
type users struct {
	r        *reader
	s        *Settings
	defaults challenge.User
	grouped  map[string]challenge.User
	names    map[challenge.Username]*yaml.Node
	warned   bool           // of networks behind a proxy that is not named
	mobiles  map[string]int // the line that has each subscriber
}

func (r *reader) policy(root *yaml.Node, s *Settings) challenge.PolicyConfig {
	c := challenge.PolicyConfig{Fold: s.Fold, AcceptTypedNames: s.AcceptTypedNames, Observe: s.Observe}
	if root == nil || !r.is(root, yaml.MappingNode, "") {
		return c
	}
	top := r.section(root, "")
	u := &users{r: r, s: s, names: map[challenge.Username]*yaml.Node{}, mobiles: map[string]int{}}
	defaults := top.sub("defaults")
	u.defaults = u.common(defaults, challenge.User{Remember: 30 * day})
	defaults.done()
	u.groups(top)
	c.Defaults = u.defaults
	c.Defaults.Place = top.place("defaults")
	c.Unlisted = challenge.Unlisted(top.choice("unlisted", string(challenge.UnlistedRefuse), "refuse", "off", "defaults"))
	c.Place = top.place("unlisted")
	u.unlisted(top, c.Unlisted)
	for _, n := range top.items("users") {
		if user, ok := u.user(r.section(n, "users[]")); ok {
			c.Users = append(c.Users, user)
		}
	}
	if top.node != nil && !top.wrote("users") {
		top.problem("users", "users is missing", "write users: and a list below it; users: [] is a policy without any")
	} else if len(top.written("users")) == 0 && c.Unlisted == challenge.UnlistedRefuse {
		top.warn("users", "no user is listed and unlisted is refuse", "nobody can sign in")
	}
	top.done()
	return c
}

func (u *users) user(in *section) (challenge.User, bool) {
	user := u.common(in, u.fallback(in))
	if in.node == nil {
		return user, false
	}
	user.Place = in.r.place(in.node)
	user.Name = in.needed("name", "write the name that the user signs in with")
	user.Mobile = u.mobile(in)
	user.Email = get(in, "email", secret.Text{}, emailAddress)
	user.Disabled = in.flag("disabled", false)
	user.Places.Disabled = in.placeOr("disabled", "")
	user.Admin = in.flag("admin", false)
	aliases := in.values("aliases")
	if user.Name != "" {
		own, _ := u.claim(in, in.keys["name"].value, user.Name, challenge.Username{})
		for _, v := range aliases {
			if _, fresh := u.claim(in, v.node, v.text, own); fresh {
				user.Aliases = append(user.Aliases, v.text)
			}
		}
	}
	in.done()
	u.reachable(in, user)
	return user, true
}

// claim takes a name or alias for the user own (zero: n is the name itself) and refuses one that another user has, in any spelling.
func (u *users) claim(in *section, n *yaml.Node, name string, own challenge.Username) (folded challenge.Username, fresh bool) {
	folded, err := u.s.Fold.Username(name)
	if err != nil {
		in.r.problem(n, err.Error(), "write the name as the user types it at the application")
		return folded, false
	}
	first, taken := u.names[folded]
	switch {
	case !taken:
		u.names[folded] = n
		return folded, true
	case folded == own:
		in.r.warn(n, fmt.Sprintf("the alias %q is the name itself in another spelling", name), "login.fold makes them one: take it out")
	default:
		in.r.problem(n, fmt.Sprintf("%q is taken by %q in line %d", name, first.Value, first.Line),
			"two users cannot share a name; names are compared as login.fold says")
	}
	return folded, false
}

// reachable refuses a user whose code has no way to go.
func (u *users) reachable(in *section, user challenge.User) {
	if user.Code == "" && !in.wrote("code") {
		in.problem("code", "code is missing", "write code: off, sms, email, both or choose, here or under defaults")
	}
	missing := in.problem
	if u.s.Observe {
		missing = in.warn // the days of mode: observe are for collecting them
	}
	channels := user.Channels()
	bySMS, byEmail := slices.Contains(channels, challenge.SMS), slices.Contains(channels, challenge.Email)
	switch {
	case bySMS && !in.wrote("mobile"):
		missing("mobile", "mobile is missing", fmt.Sprintf("%s has code: %s, which goes to a mobile", user.Name, user.Code))
	case bySMS && len(u.s.SMS) == 0 && u.s.Outbox == "":
		in.problem("code", fmt.Sprintf("code: %s cannot be sent", user.Code), "gateway.yaml has no sms: (and no outbox:)")
	}
	switch {
	case byEmail && !in.wrote("email"):
		missing("email", "email is missing", fmt.Sprintf("%s has code: %s, which goes to an e-mail address", user.Name, user.Code))
	case byEmail && u.s.Email == nil && u.s.Outbox == "":
		in.problem("code", fmt.Sprintf("code: %s cannot be sent", user.Code), "gateway.yaml has no email: (and no outbox:)")
	}
}

func (u *users) mobile(in *section) secret.Text {
	v, ok := in.scalar("mobile")
	if !ok {
		return secret.Text{}
	}
	number, doubtful, f := mobile(v.text, u.s.Country)
	switch {
	case f != nil:
		v.problem("mobile "+f.what, f.want)
	case doubtful:
		v.warn("mobile is a number that no numbering plan here lists", "it is used as it stands; look at it twice, and see that a message arrives")
	}
	u.shared(v, number)
	return number
}

// shared warns of a mobile that two users have, under whichever country code: who reads it can sign in as both, given the passwords. It
// is no error, since one person may have two accounts.
func (u *users) shared(v value, number secret.Text) {
	if number.Empty() || v.node == nil {
		return
	}
	who := challenge.Subscriber(number.Reveal())
	if line, taken := u.mobiles[who]; taken {
		v.warn(fmt.Sprintf("mobile is that of the user in line %d too", line), "codes of both arrive there; see that it is one person's")
		return
	}
	u.mobiles[who] = v.node.Line
}

// unlisted holds unlisted against what is known of a user's name. Who is let in by password alone is decided by that name: it
// must be one that the application says (confirm.user), or ALICE in another spelling is somebody the policy does not know (invariant 7).
func (u *users) unlisted(top *section, rule challenge.Unlisted) {
	spared := u.defaults.Code == challenge.CodeOff || len(u.defaults.Networks.NoCode) > 0 || !u.defaults.From.IsZero()
	byPassword := rule == challenge.UnlistedOff || rule == challenge.UnlistedDefaults && spared
	if rule == challenge.UnlistedOff && len(u.defaults.Networks.Only) > 0 {
		top.warn("unlisted", "networks.only of the defaults does not hold for unlisted: off", "with unlisted: defaults it does, and code: off there asks no code either")
	}
	switch {
	case rule == challenge.UnlistedDefaults && u.defaults.Code == "":
		top.problem("unlisted", "unlisted is defaults, and defaults say no code", "write code: under defaults, or unlisted: refuse")
	case byPassword && !u.s.ConfirmReadsUser && !u.s.AcceptTypedNames:
		top.problem("unlisted", "unlisted users would get in by password alone under any name they type",
			"set login.confirm.user in gateway.yaml, which reads the name from the application, or login.accept_typed_names: true")
	case byPassword && !u.s.ConfirmReadsUser:
		top.warn("unlisted", "unlisted users get in by password alone under any name they type", "a spelling that the application takes and users.yaml does not know needs no code")
	case rule == challenge.UnlistedDefaults && !byPassword:
		top.warn("unlisted", "unlisted users have no mobile or e-mail address that a code could go to", "they are refused: write unlisted: refuse, or list them")
	}
}

func (u *users) language(t string) (string, *fault) {
	if !slices.Contains(u.s.languages, t) {
		return "", &fault{fmt.Sprintf("is %.20q", t), "there are texts in: " + strings.Join(u.s.languages, ", ")}
	}
	return t, nil
}

// remember reads how long a browser may be remembered. The browser's cookie lives 400 days at most, so a year is the limit.
func remember(t string) (time.Duration, *fault) {
	if t == "never" {
		return 0, nil
	}
	d, f := span(t)
	if f != nil {
		return 0, &fault{f.what, "write a length of time such as 30d, or never"}
	}
	if d < time.Hour || d > 365*day {
		return 0, &fault{"is " + t, "from 1h to 365d, or never"}
	}
	return d, nil
}
