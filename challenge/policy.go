package challenge

import (
	"time"

	"doorcode/challenge/secret"
)

// Code says which code a user is asked for.
type Code string

const (
	CodeOff   Code = "off"
	CodeSMS   Code = "sms"
	CodeEmail Code = "email"
	CodeBoth  Code = "both" // the same code by SMS and by e-mail; either copy works
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
	Place    string // file:line of the entry, for explain and logs
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
}

// Fold says how forgivingly user names are compared (login.fold). The zero value folds nothing.
type Fold struct {
	Case, Space, Width, Accents bool
}
