package challenge

import (
	"fmt"
	"slices"
	"time"

	"doorcode/challenge/keys"
	"doorcode/challenge/secret"
)

// Code says which code a user is asked for.
type Code string

const (
	CodeOff    Code = "off"
	CodeSMS    Code = "sms"
	CodeEmail  Code = "email"
	CodeBoth   Code = "both"   // the same code by SMS and by e-mail; either copy works
	CodeChoose Code = "choose" // one of the two, as the user picks; both must be sendable
)

// Unlisted says what becomes of users whom users.yaml does not list.
type Unlisted string

const (
	UnlistedRefuse   Unlisted = "refuse"
	UnlistedOff      Unlisted = "off" // let in by password alone
	UnlistedDefaults Unlisted = "defaults"
)

// User is what the policy says of one user, complete: defaults are already filled in.
type User struct {
	Name     string
	Aliases  []string
	Code     Code
	Mobile   secret.Text // E.164 with +
	Email    secret.Text
	Language string        // of messages; "" for the page's
	Remember time.Duration // 0 is never
	Disabled bool
	Admin    bool
	From     time.Time // asked for a code from this moment on; zero: always
	Networks Networks
	Place    string // file:line of the entry, for explain and logs
	Places   Places
}

// Places are the lines, as file:line, that say what explain and logs name: a user's own, a group's or those of the defaults. "" is Place.
type Places struct {
	Code, Disabled, From, Only, NoCode, Remember string
}

// PolicyConfig is what config reads from users.yaml, parsed and checked.
type PolicyConfig struct {
	Fold     Fold
	Users    []User
	Unlisted Unlisted
	Defaults User   // for UnlistedDefaults
	Place    string // file:line of unlisted
	// AcceptTypedNames lets UnlistedOff hold for names that only the visitor typed and no confirm page read.
	AcceptTypedNames bool
	// Observe lets everybody in whom the application lets in (mode: observe), and ends none of those sessions for what would be refused.
	Observe bool
}

// Fold says how forgivingly user names are compared (login.fold). The zero value folds nothing.
type Fold struct {
	Case, Space, Width, Accents bool
}

// Channels lists the ways that u's code travels; none for CodeOff.
func (u User) Channels() []Channel {
	switch u.Code {
	case CodeSMS:
		return []Channel{SMS}
	case CodeEmail:
		return []Channel{Email}
	case CodeBoth, CodeChoose:
		return []Channel{SMS, Email}
	}
	return nil
}

func (u User) destination(c Channel) secret.Text {
	switch c {
	case SMS:
		return u.Mobile
	case Email:
		return u.Email
	}
	return secret.Text{}
}

// Users lists the users that p names, in the order of the file.
func (p *Policy) Users() []User { return slices.Clone(p.config.Users) }

// Policy says what holds for whom. It never changes after NewPolicy; Door swaps it whole.
type Policy struct {
	config PolicyConfig
	listed map[Username]*listed // by folded name and by each folded alias
	keys   []keys.Pair          // of stored fingerprints
}

type listed struct {
	username Username // of the name, also where an alias led here
	user     User
}

// NewPolicy makes a Policy. The errors name every entry that cannot hold, with its place: names that cannot be compared, and names or
// aliases of two entries that are one after folding. With errors there is no policy.
func NewPolicy(c PolicyConfig) (*Policy, []error) {
	p := &Policy{config: c, listed: make(map[Username]*listed, len(c.Users))}
	var errs []error
	switch c.Unlisted {
	case UnlistedRefuse, UnlistedOff:
	case UnlistedDefaults:
		errs = append(errs, known(c.Defaults.Code, c.Place+": defaults")...)
	default:
		errs = append(errs, fmt.Errorf("%s: unlisted: %q is none of refuse, off, defaults", c.Place, c.Unlisted))
	}
	for _, u := range c.Users {
		errs = append(errs, p.list(u)...)
	}
	if errs != nil {
		return nil, errs
	}
	return p, nil
}

func (p *Policy) list(u User) (errs []error) {
	errs = known(u.Code, u.Place)
	entry := &listed{user: u}
	for i, name := range append([]string{u.Name}, u.Aliases...) {
		folded, err := p.config.Fold.Username(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: name %q: %w", u.Place, name, err))
			continue
		}
		if i == 0 {
			entry.username = folded
		}
		if other, taken := p.listed[folded]; taken && other != entry {
			errs = append(errs, fmt.Errorf("%s: name %q is the same user as %q at %s (login.fold)", u.Place, name, other.user.Name, other.user.Place))
			continue
		}
		p.listed[folded] = entry
	}
	return errs
}

func known(c Code, place string) []error {
	switch c {
	case CodeOff, CodeSMS, CodeEmail, CodeBoth, CodeChoose:
		return nil
	}
	return []error{fmt.Errorf("%s: code: %q is none of off, sms, email, both, choose", place, c)}
}
