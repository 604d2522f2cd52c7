package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"doorcode/challenge"
)

const day = 24 * time.Hour

// codes reads the rules of codes, sessions and limits.
func (r *reader) codes(top *section, s *Settings) {
	c := &s.Challenge
	c.Name = s.Name
	c.Zone = get(top, "timezone", nil, timezone)
	code := top.sub("code")
	c.Digits = code.count("digits", 6, 6, 10)
	// SP 800-63B-4 §3.1.3.2: a code is good for ten minutes at most.
	c.Expires = code.span("expires", 10*time.Minute, time.Minute, 10*time.Minute)
	c.Rules = challenge.CodeRules{
		// Five tries and 100 wrong codes in 90 days are what the odds of invariant 8 are counted from: fewer may be set, not more.
		Tries:       code.count("tries", 5, 1, 5),
		ResendAfter: code.span("resend_after", 30*time.Second, 10*time.Second, 10*time.Minute),
		Resends:     code.count("resends", 3, 0, 10),
	}
	code.done()
	c.DeliveryWait = 3 * time.Second

	session := top.sub("session")
	c.Session.Idle = session.span("idle", 8*time.Hour, time.Minute, 30*day)
	c.Session.Absolute = session.span("absolute", day, time.Minute, 90*day)
	if c.Session.Idle > c.Session.Absolute {
		session.problem("idle", "idle is longer than absolute", "a session ends after absolute, whatever idle says: write idle: "+SaySpan(c.Session.Absolute)+" or less")
	}
	s.Gateway.IdleIgnore = r.rules(session, "idle_ignore", ruleKeys{query: true})
	session.done()
	s.Gateway.Session = c.Session
	r.limits(top.sub("limits"), s)
}

func (r *reader) limits(in *section, s *Settings) {
	sends := in.sub("sends")
	s.Challenge.UserSends = get(sends, "user", challenge.Rate{Count: 10, Per: time.Hour}, rate)
	s.Challenge.AddressSends = get(sends, "address", challenge.Rate{Count: 30, Per: time.Hour}, rate)
	s.Challenge.DaySends = challenge.Rate{Count: sends.count("day", 2000, 1, 10_000_000), Per: day}
	sends.done()
	r.smsBudget(in.sub("sms"), s)
	g := &s.Gateway.Limits
	g.Header = int(in.size("header", 64<<10, 8<<10, 1<<20))
	g.LoginBody = in.size("login_body", 64<<10, 1<<10, 1<<20)
	g.Body = in.size("body", 0, 0, 1<<40)
	in.done()
}

// smsBudget reads how many SMS may leave by the calendar.
func (r *reader) smsBudget(in *section, s *Settings) {
	b := &s.Challenge.SMS
	const most = 10_000_000
	b.Day = in.count("day", 2000, 0, most)
	b.Month = in.count("month", 0, 0, most)
	b.UserDay = in.count("user_day", 20, 0, most)
	b.UserMonth = in.count("user_month", 0, 0, most)
	b.Warn = get(in, "warn", 80, percent)
	b.Reserve = get(in, "reserve", 20, percent)
	s.Challenge.EmailInstead = in.choice("instead", "email", "email", "none") == "email"
	longer := []struct {
		key, of    string
		month, day int
	}{{"month", "day", b.Month, b.Day}, {"user_month", "user_day", b.UserMonth, b.UserDay}}
	for _, l := range longer {
		if in.wrote(l.of) && in.wrote(l.key) && l.month > 0 && l.day > l.month {
			in.problem(l.key, fmt.Sprintf("%s is %d and less than %s, which is %d", l.key, l.month, l.of, l.day), "a month has more than one day; 0 is no limit")
		}
	}
	in.done()
}

// percent reads a share of a whole.
func percent(t string) (int, *fault) {
	n, err := strconv.Atoi(strings.TrimSuffix(t, "%"))
	if err != nil || n < 0 || n > 100 || t[0] == '+' || !strings.HasSuffix(t, "%") {
		return 0, &fault{fmt.Sprintf("is %.40q", t), "write a share from 0% to 100%"}
	}
	return n, nil
}
