package challenge

import (
	"context"
	"errors"
	"slices"
	"time"

	"doorcode/templates"
)

// Budget bounds how many SMS leave in a calendar day and month, of all users and of each. A zero count is no limit.
type Budget struct {
	Day       int `json:"day"`
	Month     int `json:"month"`
	UserDay   int `json:"user_day"`
	UserMonth int `json:"user_month"`
	Warn      int `json:"warn"` // percent of a count from which it is warned of; 0 is never
	// Reserve is the percent of Day and Month that is kept for users who had no SMS on that day: else one user who asks again and
	// again, or who stole a password, uses up everybody's (threat C6).
	Reserve int `json:"reserve"`
}

// Spend is what one send counts against a Budget. One without an SMS counts nothing.
type Spend struct {
	Budget Budget
	User   Username
	SMS    int
	Day    Period // in which it is
	Month  Period
	Moment time.Time
}

// Period is a calendar day or month where the gateway stands.
type Period struct {
	Name string // "2026-11-24", "2026-11"
	Ends time.Time
}

// Free is how many of limit may be used by somebody who had so many SMS on that day.
func (b Budget) Free(limit, had int) int {
	if had == 0 {
		return limit
	}
	return limit - limit*b.Reserve/100
}

// Near reports whether used is what a limit is warned of.
func (b Budget) Near(limit, used int) bool {
	return limit > 0 && b.Warn > 0 && used*100 >= limit*b.Warn
}

// SMSUsed is how many SMS of this day and month have left, of all users.
type SMSUsed struct {
	Day    int    `json:"day"`
	Month  int    `json:"month"`
	Budget Budget `json:"budget"`
}

// SMSUsed says how much of the SMS budget is used, for ops.
func (d *Door) SMSUsed(ctx context.Context) (SMSUsed, error) {
	set := d.setup.Load()
	day, month, err := d.store.SMSUsed(ctx, set.spend(Username{}, nil, d.now()))
	return SMSUsed{day, month, set.SMS}, err
}

// BudgetAlarm is a budget that has reached the share which is warned of, for the first time in its period.
type BudgetAlarm struct {
	Why   Wait // that the budget makes once it is spent
	Used  int
	Limit int
}

// days are the periods that now is in.
func days(now time.Time, in *time.Location) (day, month Period) {
	at := now.In(in)
	y, m, d := at.Date()
	return Period{at.Format(time.DateOnly), midnight(y, m, d+1, in)}, Period{at.Format("2006-01"), midnight(y, m+1, 1, in)}
}

// midnight is when a day begins. Where clocks are set forward at midnight there is none, and time.Date may say 23:00 of the day before: a
// budget that ended then would be swept, and begin anew, while its day goes on.
func midnight(y int, m time.Month, d int, in *time.Location) time.Time {
	at := time.Date(y, m, d, 0, 0, 0, 0, in)
	if at.Hour() == 23 {
		at = at.Add(time.Hour)
	}
	return at
}

// spend is what sending to counts of the SMS budget.
func (s *setup) spend(u Username, to []Route, now time.Time) Spend {
	day, month := days(now, s.location())
	spend := Spend{Budget: s.SMS, User: u, Day: day, Month: month, Moment: now}
	for _, r := range to {
		if r.Channel == SMS {
			spend.SMS++
		}
	}
	return spend
}

// isSpent reports whether err is the refusal of an SMS budget.
func isSpent(err error) bool {
	var wait ErrWait
	return errors.As(err, &wait) && wait.Why.Budget()
}

// charged words the messages to go to and has write count them and keep the challenge, in one transaction. Where the SMS budget is
// spent e-mail stands in, for users who have an address.
func (d *Door) charged(set *setup, c Challenge, j Judgement, to []Route, write func(to []Route) error) ([]Message, error) {
	messages, err := d.compose(set, c, j.User, to)
	if err == nil {
		err = write(to)
	}
	if !isSpent(err) {
		return messages, err
	}
	d.log.Warn().Err(err).Str("event", "sms budget spent").Str("user", c.Name).Stringer("address", c.Address).Msg("an SMS was not sent: the budget is spent")
	instead := d.instead(set, j.User, to)
	if instead == nil {
		return nil, err
	}
	if messages, err = d.compose(set, c, j.User, instead); err != nil {
		return nil, err
	}
	return messages, write(instead)
}

// instead is to without SMS; nil where no e-mail can stand in.
func (d *Door) instead(set *setup, u User, to []Route) []Route {
	half := slices.ContainsFunc(to, func(r Route) bool { return r.Channel == Email }) // of code: both, which needs nobody to stand in
	if !half && !set.EmailInstead || u.Email.Empty() || len(set.providers[Email]) == 0 {
		return nil
	}
	r := d.route(u, Email)
	r.Instead, r.Mark = true, d.policy.Load().marks(u, Email)[0]
	return []Route{r}
}

// route is a way for u's code to go, nothing sent yet.
func (d *Door) route(u User, c Channel) Route {
	return Route{Channel: c, Masked: mask(c, u.destination(c)), State: RoutePending, At: d.now()}
}

// marks name where u's messages of one channel go, under every key, the newest first. Where e-mail stands in for an SMS the fingerprint of
// the policy says nothing of the address, and a code must not outlive one that was taken away (threat D7).
func (p *Policy) marks(u User, c Channel) []string {
	return p.fingerprints(User{Code: Code(c), Mobile: u.Mobile, Email: u.Email})
}

// stands reports whether what stood in for an SMS still goes where it went.
func (p *Policy) stands(c Challenge, u User) bool {
	for _, r := range c.Routes {
		if r.Instead && !slices.Contains(p.marks(u, r.Channel), r.Mark) {
			return false
		}
	}
	return true
}

// warnOfBudget tells of budgets that are nearly spent, each once in its period: ops by the log, and the admins of those that are
// everybody's. It is asked after each SMS, when nobody waits any more.
func (d *Door) warnOfBudget(set *setup, spend Spend) {
	ctx, cancel := context.WithTimeout(context.Background(), recordLimit)
	defer cancel()
	alarms, err := d.store.BudgetAlarms(ctx, spend)
	if err != nil {
		d.log.Error().Err(err).Msg("how much of the SMS budget is spent could not be read")
		return
	}
	for _, a := range alarms {
		d.log.Warn().Str("event", "sms budget").Str("budget", string(a.Why)).Stringer("user", spend.User).Int("used", a.Used).Int("limit", a.Limit).
			Msg("an SMS budget is nearly spent")
		kind := templates.BudgetDay
		switch a.Why {
		case WaitSMSDay:
		case WaitSMSMonth:
			kind = templates.BudgetMonth
		default:
			continue // one user's: whoever has a password could else have the admins' phones ring
		}
		d.warnAdmins(set, templates.Warning{Kind: kind, AppName: set.Name, Count: a.Used, Limit: a.Limit, When: whenText(spend.Moment, set.location())})
	}
}

// warnAdmins tells every admin, by e-mail where there is an address: what it is about is the SMS.
func (d *Door) warnAdmins(set *setup, w templates.Warning) {
	d.gate.RLock()
	defer d.gate.RUnlock()
	for u, entry := range d.policy.Load().listed {
		if u != entry.username || !entry.user.Admin || entry.user.Disabled {
			continue
		}
		ways := entry.user.warnedBy()
		if !entry.user.Email.Empty() && len(set.providers[Email]) > 0 {
			ways = []Channel{Email}
		}
		d.postWarning(set, w, entry.user, ways)
	}
}
