package storetest

import (
	"errors"
	"fmt"
	"time"

	"doorcode/challenge"
)

// spend is one SMS to name in the day and month of the clock.
func (f *fixture) spend(name string, b challenge.Budget) challenge.Spend {
	var u challenge.Username
	if name != "" {
		u = user(name)
	}
	day := time.Date(f.now.Year(), f.now.Month(), f.now.Day(), 0, 0, 0, 0, time.UTC)
	return challenge.Spend{
		Budget: b, User: u, SMS: 1, Moment: f.now,
		Day:   challenge.Period{Name: day.Format(time.DateOnly), Ends: day.AddDate(0, 0, 1)},
		Month: challenge.Period{Name: day.Format("2006-01"), Ends: day.AddDate(0, 1, 1-day.Day())},
	}
}

// text sends name an SMS under b and returns its challenge.
func (f *fixture) text(name string, b challenge.Budget) (challenge.Challenge, error) {
	f.Helper()
	c := f.challenge(name)
	c.Routes, c.Last = c.Routes[:1], c.Last[:1]
	charge := f.charge(c)
	charge.Spend = f.spend(name, b)
	_, err := f.s.Begin(f.Context(), c, "", charge, rules)
	return c, err
}

func (f *fixture) texts(name string, n int, b challenge.Budget) {
	f.Helper()
	for range n {
		_, err := f.text(name, b)
		f.must(err)
	}
}

func budgets(f *fixture) {
	day, month := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, limit := range []struct {
		why    challenge.Wait
		budget challenge.Budget
		ends   time.Time
		shared bool // with other users
	}{
		{challenge.WaitSMSUserDay, challenge.Budget{UserDay: 3}, day, false},
		{challenge.WaitSMSUserMonth, challenge.Budget{UserMonth: 6}, month, false},
		{challenge.WaitSMSDay, challenge.Budget{Day: 10}, day, true},
		{challenge.WaitSMSMonth, challenge.Budget{Month: 14}, month, true},
	} {
		// What the cases before have sent counts: no limit held then, but the SMS went out.
		f.texts("alice", 3, limit.budget)
		if limit.shared {
			f.texts("bob", 1, limit.budget)
		}
		f.again(func() {
			_, err := f.text("alice", limit.budget)
			f.wantWait(err, limit.why, limit.ends)
			if limit.shared {
				_, err = f.text("carol", limit.budget)
				f.wantWait(err, limit.why, limit.ends)
			}
		})
		mail := f.challenge("alice")
		charge := f.charge(mail)
		charge.Spend = f.spend("alice", limit.budget)
		charge.Spend.SMS = 0
		_, err := f.s.Begin(f.Context(), mail, "", charge, rules)
		f.must(err) // e-mail costs nothing
		_, err = f.s.Resend(f.Context(), f.begin("alice").ID, mail.Routes[:1], challenge.SendCharge{Now: f.now.Add(time.Minute), Spend: f.spend("alice", limit.budget)}, rules)
		f.wantWait(err, limit.why, limit.ends)
	}
	before := f.now
	f.now = day
	f.texts("alice", 3, challenge.Budget{UserDay: 3, Day: 3})
	f.now = month
	f.texts("alice", 3, challenge.Budget{UserDay: 3, Day: 3, UserMonth: 3, Month: 3})
	f.now = before
	_, err := f.text("alice", challenge.Budget{Day: 1})
	f.wantWait(err, challenge.WaitSMSDay, day) // the clock was set back: what was sent on that day still counts
}

func reserve(f *fixture) {
	b := challenge.Budget{Day: 10, Month: 12, Reserve: 20}
	f.texts("mallory", 8, b)
	_, err := f.text("mallory", b)
	f.wantWait(err, challenge.WaitSMSDay, f.spend("mallory", b).Day.Ends)
	f.again(func() {
		_, err := f.text("mallory", b)
		f.wantWait(err, challenge.WaitSMSDay, f.spend("mallory", b).Day.Ends)
	})
	f.texts("alice", 1, b)
	_, err = f.text("alice", b) // she has had hers
	f.wantWait(err, challenge.WaitSMSDay, f.spend("alice", b).Day.Ends)
	f.texts("bob", 1, b)
	_, err = f.text("carol", b)
	f.wantWait(err, challenge.WaitSMSDay, f.spend("carol", b).Day.Ends)

	f.again(func() {
		day, month, err := f.s.SMSUsed(f.Context(), f.spend("", b))
		f.must(err)
		equal(f, "used", [2]int{day, month}, [2]int{10, 10})
	})

	f.now = f.now.AddDate(0, 0, 1)
	f.texts("mallory", 1, b) // the first of the day
	_, err = f.text("mallory", b)
	f.wantWait(err, challenge.WaitSMSMonth, f.spend("mallory", b).Month.Ends)
	f.texts("alice", 1, b)
}

