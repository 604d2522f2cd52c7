package challenge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"doorcode/challenge/secret"
	"doorcode/templates"
)

// alarm tells of what an attempt brought to light: ops by the log, users and admins by messages. Called after the store has written
// it, with the gate held.
func (d *Door) alarm(set *setup, a attempt, e Entry, got Admitted) {
	w := templates.Warning{
		AppName: set.Name, Host: boundHost(a.host()), Count: got.Alarm,
		Address: addressText(e.Session.Address), Agent: agentName(e.Session.Agent), When: whenText(e.Now, set.location()),
	}
	if n := got.Alarm; n > 0 {
		d.log.Warn().Str("event", "wrong codes").Str("user", e.Session.Name).Int("wrongs", n).Bool("locked", n >= maxWrongs).
			Stringer("address", e.Session.Address).Msg("somebody who has the password enters wrong codes")
		if n < maxWrongs { // the last one is the lock, and they were told thrice
			w.Kind = templates.WrongCodes
			d.warn(set, w, templates.WrongCodesOf, e.Session.User)
		}
	}
	if len(got.Copied) > 0 {
		d.log.Warn().Str("event", "copied browser").Stringers("users", stringers(got.Copied)).Stringer("address", e.Session.Address).
			Msg("browser cookie was copied: trust in it has ended")
		w.Kind = templates.CopiedCookie
		d.warn(set, w, templates.CopiedCookieOf, got.Copied...)
	}
}

// warn posts w to the users it is about, and to the admins as toAdmins, by the ways and to the destinations that the policy of now
// names. It is not charged to the limits of sends, or an attacker could use up the owner's codes with it; it needs none, since the
// store alarms at most once a day for each number, and finds each copy once.
func (d *Door) warn(set *setup, w templates.Warning, toAdmins templates.WarningKind, about ...Username) {
	var names []string
	for _, u := range about {
		user := d.policy.Load().of(u).User
		names = append(names, user.Name)
		w.User = user.Name
		d.postWarning(set, w, user, user.warnedBy())
	}
	w.Kind, w.User = toAdmins, strings.Join(names, ", ")
	for u, entry := range d.policy.Load().listed {
		if u == entry.username && entry.user.Admin && !slices.Contains(about, u) {
			d.postWarning(set, w, entry.user, entry.user.warnedBy())
		}
	}
}

// postWarning words and sends to's messages in goroutines of the Door: neither a slow server nor a text that does not hold may
// delay or fail the answer to the login.
func (d *Door) postWarning(set *setup, w templates.Warning, to User, by []Channel) {
	for _, c := range by {
		if !d.post.run(func() { d.warned(w, to, c, d.sendWarning(set, w, to, c)) }) {
			d.warned(w, to, c, errClosed)
		}
	}
}

// warnedBy lists the ways by which u can be told something: those of the code, or e-mail where no code is sent. Who is disabled is told
// nothing: what happens here is no longer his.
func (u User) warnedBy() []Channel {
	ways := u.Channels()
	if len(ways) == 0 {
		ways = []Channel{Email}
	}
	return slices.DeleteFunc(ways, func(c Channel) bool { return u.Disabled || u.destination(c).Empty() })
}

// sendWarning sends one message. Its language is the user's own and never that of the page, which is the attacker's to choose.
func (d *Door) sendWarning(set *setup, w templates.Warning, to User, c Channel) error {
	if len(set.providers[c]) == 0 {
		return errNoSender
	}
	m := Message{To: to.destination(c), Language: set.texts.Choose(to.Language, ""), ID: newSendID()}
	text, err := set.texts.Warning(m.Language, w)
	if err != nil {
		return fmt.Errorf("word the warning in %q: %w", m.Language, err)
	}
	if c == SMS {
		m.Text = secret.New(chooseSMS(text.SMS, secret.Text{})) // without a code no variant is bound to the origin
	} else {
		m.Subject, m.Text, m.HTML = secret.New(text.Subject), secret.New(text.Text), secret.New(text.HTML)
	}
	ctx, cancel := context.WithTimeout(d.post.ctx, SendLimit)
	defer cancel()
	_, err = d.send(ctx, set, c, "", m)
	return err
}

// warned writes the audit line of one warning: whom, of whom, and never the destination or the text.
func (d *Door) warned(w templates.Warning, to User, c Channel, err error) {
	line, became := d.log.Info(), outcome(err)
	if err != nil {
		line = d.log.Warn().Str("error", scrub(err.Error(), to.destination(c).Reveal()))
	}
	line.Str("event", "warned").Str("user", w.User).Str("told", to.Name).Str("warning", string(w.Kind)).Str("channel", string(c)).
		Str("outcome", string(became)).Msg("warning " + string(became))
}

func stringers(users []Username) []fmt.Stringer {
	all := make([]fmt.Stringer, len(users))
	for i, u := range users {
		all[i] = u
	}
	return all
}
