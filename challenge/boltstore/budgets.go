package boltstore

import (
	"context"
	"errors"
	"time"

	"doorcode/challenge"
)

// tally counts the SMS of one period, of all users or of one.
type tally struct {
	Used   int       `json:"used"`
	Warned bool      `json:"warned"` // somebody was told that it is nearly spent
	Ends   time.Time `json:"ends"`   // of the period; then it is swept
}

// account is one budget that an SMS counts against.
type account struct {
	key   string
	ends  time.Time
	limit int
	why   challenge.Wait
	all   bool // everybody's, of which a share is kept for those who had none
}

func accounts(s challenge.Spend) []account {
	return []account{
		{tallyKey(s.Day.Name, s.User), s.Day.Ends, s.Budget.UserDay, challenge.WaitSMSUserDay, false},
		{tallyKey(s.Month.Name, s.User), s.Month.Ends, s.Budget.UserMonth, challenge.WaitSMSUserMonth, false},
		{tallyKey(s.Day.Name, challenge.Username{}), s.Day.Ends, s.Budget.Day, challenge.WaitSMSDay, true},
		{tallyKey(s.Month.Name, challenge.Username{}), s.Month.Ends, s.Budget.Month, challenge.WaitSMSMonth, true},
	}
}

func tallyKey(period string, u challenge.Username) string {
	if u.IsZero() {
		return period + nul
	}
	return period + nul + u.String()
}

func (t tx) tally(key string) (tally, error) {
	y, _, err := get[tally](t, budgetsBucket, key)
	return y, err
}

// maySpend refuses an SMS that some budget has no room for.
func (t tx) maySpend(s challenge.Spend) (refusal, trouble error) {
	if s.SMS == 0 {
		return nil, nil
	}
	mine, err := t.tally(tallyKey(s.Day.Name, s.User))
	if err != nil {
		return nil, err
	}
	for _, a := range accounts(s) {
		y, err := t.tally(a.key)
		if err != nil {
			return nil, err
		}
		free := a.limit
		if a.all {
			free = s.Budget.Free(a.limit, mine.Used)
		}
		if a.limit > 0 && y.Used+s.SMS > free {
			return challenge.ErrWait{Until: a.ends, Why: a.why}, nil
		}
	}
	return nil, nil
}

// spend counts an SMS, also where nothing limits it yet: a limit that is set at noon knows of the morning.
func (t tx) spend(s challenge.Spend) error {
	if s.SMS == 0 {
		return nil
	}
	for _, a := range accounts(s) {
		y, err := t.tally(a.key)
		if err != nil {
			return err
		}
		y.Used, y.Ends = y.Used+s.SMS, a.ends
		if err := put(t, budgetsBucket, a.key, y); err != nil {
			return err
		}
	}
	return nil
}

// counted marks the SMS among routes with the day they were counted in.
func counted(routes []challenge.Route, s challenge.Spend) []challenge.Route {
	marked := make([]challenge.Route, len(routes))
	for i, r := range routes {
		r.Counted = ""
		if r.Channel == challenge.SMS && s.SMS > 0 {
			r.Counted = s.Day.Name
		}
		marked[i] = r
	}
	return marked
}

// uncount takes an SMS that nobody accepted off the budgets again: a morning on which the provider was down must not have used up what
// the day had, once it works.
func (t tx) uncount(u challenge.Username, kept *challenge.Route, now challenge.Route) error {
	if kept.Counted == "" || now.State != challenge.RouteFailed {
		return nil
	}
	day, month := kept.Counted, kept.Counted[:len("2006-01")]
	kept.Counted = ""
	for _, key := range []string{
		tallyKey(day, u), tallyKey(month, u), tallyKey(day, challenge.Username{}), tallyKey(month, challenge.Username{}),
	} {
		y, err := t.tally(key)
		if err != nil {
			return err
		}
		if y.Used == 0 {
			continue // swept meanwhile
		}
		y.Used--
		if err := put(t, budgetsBucket, key, y); err != nil {
			return err
		}
	}
	return nil
}

// owed is an SMS that was on its way when its challenge ended: it is still to come off the budgets if nobody accepts it. It stands among the
// tallies and is swept as they are.
type owed struct {
	User  challenge.Username `json:"user"`
	Route challenge.Route    `json:"route"`
	Ends  time.Time          `json:"ends"`
}

// owedKey is no period's.
func owedKey(challengeID string) string { return "owed" + nul + challengeID }

// owe keeps what Delivered has to know of a challenge that ends before its SMS has an outcome: whoever finds the provider slow logs in
// again, and the day would lose an SMS that never left.
func (t tx) owe(c challenge.Challenge) error {
	for _, r := range c.Routes {
		if r.Counted != "" && r.State == challenge.RoutePending {
			r.Masked = "" // it is gone with the challenge
			return put(t, budgetsBucket, owedKey(c.ID), owed{c.User, r, c.ExpiresAt})
		}
	}
	return nil
}

// settleOwed takes the outcome of an SMS whose challenge is gone.
func (t tx) settleOwed(id string, routes []challenge.Route) error {
	o, found, err := get[owed](t, budgetsBucket, owedKey(id))
	if !found {
		return err
	}
	for _, r := range routes {
		if r.Channel == o.Route.Channel {
			return errors.Join(t.uncount(o.User, &o.Route, r), t.delete(budgetsBucket, owedKey(id)))
		}
	}
	return nil
}

// BudgetAlarms is challenge.Store's. Most of the time there is nothing to tell, which a read finds out without holding anybody up.
func (s *Store) BudgetAlarms(ctx context.Context, spend challenge.Spend) ([]challenge.BudgetAlarm, error) {
	near, err := read(ctx, s, func(t tx) ([]challenge.BudgetAlarm, error) { return t.alarms(spend, false) })
	if err != nil || len(near) == 0 {
		return nil, err
	}
	return write(ctx, s, func(t tx) (alarms []challenge.BudgetAlarm, refusal, trouble error) {
		alarms, trouble = t.alarms(spend, true)
		return alarms, nil, trouble
	})
}

// alarms lists the budgets that somebody is to be told of, and with mark notes that it was done.
func (t tx) alarms(s challenge.Spend, mark bool) (alarms []challenge.BudgetAlarm, err error) {
	for _, a := range accounts(s) {
		y, err := t.tally(a.key)
		if err != nil {
			return nil, err
		}
		if y.Warned || !s.Budget.Near(a.limit, y.Used) {
			continue
		}
		alarms = append(alarms, challenge.BudgetAlarm{Why: a.why, Used: y.Used, Limit: a.limit})
		if !mark {
			continue
		}
		y.Warned = true
		if err := put(t, budgetsBucket, a.key, y); err != nil {
			return nil, err
		}
	}
	return alarms, nil
}

// SMSUsed is challenge.Store's.
func (s *Store) SMSUsed(ctx context.Context, spend challenge.Spend) (day, month int, err error) {
	used, err := read(ctx, s, func(t tx) (used [2]int, err error) {
		for i, period := range []string{spend.Day.Name, spend.Month.Name} {
			y, err := t.tally(tallyKey(period, challenge.Username{}))
			if err != nil {
				return used, err
			}
			used[i] = y.Used
		}
		return used, nil
	})
	return used[0], used[1], err
}
