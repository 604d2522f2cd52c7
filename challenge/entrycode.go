package challenge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorcode/challenge/secret"
	"doorcode/templates"
)

const (
	entryLife   = 15 * time.Minute // long enough to read it out over the telephone, and for one login
	entryDigits = maxDigits        // it lives longer than a sent one, and is wanted for a user whom somebody may be attacking
)

// EntryCode lets one user in once, instead of the code that is sent: an admin makes it, for who lost the phone. It is no way around the
// password, nor around anything else that a code has to pass. It is a plain record, as Challenge; the code in it is sealed.
type EntryCode struct {
	ID        string    `json:"id"` // what the code is sealed to; random
	User      Username  `json:"user"`
	Code      []byte    `json:"code"`
	Policy    string    `json:"policy"` // fingerprint of the policy it was made under
	By        string    `json:"by"`     // who made it, for the log line of its use
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Live reports whether c may be entered at now. As a Challenge's, a code from the future is not.
func (c EntryCode) Live(now time.Time) bool {
	return now.Before(c.ExpiresAt) && now.Add(time.Minute).After(c.CreatedAt)
}

// MadeEntryCode is an entry code in the moment in which it can be read.
type MadeEntryCode struct {
	Code      secret.Text
	User      string // as the policy writes the name
	ExpiresAt time.Time
	Told      Channel // the way by which the user was told that it was made; "" where that failed
	Masked    string  // where the message about it went, or would have gone
	NotTold   error   // why the user could not be told
}

// MakeEntryCode makes an entry code for a user that the policy lists, in place of one that was made before, and tells the user that there
// is one; by names who made it. The code works on the code page that the user's next login leads to, and only for who has the password too.
//
// ErrLocked: nothing was made, since no code passes the lock (invariant 8). Other errors that are no trouble say why the user needs none or
// is not let in.
func (d *Door) MakeEntryCode(ctx context.Context, name, by string) (MadeEntryCode, error) {
	c, user, code, err := d.makeEntryCode(ctx, name, by)
	if err != nil {
		return MadeEntryCode{}, err
	}
	d.log.Warn().Str("event", "entry code made").Str("user", user.Name).Str("by", by).Time("expires", c.ExpiresAt).
		Msg("an entry code was made: it lets in once who has the password too")
	made := MadeEntryCode{Code: code, User: user.Name, ExpiresAt: c.ExpiresAt}
	d.tellOfEntryCode(user, c, &made)
	return made, nil
}

func (d *Door) makeEntryCode(ctx context.Context, name, by string) (c EntryCode, u User, code secret.Text, err error) {
	d.gate.RLock() // a policy that takes away what this one allows finds the code in the store
	defer d.gate.RUnlock()
	j := d.policy.Load().named(name)
	switch {
	case !j.Listed:
		return c, u, code, fmt.Errorf("the policy in force lists no user %q", name)
	case j.Refusal != "":
		return c, u, code, fmt.Errorf("%s is not let in with any code: %s", j.User.Name, j.Reason)
	case j.Exempt != "":
		return c, u, code, fmt.Errorf("%s is asked for no code: %s", j.User.Name, j.Reason)
	}
	now := d.now()
	c = EntryCode{ID: newID(), User: j.Username, Policy: j.Policy, By: by, CreatedAt: now, ExpiresAt: now.Add(entryLife)}
	if code, err = newCode(entryDigits); err != nil {
		return c, u, code, err
	}
	if c.Code, err = d.sealCode(c.ID, code); err != nil {
		return c, u, code, err
	}
	return c, j.User, code, d.store.PutEntryCode(ctx, c)
}

// rightEntry reports whether code is c's, and the policy that j was judged by still says what c was made under. It is called inside the
// store's transaction and changes nothing.
func (d *Door) rightEntry(c EntryCode, j Judgement, code string) bool {
	right := d.right(c.ID, c.Code, code)
	return right && c.User == j.Username && j.kept(c.Policy)
}

// hasEntryCode reports whether u may be led to the code page although nothing may be sent: somebody who has the password may have used up
// what there is to send, and an entry code is how an admin helps then (threat E8). It is asked about refused sends alone; the 15
// minutes that the code lives bound what is begun without being counted.
func (d *Door) hasEntryCode(ctx context.Context, u Username, refused error) bool {
	var wait ErrWait
	if !errors.As(refused, &wait) || wait.Why == WaitWrongCodes {
		return false
	}
	_, err := d.store.EntryCode(ctx, u, d.now())
	return err == nil
}

// errNoWay is why a user was not told.
var errNoWay = errors.New("there is no address that a message could go to")

// tellOfEntryCode sends the user one message about the code, without it: by e-mail, since the phone may be in wrong hands, and by SMS where
// that is all there is. It waits for the outcome, for whoever made the code to see.
func (d *Door) tellOfEntryCode(u User, c EntryCode, made *MadeEntryCode) {
	set := d.setup.Load()
	made.NotTold = errNoWay
	for _, by := range []Channel{Email, SMS} {
		if u.destination(by).Empty() || len(set.providers[by]) == 0 {
			continue
		}
		w := templates.Warning{Kind: templates.EntryMade, AppName: set.Name, User: u.Name, When: whenText(c.CreatedAt, set.location())}
		made.Masked = mask(by, u.destination(by))
		made.NotTold = d.sendWarning(set, w, u, by)
		d.warned(w, u, by, made.NotTold)
		if made.NotTold == nil {
			made.Told = by
			return
		}
	}
}

// entryUsed writes the log line of an entry code that let somebody in.
func (d *Door) entryUsed(got Admitted) {
	if got.EntryCode.ID != "" {
		d.log.Warn().Str("event", "entry code used").Str("user", got.Session.Name).Str("by", got.EntryCode.By).
			Stringer("address", got.Session.Address).Msg("an entry code let its user in")
	}
}