func failedSMS(f *fixture) {
	b := challenge.Budget{Day: 2, UserMonth: 2}
	for _, end := range []struct {
		state challenge.RouteState
		free  bool
	}{{challenge.RouteFailed, true}, {challenge.RouteUnsure, false}} {
		c, err := f.text("alice", b)
		f.must(err)
		for range 2 { // an outcome that comes twice gives back once
			c.Routes[0].State = end.state
			f.must(f.s.Delivered(f.Context(), c.ID, c.Routes))
		}
		f.reopen()
		if end.free {
			f.texts("alice", 1, b)
		}
	}
	_, err := f.text("bob", b)
	f.wantWait(err, challenge.WaitSMSDay, f.spend("bob", b).Day.Ends)
}

// Whoever finds the provider slow logs in again, and the message of the challenge that ended by it fails afterwards.
func failedSMSOfNobody(f *fixture) {
	b := challenge.Budget{Day: 2}
	c, err := f.text("alice", b)
	f.must(err)
	_, err = f.s.Cancel(f.Context(), c.ID)
	f.must(err)
	f.reopen()
	c.Routes[0].State = challenge.RouteFailed
	for range 2 {
		f.must(f.s.Delivered(f.Context(), c.ID, c.Routes))
	}
	c, err = f.text("alice", b)
	f.must(err)
	_, err = f.s.Cancel(f.Context(), c.ID)
	f.must(err)
	c.Routes[0].State = challenge.RouteUnsure // it may have left: it counts
	f.must(f.s.Delivered(f.Context(), c.ID, c.Routes))
	f.texts("bob", 1, b)
	_, err = f.text("bob", b)
	f.wantWait(err, challenge.WaitSMSDay, f.spend("bob", b).Day.Ends)
}

func budgetAlarms(f *fixture) {
	b := challenge.Budget{Day: 10, Month: 20, UserDay: 5, Warn: 80}
	var got []challenge.BudgetAlarm
	told := func() {
		f.Helper()
		alarms, err := f.s.BudgetAlarms(f.Context(), f.spend("alice", b))
		f.must(err)
		got = append(got, alarms...)
		f.reopen()
	}
	f.texts("bob", 5, b)
	for range 5 {
		f.texts("alice", 1, b)
		told()
		told()
	}
	equal(f, "alarms", got, []challenge.BudgetAlarm{
		{Why: challenge.WaitSMSDay, Used: 8, Limit: 10}, {Why: challenge.WaitSMSUserDay, Used: 4, Limit: 5},
	})
	got = nil
	f.now = f.now.AddDate(0, 0, 1)
	f.texts("alice", 5, b)
	f.texts("bob", 3, b)
	told()
	equal(f, "the next day's alarms", got, []challenge.BudgetAlarm{
		{Why: challenge.WaitSMSUserDay, Used: 5, Limit: 5}, {Why: challenge.WaitSMSDay, Used: 8, Limit: 10}, {Why: challenge.WaitSMSMonth, Used: 18, Limit: 20},
	})
}

// At the same time as many ask as can, and no more SMS leave than there are.
func budgetAtOnce(f *fixture) {
	b, results := challenge.Budget{Day: 10}, make(chan error)
	for i := range 50 {
		name := fmt.Sprintf("user %d", i)
		c := f.challenge(name)
		charge := f.charge(c)
		charge.Spend = f.spend(name, b)
		go func() {
			_, err := f.s.Begin(f.Context(), c, "", charge, rules)
			results <- err
		}()
	}
	sent := 0
	for range 50 {
		if err := <-results; err == nil {
			sent++
		} else if wait, ok := errors.AsType[challenge.ErrWait](err); !ok || wait.Why != challenge.WaitSMSDay {
			f.Errorf("got error %v", err)
		}
	}
	equal(f, "sent", sent, 10)
}

func sweepBudgets(f *fixture) {
	f.texts("alice", 1, challenge.Budget{})
	f.now = f.now.AddDate(0, 0, 1)
	for range 2 {
		_, _, err := f.s.Sweep(f.Context(), f.now, challenge.SessionLife{}, 100)
		f.must(err)
	}
	_, err := f.text("alice", challenge.Budget{UserMonth: 1})
	f.wantWait(err, challenge.WaitSMSUserMonth, f.spend("alice", challenge.Budget{}).Month.Ends)
	f.now = f.now.AddDate(0, 1, 0)
	_, _, err = f.s.Sweep(f.Context(), f.now, challenge.SessionLife{}, 100)
	f.must(err)
	f.texts("alice", 1, challenge.Budget{UserMonth: 1})
}
